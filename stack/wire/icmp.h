/* ICMP (RFC 792, 1122, 1191) and ICMPv6 (RFC 4443) messages. */
#ifndef TUNNY_WIRE_ICMP_H
#define TUNNY_WIRE_ICMP_H

#include "base/bytes.h"
#include "wire/address.h"

enum { ICMP_HEADER_LENGTH = 8 };
enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO_REQUEST = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,
};
enum {
    ICMP_NET_UNREACHABLE = 0,
    ICMP_HOST_UNREACHABLE = 1,
    ICMP_PROTOCOL_UNREACHABLE = 2,
    ICMP_PORT_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4,
    ICMP_SOURCE_ROUTE_FAILED = 5,
    ICMP_REASSEMBLY_TIME_EXCEEDED = 1,
};
enum {
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_PACKET_TOO_BIG = 2,
    ICMPV6_TIME_EXCEEDED = 3,
    ICMPV6_PARAMETER_PROBLEM = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_ROUTER_SOLICITATION = 133,
    ICMPV6_ROUTER_ADVERTISEMENT = 134,
    ICMPV6_NEIGHBOUR_SOLICITATION = 135,
    ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136,
    ICMPV6_REDIRECT = 137,
};

struct icmp_message {
    uint8_t type, code;
    uint32_t rest;     /* the second word: id << 16 | sequence, MTU, pointer ... */
    struct bytes body; /* behind the 8-byte header */
};

/* Reads and verifies the checksum; `ipv6` messages are summed with the pseudo-header. false: too
 * short or a wrong checksum (*bad_checksum tells which). */
bool icmp_parse(struct bytes message, const struct address *source,
                const struct address *destination, struct icmp_message *out, bool *bad_checksum);
/* Writes header and body with the checksum; returns the length, 0 when it does not fit. The family
 * is the addresses'. */
size_t icmp_build(const struct icmp_message *message, const struct address *source,
                  const struct address *destination, uint8_t *out, size_t size);

/* The packet that an ICMP error quotes. */
struct icmp_quoted {
    struct address source, destination; /* of the quoted packet: source is (should be) ours */
    uint8_t protocol;
    uint32_t length;        /* of the whole packet, as its header says */
    struct bytes transport; /* at least 8 bytes of the transport header, as quoted */
};

/* false when the quotation is too short or malformed, or is not a first fragment. */
bool icmp_parse_quoted(struct bytes body, bool ipv6, struct icmp_quoted *out);

#endif
