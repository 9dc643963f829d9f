/* xoshiro256** by Blackman and Vigna (2018), seeded by SplitMix64 as they recommend. Called by
 * simulations, impairments and tests; it must not be used for anything that an attacker may not
 * guess. */
#include "base/random.h"

#include "base/check.h"

static uint64_t rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = z ^ (z >> 31);
    }
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t random_u32(struct random *random)
{
    return (uint32_t)(random_u64(random) >> 32);
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    CHECK(bound > 0);
    /* 2^64 mod bound: the numbers below it would make the small remainders more frequent. */
    uint64_t surplus = -bound % bound;
    uint64_t number;
    do
        number = random_u64(random);
    while (number < surplus);
    return number % bound;
}

int random_one_in(struct random *random, uint64_t one_in)
{
    return random_below(random, one_in) == 0;
}
