/* Many deadlines, the earliest first: a binary heap of entries that live inside their owner's
 * structs. O(log n) to move an entry, O(1) to see the first. The array of pointers grows inside the
 * memory budget. Knows nothing of clocks. */
#ifndef TUNNY_BASE_TIMER_HEAP_H
#define TUNNY_BASE_TIMER_HEAP_H

#include "base/memory.h"
#include "base/time.h"

struct timer_entry {
    struct instant when; /* INSTANT_NEVER: not in the heap */
    uint32_t index;      /* 1 + position in the heap; 0: not in it */
};

struct timer_heap {
    struct memory *memory;
    struct timer_entry **entries;
    uint32_t count, capacity;
};

void timer_heap_init(struct timer_heap *heap, struct memory *memory);
void timer_heap_destroy(struct timer_heap *heap);

/* Makes room for `count` entries in all. 0 or -ENOBUFS. Call it when an owner is made, so that
 * timer_heap_set() cannot fail. */
int timer_heap_reserve(struct timer_heap *heap, uint32_t count);

/* Moves the entry to `when`; INSTANT_NEVER takes it out. */
void timer_heap_set(struct timer_heap *heap, struct timer_entry *entry, struct instant when);

/* The entry with the earliest deadline, or NULL. */
struct timer_entry *timer_heap_first(const struct timer_heap *heap);

#endif
