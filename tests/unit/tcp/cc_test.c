/* The frame of congestion control: the list, the start, and RFC 5681's shared pieces. */
#include "cc_facts.h"

static void cubic_is_the_default_and_all_names_are_found(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_string_equal(cc_name(0), "cubic");
    for (; cc_name(count); count++)
        assert_string_equal(cc_find(cc_name(count))->name, cc_name(count));
    assert_true(count >= 2);
    assert_null(cc_name(count + 1));
    assert_null(cc_find("vegas"));
    assert_null(cc_find(""));
}

/* R6928-01, R5681-02 */
static void a_connection_starts_with_ten_segments_and_no_threshold(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    assert_int_equal(flow.cc.cwnd, 14600); /* RFC 6928: min(10 MSS, max(2 MSS, 14600)) */
    assert_true(flow.cc.ssthresh == CC_SSTHRESH_INFINITE);
    assert_true(cc_in_slow_start(&flow.cc));
    cc_start(&flow.cc, cc_find("reno"), 536, 10, flow.now);
    assert_int_equal(flow.cc.cwnd, 5360);
}

/* R5681-16, R6928-02, R6928-03 */
static void the_initial_window_is_what_the_caller_asks_for_one_segment_at_least(void **state)
{
    struct cc cc;

    (void)state;
    cc_start(&cc, cc_find("reno"), SMSS, 1, INSTANT_ZERO);
    assert_int_equal(cc.cwnd, SMSS);
    cc_start(&cc, cc_find("reno"), SMSS, 4, INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 4 * SMSS);
    cc_start(&cc, cc_find("reno"), SMSS, 0, INSTANT_ZERO);
    assert_int_equal(cc.cwnd, SMSS);
    cc_start(&cc, cc_find("reno"), UINT32_MAX, UINT32_MAX, INSTANT_ZERO);
    assert_true(cc.cwnd <= CC_CWND_MAX);
}

/* R5681-19 */
static void a_smaller_segment_size_scales_the_window_down(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    cc_set_smss(&flow.cc, 730);
    assert_int_equal(flow.cc.cwnd, 10 * 730);
    assert_int_equal(flow.cc.initial_cwnd, 10 * 730);
    flow.cc.cwnd = 731;
    cc_set_smss(&flow.cc, 536);
    assert_int_equal(flow.cc.cwnd, 536);
    assert_int_equal(flow.cc.smss, 536);
}

static void a_larger_segment_size_keeps_the_threshold_at_two_segments(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.ssthresh = 2 * SMSS;
    cc_set_smss(&flow.cc, 9000);
    assert_int_equal(flow.cc.cwnd, 90000);
    assert_int_equal(flow.cc.ssthresh, 18000);
    flow.cc.ssthresh = 20000;
    cc_set_smss(&flow.cc, 4500);
    assert_int_equal(flow.cc.ssthresh, 10000);
}

static void a_switch_keeps_window_and_threshold(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    flow_round(&flow);
    flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
    uint64_t cwnd = flow.cc.cwnd, ssthresh = flow.cc.ssthresh;
    cc_switch(&flow.cc, cc_find("reno"), flow.now);
    assert_string_equal(flow.cc.ops->name, "reno");
    assert_int_equal(flow.cc.cwnd, cwnd);
    assert_int_equal(flow.cc.ssthresh, ssthresh);
    flow.cc.ops->on_undo(&flow.cc, flow.now);
    assert_int_equal(flow.cc.cwnd, cwnd); /* the other's reduction is not this one's to undo */
}

static void only_new_bytes_of_a_limited_sender_outside_recovery_count(void **state)
{
    struct cc_ack ack = {.acked = 3000, .delivered = 1000, .cwnd_limited = true};

    (void)state;
    assert_int_equal(cc_countable(&ack), 1000); /* the rest was SACKed before */
    ack.delivered = 5000;                       /* some of it SACKed now */
    assert_int_equal(cc_countable(&ack), 5000);
    /* what is SACKed may be a hole's sign; on a path that reorders it is not */
    ack.acked = 0;
    assert_int_equal(cc_countable(&ack), 0);
    ack.reordered = true;
    assert_int_equal(cc_countable(&ack), 5000);
    ack.in_recovery = true;
    assert_int_equal(cc_countable(&ack), 0);
    ack.in_recovery = false;
    ack.cwnd_limited = false;
    assert_int_equal(cc_countable(&ack), 0);
}

static void slow_start_hands_on_what_lies_beyond_the_threshold(void **state)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    (void)state;
    flow.cc.ssthresh = 12 * SMSS;
    assert_int_equal(cc_slow_start(&flow.cc, SMSS), 0);
    assert_int_equal(flow.cc.cwnd, 11 * SMSS);
    assert_int_equal(cc_slow_start(&flow.cc, 3 * SMSS), 2 * SMSS);
    assert_int_equal(flow.cc.cwnd, 12 * SMSS);
    assert_int_equal(cc_slow_start(&flow.cc, SMSS), SMSS);
    assert_int_equal(flow.cc.cwnd, 12 * SMSS);
}

/* R5681-10 */
static void after_an_idle_rto_the_window_is_the_initial_one_at_most(void **state)
{
    struct cc cc;

    (void)state;
    cc_start(&cc, cc_find("reno"), SMSS, 10, INSTANT_ZERO);
    cc.cwnd = 40 * SMSS;
    cc.ssthresh = 20 * SMSS;
    cc_restart(&cc, duration_ms(200), duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 40 * SMSS); /* "more than one retransmission timeout" */
    cc_restart(&cc, duration_ms(201), duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 10 * SMSS);
    assert_int_equal(cc.ssthresh, 30 * SMSS);
    cc.cwnd = 4 * SMSS;
    cc_restart(&cc, duration_s(10), duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 4 * SMSS);
}

/* R7661-01 */
static void without_restart_the_window_is_kept_for_five_minutes_then_halved(void **state)
{
    struct cc cc;

    (void)state;
    cc_start(&cc, cc_find("reno"), SMSS, 10, INSTANT_ZERO);
    cc.restart_after_idle = false;
    cc.cwnd = 80 * SMSS;
    cc.ssthresh = 50 * SMSS;
    cc_restart(&cc, duration_s(299), duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 80 * SMSS);
    cc_restart(&cc, duration_s(300), duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 40 * SMSS);
    assert_int_equal(cc.ssthresh, 60 * SMSS);
    cc_restart(&cc, DURATION_FOREVER, duration_ms(200), INSTANT_ZERO);
    assert_int_equal(cc.cwnd, 10 * SMSS);
}

/* R3168-05 */
static void marks_take_the_window_below_the_threshold_but_not_below_a_segment(void **state)
{
    struct cc cc;

    (void)state;
    cc_start(&cc, cc_find("reno"), SMSS, 2, INSTANT_ZERO);
    cc_reduce(&cc, SMSS, CC_CAUSE_LOSS);
    assert_int_equal(cc.ssthresh, 2 * SMSS);
    assert_int_equal(cc.cwnd, 2 * SMSS);
    cc_reduce(&cc, SMSS, CC_CAUSE_ECN);
    assert_int_equal(cc.ssthresh, 2 * SMSS);
    assert_int_equal(cc.cwnd, SMSS);
    cc_reduce(&cc, SMSS / 2, CC_CAUSE_ECN);
    assert_int_equal(cc.cwnd, SMSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cubic_is_the_default_and_all_names_are_found),
        cmocka_unit_test(a_connection_starts_with_ten_segments_and_no_threshold),
        cmocka_unit_test(the_initial_window_is_what_the_caller_asks_for_one_segment_at_least),
        cmocka_unit_test(a_smaller_segment_size_scales_the_window_down),
        cmocka_unit_test(a_larger_segment_size_keeps_the_threshold_at_two_segments),
        cmocka_unit_test(a_switch_keeps_window_and_threshold),
        cmocka_unit_test(only_new_bytes_of_a_limited_sender_outside_recovery_count),
        cmocka_unit_test(slow_start_hands_on_what_lies_beyond_the_threshold),
        cmocka_unit_test(after_an_idle_rto_the_window_is_the_initial_one_at_most),
        cmocka_unit_test(without_restart_the_window_is_kept_for_five_minutes_then_halved),
        cmocka_unit_test(marks_take_the_window_below_the_threshold_but_not_below_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
