/* The real clock and the one place where the process sleeps. Called by the loop in stack.c; the
 * simulator has a clock of its own and never comes here. */
#ifndef TUNNY_DEV_CLOCK_H
#define TUNNY_DEV_CLOCK_H

#include "base/time.h"

enum { CLOCK_DESCRIPTORS = 64 };

/* The monotonic clock (CLOCK_MONOTONIC): not moved by whoever sets the time of day. */
struct instant clock_now(void);

/* The time of day, in nanoseconds since 1970, at instant 0: added to an instant it gives the wall
 * clock as it is set now. */
int64_t clock_epoch_ns(void);

/* Sleeps until one of the descriptors is readable (or has failed) or `until` has come; at once when
 * it has come already. Negative descriptors are skipped; count <= CLOCK_DESCRIPTORS. 0, or -EINTR
 * when a signal came first. The one call in the stack that blocks. */
int clock_wait(const int *descriptors, unsigned count, struct instant until);

/* The descriptor is readable (or has failed) now. Does not block. */
bool clock_readable(int descriptor);

#endif
