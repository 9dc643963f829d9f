/* Bytes whose end is the end of a page, with a page behind it that nobody may touch: one byte read
 * too many is the end of the test. */
#ifndef TUNNY_TESTS_GUARD_H
#define TUNNY_TESTS_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"

enum { GUARD_SPACE = 65536 };

struct guard {
    uint8_t *region;
    size_t length; /* with the untouchable page */
};

static inline struct guard guard_make(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guard g = {.length = GUARD_SPACE + page};
    g.region = mmap(NULL, g.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.region == MAP_FAILED || mprotect(g.region + GUARD_SPACE, page, PROT_NONE) != 0)
        abort();
    return g;
}

/* `len` bytes that end at the guard, for writing. */
static inline uint8_t *guard_room(const struct guard *g, size_t len)
{
    return g->region + GUARD_SPACE - len;
}

/* A copy of `data` that ends at the guard. */
static inline struct bytes guard_copy(const struct guard *g, const void *data, size_t len)
{
    uint8_t *copy = guard_room(g, len);
    if (len)
        memcpy(copy, data, len);
    return (struct bytes){copy, len};
}

static inline void guard_free(struct guard *g)
{
    munmap(g->region, g->length);
}

#endif
