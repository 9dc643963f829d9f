/* Unit tests of histogram.c: small values exactly, large ones to 3 %. */
#include "sim/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_empty_histogram_says_zero(void **state)
{
    static struct histogram h;
    (void)state;
    assert_int_equal(histogram_percentile(&h, 50), 0);
}

static void small_values_are_exact(void **state)
{
    static struct histogram h;
    (void)state;
    for (uint64_t i = 1; i <= 20; i++)
        histogram_add(&h, i);
    assert_int_equal(histogram_percentile(&h, 50), 10);
    assert_int_equal(histogram_percentile(&h, 95), 19);
    assert_int_equal(histogram_percentile(&h, 100), 20);
}

static void large_values_are_near(void **state)
{
    (void)state;
    for (uint64_t value = 32; value < UINT64_C(1) << 35; value = value * 9 / 8 + 1) {
        struct histogram *h = calloc(1, sizeof *h);
        histogram_add(h, value);
        uint64_t told = histogram_percentile(h, 50);
        assert_true(told > value - value / 30 && told < value + value / 30);
        free(h);
    }
}

static void values_beyond_all_bounds_count_as_the_largest(void **state)
{
    static struct histogram h;
    (void)state;
    histogram_add(&h, UINT64_MAX);
    assert_true(histogram_percentile(&h, 50) > UINT64_C(1) << 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_says_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(large_values_are_near),
        cmocka_unit_test(values_beyond_all_bounds_count_as_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
