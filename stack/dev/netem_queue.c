/* The queue of a delay line, see the header. The end of the line is never earlier than anything in
 * the heap: what would be later than the line's end joins the line, and what is in the heap leaves
 * before the line's end at that time does. */
#include "dev/netem_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

enum { QUEUE_MOST_BYTES = 256 << 20 };

int netem_queue_open(struct netem_queue *queue, uint32_t capacity, size_t slot_size)
{
    size_t most = QUEUE_MOST_BYTES / slot_size;

    if (capacity > most)
        capacity = (uint32_t)most;
    *queue = (struct netem_queue){
        .slot_size = slot_size,
        .capacity = capacity,
        .free = NETEM_QUEUE_NONE,
        .front = NETEM_QUEUE_NONE,
        .bytes = malloc(capacity * slot_size),
        .entries = malloc(capacity * sizeof *queue->entries),
        .line = malloc(capacity * sizeof *queue->line),
        .heap = malloc(capacity * sizeof *queue->heap),
    };
    if (queue->bytes && queue->entries && queue->line && queue->heap)
        return 0;
    netem_queue_close(queue);
    return -ENOMEM;
}

void netem_queue_close(struct netem_queue *queue)
{
    free(queue->bytes);
    free(queue->entries);
    free(queue->line);
    free(queue->heap);
    *queue = (struct netem_queue){0};
}

uint8_t *netem_queue_bytes(const struct netem_queue *queue, uint32_t entry)
{
    return queue->bytes + entry * queue->slot_size;
}

uint32_t netem_queue_take(struct netem_queue *queue, struct bytes packet)
{
    uint32_t entry = queue->free;

    CHECK(packet.len <= queue->slot_size);
    if (entry != NETEM_QUEUE_NONE)
        queue->free = queue->entries[entry].next;
    else if (queue->used < queue->capacity)
        entry = queue->used++;
    else
        return NETEM_QUEUE_NONE;
    queue->entries[entry] = (struct netem_entry){.length = (uint32_t)packet.len};
    memcpy(netem_queue_bytes(queue, entry), packet.data, packet.len);
    return entry;
}

void netem_queue_give(struct netem_queue *queue, uint32_t entry)
{
    queue->entries[entry].next = queue->free;
    queue->free = entry;
}

static bool leaves_before(const struct netem_queue *queue, uint32_t a, uint32_t b)
{
    const struct netem_entry *left = &queue->entries[a], *right = &queue->entries[b];

    if (left->due.ns != right->due.ns)
        return left->due.ns < right->due.ns;
    return left->arrival < right->arrival;
}

static void heap_insert(struct netem_queue *queue, uint32_t entry)
{
    uint32_t at = queue->heap_count++;

    for (; at > 0; at = (at - 1) / 2) {
        uint32_t parent = queue->heap[(at - 1) / 2];
        if (!leaves_before(queue, entry, parent))
            break;
        queue->heap[at] = parent;
    }
    queue->heap[at] = entry;
}

static void heap_remove_first(struct netem_queue *queue)
{
    uint32_t last = queue->heap[--queue->heap_count];
    uint32_t at = 0, child;

    for (; (child = 2 * at + 1) < queue->heap_count; at = child) {
        if (child + 1 < queue->heap_count &&
            leaves_before(queue, queue->heap[child + 1], queue->heap[child]))
            child++;
        if (!leaves_before(queue, queue->heap[child], last))
            break;
        queue->heap[at] = queue->heap[child];
    }
    queue->heap[at] = last;
}

static uint32_t line_at(const struct netem_queue *queue, uint32_t index)
{
    return queue->line[(queue->line_head + (uint64_t)index) % queue->capacity];
}

void netem_queue_insert(struct netem_queue *queue, uint32_t entry, struct instant due)
{
    queue->entries[entry].due = due;
    queue->entries[entry].arrival = queue->arrivals++;
    queue->bytes_held += queue->entries[entry].length;
    if (queue->line_count > 0 &&
        due.ns < queue->entries[line_at(queue, queue->line_count - 1)].due.ns) {
        heap_insert(queue, entry);
        return;
    }
    queue->line[(queue->line_head + (uint64_t)queue->line_count) % queue->capacity] = entry;
    queue->line_count++;
}

void netem_queue_insert_front(struct netem_queue *queue, uint32_t entry, struct instant due)
{
    queue->entries[entry].due = due;
    queue->entries[entry].next = queue->front;
    queue->front = entry;
    queue->front_count++;
    queue->bytes_held += queue->entries[entry].length;
}

static bool heap_is_first(const struct netem_queue *queue)
{
    return queue->heap_count > 0 && leaves_before(queue, queue->heap[0], line_at(queue, 0));
}

uint32_t netem_queue_first(const struct netem_queue *queue)
{
    if (queue->front != NETEM_QUEUE_NONE)
        return queue->front;
    if (queue->line_count == 0)
        return NETEM_QUEUE_NONE;
    return heap_is_first(queue) ? queue->heap[0] : line_at(queue, 0);
}

uint32_t netem_queue_remove_first(struct netem_queue *queue)
{
    uint32_t first = netem_queue_first(queue);

    CHECK(first != NETEM_QUEUE_NONE);
    queue->bytes_held -= queue->entries[first].length;
    if (first == queue->front) {
        queue->front = queue->entries[first].next;
        queue->front_count--;
    } else if (heap_is_first(queue)) {
        heap_remove_first(queue);
    } else {
        queue->line_head = (uint32_t)((queue->line_head + UINT64_C(1)) % queue->capacity);
        queue->line_count--;
    }
    return first;
}

uint32_t netem_queue_count(const struct netem_queue *queue)
{
    return queue->line_count + queue->heap_count + queue->front_count;
}

bool netem_queue_latest(const struct netem_queue *queue, struct instant *latest)
{
    if (queue->line_count > 0)
        *latest = queue->entries[line_at(queue, queue->line_count - 1)].due;
    else if (queue->front != NETEM_QUEUE_NONE)
        *latest = queue->entries[queue->front].due;
    else
        return false;
    return true;
}
