/* The ring of ring.h: at most two memcpy for any range, since the capacity is a power of two and a
 * position's place is its low bits. Called by the send buffer and reassembly; it must not know
 * which positions hold text, nor what a sequence number is. */
#include "base/ring.h"

#include <errno.h>

#include "base/check.h"

void ring_rooms(struct ring *ring, uint64_t at, size_t len, struct room rooms[2])
{
    CHECK(len <= ring->capacity);
    if (len == 0) {
        rooms[0] = (struct room){ring->data, 0};
        rooms[1] = (struct room){ring->data, 0};
        return;
    }
    size_t offset = (size_t)(at & (ring->capacity - 1));
    size_t first = ring->capacity - offset;
    if (first > len)
        first = len;
    rooms[0] = (struct room){ring->data + offset, first};
    rooms[1] = (struct room){ring->data, len - first};
}

void ring_pieces(const struct ring *ring, uint64_t at, size_t len, struct bytes pieces[2])
{
    struct ring same = *ring;
    struct room rooms[2];
    ring_rooms(&same, at, len, rooms);
    for (int i = 0; i < 2; i++)
        pieces[i] = (struct bytes){rooms[i].data, rooms[i].len};
}

void ring_put(struct ring *ring, uint64_t at, const void *source, size_t len)
{
    struct room rooms[2];
    ring_rooms(ring, at, len, rooms);
    if (rooms[0].len && rooms[0].data != source)
        memmove(rooms[0].data, source, rooms[0].len);
    if (rooms[1].len)
        memcpy(rooms[1].data, (const uint8_t *)source + rooms[0].len, rooms[1].len);
}

void ring_get(const struct ring *ring, uint64_t at, void *target, size_t len)
{
    struct bytes pieces[2];
    ring_pieces(ring, at, len, pieces);
    if (pieces[0].len)
        memcpy(target, pieces[0].data, pieces[0].len);
    if (pieces[1].len)
        memcpy((uint8_t *)target + pieces[0].len, pieces[1].data, pieces[1].len);
}

int ring_grow(struct ring *ring, struct memory *memory, size_t capacity, uint64_t from, uint64_t to)
{
    if (capacity <= ring->capacity)
        return 0;
    CHECK(from <= to && to - from <= ring->capacity);
    struct ring larger = {.data = memory_take(memory, capacity)};
    if (!larger.data)
        return -ENOBUFS;
    larger.capacity = (uint32_t)memory_block_size(capacity);

    struct bytes pieces[2];
    ring_pieces(ring, from, (size_t)(to - from), pieces);
    ring_put(&larger, from, pieces[0].data, pieces[0].len);
    ring_put(&larger, from + pieces[0].len, pieces[1].data, pieces[1].len);
    ring_release(ring, memory);
    *ring = larger;
    return 0;
}

void ring_release(struct ring *ring, struct memory *memory)
{
    memory_give(memory, ring->data, ring->capacity);
    *ring = (struct ring){0};
}
