/* What the users of a flow do, see the header: open, send, read, compare, close. Every call is one
 * that an application could make (socket.h); none waits. */
#include "sim/sim_end.h"

#include <errno.h>
#include <linux/tcp.h>

#include "sim/sim_calls.h"
#include "sim/sim_open.h"
#include "sim/sim_watch.h"
#include "socket.h"
#include "tcp/tcp_demux.h"

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

void sim_end_closes_socket(struct sim_end *end)
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
    sim_end_closes_socket(other);
    end_is_over(other, 0);
    sim_host_rearm(other->host);
}

void sim_end_fails(struct sim_end *end, int error)
{
    sim_end_closes_socket(end);
    end_is_over(end, error);
    if (end->side == 0)
        release_listener(&end->flow->ends[1]);
}

void sim_end_tries_later(struct sim_end *end)
{
    if (++end->refusals > REFUSALS_MOST)
        sim_end_fails(end, -ENOBUFS);
    else
        end->retry = instant_add(end->flow->world->now, duration_ms(RETRY_MS));
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
        sim_end_tries_later(end);
    else if (r < 0 && r != -EAGAIN)
        sim_end_fails(end, (int)r);
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
    if (left == 0 && !sim_open_is_complete(end))
        return false; /* shutdown() would end it, as in Linux */
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
        sim_end_tries_later(end);
    else if (r < 0 && r != -EAGAIN)
        sim_end_fails(end, (int)r);
    return r > 0;
}

static void transfer(struct sim_end *end)
{
    bool again = true;

    if (end->flow->is->zerocopy)
        sim_call_reap(end);
    while (again && end->state == SIM_END_OPEN) {
        again = read_once(end);
        if (end->state == SIM_END_OPEN)
            again |= write_once(end);
    }
    if (end->state == SIM_END_OPEN && end->ended && end->shut) {
        sim_end_closes_socket(end);
        end_is_over(end, 0);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static struct instant leave_time(const struct sim_end *end)
{
    const struct scenario_flow *is = end->flow->is;

    if (is->leave[end->side] == SCENARIO_STAY || end->left)
        return INSTANT_NEVER;
    return instant_add(instant_add(INSTANT_ZERO, is->start), is->leave_after[end->side]);
}

static void leaves_early(struct sim_end *end)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    end->left = true;
    if (end->flow->is->leave[end->side] == SCENARIO_DEAF) {
        if (end->state == SIM_END_OPEN)
            tunny_shutdown(end->host->stack, end->socket, SHUT_RD);
        end->ended = true;
        sim_watch_user_called(end->host);
        return;
    }
    if (end->flow->is->leave[end->side] == SCENARIO_ABORT && end->socket >= 0)
        tunny_setsockopt(end->host->stack, end->socket, SOL_SOCKET, SO_LINGER, &linger,
                         sizeof linger);
    sim_end_fails(end, 0);
}

static void rearm(struct sim_end *end)
{
    struct instant now = end->flow->world->now, when = leave_time(end);

    if (end->state == SIM_END_OVER)
        return;
    if (end->state == SIM_END_WAITING)
        when = instant_min(when, instant_add(INSTANT_ZERO, end->flow->is->start));
    if (end->state == SIM_END_LISTENING && instant_before(now, sim_open_accept_time(end)))
        when = instant_min(when, sim_open_accept_time(end));
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
        sim_open_connect(end);
    if (end->state == SIM_END_LISTENING && instant_reached(sim_open_accept_time(end), now))
        sim_open_accept(end);
    if (end->state == SIM_END_CONNECTING)
        sim_open_ask(end);
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
        bool listens = end->state == SIM_END_WAITING && !end->flow->is->simultaneous;
        if (end->host == host && listens)
            sim_open_listen(end);
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

/* A client that stopped listening may have gone before its server, which has restarted or never
 * took the connection, can hear of it. */
void sim_ends_give_up(struct sim_world *world)
{
    for (unsigned i = 0; i < world->scenario.flow_count; i++) {
        const struct sim_end *client = &world->flows[i].ends[0];
        if (client->left && client->state == SIM_END_OVER)
            release_listener(&world->flows[i].ends[1]);
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

/* Who slows down for a mark was marked: the header's checksum covers IPv4's bits, so that damage
 * makes none. */
static void check_reduction(const struct sim_end *end, const struct flow *flow)
{
    struct sim_world *world = end->flow->world;
    const struct tcb *tcb = tcp_find(end->host->stack->tcp, flow);
    /* The counter of three bits may have gone round (RFC 9768, A.2): the worse is taken as true. */
    bool guesses = tcb && tcb->ecn.mode == ECN_ACCURATE && tcb->ecn.out.guessed_packets > 0;

    if (world->watch && !end->flow->is->ipv6 && !guesses && sim_marks(world) == 0)
        sim_fail(world, "marks: flow %s: the %s slowed down for a mark that nobody made",
                 end->flow->is->name, end->side ? "server" : "client");
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
    } else if (record->id == EVENT_timed_out) {
        const struct event_timed_out *out = record->fields;
        if (strcmp(out->timer, "user") == 0)
            sim_watch_gave_up(host, record->flow);
    } else if (record->id == EVENT_ecn_reduced) {
        check_reduction(end, record->flow);
    }
}
