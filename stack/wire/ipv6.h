/* The IPv6 header and the walk over its extension headers (RFC 8200). The walk is a loop with a
 * fixed bound, never a recursion. */
#ifndef TUNNY_WIRE_IPV6_H
#define TUNNY_WIRE_IPV6_H

#include "base/bytes.h"
#include "wire/address.h"

enum { IPV6_HEADER_LENGTH = 40, IPV6_FRAGMENT_HEADER_LENGTH = 8, IPV6_LEAST_MTU = 1280 };
enum {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_NO_NEXT_HEADER = 59,
    IPV6_DESTINATION_OPTIONS = 60,
};

struct ipv6_header {
    uint8_t traffic_class; /* DSCP and ECN */
    uint32_t flow_label;   /* 20 bits */
    uint16_t payload_length;
    uint8_t next_header;
    uint8_t hop_limit;
    struct address source, destination;
};

enum ipv6_fault {
    IPV6_OK,
    IPV6_TOO_SHORT,
    IPV6_BAD_VERSION,
    IPV6_BAD_PAYLOAD_LENGTH, /* longer than what came */
};

/* Reads and checks the fixed header. With IPV6_BAD_PAYLOAD_LENGTH *header is filled in all the
 * same, for quotations, which are cut. Bytes beyond payload_length are padding: the caller cuts
 * them off. */
enum ipv6_fault ipv6_parse(struct bytes packet, struct ipv6_header *header);
/* Writes 40 bytes. */
void ipv6_build(const struct ipv6_header *header, uint8_t out[IPV6_HEADER_LENGTH]);

/* What the extension headers of one packet say. */
struct ipv6_extensions {
    uint8_t protocol; /* the upper layer's, or IPV6_FRAGMENT's next header when `fragment` */
    size_t offset;    /* of the upper layer (or of the fragment's data) from the packet's start */
    size_t
        protocol_field; /* where the octet that names `protocol` is: Parameter Problem's pointer */
    bool fragment;      /* a fragment header was met; the walk stops behind it */
    bool more_fragments;
    uint16_t fragment_offset; /* bytes */
    uint32_t fragment_id;
    size_t fragment_header_at; /* from the packet's start */
};

enum ipv6_walk {
    IPV6_WALK_OK,
    IPV6_WALK_DROP, /* say nothing: truncated, RFC 8200 option action 01, too many headers */
    IPV6_WALK_HEADER_PROBLEM, /* Parameter Problem code 0 at *pointer (also unknown routing type) */
    IPV6_WALK_OPTION_PROBLEM, /* Parameter Problem code 2 at *pointer (actions 10 and 11) */
    IPV6_WALK_HOP_BY_HOP_MISPLACED, /* Parameter Problem code 1 at *pointer */
};

/* Follows the chain from the fixed header. *pointer: the offending octet's offset.
 * *to_multicast_too: whether OPTION_PROBLEM may answer a multicast destination (action 10). At most
 * 8 headers. */
enum ipv6_walk ipv6_walk_extensions(struct bytes packet, const struct ipv6_header *header,
                                    struct ipv6_extensions *found, size_t *pointer,
                                    bool *to_multicast_too);

#endif
