/* The whole machine on a page: device -> ip -> tcp or udp -> socket and back, and one turn of the
 * loop. Everything that is there is read before anything is sent (RFC 9293, 3.9.2, MUST-58,
 * MUST-59); then timers act; then ip, udp and tcp are asked for what they owe until they owe
 * nothing. Called by the public calls and by whoever drives a stack; the only place that knows all
 * layers. */
#include "stack.h"

#include <errno.h>

#include "wire/icmp.h"
#include "wire/ipv4.h"

/* --- up --------------------------------------------------------------------------------------- */

/* Only a segment that may open a connection needs to know the path. */
static bool has_syn(struct bytes segment)
{
    enum { FLAGS_AT = 13 };
    return segment.len > FLAGS_AT && segment.data[FLAGS_AT] & TCP_SYN;
}

static void deliver_tcp(struct tunny *stack, const struct ip_datagram *datagram, struct instant now)
{
    struct tcp_arrival arrival = {
        .source = datagram->source,
        .destination = datagram->destination,
        .tos = datagram->tos,
        .ttl = datagram->ttl,
        .to_group = datagram->to_group,
        .checksum_trusted = datagram->checksum_trusted,
        .gso_size = datagram->gso_size,
        .payload = datagram->payload,
    };
    if (has_syn(datagram->payload))
        arrival.path_mtu = ip_path_mtu(stack->ip, &datagram->source, now);
    tcp_arrives(stack->tcp, &arrival, now);
}

static void deliver_udp(struct tunny *stack, const struct ip_datagram *datagram, struct instant now)
{
    struct udp_arrival arrival = {
        .source = datagram->source,
        .destination = datagram->destination,
        .to_group = datagram->to_group,
        .checksum_trusted = datagram->checksum_trusted,
        .tos = datagram->tos,
        .ttl = datagram->ttl,
        .gso_size = datagram->gso_size,
        .payload = datagram->payload,
    };
    if (udp_input(stack->udp, &arrival) || stack_guest_takes(stack, datagram))
        return;
    ip_refuse(stack->ip, datagram, IP_REFUSE_PORT, now);
}

static void deliver(struct tunny *stack, const struct ip_datagram *datagram, struct instant now)
{
    if (datagram->protocol == PROTOCOL_TCP) {
        deliver_tcp(stack, datagram, now);
    } else if (datagram->protocol == PROTOCOL_UDP) {
        deliver_udp(stack, datagram, now);
    } else {
        trace_drop(&stack->trace, DROP_ip_unknown_protocol);
        ip_refuse(stack->ip, datagram, IP_REFUSE_PROTOCOL, now);
    }
}

static bool is_too_big(const struct ip_error *error)
{
    if (error->ipv6)
        return error->type == ICMPV6_PACKET_TOO_BIG;
    return error->type == ICMP_UNREACHABLE && error->code == ICMP_FRAGMENTATION_NEEDED;
}

/* RFC 5927: an error is believed by who finds the quoted packet among those that it has sent. */
static bool is_believed(struct tunny *stack, const struct ip_error *error, struct instant now)
{
    if (error->protocol == PROTOCOL_UDP) {
        udp_error(stack->udp, &error->flow, error->errnum);
        return is_too_big(error) && sockets_sends(&stack->sockets, &error->flow);
    }
    if (error->protocol != PROTOCOL_TCP)
        return false;
    struct tcp_icmp icmp = {
        .flow = error->flow,
        .type = error->type,
        .code = error->code,
        .errnum = error->errnum,
        .hard = error->hard,
        .too_big = is_too_big(error),
        .mtu = is_too_big(error) ? error->mtu : 0,
        .transport = error->transport,
    };
    return tcp_icmp_arrives(stack->tcp, &icmp, now);
}

static void deliver_error(struct tunny *stack, const struct ip_error *error, struct instant now)
{
    const struct address *there = &error->flow.remote.address;
    if (is_believed(stack, error, now) && is_too_big(error))
        ip_reduce_path_mtu(stack->ip, there, error->mtu, ip_path_mtu(stack->ip, there, now), now);
}

typedef enum ip_verdict ip_entrance(struct ip *ip, const struct packet *packet, struct instant now,
                                    struct ip_datagram *datagram, struct ip_error *error);

static void packet_arrives(struct tunny *stack, ip_entrance *entrance, const struct packet *packet,
                           struct instant now)
{
    struct ip_datagram datagram;
    struct ip_error error;
    stack->guest.arriving = packet;
    switch (entrance(stack->ip, packet, now, &datagram, &error)) {
    case IP_NOTHING:
        break;
    case IP_DATAGRAM:
        deliver(stack, &datagram, now);
        break;
    case IP_ERROR:
        deliver_error(stack, &error, now);
        break;
    }
    if (stack->guest.attached)
        stack_guest_hears(stack, ip_unclaimed(stack->ip));
    stack->trace.subject = (struct trace_subject){0};
}

/* --- one turn of the loop --------------------------------------------------------------------- */

static void count_lies(struct tunny *stack)
{
    for (; stack->lies < stack->wire->lies; stack->lies++)
        trace_drop(&stack->trace, DROP_device_offload_lies);
}

/* True: there is nothing more to send, or the device takes no more. */
static bool send_packets(struct tunny *stack, struct instant now)
{
    for (unsigned i = 0; i < STACK_SENDS_A_ROUND; i++) {
        if (!stack_send_next(stack, now))
            return true;
    }
    return false;
}

static int receive(struct tunny *stack, struct packet *packet, struct instant now)
{
    if (stack->device->lands)
        return landing_receive(&stack->landing, stack->device, stack->tcp, packet, now);
    return device_receive(stack->device, packet, now);
}

/* What came from outside, within bounds; adds to *bytes. True: all that is there was read. */
static bool read_device(struct tunny *stack, struct instant now, size_t *bytes)
{
    struct packet packet;
    for (unsigned i = 0; i < STACK_READS_A_ROUND; i++) {
        int r = receive(stack, &packet, now);
        count_lies(stack);
        if (r < 0) {
            if (r != -EAGAIN && r != -EINTR)
                stack->failure = r;
            return true;
        }
        packet_arrives(stack, ip_input, &packet, now);
        landing_leave(&stack->landing);
        if (tcp_answers_first(stack->tcp))
            send_packets(stack, now);
        *bytes += packet.parts[0].len;
        if (*bytes >= STACK_BYTES_A_TURN)
            return false;
    }
    return false;
}

/* What we sent to ourselves before now; answers to it wait for the next round. */
static void read_loopback(struct tunny *stack, struct instant now)
{
    for (unsigned left = stack->loopback.count; left > 0; left--) {
        struct looped_packet *looped = loopback_take(&stack->loopback);
        packet_arrives(stack, ip_input_loopback, &looped->packet, now);
        loopback_free(&stack->loopback, looped);
    }
}

/* Before timers act, all ACKs that are there must have been seen; but they do not wait for a flood
 * to end. */
static void run_timers(struct tunny *stack, bool drained, struct instant now)
{
    if (!drained && ++stack->undrained < STACK_ROUNDS_A_TURN)
        return;
    stack->undrained = 0;
    ip_timeout(stack->ip, now);
    tcp_run_timers(stack->tcp, now);
}

static struct instant tick(struct tunny *stack)
{
    struct instant now = stack_now(stack);
    stack->trace.now = now;
    return now;
}

/* Packets that came or went make the device worth looking at for a while (busy polling). */
static void note_traffic(struct tunny *stack, struct instant now)
{
    uint64_t packets = stack->wire->received + stack->wire->transmitted;
    if (packets != stack->packets) {
        stack->packets = packets;
        stack->last_packet = now;
    }
}

int stack_turn(struct tunny *stack)
{
    bool done = false;
    size_t bytes = 0;
    for (unsigned round = 0; round < STACK_ROUNDS_A_TURN && bytes < STACK_BYTES_A_TURN && !done;
         round++) {
        struct instant now = tick(stack);
        stack->last_turn = now;
        read_loopback(stack, now);
        bool drained = read_device(stack, now, &bytes);
        if (stack->failure < 0)
            return stack->failure;
        run_timers(stack, drained, now);
        bool sent = send_packets(stack, now);
        done = drained && sent && stack->loopback.count == 0;
        note_traffic(stack, now);
    }
    tcp_put_to_sleep(stack->tcp, stack->last_turn);
    stack->more = !done;
    return stack->failure;
}

void stack_flush(struct tunny *stack)
{
    struct instant now = tick(stack);
    bool done = false;
    for (unsigned round = 0; round < STACK_ROUNDS_A_TURN && !done; round++)
        done = send_packets(stack, now);
    note_traffic(stack, now);
    if (!done || stack->loopback.count > 0)
        stack->more = true;
}

/* Not where time is simulated: it stands still while somebody looks. */
bool stack_keeps_looking(const struct tunny *stack)
{
    int64_t us = tcp_tunables(stack->tcp)->busy_poll;
    return us > 0 && stack->clock.readable &&
           instant_since(stack_now(stack), stack->last_packet).ns < duration_us(us).ns;
}

struct instant stack_deadline(const struct tunny *stack)
{
    if (stack->more || stack_keeps_looking(stack))
        return stack->last_turn;
    struct instant when = instant_min(tcp_host_deadline(stack->tcp), ip_deadline(stack->ip));
    when = instant_min(when, tcp_sleep_deadline(stack->tcp));
    /* A full device: no descriptor says when it has room again, so it is asked now and then. Not
     * sooner: whoever has something to send, or a timer that has come, cannot get on before. */
    if (stack->output.pending.count > 0)
        when = instant_add(stack->last_turn, duration_us(500));
    return instant_min(when, device_deadline(stack->device));
}
