/* One plot as inline SVG: medians with their intervals along one dimension, a line for each stack.
 * Colours come from the page's style sheet (classes s0, s1 ...). Called by page.c. */
#ifndef TUNNY_LAB_CHART_H
#define TUNNY_LAB_CHART_H

#include <stdio.h>

#include "lab/summary.h"

/* Draws `metric` of all cells that match `panel` in everything but the stack and the axis. */
void chart_write(FILE *file, const struct summary *summary, const struct cell *panel,
                 enum metric metric);

/* The values of an axis are too long to stand beside each other: the chart numbers them from 1. */
int chart_numbers_places(const struct values *places);

/* A scale from `low` to `high` with ticks that people like: 1, 2 or 5 times a power of ten. Numbers
 * from 0 on; logarithmic when they differ more than thirtyfold. */
enum { TICKS_MOST = 12 };
struct scale {
    int is_logarithmic;
    double low, high;
    unsigned tick_count;
    double ticks[TICKS_MOST];
};
void scale_make(struct scale *scale, double low, double high);
/* Where a value lies, 0 at the low end, 1 at the high one. */
double scale_place(const struct scale *scale, double value);

#endif
