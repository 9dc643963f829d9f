/* The socket calls that scripts make, one function each. A function tries the call once, without
 * blocking, and sets attempt->result and ->error, or ->would_block; it returns false when it has
 * told a verdict. Declared for the table in calls.c only. */
#ifndef TUNNY_DRILL_CALLS_H
#define TUNNY_DRILL_CALLS_H

#include "values.h"

/* result: what a call of socket.h returned, 0 and more or a negative errno. Returns true. */
bool call_returns(struct attempt *attempt, int64_t result);
/* The nth argument is a descriptor: true and *file, or true and NULL with EBADF as the result;
 * false: a verdict was told. */
bool call_file(struct world *world, struct attempt *attempt, unsigned n, struct file **file);
/* The call blocks: it is to be tried again, unless the socket or the flags say otherwise or its
 * time is up; then its result is what was done, or EAGAIN. Returns true. */
bool call_blocks(struct world *world, struct attempt *attempt, bool nonblocking);
/* On the first attempt: the call lasts no longer than SO_RCVTIMEO or SO_SNDTIMEO says. */
void call_patience(struct world *world, struct attempt *attempt, const struct file *file,
                   int option);
/* Remembers that the script's descriptor is this one; the script's number is the expected result.
 */
bool call_opens(struct world *world, struct attempt *attempt, struct file file);

/* calls_sockets.c */
bool call_socket(struct world *world, struct attempt *attempt);
bool call_bind(struct world *world, struct attempt *attempt);
bool call_listen(struct world *world, struct attempt *attempt);
bool call_accept(struct world *world, struct attempt *attempt);
bool call_accept4(struct world *world, struct attempt *attempt);
bool call_connect(struct world *world, struct attempt *attempt);
bool call_shutdown(struct world *world, struct attempt *attempt);
bool call_close(struct world *world, struct attempt *attempt);
bool call_fcntl(struct world *world, struct attempt *attempt);
bool call_ioctl(struct world *world, struct attempt *attempt);
/* calls_data.c */
bool call_read(struct world *world, struct attempt *attempt);
bool call_recv(struct world *world, struct attempt *attempt);
bool call_readv(struct world *world, struct attempt *attempt);
bool call_recvmsg(struct world *world, struct attempt *attempt);
bool call_write(struct world *world, struct attempt *attempt);
bool call_send(struct world *world, struct attempt *attempt);
bool call_sendto(struct world *world, struct attempt *attempt);
bool call_writev(struct world *world, struct attempt *attempt);
bool call_sendmsg(struct world *world, struct attempt *attempt);
/* calls_options.c */
bool call_setsockopt(struct world *world, struct attempt *attempt);
bool call_getsockopt(struct world *world, struct attempt *attempt);
/* calls_wait.c */
bool call_poll(struct world *world, struct attempt *attempt);
bool call_epoll_create(struct world *world, struct attempt *attempt);
bool call_epoll_ctl(struct world *world, struct attempt *attempt);
bool call_epoll_wait(struct world *world, struct attempt *attempt);
/* Which sockets may have become ready: edge-triggered watches fire again. */
void calls_note_changes(struct world *world);
/* A descriptor was closed: it is watched no longer. */
void calls_forget(struct world *world, int64_t descriptor);

#endif
