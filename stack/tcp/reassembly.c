/* Text put in order (RFC 9293, 3.10.7.4, seventh). See reassembly.h. */
#include "tcp/reassembly.h"

#include "base/check.h"

void reassembly_init(struct reassembly *reassembly, struct pool *pool, seqno first, uint32_t limit)
{
    *reassembly = (struct reassembly){.read = first, .next = first, .limit = limit};
    ranges_init(&reassembly->held, pool);
}

void reassembly_release(struct reassembly *reassembly, struct memory *memory)
{
    ranges_clear(&reassembly->held);
    ring_release(&reassembly->ring, memory);
    reassembly->read = reassembly->next;
}

int reassembly_make_room(struct reassembly *reassembly, struct memory *memory, seqno end)
{
    seqno keep_to = reassembly->next;
    seqno from, to;

    if (end <= reassembly->read + reassembly->ring.capacity)
        return 0;
    if (ranges_last(&reassembly->held, &from, &to))
        keep_to = to;
    return ring_grow(&reassembly->ring, memory, (size_t)(end - reassembly->read), reassembly->read,
                     keep_to);
}

/* Copies what has not arrived before: a byte's first copy wins, so that no later segment can change
 * what an observer has already seen (Ptacek and Newsham 1998). */
static void put_gaps(struct reassembly *reassembly, seqno at, struct bytes text)
{
    seqno end = at + text.len;
    seqno position = at;

    while (position < end) {
        seqno from, to, gap_end = end;
        if (ranges_find(&reassembly->held, position, &from, &to)) {
            position = to;
            continue;
        }
        if (ranges_at_or_after(&reassembly->held, position, &from, &to) && from < end)
            gap_end = from;
        ring_put(&reassembly->ring, position, text.data + (position - at),
                 (size_t)(gap_end - position));
        position = gap_end;
    }
}

static enum reassembly_result add_in_order(struct reassembly *reassembly, struct bytes text)
{
    seqno end = reassembly->next + text.len;
    seqno from, to;

    if (ranges_count(&reassembly->held) == 0) {
        ring_put(&reassembly->ring, reassembly->next, text.data, text.len);
        reassembly->next = end;
        return REASSEMBLY_IN_ORDER;
    }
    put_gaps(reassembly, reassembly->next, text);
    /* Ranges do not touch one another: at most one of them begins at or before `end` and ends
     * behind it. */
    ranges_remove_below(&reassembly->held, end);
    if (ranges_first(&reassembly->held, &from, &to) && from <= end) {
        end = to;
        ranges_remove_below(&reassembly->held, end);
    }
    reassembly->next = end;
    return REASSEMBLY_FILLED_HOLE;
}

static enum reassembly_result add_beyond_hole(struct reassembly *reassembly, seqno at,
                                              struct bytes text)
{
    seqno whole_from, whole_to;

    if (ranges_contain(&reassembly->held, at, at + text.len))
        return REASSEMBLY_DUPLICATE;
    if (ranges_count(&reassembly->held) >= REASSEMBLY_RANGES_MOST)
        return REASSEMBLY_REFUSED;
    put_gaps(reassembly, at, text);
    if (ranges_add(&reassembly->held, at, at + text.len, &whole_from, &whole_to) < 0)
        return REASSEMBLY_REFUSED;
    return REASSEMBLY_OUT_OF_ORDER;
}

enum reassembly_result reassembly_add(struct reassembly *reassembly, seqno at, struct bytes text)
{
    CHECK(at + text.len <= reassembly->read + reassembly->ring.capacity);
    if (at + text.len <= reassembly->next)
        return REASSEMBLY_DUPLICATE;
    if (at > reassembly->next)
        return add_beyond_hole(reassembly, at, text);
    return add_in_order(reassembly, bytes_part(text, (size_t)(reassembly->next - at), text.len));
}

struct room reassembly_landing(const struct reassembly *reassembly, size_t margin)
{
    struct ring ring = reassembly->ring;
    struct room rooms[2];
    size_t free = (size_t)(reassembly->read + ring.capacity - reassembly->next);

    ring_rooms(&ring, reassembly->next, free, rooms);
    if (ranges_count(&reassembly->held) > 0 || rooms[0].len == 0 ||
        (size_t)(rooms[0].data - ring.data) < margin)
        return (struct room){NULL, 0};
    return rooms[0];
}

size_t reassembly_pieces(const struct reassembly *reassembly, size_t len, struct bytes pieces[2])
{
    size_t unread = reassembly_unread(reassembly);

    if (len > unread)
        len = unread;
    if (len > 0)
        ring_pieces(&reassembly->ring, reassembly->read, len, pieces);
    else
        pieces[0] = pieces[1] = (struct bytes){NULL, 0};
    return len;
}

size_t reassembly_peek(const struct reassembly *reassembly, size_t offset, void *data, size_t len)
{
    size_t unread = reassembly_unread(reassembly);

    if (offset >= unread)
        return 0;
    if (len > unread - offset)
        len = unread - offset;
    if (len > 0)
        ring_get(&reassembly->ring, reassembly->read + offset, data, len);
    return len;
}

void reassembly_take(struct reassembly *reassembly, size_t len)
{
    CHECK(len <= reassembly_unread(reassembly));
    reassembly->read += len;
}
