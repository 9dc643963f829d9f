/* The set of intervals of ranges.h: a tree ordered by where they begin. Intervals never touch, so
 * that beginnings and ends have the same order, and an interval's beginning may move in place as
 * long as it stays behind its neighbour's end. Called by reassembly and the SACK scoreboard; it
 * must not know what the positions count. */
#include "base/ranges.h"

#include <errno.h>

#include "base/check.h"

void ranges_init(struct ranges *ranges, struct pool *pool)
{
    *ranges = (struct ranges){.pool = pool};
}

static struct range *at_or_before(const struct ranges *ranges, uint64_t position)
{
    return TREE_ENTRY(tree_at_or_before(&ranges->tree, position), struct range, node);
}

static struct range *at_or_after(const struct ranges *ranges, uint64_t position)
{
    return TREE_ENTRY(tree_at_or_after(&ranges->tree, position), struct range, node);
}

static struct range *next_of(const struct range *range)
{
    return TREE_ENTRY(tree_next(&range->node), struct range, node);
}

static struct range *insert(struct ranges *ranges, uint64_t from, uint64_t to)
{
    struct range *range = pool_take(ranges->pool);
    if (!range)
        return NULL;
    range->to = to;
    tree_insert(&ranges->tree, &range->node, from);
    return range;
}

static void forget(struct ranges *ranges, struct range *range)
{
    tree_remove(&ranges->tree, &range->node);
    pool_give(ranges->pool, range);
}

static bool tell(const struct range *range, uint64_t *from, uint64_t *to)
{
    if (!range)
        return false;
    *from = range->node.key;
    *to = range->to;
    return true;
}

void ranges_clear(struct ranges *ranges)
{
    while (ranges->tree.root)
        forget(ranges, TREE_ENTRY(ranges->tree.root, struct range, node));
}

/* The interval that [from, to) overlaps or touches first, already widened downwards; or NULL. */
static struct range *widen_first_touched(struct ranges *ranges, uint64_t from, uint64_t to)
{
    struct range *range = at_or_before(ranges, from);
    if (range && range->to >= from)
        return range;
    range = at_or_after(ranges, from);
    if (!range || range->node.key > to)
        return NULL;
    range->node.key = from;
    return range;
}

int ranges_add(struct ranges *ranges, uint64_t from, uint64_t to, uint64_t *whole_from,
               uint64_t *whole_to)
{
    CHECK(from < to);
    struct range *whole = widen_first_touched(ranges, from, to);
    if (!whole)
        whole = insert(ranges, from, to);
    if (!whole)
        return -ENOBUFS;
    if (whole->to < to) {
        whole->to = to;
        struct range *next = next_of(whole);
        while (next && next->node.key <= whole->to) {
            if (whole->to < next->to)
                whole->to = next->to;
            forget(ranges, next);
            next = next_of(whole);
        }
    }
    tell(whole, whole_from, whole_to);
    return 0;
}

void ranges_remove_below(struct ranges *ranges, uint64_t position)
{
    struct range *first;
    while ((first = at_or_after(ranges, 0)) && first->node.key < position) {
        if (first->to > position) {
            first->node.key = position;
            break;
        }
        forget(ranges, first);
    }
}

int ranges_remove(struct ranges *ranges, uint64_t from, uint64_t to)
{
    CHECK(from < to);
    struct range *range = at_or_before(ranges, from);
    if (range && range->node.key < from && range->to > from) {
        if (range->to > to && !insert(ranges, to, range->to))
            return -ENOBUFS;
        range->to = from;
    }
    while ((range = at_or_after(ranges, from)) && range->node.key < to) {
        if (range->to > to) {
            range->node.key = to;
            break;
        }
        forget(ranges, range);
    }
    return 0;
}

bool ranges_first(const struct ranges *ranges, uint64_t *from, uint64_t *to)
{
    return tell(TREE_ENTRY(tree_first(&ranges->tree), struct range, node), from, to);
}

bool ranges_last(const struct ranges *ranges, uint64_t *from, uint64_t *to)
{
    return tell(TREE_ENTRY(tree_last(&ranges->tree), struct range, node), from, to);
}

bool ranges_at_or_after(const struct ranges *ranges, uint64_t position, uint64_t *from,
                        uint64_t *to)
{
    return tell(at_or_after(ranges, position), from, to);
}

bool ranges_find(const struct ranges *ranges, uint64_t position, uint64_t *from, uint64_t *to)
{
    const struct range *range = at_or_before(ranges, position);
    return range && range->to > position && tell(range, from, to);
}

bool ranges_contain(const struct ranges *ranges, uint64_t from, uint64_t to)
{
    if (from >= to)
        return true;
    const struct range *range = at_or_before(ranges, from);
    return range && range->to >= to;
}
