/* Each call of the BSD interface, tried once: finds out what kind of socket it is and what state it
 * is in, and passes on to sock_tcp.c or sock_udp.c. See sock.h. */
#include "sock/sock.h"

#include <errno.h>

#include "base/check.h"
#include "sock/sock_table.h"
#include "sock/sock_tcp.h"
#include "sock/sock_udp.h"

static int check_protocol(int type, int protocol)
{
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    int own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    return protocol == 0 || protocol == own ? 0 : -EPROTONOSUPPORT;
}

int sock_open(struct sockets *sockets, int domain, int type, int protocol, struct socket **socket)
{
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    type &= ~flags;
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    int r = check_protocol(type, protocol);
    if (r < 0)
        return r;
    struct socket *s;
    r = sock_table_add(sockets, &s);
    if (r < 0)
        return r;
    s->kind = type == SOCK_STREAM ? SOCKET_TCP_IDLE : SOCKET_UDP;
    s->family = domain;
    s->nonblocking = (flags & SOCK_NONBLOCK) != 0;
    s->local.address = sock_name_any(domain);
    tcp_default_settings(sockets->tcp, &s->settings);
    if (sockets->cc)
        s->settings.cc = sockets->cc;
    if (s->kind == SOCKET_UDP)
        r = sock_udp_open(s);
    if (r < 0) {
        sock_table_remove(s);
        return r;
    }
    *socket = s;
    return 0;
}

void sock_close(struct socket *socket, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        sock_udp_close(socket);
    else
        sock_tcp_close(socket, now);
    sock_table_remove(socket);
}

/* An address that a socket may be bound to: one of ours, or any; for UDP also a broadcast address.
 */
static int check_local(const struct socket *socket, const struct address *local)
{
    if (socket->v6only && address_is_ipv4(local))
        return -EINVAL;
    if (address_is_unspecified(local) || ip_is_ours(socket->host->ip, local))
        return 0;
    if (socket->kind == SOCKET_UDP && ip_is_broadcast(socket->host->ip, local))
        return 0;
    return -EADDRNOTAVAIL;
}

int sock_bind(struct socket *socket, const struct sockaddr *name, socklen_t length,
              struct instant now)
{
    struct endpoint local;
    int r = sock_name_read(name, length, socket->family, &local);
    if (r < 0)
        return r;
    if (socket->kind != SOCKET_TCP_IDLE && socket->kind != SOCKET_UDP)
        return -EINVAL;
    if (socket->local.port != 0)
        return -EINVAL;
    r = check_local(socket, &local.address);
    if (r < 0)
        return r;
    return socket->kind == SOCKET_UDP ? sock_udp_bind(socket, local)
                                      : sock_tcp_bind(socket, local, now);
}

int sock_listen(struct socket *socket, int backlog, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    return sock_tcp_listen(socket, backlog < 1 ? 1 : (uint32_t)backlog, now);
}

static bool is_unspecified_name(const struct sockaddr *name, socklen_t length)
{
    sa_family_t said;
    if (!name || length < sizeof said)
        return false;
    memcpy(&said, (const char *)name + offsetof(struct sockaddr, sa_family), sizeof said);
    return said == AF_UNSPEC;
}

static int disconnect(struct socket *socket, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        sock_udp_disconnect(socket);
    else
        sock_tcp_disconnect(socket, now);
    return 0;
}

int sock_connect(struct socket *socket, const struct sockaddr *name, socklen_t length,
                 struct instant now)
{
    if (is_unspecified_name(name, length))
        return disconnect(socket, now);
    struct endpoint remote;
    int r = sock_name_read(name, length, socket->family, &remote);
    if (r < 0)
        return r;
    if (socket->v6only && address_is_ipv4(&remote.address))
        return -ENETUNREACH;
    return socket->kind == SOCKET_UDP ? sock_udp_connect(socket, &remote)
                                      : sock_tcp_connect(socket, &remote, now);
}

int sock_connect_result(struct socket *socket, struct instant now)
{
    return sock_tcp_connect_result(socket, now);
}

/* What a child has from its listener besides what TCP hands down (Linux: what a clone has). */
static void inherit(struct socket *child, const struct socket *listener)
{
    child->kind = SOCKET_TCP_CONNECTED;
    child->family = listener->family;
    child->zerocopy_on = listener->zerocopy_on;
    child->v6only = listener->v6only;
    child->reuse_address = listener->reuse_address;
    child->reuse_port = listener->reuse_port;
    child->receive_errors = listener->receive_errors;
    child->receive_timeout = listener->receive_timeout;
    child->send_timeout = listener->send_timeout;
}

int sock_accept(struct socket *socket, struct socket **child, struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return -EOPNOTSUPP;
    if (socket->kind != SOCKET_TCP_LISTENING)
        return -EINVAL;
    if (!tcp_can_accept(socket->listener))
        return -EAGAIN;
    struct socket *s;
    int r = sock_table_add(socket->host, &s);
    if (r < 0)
        return r;
    inherit(s, socket);
    struct tcb *tcb = tcp_accept(socket->listener, s);
    CHECK(tcb);
    s->connection = tcp_connection_of(tcb);
    s->settings = *tcp_settings_of(tcb);
    s->local = tcp_flow_of(tcb)->local;
    (void)now;
    *child = s;
    return 0;
}

int sock_shutdown(struct socket *socket, int how, struct instant now)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    return socket->kind == SOCKET_UDP ? sock_udp_shutdown(socket, how)
                                      : sock_tcp_shutdown(socket, how, now);
}

static int64_t fast_open(struct socket *socket, struct bytes text, int flags,
                         const struct sockaddr *name, socklen_t length, struct instant now)
{
    struct endpoint remote;
    if (is_unspecified_name(name, length))
        return -EOPNOTSUPP;
    if (!name)
        return -EDESTADDRREQ;
    int r = sock_name_read(name, length, socket->family, &remote);
    return r < 0 ? r : sock_tcp_fast_open(socket, &remote, text, flags, now);
}

int64_t sock_send(struct socket *socket, struct bytes text, int flags, const struct sockaddr *name,
                  socklen_t length, struct instant now)
{
    if (socket->kind != SOCKET_UDP)
        return flags & MSG_FASTOPEN ? fast_open(socket, text, flags, name, length, now)
                                    : sock_tcp_send(socket, text, flags, now);
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (!name)
        return sock_udp_send(socket, text, NULL);
    struct endpoint remote;
    int r = sock_name_read(name, length, socket->family, &remote);
    if (r < 0)
        return r;
    return sock_udp_send(socket, text, &remote);
}

int64_t sock_receive(struct socket *socket, struct room room, int flags, struct endpoint *source,
                     struct instant now)
{
    if (socket->kind == SOCKET_UDP)
        return flags & MSG_OOB ? -EOPNOTSUPP : sock_udp_receive(socket, room, flags, source);
    if (socket->connection)
        *source = tcp_flow_of(sock_view(socket))->remote;
    return sock_tcp_receive(socket, room, flags, now);
}

int sock_local_name(const struct socket *socket, struct endpoint *e)
{
    *e = socket->local;
    if (socket->kind == SOCKET_UDP)
        *e = udp_local(socket->udp)->port ? *udp_local(socket->udp) : socket->local;
    else if (socket->connection)
        *e = tcp_flow_of(sock_view(socket))->local;
    return 0;
}

int sock_peer_name(const struct socket *socket, struct endpoint *e)
{
    if (socket->kind == SOCKET_UDP) {
        *e = *udp_remote(socket->udp);
        return e->port ? 0 : -ENOTCONN;
    }
    const struct tcb *tcb = sock_view(socket);
    if (!tcb || tcp_state_of(tcb) == TCP_CLOSED || tcp_state_of(tcb) == TCP_SYN_SENT)
        return -ENOTCONN;
    *e = tcp_flow_of(tcb)->remote;
    return 0;
}
