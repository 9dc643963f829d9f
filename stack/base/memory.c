/* The buddy system and the pools of memory.h. A block of order n is 4 KiB << n and begins at a
 * multiple of its size from the region's start, so its buddy is one exclusive-or away. Who is what
 * is written in `orders`, outside of the blocks: that is how giving twice, or with a wrong size, is
 * noticed. Only the links of free blocks are written into the region, and free lists are last in,
 * first out: pages that nobody has used stay unmapped. Called by everyone that owns bytes; it must
 * not know what they are for. */
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct memory_free_block {
    struct memory_free_block *next, *previous;
};

/* What `orders` holds at a block's first 4 KiB, besides its order. Zero: the inside of a block. */
enum { ORDER_MASK = 0x1f, ORDER_FREE = 0x40, ORDER_TAKEN = 0x80 };

static const size_t smallest_block = (size_t)1 << MEMORY_SMALLEST_BLOCK_LOG2;
static const size_t largest_block = (size_t)1 << MEMORY_LARGEST_BLOCK_LOG2;

static size_t order_size(unsigned order)
{
    return smallest_block << order;
}

/* The smallest order that holds `size` bytes; `size` is at most the largest block. */
static unsigned order_for(size_t size)
{
    if (size <= smallest_block)
        return 0;
    unsigned bits = 64 - (unsigned)__builtin_clzll((unsigned long long)(size - 1));
    return bits - MEMORY_SMALLEST_BLOCK_LOG2;
}

static uint8_t *order_of(struct memory *memory, size_t offset)
{
    return &memory->orders[offset >> MEMORY_SMALLEST_BLOCK_LOG2];
}

static void add_free(struct memory *memory, size_t offset, unsigned order)
{
    struct memory_free_block *block = (void *)(memory->region + offset);
    block->previous = NULL;
    block->next = memory->free[order];
    if (block->next)
        block->next->previous = block;
    memory->free[order] = block;
    *order_of(memory, offset) = (uint8_t)(ORDER_FREE | order);
}

static void remove_free(struct memory *memory, size_t offset, unsigned order)
{
    struct memory_free_block *block = (void *)(memory->region + offset);
    if (block->previous)
        block->previous->next = block->next;
    else
        memory->free[order] = block->next;
    if (block->next)
        block->next->previous = block->previous;
    *order_of(memory, offset) = 0;
}

/* Cuts the region, of any multiple of 4 KiB, into the largest blocks that fit. The low ones go to
 * the heads of their lists. */
static void carve_region(struct memory *memory)
{
    size_t end = memory->budget;
    while (end > 0) {
        unsigned order = (unsigned)__builtin_ctzll((unsigned long long)end);
        order -= MEMORY_SMALLEST_BLOCK_LOG2;
        if (order >= MEMORY_ORDERS)
            order = MEMORY_ORDERS - 1;
        end -= order_size(order);
        add_free(memory, end, order);
    }
}

int memory_init(struct memory *memory, size_t budget)
{
    *memory = (struct memory){0};
    if (budget == 0)
        budget = 1;
    if (budget > PTRDIFF_MAX - smallest_block)
        return -ENOMEM;
    budget = (budget + smallest_block - 1) & ~(smallest_block - 1);
    memory->orders = calloc(budget >> MEMORY_SMALLEST_BLOCK_LOG2, 1);
    memory->region = aligned_alloc(smallest_block, budget);
    if (!memory->orders || !memory->region) {
        memory_destroy(memory);
        return -ENOMEM;
    }
    memory->budget = budget;
    carve_region(memory);
    return 0;
}

void memory_destroy(struct memory *memory)
{
    free(memory->region);
    free(memory->orders);
    *memory = (struct memory){0};
}

/* Counts one request; whether the tests want this one to fail. */
static int is_to_fail(struct memory *memory)
{
    return ++memory->takes == memory->fail_at;
}

/* A block of this order, cut out of the smallest free one that is large enough. */
static void *take_order(struct memory *memory, unsigned order)
{
    unsigned found = order;
    while (found < MEMORY_ORDERS && !memory->free[found])
        found++;
    if (found == MEMORY_ORDERS)
        return NULL;
    uint8_t *block = (uint8_t *)memory->free[found];
    size_t offset = (size_t)(block - memory->region);
    remove_free(memory, offset, found);
    while (found > order) {
        found--;
        add_free(memory, offset + order_size(found), found);
    }
    *order_of(memory, offset) = (uint8_t)(ORDER_TAKEN | order);
    memory->used += order_size(order);
    if (memory->used > memory->peak)
        memory->peak = memory->used;
    return block;
}

/* Like memory_take(), but not counted as a request. */
static void *take_block(struct memory *memory, size_t size)
{
    void *block = size <= largest_block ? take_order(memory, order_for(size)) : NULL;
    if (!block)
        memory->failures++;
    return block;
}

void *memory_take(struct memory *memory, size_t size)
{
    if (is_to_fail(memory)) {
        memory->failures++;
        return NULL;
    }
    return take_block(memory, size);
}

/* Joins the block with its buddy while that is free and whole. */
static void merge_free(struct memory *memory, size_t offset, unsigned order)
{
    while (order + 1 < MEMORY_ORDERS) {
        size_t buddy = offset ^ order_size(order);
        if (buddy >= memory->budget || *order_of(memory, buddy) != (ORDER_FREE | order))
            break;
        remove_free(memory, buddy, order);
        *order_of(memory, offset) = 0;
        offset &= ~order_size(order);
        order++;
    }
    add_free(memory, offset, order);
}

void memory_give(struct memory *memory, void *block, size_t size)
{
    if (!block)
        return;
    uintptr_t offset = (uintptr_t)block - (uintptr_t)memory->region;
    CHECK(offset < memory->budget && offset % smallest_block == 0);
    CHECK(size <= largest_block);
    unsigned order = order_for(size);
    CHECK(*order_of(memory, offset) == (ORDER_TAKEN | order));
    memory->used -= order_size(order);
    merge_free(memory, offset, order);
}

size_t memory_block_size(size_t size)
{
    CHECK(size <= largest_block);
    return order_size(order_for(size));
}

/* The head of a free object. The mark tells a free object from one that is live, so that giving
 * twice is noticed; nothing that lives has reason to hold it in its second word. */
struct free_object {
    struct free_object *next;
    uintptr_t mark;
};

struct slab {
    struct slab *next;
};

enum { POOL_ALIGNMENT = 16, POOL_OBJECTS_IN_SLAB = 4 };

static uintptr_t free_mark(const struct pool *pool)
{
    return (uintptr_t)pool ^ (uintptr_t)UINT64_C(0x9e3779b97f4a7c15);
}

void pool_init(struct pool *pool, struct memory *memory, size_t object_size)
{
    CHECK(object_size > 0 && object_size < largest_block / (POOL_OBJECTS_IN_SLAB + 1));
    object_size = (object_size + POOL_ALIGNMENT - 1) & ~(size_t)(POOL_ALIGNMENT - 1);
    *pool = (struct pool){.memory = memory, .object_size = object_size};
}

/* The block that holds at least four objects; small objects fill the smallest block. */
static size_t slab_size(const struct pool *pool)
{
    return memory_block_size(POOL_ALIGNMENT + POOL_OBJECTS_IN_SLAB * pool->object_size);
}

static void push_free(struct pool *pool, void *object)
{
    struct free_object *head = object;
    head->next = pool->free;
    head->mark = free_mark(pool);
    pool->free = head;
}

/* Takes one more slab and threads its objects, the lowest first. */
static void add_slab(struct pool *pool)
{
    size_t size = slab_size(pool);
    struct slab *slab = take_block(pool->memory, size);
    if (!slab)
        return;
    slab->next = pool->slabs;
    pool->slabs = slab;
    size_t count = (size - POOL_ALIGNMENT) / pool->object_size;
    uint8_t *first = (uint8_t *)slab + POOL_ALIGNMENT;
    for (size_t i = count; i > 0; i--)
        push_free(pool, first + (i - 1) * pool->object_size);
}

void *pool_take(struct pool *pool)
{
    if (is_to_fail(pool->memory)) {
        pool->memory->failures++;
        return NULL;
    }
    if (!pool->free)
        add_slab(pool);
    struct free_object *object = pool->free;
    if (!object)
        return NULL;
    CHECK(object->mark == free_mark(pool));
    pool->free = object->next;
    pool->live++;
    return memset(object, 0, pool->object_size);
}

void pool_give(struct pool *pool, void *object)
{
    if (!object)
        return;
    CHECK(pool->live > 0);
    CHECK(((struct free_object *)object)->mark != free_mark(pool));
    pool->live--;
    push_free(pool, object);
}

void pool_destroy(struct pool *pool)
{
    CHECK(pool->live == 0);
    size_t size = slab_size(pool);
    while (pool->slabs) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        memory_give(pool->memory, slab, size);
    }
    pool->free = NULL;
}
