/* Order statistics over few numbers. Called by the ends of a run and by the
 * summary; pure functions. */
#ifndef TUNNY_LAB_STATS_H
#define TUNNY_LAB_STATS_H

#include <stddef.h>

/* The median and an interval around it that needs no assumption on how values are spread: two of
 * the values themselves, between which the true median lies with 95 % confidence (binomial order
 * statistics). Fewer than six values cannot reach 95 %: then it is all of them, from the least to
 * the largest. */
struct spread {
    size_t count;
    double low, median, high; /* NAN when count is 0 */
};

/* Sorts `values`; NAN are left out. */
struct spread spread_of(double *values, size_t count);

/* Nearest rank: the least value with at least `percent` of all values at or below it. `values` are
 * sorted here. NAN when there are none. */
double percentile(double *values, size_t count, double percent);

/* Jain's index, (sum x)^2 / (n sum x^2): 1 all alike, 1/n one has everything. NAN for none. */
double jain_index(const double *values, size_t count);

#endif
