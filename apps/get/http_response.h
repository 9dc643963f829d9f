/* The head of an HTTP/1.x response (RFC 9112, RFC 9110) from bytes that a hostile server sent, as a
 * struct. Called by the exchange; it must not know of sockets or files. */
#ifndef TUNNY_GET_HTTP_RESPONSE_H
#define TUNNY_GET_HTTP_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

enum {
    RESPONSE_HEAD_MOST = 65536, /* bytes of a head, larger ones are refused */
    RESPONSE_VALIDATOR = 256,
    RESPONSE_LOCATION = 4096,
};

struct http_response {
    unsigned minor_version;
    unsigned status; /* 100 to 599 */
    char reason[64]; /* cut; may hold anything but controls */
    int has_length;
    uint64_t length;
    int is_chunked;
    int keeps_alive;    /* the server lets the connection stand */
    int ranges_refused; /* Accept-Ranges: none */
    /* Content-Range: bytes FIRST-LAST/TOTAL, or with "*" for FIRST-LAST. */
    int has_range, has_range_total;
    uint64_t range_first, range_last, range_total;
    char etag[RESPONSE_VALIDATOR]; /* with its quotes; "" none */
    char last_modified[64];        /* "" none */
    char location[RESPONSE_LOCATION];
    unsigned retry_after_s; /* 0: not said */
    const char *problem;    /* on refusal: a sentence's part, "the reply ..." */
};

/* Reads a head that http_head_length() found complete. 0, or -EBADMSG with `problem`. */
int http_response_parse(const char *head, size_t length, struct http_response *response);

/* Whether text follows at all: not after 1xx, 204, 304 (RFC 9112, 6.3). */
int http_response_has_body(const struct http_response *response);

#endif
