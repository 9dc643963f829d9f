/* A set of disjoint, non-adjacent half-open intervals [from, to) of 64-bit positions. Reassembly
 * keeps here what has arrived out of order. O(log n) an operation; nodes come from a pool that
 * several sets may share. Knows nothing of TCP. */
#ifndef TUNNY_BASE_RANGES_H
#define TUNNY_BASE_RANGES_H

#include <stdbool.h>

#include "base/memory.h"
#include "base/tree.h"

struct range {
    struct tree_node node; /* its key is `from` */
    uint64_t to;
};

struct ranges {
    struct tree tree;
    struct pool *pool; /* of struct range */
};

void ranges_init(struct ranges *ranges, struct pool *pool);
void ranges_clear(struct ranges *ranges);

/* Adds [from, to), from < to; joins what it touches. The interval that now contains it goes to
 * *whole_from and *whole_to. 0, or -ENOBUFS (nothing added) when a node was needed and the pool is
 * empty. */
int ranges_add(struct ranges *ranges, uint64_t from, uint64_t to, uint64_t *whole_from,
               uint64_t *whole_to);

/* Forgets everything below `position`. */
void ranges_remove_below(struct ranges *ranges, uint64_t position);
/* Forgets [from, to). May need a node when it splits: 0 or -ENOBUFS. */
int ranges_remove(struct ranges *ranges, uint64_t from, uint64_t to);

/* The lowest interval; false when the set is empty. */
bool ranges_first(const struct ranges *ranges, uint64_t *from, uint64_t *to);
/* The highest interval; false when the set is empty. */
bool ranges_last(const struct ranges *ranges, uint64_t *from, uint64_t *to);
/* The first interval that begins at or after `position`; false when there is none. */
bool ranges_at_or_after(const struct ranges *ranges, uint64_t position, uint64_t *from,
                        uint64_t *to);
/* The interval that contains `position`; false when there is none. */
bool ranges_find(const struct ranges *ranges, uint64_t position, uint64_t *from, uint64_t *to);
/* [from, to) lies wholly in the set. */
bool ranges_contain(const struct ranges *ranges, uint64_t from, uint64_t to);
static inline size_t ranges_count(const struct ranges *ranges)
{
    return ranges->tree.count;
}

#endif
