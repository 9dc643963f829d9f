/* Reads back what pcapng.c wrote, for its tests: strict, and only as much of the format as we
 * write. */
#ifndef TUNNY_TESTS_UNIT_DEV_PCAPNG_READER_H
#define TUNNY_TESTS_UNIT_DEV_PCAPNG_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { READER_COMMENTS = 40, READER_BLOCKS = 64 };

struct block {
    uint32_t type, length; /* the body's */
    const uint8_t *body;
    uint64_t time_ns;
    const uint8_t *data;
    uint32_t kept, whole, flags;
    uint8_t time_resolution;
    unsigned comment_count;
    char comments[READER_COMMENTS][256]; /* cut there */
    uint32_t comment_lengths[READER_COMMENTS];
};

struct capture_file {
    uint8_t *bytes;
    size_t length;
    struct block *blocks;
    unsigned count;
};

static inline uint32_t reader_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void reader_options(struct block *block, uint32_t at)
{
    for (;;) {
        uint16_t code, length;
        assert_true(at + 4 <= block->length);
        memcpy(&code, block->body + at, 2);
        memcpy(&length, block->body + at + 2, 2);
        const uint8_t *value = block->body + at + 4;
        assert_true(at + 4 + length <= block->length);
        if (code == 0)
            break;
        if (code == 1) {
            assert_true(block->comment_count < READER_COMMENTS);
            block->comment_lengths[block->comment_count] = length;
            snprintf(block->comments[block->comment_count++], 256, "%.*s", (int)length,
                     (const char *)value);
        } else if (code == 2 && block->type == 6) {
            block->flags = reader_u32(value);
        } else if (code == 9 && block->type == 1) {
            block->time_resolution = *value;
        }
        at += 4U + ((length + 3U) & ~3U);
    }
    assert_int_equal(at + 4, block->length); /* nothing after the last option */
}

static inline void reader_block(struct block *block)
{
    switch (block->type) {
    case 0x0a0d0d0a:
        assert_int_equal(reader_u32(block->body), 0x1a2b3c4d);
        reader_options(block, 16);
        break;
    case 1:
        reader_options(block, 8);
        break;
    case 6:
        block->time_ns = (uint64_t)reader_u32(block->body + 4) << 32 | reader_u32(block->body + 8);
        block->kept = reader_u32(block->body + 12);
        block->whole = reader_u32(block->body + 16);
        block->data = block->body + 20;
        assert_true(20 + block->kept <= block->length);
        reader_options(block, 20 + ((block->kept + 3U) & ~3U));
        break;
    default:
        fail_msg("a block of the unknown type %u", block->type);
    }
}

/* Takes a file's bytes apart; every length must fit. */
static inline void reader_parse(struct capture_file *file)
{
    file->blocks = calloc(READER_BLOCKS, sizeof *file->blocks);
    file->count = 0;
    for (size_t at = 0; at < file->length;) {
        assert_true(file->count < READER_BLOCKS && file->length - at >= 12);
        uint32_t size = reader_u32(file->bytes + at + 4);
        assert_true(size >= 12 && size % 4 == 0 && size <= file->length - at);
        assert_int_equal(reader_u32(file->bytes + at + size - 4), size);
        struct block *block = &file->blocks[file->count++];
        block->type = reader_u32(file->bytes + at);
        block->body = file->bytes + at + 8;
        block->length = size - 12;
        reader_block(block);
        at += size;
    }
}

static inline struct capture_file reader_open(const char *path)
{
    struct capture_file file = {.length = 0};
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    file.bytes = malloc(1 << 20);
    file.length = fread(file.bytes, 1, 1 << 20, stream);
    fclose(stream);
    reader_parse(&file);
    return file;
}

static inline void reader_close(struct capture_file *file)
{
    free(file->bytes);
    free(file->blocks);
}

#endif
