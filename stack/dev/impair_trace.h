/* A link whose capacity changes as was measured: mahimahi's trace files (Netravali and others,
 * USENIX ATC 2015). Each line is a time in milliseconds at which 1500 bytes may leave; a packet may
 * take several such chances, several packets may share one, and one that nobody takes is gone.
 * Behind the last line the file begins again. Used by impair_queue.c; read when a specification is.
 */
#ifndef TUNNY_DEV_IMPAIR_TRACE_H
#define TUNNY_DEV_IMPAIR_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum { IMPAIR_TRACE_BYTES = 1500, IMPAIR_TRACE_PATH_SIZE = 256, IMPAIR_TRACE_MOST = 1 << 24 };

struct impair_trace {
    struct impair_trace *next; /* in a specification's list */
    char path[IMPAIR_TRACE_PATH_SIZE];
    uint32_t count, room;
    uint32_t *ms; /* in order; the last is how long the file lasts */
};

/* Reads a file. 0; -ENOENT ... of opening; -EINVAL with the number of the line that is no time or
 * earlier than the one before (of the last when the file lasts no time); -E2BIG; -ENOMEM. */
int impair_trace_read(const char *path, struct impair_trace **trace, size_t *bad_line);
void impair_trace_free(struct impair_trace *trace);

/* Where a link stands in its trace. */
struct impair_trace_cursor {
    const struct impair_trace *trace; /* NULL: not begun */
    struct instant origin;
    uint64_t lap;   /* how often the file has been through */
    uint32_t index; /* the chance that is used, or would be next */
    uint32_t left;  /* bytes of it */
};

void impair_trace_start(struct impair_trace_cursor *cursor, const struct impair_trace *trace,
                        struct instant origin);
/* When a packet that is there since `from` begins to leave. */
struct instant impair_trace_next(const struct impair_trace_cursor *cursor, struct instant from);
/* It leaves: when its last byte has. */
struct instant impair_trace_send(struct impair_trace_cursor *cursor, struct instant from,
                                 uint32_t length);

#endif
