/* BSD's calls on a TCP socket, turned into the user calls of RFC 9293, 3.9.1. See sock_tcp.h. */
#include "sock/sock_tcp.h"

#include <errno.h>

#include "base/check.h"

struct tcp_settings *sock_settings(struct socket *socket)
{
    if (socket->tcb)
        return tcp_settings_of(socket->tcb);
    if (socket->listener)
        return tcp_listener_settings(socket->listener);
    return &socket->settings;
}

void sock_settings_changed(struct socket *socket, struct instant now)
{
    if (socket->tcb)
        tcp_settings_changed(socket->tcb, now);
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
    if (socket->fast_open_keys.count > 0)
        tcp_set_fast_open_keys(socket->listener, &socket->fast_open_keys);
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
    r = tcp_open_active(host->tcp, &flow, &socket->settings,
                        ip_path_mtu(host->ip, &remote->address, now), socket, &socket->tcb, now);
    if (r < 0)
        return r;
    socket->kind = SOCKET_TCP_CONNECTING;
    return -EINPROGRESS;
}

/* The control block goes its own way; the socket may be used again. */
static void let_go(struct socket *socket, void (*end)(struct tcb *tcb, struct instant now),
                   struct instant now)
{
    socket->settings = *tcp_settings_of(socket->tcb);
    end(socket->tcb, now);
    socket->tcb = NULL;
    socket->lent_receive = socket->lent_send = 0;
    socket->kind = SOCKET_TCP_IDLE;
}

int sock_tcp_connect_result(struct socket *socket, struct instant now)
{
    CHECK(socket->kind == SOCKET_TCP_CONNECTING);
    enum tcp_state state = tcp_state_of(socket->tcb);
    if (state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED)
        return -EALREADY;
    if (state != TCP_CLOSED) {
        socket->kind = SOCKET_TCP_CONNECTED;
        return 0;
    }
    /* Taken already by SO_ERROR: what Linux says then. */
    int error = tcp_take_error(socket->tcb);
    let_go(socket, tcp_close, now);
    return error ? -error : -ECONNABORTED;
}

/* TCP_FASTOPEN_CONNECT: with a cookie there is nothing to wait for: the first send() connects. */
static int connect_or_wait(struct socket *socket, const struct endpoint *remote, struct instant now)
{
    int r = open_actively(socket, remote, now);
    if (r != -EINPROGRESS || !tcp_fast_open_waits(socket->tcb))
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
    if (socket->tcb)
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
    if (!socket->tcb || tcp_state_of(socket->tcb) == TCP_CLOSED)
        return -ENOTCONN;
    if (tcp_state_of(socket->tcb) == TCP_SYN_SENT) {
        let_go(socket, tcp_abort, now);
        return 0;
    }
    int r = how == SHUT_WR ? 0 : tcp_shutdown_receive(socket->tcb, now);
    if (r == 0 && how != SHUT_RD)
        r = tcp_shutdown_send(socket->tcb, now);
    return r;
}

void sock_tcp_close(struct socket *socket, struct instant now)
{
    if (socket->listener)
        tcp_close_listener(socket->listener, now);
    if (socket->tcb)
        tcp_close(socket->tcb, now);
    socket->listener = NULL;
    socket->tcb = NULL;
    release_claim(socket);
}

int sock_left_to_read(const struct socket *socket, struct instant now)
{
    struct tcp_status status;
    if (!socket->inq || !socket->tcb)
        return -1;
    tcp_status(socket->tcb, &status, now);
    uint64_t left = status.unread + (status.peer_is_done ? 1 : 0);
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

uint64_t sock_unacknowledged(const struct socket *socket, struct instant now)
{
    if (!socket->tcb)
        return 0;
    struct tcp_status status;
    tcp_status(socket->tcb, &status, now);
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

static void note_zerocopy(struct socket *socket, int flags, int64_t r)
{
    if (r > 0 && flags & MSG_ZEROCOPY && socket->zerocopy.on)
        zerocopy_sent(&socket->zerocopy, tcp_text_end(socket->tcb));
}

/* Text below this is acknowledged, or its connection is over. */
static seqno no_longer_needed(const struct socket *socket)
{
    bool over = !socket->tcb || tcp_state_of(socket->tcb) == TCP_CLOSED;
    return over ? UINT64_MAX : tcp_text_acknowledged(socket->tcb);
}

int64_t sock_tcp_send(struct socket *socket, struct bytes text, int flags, struct instant now)
{
    if (!socket->tcb)
        return -EPIPE;
    int64_t r = tcp_send(socket->tcb, text.data, text.len, send_flags(flags), now);
    note_zerocopy(socket, flags, r);
    return r;
}

bool sock_zerocopy_ready(const struct socket *socket)
{
    return zerocopy_ready(&socket->zerocopy, no_longer_needed(socket));
}

int sock_zerocopy_done(struct socket *socket, uint32_t *first, uint32_t *last)
{
    return zerocopy_tell(&socket->zerocopy, no_longer_needed(socket), first, last) ? 0 : -EAGAIN;
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
    r = tcp_send(socket->tcb, text.data, text.len, send_flags(flags), now);
    note_zerocopy(socket, flags, r);
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
        return tcp_fast_open_waits(socket->tcb) ? sock_tcp_send(socket, text, flags, now)
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
    if (!socket->tcb)
        return -EPIPE;
    int64_t lent = tcp_send_rooms(socket->tcb, length, rooms, now);
    socket->lent_send = lent > 0 ? (size_t)lent : 0;
    return lent;
}

int64_t sock_send_done(struct socket *socket, size_t length, int flags, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    if (!socket->tcb)
        return -EPIPE;
    if (length > socket->lent_send)
        return -EINVAL;
    socket->lent_send = 0;
    return length ? tcp_send_commit(socket->tcb, length, send_flags(flags), now) : 0;
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

int64_t sock_tcp_receive(struct socket *socket, struct room room, int flags, struct instant now)
{
    if (!socket->tcb)
        return -ENOTCONN;
    if (room.len == 0)
        return 0;
    socket->lent_receive = 0;
    return tcp_receive(socket->tcb, room.data, room.len, receive_flags(flags), now);
}

int64_t sock_receive_lend(struct socket *socket, size_t length, struct bytes pieces[2])
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    if (!socket->tcb)
        return -ENOTCONN;
    int64_t lent = tcp_receive_pieces(socket->tcb, length, pieces);
    socket->lent_receive = lent > 0 ? (size_t)lent : 0;
    return lent;
}

int sock_receive_done(struct socket *socket, size_t length, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    if (!socket->tcb)
        return -ENOTCONN;
    if (length > socket->lent_receive)
        return -EINVAL;
    socket->lent_receive -= length;
    if (length)
        tcp_receive_done(socket->tcb, length, now);
    return 0;
}
