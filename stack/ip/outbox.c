/* See outbox.h. Records are never moved: a packet that was taken out stays where it is until the
 * caller has come for the next one, even when looping it back makes new records. */
#include "ip/outbox.h"

#include <errno.h>

#include "base/check.h"

enum { RECORD_HEADER = 4 };

int outbox_init(struct outbox *outbox, struct memory *memory)
{
    *outbox = (struct outbox){.memory = memory, .limit = OUTBOX_SIZE};
    outbox->buffer = memory_take(memory, OUTBOX_SIZE);
    return outbox->buffer ? 0 : -ENOMEM;
}

void outbox_destroy(struct outbox *outbox)
{
    memory_give(outbox->memory, outbox->buffer, OUTBOX_SIZE);
    outbox->buffer = NULL;
}

uint8_t *outbox_scratch(struct outbox *outbox, size_t length)
{
    CHECK(outbox->limit == OUTBOX_SIZE);
    if (length > OUTBOX_SIZE - outbox->tail)
        return NULL;
    outbox->limit = OUTBOX_SIZE - length;
    return outbox->buffer + outbox->limit;
}

void outbox_end_scratch(struct outbox *outbox)
{
    outbox->limit = OUTBOX_SIZE;
}

struct room outbox_room(struct outbox *outbox)
{
    size_t at = outbox->tail + RECORD_HEADER;
    if (at >= outbox->limit)
        return (struct room){outbox->buffer, 0};
    return (struct room){outbox->buffer + at, outbox->limit - at};
}

void outbox_commit(struct outbox *outbox, size_t length)
{
    CHECK(length > 0 && outbox->tail + RECORD_HEADER + length <= outbox->limit);
    put_be32(outbox->buffer + outbox->tail, (uint32_t)length);
    outbox->tail += RECORD_HEADER + length;
}

void outbox_rewind(struct outbox *outbox, size_t tail)
{
    CHECK(outbox->head <= tail && tail <= outbox->tail);
    outbox->tail = tail;
}

bool outbox_next(struct outbox *outbox, struct bytes *packet)
{
    if (outbox->head == outbox->tail) {
        outbox->head = outbox->tail = 0;
        return false;
    }
    size_t length = get_be32(outbox->buffer + outbox->head);
    *packet = (struct bytes){outbox->buffer + outbox->head + RECORD_HEADER, length};
    outbox->head += RECORD_HEADER + length;
    return true;
}
