/* What the server answers: from a request to a status, a head and where the body comes from. Called
 * by the server's clients; it must not know of sockets. */
#ifndef TUNNY_SERVE_REPLY_H
#define TUNNY_SERVE_REPLY_H

#include <stdint.h>

#include "serve/http_request.h"

enum reply_source { REPLY_EMPTY, REPLY_MEMORY, REPLY_FILE, REPLY_GENERATED };

struct reply {
    unsigned status;
    char head[2048];
    size_t head_length;
    enum reply_source source;
    char *memory;    /* REPLY_MEMORY: freed by reply_end() */
    int descriptor;  /* REPLY_FILE: closed by reply_end() */
    uint64_t seed;   /* REPLY_GENERATED */
    uint64_t offset; /* of the next byte in its source */
    uint64_t left;   /* bytes that are still to be sent */
    int keeps_alive;
};

enum site_generator { SITE_WITH_GENERATOR, SITE_WITHOUT_GENERATOR };

struct site {
    int root; /* the served folder */
    enum site_generator generator;
};

/* Answers a request that was understood. Reads the file system; does not block on the network. */
void reply_to(struct reply *reply, const struct site *site, const struct http_request *request);

/* Answers with a status and its name as text; the connection ends afterwards. */
void reply_refuse(struct reply *reply, unsigned status, enum http_method method);

/* Puts up to `length` bytes of the body at `out`. Bytes; 0 or a negative errno: the body cannot be
 * had any more. */
ssize_t reply_read(struct reply *reply, void *out, size_t length);

/* Gives back what the body needed. */
void reply_end(struct reply *reply);

#endif
