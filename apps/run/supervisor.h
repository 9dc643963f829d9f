/* What a process needs to let programs run on a stack: the stack, the bridge, the programs' link,
 * signals as data, and a control socket by which others find it. Called by run.c and up.c. */
#ifndef TUNNY_RUN_SUPERVISOR_H
#define TUNNY_RUN_SUPERVISOR_H

#include "common/options.h"
#include "run/control.h"
#include "run/launch.h"

struct supervisor {
    struct options *options;
    struct namespace_config place;
    struct activation activation;
    struct launch_signals signals; /* as this process found them */
    struct bridge *bridge;
    struct control *control;
    int signal_descriptor;
    bool is_verbose;
};

/* Defaults out of the options; before supervisor_open(). */
void supervisor_prepare(struct supervisor *supervisor);
/* Makes stack and bridge, and makes signals arrive as data. EXIT_OK, or an exit code with a
 * sentence printed. */
int supervisor_open(struct supervisor *supervisor);
/* Ends everything in an orderly way. */
void supervisor_close(struct supervisor *supervisor);

/* The TUN into the programs' namespace. */
void supervisor_set_link(struct supervisor *supervisor, int link);
/* launch() with what this supervisor offers; complains. 0 or a negative errno. */
int supervisor_launch(struct supervisor *supervisor, char *const *argv, struct launched *launched);
/* Sends what programs wrote before they ended, as a kernel would, until a signal comes. */
void supervisor_send_the_rest(struct supervisor *supervisor);

#endif
