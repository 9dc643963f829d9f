/* One run as a row of a CSV: its parameters, its seed, what came out. Rows are appended one by one
 * and flushed, so that an interrupted experiment can be taken up again. Called by the schedule and
 * by the summary. */
#ifndef TUNNY_LAB_RECORD_H
#define TUNNY_LAB_RECORD_H

#include <stdio.h>

#include "lab/grid.h"

enum outcome {
    OUTCOME_DONE,
    OUTCOME_TIMEOUT, /* not finished in the section's `timeout`, which stands as the time */
    OUTCOME_FAILED,  /* no result: the note says why */
    OUTCOMES
};

enum { NOTE_SIZE = 120 };

struct result {
    enum outcome outcome;
    double metric[METRICS]; /* NAN: cannot be told */
    char note[NOTE_SIZE];   /* no quotes, no newlines */
};

struct record {
    char section[NAME_SIZE];
    char values[DIMENSIONS][VALUE_SIZE];
    uint64_t repeat, seed;
    struct result result;
};

struct records {
    struct record *list;
    size_t count, room;
};

/* "done", "timeout", "failed". */
const char *outcome_name(enum outcome outcome);

/* Nothing is known yet. */
void result_clear(struct result *result);

void record_fill(struct record *record, const struct cell *cell, uint64_t repeat,
                 const struct result *result);
void record_write_header(FILE *file);
void record_write(FILE *file, const struct record *record);

/* Reads a CSV that begins with the header above. A last line without an end (the machine went off
 * in the middle) is not taken; *whole: the bytes before it. 0; -errno of the file; -EINVAL: it is
 * no such CSV. */
int records_read(const char *path, struct records *records, long *whole);
/* 0; -ENOMEM. */
int records_add(struct records *records, const struct record *record);
void records_free(struct records *records);
/* The run of this cell and repeat, or NULL. */
const struct record *records_find(const struct records *records, const struct cell *cell,
                                  uint64_t repeat);
int record_is_of(const struct record *record, const struct cell *cell);

#endif
