/* Borrowed bytes, and bounded reading and writing of them in network order. A cursor or builder
 * that runs past its end reads zeros, writes nothing, and remembers that it failed: check `failed`
 * once at the end. Called by every parser and builder of headers; knows no format. */
#ifndef TUNNY_BASE_BYTES_H
#define TUNNY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Somebody else's bytes, to read. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

/* Somebody else's bytes, to write. */
struct room {
    uint8_t *data;
    size_t len;
};

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_be16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *p, uint32_t value)
{
    put_be16(p, (uint16_t)(value >> 16));
    put_be16(p + 2, (uint16_t)value);
}

/* The part of `b` from `offset`, at most `len` bytes; empty when there is none. */
static inline struct bytes bytes_part(struct bytes b, size_t offset, size_t len)
{
    if (offset >= b.len)
        return (struct bytes){b.data, 0};
    if (len > b.len - offset)
        len = b.len - offset;
    return (struct bytes){b.data + offset, len};
}

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_over(struct bytes b)
{
    return (struct cursor){.at = b.data, .end = b.data + b.len};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Takes exactly `len` bytes, or none and fails. */
static inline struct bytes cursor_take(struct cursor *c, size_t len)
{
    if (c->failed || len > cursor_left(c)) {
        c->failed = true;
        return (struct bytes){c->end, 0};
    }
    struct bytes taken = {c->at, len};
    c->at += len;
    return taken;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);
    return b.len ? b.data[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.len ? get_be16(b.data) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    return b.len ? get_be32(b.data) : 0;
}

struct builder {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

static inline struct builder builder_over(uint8_t *data, size_t len)
{
    return (struct builder){.start = data, .at = data, .end = data + len};
}

static inline size_t builder_length(const struct builder *b)
{
    return (size_t)(b->at - b->start);
}

/* Room for exactly `len` bytes, or NULL and fails. */
static inline uint8_t *builder_room(struct builder *b, size_t len)
{
    if (b->failed || len > (size_t)(b->end - b->at)) {
        b->failed = true;
        return NULL;
    }
    uint8_t *room = b->at;
    b->at += len;
    return room;
}

static inline void builder_u8(struct builder *b, uint8_t value)
{
    uint8_t *p = builder_room(b, 1);
    if (p)
        *p = value;
}

static inline void builder_u16(struct builder *b, uint16_t value)
{
    uint8_t *p = builder_room(b, 2);
    if (p)
        put_be16(p, value);
}

static inline void builder_u32(struct builder *b, uint32_t value)
{
    uint8_t *p = builder_room(b, 4);
    if (p)
        put_be32(p, value);
}

static inline void builder_copy(struct builder *b, const void *data, size_t len)
{
    uint8_t *p = builder_room(b, len);
    if (p && len)
        memcpy(p, data, len);
}

#endif
