/* The random numbers of Linux's netem, see the header. All arithmetic is modulo 2^32, as there. */
#include "dev/netem_random.h"

/* One component: a linear feedback shift register of which `mask` leaves the significant bits. */
static uint32_t shift_register(uint32_t s, unsigned a, unsigned b, uint32_t mask, unsigned d)
{
    return ((s & mask) << d) ^ (((s << a) ^ s) >> b);
}

/* Below its minimum a component would be stuck at zero. */
static uint32_t component_seed(uint32_t seed, uint32_t minimum)
{
    return seed < minimum ? seed + minimum : seed;
}

void netem_random_seed(struct netem_random *random, uint64_t seed)
{
    uint32_t i = (uint32_t)((seed >> 32) ^ (seed << 10) ^ seed);

    random->s1 = component_seed(i, 2);
    random->s2 = component_seed(i, 8);
    random->s3 = component_seed(i, 16);
    random->s4 = component_seed(i, 128);
}

uint32_t netem_random_u32(struct netem_random *random)
{
    /* The parameters are the first row for four components in L'Ecuyer's table 1. */
    random->s1 = shift_register(random->s1, 6, 13, 0xfffffffeu, 18);
    random->s2 = shift_register(random->s2, 2, 27, 0xfffffff8u, 2);
    random->s3 = shift_register(random->s3, 13, 21, 0xfffffff0u, 7);
    random->s4 = shift_register(random->s4, 3, 12, 0xffffff80u, 13);
    return random->s1 ^ random->s2 ^ random->s3 ^ random->s4;
}

uint32_t netem_random_series(struct netem_random *random, struct netem_series *series)
{
    uint32_t fresh = netem_random_u32(random);

    if (series->correlation == 0)
        return fresh;
    /* The two shares add up to 2^32 exactly, so the sum stays below 2^64. The mean of two uniform
     * values is not uniform: this is why correlated loss loses too little. */
    uint64_t old_share = (uint64_t)series->correlation + 1;
    uint64_t fresh_share = (UINT64_C(1) << 32) - old_share;
    series->last = (uint32_t)((fresh * fresh_share + series->last * old_share) >> 32);
    return series->last;
}

bool netem_random_event(struct netem_random *random, struct netem_series *series,
                        uint32_t probability)
{
    return probability != 0 && probability >= netem_random_series(random, series);
}
