/* The generator repeats itself from a seed and is even enough. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_first_numbers_are_those_of_the_paper(void **state)
{
    (void)state;
    /* From the authors' xoshiro256** with the state 1, 2, 3, 4. */
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
    };
    struct random random = {{1, 2, 3, 4}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(random_u64(&random), expected[i]);
}

static void the_seed_is_spread_by_splitmix(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 0);
    assert_int_equal(random.state[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(random.state[1], UINT64_C(0x6e789e6aa1b965f4));
}

static void a_seed_repeats_itself(void **state)
{
    (void)state;
    struct random a, b, other;
    random_seed(&a, 7);
    random_seed(&b, 7);
    random_seed(&other, 8);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t number = random_u64(&a);
        assert_int_equal(number, random_u64(&b));
        same += number == random_u64(&other);
    }
    assert_int_equal(same, 0);
}

static void every_number_below_the_bound_is_as_likely(void **state)
{
    (void)state;
    int counts[7] = {0};
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 70000; i++)
        counts[random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9600, 10400);
    assert_int_equal(random_below(&random, 1), 0);
}

static void large_bounds_have_no_bias(void **state)
{
    (void)state;
    /* With 3/4 of 2^64 a plain remainder would fall into the lowest third twice as often. */
    uint64_t bound = UINT64_C(3) << 62;
    int lowest_third = 0;
    struct random random;
    random_seed(&random, 2);
    for (int i = 0; i < 30000; i++) {
        uint64_t number = random_below(&random, bound);
        assert_true(number < bound);
        lowest_third += number < bound / 3;
    }
    assert_in_range(lowest_third, 9600, 10400);
}

static void one_in_n_is_that_often(void **state)
{
    (void)state;
    int hits = 0;
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 100000; i++)
        hits += random_one_in(&random, 100);
    assert_in_range(hits, 850, 1150);
    assert_true(random_one_in(&random, 1));
}

static void short_numbers_use_the_high_half(void **state)
{
    (void)state;
    struct random a, b;
    random_seed(&a, 9);
    random_seed(&b, 9);
    assert_int_equal(random_u32(&a), random_u64(&b) >> 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_numbers_are_those_of_the_paper),
        cmocka_unit_test(the_seed_is_spread_by_splitmix),
        cmocka_unit_test(a_seed_repeats_itself),
        cmocka_unit_test(every_number_below_the_bound_is_as_likely),
        cmocka_unit_test(large_bounds_have_no_bias),
        cmocka_unit_test(one_in_n_is_that_often),
        cmocka_unit_test(short_numbers_use_the_high_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
