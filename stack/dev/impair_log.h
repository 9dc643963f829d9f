/* The fates of all packets as text, one line a copy, written while it happens or read to repeat it:
 *     out 17 delayed 20000000 clone marked bit 133
 * direction, number, outcome (delayed, at-once, lost, overlimit), nanoseconds from coming to
 * leaving. Used by impair.c. Slots are not in it: they gate what leaves and are drawn anew. */
#ifndef TUNNY_DEV_IMPAIR_LOG_H
#define TUNNY_DEV_IMPAIR_LOG_H

#include <stdio.h>

#include "dev/impair_spec.h"

struct impair_log_line {
    unsigned direction; /* IMPAIR_OUT, IMPAIR_IN */
    uint64_t number;
    struct netem_fate fate; /* `due` counts from the packet's coming */
};

/* A recorded log in memory; each direction reads on by itself. */
struct impair_recording {
    struct impair_log_line *lines;
    size_t count;
    size_t next[IMPAIR_DIRECTIONS];
};

/* A line without its newline. Returns its length. */
size_t impair_log_print(const struct impair_log_line *line, char *text, size_t size);
/* 0 or -EINVAL. */
int impair_log_read(const char *text, struct impair_log_line *line);

/* Reads the whole file; lines that begin with # are comments. 0; -ENOENT ... of opening; -EINVAL
 * with the line's number in *bad_line; -ENOMEM. */
int impair_recording_open(struct impair_recording *recording, const char *path, size_t *bad_line);
void impair_recording_close(struct impair_recording *recording);
/* The next line for this packet, NULL when there is none (left). */
const struct impair_log_line *impair_recording_next(struct impair_recording *recording,
                                                    unsigned direction, uint64_t number);

#endif
