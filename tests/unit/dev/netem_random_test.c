/* The generator of netem: a known sequence, how bad small seeds are, what a correlation does. */
#include "dev/netem_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void seed_12345_gives_the_known_sequence(void **state)
{
    (void)state;
    static const uint32_t known[] = {0x2908a3fb, 0x2a3686a9, 0x3b0a1e2e, 0x140d10a6};
    struct netem_random random;
    netem_random_seed(&random, 12345);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(netem_random_u32(&random), known[i]);
}

static void the_upper_half_of_the_seed_counts(void **state)
{
    (void)state;
    struct netem_random low, high;
    netem_random_seed(&low, 77);
    netem_random_seed(&high, UINT64_C(77) << 32 | 77);
    assert_int_not_equal(netem_random_u32(&low), netem_random_u32(&high));
}

/* There is no warming up: seeds 1, 2 and 3 draw 0.44 %, 0.88 % and 1.3 % for the second packet. */
static void second_draws_of_small_seeds_are_small(void **state)
{
    (void)state;
    static const double percent[] = {0.44, 0.88, 1.3};
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct netem_random random;
        netem_random_seed(&random, seed);
        netem_random_u32(&random);
        double second = netem_random_u32(&random) / (double)UINT32_MAX * 100;
        assert_true(second > percent[seed - 1] - .05 && second < percent[seed - 1] + .05);
    }
}

static void components_below_their_minimum_are_lifted(void **state)
{
    (void)state;
    struct netem_random random;
    netem_random_seed(&random, 0);
    assert_int_equal(random.s1, 2);
    assert_int_equal(random.s2, 8);
    assert_int_equal(random.s3, 16);
    assert_int_equal(random.s4, 128);
    netem_random_seed(&random, 1); /* i = 1 << 10 ^ 1 */
    assert_int_equal(random.s1, 1025);
    assert_int_equal(random.s4, 1025);
}

static void a_series_without_correlation_is_the_plain_sequence(void **state)
{
    (void)state;
    struct netem_random a, b;
    struct netem_series series = {.correlation = 0, .last = 99};
    netem_random_seed(&a, 12345);
    netem_random_seed(&b, 12345);
    for (int i = 0; i < 100; i++)
        assert_int_equal(netem_random_series(&a, &series), netem_random_u32(&b));
    assert_int_equal(series.last, 99);
}

static void a_correlation_of_one_repeats_the_last_value(void **state)
{
    (void)state;
    struct netem_random random;
    struct netem_series series = {.correlation = UINT32_MAX, .last = 123456789};
    netem_random_seed(&random, 12345);
    for (int i = 0; i < 10; i++)
        assert_int_equal(netem_random_series(&random, &series), 123456789);
}

/* Half old, half new: (0x2908a3fb * 2^31 + 0x80000000 * 2^31) / 2^32, rounded down. */
static void a_correlated_draw_is_the_weighted_mean(void **state)
{
    (void)state;
    struct netem_random random;
    struct netem_series series = {.correlation = 0x7fffffff, .last = 0x80000000};
    netem_random_seed(&random, 12345);
    assert_int_equal(netem_random_series(&random, &series), (0x2908a3fbu + 0x80000000u) / 2);
    assert_int_equal(series.last, (0x2908a3fbu + 0x80000000u) / 2);
}

static void an_impossible_event_draws_nothing(void **state)
{
    (void)state;
    struct netem_random random;
    struct netem_series series = {0};
    netem_random_seed(&random, 12345);
    for (int i = 0; i < 10; i++)
        assert_false(netem_random_event(&random, &series, 0));
    assert_int_equal(netem_random_u32(&random), 0x2908a3fb);
}

static void an_event_happens_up_to_its_probability_inclusive(void **state)
{
    (void)state;
    struct netem_random random;
    struct netem_series series = {0};
    netem_random_seed(&random, 12345);
    assert_true(netem_random_event(&random, &series, 0x2908a3fb));
    assert_false(netem_random_event(&random, &series, 0x2a3686a8));
    assert_true(netem_random_event(&random, &series, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_12345_gives_the_known_sequence),
        cmocka_unit_test(the_upper_half_of_the_seed_counts),
        cmocka_unit_test(second_draws_of_small_seeds_are_small),
        cmocka_unit_test(components_below_their_minimum_are_lifted),
        cmocka_unit_test(a_series_without_correlation_is_the_plain_sequence),
        cmocka_unit_test(a_correlation_of_one_repeats_the_last_value),
        cmocka_unit_test(a_correlated_draw_is_the_weighted_mean),
        cmocka_unit_test(an_impossible_event_draws_nothing),
        cmocka_unit_test(an_event_happens_up_to_its_probability_inclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
