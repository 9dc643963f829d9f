/* Flows and their excuses, see the header. Loss, delay, damage, small windows, odd calls, hostile
 * neighbours and old packets are none. */
#include "sim/sim_promise.h"

#include <errno.h>

#include "sim/sim_end.h"
#include "sim/sim_link.h"

enum { ENOUGH_MEMORY = 64 << 20 };

static bool somebody_leaves(const struct scenario_flow *is)
{
    return is->refused || is->leave[0] != SCENARIO_STAY || is->leave[1] != SCENARIO_STAY ||
           is->accept.ns > 0 || is->user_timeout.ns > 0;
}

static bool has_setting(const struct scenario_node *is, const char *setting)
{
    for (unsigned i = 0; i < is->setting_count; i++) {
        if (strcmp(is->settings[i], setting) == 0)
            return true;
    }
    return false;
}

static bool searches_mtu(const struct sim_end *end)
{
    const struct scenario_node *is = end->host->node->is;

    return has_setting(is, "tcp_mtu_probing=1") || has_setting(is, "tcp_mtu_probing=2");
}

/* A cookie forgets the connection whose last ACK of the handshake is lost (RFC 4987, 3.6). */
static bool host_had_trouble(const struct sim_world *world, unsigned node)
{
    const struct scenario *s = &world->scenario;

    for (unsigned i = 0; i < s->event_count; i++) {
        bool own = s->events[i].act == SCENARIO_RESTART || s->events[i].act == SCENARIO_STARVE;
        if (own && s->events[i].target == node)
            return true;
    }
    return s->nodes[node].memory < ENOUGH_MEMORY ||
           has_setting(&s->nodes[node], "tcp_syncookies=2");
}

static bool was_reset(const struct sim_world *world, const struct sim_flow *flow)
{
    const struct scenario *s = &world->scenario;

    for (unsigned i = 0; i < s->event_count; i++) {
        bool reset = s->events[i].act == SCENARIO_RESET && s->events[i].number == 0;
        if (reset && s->events[i].target == flow->index)
            return true;
    }
    return false;
}

/* A link that was down, loses in long bursts, or swallows what is large when a host does not look
 * for that (RFC 4821). */
static bool path_had_trouble(const struct sim_world *world, const struct sim_flow *flow)
{
    for (unsigned i = 0; i < world->scenario.link_count; i++) {
        if (world->links[i].specification.change_count > 0 ||
            strstr(world->links[i].is->spec, "gemodel"))
            return true;
        if (world->links[i].is->silent &&
            !(searches_mtu(&flow->ends[0]) && searches_mtu(&flow->ends[1])))
            return true;
    }
    return false;
}

static bool is_excused(const struct sim_world *world, const struct sim_flow *flow)
{
    const struct scenario_flow *is = flow->is;

    return somebody_leaves(is) || host_had_trouble(world, is->ends[0]) ||
           host_had_trouble(world, is->ends[1]) || was_reset(world, flow) ||
           path_had_trouble(world, flow);
}

static void check_end(struct sim_world *world, const struct sim_end *end)
{
    /* Who connects to somebody who has not begun to connect is refused. */
    bool early = end->flow->is->simultaneous && end->error == -ECONNREFUSED;

    if (end->error && !early)
        sim_fail(world, "promise: flow %s: the %s ended with %s and has no excuse",
                 end->flow->is->name, end->side ? "server" : "client", strerror(-end->error));
}

void sim_promise_check(struct sim_world *world)
{
    for (unsigned i = 0; world->watch && i < world->scenario.flow_count; i++) {
        const struct sim_flow *flow = &world->flows[i];
        if (is_excused(world, flow))
            continue;
        check_end(world, &flow->ends[0]);
        check_end(world, &flow->ends[1]);
    }
}
