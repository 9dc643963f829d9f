/* Sockets of a stack that another process holds ("tunny up NAME"), through shared memory: text goes
 * from ring to ring without a system call as long as neither side has to wait. For programs that
 * know of the stack; any number of processes of the user that the stack belongs to may join it. TCP
 * only. One thread at a time uses a joined stack and its sockets. Every failure is a negative
 * errno. When the holder of the stack dies, what was received can still be read; then all calls say
 * -ECONNRESET. */
#ifndef TUNNY_REMOTE_H
#define TUNNY_REMOTE_H

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "tunny.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tunny_remote;        /* a stack that was joined */
struct tunny_remote_socket; /* one of its sockets */

/* Joins the stack of that name. 0 and *remote; -ENOENT: there is none; -EPERM: it is another
 * user's; -EINVAL, -ENOMEM. Waits for nobody. */
TUNNY_API int tunny_join(const char *name, struct tunny_remote **remote);
/* Closes its sockets as tunny_remote_close() does, and leaves. NULL is ignored. */
TUNNY_API void tunny_leave(struct tunny_remote *remote);
/* Hangs up (POLLHUP) when the holder of the stack is gone, after which every socket is ready: for
 * poll(), beside sockets' own descriptors. */
TUNNY_API int tunny_remote_holder(const struct tunny_remote *remote);

/* A TCP socket. `family`: AF_INET or AF_INET6. `ring`: bytes that may be on their way in each
 * direction between program and stack, rounded up to a power of two, at most 64 MiB; 0: 256 KiB.
 * 0 and *made; -EAFNOSUPPORT, -EMFILE, -ENOMEM. This and the calls down to accept() and those on
 * names and options ask the holder and wait for its answer. */
TUNNY_API int tunny_remote_socket(struct tunny_remote *remote, int family, size_t ring,
                                  struct tunny_remote_socket **made);
/* Closes it: what was sent is delivered, then the FIN goes (RFC 9293, 3.10.4); a reset when text
 * was not read (RFC 1122, 4.2.2.13). Does not block. NULL is ignored. */
TUNNY_API void tunny_remote_close(struct tunny_remote_socket *s);

/* OPEN (RFC 9293, 3.10.1). As tunny_bind(), tunny_listen() (socket.h): 0; -EADDRINUSE,
 * -EADDRNOTAVAIL, -EINVAL. */
TUNNY_API int tunny_remote_bind(struct tunny_remote_socket *s, const struct sockaddr *address,
                                socklen_t length);
TUNNY_API int tunny_remote_listen(struct tunny_remote_socket *s, int backlog);
/* Waits for the handshake, `timeout_ms` at most (-1: as long as TCP tries; 0: not at all). 0;
 * -EINPROGRESS: it goes on, POLLOUT or POLLERR tells; -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH,
 * -EISCONN, -EINTR (it goes on). */
TUNNY_API int tunny_remote_connect(struct tunny_remote_socket *s, const struct sockaddr *address,
                                   socklen_t length, int timeout_ms);
/* The next connection of a listener, with rings of its own size; waits `timeout_ms` at most (-1:
 * for ever). 0, *made, and the peer's address unless it is NULL; -EAGAIN, -EINVAL (no listener),
 * -EMFILE, -EINTR. */
TUNNY_API int tunny_remote_accept(struct tunny_remote_socket *listener, int timeout_ms,
                                  struct sockaddr_storage *peer, struct tunny_remote_socket **made);

/* SEND (3.10.2): all of it, into the ring, unless MSG_DONTWAIT or an error comes first. Bytes;
 * -EAGAIN, -EPIPE (ended by this side or closed by the peer), -ECONNRESET, -ETIMEDOUT, -ENOTCONN,
 * -EINTR (nothing was taken). `flags`: MSG_DONTWAIT, MSG_NOSIGNAL (always implied). */
TUNNY_API ssize_t tunny_remote_send(struct tunny_remote_socket *s, const void *data, size_t length,
                                    int flags);
/* RECEIVE (3.10.3): what is there, at least one byte. 0: the peer has ended. `flags`: MSG_DONTWAIT,
 * MSG_PEEK, MSG_WAITALL. Errors as above. */
TUNNY_API ssize_t tunny_remote_recv(struct tunny_remote_socket *s, void *data, size_t length,
                                    int flags);
/* The same without a copy: the room or the text of at most `length` bytes where it lies, in up to
 * two pieces; bytes, or as above with MSG_DONTWAIT. Then how many of them were used. */
TUNNY_API ssize_t tunny_remote_send_lend(struct tunny_remote_socket *s, size_t length,
                                         struct iovec pieces[2]);
TUNNY_API void tunny_remote_send_done(struct tunny_remote_socket *s, size_t length);
TUNNY_API ssize_t tunny_remote_recv_lend(struct tunny_remote_socket *s, size_t length,
                                         struct iovec pieces[2]);
TUNNY_API void tunny_remote_recv_done(struct tunny_remote_socket *s, size_t length);
/* SHUT_RD, SHUT_WR, SHUT_RDWR. 0, -ENOTCONN, -EINVAL. */
TUNNY_API int tunny_remote_shutdown(struct tunny_remote_socket *s, int how);

/* What can be done now: POLLIN, POLLOUT, POLLERR, POLLHUP. When something of `events` (POLLERR and
 * POLLHUP always) that is not among it may have come, the descriptor becomes readable, until the
 * next call. For an application's own loop: this for each socket, then poll(). A listener always
 * says POLLIN: accept() without patience tells, and the descriptor is readable when a connection
 * came after it said -EAGAIN. Does not block. */
TUNNY_API int tunny_remote_ready(struct tunny_remote_socket *s, int events);
TUNNY_API int tunny_remote_descriptor(const struct tunny_remote_socket *s);
/* Waits for one of `events`, `timeout_ms` at most (-1: for ever). What can be done, 0, or -EINTR.
 */
TUNNY_API int tunny_remote_wait(struct tunny_remote_socket *s, int events, int timeout_ms);

/* As tunny_setsockopt() and its like (socket.h); values of at most 512 bytes. */
TUNNY_API int tunny_remote_setsockopt(struct tunny_remote_socket *s, int level, int option,
                                      const void *value, socklen_t length);
TUNNY_API int tunny_remote_getsockopt(struct tunny_remote_socket *s, int level, int option,
                                      void *value, socklen_t *length);
TUNNY_API int tunny_remote_getsockname(struct tunny_remote_socket *s,
                                       struct sockaddr_storage *address);
TUNNY_API int tunny_remote_getpeername(struct tunny_remote_socket *s,
                                       struct sockaddr_storage *address);

#ifdef __cplusplus
}
#endif

#endif
