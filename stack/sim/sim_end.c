/* What the users of a flow do, see the header: open, send, read, compare, close. Every call is one
 * that an application could make (socket.h); none waits. */
#include "sim/sim_end.h"

#include <errno.h>
#include <linux/tcp.h>

#include "sim/sim_calls.h"
#include "sim/sim_watch.h"
#include "socket.h"

enum { RETRY_MS = 50, REFUSALS_MOST = 400 };

/* --- endings ---------------------------------------------------------------------------------- */

static void end_is_over(struct sim_end *end, int error)
{
    struct sim_world *world = end->flow->world;

    if (end->state == SIM_END_OVER)
        return;
    end->state = SIM_END_OVER;
    end->error = error;
    end->over = world->now;
    world->open_ends--;
    sim_schedule(world, &end->actor, INSTANT_NEVER);
}

static void close_socket(struct sim_end *end)
{
    if (end->socket < 0)
        return;
    sim_host_claim(end->host, end->socket, NULL);
    tunny_close(end->host->stack, end->socket);
    end->socket = -1;
    sim_watch_user_called(end->host);
}

/* A listener whose client has failed waits for nobody. */
static void release_listener(struct sim_end *other)
{
    if (other->state != SIM_END_LISTENING)
        return;
    close_socket(other);
    end_is_over(other, 0);
    sim_host_rearm(other->host);
}

static void end_fails(struct sim_end *end, int error)
{
    close_socket(end);
    end_is_over(end, error);
    if (end->side == 0)
        release_listener(&end->flow->ends[1]);
}

/* The stack has no memory: tried again for a while. */
static void try_later(struct sim_end *end)
{
    if (++end->refusals > REFUSALS_MOST)
        end_fails(end, -ENOBUFS);
    else
        end->retry = instant_add(end->flow->world->now, duration_ms(RETRY_MS));
}

/* --- opening ---------------------------------------------------------------------------------- */

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

/* Where the flow's server is. */
static socklen_t name_of(const struct sim_flow *flow, struct sockaddr_storage *name)
{
    const struct sim_node *node = flow->ends[1].host->node;
    struct endpoint e = {
        .address = flow->is->ipv6 ? node->address6 : node->address4,
        .port = (uint16_t)(SIM_FIRST_PORT + flow->index),
    };
    socklen_t length = sizeof *name;

    sock_name_write(&e, flow->is->ipv6 ? AF_INET6 : AF_INET, (struct sockaddr *)name, &length);
    return length;
}

static void server_listens(struct sim_end *end)
{
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, &name);
    struct tunny *stack = end->host->stack;
    int r = open_socket(end);

    if (r == 0)
        r = tunny_bind(stack, end->socket, (struct sockaddr *)&name, length);
    if (r == 0)
        r = tunny_listen(stack, end->socket, 2);
    end->state = SIM_END_LISTENING;
    if (r < 0)
        end_fails(end, r);
}

static void client_connects(struct sim_end *end)
{
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, &name);

    end->began = end->flow->world->now;
    end->state = SIM_END_CONNECTING;
    if (end->host->stack == NULL) {
        end_fails(end, -EHOSTDOWN);
        return;
    }
    int r = open_socket(end);
    if (r == 0)
        r = tunny_connect(end->host->stack, end->socket, (struct sockaddr *)&name, length);
    if (r < 0 && r != -EINPROGRESS)
        end_fails(end, r);
    else if (r == 0)
        end->state = SIM_END_OPEN;
}

static void client_asks(struct sim_end *end)
{
    struct sockaddr_storage name;
    socklen_t length = name_of(end->flow, &name);
    int r = tunny_connect(end->host->stack, end->socket, (struct sockaddr *)&name, length);

    if (r == 0 || r == -EISCONN)
        end->state = SIM_END_OPEN;
    else if (r != -EALREADY && r != -EINPROGRESS)
        end_fails(end, r);
}

static void server_accepts(struct sim_end *end)
{
    int r = tunny_accept(end->host->stack, end->socket, NULL, NULL, SOCK_NONBLOCK);

    if (r == -EAGAIN)
        return;
    if (r == -ENOBUFS) {
        try_later(end);
        return;
    }
    if (r < 0) {
        end_fails(end, r);
        return;
    }
    close_socket(end);
    end->socket = r;
    sim_host_claim(end->host, r, end);
    end->began = end->flow->world->now;
    end->state = SIM_END_OPEN;
}

/* --- text ------------------------------------------------------------------------------------- */

static void note_end_of_text(struct sim_end *end)
{
    const struct sim_end *other = &end->flow->ends[1 - end->side];

    end->ended = true;
    if (end->received != other->sent || (!other->shut && other->state != SIM_END_OVER))
        sim_fail(end->flow->world,
                 "prefix: flow %s: the %s was told of the end after %llu of %llu bytes",
                 end->flow->is->name, end->side ? "server" : "client",
                 (unsigned long long)end->received, (unsigned long long)other->sent);
}

/* True when there may be more. */
static bool read_once(struct sim_end *end)
{
    struct sim_world *world = end->flow->world;

    if (end->ended || !instant_reached(end->next_read, world->now))
        return false;
    int64_t r = sim_call_receive(end);
    sim_watch_user_called(end->host);
    if (r == 0) {
        note_end_of_text(end);
        return false;
    }
    if (r > 0)
        end->refusals = 0;
    if (r == -ENOBUFS)
        try_later(end);
    else if (r < 0 && r != -EAGAIN)
        end_fails(end, (int)r);
    if (r > 0 && end->flow->is->pause.ns > 0) {
        end->next_read = instant_add(world->now, end->flow->is->pause);
        return false;
    }
    return r > 0;
}

static bool write_once(struct sim_end *end)
{
    uint64_t left = end->flow->is->size[end->side] - end->sent;

    if (end->shut || end->state != SIM_END_OPEN)
        return false;
    if (left == 0) {
        tunny_shutdown(end->host->stack, end->socket, SHUT_WR);
        end->shut = true;
        sim_watch_user_called(end->host);
        return false;
    }
    int64_t r = sim_call_send(end, left);
    sim_watch_user_called(end->host);
    if (r > 0)
        end->refusals = 0;
    if (r == -ENOBUFS)
        try_later(end);
    else if (r < 0 && r != -EAGAIN)
        end_fails(end, (int)r);
    return r > 0;
}

static void transfer(struct sim_end *end)
{
    bool again = true;

    while (again && end->state == SIM_END_OPEN) {
        again = read_once(end);
        if (end->state == SIM_END_OPEN)
            again |= write_once(end);
    }
    if (end->state == SIM_END_OPEN && end->ended && end->shut) {
        close_socket(end);
        end_is_over(end, 0);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static struct instant leave_time(const struct sim_end *end)
{
    const struct scenario_flow *is = end->flow->is;

    if (is->leave[end->side] == SCENARIO_STAY)
        return INSTANT_NEVER;
    return instant_add(instant_add(INSTANT_ZERO, is->start), is->leave_after[end->side]);
}

static void leaves_early(struct sim_end *end)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    end->left = true;
    if (end->flow->is->leave[end->side] == SCENARIO_ABORT && end->socket >= 0)
        tunny_setsockopt(end->host->stack, end->socket, SOL_SOCKET, SO_LINGER, &linger,
                         sizeof linger);
    end_fails(end, 0);
}

static void rearm(struct sim_end *end)
{
    struct instant now = end->flow->world->now, when = leave_time(end);

    if (end->state == SIM_END_OVER)
        return;
    if (end->state == SIM_END_WAITING)
        when = instant_min(when, instant_add(INSTANT_ZERO, end->flow->is->start));
    if (instant_before(now, end->next_read))
        when = instant_min(when, end->next_read);
    if (instant_before(now, end->retry))
        when = instant_min(when, end->retry);
    sim_schedule(end->flow->world, &end->actor, when);
}

void sim_end_run(struct sim_end *end)
{
    struct instant now = end->flow->world->now;

    if (end->state != SIM_END_OVER && instant_reached(leave_time(end), now))
        leaves_early(end);
    if (end->state == SIM_END_WAITING &&
        instant_reached(instant_add(INSTANT_ZERO, end->flow->is->start), now))
        client_connects(end);
    if (end->state == SIM_END_LISTENING)
        server_accepts(end);
    if (end->state == SIM_END_CONNECTING)
        client_asks(end);
    if (end->state == SIM_END_OPEN)
        transfer(end);
    rearm(end);
    sim_host_rearm(end->host);
}

/* --- flows ------------------------------------------------------------------------------------ */

void sim_flow_open(struct sim_flow *flow, struct sim_world *world, unsigned index)
{
    flow->world = world;
    flow->is = &world->scenario.flows[index];
    flow->index = index;
    for (unsigned side = 0; side < 2; side++) {
        struct sim_end *end = &flow->ends[side];
        end->actor.kind = SIM_END;
        end->flow = flow;
        end->side = side;
        end->socket = -1;
        end->host = world->nodes[flow->is->ends[side]].host;
        end->began = instant_add(INSTANT_ZERO, flow->is->start);
        random_seed(&end->random, world->seed + flow->is->calls * 7919 + index * 2 + side);
        world->open_ends++;
        rearm(end);
    }
    if (flow->is->refused)
        end_is_over(&flow->ends[1], 0);
}

void sim_ends_listen(struct sim_host *host)
{
    struct sim_world *world = host->node->world;

    for (unsigned i = 0; i < world->scenario.flow_count; i++) {
        struct sim_end *end = &world->flows[i].ends[1];
        if (end->host == host && end->state == SIM_END_WAITING)
            server_listens(end);
    }
}

void sim_ends_crash(struct sim_host *host)
{
    struct sim_world *world = host->node->world;

    for (unsigned i = 0; i < world->scenario.flow_count; i++) {
        for (unsigned side = 0; side < 2; side++) {
            struct sim_end *end = &world->flows[i].ends[side];
            if (end->host != host || end->socket < 0)
                continue;
            end->socket = -1;
            if (end->state == SIM_END_LISTENING) {
                end->state = SIM_END_WAITING;
                continue;
            }
            end->left = true;
            end_is_over(end, -EHOSTDOWN);
            if (side == 0)
                release_listener(&end->flow->ends[1]);
        }
    }
}

/* Whose connection this is, by its server's port; NULL: nobody's. */
static struct sim_end *end_of(struct sim_host *host, const struct flow *flow)
{
    const struct sim_world *world = host->node->world;
    unsigned local = (unsigned)flow->local.port - SIM_FIRST_PORT;
    unsigned remote = (unsigned)flow->remote.port - SIM_FIRST_PORT;

    if (remote < world->scenario.flow_count && world->flows[remote].ends[0].host == host)
        return &world->flows[remote].ends[0];
    if (local < world->scenario.flow_count && world->flows[local].ends[1].host == host)
        return &world->flows[local].ends[1];
    return NULL;
}

void sim_end_told(struct sim_host *host, const struct trace_record *record)
{
    struct sim_end *end = record->flow ? end_of(host, record->flow) : NULL;

    if (end == NULL)
        return;
    if (record->id == EVENT_rtt_sampled) {
        const struct event_rtt_sampled *sample = record->fields;
        histogram_add(&end->rtt, (uint64_t)duration_to_us(sample->rtt));
    } else if (record->id == EVENT_retransmitted) {
        end->retransmitted++;
    } else if (record->id == EVENT_retransmission_timeout) {
        end->timeouts++;
    } else if (record->id == EVENT_dsack_arrived) {
        end->spurious++;
    }
}
