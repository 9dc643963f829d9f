/* The head of an HTTP/1.x request (RFC 9112, RFC 9110) from bytes that a hostile client sent, as a
 * struct. Called by the server's clients; it must not know of sockets or files. */
#ifndef TUNNY_SERVE_HTTP_REQUEST_H
#define TUNNY_SERVE_HTTP_REQUEST_H

#include <stddef.h>
#include <sys/types.h>

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OTHER,   /* one of RFC 9110's that we do not serve: 405 */
    METHOD_UNKNOWN, /* 501 */
};

enum { REQUEST_HEAD_MOST = 16384, REQUEST_TARGET = 4096, REQUEST_FIELD = 512 };

struct http_request {
    enum http_method method;
    char method_name[24];
    unsigned minor_version;
    char target[REQUEST_TARGET]; /* path and query, "/..." */
    int keeps_alive;
    int has_body; /* which nobody will read */
    char range[REQUEST_FIELD], if_range[REQUEST_FIELD];
    char if_match[REQUEST_FIELD], if_none_match[REQUEST_FIELD];
    char if_modified_since[64], if_unmodified_since[64];
    unsigned refused_with; /* on refusal: the status, 400 to 505 */
};

/* Reads a head that http_head_length() found complete. 0; -EBADMSG with refused_with; what was
 * understood up to there is filled in. */
int http_request_parse(const char *head, size_t length, struct http_request *request);

#endif
