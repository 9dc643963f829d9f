/* The one owner of a stack's memory. A budget is fixed when the stack is made; blocks are powers of
 * two inside it (a buddy system), objects of one size come from pools inside it. Taking and giving
 * cost O(log n) and call nobody. A full budget gives NULL: the caller turns that into a named drop
 * or -ENOBUFS. Untouched parts of the budget cost no physical memory. */
#ifndef TUNNY_BASE_MEMORY_H
#define TUNNY_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum {
    MEMORY_SMALLEST_BLOCK_LOG2 = 12, /* 4 KiB: the smallest ring */
    MEMORY_LARGEST_BLOCK_LOG2 = 30,
    MEMORY_ORDERS = MEMORY_LARGEST_BLOCK_LOG2 - MEMORY_SMALLEST_BLOCK_LOG2 + 1,
};

struct memory_free_block;

struct memory {
    uint8_t *region;   /* from the C library, once, at memory_init() */
    uint8_t *orders;   /* one byte for each smallest block: its order, taken or free */
    size_t budget;     /* bytes */
    size_t used;       /* bytes in blocks that are taken (rounded sizes) */
    size_t peak;       /* the largest `used` ever */
    uint64_t takes;    /* how many times a block or an object was asked for */
    uint64_t fail_at;  /* tests: the `fail_at`-th of these fails (0: none) */
    uint64_t failures; /* how many times NULL was the answer */
    struct memory_free_block *free[MEMORY_ORDERS];
};

/* Takes `budget` bytes (rounded up to the smallest block) from the C library. 0 or -ENOMEM. */
int memory_init(struct memory *memory, size_t budget);

/* Gives everything back to the C library; every block and pool is invalid afterwards. */
void memory_destroy(struct memory *memory);

/* A block of at least `size` bytes (the next power of two, 4 KiB at least), not zeroed; NULL when
 * the budget has none left. Never blocks. */
void *memory_take(struct memory *memory, size_t size);

/* Gives a block back; `size` as it was asked for. NULL is ignored. */
void memory_give(struct memory *memory, void *block, size_t size);

/* The real size of a block that was asked for with `size`. */
size_t memory_block_size(size_t size);

/* Objects of one size. Slabs are returned to the budget only when the pool is emptied as a whole.
 */
struct pool {
    struct memory *memory;
    void *free;         /* singly linked through the objects' first word */
    void *slabs;        /* singly linked through the slabs' first word */
    size_t object_size; /* rounded up to 16 */
    size_t live;        /* objects taken and not given back */
};

void pool_init(struct pool *pool, struct memory *memory, size_t object_size);

/* A zeroed object, or NULL when the budget is used up. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);

/* Gives all slabs back; CHECKs that no object is live. */
void pool_destroy(struct pool *pool);

#endif
