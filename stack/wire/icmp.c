/* ICMP (RFC 792) and ICMPv6 (RFC 4443) messages: bytes <-> struct, and the packet that an error
 * quotes. Called by ip/ and describe; it must not know which messages deserve an answer. */
#include "wire/icmp.h"

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* The checksum as it should stand in a message whose field is zero; zero over a right message. */
static uint16_t message_checksum(struct bytes message, const struct address *source,
                                 const struct address *destination)
{
    struct checksum c = {0};
    /* RFC 4443, 2.3: with the pseudo-header; RFC 792: without. */
    if (!address_is_ipv4(source))
        checksum_add_pseudo(&c, source, destination, PROTOCOL_ICMPV6, (uint32_t)message.len);
    checksum_add(&c, message.data, message.len);
    return checksum_finish(&c);
}

bool icmp_parse(struct bytes message, const struct address *source,
                const struct address *destination, struct icmp_message *out, bool *bad_checksum)
{
    *bad_checksum = false;
    if (message.len < ICMP_HEADER_LENGTH)
        return false;
    *out = (struct icmp_message){
        .type = message.data[0],
        .code = message.data[1],
        .rest = get_be32(message.data + 4),
        .body = bytes_part(message, ICMP_HEADER_LENGTH, message.len),
    };
    *bad_checksum = message_checksum(message, source, destination) != 0;
    return !*bad_checksum;
}

size_t icmp_build(const struct icmp_message *message, const struct address *source,
                  const struct address *destination, uint8_t *out, size_t size)
{
    struct builder b = builder_over(out, size);
    builder_u8(&b, message->type);
    builder_u8(&b, message->code);
    builder_u16(&b, 0);
    builder_u32(&b, message->rest);
    builder_copy(&b, message->body.data, message->body.len);
    if (b.failed)
        return 0;
    struct bytes built = {out, builder_length(&b)};
    put_be16(out + 2, message_checksum(built, source, destination));
    return built.len;
}

enum { QUOTED_LEAST = 8 }; /* RFC 792: the header and 64 bits of the original datagram */

static bool parse_quoted_ipv4(struct bytes body, struct icmp_quoted *out)
{
    struct ipv4_header header;
    enum ipv4_fault fault = ipv4_parse(body, &header);
    /* The quotation is cut, and its checksum may be of another hop: neither is the quoter's fault.
     */
    if (fault != IPV4_OK && fault != IPV4_BAD_TOTAL_LENGTH && fault != IPV4_BAD_CHECKSUM)
        return false;
    if (header.flags_offset & IPV4_OFFSET_MASK || header.total_length < header.header_length)
        return false;
    out->source = header.source;
    out->destination = header.destination;
    out->protocol = header.protocol;
    out->length = header.total_length;
    /* RFC 4884: behind the quoted datagram's own end there may be padding and extensions. */
    out->transport = bytes_part(body, header.header_length,
                                (size_t)header.total_length - header.header_length);
    return true;
}

static bool parse_quoted_ipv6(struct bytes body, struct icmp_quoted *out)
{
    struct ipv6_header header;
    struct ipv6_extensions found;
    size_t pointer;
    bool to_multicast_too;
    enum ipv6_fault fault = ipv6_parse(body, &header);
    if (fault != IPV6_OK && fault != IPV6_BAD_PAYLOAD_LENGTH)
        return false;
    if (ipv6_walk_extensions(body, &header, &found, &pointer, &to_multicast_too) != IPV6_WALK_OK)
        return false;
    if (found.fragment_offset != 0)
        return false;
    /* On the wire ::ffff:0:0/96 names nobody (RFC 4291, 2.5.5.2); inside it would mean IPv4. */
    if (address_is_ipv4(&header.source) || address_is_ipv4(&header.destination))
        return false;
    out->source = header.source;
    out->destination = header.destination;
    out->protocol = found.protocol;
    out->length = IPV6_HEADER_LENGTH + (uint32_t)header.payload_length;
    struct bytes packet = bytes_part(body, 0, IPV6_HEADER_LENGTH + (size_t)header.payload_length);
    out->transport = bytes_part(packet, found.offset, packet.len);
    return true;
}

bool icmp_parse_quoted(struct bytes body, bool ipv6, struct icmp_quoted *out)
{
    bool parsed = ipv6 ? parse_quoted_ipv6(body, out) : parse_quoted_ipv4(body, out);
    return parsed && out->transport.len >= QUOTED_LEAST;
}
