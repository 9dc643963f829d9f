/* The sockets of one host: a table of them, and each call of the BSD interface tried once. Nothing
 * here blocks, runs the loop or touches a device; a call that cannot be finished now says -EAGAIN
 * (or -EINPROGRESS), and socket_calls.c decides whether to wait. Every call returns its result or a
 * negative errno. Semantics are POSIX's; where POSIX leaves room, Linux's. */
#ifndef TUNNY_SOCK_SOCK_H
#define TUNNY_SOCK_SOCK_H

#include "ip/ip.h"
#include "sock/outgoing.h"
#include "sock/sock_names.h"
#include "sock/zerocopy.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

enum { SOCKETS_MOST = 1 << 20 };

enum socket_kind {
    SOCKET_TCP_IDLE, /* neither listening nor connected, perhaps bound */
    SOCKET_TCP_LISTENING,
    SOCKET_TCP_CONNECTING, /* connect() was called and has not told the result yet */
    SOCKET_TCP_CONNECTED,
    SOCKET_UDP,
};

/* Who the kernel of the design calls a "user": one number of the table. */
struct socket {
    struct sockets *host;
    int number;
    enum socket_kind kind;
    int family; /* AF_INET, AF_INET6 */

    uint8_t mtu_discover; /* IP_MTU_DISCOVER, as it was set */
    bool nonblocking, v6only, reuse_address, reuse_port, broadcast, receive_errors, inq;
    bool receive_shut, send_shut; /* UDP: shutdown() */
    bool zerocopy_on;             /* SO_ZEROCOPY */
    bool has_claim;               /* `claim` is held: the TCP socket is bound */
    struct tcp_claim claim;
    struct endpoint local; /* as bind() was told, with the port that was chosen */

    struct tcp_settings settings; /* while there is neither connection nor listener; and UDP's */
    struct tcp_connection *connection;
    struct tcp_listener *listener;
    uint32_t backlog;
    struct fast_open_keys *fast_open_keys; /* TCP_FASTOPEN_KEY; NULL: none set */
    size_t lent_receive, lent_send;        /* by the zero-copy calls, not yet taken or sent */

    struct zerocopy *zerocopy; /* from the first MSG_ZEROCOPY on */

    struct udp_socket *udp;
    size_t outgoing; /* bytes of the budget in datagrams under way */
    bool wants_room; /* a send was refused: tell when there is room again */

    struct duration receive_timeout, send_timeout; /* 0: none */
    struct instant deadline;
    struct list changed; /* in sockets.changed */
};

struct sockets {
    struct memory *memory;
    struct tcp *tcp;
    struct udp *udp;
    struct ip *ip;
    const struct cc_ops *cc; /* of new sockets; NULL: TCP's default */
    struct pool pool, zerocopy_pool, keys_pool;
    struct socket **table; /* by number; NULL: free */
    uint32_t capacity, count;
    uint32_t lowest; /* no number below is free */
    struct outgoing outgoing;
    struct list changed;
};

/* tcp, udp and ip are borrowed. */
void sockets_init(struct sockets *sockets, struct memory *memory, struct tcp *tcp, struct udp *udp,
                  struct ip *ip);
/* Aborts what is still open. */
void sockets_destroy(struct sockets *sockets, struct instant now);

/* The socket with this number, or NULL. */
struct socket *sockets_find(const struct sockets *sockets, int number);
/* The next socket whose readiness may have changed, or NULL. */
struct socket *sockets_next_changed(struct sockets *sockets);
void sockets_mark_changed(struct socket *socket);

/* The oldest datagram that a UDP socket wants sent, or NULL; sockets_datagram_sent() drops it. */
struct outgoing_datagram *sockets_next_datagram(const struct sockets *sockets);
void sockets_datagram_sent(struct sockets *sockets, struct outgoing_datagram *datagram);
/* A UDP socket of ours could have sent a datagram of this flow. */
bool sockets_sends(const struct sockets *sockets, const struct flow *flow);

/* A new socket in *socket: 0; -EAFNOSUPPORT, -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -EMFILE, -ENOBUFS.
 * `type` may carry SOCK_NONBLOCK. */
int sock_open(struct sockets *sockets, int domain, int type, int protocol, struct socket **socket);
/* Frees the number; the connection ends by itself. */
void sock_close(struct socket *socket, struct instant now);

int sock_bind(struct socket *socket, const struct sockaddr *name, socklen_t length,
              struct instant now);
int sock_listen(struct socket *socket, int backlog, struct instant now);
/* -EINPROGRESS when the handshake has begun, -EALREADY while it goes on, then its result once. */
int sock_connect(struct socket *socket, const struct sockaddr *name, socklen_t length,
                 struct instant now);
/* The same question without a name, for who waits: -EALREADY or the result. */
int sock_connect_result(struct socket *socket, struct instant now);
/* -EAGAIN: nobody is waiting. */
int sock_accept(struct socket *socket, struct socket **child, struct instant now);
int sock_shutdown(struct socket *socket, int how, struct instant now);

/* One send() or sendto(); `name` may be NULL. May take less than all of it (TCP). With MSG_FASTOPEN
 * a TCP socket connects to `name` too: -EINPROGRESS when nothing of the text is on its SYN. */
int64_t sock_send(struct socket *socket, struct bytes text, int flags, const struct sockaddr *name,
                  socklen_t length, struct instant now);
int64_t sock_send_lend(struct socket *socket, size_t length, struct room rooms[2],
                       struct instant now);
int64_t sock_send_done(struct socket *socket, size_t length, int flags, struct instant now);

/* One recv() or recvfrom(); *source is filled in for UDP and, as its peer, for TCP. */
int64_t sock_receive(struct socket *socket, struct room room, int flags, struct endpoint *source,
                     struct instant now);
int64_t sock_receive_lend(struct socket *socket, size_t length, struct bytes pieces[2]);
int sock_receive_done(struct socket *socket, size_t length, struct instant now);

int sock_local_name(const struct socket *socket, struct endpoint *e);
int sock_peer_name(const struct socket *socket, struct endpoint *e);

int sock_set_option(struct socket *socket, int level, int option, const void *value,
                    socklen_t length, struct instant now);
int sock_get_option(struct socket *socket, int level, int option, void *value, socklen_t *length,
                    struct instant now);
/* FIONREAD (SIOCINQ), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, FIONBIO. */
int sock_ioctl(struct socket *socket, unsigned long request, int *value, struct instant now);

/* The connection, to look at; NULL: none. See tcp_view(). */
const struct tcb *sock_view(const struct socket *socket);
/* The connection, awake, in *tcb: 0; `none` when the socket has none; -ENOBUFS: it sleeps, and
 * there is no memory to wake it. */
int sock_awake(const struct socket *socket, int none, struct tcb **tcb);

/* Readiness in poll(2)'s bits. */
int sock_ready(const struct socket *socket);

/* What TCP_CM_INQ says, for a socket that asked by TCP_INQ: bytes that are left to read, the peer's
 * FIN as one; -1: it did not ask. */
int sock_left_to_read(const struct socket *socket, struct instant now);

/* Bytes of TCP text that the peer has not acknowledged, FIN counted: what SO_LINGER waits for. */
uint64_t sock_unacknowledged(const struct socket *socket, struct instant now);

#endif
