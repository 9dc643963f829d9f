/* The Range field (RFC 9110, 14.2) against a body of known size. Called by the server's answers;
 * clients send it. */
#ifndef TUNNY_SERVE_BYTE_RANGE_H
#define TUNNY_SERVE_BYTE_RANGE_H

#include <stdint.h>

enum byte_range_kind {
    BYTE_RANGE_ALL,  /* no usable range: the whole body (a server may ignore several ranges at once)
                      */
    BYTE_RANGE_PART, /* *first to *last */
    BYTE_RANGE_BEYOND, /* 416 */
};

enum byte_range_kind byte_range_parse(const char *field, uint64_t size, uint64_t *first,
                                      uint64_t *last);

#endif
