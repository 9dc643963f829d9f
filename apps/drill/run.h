/* One script run from beginning to end on a virtual host of its own. Called by drill.c. */
#ifndef TUNNY_DRILL_RUN_H
#define TUNNY_DRILL_RUN_H

#include "world.h"

struct run_request {
    const char *path;
    struct script_option *options; /* of the command line */
    const char *capture;           /* or NULL */
    FILE *trace;                   /* or NULL */
    int trace_level;               /* of what the story tells: as in struct tunny_config */
    uint64_t seed;
};

struct run_report {
    enum verdict verdict;
    int line;
    char *reason; /* of a fail or unsupported */
    char *story;  /* numbered steps */
};

/* Never fails itself: a script that cannot be read is a fail. run_report_free() afterwards. */
void run_script(const struct run_request *request, struct run_report *report);
void run_report_free(struct run_report *report);

/* Checks one --key=value as scripts have it: NULL, or what is wrong with it. Unknown keys are fine.
 */
const char *host_option(struct host_options *options, const struct script_option *option);

#endif
