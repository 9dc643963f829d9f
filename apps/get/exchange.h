/* One request and its response on a connection that may serve for the next one, too. Called by the
 * download; every failure is an exit code and a sentence. It decides nothing: what to ask for and
 * what to do with an answer is the download's. */
#ifndef TUNNY_GET_EXCHANGE_H
#define TUNNY_GET_EXCHANGE_H

#include "common/exit_codes.h"
#include "common/stream.h"
#include "common/tcp_figures.h"
#include "get/body.h"
#include "get/http_response.h"
#include "get/part_file.h"
#include "get/progress.h"
#include "get/url.h"

struct exchange_limits {
    int64_t connect_ns, stall_ns; /* 0: none */
    int64_t total_deadline_ns;    /* a point of the stack's clock; STREAM_NEVER */
    uint64_t most_bytes;          /* of a body; 0: any */
    int family;                   /* AF_UNSPEC, AF_INET, AF_INET6 */
    enum stream_opening opening;
};

struct exchange {
    struct tunny *stack;
    struct exchange_limits limits;
    int socket;        /* -1: none */
    int was_used;      /* a response came over this connection already */
    struct url server; /* whom it is connected to */
    struct http_response response;
    struct body body;
    uint64_t received; /* body bytes of all responses */
    struct tcp_figures figures;
    char sentence[640]; /* of the last failure */
    char head[RESPONSE_HEAD_MOST];
};

struct exchange_request {
    const struct url *url;
    uint64_t offset;      /* 0: all of it */
    const char *if_range; /* "": none */
};

void exchange_start(struct exchange *exchange, struct tunny *stack,
                    const struct exchange_limits *limits);
/* Connects where needed, asks, reads the head. EXIT_OK with exchange->response; else a code.
 * Blocks. */
int exchange_ask(struct exchange *exchange, const struct exchange_request *request);
/* Moves the body into the file. EXIT_OK when it is whole. Blocks. */
int exchange_receive(struct exchange *exchange, struct part_file *file, struct progress *progress);
/* Gets rid of a body that nobody wants: reads a small one so that the connection stays, else
 * closes. Blocks. */
void exchange_discard(struct exchange *exchange);
/* Closes the connection, keeping its figures. */
void exchange_close(struct exchange *exchange);
/* Notes a failure's sentence; returns `code`. */
__attribute__((format(printf, 3, 4))) int exchange_fail(struct exchange *exchange, int code,
                                                        const char *format, ...);

#endif
