/* HyStart++, RFC 9406, 4.2 and 4.3. */
#include "tcp/hystart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct rounds {
    struct hystart hystart;
    seqno una;
};

enum { SEGMENT = 1000, WINDOW = 20 * SEGMENT };

/* A round of 20 ACKs whose round-trip times are all `rtt`. */
static void round_of(struct rounds *rounds, struct duration rtt)
{
    for (unsigned i = 0; i < 20; i++) {
        rounds->una += SEGMENT;
        hystart_on_ack(&rounds->hystart, rounds->una, rounds->una + WINDOW, rtt);
    }
}

static struct rounds begun(struct duration rtt)
{
    struct rounds rounds = {.una = UINT32_MAX};

    hystart_init(&rounds.hystart);
    hystart_on_ack(&rounds.hystart, rounds.una, rounds.una + WINDOW, duration_ns(-1));
    round_of(&rounds, rtt);
    return rounds;
}

/* R9406-02 */
static void a_steady_round_trip_never_leaves_slow_start(void **state)
{
    struct rounds rounds = begun(duration_ms(50));

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        round_of(&rounds, duration_ms(50));
    assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
}

/* R9406-02 */
static void the_threshold_is_an_eighth_within_four_and_sixteen_milliseconds(void **state)
{
    static const struct {
        int64_t last_us, threshold_us;
    } cases[] = {{50000, 6250}, {8000, 4000},    {32000, 4000},
                 {32008, 4001}, {128000, 16000}, {600000, 16000}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rounds rounds = begun(duration_us(cases[i].last_us));
        struct rounds more = rounds;
        round_of(&rounds, duration_us(cases[i].last_us + cases[i].threshold_us - 1));
        assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
        round_of(&more, duration_us(cases[i].last_us + cases[i].threshold_us));
        assert_int_equal(more.hystart.phase, HYSTART_CONSERVATIVE);
    }
}

/* R9406-01 */
static void eight_samples_are_needed_in_a_round(void **state)
{
    struct rounds rounds = begun(duration_ms(50));

    (void)state;
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
        rounds.una += SEGMENT;
        hystart_on_ack(&rounds.hystart, rounds.una, rounds.una + WINDOW, duration_ms(80));
        /* An ACK without a sample does not count. */
        hystart_on_ack(&rounds.hystart, rounds.una, rounds.una + WINDOW, duration_ns(-1));
    }
    assert_int_equal(rounds.hystart.phase, HYSTART_CONSERVATIVE);
}

/* R9406-01 */
static void one_low_sample_keeps_the_rounds_minimum_low(void **state)
{
    struct rounds rounds = begun(duration_ms(50));

    (void)state;
    rounds.una += SEGMENT;
    hystart_on_ack(&rounds.hystart, rounds.una, rounds.una + WINDOW, duration_ms(51));
    for (unsigned i = 0; i < 18; i++) {
        rounds.una += SEGMENT;
        hystart_on_ack(&rounds.hystart, rounds.una, rounds.una + WINDOW, duration_ms(90));
    }
    assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
}

/* R9406-01 */
static void the_first_round_has_nothing_to_compare_with(void **state)
{
    struct rounds rounds = begun(duration_ms(500));

    (void)state;
    assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
}

/* R9406-03 */
static void conservative_slow_start_ends_after_five_rounds(void **state)
{
    struct rounds rounds = begun(duration_ms(50));

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        round_of(&rounds, duration_ms(60));
        assert_int_equal(rounds.hystart.phase, HYSTART_CONSERVATIVE);
    }
    round_of(&rounds, duration_ms(60));
    assert_int_equal(rounds.hystart.phase, HYSTART_DONE);
}

/* R9406-03 */
static void a_spike_of_jitter_returns_to_slow_start(void **state)
{
    struct rounds rounds = begun(duration_ms(50));

    (void)state;
    round_of(&rounds, duration_ms(60));
    assert_int_equal(rounds.hystart.phase, HYSTART_CONSERVATIVE);
    round_of(&rounds, duration_ms(59));
    assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
    /* And a second rise is counted from its own beginning. */
    for (unsigned i = 0; i < 4; i++)
        round_of(&rounds, duration_ms(90));
    assert_int_equal(rounds.hystart.phase, HYSTART_CONSERVATIVE);
    round_of(&rounds, duration_ms(90));
    assert_int_equal(rounds.hystart.phase, HYSTART_DONE);
}

/* R9406-03, R9406-04 */
static void growth_is_capped_quartered_then_ended(void **state)
{
    struct hystart hystart;

    (void)state;
    hystart_init(&hystart);
    assert_int_equal(hystart_growth(&hystart, 3000, 8000), 3000);
    assert_int_equal(hystart_growth(&hystart, 64000, 8000), 8000);
    assert_int_equal(hystart_growth(&hystart, 64000, UINT64_MAX), 64000);
    hystart.phase = HYSTART_CONSERVATIVE;
    assert_int_equal(hystart_growth(&hystart, 4000, 8000), 1000);
    assert_int_equal(hystart_growth(&hystart, 64000, 8000), 2000);
    hystart.phase = HYSTART_DONE;
    assert_int_equal(hystart_growth(&hystart, 4000, 8000), 0);
}

static void an_endless_round_trip_time_overflows_nothing(void **state)
{
    struct rounds rounds = begun(duration_ns(INT64_MAX - 1));

    (void)state;
    round_of(&rounds, duration_ns(INT64_MAX - 1));
    assert_int_equal(rounds.hystart.phase, HYSTART_SLOW_START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_round_trip_never_leaves_slow_start),
        cmocka_unit_test(the_threshold_is_an_eighth_within_four_and_sixteen_milliseconds),
        cmocka_unit_test(eight_samples_are_needed_in_a_round),
        cmocka_unit_test(one_low_sample_keeps_the_rounds_minimum_low),
        cmocka_unit_test(the_first_round_has_nothing_to_compare_with),
        cmocka_unit_test(conservative_slow_start_ends_after_five_rounds),
        cmocka_unit_test(a_spike_of_jitter_returns_to_slow_start),
        cmocka_unit_test(growth_is_capped_quartered_then_ended),
        cmocka_unit_test(an_endless_round_trip_time_overflows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
