/* Random numbers that a seed repeats exactly (xoshiro256**), for simulations, impairments, jitter
 * and tests. Not for secrets: those come from getrandom(2), outside, as keys for siphash. */
#ifndef TUNNY_BASE_RANDOM_H
#define TUNNY_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* Any seed is good, 0 included. */
void random_seed(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
uint32_t random_u32(struct random *random);
/* Uniform in [0, bound), without bias; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* True once in `one_in` on average; one_in > 0. */
int random_one_in(struct random *random, uint64_t one_in);

#endif
