/* Reno, RFC 5681, 3.1. */
#include "cc_facts.h"

/* R5681-01 */
static void slow_start_doubles_the_window_in_a_round_trip(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 20 * SMSS);
    flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 40 * SMSS);
}

/* R5681-01, R5681-05 */
static void an_ack_cut_into_pieces_gains_nothing(void **state)
{
    struct flow whole = flow_of("reno", duration_ms(100)), cut = whole;

    (void)state;
    flow_acked(&whole, SMSS);
    for (unsigned i = 0; i < SMSS; i++)
        flow_acked(&cut, 1);
    assert_int_equal(cut.cc.cwnd, whole.cc.cwnd);
    whole.cc.ssthresh = cut.cc.ssthresh = 11 * SMSS;
    for (unsigned i = 0; i < 30; i++)
        flow_acked(&whole, SMSS);
    for (unsigned i = 0; i < 30 * SMSS; i++)
        flow_acked(&cut, 1);
    assert_int_equal(cut.cc.cwnd, whole.cc.cwnd);
}

/* R5681-05 */
static void congestion_avoidance_adds_one_segment_a_round_trip(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.ssthresh = flow.cc.cwnd;
    for (unsigned round = 1; round <= 50; round++) {
        flow_round(&flow);
        assert_in_range(flow.cc.cwnd, (10 + round - 1) * SMSS, (10 + round) * SMSS);
    }
    assert_int_equal(flow.cc.cwnd, 60 * SMSS);
}

/* R5681-03, R5681-04 */
static void a_timeout_halves_the_flight_and_leaves_one_segment(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 40 * SMSS;
    flow_times_out(&flow, 16 * SMSS); /* FlightSize counts, not cwnd */
    assert_int_equal(flow.cc.ssthresh, 8 * SMSS);
    assert_int_equal(flow.cc.cwnd, SMSS);
    /* Slow start up to ssthresh follows. */
    flow_round(&flow);
    flow_round(&flow);
    flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 8 * SMSS);
    assert_false(cc_in_slow_start(&flow.cc));
}

/* R5681-03 */
static void the_threshold_is_never_less_than_two_segments(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow_times_out(&flow, SMSS);
    assert_int_equal(flow.cc.ssthresh, 2 * SMSS);
}

/* R5681-08, R5681-13 */
static void losses_in_two_windows_halve_twice(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 40 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 40 * SMSS);
    assert_int_equal(flow.cc.cwnd, 20 * SMSS);
    flow_recovers(&flow, CC_CAUSE_LOSS, 20 * SMSS);
    assert_int_equal(flow.cc.cwnd, 10 * SMSS);
}

/* R3168-03 */
static void a_mark_halves_as_a_loss_does(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 40 * SMSS;
    flow_recovers(&flow, CC_CAUSE_ECN, 40 * SMSS);
    assert_int_equal(flow.cc.cwnd, 20 * SMSS);
}

static void a_reduction_begins_the_count_of_bytes_anew(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.ssthresh = flow.cc.cwnd;
    flow_acked(&flow, 9 * SMSS);
    flow_recovers(&flow, CC_CAUSE_LOSS, 20 * SMSS);
    assert_int_equal(flow.cc.cwnd, 10 * SMSS);
    flow_acked(&flow, 9 * SMSS);
    assert_int_equal(flow.cc.cwnd, 10 * SMSS);
    flow_acked(&flow, SMSS);
    assert_int_equal(flow.cc.cwnd, 11 * SMSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_start_doubles_the_window_in_a_round_trip),
        cmocka_unit_test(an_ack_cut_into_pieces_gains_nothing),
        cmocka_unit_test(congestion_avoidance_adds_one_segment_a_round_trip),
        cmocka_unit_test(a_timeout_halves_the_flight_and_leaves_one_segment),
        cmocka_unit_test(the_threshold_is_never_less_than_two_segments),
        cmocka_unit_test(losses_in_two_windows_halve_twice),
        cmocka_unit_test(a_mark_halves_as_a_loss_does),
        cmocka_unit_test(a_reduction_begins_the_count_of_bytes_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
