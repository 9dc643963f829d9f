/* BSD's calls on a UDP socket (RFC 1122, 4.1.4). See sock_udp.h. */
#include "sock/sock_udp.h"

#include <errno.h>

#include "base/check.h"

enum { UDP_ORDINARY = 1472 }; /* text of a datagram that fits an Ethernet's MTU */

int sock_udp_open(struct socket *socket)
{
    int r = udp_open(socket->host->udp, &socket->udp);
    if (r < 0)
        return r;
    udp_set_user(socket->udp, socket);
    udp_set_queue_limit(socket->udp, socket->settings.receive_buffer);
    return 0;
}

void sock_udp_close(struct socket *socket)
{
    outgoing_disown(&socket->host->outgoing, socket);
    udp_close(socket->host->udp, socket->udp);
    socket->udp = NULL;
}

int sock_udp_bind(struct socket *socket, struct endpoint local)
{
    struct udp_bind bind = {
        .local = local,
        .any_address = address_is_unspecified(&local.address),
        .v6only = socket->v6only,
        .reuse = socket->reuse_address || socket->reuse_port,
    };
    int r = udp_bind(socket->host->udp, socket->udp, &bind);
    if (r < 0)
        return r;
    socket->local = (struct endpoint){local.address, udp_local(socket->udp)->port};
    return 0;
}

static int bind_if_needed(struct socket *socket)
{
    return socket->local.port ? 0 : sock_udp_bind(socket, socket->local);
}

/* Our address towards `remote`: as bound or connected, or the best one. */
static int choose_source(const struct socket *socket, const struct address *remote,
                         struct address *source)
{
    const struct ip *ip = socket->host->ip;
    *source = socket->local.address;
    /* R1122-03: who is bound to a broadcast address does not send from it. */
    if ((address_is_unspecified(source) || ip_is_broadcast(ip, source)) &&
        !ip_choose_source(ip, remote, source))
        return -ENETUNREACH;
    return address_is_ipv4(source) == address_is_ipv4(remote) ? 0 : -ENETUNREACH;
}

static int check_remote(const struct socket *socket, const struct endpoint *remote)
{
    if (remote->port == 0)
        return -EINVAL;
    if (socket->v6only && address_is_ipv4(&remote->address))
        return -ENETUNREACH;
    if (address_is_unspecified(&remote->address))
        return -ENETUNREACH;
    if (ip_is_broadcast(socket->host->ip, &remote->address) && !socket->broadcast)
        return -EACCES;
    return 0;
}

int sock_udp_connect(struct socket *socket, const struct endpoint *remote)
{
    struct endpoint local;
    int r = check_remote(socket, remote);
    if (r < 0)
        return r;
    r = choose_source(socket, &remote->address, &local.address);
    if (r < 0)
        return r;
    r = bind_if_needed(socket);
    if (r < 0)
        return r;
    local.port = socket->local.port;
    socket->receive_shut = socket->send_shut = false;
    return udp_connect(socket->host->udp, socket->udp, &local, remote);
}

void sock_udp_disconnect(struct socket *socket)
{
    if (udp_remote(socket->udp)->port)
        udp_disconnect(socket->host->udp, socket->udp);
}

int sock_udp_shutdown(struct socket *socket, int how)
{
    if (!udp_remote(socket->udp)->port)
        return -ENOTCONN;
    socket->receive_shut = socket->receive_shut || how != SHUT_WR;
    socket->send_shut = socket->send_shut || how != SHUT_RD;
    sockets_mark_changed(socket);
    return 0;
}

/* --- SEND ------------------------------------------------------------------------------------- */

/* As for Linux's sockets: one datagram may always wait, whatever its size. */
static bool has_room(const struct socket *socket, size_t text)
{
    return socket->outgoing == 0 ||
           socket->outgoing + outgoing_block(text) <= socket->settings.send_buffer;
}

bool sock_udp_is_writable(const struct socket *socket)
{
    return has_room(socket, UDP_ORDINARY);
}

static int choose_flow(struct socket *socket, const struct endpoint *remote, struct flow *flow)
{
    if (!remote) {
        *flow = (struct flow){*udp_local(socket->udp), *udp_remote(socket->udp)};
        return flow->remote.port ? 0 : -EDESTADDRREQ;
    }
    int r = check_remote(socket, remote);
    if (r < 0)
        return r;
    flow->remote = *remote;
    r = choose_source(socket, &remote->address, &flow->local.address);
    if (r < 0)
        return r;
    r = bind_if_needed(socket);
    flow->local.port = socket->local.port;
    return r;
}

int64_t sock_udp_send(struct socket *socket, struct bytes text, const struct endpoint *remote)
{
    if (socket->send_shut)
        return -EPIPE;
    /* R1122-15: an ICMP error that came meanwhile is told first. */
    int error = udp_take_error(socket->udp);
    if (error)
        return -error;
    if (text.len > UDP_LARGEST)
        return -EMSGSIZE;
    struct flow flow;
    int r = choose_flow(socket, remote, &flow);
    if (r < 0)
        return r;
    if (!has_room(socket, text.len)) {
        socket->wants_room = true;
        return -EAGAIN;
    }
    struct outgoing_datagram *datagram = outgoing_add(&socket->host->outgoing, socket, &flow, text);
    if (!datagram)
        return -ENOBUFS;
    datagram->tos = socket->settings.tos;
    datagram->ttl = socket->settings.ttl;
    socket->outgoing += datagram->block;
    return (int64_t)text.len;
}

/* --- RECEIVE ---------------------------------------------------------------------------------- */

int64_t sock_udp_receive(struct socket *socket, struct room room, int flags,
                         struct endpoint *source)
{
    struct udp_info info = {0};
    int64_t length = udp_receive(socket->udp, room.data, room.len, (flags & MSG_PEEK) != 0, &info);
    if (length == -EAGAIN && socket->receive_shut)
        return 0;
    if (length < 0)
        return length;
    *source = info.source;
    if (flags & MSG_TRUNC || length < (int64_t)room.len)
        return length;
    return (int64_t)room.len;
}
