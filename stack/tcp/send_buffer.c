/* The user's text on its way out (RFC 9293, 3.9.1.2). See send_buffer.h. */
#include "tcp/send_buffer.h"

#include <errno.h>

#include "base/check.h"

void send_buffer_init(struct send_buffer *buffer, seqno first, uint32_t limit)
{
    *buffer = (struct send_buffer){.begin = first, .end = first, .limit = limit};
}

void send_buffer_release(struct send_buffer *buffer, struct memory *memory)
{
    ring_release(&buffer->ring, memory);
    buffer->begin = buffer->end;
}

/* Makes the ring hold up to `len` bytes more; returns how many it can, or -ENOBUFS for none. */
static int64_t make_room(struct send_buffer *buffer, struct memory *memory, size_t len)
{
    size_t held = send_buffer_held(buffer);
    size_t room = send_buffer_room(buffer);

    if (len > room)
        len = room;
    if (len == 0)
        return 0;
    if (held + len > buffer->ring.capacity &&
        ring_grow(&buffer->ring, memory, held + len, buffer->begin, buffer->end) < 0)
        len = buffer->ring.capacity - held;
    return len > 0 ? (int64_t)len : -ENOBUFS;
}

int64_t send_buffer_append(struct send_buffer *buffer, struct memory *memory, const void *data,
                           size_t len)
{
    int64_t taken = make_room(buffer, memory, len);

    if (taken <= 0)
        return taken;
    ring_put(&buffer->ring, buffer->end, data, (size_t)taken);
    buffer->end += (uint64_t)taken;
    return taken;
}

int64_t send_buffer_rooms(struct send_buffer *buffer, struct memory *memory, size_t len,
                          struct room rooms[2])
{
    int64_t room = make_room(buffer, memory, len);

    if (room > 0)
        ring_rooms(&buffer->ring, buffer->end, (size_t)room, rooms);
    else
        rooms[0] = rooms[1] = (struct room){NULL, 0};
    return room;
}

void send_buffer_commit(struct send_buffer *buffer, size_t len)
{
    CHECK(send_buffer_held(buffer) + len <= buffer->ring.capacity);
    buffer->end += len;
}

void send_buffer_pieces(const struct send_buffer *buffer, seqno from, size_t len,
                        struct bytes pieces[2])
{
    CHECK(from >= buffer->begin && from + len <= buffer->end);
    ring_pieces(&buffer->ring, from, len, pieces);
}

void send_buffer_acknowledge(struct send_buffer *buffer, seqno una)
{
    if (una > buffer->begin)
        buffer->begin = seq_min(una, buffer->end);
}
