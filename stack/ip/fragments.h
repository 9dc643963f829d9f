/* Puts fragments together (RFC 791, 3.2; RFC 8200, 4.5; RFC 1122, 3.3.2). A leaf: what a fragment's
 * header says has been read and checked on its own by ip_arrives; this folder keeps fragments
 * within a budget and judges how they fit together. Called by ip. */
#ifndef TUNNY_IP_FRAGMENTS_H
#define TUNNY_IP_FRAGMENTS_H

#include "base/list.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "base/time.h"
#include "base/tree.h"
#include "trace/trace.h"
#include "wire/address.h"
#include "wire/packet.h"

enum {
    FRAGMENTS_BUCKETS = 256,
    FRAGMENTS_LARGEST = 40 + PACKET_LARGEST, /* an IPv6 header and the largest payload length */
    FRAGMENTS_LIFETIME_S = 60, /* RFC 8200, 4.5; RFC 1122, 3.3.2: 60 to 120 (R1122-04) */
};

/* One fragment. Borrowed. */
struct fragment {
    struct address source, destination;
    bool ipv6;
    uint8_t protocol; /* IPv4: part of what the id is unique for */
    uint8_t tos;
    bool more; /* others follow */
    uint32_t id;
    size_t offset;         /* of its data, bytes */
    struct bytes packet;   /* headers and data, nothing behind them */
    size_t header_length;  /* of the headers that the whole packet will have too */
    size_t data_at;        /* header_length, or 8 more for the IPv6 fragment header */
    size_t next_header_at; /* IPv6: the octet that says "fragment header follows" */
    uint8_t next_header;   /* IPv6: what follows the fragment header */
};

struct fragments {
    struct memory *memory;
    struct trace *trace;
    struct siphash_key key;
    size_t budget, used; /* bytes, with all that surrounds the data */
    struct pool chunks, datagrams;
    struct list ages; /* of struct fragmented, the oldest first */
    struct list buckets[FRAGMENTS_BUCKETS];
    uint8_t assembly[FRAGMENTS_LARGEST];
};

void fragments_init(struct fragments *fragments, struct memory *memory, struct trace *trace,
                    const struct siphash_key *key, size_t budget);
void fragments_destroy(struct fragments *fragments);

/* Keeps the fragment, or drops it by name. True: it was the last one missing, and *whole is the
 * packet as if it had never been cut, borrowed until the next call. */
bool fragments_add(struct fragments *fragments, const struct fragment *fragment, struct instant now,
                   struct bytes *whole);

/* The packet that this first fragment would be if it were alone, borrowed until the next call.
 * Touches no other fragment (RFC 8200, 4.5: atomic fragments; RFC 6946). */
struct bytes fragments_alone(struct fragments *fragments, const struct fragment *fragment);

struct instant fragments_deadline(const struct fragments *fragments);
/* A datagram whose time was over. */
struct fragments_expired {
    struct address source, destination;
    struct bytes
        first; /* the beginning of its first fragment as it came; empty: that had not come */
};
/* Gives up the oldest datagram whose time is over; false: none. The bytes are borrowed until the
 * next call. */
bool fragments_expire(struct fragments *fragments, struct instant now,
                      struct fragments_expired *expired);

#endif
