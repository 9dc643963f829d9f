/* See arena.h: a list of blocks, the newest of which has the free space. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/message.h"

enum { BLOCK_SIZE = 32768, ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct arena_block *block = malloc(sizeof *block + room);
    if (block == NULL) {
        complain("there is no memory for the script.");
        exit(EXIT_USAGE);
    }
    block->next = arena->blocks;
    block->used = 0;
    block->size = room;
    arena->blocks = block;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size)
        block = block_new(arena, size);
    void *piece = block->bytes + block->used;
    block->used += size;
    memset(piece, 0, size);
    return piece;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    size_t size = length < 0 ? 1 : (size_t)length + 1;
    char *text = arena_take(arena, size);
    vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}
