/* Unit tests of tail_probe.c: RFC 8985, 7. */
#include "tcp/tail_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define END              (SEQ_FIRST_EPOCH + UINT32_MAX - 10)
#define SAYS(probe, ...) tail_probe_on_ack(probe, &(struct tail_probe_ack){__VA_ARGS__})

static struct tcp_tunables tunables(void)
{
    struct tcp_tunables t = {0};
#define TUNABLE(name, fallback, least, most, unit, sentence) t.name = (fallback);
#include "tcp/tunables.def"
#undef TUNABLE
    return t;
}

/* R8985-07 */
static void timeout_is_two_round_trips_and_never_beyond_the_rto(void **state)
{
    (void)state;
    struct tcp_tunables t = tunables();
    struct rtt rtt;
    rtt_init(&rtt, &t);
    assert_int_equal(tail_probe_timeout(&rtt, &t, 5).ns, duration_s(1).ns);
    for (int i = 0; i < 40; i++)
        rtt_sample(&rtt, &t, duration_ms(50), 1, INSTANT_ZERO);
    assert_int_equal(tail_probe_timeout(&rtt, &t, 5).ns, duration_ms(102).ns);
    assert_int_equal(tail_probe_timeout(&rtt, &t, 1).ns, rtt.rto.ns);
    t.tcp_delack_max_ms = 40;
    assert_int_equal(tail_probe_timeout(&rtt, &t, 1).ns, duration_ms(140).ns);
}

static struct tail_probe probed(bool again)
{
    struct tail_probe probe;
    tail_probe_init(&probe);
    assert_true(probe.sampled_since);
    tail_probe_on_sent(&probe, END, again);
    assert_false(probe.sampled_since);
    return probe;
}

/* R8985-09 */
static void repair_is_told_once(void **state)
{
    (void)state;
    struct tail_probe probe = probed(true);
    assert_false(SAYS(&probe, .una = END - 1));
    assert_false(SAYS(&probe, .una = END));
    assert_true(SAYS(&probe, .una = END + 10));
    assert_int_equal(probe.end, 0);
    assert_false(SAYS(&probe, .una = END + 20));
}

/* R8985-09 */
static void dsack_or_second_ack_means_no_loss(void **state)
{
    (void)state;
    struct tail_probe probe = probed(true);
    assert_false(SAYS(&probe, .una = END, .has_dsack = true, .dsack_right = END));
    assert_int_equal(probe.end, 0);
    probe = probed(true);
    assert_false(SAYS(&probe, .una = END, .plain = true));
    assert_int_equal(probe.end, 0);
    probe = probed(true);
    assert_true(SAYS(&probe, .una = END + 1, .has_dsack = true, .dsack_right = END - 5));
}

static void new_text_as_probe_repairs_nothing(void **state)
{
    (void)state;
    struct tail_probe probe = probed(false);
    assert_false(SAYS(&probe, .una = END + 1));
    assert_int_equal(probe.end, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_is_two_round_trips_and_never_beyond_the_rto),
        cmocka_unit_test(repair_is_told_once),
        cmocka_unit_test(dsack_or_second_ack_means_no_loss),
        cmocka_unit_test(new_text_as_probe_repairs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
