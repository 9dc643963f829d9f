/* What goes down: the IP header of a packet, and datagrams cut into fragments when the path carries
 * smaller packets only (RFC 791, 2.3 and 3.2; RFC 8200, 3 and 4.5). Called by icmp_out and by
 * everybody who sends. TCP never has its segments cut (RFC 1191, 3). */
#include "ip/fragment_out.h"

#include "base/check.h"
#include "ip/ip_state.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static size_t header_length(const struct ip_send *send)
{
    return address_is_ipv4(&send->source) ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

size_t fragment_largest_datagram(const struct ip_send *send)
{
    return address_is_ipv4(&send->source) ? PACKET_LARGEST - IPV4_HEADER_LENGTH : PACKET_LARGEST;
}

/* Writes the header for `length` bytes behind it. `flags_offset` and `id` are IPv4's, `next`
 * IPv6's. */
static void write_header(const struct ip *ip, const struct ip_send *send, size_t length,
                         uint16_t id, uint16_t flags_offset, uint8_t next, uint8_t *header)
{
    CHECK(address_is_ipv4(&send->source) == address_is_ipv4(&send->destination));
    CHECK(length <= fragment_largest_datagram(send));
    /* RFC 1122, 3.2.1.7 (R1122-06): a TTL of 0 must not be sent; here it means the default. */
    uint8_t ttl = send->ttl ? send->ttl : ip->config.ttl;
    if (address_is_ipv4(&send->source)) {
        struct ipv4_header fields = {
            .header_length = IPV4_HEADER_LENGTH,
            .tos = send->tos,
            .total_length = (uint16_t)(IPV4_HEADER_LENGTH + length),
            .id = id,
            .flags_offset = flags_offset,
            .ttl = ttl,
            .protocol = send->protocol,
            .source = send->source,
            .destination = send->destination,
        };
        ipv4_build(&fields, header);
        return;
    }
    struct ipv6_header fields = {
        .traffic_class = send->tos,
        .flow_label = send->flow_label,
        .payload_length = (uint16_t)length,
        .next_header = next,
        .hop_limit = ttl,
        .source = send->source,
        .destination = send->destination,
    };
    ipv6_build(&fields, header);
}

size_t ip_build_header(struct ip *ip, const struct ip_send *send, size_t length,
                       uint8_t header[IP_HEADERS_LONGEST])
{
    /* RFC 6864, 4 (R6864-01): the id of a datagram that is not and cannot be a fragment has no
     * meaning: 0, which tells nobody anything. Any other must be unique. */
    uint16_t id = 0, flags = IPV4_DONT_FRAGMENT;
    if (send->may_fragment && address_is_ipv4(&send->source)) {
        id = (uint16_t)ip_fragment_id(ip, send);
        flags = 0;
    }
    write_header(ip, send, length, id, flags, send->protocol, header);
    TRACE(ip->trace, packet_sent, .len = header_length(send) + length);
    return header_length(send);
}

uint32_t ip_fragment_id(struct ip *ip, const struct ip_send *send)
{
    return packet_ids_next(&ip->ids, &send->source, &send->destination, send->protocol);
}

/* How many bytes of a datagram each fragment but the last carries: what the path leaves behind the
 * headers, in whole units of 8 bytes. */
static size_t fragment_payload(const struct ip *ip, const struct ip_send *send)
{
    size_t mtu = path_mtu_get(&ip->path_mtu, &send->destination, ip->now);
    size_t headers = header_length(send);
    if (!address_is_ipv4(&send->source))
        headers += IPV6_FRAGMENT_HEADER_LENGTH;
    return (mtu - headers) & ~(size_t)7;
}

static bool fits_whole(const struct ip *ip, const struct ip_send *send, size_t length)
{
    return header_length(send) + length <= path_mtu_get(&ip->path_mtu, &send->destination, ip->now);
}

unsigned fragment_count(const struct ip *ip, const struct ip_send *send, size_t length)
{
    if (fits_whole(ip, send, length))
        return 1;
    size_t each = fragment_payload(ip, send);
    return (unsigned)((length + each - 1) / each);
}

/* The datagram fits: one packet without anything about fragments. */
static size_t build_unfragmented(const struct ip *ip, const struct ip_send *send, uint32_t id,
                                 struct bytes datagram, uint8_t *out, size_t size)
{
    size_t header = header_length(send);
    if (header + datagram.len > size)
        return 0;
    write_header(ip, send, datagram.len, send->may_fragment ? (uint16_t)id : 0,
                 send->may_fragment ? 0 : IPV4_DONT_FRAGMENT, send->protocol, out);
    memcpy(out + header, datagram.data, datagram.len);
    TRACE(ip->trace, packet_sent, .len = header + datagram.len);
    return header + datagram.len;
}

/* RFC 8200, 4.5. */
static void write_fragment_header(const struct ip_send *send, uint32_t id, size_t offset, bool more,
                                  uint8_t *out)
{
    out[0] = send->protocol;
    out[1] = 0;
    put_be16(out + 2, (uint16_t)(offset | more));
    put_be32(out + 4, id);
}

size_t ip_build_fragment(struct ip *ip, const struct ip_send *send, uint32_t id,
                         struct bytes datagram, unsigned index, uint8_t *out, size_t size)
{
    CHECK(datagram.len <= fragment_largest_datagram(send));
    unsigned count = fragment_count(ip, send, datagram.len);
    if (index >= count)
        return 0;
    if (count == 1)
        return build_unfragmented(ip, send, id, datagram, out, size);
    size_t each = fragment_payload(ip, send), offset = index * each;
    struct bytes part = bytes_part(datagram, offset, each);
    bool more = index + 1 < count, ipv4 = address_is_ipv4(&send->source);
    size_t headers = header_length(send) + (ipv4 ? 0 : IPV6_FRAGMENT_HEADER_LENGTH);
    if (headers + part.len > size)
        return 0;
    uint16_t flags_offset = (uint16_t)(offset / 8 | (more ? IPV4_MORE_FRAGMENTS : 0));
    write_header(ip, send, headers - header_length(send) + part.len, (uint16_t)id, flags_offset,
                 IPV6_FRAGMENT, out);
    if (!ipv4)
        write_fragment_header(send, id, offset, more, out + IPV6_HEADER_LENGTH);
    memcpy(out + headers, part.data, part.len);
    if (index == 0)
        TRACE(ip->trace, packet_sent, .len = header_length(send) + datagram.len);
    TRACE(ip->trace, fragment_sent, .offset = offset, .len = part.len);
    return headers + part.len;
}
