/* Tunny's sockets: the BSD calls under their own names with a stack in front, the second public
 * header. Constants, address structs and option names are the system's (<sys/socket.h>,
 * <netinet/in.h>, <netinet/tcp.h>, <poll.h>). Every call returns its result or a negative errno;
 * `errno` is not touched. A socket is a small number, valid in its own stack only, from 0; it is no
 * file descriptor.
 *
 * Blocking sockets (the default) run the stack while they wait. They wait until SO_RCVTIMEO /
 * SO_SNDTIMEO or the socket's deadline, whichever is first, and then return -EAGAIN (-ETIMEDOUT for
 * the deadline). */
#ifndef TUNNY_SOCKET_H
#define TUNNY_SOCKET_H

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tunny.h"

#ifdef __cplusplus
extern "C" {
#endif

/* AF_INET or AF_INET6; SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK perhaps; protocol 0,
 * IPPROTO_TCP or IPPROTO_UDP. A socket number; -EAFNOSUPPORT, -EPROTONOSUPPORT, -EMFILE, -ENOBUFS.
 */
TUNNY_API int tunny_socket(struct tunny *stack, int domain, int type, int protocol);

/* 0; -EADDRINUSE, -EADDRNOTAVAIL (not an address of this stack), -EINVAL (bound already), -EBADF.
 */
TUNNY_API int tunny_bind(struct tunny *stack, int socket, const struct sockaddr *address,
                         socklen_t length);
/* 0; -EADDRINUSE, -EINVAL, -EOPNOTSUPP. backlog: connections that may wait for accept(), at
 * least 1. */
TUNNY_API int tunny_listen(struct tunny *stack, int socket, int backlog);
/* Blocks (unless SOCK_NONBLOCK). A new socket number; -EAGAIN, -EINVAL (not listening). `flags`:
 * SOCK_NONBLOCK. `address` may be NULL. */
TUNNY_API int tunny_accept(struct tunny *stack, int socket, struct sockaddr *address,
                           socklen_t *length, int flags);
/* Blocks until the handshake is complete. 0; -EINPROGRESS (non-blocking), -EALREADY, -EISCONN,
 * -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, -EADDRNOTAVAIL. For UDP it fixes the peer
 * (AF_UNSPEC releases it). */
TUNNY_API int tunny_connect(struct tunny *stack, int socket, const struct sockaddr *address,
                            socklen_t length);

/* SEND. Blocking: returns when all of it is in the send buffer (or with less on an error after the
 * first byte). flags: MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_EOR (what follows goes into another
 * segment), MSG_NOSIGNAL (always implied), MSG_FASTOPEN (tunny_sendto() connects too; the text may
 * ride on the SYN: RFC 7413, so that the peer may get it twice).
 * -EPIPE, -ECONNRESET, -ENOTCONN, -EMSGSIZE (UDP), -EDESTADDRREQ. */
TUNNY_API ssize_t tunny_send(struct tunny *stack, int socket, const void *data, size_t length,
                             int flags);
TUNNY_API ssize_t tunny_sendto(struct tunny *stack, int socket, const void *data, size_t length,
                               int flags, const struct sockaddr *address, socklen_t address_length);
TUNNY_API ssize_t tunny_writev(struct tunny *stack, int socket, const struct iovec *pieces,
                               int count);
/* RECEIVE. Blocking: waits for at least one byte (SO_RCVLOWAT; all of it with MSG_WAITALL). 0: the
 * peer has closed. flags: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_OOB, MSG_TRUNC. -ECONNRESET,
 * -ETIMEDOUT, -ENOTCONN. */
TUNNY_API ssize_t tunny_recv(struct tunny *stack, int socket, void *data, size_t length, int flags);
TUNNY_API ssize_t tunny_recvfrom(struct tunny *stack, int socket, void *data, size_t length,
                                 int flags, struct sockaddr *address, socklen_t *address_length);
TUNNY_API ssize_t tunny_readv(struct tunny *stack, int socket, const struct iovec *pieces,
                              int count);

/* With SO_ZEROCOPY each send with MSG_ZEROCOPY has a number, from 0. POLLERR tells that some were
 * acknowledged; this gives the range of their numbers. 0, or -EAGAIN: none. (The text is copied
 * when it is taken all the same: this is for programs that were written for Linux's error queue.)
 */
TUNNY_API int tunny_zerocopy_done(struct tunny *stack, int socket, uint32_t *first, uint32_t *last);

/* recvmsg(2): msg_iov and flags as tunny_readv() and tunny_recvfrom(), msg_name the source. With
 * TCP_INQ on, msg_control gets TCP_CM_INQ: an int, the bytes that are left to read, the end of the
 * text as one. msg_flags says MSG_CTRUNC where there is no room for it. */
TUNNY_API ssize_t tunny_recvmsg(struct tunny *stack, int socket, struct msghdr *message, int flags);

/* Zero-copy, TCP only. tunny_recv_lend() lends the received text where it lies, in up to two
 * pieces, without taking it: bytes lent (0: the peer has closed), or as tunny_recv(); the pieces
 * stay valid until the next call on this stack. tunny_recv_done() takes `length` of them.
 * tunny_send_lend() lends room in the send buffer for at most `length` bytes; tunny_send_done()
 * sends the first `length` of what was written there. Both block as their copying twins do. */
TUNNY_API ssize_t tunny_recv_lend(struct tunny *stack, int socket, size_t length, int flags,
                                  struct iovec pieces[2]);
TUNNY_API int tunny_recv_done(struct tunny *stack, int socket, size_t length);
TUNNY_API ssize_t tunny_send_lend(struct tunny *stack, int socket, size_t length, int flags,
                                  struct iovec pieces[2]);
TUNNY_API ssize_t tunny_send_done(struct tunny *stack, int socket, size_t length, int flags);

/* SHUT_RD, SHUT_WR, SHUT_RDWR. 0, -ENOTCONN. Does not block. */
TUNNY_API int tunny_shutdown(struct tunny *stack, int socket, int how);
/* Frees the number at once. The connection ends by itself: in order, or by a reset when text was
 * unread or SO_LINGER with 0 s says so. Blocks only with SO_LINGER > 0. 0, -EBADF. */
TUNNY_API int tunny_close(struct tunny *stack, int socket);

/* poll(2) over sockets of one stack: .fd is a socket number, negative ones are skipped. POLLIN,
 * POLLOUT, POLLPRI, POLLRDHUP, POLLERR, POLLHUP, POLLNVAL. timeout_ms: -1 for ever, 0 not at all.
 * How many are ready, 0 at the timeout. */
TUNNY_API int tunny_poll(struct tunny *stack, struct pollfd *sockets, unsigned count,
                         int timeout_ms);
/* The same, but also returns (0) as soon as the system's descriptor `also` is readable; *also_ready
 * says so. */
TUNNY_API int tunny_poll_with(struct tunny *stack, struct pollfd *sockets, unsigned count,
                              int timeout_ms, int also, int *also_ready);
/* One socket's readiness now, in poll's bits. */
TUNNY_API int tunny_ready(struct tunny *stack, int socket);
/* The next socket whose readiness may have changed since this was last asked, or -EAGAIN: for
 * servers with many connections, instead of asking each one. Edge-triggered: read until -EAGAIN. */
TUNNY_API int tunny_next_changed(struct tunny *stack);

/* POSIX options: SOL_SOCKET (SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_LINGER SO_SNDBUF SO_RCVBUF
 * SO_RCVLOWAT SO_RCVTIMEO SO_SNDTIMEO SO_OOBINLINE SO_BROADCAST SO_ERROR SO_TYPE SO_DOMAIN
 * SO_PROTOCOL SO_ACCEPTCONN SO_MAX_PACING_RATE), IPPROTO_TCP (TCP_NODELAY TCP_CORK TCP_KEEPIDLE
 * TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT TCP_MAXSEG TCP_QUICKACK TCP_CONGESTION TCP_INFO
 * TCP_NOTSENT_LOWAT TCP_SYNCNT TCP_LINGER2 TCP_WINDOW_CLAMP TCP_DEFER_ACCEPT TCP_INQ TCP_FASTOPEN
 * TCP_FASTOPEN_CONNECT TCP_FASTOPEN_KEY TCP_FASTOPEN_NO_COOKIE), IPPROTO_IP
 * (IP_TOS IP_TTL IP_RECVERR), IPPROTO_IPV6 (IPV6_V6ONLY IPV6_TCLASS IPV6_UNICAST_HOPS). 0,
 * -ENOPROTOOPT, -EINVAL, -EBADF. */
TUNNY_API int tunny_setsockopt(struct tunny *stack, int socket, int level, int option,
                               const void *value, socklen_t length);
TUNNY_API int tunny_getsockopt(struct tunny *stack, int socket, int level, int option, void *value,
                               socklen_t *length);
TUNNY_API int tunny_getsockname(struct tunny *stack, int socket, struct sockaddr *address,
                                socklen_t *length);
TUNNY_API int tunny_getpeername(struct tunny *stack, int socket, struct sockaddr *address,
                                socklen_t *length);
/* F_GETFL and F_SETFL with O_NONBLOCK. */
TUNNY_API int tunny_fcntl(struct tunny *stack, int socket, int command, int argument);
/* FIONREAD (SIOCINQ), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, FIONBIO. */
TUNNY_API int tunny_ioctl(struct tunny *stack, int socket, unsigned long request, int *value);

/* Every later blocking call on the socket ends by this point of the stack's clock (tunny_now_ns())
 * with -ETIMEDOUT; 0: none. One deadline covers a whole exchange of many calls. */
TUNNY_API int tunny_set_deadline(struct tunny *stack, int socket, int64_t when_ns);

/* Names (RFC 1035) over our own UDP, after literal addresses and /etc/hosts: fills up to `most`
 * addresses for SOCK_STREAM to `port` (host order), IPv6 and IPv4 as the stack's own addresses
 * allow. Blocks until `timeout_ms`. How many; -ENOENT: no such name, -ETIMEDOUT, -EINVAL,
 * -ENETUNREACH (no name server is known). */
TUNNY_API int tunny_resolve(struct tunny *stack, const char *name, uint16_t port,
                            struct sockaddr_storage *addresses, unsigned most, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
