/* Worlds from beginning to end, see the header: made out of a scenario, run by one loop over one
 * heap, asked for results. Called through tunny.h. */
#include "sim/sim_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "sim/sim_capture.h"
#include "sim/sim_datagrams.h"
#include "sim/sim_end.h"
#include "sim/sim_forge.h"
#include "sim/sim_hostile.h"
#include "sim/sim_link.h"
#include "sim/sim_promise.h"
#include "sim/sim_watch.h"

struct tunny_world {
    struct sim_world world;
};

enum {
    IDLE_STEPS_MOST = 2000000, /* at one time: then something goes round in circles */
    HEAP_BYTES = 4 << 20,
    DAY_S = 86400,
    PATIENCE_S = 7200, /* in which some user gets on, when everything planned has begun */
    DAYS_MOST = 60,    /* for all users together */
    REST_S = 3600,     /* for connections to be gone when their users are */
    CALM_S = 120,      /* for what is still under way on links, and what it provokes */
    QUIET_S = 120,     /* nothing may be said then */
};

/* --- time ------------------------------------------------------------------------------------- */

void sim_schedule(struct sim_world *world, struct sim_actor *actor, struct instant when)
{
    if (!instant_is_never(when))
        when = instant_max(when, world->now);
    timer_heap_set(&world->heap, &actor->timer, when);
}

void sim_fail(struct sim_world *world, const char *format, ...)
{
    char sentence[SIM_FAILURE_SIZE - 40];
    va_list arguments;

    if (world->failure[0])
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    snprintf(world->failure, sizeof world->failure, "%s (at %.6f s)", sentence,
             (double)world->now.ns / 1e9);
}

static struct instant events_time(const struct sim_world *world)
{
    if (world->next_event == world->scenario.event_count)
        return INSTANT_NEVER;
    return instant_add(INSTANT_ZERO, world->scenario.events[world->next_event].at);
}

static void restart(struct sim_world *world, struct sim_host *host)
{
    char reason[256];

    sim_host_stop(host);
    host->incarnation++;
    if (sim_host_start(host, reason, sizeof reason) < 0)
        sim_fail(world, "restart: %s", reason);
}

static void run_event(struct sim_world *world)
{
    const struct scenario_event *event = &world->scenario.events[world->next_event++];
    struct sim_host *host;

    switch (event->act) {
    case SCENARIO_RESTART:
        restart(world, world->nodes[event->target].host);
        break;
    case SCENARIO_STARVE:
        host = world->nodes[event->target].host;
        if (host->stack)
            host->stack->memory.fail_at = host->stack->memory.takes + event->number;
        break;
    case SCENARIO_REPLAY:
        sim_link_replay(&world->links[event->target], event->number);
        break;
    case SCENARIO_RESET:
        sim_forge_reset(&world->flows[event->target], event->number);
        break;
    }
    sim_schedule(world, &world->events, events_time(world));
}

static void act(struct sim_world *world, struct sim_actor *actor)
{
    struct sim_node *node = (struct sim_node *)(void *)actor;

    switch (actor->kind) {
    case SIM_HOST:
        sim_host_run(node->host);
        break;
    case SIM_ROUTER:
        sim_router_run(node);
        break;
    case SIM_LINK:
        sim_link_run((struct sim_link *)(void *)actor);
        break;
    case SIM_END:
        sim_end_run((struct sim_end *)(void *)actor);
        break;
    case SIM_EVENTS:
        run_event(world);
        break;
    case SIM_HOSTILE:
        sim_hostile_run((struct sim_hostile *)(void *)actor);
        break;
    case SIM_DATAGRAMS:
        sim_datagrams_run((struct sim_datagrams *)(void *)actor);
        break;
    }
}

/* The earliest actor acts, unless that is after `until`; false: nothing more until then. */
static bool step(struct sim_world *world, struct instant until)
{
    struct timer_entry *first = timer_heap_first(&world->heap);

    if (first == NULL || instant_before(until, first->when) || world->failure[0])
        return false;
    world->idle_steps = instant_before(world->now, first->when) ? 0 : world->idle_steps + 1;
    world->now = instant_max(world->now, first->when);
    timer_heap_set(&world->heap, first, INSTANT_NEVER);
    world->steps++;
    act(world, (struct sim_actor *)(void *)first);
    if (world->idle_steps > IDLE_STEPS_MOST)
        sim_fail(world, "progress: the clock stands still");
    return !world->failure[0];
}

static void run_until(struct sim_world *world, struct instant until)
{
    while (step(world, until))
        continue;
    if (!world->failure[0])
        world->now = instant_max(world->now, until);
}

/* --- running to the end ----------------------------------------------------------------------- */

static const char *const state_names[] = {"waits to begin", "listens", "connects", "is open",
                                          "is over"};

static void complain_of_users(struct sim_world *world)
{
    for (unsigned i = 0; i < world->scenario.flow_count * 2; i++) {
        const struct sim_end *end = &world->flows[i / 2].ends[i % 2];
        if (end->state != SIM_END_OVER)
            sim_fail(world, "progress: flow %s: the %s %s still; sent %llu, received %llu",
                     end->flow->is->name, end->side ? "server" : "client", state_names[end->state],
                     (unsigned long long)end->sent, (unsigned long long)end->received);
    }
}

/* When the last thing that the scenario plans has begun. */
static struct instant last_beginning(const struct sim_world *world)
{
    const struct scenario *s = &world->scenario;
    struct duration last = {0};

    for (unsigned i = 0; i < s->flow_count; i++)
        last = duration_max(last, s->flows[i].start);
    for (unsigned i = 0; i < s->event_count; i++)
        last = duration_max(last, s->events[i].at);
    for (unsigned i = 0; i < s->link_count; i++) {
        const struct impair_specification *spec = &world->links[i].specification;
        if (spec->change_count)
            last = duration_max(last, spec->changes[spec->change_count - 1].at);
    }
    for (unsigned i = 0; i < s->hostile_count; i++)
        last = duration_max(
            last, duration_add(s->hostiles[i].start,
                               duration_times(s->hostiles[i].gap, s->hostiles[i].packets)));
    return instant_add(INSTANT_ZERO, last);
}

static uint64_t connections(const struct sim_world *world)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < world->scenario.node_count; i++) {
        const struct sim_host *host = world->nodes[i].host;
        if (host == NULL || host->stack == NULL)
            continue;
        struct tcp *tcp = host->stack->tcp;
        for (const struct tcb *tcb = tcp_each(tcp, NULL); tcb; tcb = tcp_each(tcp, tcb))
            sum++;
    }
    return sum;
}

static void check_rest(struct sim_world *world)
{
    run_until(world, instant_add(world->now, duration_s(CALM_S)));
    uint64_t before = world->packets;
    run_until(world, instant_add(world->now, duration_s(QUIET_S)));
    if (world->packets != before)
        sim_fail(world, "quiet: %llu packets after everything was closed",
                 (unsigned long long)(world->packets - before));
    for (unsigned i = 0; i < world->scenario.node_count; i++) {
        if (world->nodes[i].host)
            sim_watch_at_rest(world->nodes[i].host);
    }
}

/* All users are gone: connections must follow them, then there must be silence. */
static void come_to_rest(struct sim_world *world)
{
    for (unsigned i = 0; i < world->scenario.node_count; i++) {
        if (world->nodes[i].host == NULL)
            continue;
        sim_datagrams_stop(world->nodes[i].host);
        sim_sink_close(world->nodes[i].host);
    }
    struct instant limit = instant_add(world->now, duration_s(REST_S));
    while (connections(world) > 0 && instant_before(world->now, limit) && !world->failure[0])
        run_until(world, instant_add(world->now, duration_s(10)));
    if (connections(world) > 0)
        sim_fail(world, "quiet: %llu connections an hour after their users have gone",
                 (unsigned long long)connections(world));
    check_rest(world);
}

/* Whatever users have achieved: it grows. */
static uint64_t progress(const struct sim_world *world)
{
    uint64_t sum = world->next_event;

    for (unsigned i = 0; i < world->scenario.flow_count * 2; i++) {
        const struct sim_end *end = &world->flows[i / 2].ends[i % 2];
        sum += end->sent + end->received + (uint64_t)end->state;
    }
    for (unsigned i = 0; i < world->scenario.hostile_count; i++)
        sum += world->hostiles[i].sent;
    for (unsigned i = 0; i < world->scenario.datagrams_count; i++)
        sum += world->datagrams[i].tried;
    return sum;
}

static bool is_busy(const struct sim_world *world)
{
    return world->open_ends > 0 || world->busy_others > 0 ||
           world->next_event < world->scenario.event_count;
}

static void run_watched(struct sim_world *world)
{
    struct instant last = instant_add(INSTANT_ZERO, duration_s(DAYS_MOST * DAY_S));
    struct instant limit = last_beginning(world);
    uint64_t before;

    do {
        before = progress(world);
        limit = instant_add(limit, duration_s(PATIENCE_S));
        while (is_busy(world) && step(world, limit))
            continue;
    } while (is_busy(world) && progress(world) != before && instant_before(limit, last) &&
             !world->failure[0]);
    sim_ends_give_up(world);
    if (world->open_ends > 0)
        complain_of_users(world);
    sim_promise_check(world);
    if (!world->failure[0])
        come_to_rest(world);
}

int tunny_world_run(struct tunny_world *made)
{
    struct sim_world *world = &made->world;
    struct duration until = world->scenario.until;

    if (world->config.until_ns)
        until = duration_ns(world->config.until_ns);
    if (until.ns > 0)
        run_until(world, instant_add(INSTANT_ZERO, until));
    else if (world->watch)
        run_watched(world);
    else
        while (world->open_ends > 0 && step(world, instant_add(INSTANT_ZERO, duration_s(DAY_S))))
            continue;
    return world->failure[0] ? -EPROTO : 0;
}

const char *tunny_world_failure(const struct tunny_world *made)
{
    return made->world.failure;
}

/* --- results ---------------------------------------------------------------------------------- */

unsigned tunny_world_flows(const struct tunny_world *made)
{
    return made->world.scenario.flow_count;
}

static struct instant when_over(const struct sim_end *end)
{
    return end->state == SIM_END_OVER ? end->over : end->flow->world->now;
}

static void tell_side(const struct sim_end *end, struct tunny_world_side *side)
{
    *side = (struct tunny_world_side){
        .host = end->host->node->is->name,
        .sent = end->sent,
        .received = end->received,
        .finished = end->state == SIM_END_OVER,
        .error = end->error,
        .left = end->left,
        .retransmitted = end->retransmitted,
        .spurious = end->spurious,
        .timeouts = end->timeouts,
        .rtt_samples = end->rtt.count,
        .rtt_p50_us = histogram_percentile(&end->rtt, 50),
        .rtt_p95_us = histogram_percentile(&end->rtt, 95),
        .rtt_p99_us = histogram_percentile(&end->rtt, 99),
    };
}

int tunny_world_flow(const struct tunny_world *made, unsigned index, struct tunny_world_flow *flow)
{
    if (index >= made->world.scenario.flow_count)
        return 0;
    const struct sim_flow *f = &made->world.flows[index];
    struct instant began = instant_add(INSTANT_ZERO, f->is->start);
    struct instant over = instant_max(when_over(&f->ends[0]), when_over(&f->ends[1]));
    *flow = (struct tunny_world_flow){
        .name = f->is->name,
        .congestion = f->is->congestion[0] ? f->is->congestion : tunny_congestion(0),
        .size = f->is->size[0],
        .reply = f->is->size[1],
        .start_ns = began.ns,
        .took_ns = instant_before(began, over) ? instant_since(over, began).ns : 0,
    };
    tell_side(&f->ends[0], &flow->client);
    tell_side(&f->ends[1], &flow->server);
    uint64_t bytes = f->ends[0].received + f->ends[1].received;
    if (flow->took_ns > 0)
        flow->goodput = (uint64_t)((double)bytes * 8e9 / (double)flow->took_ns);
    return 1;
}

uint64_t sim_marks(const struct sim_world *world)
{
    uint64_t sum = world->marks;

    for (unsigned i = 0; i < world->scenario.link_count * 2; i++)
        sum += impair_direction_counts(&world->links[i / 2].directions[i % 2]).ecn_marked;
    return sum;
}

struct tunny_world_totals tunny_world_totals(const struct tunny_world *made)
{
    const struct sim_world *world = &made->world;
    struct tunny_world_totals totals = {
        .seed = world->seed,
        .now_ns = world->now.ns,
        .packets = world->packets,
        .steps = world->steps,
        .marked = sim_marks(world),
        .hosts = world->scenario.node_count,
    };

    for (unsigned i = 0; i < world->scenario.link_count * 2; i++) {
        struct netem_counts c = impair_direction_counts(&world->links[i / 2].directions[i % 2]);
        totals.lost += c.lost + c.overlimit;
    }
    return totals;
}

/* --- making and unmaking ---------------------------------------------------------------------- */

static void fill_pattern(struct sim_world *world)
{
    struct random random;

    random_seed(&random, 42);
    for (size_t i = 0; i < sizeof world->pattern; i++)
        world->pattern[i] = i < SIM_PATTERN_PERIOD ? (uint8_t)random_u32(&random)
                                                   : world->pattern[i - SIM_PATTERN_PERIOD];
}

static int take_parts(struct sim_world *world)
{
    const struct scenario *s = &world->scenario;
    unsigned actors = s->node_count + s->link_count + 2 * s->flow_count + s->hostile_count +
                      s->datagrams_count + 1;

    int r = memory_init(&world->memory, HEAP_BYTES);
    if (r < 0)
        return r;
    timer_heap_init(&world->heap, &world->memory);
    r = timer_heap_reserve(&world->heap, actors);
    world->nodes = calloc(s->node_count + 1, sizeof *world->nodes);
    world->links = calloc(s->link_count + 1, sizeof *world->links);
    world->flows = calloc(s->flow_count + 1, sizeof *world->flows);
    world->hostiles = calloc(s->hostile_count + 1, sizeof *world->hostiles);
    world->datagrams = calloc(s->datagrams_count + 1, sizeof *world->datagrams);
    if (!world->nodes || !world->links || !world->flows || !world->hostiles || !world->datagrams)
        return -ENOMEM;
    return r;
}

static int open_node(struct sim_world *world, unsigned index)
{
    struct sim_node *node = &world->nodes[index];

    node->world = world;
    node->is = &world->scenario.nodes[index];
    node->index = index;
    node->actor.kind = node->is->router ? SIM_ROUTER : SIM_HOST;
    node->address4 = address_from_ipv4_u32(0x0a000001u + index);
    node->address6.bytes[0] = 0xfd;
    node->address6.bytes[15] = (uint8_t)(index + 1);
    node->mtu = node->is->mtu;
    for (unsigned i = 0; i < world->scenario.link_count; i++) {
        const struct scenario_link *link = &world->scenario.links[i];
        bool ours = link->ends[0] == index || link->ends[1] == index;
        if (ours && link->mtu && link->mtu < node->mtu)
            node->mtu = link->mtu;
    }
    if (node->is->router)
        return 0;
    node->host = calloc(1, sizeof *node->host);
    if (node->host == NULL)
        return -ENOMEM;
    node->host->node = node;
    node->host->sink_listener = -1;
    return 0;
}

/* A flow that cannot go anywhere is a mistake of the scenario's. */
static int check_ways(struct sim_world *world, char *error, size_t error_size)
{
    for (unsigned i = 0; i < world->scenario.flow_count; i++) {
        const struct scenario_flow *flow = &world->scenario.flows[i];
        unsigned from = flow->ends[0], to = flow->ends[1];
        if (from != to && world->nodes[from].routes[to].link < 0) {
            snprintf(error, error_size, "flow %s: there is no way from %s to %s", flow->name,
                     world->nodes[from].is->name, world->nodes[to].is->name);
            return -EINVAL;
        }
    }
    return 0;
}

static void keep_histories(struct sim_world *world)
{
    for (unsigned i = 0; i < world->scenario.event_count; i++) {
        if (world->scenario.events[i].act == SCENARIO_REPLAY)
            world->links[world->scenario.events[i].target].keeps_history = true;
    }
}

static int open_nodes_and_links(struct sim_world *world, char *error, size_t error_size)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < world->scenario.node_count; i++)
        r = open_node(world, i);
    for (unsigned i = 0; r == 0 && i < world->scenario.link_count; i++)
        r = sim_link_open(&world->links[i], world, &world->scenario.links[i], error, error_size);
    if (r == 0)
        r = sim_routes_open(world);
    if (r == 0)
        r = check_ways(world, error, error_size);
    if (r == 0)
        keep_histories(world);
    return r;
}

static int open_users(struct sim_world *world, char *error, size_t error_size)
{
    int r = 0;

    for (unsigned i = 0; i < world->scenario.flow_count; i++)
        sim_flow_open(&world->flows[i], world, i);
    for (unsigned i = 0; i < world->scenario.hostile_count; i++)
        sim_hostile_open(&world->hostiles[i], world, i);
    for (unsigned i = 0; i < world->scenario.datagrams_count; i++)
        sim_datagrams_open(&world->datagrams[i], world, i);
    for (unsigned i = 0; r == 0 && i < world->scenario.node_count; i++) {
        if (world->nodes[i].host)
            r = sim_host_start(world->nodes[i].host, error, error_size);
    }
    world->events.kind = SIM_EVENTS;
    sim_schedule(world, &world->events, events_time(world));
    return r;
}

static int open_capture(struct sim_world *world, char *error, size_t error_size)
{
    char comment[512];

    if (world->config.capture == NULL)
        return 0;
    snprintf(comment, sizeof comment, "%s; seed %llu; %s", tunny_version(),
             (unsigned long long)world->seed, world->config.note ? world->config.note : "");
    return sim_capture_open(world->config.capture, comment, &world->capture, error, error_size);
}

static int open_world(struct sim_world *world, char *error, size_t error_size)
{
    enum { LEAST_SLOT = 1500 };
    int r = scenario_parse(world->config.scenario, &world->scenario, error, error_size);

    if (r < 0)
        return r;
    world->seed = world->config.seed ? world->config.seed : world->scenario.seed;
    if (world->seed == 0)
        world->seed = 1;
    world->mtu = LEAST_SLOT;
    for (unsigned i = 0; i < world->scenario.node_count; i++) {
        if (world->scenario.nodes[i].mtu > world->mtu)
            world->mtu = world->scenario.nodes[i].mtu;
    }
    random_seed(&world->random, world->seed);
    fill_pattern(world);
    snprintf(error, error_size, "out of memory");
    r = take_parts(world);
    if (r == 0)
        r = open_nodes_and_links(world, error, error_size);
    if (r == 0)
        r = open_capture(world, error, error_size);
    if (r == 0 && world->config.check)
        r = sim_watch_open(world);
    return r < 0 ? r : open_users(world, error, error_size);
}

int tunny_world_create(const struct tunny_world_config *config, struct tunny_world **made,
                       char *error, size_t error_size)
{
    struct tunny_world *world = calloc(1, sizeof *world);

    if (world == NULL) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    world->world.config = *config;
    int r = open_world(&world->world, error, error_size);
    if (r < 0) {
        tunny_world_destroy(world);
        return r;
    }
    *made = world;
    return 0;
}

static void close_node(struct sim_node *node)
{
    sim_queue_clear(&node->arrived);
    free(node->routes);
    if (node->host == NULL)
        return;
    sim_host_stop(node->host);
    free(node->host->ends);
    free(node->host->sinks);
    free(node->host);
}

int tunny_world_destroy(struct tunny_world *made)
{
    if (made == NULL)
        return 0;
    struct sim_world *world = &made->world;
    for (unsigned i = 0; world->nodes && i < world->scenario.node_count; i++)
        close_node(&world->nodes[i]);
    for (unsigned i = 0; world->links && i < world->scenario.link_count; i++)
        sim_link_close(&world->links[i]);
    int r = sim_capture_close(world->capture);
    sim_watch_close(world);
    free(world->nodes);
    free(world->links);
    free(world->flows);
    free(world->hostiles);
    free(world->datagrams);
    scenario_free(&world->scenario);
    if (world->memory.region) {
        timer_heap_destroy(&world->heap);
        memory_destroy(&world->memory);
    }
    free(made);
    return r;
}
