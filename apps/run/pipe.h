/* The two ends of a program's connection: joining A and S, keeping A busy while T connects, moving
 * text between S and T with back-pressure both ways, and ends of every kind. Called under the
 * bridge's lock by the loop and by the calls. */
#ifndef TUNNY_RUN_PIPE_H
#define TUNNY_RUN_PIPE_H

#include "run/bridge.h"

/* Joins A (a duplicate of it) with a new S. 0 or a negative errno. */
int pipe_join(struct bridge *bridge, struct channel *channel, int duplicate);
/* Lets the loop wait for S, and tells it what is there already. 0 or a negative errno. */
int pipe_watch(struct bridge *bridge, struct channel *channel);
/* Fills A, so that it is neither writable nor readable, as a socket that connects. */
void pipe_stuff(struct channel *channel, int duplicate);
/* Takes it out again: A becomes writable. */
void pipe_unstuff(struct bridge *bridge, struct channel *channel);
/* Puts the listener's next connection into A's queue. 0; -EAGAIN: there is none, or the queue is
 * full (then bridge->has_waiting is set); -ECONNREFUSED: A is gone. */
int pipe_deliver(struct bridge *bridge, struct channel *listener);

/* Moves what can be moved. The channel may be gone afterwards. */
void pipe_pump(struct bridge *bridge, struct channel *channel);
/* T failed: A is told as TCP would, after what is queued. */
void pipe_reset(struct bridge *bridge, struct channel *channel, int error);
/* Ends T by a reset and forgets the channel. */
void pipe_abort(struct bridge *bridge, struct channel *channel);
/* The channel is only good for answers from now on. The oldest that nobody can ask about any more
 * goes when there are too many. */
void pipe_bury(struct bridge *bridge, struct channel *channel);
/* Learns where every A is now: one look at all processes. Those that were found have channel->seen
 * equal to the result. */
unsigned pipe_find_all(struct bridge *bridge);
/* A duplicate of A, wherever it is now; -ENOENT. */
int pipe_find(struct bridge *bridge, struct channel *channel);

#endif
