/* The system calls about sockets that a program on the stack makes, one function each. Called by
 * the thread that the kernel asks (calls_handle), which does it under the bridge's lock, and by the
 * loop when something that a call waits for has happened. */
#ifndef TUNNY_RUN_CALLS_H
#define TUNNY_RUN_CALLS_H

#include "run/bridge.h"

/* Answers the call, now or later. */
void calls_handle(struct call *call);

/* --- one call each; the channel is that of the descriptor in arguments[0] ----------------------
 */

void program_socket(struct call *call);
void program_bind(struct call *call, struct channel *channel);
void program_listen(struct call *call, struct channel *channel);
void program_accept(struct call *call, struct channel *channel);
void program_connect(struct call *call, struct channel *channel);
void program_shutdown(struct call *call, struct channel *channel);
void program_getsockname(struct call *call, struct channel *channel);
void program_getpeername(struct call *call, struct channel *channel);
void program_setsockopt(struct call *call, struct channel *channel);
void program_getsockopt(struct call *call, struct channel *channel);

/* --- what the loop tells ------------------------------------------------------------------------
 */

/* T's handshake may have ended. */
void calls_connect_progress(struct bridge *bridge, struct channel *channel);
/* The listener may have connections: into A's queue, and to those who wait in accept(). */
void calls_accept_progress(struct bridge *bridge, struct channel *channel);
/* Ends calls whose time is over (SO_RCVTIMEO, SO_SNDTIMEO) or whose caller is gone. The next point
 * of the stack's clock at which one's time is over; INT64_MAX: none. */
int64_t calls_expire(struct bridge *bridge, struct channel *channel, int64_t now_ns);

/* --- what they share (calls_common.c) -----------------------------------------------------------
 */

/* Keeps the call waiting on the channel; `timeout_option`: SO_RCVTIMEO or SO_SNDTIMEO. */
void calls_hold(struct call *call, struct channel *channel, int timeout_option);
/* Answers all calls of these numbers that the channel holds; the second may be 0. */
void calls_release(struct channel *channel, int number, int other, int64_t result);
/* Makes A for the channel. Its descriptor, the program's to be, or a negative errno. */
int calls_make_end(struct bridge *bridge, struct channel *channel, int flags);
/* Makes T for the channel. 0 or a negative errno. */
int calls_make_socket(struct bridge *bridge, struct channel *channel);
/* A listener that is closed tells nobody. Forgets those that are gone, before they would answer a
 * SYN to the port of `there`; NULL: to any. */
void calls_drop_closed_listeners(struct bridge *bridge, const struct sockaddr_storage *there);
/* The same for all bound sockets, too. Forgets those that are gone, before a
 * name that they hold is missed; `except` is not looked at. */
void calls_drop_closed(struct bridge *bridge, const struct channel *except);
/* Answers those that wait to know how the handshake ended. */
void calls_retry_options(struct channel *channel);
/* Reads the address in arguments[1] and [2]. 0; -EFAULT, -EINVAL. */
int calls_read_address(struct call *call, struct sockaddr_storage *address, socklen_t *length);
/* Writes an address to where the arguments `at` and `at` + 1 say. 0; -EFAULT, -EINVAL. */
int calls_write_address(struct call *call, unsigned at, const struct sockaddr_storage *address,
                        socklen_t length);
/* The duplicate of the descriptor would block. */
bool calls_would_block(const struct call *call);
/* A timeout option of T in nanoseconds; 0: none. */
int64_t calls_timeout_ns(struct bridge *bridge, const struct channel *channel, int option);

#endif
