/* Medians and intervals of few numbers, against values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab/stats.h"

static void assert_close(double value, double wanted)
{
    if (!(fabs(value - wanted) < 1e-9))
        fail_msg("%g instead of %g", value, wanted);
}

static void the_median_is_the_middle_or_between_the_two(void **state)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    (void)state;
    assert_close(spread_of(odd, 3).median, 2);
    assert_close(spread_of(even, 4).median, 2.5);
    assert_true(isnan(spread_of(odd, 0).median));
}

/* Fewer than six: everything; from nine on the second and the last but one (0.0195 a side). */
static void the_interval_holds_the_median_with_95_percent(void **state)
{
    double values[12];
    static const struct {
        size_t count, rank;
    } wanted[] = {{1, 0}, {5, 0}, {6, 0}, {8, 0}, {9, 1}, {11, 1}, {12, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        for (size_t n = 0; n < wanted[i].count; n++)
            values[n] = (double)n;
        struct spread spread = spread_of(values, wanted[i].count);
        assert_close(spread.low, (double)wanted[i].rank);
        assert_close(spread.high, (double)(wanted[i].count - 1 - wanted[i].rank));
    }
}

static void what_is_not_known_is_left_out(void **state)
{
    double values[] = {5, NAN, 7, NAN, 6};
    (void)state;
    struct spread spread = spread_of(values, 5);
    assert_int_equal(spread.count, 3);
    assert_close(spread.median, 6);
}

static void percentiles_are_values_by_nearest_rank(void **state)
{
    double values[200];
    (void)state;
    for (size_t i = 0; i < 200; i++)
        values[i] = (double)(200 - i);
    assert_close(percentile(values, 200, 50), 100);
    assert_close(percentile(values, 200, 99), 198);
    assert_close(percentile(values, 200, 100), 200);
    assert_close(percentile(values, 1, 99), 1);
    assert_true(isnan(percentile(values, 0, 50)));
}

static void jain_is_one_when_all_have_the_same(void **state)
{
    const double same[] = {4, 4, 4}, one[] = {6, 0, 0}, some[] = {1, 3};
    (void)state;
    assert_close(jain_index(same, 3), 1);
    assert_close(jain_index(one, 3), 1.0 / 3);
    assert_close(jain_index(some, 2), 0.8);
    assert_true(isnan(jain_index(same, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_the_middle_or_between_the_two),
        cmocka_unit_test(the_interval_holds_the_median_with_95_percent),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(percentiles_are_values_by_nearest_rank),
        cmocka_unit_test(jain_is_one_when_all_have_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
