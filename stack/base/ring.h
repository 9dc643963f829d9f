/* A ring of bytes that is addressed by position in the stream, not by offset: the byte at position
 * p lies at data[p mod capacity]. Send buffer and reassembly keep their text here under its own
 * sequence numbers, so nothing is ever moved but when the ring grows. The ring does not know which
 * positions hold text; its owner does. An empty ring has no storage. */
#ifndef TUNNY_BASE_RING_H
#define TUNNY_BASE_RING_H

#include "base/bytes.h"
#include "base/memory.h"

struct ring {
    uint8_t *data;     /* NULL while capacity is 0 */
    uint32_t capacity; /* bytes: 0 or a power of two */
};

/* Makes the capacity at least `capacity` bytes (rounded up to a power of two, 4 KiB at least) and
 * keeps the text of [from, to). Never shrinks. 0, or -ENOBUFS with the ring as it was. */
int ring_grow(struct ring *ring, struct memory *memory, size_t capacity, uint64_t from,
              uint64_t to);

/* Gives the storage back. */
void ring_release(struct ring *ring, struct memory *memory);

/* Copies `len` bytes in or out at position `at`; len <= capacity. What is put may lie in the ring
 * itself, at its place even, as long as that does not run over the end of the storage. */
void ring_put(struct ring *ring, uint64_t at, const void *source, size_t len);
void ring_get(const struct ring *ring, uint64_t at, void *target, size_t len);

/* The one or two pieces that hold [at, at + len); len <= capacity. An unused piece has len 0. */
void ring_pieces(const struct ring *ring, uint64_t at, size_t len, struct bytes pieces[2]);
void ring_rooms(struct ring *ring, uint64_t at, size_t len, struct room rooms[2]);

#endif
