/* One packet out: whoever owes one is asked in turn (the packet that the device refused, ip, udp,
 * tcp), its headers are written in front of the text, and it goes to the device, or round to
 * ourselves. The text of TCP is never touched here unless the device cannot sum it. Called by the
 * loop. */
#include "stack.h"

#include <errno.h>

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { TCP_CHECKSUM_AT = 16, IP_LONGEST = IPV6_HEADER_LENGTH };

/* The device is full: this one packet waits in a copy, since its text may change or go. */
static void keep(struct tunny *stack, const struct packet *packet)
{
    struct stack_output *output = &stack->output;
    if (packet->parts[0].data == output->flat) {
        output->pending = *packet;
        return;
    }
    struct packet kept = *packet;
    size_t length = packet_flatten(packet, output->flat, PACKET_LARGEST);
    kept.parts[0] = (struct bytes){output->flat, length};
    kept.count = 1;
    output->pending = kept;
}

/* False: the device is full, and the packet waits. True: gone, or dropped by name. */
static bool to_device(struct tunny *stack, const struct packet *packet, struct instant now)
{
    int r = device_transmit(stack->device, packet, now);
    if (r == -EAGAIN) {
        keep(stack, packet);
        return false;
    }
    stack->output.pending.count = 0;
    if (r == -ENODEV)
        stack->failure = r;
    if (r < 0)
        trace_drop(&stack->trace, DROP_device_queue_full);
    return true;
}

static bool pass_on(struct tunny *stack, const struct packet *packet,
                    const struct address *destination, struct instant now)
{
    if (!ip_is_ours(stack->ip, destination))
        return to_device(stack, packet, now);
    if (loopback_add(&stack->loopback, packet) < 0)
        trace_drop(&stack->trace, DROP_device_queue_full);
    return true;
}

/* --- ip --------------------------------------------------------------------------------------- */

static struct address destination_of(struct bytes packet)
{
    enum { IPV4_DESTINATION_AT = 16, IPV6_DESTINATION_AT = 24 };
    return packet.data[0] >> 4 == 4 ? address_from_ipv4(packet.data + IPV4_DESTINATION_AT)
                                    : address_from_ipv6(packet.data + IPV6_DESTINATION_AT);
}

static bool send_ip(struct tunny *stack, struct instant now, bool *went)
{
    struct packet packet;
    if (!ip_next_packet(stack->ip, &packet, now))
        return false;
    struct address destination = destination_of(packet.parts[0]);
    *went = pass_on(stack, &packet, &destination, now);
    return true;
}

/* --- udp -------------------------------------------------------------------------------------- */

static struct ip_send datagram_header(const struct outgoing_datagram *datagram)
{
    return (struct ip_send){
        .source = datagram->flow.local.address,
        .destination = datagram->flow.remote.address,
        .protocol = PROTOCOL_UDP,
        .ttl = datagram->ttl,
        .tos = datagram->tos,
        .may_fragment = true,
    };
}

/* The next fragment of the oldest datagram (RFC 791, 3.2; RFC 8200, 4.5); most have one "fragment",
 * which is all of it. */
static bool send_datagram(struct tunny *stack, struct instant now, bool *went)
{
    struct stack_output *output = &stack->output;
    struct outgoing_datagram *datagram = sockets_next_datagram(&stack->sockets);
    if (!datagram)
        return false;
    struct ip_send header = datagram_header(datagram);
    struct bytes whole = {datagram->bytes, datagram->length};
    if (output->fragments == 0) {
        output->fragment_id = ip_fragment_id(stack->ip, &header);
        TRACE(&stack->trace, udp_sent, .len = datagram->length);
    }
    size_t length = ip_build_fragment(stack->ip, &header, output->fragment_id, whole,
                                      output->fragments, output->flat, PACKET_LARGEST);
    if (length == 0) {
        output->fragments = 0;
        sockets_datagram_sent(&stack->sockets, datagram);
        *went = true;
        return true;
    }
    output->fragments++;
    struct packet packet = {.parts = {{output->flat, length}}, .count = 1};
    *went = pass_on(stack, &packet, &header.destination, now);
    return true;
}

/* --- the guest -------------------------------------------------------------------------------- */

static bool send_guest(struct tunny *stack, struct instant now, bool *went)
{
    struct looped_packet *looped = loopback_take(&stack->guest.out);
    if (!looped)
        return false;
    *went = to_device(stack, &looped->packet, now);
    loopback_free(&stack->guest.out, looped);
    return true;
}

/* --- tcp -------------------------------------------------------------------------------------- */

static void add_pseudo(struct checksum *sum, const struct flow *flow, size_t length)
{
    checksum_add_pseudo(sum, &flow->local.address, &flow->remote.address, PROTOCOL_TCP,
                        (uint32_t)length);
}

/* MUST-2: in full, or the part of it that the device completes. */
static uint16_t tcp_checksum(const struct tcp_emission *segment, struct bytes header,
                             enum packet_checksum how)
{
    struct checksum sum = {0};
    size_t text = segment->text[0].len + segment->text[1].len;
    add_pseudo(&sum, &segment->flow, header.len + text);
    if (how == PACKET_CHECKSUM_PARTIAL)
        return checksum_fold(&sum);
    checksum_add_header(&sum, header.data, header.len);
    for (unsigned i = 0; i < 2 && text > 0; i++)
        checksum_add(&sum, segment->text[i].data, segment->text[i].len);
    return checksum_finish(&sum);
}

/* Both headers stand right-aligned in the head room, so that they are one piece. */
static void build_segment(struct tunny *stack, const struct tcp_emission *segment,
                          struct packet *packet)
{
    uint8_t *tcp = stack->output.head + IP_LONGEST;
    size_t tcp_length = tcp_header_build(&segment->header, tcp);
    size_t text = segment->text[0].len + segment->text[1].len;
    struct ip_send header = {
        .source = segment->flow.local.address,
        .destination = segment->flow.remote.address,
        .protocol = PROTOCOL_TCP,
        .ttl = segment->ttl,
        .tos = segment->tos,
        .flow_label = segment->flow_label,
    };
    size_t ip_length = address_is_ipv4(&header.source) ? (size_t)IPV4_HEADER_LENGTH
                                                       : (size_t)IPV6_HEADER_LENGTH;
    ip_build_header(stack->ip, &header, tcp_length + text, tcp - ip_length);

    *packet = (struct packet){
        .parts = {{tcp - ip_length, ip_length + tcp_length}},
        .count = 1,
        .gso_size = segment->gso_size,
        .header_length = (uint16_t)(ip_length + tcp_length),
        .checksum = stack->device->features.checksum || segment->gso_size ? PACKET_CHECKSUM_PARTIAL
                                                                          : PACKET_CHECKSUM_IN_FULL,
        .checksum_at = (uint16_t)ip_length,
        .checksum_offset = TCP_CHECKSUM_AT,
    };
    for (unsigned i = 0; i < 2; i++) {
        if (segment->text[i].len)
            packet->parts[packet->count++] = segment->text[i];
    }
    struct bytes tcp_header = {tcp, tcp_length};
    put_be16(tcp + TCP_CHECKSUM_AT, tcp_checksum(segment, tcp_header, packet->checksum));
}

static bool send_segment(struct tunny *stack, struct instant now, bool *went)
{
    struct tcp_emission segment;
    if (!tcp_next(stack->tcp, &segment, now))
        return false;
    segment.header.checksum = 0;
    struct packet packet;
    build_segment(stack, &segment, &packet);
    *went = pass_on(stack, &packet, &segment.flow.remote.address, now);
    stack->trace.subject = (struct trace_subject){0};
    return true;
}

/* Nearly always nobody but TCP has anything to send. */
static bool others_may_send(const struct tunny *stack)
{
    return ip_may_have_packets(stack->ip) || sockets_next_datagram(&stack->sockets) ||
           stack->guest.out.count > 0;
}

bool stack_send_next(struct tunny *stack, struct instant now)
{
    if (stack->failure < 0)
        return false;
    if (stack->output.pending.count > 0)
        return to_device(stack, &stack->output.pending, now);
    if (loopback_is_full(&stack->loopback))
        return false;
    bool went = false;
    if (others_may_send(stack) && (send_ip(stack, now, &went) || send_datagram(stack, now, &went) ||
                                   send_guest(stack, now, &went)))
        return went;
    if (tcp_may_have_segments(stack->tcp) && send_segment(stack, now, &went))
        return went;
    return false;
}
