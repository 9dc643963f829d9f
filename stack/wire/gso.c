/* Cutting super-segments, as the Linux kernel and network cards cut them (TSO, USO). The headers
 * are read again here, since what a device says about a packet may be wrong. Called by impairment
 * and by devices without offload; it must not know why. */
#include "wire/gso.h"

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"
#include "wire/udp_header.h"

/* Where things lie in a super-segment. */
struct layout {
    struct address source, destination;
    uint8_t protocol;
    size_t transport; /* where the transport header starts */
    size_t payload;   /* where the payload starts */
    size_t end;       /* where it ends; padding may follow */
};

static bool locate_ipv4(struct bytes packet, struct layout *l)
{
    struct ipv4_header header;
    enum ipv4_fault fault = ipv4_parse(packet, &header);
    if (fault != IPV4_OK && fault != IPV4_BAD_CHECKSUM)
        return false;
    if (header.flags_offset & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK))
        return false;
    l->source = header.source;
    l->destination = header.destination;
    l->protocol = header.protocol;
    l->transport = header.header_length;
    l->end = header.total_length;
    return true;
}

static bool locate_ipv6(struct bytes packet, struct layout *l)
{
    struct ipv6_header header;
    struct ipv6_extensions found;
    size_t pointer;
    bool to_multicast_too;
    if (ipv6_parse(packet, &header) != IPV6_OK)
        return false;
    if (ipv6_walk_extensions(packet, &header, &found, &pointer, &to_multicast_too) != IPV6_WALK_OK)
        return false;
    if (found.fragment || address_is_ipv4(&header.source))
        return false;
    l->source = header.source;
    l->destination = header.destination;
    l->protocol = found.protocol;
    l->transport = found.offset;
    l->end = IPV6_HEADER_LENGTH + (size_t)header.payload_length;
    return true;
}

/* The length of the transport header; 0 when there is none that we can cut behind. */
static size_t transport_header_length(uint8_t protocol, struct bytes transport)
{
    struct tcp_header tcp;
    if (protocol == PROTOCOL_TCP && tcp_header_parse(transport, &tcp) == TCP_HEADER_OK)
        return tcp.length;
    if (protocol == PROTOCOL_UDP && transport.len >= UDP_HEADER_LENGTH)
        return UDP_HEADER_LENGTH;
    return 0;
}

static bool locate(struct bytes packet, struct layout *l)
{
    if (packet.len == 0)
        return false;
    bool ipv4 = packet.data[0] >> 4 == 4;
    if (!(ipv4 ? locate_ipv4(packet, l) : locate_ipv6(packet, l)))
        return false;
    struct bytes transport = bytes_part(packet, l->transport, l->end - l->transport);
    size_t length = transport_header_length(l->protocol, transport);
    l->payload = l->transport + length;
    return length > 0;
}

/* How many wire packets; 1 also when there is no payload. */
static size_t count_pieces(const struct layout *l, size_t gso_size)
{
    size_t payload = l->end - l->payload;
    return payload ? (payload + gso_size - 1) / gso_size : 1;
}

size_t gso_count(const struct packet *super)
{
    struct layout l;
    if (super->gso_size == 0 || super->count != 1 || !locate(super->parts[0], &l))
        return 1;
    return count_pieces(&l, super->gso_size);
}

static void correct_ip(uint8_t *out, size_t length, size_t index)
{
    if (out[0] >> 4 == 6) {
        put_be16(out + 4, (uint16_t)(length - IPV6_HEADER_LENGTH));
        return;
    }
    put_be16(out + 2, (uint16_t)length);
    put_be16(out + 4, (uint16_t)(get_be16(out + 4) + index));
    put_be16(out + 10, 0);
    put_be16(out + 10, checksum_of(out, (size_t)(out[0] & 15) * 4));
}

/* What only the first wire packet keeps is CWR (RFC 3168, 6.1.2), what only the last keeps PSH and
 * FIN. */
static void correct_tcp(uint8_t *tcp, size_t payload_offset, bool last)
{
    unsigned cleared = 0;
    if (payload_offset > 0)
        cleared |= TCP_CWR;
    if (!last)
        cleared |= TCP_PSH | TCP_FIN;
    put_be32(tcp + 4, get_be32(tcp + 4) + (uint32_t)payload_offset);
    tcp[13] = (uint8_t)(tcp[13] & ~cleared);
}

/* Writes the whole transport checksum over `length` bytes at `transport`. */
static void sum_transport(const struct layout *l, uint8_t *transport, size_t length)
{
    size_t field = l->protocol == PROTOCOL_TCP ? 16 : 6;
    struct checksum c = {0};
    put_be16(transport + field, 0);
    checksum_add_pseudo(&c, &l->source, &l->destination, l->protocol, (uint32_t)length);
    put_be16(transport + field, checksum_fold(&c));
    checksum_complete(transport, length, 0, field);
}

/* An ordinary packet: a copy, with the checksum that the device would have completed. */
static size_t copy_ordinary(const struct packet *packet, uint8_t *out, size_t size)
{
    size_t length = packet_flatten(packet, out, size);
    if (length == 0 || packet->checksum != PACKET_CHECKSUM_PARTIAL)
        return length;
    size_t field = (size_t)packet->checksum_at + packet->checksum_offset;
    if (field + 2 > length)
        return 0;
    checksum_complete(out, length, packet->checksum_at, packet->checksum_offset);
    return length;
}

size_t gso_cut(const struct packet *super, size_t index, uint8_t *out, size_t size)
{
    struct layout l;
    if (super->gso_size == 0)
        return index == 0 ? copy_ordinary(super, out, size) : 0;
    if (super->count != 1 || !locate(super->parts[0], &l))
        return 0;
    if (index >= count_pieces(&l, super->gso_size))
        return 0;
    struct bytes whole = bytes_part(super->parts[0], 0, l.end);
    size_t offset = index * super->gso_size;
    struct bytes piece = bytes_part(whole, l.payload + offset, super->gso_size);
    size_t length = l.payload + piece.len;
    if (length > size)
        return 0;
    memcpy(out, whole.data, l.payload);
    if (piece.len)
        memcpy(out + l.payload, piece.data, piece.len);
    correct_ip(out, length, index);
    if (l.protocol == PROTOCOL_TCP)
        correct_tcp(out + l.transport, offset, l.payload + offset + piece.len == whole.len);
    else
        put_be16(out + l.transport + 4, (uint16_t)(UDP_HEADER_LENGTH + piece.len));
    sum_transport(&l, out + l.transport, length - l.transport);
    return length;
}

size_t gso_wire_packet(const struct packet *packet, size_t index, uint8_t *out, size_t size)
{
    struct bytes whole = packet->parts[0];

    if (packet->gso_size)
        return gso_cut(packet, index, out, size);
    if (whole.len == 0 || whole.len > size)
        return 0;
    memcpy(out, whole.data, whole.len);
    if (packet->checksum == PACKET_CHECKSUM_PARTIAL) {
        if ((size_t)packet->checksum_at + packet->checksum_offset + 2 > whole.len)
            return 0;
        checksum_complete(out, whole.len, packet->checksum_at, packet->checksum_offset);
    }
    return whole.len;
}
