/* Packet lines: those that arrive are built and injected, those that are expected are waited for
 * and compared. See world.h. */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "match.h"
#include "world.h"

/* How long beyond its time a packet is waited for, so that the failure can say when it came. */
enum { PATIENCE_US = 5000000 };

static uint8_t protocol_of(const struct packet_spec *spec)
{
    if (spec->kind == PACKET_ICMP)
        return spec->quoted.said ? spec->quoted.protocol : IPPROTO_TCP;
    return spec->kind == PACKET_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

/* --- arriving
 * ------------------------------------------------------------------------------------------- */

/* The conversation of a packet that arrives. One that names no ports belongs to the current one; a
 * SYN opens one when there is none or the last one was reset. */
static struct flow *flow_of_arrival(struct world *world, const struct packet_spec *spec)
{
    struct flows *flows = &world->flows;
    uint8_t protocol = protocol_of(spec);
    if (spec->destination_port != 0)
        return flows_get(flows, protocol, spec->destination_port, spec->source_port);
    struct flow *current = flows->current;
    bool opens = spec->kind == PACKET_TCP && (spec->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
    if (current == NULL || current->protocol != protocol || (opens && current->reset))
        current = flows_get(flows, protocol, world->options.local.port, 0);
    return current;
}

static void aim(const struct world *world, const struct flow *flow, struct place *from,
                struct place *to)
{
    *from = world->options.remote;
    *to = world->options.local;
    from->port = flow->remote_port;
    to->port = flow->local_port;
}

bool wire_inject(struct world *world, const struct event *event)
{
    struct packet_spec spec = *event->packet;
    struct flow *flow = flow_of_arrival(world, &spec);
    struct place from, to;
    uint8_t bytes[PACKET_BYTES_MOST];
    aim(world, flow, &from, &to);
    flow_to_live(flow, &spec);
    if (spec.quoted.said && spec.quoted.protocol == IPPROTO_TCP)
        spec.quoted.seq = flow_live_seq(flow, spec.quoted.seq);
    size_t length = packet_build(&spec, &from, &to, bytes);
    if (length == 0)
        return world_fails(world, event->line, "this packet is too long to be built");
    world_tell(world, "%s", event->text);
    tunny_virtual_inject(world->stack, bytes, length);
    if (spec.flags & FLAG_RST)
        flow->reset = true;
    world_settle(world);
    return world->verdict == VERDICT_PASS;
}

/* --- expected
 * ------------------------------------------------------------------------------------------- */

static bool collect(struct world *world, struct seen_packet *seen)
{
    struct tunny_virtual_packet packet;
    if (tunny_virtual_collect(world->stack, &packet) < 0)
        return false;
    packet_read(packet.data, packet.length, seen);
    seen->segment = packet.segment;
    seen->when_us = packet.when_ns / 1000;
    return true;
}

/* The oldest packet that the stack has sent, into world->seen. */
static bool take_packet(struct world *world)
{
    if (world->has_seen)
        return true;
    if (world->has_ahead)
        world->seen = world->ahead;
    else if (!collect(world, &world->seen))
        return false;
    world->has_ahead = false;
    world->has_seen = true;
    return true;
}

/* Text that follows directly, sent at the same time and saying the same otherwise. */
static bool continues(const struct seen_packet *first, const struct seen_packet *next)
{
    const struct packet_spec *one = &first->spec, *other = &next->spec;
    uint8_t options[2 * OPTIONS_LONGEST + 4] = {0}, more[2 * OPTIONS_LONGEST + 4] = {0};
    size_t length = options_build(one, options);
    return other->kind == PACKET_TCP && next->fault == NULL && first->fault == NULL &&
           first->when_us == next->when_us && other->length > 0 &&
           other->seq == one->seq + one->length && other->ack == one->ack &&
           first->from.port == next->from.port && first->to.port == next->to.port &&
           !((one->flags | other->flags) & (FLAG_SYN | FLAG_RST | FLAG_URG)) &&
           !(one->flags & FLAG_FIN) && length == options_build(other, more) &&
           memcmp(options, more, length) == 0;
}

/* Where the script expects more text in one packet than came, packets that follow one another are
 * taken as one, as packetdrill does: how a flight is cut into super-segments is nobody's business.
 * PSH is that of the last one.
 */
static void join(struct world *world, const struct packet_spec *expected)
{
    struct packet_spec *spec = &world->seen.spec;
    while (spec->kind == PACKET_TCP && spec->length > 0 && spec->length < expected->length) {
        if (!world->has_ahead && !collect(world, &world->ahead))
            return;
        world->has_ahead = true;
        if (!continues(&world->seen, &world->ahead))
            return;
        uint32_t segment = world->seen.segment ? world->seen.segment : spec->length;
        spec->length += world->ahead.spec.length;
        spec->flags = (uint16_t)((spec->flags & ~FLAG_PSH) | world->ahead.spec.flags);
        world->seen.segment = (uint16_t)segment;
        world->has_ahead = false;
    }
}

/* Waits for a packet, at most until `until_us`. */
static bool await_packet(struct world *world, int64_t until_us)
{
    while (!take_packet(world)) {
        if (world->verdict != VERDICT_PASS || world_now_us(world) >= until_us)
            return false;
        world_step(world, until_us);
    }
    return true;
}

/* A super-segment stands for the wire packets that the device cuts from it. When the script writes
 * those, the first ones are taken off: all but the last lose PSH and FIN, as cutting does. */
static struct seen_packet cut(struct world *world, const struct packet_spec *expected)
{
    struct seen_packet first = world->seen;
    struct packet_spec *rest = &world->seen.spec;
    uint16_t segment = world->seen.segment;
    bool fits = segment > 0 && expected->kind == PACKET_TCP && expected->length > 0 &&
                expected->length < rest->length && expected->length % segment == 0;
    if (!fits) {
        world->has_seen = false;
        return first;
    }
    first.spec.length = expected->length;
    first.spec.flags &= (uint16_t) ~(FLAG_PSH | FLAG_FIN);
    rest->seq += expected->length;
    rest->length -= expected->length;
    rest->flags &= (uint16_t)~FLAG_CWR;
    return first;
}

/* The conversation of a packet that was sent: SYNs may begin one. */
static struct flow *flow_of_departure(struct world *world, const struct seen_packet *seen)
{
    uint8_t protocol = protocol_of(&seen->spec);
    struct flow *flow = flows_find(&world->flows, protocol, seen->from.port, seen->to.port);
    if (flow == NULL && seen->from.port != 0)
        flow = flows_get(&world->flows, protocol, seen->from.port, seen->to.port);
    return flow;
}

static void to_script(struct world *world, struct seen_packet *seen,
                      const struct packet_spec *expected)
{
    struct flow *flow = flow_of_departure(world, seen);
    if (flow == NULL || seen->spec.kind != PACKET_TCP)
        return;
    flow_to_script(flow, &seen->spec, expected);
    if (seen->spec.flags & FLAG_RST)
        flow->reset = true;
}

static bool misses(struct world *world, const struct event *event)
{
    return world_fails(world, event->line, "expected at %.6f: %s\n  got: no packet, up to %.6f",
                       (double)event->start_us / 1e6, event->text,
                       (double)world_now_us(world) / 1e6);
}

static bool differs(struct world *world, const struct event *event, const struct seen_packet *seen,
                    const char *difference)
{
    char expected[PACKET_TEXT], got[PACKET_TEXT];
    return world_fails(world, event->line, "%s\n  expected at %.6f: %s\n  got at      %.6f: %s",
                       difference, (double)event->start_us / 1e6,
                       packet_text(event->packet, seen->from.ipv6, expected),
                       (double)seen->when_us / 1e6, packet_text(&seen->spec, seen->from.ipv6, got));
}

static bool is_late_or_early(struct world *world, const struct event *event,
                             const struct seen_packet *seen)
{
    char difference[DIFFERENCE_TEXT];
    if (event->time_kind == TIME_ANY ||
        world_on_time(world, seen->when_us, event->start_us, event->stop_us))
        return false;
    if (event->range)
        snprintf(difference, sizeof difference, "time: expected from %.6f to %.6f, got %.6f",
                 (double)event->start_us / 1e6, (double)event->stop_us / 1e6,
                 (double)seen->when_us / 1e6);
    else
        snprintf(difference, sizeof difference, "time: expected %.6f, got %.6f (%+.6f)",
                 (double)event->start_us / 1e6, (double)seen->when_us / 1e6,
                 (double)(seen->when_us - event->start_us) / 1e6);
    differs(world, event, seen, difference);
    return true;
}

/* 198.18.0.1 sends from there and to the other place only. */
static bool is_misaddressed(const struct world *world, const struct seen_packet *seen)
{
    const struct place *local = &world->options.local, *remote = &world->options.remote;
    size_t length = local->ipv6 ? 16 : 4;
    return seen->from.ipv6 != local->ipv6 ||
           memcmp(seen->from.address, local->address, length) != 0 ||
           memcmp(seen->to.address, remote->address, length) != 0;
}

bool wire_expect(struct world *world, const struct event *event)
{
    char difference[DIFFERENCE_TEXT];
    int64_t until = event->time_kind == TIME_ANY ? INT64_MAX / 2000 : event->stop_us + PATIENCE_US;
    if (!await_packet(world, until))
        return world->verdict == VERDICT_PASS && misses(world, event);
    world_tell_trace(world);
    join(world, event->packet);
    struct seen_packet seen = cut(world, event->packet);
    to_script(world, &seen, event->packet);
    if (seen.fault != NULL)
        return differs(world, event, &seen, seen.fault);
    if (is_misaddressed(world, &seen))
        return differs(world, event, &seen, "an address of the packet is wrong");
    if (!packet_matches(event->packet, &seen.spec, seen.from.ipv6, difference))
        return differs(world, event, &seen, difference);
    if (is_late_or_early(world, event, &seen))
        return false;
    world->packets++;
    world_tell(world, "%s", event->text);
    /* Events after one without a fixed time count from when it was. */
    if (event->time_kind == TIME_ANY || event->range)
        world->last_us = seen.when_us;
    return true;
}

void wire_leftovers(struct world *world)
{
    char text[PACKET_TEXT];
    while (take_packet(world)) {
        world->has_seen = false;
        to_script(world, &world->seen, NULL);
        packet_text(&world->seen.spec, world->seen.from.ipv6, text);
        world_remark(world, "not expected by the script: %s (at %.6f)", text,
                     (double)world->seen.when_us / 1e6);
        if (world->options.strict)
            world_fails(world, 0, "at the end, a packet that no line expects\n  got at %.6f: %s",
                        (double)world->seen.when_us / 1e6, text);
    }
}
