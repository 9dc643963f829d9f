/* --stats: what a stack did in its life, as one JSON object in a file, for scripts that judge a
 * run. Called by options_close_stack() only. */
#ifndef TUNNY_COMMON_STATS_FILE_H
#define TUNNY_COMMON_STATS_FILE_H

#include "tunny.h"

/* Writes {"seed", "seconds", "interface", "memory_peak" (bytes), "counters": {NAME: VALUE},
 * "drops": {NAME: VALUE}, "impair_out", "impair_in"} to `path`; "-": standard output. `start_ns`:
 * the stack's clock when its life began. 0, or a negative errno. Blocks as files do. */
int stats_write(const char *path, const struct tunny *stack, int64_t start_ns);

#endif
