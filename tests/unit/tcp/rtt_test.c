/* Unit tests of rtt.c: RFC 6298 to the nanosecond, RFC 7323's appendix G, backoff and bounds. */
#include "tcp/rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct tcp_tunables tunables(void)
{
    struct tcp_tunables t = {0};
#define TUNABLE(name, fallback, least, most, unit, sentence) t.name = (fallback);
#include "tcp/tunables.def"
#undef TUNABLE
    return t;
}

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

/* R6298-01 */
static void timeout_is_one_second_before_a_sample(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_s(1).ns);
}

/* R6298-02 */
static void first_sample_of_100_ms_gives_300_ms(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    t.tcp_rto_min_us = 1;
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_sample(&rtt, &t, duration_ms(100), 1, at_ms(0));
    assert_int_equal(rtt.srtt.ns, duration_ms(100).ns);
    assert_int_equal(rtt.rttvar.ns, duration_ms(50).ns);
    assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_ms(300).ns);
}

/* R6298-03: RTTVAR is computed with the old SRTT. */
static void series_of_samples_is_exact(void **state)
{
    (void)state;
    static const int64_t ms[20] = {100, 120, 80,  100, 300, 100, 100, 90,  110, 100,
                                   100, 500, 100, 100, 100, 95,  105, 100, 100, 100};
    struct tcp_tunables t = tunables();
    t.tcp_rto_min_us = 1;
    struct rtt rtt;
    rtt_init(&rtt, &t);
    double srtt = 0, rttvar = 0;
    for (int i = 0; i < 20; i++) {
        double r = (double)ms[i] * 1e6;
        rtt_sample(&rtt, &t, duration_ms(ms[i]), 1, at_ms(i * 100));
        double deviation = srtt > r ? srtt - r : r - srtt;
        rttvar = i == 0 ? r / 2 : 0.75 * rttvar + 0.25 * deviation;
        srtt = i == 0 ? r : 0.875 * srtt + 0.125 * r;
        assert_true((double)rtt.srtt.ns - srtt < 20 && srtt - (double)rtt.srtt.ns < 20);
        assert_true((double)rtt.rttvar.ns - rttvar < 20 && rttvar - (double)rtt.rttvar.ns < 20);
    }
    assert_int_equal(rtt.latest.ns, duration_ms(100).ns);
}

/* R6298-04: the documented floor is a variance term of 200 ms; the RFC's can be set. */
static void floor_is_the_tunable_one(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_sample(&rtt, &t, duration_ms(10), 1, at_ms(0));
    assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_ms(210).ns);
    t.tcp_rto_floor_us = 1000000;
    rtt_sample(&rtt, &t, duration_ms(10), 1, at_ms(10));
    assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_s(1).ns);
}

/* R6298-05, R6298-09 */
static void backoff_doubles_and_saturates(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    int64_t expected = 1;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_s(expected < 120 ? expected : 120).ns);
        expected = expected < 120 ? 2 * expected : expected;
        rtt_back_off(&rtt);
    }
    rtt_sample(&rtt, &t, duration_ms(50), 1, at_ms(0));
    assert_int_equal(rtt.backoff, 0);
}

/* R6298-10 */
static void timed_out_syn_makes_it_three_seconds(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_back_off(&rtt);
    rtt_after_syn_timeout(&rtt);
    assert_int_equal(rtt_timeout(&rtt, &t).ns, duration_s(3).ns);
    rtt_sample(&rtt, &t, duration_ms(50), 1, at_ms(0));
    struct duration before = rtt_timeout(&rtt, &t);
    rtt_after_syn_timeout(&rtt);
    assert_int_equal(rtt_timeout(&rtt, &t).ns, before.ns);
}

/* R6298-11 */
static void constant_round_trips_leave_the_granularity(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    t.tcp_rto_min_us = 1;
    struct rtt rtt;
    rtt_init(&rtt, &t);
    for (int i = 0; i < 1000; i++)
        rtt_sample(&rtt, &t, duration_ms(100), 1, at_ms(i));
    assert_true(rtt_timeout(&rtt, &t).ns >= rtt.srtt.ns + duration_us(1).ns);
    rtt_sample(&rtt, &t, duration_ns(-5), 1, at_ms(1001));
    assert_int_equal(rtt.latest.ns, duration_us(1).ns);
}

/* What was SACKed beyond a hole may have overtaken the rest: it is smoothed, but no minimum. */
static void a_rough_sample_is_no_minimum(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_sample_rough(&rtt, &t, duration_ms(3), 1);
    assert_int_equal(rtt.min.ns, 0);
    rtt_sample(&rtt, &t, duration_ms(40), 1, at_ms(40));
    assert_int_equal(rtt.min.ns, duration_ms(40).ns);
    rtt_sample_rough(&rtt, &t, duration_ms(2), 1);
    assert_int_equal(rtt.min.ns, duration_ms(40).ns);
    assert_int_equal(rtt.latest.ns, duration_ms(2).ns);
    assert_true(rtt.srtt.ns < duration_ms(10).ns);
}

static struct rtt converged(uint32_t samples_per_round, const struct tcp_tunables *t)
{
    struct rtt rtt;
    rtt_init(&rtt, t);
    rtt_sample(&rtt, t, duration_ms(100), samples_per_round, at_ms(0));
    for (int round = 1; round <= 6; round++) {
        for (uint32_t i = 0; i < samples_per_round; i++)
            rtt_sample(&rtt, t, duration_ms(200), samples_per_round, at_ms(round * 200));
    }
    return rtt;
}

/* R7323-10 */
static void many_samples_smooth_no_more_than_one(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    t.tcp_rto_min_us = 1;
    struct rtt one = converged(1, &t);
    struct rtt many = converged(100, &t);
    int64_t difference = one.rto.ns - many.rto.ns;
    assert_in_range(difference < 0 ? -difference : difference, 0, one.rto.ns / 20);
    difference = one.srtt.ns - many.srtt.ns;
    assert_in_range(difference < 0 ? -difference : difference, 0, one.srtt.ns / 50);
}

/* R8985-02 needs a minimum that follows the path. */
static void minimum_forgets_what_is_minutes_old(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_sample(&rtt, &t, duration_ms(10), 1, at_ms(0));
    for (int64_t second = 1; second < 150; second++)
        rtt_sample(&rtt, &t, duration_ms(50), 1, at_ms(second * 1000));
    assert_int_equal(rtt.min.ns, duration_ms(10).ns);
    for (int64_t second = 150; second <= 301; second++)
        rtt_sample(&rtt, &t, duration_ms(50), 1, at_ms(second * 1000));
    assert_int_equal(rtt.min.ns, duration_ms(50).ns);
    rtt_sample(&rtt, &t, duration_ms(80), 1, at_ms(3600 * 1000));
    assert_int_equal(rtt.min.ns, duration_ms(80).ns);
}

/* R4015-03 */
static void spurious_timeout_adapts_to_the_delay(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    rtt_sample(&rtt, &t, duration_ms(20), 1, at_ms(0));
    rtt_back_off(&rtt);
    rtt_after_spurious_timeout(&rtt, &t, duration_ms(900));
    assert_int_equal(rtt.srtt.ns, duration_ms(900).ns);
    assert_int_equal(rtt.rttvar.ns, duration_ms(450).ns);
    assert_true(rtt_timeout(&rtt, &t).ns >= duration_ms(900).ns);
    assert_int_equal(rtt.backoff, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_is_one_second_before_a_sample),
        cmocka_unit_test(first_sample_of_100_ms_gives_300_ms),
        cmocka_unit_test(series_of_samples_is_exact),
        cmocka_unit_test(floor_is_the_tunable_one),
        cmocka_unit_test(backoff_doubles_and_saturates),
        cmocka_unit_test(timed_out_syn_makes_it_three_seconds),
        cmocka_unit_test(constant_round_trips_leave_the_granularity),
        cmocka_unit_test(many_samples_smooth_no_more_than_one),
        cmocka_unit_test(minimum_forgets_what_is_minutes_old),
        cmocka_unit_test(a_rough_sample_is_no_minimum),
        cmocka_unit_test(spurious_timeout_adapts_to_the_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
