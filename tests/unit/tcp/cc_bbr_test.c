/* BBR version 3: the test cases of draft-ietf-ccwg-bbr's appendix, over a bottleneck in virtual
 * time. */
#include "bottleneck.h"

#include "tcp/cc_bbr_model.h"

enum { MBIT = 125000 }; /* bytes a second */

static struct bottleneck path; /* too large for a stack */

static const struct bbr *model(void)
{
    return bbr_of(&path.cc);
}

static uint64_t bdp(void)
{
    return path.rate * (uint64_t)path.rtt.ns / 1000000000;
}

/* A path with two bandwidth-delay products of buffer. */
static void begin(uint64_t rate, int64_t rtt_ms)
{
    bottleneck_init(&path, "bbr", rate, duration_ms(rtt_ms),
                    2 * rate * (uint64_t)rtt_ms / 1000 + 20 * SMSS);
}

/* Until the state is reached; fails after `most_s` seconds. */
static void run_until(enum bbr_state state, int64_t most_s)
{
    struct instant end = instant_add(path.now, duration_s(most_s));

    while (model()->state != state)
        if (!bottleneck_step(&path, end))
            fail_msg("state %d was not reached within %d s; it is %d", (int)state, (int)most_s,
                     model()->state);
}

static void run_while(enum bbr_state state, int64_t most_s)
{
    struct instant end = instant_add(path.now, duration_s(most_s));

    while (model()->state == state)
        if (!bottleneck_step(&path, end))
            fail_msg("state %d was not left within %d s", (int)state, (int)most_s);
}

static double share_of_rate_over(int64_t ms)
{
    uint64_t before = path.delivered;

    bottleneck_run(&path, duration_ms(ms));
    return (double)(path.delivered - before) * 1000 / (double)ms / (double)path.rate;
}

static void assert_percent_of(uint64_t value, uint64_t of, unsigned least, unsigned most)
{
    if (value * 100 < of * least || value * 100 > of * most)
        fail_msg("%llu is not within %u and %u %% of %llu", (unsigned long long)value, least, most,
                 (unsigned long long)of);
}

/* --- Startup and Drain --- */

static void startup_finds_the_bandwidth_within_two_percent_and_drains(void **state)
{
    static const struct {
        uint64_t rate;
        int64_t rtt_ms;
    } cases[] = {{10 * MBIT, 20}, {100 * MBIT, 50}, {1 * MBIT, 200}, {1000 * MBIT, 10}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].rate, cases[i].rtt_ms);
        assert_int_equal(model()->state, BBR_STARTUP);
        run_until(BBR_DRAIN, 20);
        assert_true(model()->full_bw_reached);
        assert_int_equal(model()->full_bw_count, 3);
        assert_percent_of(model()->max_bw, path.rate, 98, 102);
        run_while(BBR_DRAIN, 5);
        assert_true(bbr_is_in_a_probe_bw_state(model()));
        assert_true(path.in_flight <= bbr_inflight(&path.cc, model()->bw));
    }
}

static void startup_doubles_the_rate_in_each_round(void **state)
{
    (void)state;
    begin(1000 * MBIT, 100);
    /* 10 segments to 8562 in flight: 10 doublings and three rounds to notice, 14 s at most if they
     * were 1 s. */
    run_until(BBR_DRAIN, 3);
    assert_true(model()->round_count <= 18);
}

/* An ACK that ends a round, with `pipe` still in flight. */
static void ack_of_a_round(uint64_t pipe)
{
    uint64_t delivered_before = path.delivered;

    path.delivered += 10 * SMSS;
    path.now = instant_add(path.now, path.rtt);
    struct cc_ack ack = {.now = path.now,
                         .acked = 10 * SMSS,
                         .delivered = 10 * SMSS,
                         .delivered_total = path.delivered,
                         .pipe = pipe,
                         .rtt = duration_times(path.rtt, 2),
                         .rtt_in_order = duration_times(path.rtt, 2),
                         .srtt = path.rtt,
                         .rate = {.delivered = 10 * SMSS,
                                  .prior_delivered = delivered_before,
                                  .interval = path.rtt,
                                  .rate = model()->max_bw,
                                  .tx_in_flight = pipe}};
    path.cc.ops->on_ack(&path.cc, &ack);
}

static void drain_ends_after_three_rounds_when_the_queue_does_not(void **state)
{
    (void)state;
    begin(20 * MBIT, 40);
    run_until(BBR_DRAIN, 10);
    for (unsigned round = 1; round <= 3; round++) {
        ack_of_a_round(3 * bdp());
        assert_int_equal(model()->state, BBR_DRAIN);
    }
    ack_of_a_round(3 * bdp());
    assert_int_equal(model()->state, BBR_PROBE_BW_DOWN);
}

static void startup_ends_on_heavy_loss_and_keeps_an_upper_bound(void **state)
{
    (void)state;
    begin(20 * MBIT, 40);
    path.buffer = bdp() / 10;
    path.app_rate = 200 * MBIT;
    run_until(BBR_DRAIN, 10);
    assert_true(model()->inflight_longterm != BBR_INFINITE);
    assert_true(model()->inflight_longterm >= bdp() / 2);
}

static void startup_lasts_while_the_application_is_the_limit(void **state)
{
    (void)state;
    begin(100 * MBIT, 40);
    path.app_rate = 2 * MBIT;
    bottleneck_run(&path, duration_s(9));
    assert_int_equal(model()->state, BBR_STARTUP);
    path.app_rate = 0;
    run_until(BBR_DRAIN, 3);
    assert_percent_of(model()->max_bw, path.rate, 98, 102);
}

/* --- ProbeBW --- */

/* The arrows of the draft's state transition diagram, without those to and from ProbeRTT. */
static bool is_an_arrow(unsigned from, unsigned to)
{
    switch ((enum bbr_state)from) {
    case BBR_STARTUP:
        return to == BBR_DRAIN;
    case BBR_DRAIN: /* and through DOWN in one ACK when there is nothing to drain */
        return to == BBR_PROBE_BW_DOWN || to == BBR_PROBE_BW_CRUISE;
    case BBR_PROBE_BW_DOWN:
        return to == BBR_PROBE_BW_CRUISE || to == BBR_PROBE_BW_REFILL;
    case BBR_PROBE_BW_CRUISE:
        return to == BBR_PROBE_BW_REFILL;
    case BBR_PROBE_BW_REFILL:
        return to == BBR_PROBE_BW_UP;
    case BBR_PROBE_BW_UP:
        return to == BBR_PROBE_BW_DOWN;
    case BBR_PROBE_RTT:
        return to == BBR_PROBE_BW_CRUISE || to == BBR_STARTUP;
    }
    return false;
}

static void probing_goes_down_cruises_refills_and_goes_up(void **state)
{
    unsigned visits[BBR_PROBE_RTT + 1] = {0};

    (void)state;
    begin(50 * MBIT, 40);
    struct instant end = instant_add(path.now, duration_s(60));
    for (unsigned last = BBR_STARTUP; bottleneck_step(&path, end);) {
        unsigned now = model()->state;
        if (now == last)
            continue;
        if (now != BBR_PROBE_RTT && !is_an_arrow(last, now))
            fail_msg("no arrow leads from %u to %u", last, now);
        visits[now]++;
        last = now;
    }
    assert_int_equal(visits[BBR_DRAIN], 1);
    assert_in_range(visits[BBR_PROBE_BW_UP], 15, 30); /* once in 2 to 3 s */
    assert_in_range(visits[BBR_PROBE_RTT], 4, 6);     /* once in 10 s */
    assert_true(visits[BBR_PROBE_BW_CRUISE] >= visits[BBR_PROBE_BW_UP] - 1);
}

static void pacing_follows_the_gains_of_the_states(void **state)
{
    static const unsigned percent[] = {277, 50, 90, 100, 100, 125, 100};

    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_DRAIN, 10);
    struct instant end = instant_add(path.now, duration_s(30));
    while (bottleneck_step(&path, end)) {
        uint64_t expected = model()->bw * percent[model()->state] / 100 * 99 / 100;
        assert_true(path.cc.pacing_rate + 2 >= expected && path.cc.pacing_rate <= expected + 2);
    }
}

static void a_clean_path_is_filled_with_a_short_queue(void **state)
{
    static const struct {
        uint64_t rate;
        int64_t rtt_ms;
    } cases[] = {{10 * MBIT, 100}, {100 * MBIT, 20}, {50 * MBIT, 2}, {5 * MBIT, 300}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].rate, cases[i].rtt_ms);
        bottleneck_run(&path, duration_s(10));
        path.most_in_flight = 0;
        assert_true(share_of_rate_over(20000) > 0.95);
        assert_true(path.most_in_flight <= bdp() * 9 / 4 + 20 * SMSS);
        assert_int_equal(path.drops, 0);
    }
}

/* Not the draft, whose sending slows by X % in each round with X % of loss: what is lost without a
 * queue is the link's own. */
static void random_loss_is_borne(void **state)
{
    static const uint32_t drop_one_in[] = {100, 33, 10};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin(50 * MBIT, 40);
        path.drop_one_in = drop_one_in[i];
        bottleneck_run(&path, duration_s(5));
        double share = share_of_rate_over(30000);
        assert_true(share > 0.75);
        bottleneck_init(&path, "cubic", 50 * MBIT, duration_ms(40), 4 * bdp());
        path.drop_one_in = drop_one_in[i];
        bottleneck_run(&path, duration_s(5));
        assert_true(share > 4 * share_of_rate_over(30000));
    }
}

static void a_tenth_of_the_bandwidth_is_noticed(void **state)
{
    (void)state;
    begin(100 * MBIT, 40);
    bottleneck_run(&path, duration_s(8));
    path.rate /= 10;
    path.buffer /= 10; /* what is too much is lost, so that the short-term bound acts at once */
    bottleneck_run(&path, duration_s(3));
    assert_true(model()->bw < 50 * MBIT);
    bottleneck_run(&path, duration_s(20));
    assert_percent_of(model()->max_bw, path.rate, 90, 130);
    assert_true(share_of_rate_over(10000) > 0.85);
}

static void ten_times_the_bandwidth_is_found(void **state)
{
    (void)state;
    begin(10 * MBIT, 40);
    bottleneck_run(&path, duration_s(8));
    path.rate *= 10;
    path.buffer *= 10;
    bottleneck_run(&path, duration_s(15));
    assert_percent_of(model()->max_bw, path.rate, 90, 102);
}

static void loss_in_the_probe_upward_ends_it_and_sets_the_bound(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    path.buffer = bdp() / 20; /* the probe of 125 % overflows it at once */
    run_until(BBR_PROBE_BW_UP, 10);
    run_until(BBR_PROBE_BW_DOWN, 2);
    assert_true(model()->prev_probe_too_high);
    assert_true(model()->inflight_longterm >= bdp() * 7 / 10 - SMSS);
    assert_true(model()->inflight_longterm <= bdp() * 3 / 2);
    assert_true(share_of_rate_over(20000) > 0.8);
}

static void cruising_leaves_headroom_below_the_bound(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    path.buffer = bdp() / 20;
    run_until(BBR_PROBE_BW_UP, 10);
    run_until(BBR_PROBE_BW_CRUISE, 5);
    struct instant end = instant_add(path.now, duration_s(1));
    while (bottleneck_step(&path, end) && model()->state == BBR_PROBE_BW_CRUISE)
        if (model()->inflight_longterm != BBR_INFINITE)
            assert_true(path.cc.cwnd * 100 <= model()->inflight_longterm * 85 + 100 * SMSS);
}

static void loss_while_cruising_lowers_the_short_term_bounds_by_three_tenths_at_most(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    path.drop_one_in = 4; /* more than a link's own */
    uint64_t bw = model()->bw;
    uint32_t round = model()->round_count;
    while (model()->bw_shortterm == BBR_INFINITE && model()->round_count < round + 6)
        assert_true(bottleneck_step(&path, INSTANT_NEVER));
    assert_true(model()->bw_shortterm != BBR_INFINITE);
    assert_percent_of(model()->bw_shortterm, bw, 69, 101);
    path.drop_one_in = 0;
    run_until(BBR_PROBE_BW_REFILL, 5); /* the short-term model is forgotten */
    assert_true(model()->bw_shortterm == BBR_INFINITE);
    assert_true(model()->inflight_shortterm == BBR_INFINITE);
}

/* --- ProbeRTT --- */

static void probe_rtt_halves_what_is_in_flight_for_200_ms(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_UP, 10);
    run_until(BBR_PROBE_RTT, 12);
    struct instant entered = path.now;
    uint64_t target = model()->probe_rtt_cwnd;
    assert_percent_of(target, bdp(), 45, 55);
    uint64_t prior = model()->prior_cwnd;
    while (model()->state == BBR_PROBE_RTT) {
        assert_int_equal(model()->probe_rtt_cwnd, target);
        assert_true(path.cc.cwnd <= target);
        assert_true(bottleneck_step(&path, INSTANT_NEVER));
    }
    assert_int_equal(model()->state, BBR_PROBE_BW_CRUISE);
    assert_true(instant_since(path.now, entered).ns >= duration_ms(200).ns);
    assert_true(instant_since(path.now, entered).ns <= duration_ms(400).ns);
    assert_true(path.cc.cwnd > target && path.cc.cwnd <= prior + SMSS);
    assert_percent_of(model()->max_bw, path.rate, 98, 102); /* what was held down does not count */
    bottleneck_run(&path, duration_s(2));
    assert_percent_of(model()->max_bw, path.rate, 98, 102);
}

static void probe_rtt_in_startup_returns_to_startup(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    path.app_rate = 1 * MBIT;
    run_until(BBR_PROBE_RTT, 12);
    assert_false(model()->full_bw_reached);
    run_until(BBR_STARTUP, 2);
}

static void a_longer_path_is_accepted_by_and_by(void **state)
{
    (void)state;
    begin(50 * MBIT, 20);
    bottleneck_run(&path, duration_s(5));
    path.rtt = duration_ms(60);
    path.buffer *= 3;
    bottleneck_run(&path, duration_s(25));
    assert_true(model()->min_rtt.ns >= duration_ms(60).ns);
    assert_true(share_of_rate_over(9000) > 0.9);
}

/* What overtook others did not go through the queue: its round trip is not the pipe's. */
static void a_segment_that_overtook_does_not_shorten_the_path(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    struct duration known = model()->min_rtt;
    struct cc_ack ack = {.now = path.now,
                         .delivered = SMSS,
                         .delivered_total = path.delivered + SMSS,
                         .rtt = duration_ms(20),
                         .rtt_in_order = duration_ns(-1),
                         .srtt = duration_ms(40)};
    path.cc.ops->on_ack(&path.cc, &ack);
    assert_int_equal(model()->min_rtt.ns, known.ns);
    ack.rtt_in_order = ack.rtt;
    path.cc.ops->on_ack(&path.cc, &ack);
    assert_int_equal(model()->min_rtt.ns, duration_ms(20).ns);
}

/* --- idleness, small paths, aggregation --- */

static void after_idleness_it_paces_at_the_known_bandwidth(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    uint64_t cwnd = path.cc.cwnd, bw = model()->bw;
    path.now = instant_add(path.now, duration_s(15));
    path.cc.ops->on_idle(&path.cc, duration_s(15), duration_ms(240), path.now);
    assert_int_equal(path.cc.cwnd, cwnd);
    assert_percent_of(path.cc.pacing_rate, bw, 98, 100);
    assert_true(model()->idle_restart);
    /* min_rtt has expired, but idleness has drained the queue: no ProbeRTT. */
    struct cc_ack ack = {.now = path.now,
                         .acked = SMSS,
                         .delivered = SMSS,
                         .delivered_total = path.delivered + SMSS,
                         .rtt = duration_ms(41),
                         .rtt_in_order = duration_ms(41),
                         .srtt = duration_ms(41),
                         .rate = {.delivered = SMSS,
                                  .prior_delivered = path.delivered,
                                  .interval = duration_ms(41),
                                  .rate = 35000,
                                  .tx_in_flight = SMSS,
                                  .app_limited = true}};
    path.cc.ops->on_ack(&path.cc, &ack);
    assert_true(model()->state != BBR_PROBE_RTT);
    assert_false(model()->idle_restart);
    assert_int_equal(model()->min_rtt.ns, duration_ms(41).ns);
}

static void a_path_smaller_than_a_segment_gets_four_segments(void **state)
{
    (void)state;
    bottleneck_init(&path, "bbr", 8000, duration_ms(10), 40 * SMSS); /* 64 kbit/s: 80 bytes */
    bottleneck_run(&path, duration_s(30));
    assert_true(path.cc.cwnd >= 4 * SMSS);
    assert_true(share_of_rate_over(20000) > 0.9);
    assert_percent_of(model()->max_bw, path.rate, 90, 110);
}

static void aggregated_acks_do_not_starve_it(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    path.ack_batch = duration_ms(20);
    bottleneck_run(&path, duration_s(8));
    assert_true(model()->extra_acked > 0);
    assert_true(share_of_rate_over(20000) > 0.9);
}

/* --- undo --- */

static void an_undone_recovery_returns_to_startup(void **state)
{
    (void)state;
    begin(20 * MBIT, 40);
    path.buffer = bdp() / 10;
    run_until(BBR_DRAIN, 10);
    if (!model()->undo_to_state)
        fail_msg("the exit was not for loss");
    uint64_t prior = model()->prior_cwnd;
    path.cc.ops->on_undo(&path.cc, path.now);
    assert_int_equal(model()->state, BBR_STARTUP);
    assert_false(model()->full_bw_reached);
    assert_true(path.cc.cwnd >= prior);
    assert_true(model()->inflight_longterm == BBR_INFINITE);
}

static void an_undone_recovery_returns_to_probing(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_UP, 10);
    path.drop_one_in = 8;
    run_until(BBR_PROBE_BW_DOWN, 2);
    assert_true(model()->prev_probe_too_high);
    path.cc.ops->on_undo(&path.cc, path.now);
    assert_int_equal(model()->state, BBR_PROBE_BW_REFILL);
    assert_true(model()->inflight_longterm == BBR_INFINITE);
}

/* R5681-04 */
static void after_a_timeout_it_starts_with_one_segment_and_comes_back(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    path.drop_one_in = 1;
    bottleneck_run(&path, duration_ms(60));
    while (path.cc.cwnd != SMSS)
        assert_true(bottleneck_step(&path, INSTANT_NEVER));
    path.drop_one_in = 0;
    bottleneck_run(&path, duration_s(4));
    assert_true(share_of_rate_over(5000) > 0.9);
}

/* RFC 3168, 6.1.2: a mark is answered. R3168-03 */
static void a_mark_in_the_probe_upward_ends_it(void **state)
{
    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_UP, 10);
    struct cc_loss mark = {.now = path.now, .cause = CC_CAUSE_ECN, .flight = path.in_flight};
    path.cc.ops->on_loss(&path.cc, &mark);
    assert_int_equal(model()->state, BBR_PROBE_BW_DOWN);
    assert_true(model()->inflight_longterm != BBR_INFINITE);
}

static void two_connections_do_not_probe_in_step(void **state)
{
    struct duration wait;

    (void)state;
    begin(50 * MBIT, 40);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    wait = model()->bw_probe_wait;
    assert_in_range(wait.ns, duration_s(2).ns, duration_s(3).ns);
    begin(50 * MBIT, 41);
    run_until(BBR_PROBE_BW_CRUISE, 10);
    assert_true(model()->bw_probe_wait.ns != wait.ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(startup_finds_the_bandwidth_within_two_percent_and_drains),
        cmocka_unit_test(startup_doubles_the_rate_in_each_round),
        cmocka_unit_test(drain_ends_after_three_rounds_when_the_queue_does_not),
        cmocka_unit_test(startup_ends_on_heavy_loss_and_keeps_an_upper_bound),
        cmocka_unit_test(startup_lasts_while_the_application_is_the_limit),
        cmocka_unit_test(probing_goes_down_cruises_refills_and_goes_up),
        cmocka_unit_test(pacing_follows_the_gains_of_the_states),
        cmocka_unit_test(a_clean_path_is_filled_with_a_short_queue),
        cmocka_unit_test(random_loss_is_borne),
        cmocka_unit_test(a_tenth_of_the_bandwidth_is_noticed),
        cmocka_unit_test(ten_times_the_bandwidth_is_found),
        cmocka_unit_test(loss_in_the_probe_upward_ends_it_and_sets_the_bound),
        cmocka_unit_test(cruising_leaves_headroom_below_the_bound),
        cmocka_unit_test(loss_while_cruising_lowers_the_short_term_bounds_by_three_tenths_at_most),
        cmocka_unit_test(probe_rtt_halves_what_is_in_flight_for_200_ms),
        cmocka_unit_test(probe_rtt_in_startup_returns_to_startup),
        cmocka_unit_test(a_longer_path_is_accepted_by_and_by),
        cmocka_unit_test(a_segment_that_overtook_does_not_shorten_the_path),
        cmocka_unit_test(after_idleness_it_paces_at_the_known_bandwidth),
        cmocka_unit_test(a_path_smaller_than_a_segment_gets_four_segments),
        cmocka_unit_test(aggregated_acks_do_not_starve_it),
        cmocka_unit_test(an_undone_recovery_returns_to_startup),
        cmocka_unit_test(an_undone_recovery_returns_to_probing),
        cmocka_unit_test(after_a_timeout_it_starts_with_one_segment_and_comes_back),
        cmocka_unit_test(a_mark_in_the_probe_upward_ends_it),
        cmocka_unit_test(two_connections_do_not_probe_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
