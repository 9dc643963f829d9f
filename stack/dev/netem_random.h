/* The random numbers of Linux's netem: the combined Tausworthe generator "taus113" of L'Ecuyer,
 * Tables of maximally equidistributed combined LFSR generators (1999), seeded the way netem (Linux
 * >= 6.6) does, and the correlated draws built on it. Used by netem.c only; knows nothing of
 * packets. */
#ifndef TUNNY_DEV_NETEM_RANDOM_H
#define TUNNY_DEV_NETEM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct netem_random {
    uint32_t s1, s2, s3, s4;
};

/* The last value of a series of correlated draws. */
struct netem_series {
    uint32_t correlation; /* share of the last value in the next, of 2^32 - 1 */
    uint32_t last;
};

/* As netem does it, without warming up: the first draws of seeds that are small numbers are small.
 */
void netem_random_seed(struct netem_random *random, uint64_t seed);
uint32_t netem_random_u32(struct netem_random *random);
/* One draw; with a correlation it is mixed with the series' last value. */
uint32_t netem_random_series(struct netem_random *random, struct netem_series *series);
/* Whether an event of this probability (of 2^32 - 1) happens: one draw, none when it is 0. */
bool netem_random_event(struct netem_random *random, struct netem_series *series,
                        uint32_t probability);

#endif
