/* Conditional requests (RFC 9110, 13): whether a client already has what it asks for. Called by the
 * server's answers. */
#ifndef TUNNY_SERVE_CONDITIONAL_H
#define TUNNY_SERVE_CONDITIONAL_H

#include <time.h>

#include "serve/http_request.h"

enum condition {
    CONDITION_GO,           /* answer as if nothing had been said */
    CONDITION_NOT_MODIFIED, /* 304 */
    CONDITION_FAILED,       /* 412 */
};

/* What is to be sent: its strong ETag with quotes, and its time (0: it has none). */
struct validators {
    const char *etag;
    time_t modified;
};

/* If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, in the order of RFC
 * 9110, 13.2.2. */
enum condition condition_of(const struct http_request *request, const struct validators *have);

/* Whether a Range field counts: there is no If-Range, or it names what we have (RFC 9110, 13.1.5).
 */
int condition_allows_range(const struct http_request *request, const struct validators *have);

#endif
