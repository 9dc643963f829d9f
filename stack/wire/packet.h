/* One IP packet on its way through a device: where its bytes lie and what the device is asked, or
 * says it did. A packet may be a super-segment: up to 65535 bytes that stand for many wire packets
 * with one header (what IFF_VNET_HDR carries). Borrowed memory: whoever made it keeps it. */
#ifndef TUNNY_WIRE_PACKET_H
#define TUNNY_WIRE_PACKET_H

#include "base/bytes.h"

enum packet_checksum {
    PACKET_CHECKSUM_IN_FULL, /* the transport checksum is (to be) complete: verify it */
    PACKET_CHECKSUM_PARTIAL, /* the field holds the pseudo-header's sum; the device (or nobody, when
                                the packet never leaves the host) completes it */
    PACKET_CHECKSUM_VERIFIED, /* input only: the device has checked it */
};

enum { PACKET_PARTS = 3, PACKET_LARGEST = 65535 };

struct packet {
    struct bytes parts[PACKET_PARTS]; /* header, then at most two pieces of text; input: one */
    unsigned count;                   /* parts in use */
    uint16_t gso_size;                /* payload bytes of each wire packet; 0: one wire packet */
    uint16_t checksum_at;     /* PARTIAL: where the transport header starts, from the first byte */
    uint16_t checksum_offset; /* PARTIAL: where in the transport header the field is (16, 6) */
    uint16_t header_length;   /* gso_size > 0: IP and transport headers together */
    enum packet_checksum checksum;
};

static inline size_t packet_length(const struct packet *p)
{
    size_t length = 0;
    for (unsigned i = 0; i < p->count; i++)
        length += p->parts[i].len;
    return length;
}

/* Copies the packet into one piece; returns its length, or 0 when it is longer than `size`. */
size_t packet_flatten(const struct packet *p, uint8_t *target, size_t size);

#endif
