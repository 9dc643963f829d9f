/* The runs that a bridge serves: each is a tree of processes with one filter, one notification
 * descriptor and one thread. Called by the commands and the control socket, in the loop's thread.
 */
#ifndef TUNNY_RUN_SESSION_H
#define TUNNY_RUN_SESSION_H

#include "run/bridge.h"

/* Serves another run; takes the descriptor over (also on failure). 0 or a negative errno. */
int session_start(struct bridge *bridge, int notify, pid_t program, const char *name);
/* Forgets the runs of which no process is left. */
void sessions_reap(struct bridge *bridge);
/* Stops serving all of them. */
void sessions_end(struct bridge *bridge);

#endif
