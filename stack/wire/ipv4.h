/* The IPv4 header (RFC 791): bytes <-> struct, nothing decided here. */
#ifndef TUNNY_WIRE_IPV4_H
#define TUNNY_WIRE_IPV4_H

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/checksum.h"

enum { IPV4_HEADER_LENGTH = 20, IPV4_HEADER_LONGEST = 60 };
enum { IPV4_DONT_FRAGMENT = 0x4000, IPV4_MORE_FRAGMENTS = 0x2000, IPV4_OFFSET_MASK = 0x1fff };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

struct ipv4_header {
    uint8_t header_length; /* bytes, options included: 20..60 */
    uint8_t tos;           /* DSCP and ECN */
    uint16_t total_length;
    uint16_t id;
    uint16_t flags_offset; /* IPV4_DONT_FRAGMENT | IPV4_MORE_FRAGMENTS | offset / 8 */
    uint8_t ttl;
    uint8_t protocol;
    struct address source, destination;
    struct bytes options; /* points into the packet */
};

enum ipv4_fault {
    IPV4_OK,
    IPV4_TOO_SHORT, /* fewer than 20 bytes, or fewer than the header says */
    IPV4_BAD_VERSION,
    IPV4_BAD_HEADER_LENGTH,
    IPV4_BAD_TOTAL_LENGTH, /* shorter than the header, or longer than what came */
    IPV4_BAD_CHECKSUM,
};

/* Reads and checks the header. Bytes of the packet beyond total_length are padding: the caller
 * cuts them off. With IPV4_BAD_TOTAL_LENGTH and IPV4_BAD_CHECKSUM *header is filled in all the
 * same, for quotations, which are cut. */
enum ipv4_fault ipv4_parse(struct bytes packet, struct ipv4_header *header);
/* The checksum of a header without options (20 bytes). */
static inline bool ipv4_checksum_is_right(const uint8_t header[IPV4_HEADER_LENGTH])
{
    /* The sum is not 0: a header says that it is one of IPv4. */
    return checksum_sum_of_header(header, IPV4_HEADER_LENGTH) % UINT16_MAX == 0;
}
/* Writes 20 bytes (no options) with the header checksum. */
void ipv4_build(const struct ipv4_header *header, uint8_t out[IPV4_HEADER_LENGTH]);

#endif
