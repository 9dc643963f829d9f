/* One run: two namespaces, the link between them, a process for each end of each flow, and what
 * they report. Called by the schedule in a worker process of its own, which is the parent of all of
 * them: with it they end, and with them every interface and namespace is gone. */
#ifndef TUNNY_LAB_RUN_H
#define TUNNY_LAB_RUN_H

#include "lab/record.h"

struct run_files {
    const char *folder; /* for captures of our stacks and of the link; NULL: none */
    unsigned cell;      /* in their names */
};

/* Fills `result`; it never leaves the calling process in the namespaces it came from. Blocks for as
 * long as the section's timeout and a little. */
void run_cell(const struct cell *cell, uint64_t repeat, const struct run_files *files,
              struct result *result);

#endif
