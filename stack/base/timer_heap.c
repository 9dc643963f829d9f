/* The heap of deadlines of timer_heap.h. An entry knows its position, so that it can be moved or
 * taken out without being searched. Called by the loop and the simulator; it must not know what
 * happens at a deadline, nor what time it is. */
#include "base/timer_heap.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

void timer_heap_init(struct timer_heap *heap, struct memory *memory)
{
    *heap = (struct timer_heap){.memory = memory};
}

void timer_heap_destroy(struct timer_heap *heap)
{
    memory_give(heap->memory, heap->entries, heap->capacity * sizeof heap->entries[0]);
    *heap = (struct timer_heap){.memory = heap->memory};
}

int timer_heap_reserve(struct timer_heap *heap, uint32_t count)
{
    if (count <= heap->capacity)
        return 0;
    size_t size = count * sizeof heap->entries[0];
    struct timer_entry **larger = memory_take(heap->memory, size);
    if (!larger)
        return -ENOBUFS;
    if (heap->count)
        memcpy(larger, heap->entries, heap->count * sizeof larger[0]);
    memory_give(heap->memory, heap->entries, heap->capacity * sizeof heap->entries[0]);
    heap->entries = larger;
    heap->capacity = (uint32_t)(memory_block_size(size) / sizeof larger[0]);
    return 0;
}

/* Positions count from 1, so that the parent of n is n / 2. */
static void place(struct timer_heap *heap, struct timer_entry *entry, uint32_t position)
{
    heap->entries[position - 1] = entry;
    entry->index = position;
}

/* Moves the hole at `position` up to where `entry` belongs; returns the position. */
static uint32_t hole_up(struct timer_heap *heap, const struct timer_entry *entry, uint32_t position)
{
    while (position > 1) {
        struct timer_entry *parent = heap->entries[position / 2 - 1];
        if (!instant_before(entry->when, parent->when))
            break;
        place(heap, parent, position);
        position /= 2;
    }
    return position;
}

/* Moves the hole at `position` down to where `entry` belongs; returns the position. */
static uint32_t hole_down(struct timer_heap *heap, const struct timer_entry *entry,
                          uint32_t position)
{
    while (position <= heap->count / 2) {
        uint32_t below = position * 2;
        struct timer_entry *child = heap->entries[below - 1];
        if (below < heap->count && instant_before(heap->entries[below]->when, child->when))
            child = heap->entries[below++];
        if (!instant_before(child->when, entry->when))
            break;
        place(heap, child, position);
        position = below;
    }
    return position;
}

static void settle(struct timer_heap *heap, struct timer_entry *entry, uint32_t position)
{
    uint32_t up = hole_up(heap, entry, position);
    if (up == position)
        up = hole_down(heap, entry, position);
    place(heap, entry, up);
}

static void take_out(struct timer_heap *heap, struct timer_entry *entry)
{
    uint32_t position = entry->index;
    struct timer_entry *last = heap->entries[--heap->count];
    entry->index = 0;
    if (last != entry)
        settle(heap, last, position);
}

void timer_heap_set(struct timer_heap *heap, struct timer_entry *entry, struct instant when)
{
    CHECK(entry->index <= heap->count);
    CHECK(entry->index == 0 || heap->entries[entry->index - 1] == entry);
    entry->when = when;
    if (instant_is_never(when)) {
        if (entry->index)
            take_out(heap, entry);
        return;
    }
    uint32_t position = entry->index;
    if (position == 0) {
        CHECK(heap->count < heap->capacity);
        position = ++heap->count;
    }
    settle(heap, entry, position);
}

struct timer_entry *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count ? heap->entries[0] : NULL;
}
