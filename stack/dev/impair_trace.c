/* Traces of a link's capacity, see the header. */
#include "dev/impair_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 1000000 };

/* --- reading ---------------------------------------------------------------------------------- */

static int append(struct impair_trace *trace, uint32_t ms)
{
    if (trace->count == IMPAIR_TRACE_MOST)
        return -E2BIG;
    if (trace->count == trace->room) {
        uint32_t room = trace->room ? 2 * trace->room : 1024;
        uint32_t *grown = realloc(trace->ms, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        trace->ms = grown;
        trace->room = room;
    }
    trace->ms[trace->count++] = ms;
    return 0;
}

/* One number a line; empty lines and those that begin with # are none. */
static int read_line(struct impair_trace *trace, const char *line)
{
    char *end;
    const char *at = line + strspn(line, " \t\r\n");

    if (*at == '\0' || *at == '#')
        return 0;
    if (*at < '0' || *at > '9')
        return -EINVAL;
    errno = 0;
    unsigned long ms = strtoul(at, &end, 10);
    if (errno || ms > UINT32_MAX || end[strspn(end, " \t\r\n")] != '\0')
        return -EINVAL;
    if (trace->count > 0 && ms < trace->ms[trace->count - 1])
        return -EINVAL;
    return append(trace, (uint32_t)ms);
}

static int read_file(struct impair_trace *trace, FILE *file, size_t *bad_line)
{
    char line[64];
    int rc = 0;

    *bad_line = 0;
    while (rc == 0 && fgets(line, sizeof line, file)) {
        rc = ++*bad_line > IMPAIR_TRACE_MOST ? -E2BIG : read_line(trace, line);
    }
    if (rc == 0 && (trace->count == 0 || trace->ms[trace->count - 1] == 0))
        rc = -EINVAL;
    return rc;
}

int impair_trace_read(const char *path, struct impair_trace **trace, size_t *bad_line)
{
    struct impair_trace *made = calloc(1, sizeof *made);

    if (made == NULL)
        return -ENOMEM;
    FILE *file = fopen(path, "re");
    int rc = file ? read_file(made, file, bad_line) : -errno;
    if (file)
        fclose(file);
    if (rc) {
        impair_trace_free(made);
        return rc;
    }
    snprintf(made->path, sizeof made->path, "%s", path);
    *trace = made;
    return 0;
}

void impair_trace_free(struct impair_trace *trace)
{
    if (trace)
        free(trace->ms);
    free(trace);
}

/* --- going through ---------------------------------------------------------------------------- */

void impair_trace_start(struct impair_trace_cursor *cursor, const struct impair_trace *trace,
                        struct instant origin)
{
    *cursor = (struct impair_trace_cursor){
        .trace = trace, .origin = origin, .left = IMPAIR_TRACE_BYTES};
}

static uint64_t period_ms(const struct impair_trace_cursor *c)
{
    return c->trace->ms[c->trace->count - 1];
}

static struct instant time_of(const struct impair_trace_cursor *c)
{
    uint64_t ms = c->lap * period_ms(c) + c->trace->ms[c->index];

    return instant_add(c->origin, duration_ms((int64_t)ms));
}

static void take_next(struct impair_trace_cursor *c)
{
    c->left = IMPAIR_TRACE_BYTES;
    if (++c->index == c->trace->count) {
        c->index = 0;
        c->lap++;
    }
}

/* To the first chance at `from` or later of which something is left. Whole laps are skipped at
 * once; the last of a lap comes when the next begins. */
static void advance(struct impair_trace_cursor *c, struct instant from)
{
    int64_t since = instant_since(from, c->origin).ns;
    uint64_t lap = since > 0 ? (uint64_t)since / MS / period_ms(c) : 0;

    if (lap > c->lap + 1) {
        c->lap = lap - 1;
        c->index = 0;
        c->left = IMPAIR_TRACE_BYTES;
    }
    while (c->left == 0 || instant_before(time_of(c), from))
        take_next(c);
}

struct instant impair_trace_next(const struct impair_trace_cursor *cursor, struct instant from)
{
    struct impair_trace_cursor ahead = *cursor;

    advance(&ahead, from);
    return time_of(&ahead);
}

struct instant impair_trace_send(struct impair_trace_cursor *c, struct instant from,
                                 uint32_t length)
{
    advance(c, from);
    while (length > c->left) {
        length -= c->left;
        take_next(c);
    }
    c->left -= length;
    return time_of(c);
}
