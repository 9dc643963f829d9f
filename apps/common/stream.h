/* One TCP connection with deadlines that a signal can interrupt, and the turn of the loop for
 * programs that wait for more than sockets. Called by get, nc, serve and run (stream_*), by ping
 * and serve (turn). */
#ifndef TUNNY_COMMON_STREAM_H
#define TUNNY_COMMON_STREAM_H

#include "socket.h"

enum { STREAM_NEVER = 0 }; /* a deadline that is none */

/* Waits until `socket` has one of `events` (poll's bits) or an error. Deadline: a point of the
 * stack's clock in nanoseconds, or STREAM_NEVER. The bits; -ETIMEDOUT; -EINTR after a signal; the
 * device's failure. Blocks. */
int stream_wait(struct tunny *stack, int socket, short events, int64_t deadline_ns);

/* Connects a new non-blocking socket to `address`. Its number; -ECONNREFUSED, -ETIMEDOUT, -EINTR
 * ... Blocks. STREAM_FAST: by Fast Open (RFC 7413), where the peer is known to take text on a SYN;
 * then the handshake begins with the first text, and what comes of it is told there. */
enum stream_opening { STREAM_PLAIN, STREAM_FAST };
int stream_connect(struct tunny *stack, const struct sockaddr_storage *address,
                   enum stream_opening opening, int64_t deadline_ns);

/* The connection ends by a reset when the socket is closed. Does not block. */
void stream_end_by_reset(struct tunny *stack, int socket);

/* Sends all of it. 0; -ECONNRESET, -EPIPE, -ETIMEDOUT, -EINTR ... Blocks. */
int stream_send(struct tunny *stack, int socket, const void *data, size_t length,
                int64_t deadline_ns);

/* Waits until the stack has something to do, `other` (-1: none) has one of `events`, a signal came
 * or `timeout_ms` passed (-1: for ever), then runs the stack. 0, -EINTR after a signal, or the
 * device's failure. Blocks. */
int turn(struct tunny *stack, int timeout_ms, int other, short events);

/* Milliseconds from now to a point of the stack's clock, rounded up, for poll(); -1 for
 * STREAM_NEVER. */
int milliseconds_until(struct tunny *stack, int64_t deadline_ns);

#endif
