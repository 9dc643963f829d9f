/* BSD's calls on a TCP socket, turned into the user calls of RFC 9293, 3.9.1. See sock_tcp.h. */
#include "sock/sock_tcp.h"

#include <errno.h>

#include "base/check.h"

const struct tcb *sock_view(const struct socket *socket)
{
    return socket->connection ? tcp_view(socket->host->tcp, socket->connection) : NULL;
}

int sock_awake(const struct socket *socket, int none, struct tcb **tcb)
{
    *tcb = NULL;
    if (!socket->connection)
        return none;
    *tcb = tcp_awake(socket->host->tcp, socket->connection);
    return *tcb ? 0 : -ENOBUFS;
}

/* --- settings --------------------------------------------------------------------------------- */

struct tcp_settings *sock_settings(struct socket *socket)
{
    struct tcb *tcb;
    if (sock_awake(socket, -ENOTCONN, &tcb) == 0)
        return tcp_settings_of(tcb);
    if (socket->listener)
        return tcp_listener_settings(socket->listener);
    return &socket->settings;
}

const struct tcp_settings *sock_settings_seen(const struct socket *socket)
{
    if (socket->connection)
        return tcp_settings_seen(sock_view(socket));
    if (socket->listener)
        return tcp_listener_settings(socket->listener);
    return &socket->settings;
}

void sock_settings_changed(struct socket *socket, struct instant now)
{
    struct tcb *tcb;
    if (sock_awake(socket, -ENOTCONN, &tcb) == 0)
        tcp_settings_changed(tcb, now);
}

/* --- names ------------------------------------------------------------------------------------ */

int sock_tcp_bind(struct socket *socket, struct endpoint local, struct instant now)
{
    struct tcp *tcp = socket->host->tcp;
    if (local.port == 0)
        local.port = tcp_choose_port(tcp, &local.address, NULL, now);
    if (local.port == 0)
        return -EADDRINUSE;
    socket->claim = (struct tcp_claim){
        .local = local,
        .v6only = socket->v6only,
        .reuse_address = socket->reuse_address,
        .reuse_port = socket->reuse_port,
    };
    int r = tcp_claim_port(tcp, &socket->claim);
    if (r < 0)
        return r;
    socket->has_claim = true;
    socket->local = local;
    return 0;
}

static void release_claim(struct socket *socket)
{
    if (socket->has_claim)
        tcp_release_claim(socket->host->tcp, &socket->claim);
    socket->has_claim = false;
    socket->local = (struct endpoint){sock_name_any(socket->family), 0};
}

/* --- LISTEN ----------------------------------------------------------------------------------- */

int sock_tcp_listen(struct socket *socket, uint32_t backlog, struct instant now)
{
    if (socket->kind == SOCKET_TCP_LISTENING) {
        tcp_set_backlog(socket->listener, backlog);
        return 0;
    }
    if (socket->kind != SOCKET_TCP_IDLE)
        return -EINVAL;
    if (!socket->has_claim) {
        int r = sock_tcp_bind(socket, socket->local, now);
        if (r < 0)
            return r;
    }
    int r = tcp_open_passive(socket->host->tcp, &socket->claim, &socket->settings, backlog, socket,
                             &socket->listener);
    if (r < 0)
        return r;
    if (socket->fast_open_keys)
        tcp_set_fast_open_keys(socket->listener, socket->fast_open_keys);
    socket->backlog = backlog;
    socket->kind = SOCKET_TCP_LISTENING;
    return 0;
}

static void stop_listening(struct socket *socket, struct instant now)
{
    socket->settings = *tcp_listener_settings(socket->listener);
    tcp_close_listener(socket->listener, now);
    socket->listener = NULL;
    socket->kind = SOCKET_TCP_IDLE;
    sockets_mark_changed(socket);
}

/* --- OPEN ------------------------------------------------------------------------------------- */

/* Our end of a connection to `remote`: as bound, or the best address and a port of TCP's choice. */
static int choose_local(const struct socket *socket, const struct endpoint *remote,
                        struct endpoint *local, struct instant now)
{
    const struct sockets *host = socket->host;
    *local = socket->local;
    if (address_is_unspecified(&local->address) &&
        !ip_choose_source(host->ip, &remote->address, &local->address))
        return -ENETUNREACH;
    if (address_is_ipv4(&local->address) != address_is_ipv4(&remote->address))
        return -ENETUNREACH;
    /* R1122-03: a loopback address never leaves the host. The error is Linux's. */
    if (address_is_loopback(&local->address) && !ip_is_ours(host->ip, &remote->address))
        return -EINVAL;
    if (local->port == 0)
        local->port = tcp_choose_port(host->tcp, &local->address, remote, now);
    return local->port ? 0 : -EADDRNOTAVAIL;
}

static int open_actively(struct socket *socket, const struct endpoint *remote, struct instant now)
{
    const struct sockets *host = socket->host;
    struct flow flow = {.remote = *remote};
    /* MUST-46: TCP refuses groups by itself, but only ip knows our subnets' broadcast addresses. */
    if (ip_is_broadcast(host->ip, &remote->address))
        return -ENETUNREACH;
    if (remote->port == 0)
        return -ECONNREFUSED;
    int r = choose_local(socket, remote, &flow.local, now);
    if (r < 0)
        return r;
    struct tcb *tcb;
    r = tcp_open_active(host->tcp, &flow, &socket->settings,
                        ip_path_mtu(host->ip, &remote->address, now), socket, &tcb, now);
    if (r < 0)
        return r;
    socket->connection = tcp_connection_of(tcb);
    socket->kind = SOCKET_TCP_CONNECTING;
    return -EINPROGRESS;
}

/* The connection goes its own way. */
static void part(struct socket *socket, void (*end)(struct tcb *tcb, struct instant now),
                 struct instant now)
{
    struct tcb *tcb;
    if (sock_awake(socket, 0, &tcb) < 0)
        tcp_forsake(socket->host->tcp, socket->connection);
    else if (tcb)
        end(tcb, now);
    socket->connection = NULL;
}

/* The same; the socket may be used again. */
static void let_go(struct socket *socket, void (*end)(struct tcb *tcb, struct instant now),
                   struct instant now)
{
    socket->settings = *sock_settings_seen(socket);
    part(socket, end, now);
    socket->lent_receive = socket->lent_send = 0;
    socket->kind = SOCKET_TCP_IDLE;
}

int sock_tcp_connect_result(struct socket *socket, struct instant now)
{
    CHECK(socket->kind == SOCKET_TCP_CONNECTING);
    enum tcp_state state = tcp_state_of(sock_view(socket));
    if (state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED)
        return -EALREADY;
    if (state != TCP_CLOSED) {
        socket->kind = SOCKET_TCP_CONNECTED;
        return 0;
    }
    /* Who is CLOSED is awake. Taken already by SO_ERROR: what Linux says then. */
    struct tcb *tcb;
    int error = sock_awake(socket, 0, &tcb) < 0 ? 0 : tcp_take_error(tcb);
    let_go(socket, tcp_close, now);
    return error ? -error : -ECONNABORTED;
}

/* TCP_FASTOPEN_CONNECT: with a cookie there is nothing to wait for: the first send() connects. */
static int connect_or_wait(struct socket *socket, const struct endpoint *remote, struct instant now)
{
    int r = open_actively(socket, remote, now);
    if (r != -EINPROGRESS || !tcp_fast_open_waits(sock_view(socket)))
        return r;
    socket->kind = SOCKET_TCP_CONNECTED;
    return 0;
}

int sock_tcp_connect(struct socket *socket, const struct endpoint *remote, struct instant now)
{
    switch (socket->kind) {
    case SOCKET_TCP_IDLE:
        return connect_or_wait(socket, remote, now);
    case SOCKET_TCP_CONNECTING:
        return sock_tcp_connect_result(socket, now);
    case SOCKET_TCP_LISTENING:
    case SOCKET_TCP_CONNECTED:
        return -EISCONN;
    case SOCKET_UDP:
        break;
    }
    UNREACHABLE();
}

void sock_tcp_disconnect(struct socket *socket, struct instant now)
{
    if (socket->connection)
        let_go(socket, tcp_abort, now);
    else if (socket->listener)
        stop_listening(socket, now);
}

/* --- CLOSE ------------------------------------------------------------------------------------ */

int sock_tcp_shutdown(struct socket *socket, int how, struct instant now)
{
    if (socket->listener) {
        /* As Linux: who waits in accept() gets -EINVAL. */
        if (how != SHUT_WR)
            stop_listening(socket, now);
        return 0;
    }
    struct tcb *tcb;
    int r = sock_awake(socket, -ENOTCONN, &tcb);
    if (r < 0 || tcp_state_of(tcb) == TCP_CLOSED)
        return r < 0 ? r : -ENOTCONN;
    if (tcp_state_of(tcb) == TCP_SYN_SENT) {
        let_go(socket, tcp_abort, now);
        return 0;
    }
    if (how != SHUT_WR)
        r = tcp_shutdown_receive(tcb, now);
    if (r == 0 && how != SHUT_RD)
        r = tcp_shutdown_send(tcb, now);
    return r;
}

void sock_tcp_close(struct socket *socket, struct instant now)
{
    if (socket->listener)
        tcp_close_listener(socket->listener, now);
    part(socket, tcp_close, now);
    socket->listener = NULL;
    release_claim(socket);
}

int sock_left_to_read(const struct socket *socket, struct instant now)
{
    struct tcp_status status;
    if (!socket->inq || !socket->connection)
        return -1;
    tcp_status(sock_view(socket), &status, now);
    uint64_t left = status.unread + (status.peer_is_done ? 1 : 0);
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

uint64_t sock_unacknowledged(const struct socket *socket, struct instant now)
{
    if (!socket->connection)
        return 0;
    struct tcp_status status;
    tcp_status(sock_view(socket), &status, now);
    bool fin_open = status.state == TCP_FIN_WAIT_1 || status.state == TCP_CLOSING ||
                    status.state == TCP_LAST_ACK;
    return status.unsent + status.unacked + (fin_open ? 1 : 0);
}

/* --- SEND ------------------------------------------------------------------------------------- */

static unsigned send_flags(int flags)
{
    unsigned more = flags & MSG_MORE ? TCP_SEND_MORE : TCP_SEND_PUSH;
    return more | (flags & MSG_OOB ? TCP_SEND_URGENT : 0u) |
           (flags & MSG_EOR ? TCP_SEND_RECORD_END : 0u);
}

/* SEND, with MSG_ZEROCOPY's bookkeeping, for which there may be no memory (as Linux: -ENOBUFS). */
static int64_t send_text(struct socket *socket, struct tcb *tcb, struct bytes text, int flags,
                         struct instant now)
{
    bool told = flags & MSG_ZEROCOPY && socket->zerocopy_on;
    if (told && !socket->zerocopy)
        socket->zerocopy = pool_take(&socket->host->zerocopy_pool);
    if (told && !socket->zerocopy)
        return -ENOBUFS;
    int64_t r = tcp_send(tcb, text.data, text.len, send_flags(flags), now);
    if (r > 0 && told)
        zerocopy_sent(socket->zerocopy, tcp_text_end(tcb));
    return r;
}

/* Text below this is acknowledged, or its connection is over. */
static seqno no_longer_needed(const struct socket *socket)
{
    const struct tcb *tcb = sock_view(socket);
    bool over = !tcb || tcp_state_of(tcb) == TCP_CLOSED;
    return over ? UINT64_MAX : tcp_text_acknowledged(tcb);
}

int64_t sock_tcp_send(struct socket *socket, struct bytes text, int flags, struct instant now)
{
    struct tcb *tcb;
    int r = sock_awake(socket, -EPIPE, &tcb);
    return r < 0 ? r : send_text(socket, tcb, text, flags, now);
}

bool sock_zerocopy_ready(const struct socket *socket)
{
    return socket->zerocopy && zerocopy_ready(socket->zerocopy, no_longer_needed(socket));
}

int sock_zerocopy_done(struct socket *socket, uint32_t *first, uint32_t *last)
{
    bool told = socket->zerocopy &&
                zerocopy_tell(socket->zerocopy, no_longer_needed(socket), first, last);
    return told ? 0 : -EAGAIN;
}

/* A connection that is opened for this call alone does not wait for another. */
static int64_t open_with(struct socket *socket, const struct endpoint *remote, struct bytes text,
                         int flags, struct instant now)
{
    struct tcp_settings chosen = socket->settings;
    socket->settings.fast_open = true;
    socket->settings.fast_open_waits = false;
    int64_t r = open_actively(socket, remote, now);
    socket->settings = chosen;
    if (r != -EINPROGRESS || text.len == 0)
        return r;
    r = sock_tcp_send(socket, text, flags, now);
    return r == -EAGAIN ? -EINPROGRESS : r;
}

int64_t sock_tcp_fast_open(struct socket *socket, const struct endpoint *remote, struct bytes text,
                           int flags, struct instant now)
{
    if (!tcp_fast_open_client_is_enabled(socket->host->tcp))
        return -EOPNOTSUPP;
    switch (socket->kind) {
    case SOCKET_TCP_IDLE:
        return open_with(socket, remote, text, flags, now);
    case SOCKET_TCP_CONNECTING:
        return -EALREADY;
    case SOCKET_TCP_LISTENING:
        return -EISCONN;
    case SOCKET_TCP_CONNECTED:
        return tcp_fast_open_waits(sock_view(socket)) ? sock_tcp_send(socket, text, flags, now)
                                                      : -EISCONN;
    case SOCKET_UDP:
        break;
    }
    UNREACHABLE();
}

int64_t sock_send_lend(struct socket *socket, size_t length, struct room rooms[2],
                       struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    struct tcb *tcb;
    int r = sock_awake(socket, -EPIPE, &tcb);
    if (r < 0)
        return r;
    int64_t lent = tcp_send_rooms(tcb, length, rooms, now);
    socket->lent_send = lent > 0 ? (size_t)lent : 0;
    return lent;
}

int64_t sock_send_done(struct socket *socket, size_t length, int flags, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    struct tcb *tcb;
    int r = sock_awake(socket, -EPIPE, &tcb);
    if (r < 0)
        return r;
    if (length > socket->lent_send)
        return -EINVAL;
    socket->lent_send = 0;
    int64_t sent = tcp_send_commit(tcb, length, send_flags(flags), now);
    return length ? sent : 0;
}

/* --- RECEIVE ---------------------------------------------------------------------------------- */

static unsigned receive_flags(int flags)
{
    unsigned given = 0;
    if (flags & MSG_PEEK)
        given |= TCP_RECEIVE_PEEK;
    if (flags & MSG_OOB)
        given |= TCP_RECEIVE_URGENT;
    else if (flags & MSG_TRUNC)
        given |= TCP_RECEIVE_DISCARD;
    return given;
}

/* Who looks again and again, as a blocking call does, must not keep a connection awake. */
static bool sleeps_without_news(const struct socket *socket)
{
    return socket->connection && tcp_sleeps(socket->connection) &&
           !(tcp_connection_readiness(socket->connection) & TCP_READABLE);
}

int64_t sock_tcp_receive(struct socket *socket, struct room room, int flags, struct instant now)
{
    struct tcb *tcb;
    if (room.len > 0 && !(flags & MSG_OOB) && sleeps_without_news(socket))
        return -EAGAIN;
    int r = sock_awake(socket, -ENOTCONN, &tcb);
    if (r < 0 || room.len == 0)
        return r;
    socket->lent_receive = 0;
    return tcp_receive(tcb, room.data, room.len, receive_flags(flags), now);
}

int64_t sock_receive_lend(struct socket *socket, size_t length, struct bytes pieces[2])
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    if (sleeps_without_news(socket))
        return -EAGAIN;
    struct tcb *tcb;
    int r = sock_awake(socket, -ENOTCONN, &tcb);
    if (r < 0)
        return r;
    int64_t lent = tcp_receive_pieces(tcb, length, pieces);
    socket->lent_receive = lent > 0 ? (size_t)lent : 0;
    return lent;
}

int sock_receive_done(struct socket *socket, size_t length, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    struct tcb *tcb;
    int r = sock_awake(socket, -ENOTCONN, &tcb);
    if (r < 0)
        return r;
    if (length > socket->lent_receive)
        return -EINVAL;
    socket->lent_receive -= length;
    if (length)
        tcp_receive_done(tcb, length, now);
    return 0;
}
