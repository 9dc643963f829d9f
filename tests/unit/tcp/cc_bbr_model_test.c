/* The model under BBR, a function at a time. */
#include "tcp/cc_bbr_model.h"

#include "cc_facts.h"

static struct cc start(void)
{
    struct cc cc;

    cc_start(&cc, cc_find("bbr"), SMSS, 10, (struct instant){1000000000});
    cc.pacing_rate = 1;
    return cc;
}

static void without_a_round_trip_time_the_bdp_is_the_initial_window(void **state)
{
    struct cc cc = start();

    (void)state;
    assert_int_equal(bbr_bdp_multiple(&cc, 1000000, 200), 10 * SMSS);
    bbr_of(&cc)->min_rtt = duration_ms(50);
    assert_int_equal(bbr_bdp_multiple(&cc, 1000000, 100), 50000);
    assert_int_equal(bbr_bdp_multiple(&cc, 1000000, 225), 112500);
    assert_int_equal(bbr_bdp_multiple(&cc, 0, 225), 0);
    bbr_of(&cc)->min_rtt = duration_ns(INT64_MAX - 1);
    assert_true(bbr_bdp_multiple(&cc, BBR_BW_MAX, 225) == CC_CWND_MAX);
}

static void the_budget_has_room_for_four_segments_three_quanta_and_a_probe(void **state)
{
    struct cc cc = start();

    (void)state;
    assert_int_equal(bbr_quantization_budget(&cc, 0), 6 * SMSS); /* 3 quanta of 2 segments */
    assert_int_equal(bbr_quantization_budget(&cc, 100000), 100000);
    cc.pacing_rate = 10000000;
    assert_int_equal(bbr_quantization_budget(&cc, 0), 3 * 10000);
    cc.pacing_rate = 10000000000;
    assert_int_equal(bbr_quantization_budget(&cc, 0), 3 * 65536);
    bbr_of(&cc)->state = BBR_PROBE_BW_UP;
    assert_int_equal(bbr_quantization_budget(&cc, 500000), 500000 + 2 * SMSS);
}

static void headroom_is_fifteen_percent_a_segment_at_least(void **state)
{
    struct cc cc = start();

    (void)state;
    assert_true(bbr_inflight_with_headroom(&cc) == BBR_INFINITE);
    bbr_of(&cc)->inflight_longterm = 100 * SMSS;
    assert_int_equal(bbr_inflight_with_headroom(&cc), 85 * SMSS);
    bbr_of(&cc)->inflight_longterm = 6 * SMSS;
    assert_int_equal(bbr_inflight_with_headroom(&cc), 5 * SMSS);
    bbr_of(&cc)->inflight_longterm = SMSS / 2;
    assert_int_equal(bbr_inflight_with_headroom(&cc), 4 * SMSS);
}

static void the_bandwidth_filter_remembers_two_cycles(void **state)
{
    struct cc cc = start();
    struct bbr *bbr = bbr_of(&cc);
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr, &ack, {.delivered = 1, .rate = 900}};

    (void)state;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr->max_bw, 900);
    bbr_advance_max_bw_filter(bbr);
    turn.rs.rate = 500;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr->max_bw, 900);
    bbr_advance_max_bw_filter(bbr);
    assert_int_equal(bbr->max_bw, 500);
    bbr_advance_max_bw_filter(bbr); /* a cycle without a sample forgets nothing */
    assert_int_equal(bbr->max_bw, 500);
}

static void an_application_limited_sample_counts_only_when_it_is_higher(void **state)
{
    struct cc cc = start();
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr_of(&cc), &ack, {.delivered = 1, .rate = 900}};

    (void)state;
    bbr_update_congestion_signals(&turn);
    bbr_advance_max_bw_filter(bbr_of(&cc));
    turn.rs.app_limited = true;
    turn.rs.rate = 800;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr_of(&cc)->max_bw_filter[1], 0);
    turn.rs.rate = 1000;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr_of(&cc)->max_bw, 1000);
}

static void a_plateau_is_three_rounds_with_less_than_a_quarter_more(void **state)
{
    struct cc cc = start();
    struct bbr *bbr = bbr_of(&cc);
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr, &ack, {.delivered = 1, .rate = 1000}};

    (void)state;
    bbr->round_start = true;
    bbr_check_full_bw_reached(&turn);
    assert_int_equal(bbr->full_bw, 1000);
    turn.rs.rate = 1249;
    bbr_check_full_bw_reached(&turn);
    bbr_check_full_bw_reached(&turn);
    assert_int_equal(bbr->full_bw_count, 2);
    turn.rs.rate = 1250; /* growth begins the count anew */
    bbr_check_full_bw_reached(&turn);
    assert_int_equal(bbr->full_bw_count, 0);
    bbr_check_full_bw_reached(&turn);
    turn.rs.app_limited = true; /* says nothing */
    bbr_check_full_bw_reached(&turn);
    turn.rs.app_limited = false;
    bbr->round_start = false; /* once a round */
    bbr_check_full_bw_reached(&turn);
    bbr->round_start = true;
    bbr_check_full_bw_reached(&turn);
    assert_false(bbr->full_bw_now);
    bbr_check_full_bw_reached(&turn);
    assert_true(bbr->full_bw_now && bbr->full_bw_reached);
}

static void more_than_two_percent_lost_is_too_much_where_a_queue_stands(void **state)
{
    struct cc cc = start();
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr_of(&cc), &ack, {.tx_in_flight = 10000, .lost = 200}};

    (void)state;
    bbr_of(&cc)->min_rtt = duration_ms(20);
    bbr_of(&cc)->rtt_latest = duration_us(22501);
    assert_false(bbr_is_inflight_too_high(&turn));
    turn.rs.lost = 201;
    assert_true(bbr_is_inflight_too_high(&turn));
    turn.rs = (struct rate_sample){.delivered = 0};
    assert_false(bbr_is_inflight_too_high(&turn));
}

static void without_a_queue_more_is_the_links_own_loss(void **state)
{
    struct cc cc = start();
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr_of(&cc), &ack, {.tx_in_flight = 10000, .lost = 1500}};

    (void)state;
    bbr_of(&cc)->min_rtt = duration_ms(20);
    bbr_of(&cc)->rtt_latest = duration_us(22500);
    bbr_of(&cc)->state = BBR_PROBE_BW_UP;
    assert_false(bbr_is_inflight_too_high(&turn));
    turn.rs.lost = 1501; /* a fifth is lost where the probe's quarter is too much */
    assert_true(bbr_is_inflight_too_high(&turn));
    bbr_of(&cc)->state = BBR_STARTUP;
    turn.rs.lost = 3000;
    assert_false(bbr_is_inflight_too_high(&turn));
    turn.rs.lost = 3001;
    assert_true(bbr_is_inflight_too_high(&turn));
}

/* What is lost without a queue leaves the short-term bounds alone while nearly all arrives; a mark
 * does not. */
static void short_term_bounds_follow_congestion_only(void **state)
{
    struct cc cc = start();
    struct bbr *bbr = bbr_of(&cc);
    struct cc_ack ack = {.delivered = 1};
    struct bbr_turn turn = {&cc, bbr, &ack, {.delivered = 1, .rate = 850}};

    (void)state;
    bbr->state = BBR_PROBE_BW_CRUISE;
    bbr->max_bw_filter[1] = bbr->max_bw = bbr->bw = 1000;
    bbr->min_rtt = bbr->rtt_latest = duration_ms(20);
    bbr->loss_round_start = bbr->is_loss_in_round = true;
    bbr->bw_latest = 850;
    bbr_update_congestion_signals(&turn);
    assert_true(bbr->bw_shortterm == BBR_INFINITE);
    bbr->is_loss_in_round = bbr->is_mark_in_round = true;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr->bw_shortterm, 850);
    bbr_reset_shortterm_model(bbr);
    bbr->is_loss_in_round = true;
    bbr->bw_latest = 849;
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr->bw_shortterm, 849);
    bbr_reset_shortterm_model(bbr);
    bbr->is_loss_in_round = true;
    bbr->bw_latest = 950;
    bbr->rtt_latest = duration_ms(23);
    bbr_update_congestion_signals(&turn);
    assert_int_equal(bbr->bw_shortterm, 950);
}

static void extra_acked_is_what_comes_beyond_the_expected(void **state)
{
    struct cc cc = start();
    struct bbr *bbr = bbr_of(&cc);
    struct cc_ack ack = {.now = {1000000000}, .delivered = 3000};
    struct bbr_turn turn = {&cc, bbr, &ack, {.delivered = 0}};

    (void)state;
    bbr->bw = 100000;
    bbr_update_ack_aggregation(&turn);
    assert_int_equal(bbr->extra_acked, 3000);
    ack.now = instant_add(ack.now, duration_ms(10)); /* 1000 bytes were expected since */
    bbr_update_ack_aggregation(&turn);
    assert_int_equal(bbr->extra_acked, 5000);
    ack.now = instant_add(ack.now, duration_s(1)); /* the episode is over */
    ack.delivered = 100;
    bbr_update_ack_aggregation(&turn);
    assert_int_equal(bbr->extra_acked_delivered, 100);
    /* The maximum stays for its window of rounds: two of one round in Startup. */
    bbr->round_start = true;
    bbr->round_count++;
    bbr_update_ack_aggregation(&turn);
    assert_int_equal(bbr->extra_acked, 5000);
    bbr->round_count++;
    bbr_update_ack_aggregation(&turn);
    assert_true(bbr->extra_acked < 5000);
}

static void samples_are_kept_within_bounds(void **state)
{
    struct cc cc = start();
    struct cc_ack ack = {.rate = {.delivered = UINT64_MAX,
                                  .rate = UINT64_MAX,
                                  .tx_in_flight = UINT64_MAX,
                                  .lost = UINT64_MAX}};
    struct rate_sample rs = bbr_sample(bbr_of(&cc), &ack);

    (void)state;
    assert_true(rs.rate == BBR_BW_MAX && rs.delivered == CC_CWND_MAX && rs.lost == CC_CWND_MAX);
    ack.rate.delivered = 0;
    rs = bbr_sample(bbr_of(&cc), &ack);
    assert_true(rs.rate == 0 && rs.lost == 0);
}

static void the_window_before_a_recovery_is_what_is_restored(void **state)
{
    struct cc cc = start();

    (void)state;
    cc.cwnd = 50 * SMSS;
    bbr_save_cwnd(&cc);
    cc.cwnd = 20 * SMSS;
    bbr_of(&cc)->in_recovery = true;
    bbr_save_cwnd(&cc);
    bbr_restore_cwnd(&cc);
    assert_int_equal(cc.cwnd, 50 * SMSS);
    bbr_of(&cc)->in_recovery = false;
    cc.cwnd = 30 * SMSS;
    bbr_save_cwnd(&cc);
    cc.cwnd = SMSS;
    bbr_restore_cwnd(&cc);
    assert_int_equal(cc.cwnd, 30 * SMSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_round_trip_time_the_bdp_is_the_initial_window),
        cmocka_unit_test(the_budget_has_room_for_four_segments_three_quanta_and_a_probe),
        cmocka_unit_test(headroom_is_fifteen_percent_a_segment_at_least),
        cmocka_unit_test(the_bandwidth_filter_remembers_two_cycles),
        cmocka_unit_test(an_application_limited_sample_counts_only_when_it_is_higher),
        cmocka_unit_test(a_plateau_is_three_rounds_with_less_than_a_quarter_more),
        cmocka_unit_test(more_than_two_percent_lost_is_too_much_where_a_queue_stands),
        cmocka_unit_test(without_a_queue_more_is_the_links_own_loss),
        cmocka_unit_test(short_term_bounds_follow_congestion_only),
        cmocka_unit_test(extra_acked_is_what_comes_beyond_the_expected),
        cmocka_unit_test(samples_are_kept_within_bounds),
        cmocka_unit_test(the_window_before_a_recovery_is_what_is_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
