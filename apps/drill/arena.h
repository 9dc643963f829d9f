/* Memory that is taken piece by piece and given back at once: all that belongs to one script.
 * Called by the parser and the interpreter. Out of memory ends the program with a sentence. */
#ifndef TUNNY_DRILL_ARENA_H
#define TUNNY_DRILL_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
};

/* `size` zeroed bytes, aligned for anything. Never NULL. */
void *arena_take(struct arena *arena, size_t size);
/* A terminated copy of `length` bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *format,
                                                         ...);
void arena_free(struct arena *arena);

#endif
