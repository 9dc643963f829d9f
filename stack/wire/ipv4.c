/* The IPv4 header of RFC 791, 3.1: bytes <-> struct. Called by ip/, icmp (quotations) and describe;
 * it must not know which addresses are ours, nor judge options. */
#include "wire/ipv4.h"

enum ipv4_fault ipv4_parse(struct bytes packet, struct ipv4_header *header)
{
    if (packet.len < IPV4_HEADER_LENGTH)
        return IPV4_TOO_SHORT;
    const uint8_t *p = packet.data;
    if (p[0] >> 4 != 4)
        return IPV4_BAD_VERSION;
    size_t header_length = (size_t)(p[0] & 15) * 4;
    if (header_length < IPV4_HEADER_LENGTH)
        return IPV4_BAD_HEADER_LENGTH;
    if (header_length > packet.len)
        return IPV4_TOO_SHORT;
    *header = (struct ipv4_header){
        .header_length = (uint8_t)header_length,
        .tos = p[1],
        .total_length = get_be16(p + 2),
        .id = get_be16(p + 4),
        .flags_offset = get_be16(p + 6),
        .ttl = p[8],
        .protocol = p[9],
        .source = address_from_ipv4(p + 12),
        .destination = address_from_ipv4(p + 16),
        .options = {p + IPV4_HEADER_LENGTH, header_length - IPV4_HEADER_LENGTH},
    };
    if (header->total_length < header_length || header->total_length > packet.len)
        return IPV4_BAD_TOTAL_LENGTH;
    return checksum_of_header(p, header_length) == 0 ? IPV4_OK : IPV4_BAD_CHECKSUM;
}

void ipv4_build(const struct ipv4_header *header, uint8_t out[IPV4_HEADER_LENGTH])
{
    out[0] = 4 << 4 | IPV4_HEADER_LENGTH / 4;
    out[1] = header->tos;
    put_be16(out + 2, header->total_length);
    put_be16(out + 4, header->id);
    put_be16(out + 6, header->flags_offset);
    out[8] = header->ttl;
    out[9] = header->protocol;
    put_be16(out + 10, 0);
    memcpy(out + 12, address_ipv4_bytes(&header->source), 4);
    memcpy(out + 16, address_ipv4_bytes(&header->destination), 4);
    put_be16(out + 10, checksum_of_header(out, IPV4_HEADER_LENGTH));
}
