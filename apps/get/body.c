/* Where the text of an HTTP body lies; see body.h. */
#include "get/body.h"

#include <errno.h>

/* Bytes of one chunk's extensions, or of all trailers, that we put up with. */
enum { OVERHEAD_MOST = 16384 };

void body_start(struct body *body, enum body_kind kind, uint64_t length)
{
    *body = (struct body){.kind = kind, .left = length};
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Goes on to `next` when `byte` is `expected`. */
static int expect(struct body *body, char byte, char expected, enum chunk_step next)
{
    if (byte != expected)
        return -EBADMSG;
    body->step = next;
    return 0;
}

/* The size line is over. */
static int start_chunk(struct body *body)
{
    if (body->digits == 0)
        return -EBADMSG;
    body->step = body->left > 0 ? CHUNK_TEXT : CHUNK_TRAILER;
    body->digits = 0;
    body->overhead = 0;
    return 0;
}

static int size_byte(struct body *body, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        /* RFC 9112, 7.1: large sizes must not wrap. */
        if (body->left > (uint64_t)INT64_MAX >> 4 || ++body->digits > 64)
            return -EBADMSG;
        body->left = body->left << 4 | (uint64_t)digit;
        return 0;
    }
    if (body->digits == 0)
        return -EBADMSG;
    if (byte == '\n')
        return start_chunk(body);
    if (byte == '\r')
        body->step = CHUNK_SIZE_LF;
    else if (byte == ';' || byte == ' ' || byte == '\t')
        body->step = CHUNK_EXTENSION;
    else
        return -EBADMSG;
    return 0;
}

static int extension_byte(struct body *body, char byte)
{
    if (byte == '\n')
        return start_chunk(body);
    if (byte == '\r')
        body->step = CHUNK_SIZE_LF;
    return ++body->overhead > OVERHEAD_MOST ? -EBADMSG : 0;
}

/* The first byte of a line after the last chunk: the end, or a field that we do not need. */
static int trailer_byte(struct body *body, char byte)
{
    if (byte == '\n')
        body->step = CHUNK_DONE;
    else if (byte == '\r')
        body->step = CHUNK_END_LF;
    else
        body->step = CHUNK_TRAILER_LINE;
    return ++body->overhead > OVERHEAD_MOST ? -EBADMSG : 0;
}

static int trailer_line_byte(struct body *body, char byte)
{
    if (byte == '\n')
        body->step = CHUNK_TRAILER;
    return ++body->overhead > OVERHEAD_MOST ? -EBADMSG : 0;
}

/* One byte of framing. 0; -EBADMSG. */
static int framing_byte(struct body *body, char byte)
{
    switch (body->step) {
    case CHUNK_SIZE:
        return size_byte(body, byte);
    case CHUNK_EXTENSION:
        return extension_byte(body, byte);
    case CHUNK_SIZE_LF:
        return byte == '\n' ? start_chunk(body) : -EBADMSG;
    case CHUNK_TEXT_CR:
        /* A bare LF ends the chunk's line as it ends any other (RFC 9112, 2.2). */
        if (byte == '\n')
            return expect(body, byte, '\n', CHUNK_SIZE);
        return expect(body, byte, '\r', CHUNK_TEXT_LF);
    case CHUNK_TEXT_LF:
        return expect(body, byte, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
        return trailer_byte(body, byte);
    case CHUNK_TRAILER_LINE:
        return trailer_line_byte(body, byte);
    case CHUNK_END_LF:
        return expect(body, byte, '\n', CHUNK_DONE);
    case CHUNK_TEXT:
    case CHUNK_DONE:
        break;
    }
    return -EBADMSG;
}

ssize_t body_framing(struct body *body, const char *data, size_t length)
{
    size_t taken = 0;
    if (body->kind != BODY_CHUNKED)
        return 0;
    while (taken < length && body->step != CHUNK_TEXT && body->step != CHUNK_DONE) {
        int result = framing_byte(body, data[taken]);
        if (result < 0)
            return result;
        taken++;
    }
    return (ssize_t)taken;
}

size_t body_text(const struct body *body, size_t length)
{
    switch (body->kind) {
    case BODY_EMPTY:
        return 0;
    case BODY_UNTIL_CLOSE:
        return length;
    case BODY_CHUNKED:
        if (body->step != CHUNK_TEXT)
            return 0;
        break;
    case BODY_BY_LENGTH:
        break;
    }
    return body->left < length ? (size_t)body->left : length;
}

void body_took(struct body *body, size_t length)
{
    if (body->kind == BODY_BY_LENGTH || body->kind == BODY_CHUNKED)
        body->left -= length;
    if (body->kind == BODY_CHUNKED && body->step == CHUNK_TEXT && body->left == 0)
        body->step = CHUNK_TEXT_CR;
}

int body_is_complete(const struct body *body)
{
    switch (body->kind) {
    case BODY_EMPTY:
        return 1;
    case BODY_BY_LENGTH:
        return body->left == 0;
    case BODY_CHUNKED:
        return body->step == CHUNK_DONE;
    case BODY_UNTIL_CLOSE:
        return 0;
    }
    return 0;
}

int body_at_close(const struct body *body)
{
    return body->kind == BODY_UNTIL_CLOSE || body_is_complete(body) ? 0 : -EPIPE;
}
