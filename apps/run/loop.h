/* The supervisor's loop: the stack, the pipes, the inner link. Called by run.c; the other threads
 * are those of notify.c, which take a turn after a call (calls.c). */
#ifndef TUNNY_RUN_LOOP_H
#define TUNNY_RUN_LOOP_H

#include "run/bridge.h"

/* One turn: waits until something happens (at most `timeout_ms`, -1: as long as it takes) and acts.
 * Bits 1 << EVENT_SIGNAL, EVENT_CONTROL and EVENT_SESSION for what the caller has to look at; or
 * the device's failure. */
int loop_turn(struct bridge *bridge, int timeout_ms);

/* What a call of a program leaves to be done is done by the thread that handled it, under the lock:
 * waking another thread for it would cost more than the work. Wakes the loop if that is to act
 * sooner now than it would by itself. */
void loop_after_call(struct bridge *bridge);

/* Ends that were closed still have text to pass on, or that the peer has not acknowledged. */
bool loop_is_ending(struct bridge *bridge);

#endif
