/* How the connections of a world begin, see the header. Every call is one that an application could
 * make (socket.h); none waits. */
#include "sim/sim_open.h"

#include <errno.h>
#include <linux/tcp.h>

#include "sim/sim_calls.h"
#include "socket.h"

enum { FAST_OPENS = 4, SYN_SENT = 2 /* Linux's TCP_SYN_SENT */ };

/* --- sockets ---------------------------------------------------------------------------------- */

static int number_option(struct sim_end *end, int level, int option, int value)
{
    return tunny_setsockopt(end->host->stack, end->socket, level, option, &value, sizeof value);
}

/* Nobody waits for ever for a peer that is gone. */
static void keep_alive(struct sim_end *end)
{
    number_option(end, SOL_SOCKET, SO_KEEPALIVE, 1);
    number_option(end, IPPROTO_TCP, TCP_KEEPIDLE, 75);
    number_option(end, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    number_option(end, IPPROTO_TCP, TCP_KEEPCNT, 6);
}

static int set_options(struct sim_end *end)
{
    const struct scenario_flow *is = end->flow->is;
    int r = 0;

    keep_alive(end);
    if (is->no_delay)
        r |= number_option(end, IPPROTO_TCP, TCP_NODELAY, 1);
    if (is->cork)
        r |= number_option(end, IPPROTO_TCP, TCP_CORK, 1);
    if (is->send_buffer)
        r |= number_option(end, SOL_SOCKET, SO_SNDBUF, (int)is->send_buffer);
    if (is->receive_buffer)
        r |= number_option(end, SOL_SOCKET, SO_RCVBUF, (int)is->receive_buffer);
    if (is->zerocopy)
        r |= number_option(end, SOL_SOCKET, SO_ZEROCOPY, 1);
    if (is->user_timeout.ns)
        r |= number_option(end, IPPROTO_TCP, TCP_USER_TIMEOUT,
                           (int)duration_to_ms(is->user_timeout));
    if (is->congestion[0])
        r |= tunny_setsockopt(end->host->stack, end->socket, IPPROTO_TCP, TCP_CONGESTION,
                              is->congestion, (socklen_t)strlen(is->congestion));
    return r ? -EINVAL : 0;
}

static int open_socket(struct sim_end *end)
{
    int family = end->flow->is->ipv6 ? AF_INET6 : AF_INET;
    int r = tunny_socket(end->host->stack, family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (r < 0)
        return r;
    end->socket = r;
    sim_host_claim(end->host, r, end);
    return set_options(end);
}

uint16_t sim_flow_port(const struct sim_flow *flow, unsigned side)
{
    return (uint16_t)((side ? SIM_FIRST_PORT : SIM_OPENER_PORT) + flow->index);
}

/* Where a side of the flow is. */
static socklen_t name_of(const struct sim_flow *flow, unsigned side, struct sockaddr_storage *name)
{
    const struct sim_node *node = flow->ends[side].host->node;
    struct endpoint e = {
        .address = flow->is->ipv6 ? node->address6 : node->address4,
        .port = sim_flow_port(flow, side),
    };
    socklen_t length = sizeof *name;

    sock_name_write(&e, flow->is->ipv6 ? AF_INET6 : AF_INET, (struct sockaddr *)name, &length);
    return length;
}

/* A socket with a name of its own. */
static int open_bound(struct sim_end *end)
{
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, end->side, &name);
    int r = open_socket(end);

    return r ? r : tunny_bind(end->host->stack, end->socket, (struct sockaddr *)&name, length);
}

/* --- a listener ------------------------------------------------------------------------------- */

void sim_open_listen(struct sim_end *end)
{
    int r = open_bound(end);

    if (r == 0 && end->flow->is->fast_open)
        number_option(end, IPPROTO_TCP, TCP_FASTOPEN, FAST_OPENS);
    if (r == 0)
        r = tunny_listen(end->host->stack, end->socket, 2);
    end->state = SIM_END_LISTENING;
    if (r < 0)
        sim_end_fails(end, r);
}

struct instant sim_open_accept_time(const struct sim_end *end)
{
    const struct scenario_flow *is = end->flow->is;

    return instant_add(instant_add(INSTANT_ZERO, is->start), is->accept);
}

void sim_open_accept(struct sim_end *end)
{
    int r = tunny_accept(end->host->stack, end->socket, NULL, NULL, SOCK_NONBLOCK);

    if (r == -EAGAIN)
        return;
    if (r == -ENOBUFS) {
        sim_end_tries_later(end);
        return;
    }
    if (r < 0) {
        sim_end_fails(end, r);
        return;
    }
    sim_end_closes_socket(end);
    end->socket = r;
    sim_host_claim(end->host, r, end);
    end->began = end->flow->world->now;
    end->state = SIM_END_OPEN;
}

/* --- opening actively ------------------------------------------------------------------------- */

/* One of the two ways to let text ride on the SYN: connect() that waits for it, or a first send
 * that connects. Whoever may not (tcp_fastopen) connects as usual. */
static int connect_fast(struct sim_end *end, const struct sockaddr *name, socklen_t length)
{
    const struct scenario_flow *is = end->flow->is;
    struct tunny *stack = end->host->stack;
    size_t text = is->size[0] < is->chunk ? (size_t)is->size[0] : is->chunk;

    if (text == 0 || is->calls % 2 == 0) {
        if (text > 0)
            number_option(end, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
        return tunny_connect(stack, end->socket, name, length);
    }
    ssize_t r = tunny_sendto(stack, end->socket, sim_text(end, 0), text, MSG_FASTOPEN, name,
                             length);
    if (r == -EOPNOTSUPP)
        return tunny_connect(stack, end->socket, name, length);
    if (r > 0)
        end->sent = (uint64_t)r;
    return r > 0 ? -EINPROGRESS : (int)r;
}

void sim_open_connect(struct sim_end *end)
{
    const struct scenario_flow *is = end->flow->is;
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, 1 - end->side, &name);

    end->began = end->flow->world->now;
    end->state = SIM_END_CONNECTING;
    if (end->host->stack == NULL) {
        sim_end_fails(end, -EHOSTDOWN);
        return;
    }
    int r = is->simultaneous ? open_bound(end) : open_socket(end);
    if (r == 0 && is->fast_open && end->side == 0)
        r = connect_fast(end, (struct sockaddr *)&name, length);
    else if (r == 0)
        r = tunny_connect(end->host->stack, end->socket, (struct sockaddr *)&name, length);
    if (r < 0 && r != -EINPROGRESS)
        sim_end_fails(end, r);
    else if (r == 0)
        end->state = SIM_END_OPEN;
}

bool sim_open_is_complete(const struct sim_end *end)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    tunny_getsockopt(end->host->stack, end->socket, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_state != SYN_SENT;
}

void sim_open_ask(struct sim_end *end)
{
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, 1 - end->side, &name);
    int r = tunny_connect(end->host->stack, end->socket, (struct sockaddr *)&name, length);

    if (r == 0 || r == -EISCONN)
        end->state = SIM_END_OPEN;
    else if (r != -EALREADY && r != -EINPROGRESS)
        sim_end_fails(end, r);
}
