/* How often which value came, in steps of about 3 %, for percentiles of round trips. Called by the
 * simulator's flows. */
#ifndef TUNNY_SIM_HISTOGRAM_H
#define TUNNY_SIM_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 36 };

/* Zeroed at first. */
struct histogram {
    uint64_t count;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

/* Values from 2^40 on count as the largest. */
void histogram_add(struct histogram *histogram, uint64_t value);
/* The value that `percent` of all values do not exceed (the middle of its step); 0 when there is
 * none. */
uint64_t histogram_percentile(const struct histogram *histogram, unsigned percent);

#endif
