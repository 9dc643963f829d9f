/* What requests and responses have in common: RFC 9112's lines and fields, RFC 9110's tokens, lists
 * and numbers, on bytes that a hostile peer sent. Called by both parsers; it keeps nothing. */
#ifndef TUNNY_COMMON_HTTP_FIELDS_H
#define TUNNY_COMMON_HTTP_FIELDS_H

#include <stddef.h>
#include <stdint.h>

/* Some bytes of somebody else's; not NUL-terminated. */
struct span {
    const char *at;
    size_t length;
};

struct http_field {
    struct span name, value;
};

/* Bytes of the head including its empty line; 0: the end is not there yet. Searches from `from` on
 * (a number of bytes known to hold no end), so that a head that trickles in costs no more than one
 * that comes at once. */
size_t http_head_length(const char *data, size_t length, size_t from);

/* Takes one line with its CRLF (or LF: RFC 9112, 2.2) off `rest`. 1; 0: there is none. */
int http_take_line(struct span *rest, struct span *line);

/* Takes one field line off `rest`, the head after its first line. 1 a field, 0 the empty line,
 * -EBADMSG: no colon, space before it, a folded line, a name that is no token, a control character
 * (RFC 9112, 5; RFC 9110, 5.5). */
int http_take_field(struct span *rest, struct http_field *field);

int http_is_token(struct span text);
/* Equal without regard to case. */
int span_is(struct span text, const char *word);
/* Copies into `out` with NUL. 0, or -EMSGSIZE when it does not fit (then `out` is ""). */
int span_copy(struct span text, char *out, size_t out_size);
/* Without spaces and tabs at both ends. */
struct span span_trim(struct span text);
/* Whether a comma-separated list has this word. */
int http_list_has(struct span list, const char *word);
/* Digits only, below 2^63. 0; -EBADMSG. */
int http_number(struct span text, uint64_t *number);

#endif
