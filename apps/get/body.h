/* Where the text of an HTTP body lies and where it ends: by length, in chunks, or by the
 * connection's close (RFC 9112, 6.3 and 7.1). It looks at bytes where they lie and copies nothing.
 * Called by the exchange; fed by hostile servers. */
#ifndef TUNNY_GET_BODY_H
#define TUNNY_GET_BODY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum body_kind { BODY_EMPTY, BODY_BY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

enum chunk_step {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_TEXT,
    CHUNK_TEXT_CR,
    CHUNK_TEXT_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LINE,
    CHUNK_END_LF,
    CHUNK_DONE
};

struct body {
    enum body_kind kind;
    enum chunk_step step;
    uint64_t left;     /* text bytes of the body or of the chunk that are still to come */
    unsigned digits;   /* of the chunk's size so far */
    unsigned overhead; /* bytes of extensions or trailers so far; limited */
};

void body_start(struct body *body, enum body_kind kind, uint64_t length);

/* How many bytes at `data` are framing and not text: skip them. -EBADMSG: malformed. */
ssize_t body_framing(struct body *body, const char *data, size_t length);
/* How many of the next `length` bytes are text, after body_framing() has been called there. */
size_t body_text(const struct body *body, size_t length);
/* That many of them were used. */
void body_took(struct body *body, size_t length);

/* The body is whole, whatever follows. */
int body_is_complete(const struct body *body);
/* The connection has ended: 0 the body is whole (until-close bodies always are), -EPIPE it is not.
 */
int body_at_close(const struct body *body);

#endif
