/* Earliest departure times and the size of super-segments. */
#include "tcp/pacing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct instant at_us(int64_t us)
{
    return (struct instant){us * 1000};
}

static void rate_is_the_window_over_the_round_trip(void **state)
{
    (void)state;
    assert_int_equal(pacing_rate_of(14600, duration_ms(100), 100), 146000);
    assert_int_equal(pacing_rate_of(14600, duration_ms(100), 200), 292000);
    assert_int_equal(pacing_rate_of(14600, duration_ms(100), 120), 175200);
}

static void no_round_trip_time_or_no_share_means_no_rate(void **state)
{
    (void)state;
    assert_int_equal(pacing_rate_of(14600, DURATION_ZERO, 200), 0);
    assert_int_equal(pacing_rate_of(14600, duration_ns(-1), 200), 0);
    assert_int_equal(pacing_rate_of(14600, duration_ms(1), 0), 0);
    assert_int_equal(pacing_rate_of(0, duration_ms(1), 100), 0);
}

static void extreme_rates_neither_wrap_nor_become_unpaced(void **state)
{
    (void)state;
    assert_int_equal(pacing_rate_of(1460, DURATION_FOREVER, 100), 1);
    assert_true(pacing_rate_of(UINT64_MAX, duration_ns(1), UINT32_MAX) == UINT64_MAX);
    assert_true(pacing_rate_of(UINT64_C(1) << 31, duration_us(1), 200) ==
                (UINT64_C(1) << 32) * 1000000);
}

static void departures_are_spaced_by_the_rate(void **state)
{
    struct pacing pacing = {.next = at_us(1000)};

    (void)state;
    /* 1000 bytes at 1 MB/s: a millisecond. */
    pacing_sent(&pacing, 1000, 1000000, at_us(1000));
    assert_int_equal(pacing.next.ns, at_us(2000).ns);
    pacing_sent(&pacing, 1000, 1000000, at_us(1500));
    assert_int_equal(pacing.next.ns, at_us(3000).ns);
}

static void a_late_departure_is_made_up_for_by_half_a_gap_at_most(void **state)
{
    struct pacing pacing = {.next = at_us(1000)};

    (void)state;
    pacing_sent(&pacing, 1000, 1000000, at_us(1100));
    assert_int_equal(pacing.next.ns, at_us(2000).ns);
    pacing_sent(&pacing, 1000, 1000000, at_us(900000));
    assert_int_equal(pacing.next.ns, at_us(900500).ns);
}

static void idleness_gives_no_burst(void **state)
{
    struct pacing pacing = {.next = INSTANT_ZERO};
    struct instant now = at_us(60000000);
    unsigned departures = 0;

    (void)state;
    while (!instant_before(now, pacing.next)) {
        pacing_sent(&pacing, 1000, 1000000, now);
        departures++;
    }
    assert_int_equal(departures, 1);
}

static void without_a_rate_nothing_waits(void **state)
{
    struct pacing pacing = {.next = at_us(5000000)};

    (void)state;
    pacing_sent(&pacing, 1000, 0, at_us(10));
    assert_false(instant_before(at_us(10), pacing.next));
}

static void no_departure_lies_further_ahead_than_a_second(void **state)
{
    struct pacing pacing = {.next = at_us(1000)};

    (void)state;
    pacing_sent(&pacing, UINT64_MAX, 1, at_us(1000));
    assert_int_equal(pacing.next.ns, at_us(1001000).ns);
}

static void a_super_segment_carries_a_millisecond_of_the_rate(void **state)
{
    (void)state;
    /* 100 Mbit/s: 12500 bytes a millisecond, 8 segments of 1460. */
    assert_int_equal(pacing_burst(12500000, duration_ms(50), 1460, 2920, 65535), 8 * 1460);
    /* 1 Mbit/s: the least. */
    assert_int_equal(pacing_burst(125000, duration_ms(50), 1460, 2920, 65535), 2 * 1460);
    /* 10 Gbit/s: the most, rounded down to whole segments. */
    assert_int_equal(pacing_burst(1250000000, duration_ms(50), 1460, 2920, 65535), 44 * 1460);
}

static void a_short_path_gets_larger_super_segments(void **state)
{
    (void)state;
    assert_int_equal(pacing_burst(125000, duration_us(100), 1460, 2920, 65535), 44 * 1460);
    assert_int_equal(pacing_burst(125000, duration_us(600), 1460, 2920, 65535),
                     (125 + 65535 / 2) / 1460 * 1460);
    assert_int_equal(pacing_burst(125000, duration_us(1100), 1460, 2920, 65535),
                     (125 + 65535 / 4) / 1460 * 1460);
    /* Not known is not short. */
    assert_int_equal(pacing_burst(125000, DURATION_ZERO, 1460, 2920, 65535), 2920);
    assert_int_equal(pacing_burst(125000, DURATION_FOREVER, 1460, 2920, 65535), 2920);
}

static void a_super_segment_is_never_less_than_a_segment(void **state)
{
    (void)state;
    assert_int_equal(pacing_burst(1, duration_ms(50), 1460, 0, 65535), 1460);
    assert_int_equal(pacing_burst(1, duration_ms(50), 9000, 18000, 8000), 9000);
    assert_int_equal(pacing_burst(0, duration_ms(50), 1460, 2920, 65535), 44 * 1460);
    assert_int_equal(pacing_burst(UINT64_MAX, duration_us(1), 1460, 2920, 65535), 44 * 1460);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_is_the_window_over_the_round_trip),
        cmocka_unit_test(no_round_trip_time_or_no_share_means_no_rate),
        cmocka_unit_test(extreme_rates_neither_wrap_nor_become_unpaced),
        cmocka_unit_test(departures_are_spaced_by_the_rate),
        cmocka_unit_test(a_late_departure_is_made_up_for_by_half_a_gap_at_most),
        cmocka_unit_test(idleness_gives_no_burst),
        cmocka_unit_test(without_a_rate_nothing_waits),
        cmocka_unit_test(no_departure_lies_further_ahead_than_a_second),
        cmocka_unit_test(a_super_segment_carries_a_millisecond_of_the_rate),
        cmocka_unit_test(a_short_path_gets_larger_super_segments),
        cmocka_unit_test(a_super_segment_is_never_less_than_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
