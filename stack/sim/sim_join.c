/* Receive offload, see the header. The rules are those of the kernel's: the same flow, header for
 * header alike but for sequence number and checksum, plain ACKs with text of one size, the last may
 * be shorter or pushed. */
#include "sim/sim_join.h"

#include <stdlib.h>

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

/* One packet that may be joined. */
struct candidate {
    const uint8_t *data;
    size_t ip, header, text; /* bytes: IP header; both headers; text */
    uint32_t seq;
    uint8_t flags;
};

enum { SEQ_AT = 4, OFFSET_AT = 12, FLAGS_AT = 13, CHECKSUM_AT = 16 };

static bool checksum_is_right(const struct candidate *c, size_t length)
{
    bool ipv4 = c->data[0] >> 4 == 4;
    struct checksum sum = {0};
    struct address from = ipv4 ? address_from_ipv4(c->data + 12) : address_from_ipv6(c->data + 8);
    struct address to = ipv4 ? address_from_ipv4(c->data + 16) : address_from_ipv6(c->data + 24);

    if (ipv4 && checksum_of(c->data, IPV4_HEADER_LENGTH) != 0)
        return false;
    checksum_add_pseudo(&sum, &from, &to, PROTOCOL_TCP, (uint32_t)(length - c->ip));
    checksum_add(&sum, c->data + c->ip, length - c->ip);
    return checksum_finish(&sum) == 0;
}

/* A whole TCP segment over IP without options or fragments, with a right checksum. */
static bool read_candidate(const struct sim_packet *packet, struct candidate *c)
{
    const uint8_t *data = packet->data;
    size_t length = packet->length;
    bool ipv4 = length >= 40 && data[0] == 0x45, ipv6 = length >= 60 && data[0] >> 4 == 6;

    *c = (struct candidate){.data = data, .ip = ipv4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH};
    if (ipv4 && (get_be16(data + 2) != length || data[9] != PROTOCOL_TCP ||
                 get_be16(data + 6) != IPV4_DONT_FRAGMENT))
        return false;
    if (ipv6 &&
        (get_be16(data + 4) + (size_t)IPV6_HEADER_LENGTH != length || data[6] != PROTOCOL_TCP))
        return false;
    if (!ipv4 && !ipv6)
        return false;
    c->header = c->ip + (size_t)(data[c->ip + OFFSET_AT] >> 4) * 4;
    if (c->header < c->ip + TCP_HEADER_LENGTH || c->header >= length)
        return false;
    c->text = length - c->header;
    c->seq = get_be32(data + c->ip + SEQ_AT);
    c->flags = data[c->ip + FLAGS_AT];
    return (c->flags & ~TCP_PSH) == TCP_ACK && checksum_is_right(c, length);
}

/* Alike but for lengths, ids, sequence numbers and checksums. */
static bool headers_match(const struct candidate *a, const struct candidate *b)
{
    const uint8_t *x = a->data, *y = b->data;

    if (a->ip != b->ip || a->header != b->header)
        return false;
    if (a->ip == IPV4_HEADER_LENGTH) {
        if (x[1] != y[1] || x[8] != y[8] || memcmp(x + 12, y + 12, 8) != 0)
            return false;
    } else if (memcmp(x, y, 4) != 0 || memcmp(x + 6, y + 6, 34) != 0) {
        return false;
    }
    x += a->ip;
    y += a->ip;
    return memcmp(x, y, SEQ_AT) == 0 && memcmp(x + 8, y + 8, 5) == 0 &&
           memcmp(x + 14, y + 14, 2) == 0 && memcmp(x + 18, y + 18, a->header - a->ip - 18) == 0;
}

/* The headers of `out` say what it has become. */
static void finish(uint8_t *out, const struct candidate *first, size_t length, uint8_t flags,
                   struct packet *packet)
{
    if (first->ip == IPV4_HEADER_LENGTH) {
        put_be16(out + 2, (uint16_t)length);
        put_be16(out + 10, 0);
        put_be16(out + 10, checksum_of(out, IPV4_HEADER_LENGTH));
    } else {
        put_be16(out + 4, (uint16_t)(length - IPV6_HEADER_LENGTH));
    }
    out[first->ip + FLAGS_AT] = flags;
    *packet = (struct packet){
        .parts = {{out, length}},
        .count = 1,
        .gso_size = (uint16_t)first->text,
        .header_length = (uint16_t)first->header,
        .checksum_at = (uint16_t)first->ip,
        .checksum_offset = CHECKSUM_AT,
        .checksum = PACKET_CHECKSUM_VERIFIED,
    };
}

bool sim_join(const struct sim_packet *first, struct sim_queue *queue, uint8_t *out,
              struct packet *packet)
{
    struct candidate a, b;
    size_t length = first->length;
    bool joined = false;

    if (!queue->first || !read_candidate(first, &a))
        return false;
    uint32_t next = a.seq + (uint32_t)a.text;
    uint8_t flags = a.flags;
    bool last = flags & TCP_PSH;
    while (!last && queue->first && read_candidate(queue->first, &b) && headers_match(&a, &b) &&
           b.seq == next && b.text <= a.text && length + b.text <= PACKET_LARGEST) {
        if (!joined)
            memcpy(out, first->data, first->length);
        joined = true;
        memcpy(out + length, b.data + b.header, b.text);
        length += b.text;
        next += (uint32_t)b.text;
        flags |= b.flags;
        last = b.text < a.text || b.flags & TCP_PSH;
        free(sim_queue_take(queue));
    }
    if (joined)
        finish(out, &a, length, flags, packet);
    return joined;
}
