/* Runs gathered by cell: medians, intervals, and how ours compares with the kernel's on the same
 * link. Called by whoever prints; pure. */
#ifndef TUNNY_LAB_SUMMARY_H
#define TUNNY_LAB_SUMMARY_H

#include "lab/record.h"
#include "lab/stats.h"

struct cell_summary {
    struct cell cell;
    size_t done, timeouts, failures;
    struct spread metric[METRICS];
    const struct cell_summary *kernel; /* the same cell with the kernel's TCP only; NULL: none */
    double ratio; /* of the section's first metric to the kernel's, below 1: better; NAN: none */
};

struct summary {
    const struct grid *grid;
    struct cell_summary *cells; /* in the grid's order */
    size_t count;
};

/* What the ratios of some cells come to. */
struct verdict {
    size_t compared, above; /* cells with a ratio; those above VERDICT_BAR */
    size_t more_spurious;   /* those whose median of spurious retransmissions is above Linux's */
    size_t new_timeouts;    /* those with a timeout in the median run where Linux has none */
    double mean;            /* geometric; NAN: none */
    const struct cell_summary *worst;
};
#define VERDICT_BAR 1.20

/* 0; -ENOMEM. */
int summary_make(struct summary *summary, const struct grid *grid, const struct records *records);
void summary_free(struct summary *summary);
/* Over the cells of one section, or of all (NULL). */
struct verdict summary_verdict(const struct summary *summary, const struct section *section);

enum { CELL_TEXT_SIZE = 512 };
/* "loss 1%, rtt 20ms": the dimensions in which the section's cells differ, without `without` and
 * the stack. "all" when there is none. Returns `out`. */
char *cell_text(const struct cell *cell, enum dimension without, char out[CELL_TEXT_SIZE]);
/* Both are of the same section and have the same values, but for these two dimensions. */
int cells_match(const struct cell *a, const struct cell *b, enum dimension without,
                enum dimension also_without);

/* The table of everything as CSV: a row a cell, three columns a metric. */
void summary_write_csv(FILE *file, const struct summary *summary);

#endif
