/* A guest: another IP host that shares our addresses (tunny.h). What no socket here takes is kept
 * for it, what it sends goes out as it is; TCP is never the guest's, in either direction. Two short
 * queues of copies inside the memory budget. Called by stack.c (what arrives) and by applications.
 */
#include <errno.h>

#include "stack.h"
#include "wire/checksum.h"
#include "wire/gso.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { UDP_CHECKSUM_AT = 6 };

/* --- to the guest ----------------------------------------------------------------------------- */

/* A copy of its own; what does not fit is lost, as on any wire. */
static struct looped_packet *keep(struct tunny *stack, struct bytes whole)
{
    struct packet packet = {.parts = {whole}, .count = 1};
    struct loopback *in = &stack->guest.in;
    if (loopback_is_full(in) || loopback_add(in, &packet) < 0) {
        trace_drop(&stack->trace, DROP_udp_queue_full);
        return NULL;
    }
    return LIST_ENTRY(in->queue.previous, struct looped_packet, link);
}

/* The device has completed or checked it: nobody else has. */
static void sum(struct looped_packet *kept, const struct ip_datagram *datagram)
{
    size_t at = (size_t)(datagram->payload.data - datagram->packet.data);
    uint8_t *udp = kept->bytes + at;
    struct checksum checksum = {0};
    put_be16(udp + UDP_CHECKSUM_AT, 0);
    checksum_add_pseudo(&checksum, &datagram->source, &datagram->destination, PROTOCOL_UDP,
                        (uint32_t)datagram->payload.len);
    checksum_add(&checksum, udp, datagram->payload.len);
    uint16_t field = checksum_finish(&checksum);
    put_be16(udp + UDP_CHECKSUM_AT, field ? field : 0xffff); /* RFC 768: 0 means none */
}

/* Cut where the packet that the device refused may lie: then there is no room for these. */
static void keep_each(struct tunny *stack, const struct packet *super)
{
    size_t count = stack->output.pending.count == 0 ? gso_count(super) : 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = gso_cut(super, i, stack->output.flat, PACKET_LARGEST);
        if (length > 0)
            keep(stack, (struct bytes){stack->output.flat, length});
    }
}

bool stack_guest_takes(struct tunny *stack, const struct ip_datagram *datagram)
{
    if (!stack->guest.attached)
        return false;
    if (datagram->gso_size > 0) {
        keep_each(stack, stack->guest.arriving);
        return true;
    }
    struct looped_packet *kept = keep(stack, datagram->packet);
    if (kept && datagram->checksum_trusted && datagram->payload.len > UDP_CHECKSUM_AT + 1)
        sum(kept, datagram);
    return true;
}

void stack_guest_hears(struct tunny *stack, struct bytes packet)
{
    if (packet.len > 0)
        keep(stack, packet);
}

void tunny_guest_attach(struct tunny *stack)
{
    stack->guest.attached = true;
}

int tunny_guest_receive(struct tunny *stack, void *packet, size_t size)
{
    struct looped_packet *looped = loopback_take(&stack->guest.in);
    if (!looped)
        return -EAGAIN;
    size_t length = packet_flatten(&looped->packet, packet, size);
    loopback_free(&stack->guest.in, looped);
    return length > 0 ? (int)length : -EMSGSIZE;
}

/* --- from the guest --------------------------------------------------------------------------- */

struct guest_header {
    struct address source, destination;
    uint8_t protocol;
    size_t length;
};

/* False: no IP packet. */
static bool read_header(struct bytes packet, struct guest_header *header)
{
    struct ipv4_header ipv4;
    struct ipv6_header ipv6;
    if (packet.len > 0 && packet.data[0] >> 4 == 4 && ipv4_parse(packet, &ipv4) == IPV4_OK) {
        *header = (struct guest_header){ipv4.source, ipv4.destination, ipv4.protocol,
                                        ipv4.total_length};
        return true;
    }
    if (packet.len == 0 || packet.data[0] >> 4 != 6 || ipv6_parse(packet, &ipv6) != IPV6_OK)
        return false;
    struct ipv6_extensions found;
    size_t pointer;
    bool groups;
    *header = (struct guest_header){ipv6.source, ipv6.destination, ipv6.next_header, packet.len};
    if (ipv6_walk_extensions(packet, &ipv6, &found, &pointer, &groups) == IPV6_WALK_OK)
        header->protocol = found.protocol;
    return true;
}

int tunny_guest_send(struct tunny *stack, const void *data, size_t length)
{
    struct guest_header header;
    struct bytes whole = {data, length};
    if (!read_header(whole, &header) || !ip_is_ours(stack->ip, &header.source) ||
        address_is_loopback(&header.source))
        return -EINVAL;
    if (header.protocol == PROTOCOL_TCP)
        return -EPROTONOSUPPORT;
    if (ip_is_ours(stack->ip, &header.destination) || address_is_loopback(&header.destination))
        return -ENETUNREACH;
    if (header.length > stack->device->features.mtu)
        return -EMSGSIZE;
    struct packet packet = {.parts = {{data, header.length}}, .count = 1};
    if (loopback_is_full(&stack->guest.out) || loopback_add(&stack->guest.out, &packet) < 0)
        return -ENOBUFS;
    stack_flush(stack);
    return 0;
}
