/* See flows.h. The peer's numbers are the script's own, except behind a SYN-ACK that it answers our
 * SYN with: there the script counts from its ISN, as from ours. */
#include "flows.h"

enum { FIRST_REMOTE_PORT = 40001 };

void flows_init(struct flows *flows, struct arena *arena)
{
    *flows = (struct flows){.arena = arena, .next_remote_port = FIRST_REMOTE_PORT};
}

struct flow *flows_find(const struct flows *flows, uint8_t protocol, uint16_t local_port,
                        uint16_t remote_port)
{
    for (struct flow *flow = flows->all; flow != NULL; flow = flow->next)
        if (flow->protocol == protocol && flow->local_port == local_port &&
            flow->remote_port == remote_port)
            return flow;
    return NULL;
}

struct flow *flows_get(struct flows *flows, uint8_t protocol, uint16_t local_port,
                       uint16_t remote_port)
{
    if (remote_port == 0)
        remote_port = flows->next_remote_port++;
    struct flow *flow = flows_find(flows, protocol, local_port, remote_port);
    if (flow == NULL) {
        flow = arena_take(flows->arena, sizeof *flow);
        flow->protocol = protocol;
        flow->local_port = local_port;
        flow->remote_port = remote_port;
        flow->next = flows->all;
        flows->all = flow;
    }
    flows->current = flow;
    return flow;
}

static uint32_t shift(const struct flow *flow)
{
    return flow->iss_known ? flow->live_iss - flow->script_iss : 0;
}

uint32_t flow_live_seq(const struct flow *flow, uint32_t script)
{
    return script + shift(flow);
}

static struct tcp_option *find_option(struct packet_spec *spec, uint8_t kind)
{
    for (unsigned i = 0; i < spec->options_count; i++)
        if (spec->options[i].kind == kind)
            return &spec->options[i];
    return NULL;
}

/* The stack's timestamp that the script calls `script`: one that was seen, else one as far from the
 * last as the script says. */
static uint32_t live_stamp(const struct flow *flow, uint32_t script)
{
    unsigned kept = flow->stamps < FLOW_STAMPS ? flow->stamps : FLOW_STAMPS;
    for (unsigned i = 1; i <= kept; i++) {
        unsigned at = (flow->stamps - i) % FLOW_STAMPS;
        if (flow->stamp[at].script == script)
            return flow->stamp[at].live;
    }
    if (kept == 0)
        return script;
    unsigned last = (flow->stamps - 1) % FLOW_STAMPS;
    return script - flow->stamp[last].script + flow->stamp[last].live;
}

/* A SYN-ACK says its number as it is. */
static void remote_to_live(struct flow *flow, struct packet_spec *spec)
{
    bool answers = (spec->flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK);
    if (answers && flow->active)
        flow->remote_isn = spec->seq;
    else if (!(spec->flags & FLAG_SYN))
        spec->seq += flow->remote_isn;
}

void flow_to_live(struct flow *flow, struct packet_spec *spec)
{
    remote_to_live(flow, spec);
    if (spec->flags & FLAG_ACK) {
        spec->ack += shift(flow);
        struct tcp_option *stamp = find_option(spec, OPTION_TS);
        if (stamp != NULL)
            stamp->echo = live_stamp(flow, stamp->echo);
    }
    struct tcp_option *sack = find_option(spec, OPTION_SACK);
    for (unsigned i = 0; sack != NULL && i < sack->blocks; i++) {
        sack->block[i].left += shift(flow);
        sack->block[i].right += shift(flow);
    }
}

static void note_stamp(struct flow *flow, uint32_t script, uint32_t live)
{
    unsigned at = flow->stamps++ % FLOW_STAMPS;
    flow->stamp[at].script = script;
    flow->stamp[at].live = live;
}

/* The script's name for a timestamp that the stack sent: what the script expects here, else as far
 * from the last as it is. */
static uint32_t script_stamp(struct flow *flow, uint32_t live, const struct packet_spec *expected)
{
    for (unsigned i = 0; expected != NULL && i < expected->options_count; i++) {
        if (expected->options[i].kind != OPTION_TS)
            continue;
        note_stamp(flow, expected->options[i].value, live);
        return expected->options[i].value;
    }
    if (flow->stamps == 0)
        return live;
    unsigned last = (flow->stamps - 1) % FLOW_STAMPS;
    return live - flow->stamp[last].live + flow->stamp[last].script;
}

void flow_to_script(struct flow *flow, struct packet_spec *seen, const struct packet_spec *expected)
{
    if (seen->flags & FLAG_SYN && expected != NULL && expected->flags & FLAG_SYN) {
        flow->iss_known = true;
        flow->script_iss = expected->seq;
        flow->live_iss = seen->seq;
    }
    if ((seen->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
        flow->active = true;
    seen->seq -= shift(flow);
    if (seen->flags & FLAG_ACK)
        seen->ack -= flow->remote_isn;
    struct tcp_option *sack = find_option(seen, OPTION_SACK);
    for (unsigned i = 0; sack != NULL && i < sack->blocks; i++) {
        sack->block[i].left -= flow->remote_isn;
        sack->block[i].right -= flow->remote_isn;
    }
    struct tcp_option *stamp = find_option(seen, OPTION_TS);
    if (stamp != NULL)
        stamp->value = script_stamp(flow, stamp->value, expected);
}
