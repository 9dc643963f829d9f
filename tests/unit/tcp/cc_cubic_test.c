/* CUBIC, RFC 9438: single steps against the RFC's equations, and whole minutes against a model in
 * floating point that is written from the RFC's text and shares nothing with the code. */
#include "cc_facts.h"

#include <math.h>

/* --- the model
 * ------------------------------------------------------------------------------------- */

/* RFC 9438, 4.1.2, in segments and seconds. */
struct model {
    double cwnd, ssthresh, cwnd_prior, w_max, k, epoch, w_est;
    int in_epoch, flat; /* flat: K = 0 and W_max = cwnd for the next stage (4.8, 4.10) */
};

static const double beta = 0.7, c = 0.4;

static double model_w_cubic(const struct model *m, double t)
{
    return c * pow(t - m->k, 3) + m->w_max;
}

static void model_loss(struct model *m, double flight)
{
    m->w_max = m->cwnd < m->w_max ? m->cwnd * (1 + beta) / 2 : m->cwnd;
    m->cwnd_prior = m->cwnd;
    m->ssthresh = fmax(flight * beta, 2);
    m->in_epoch = 0;
}

static void model_ack(struct model *m, double now, double rtt, double segments)
{
    if (m->cwnd < m->ssthresh) {
        double step = fmin(segments, m->ssthresh - m->cwnd);
        m->cwnd += step;
        segments -= step;
        if (segments <= 0)
            return;
    }
    if (!m->in_epoch) {
        m->in_epoch = 1;
        m->epoch = now;
        m->w_est = m->cwnd;
        if (m->flat || m->w_max < m->cwnd)
            m->w_max = m->cwnd;
        m->k = cbrt((m->w_max - m->cwnd) / c);
        m->flat = 0;
    }
    double t = now - m->epoch;
    double alpha = m->w_est >= m->cwnd_prior ? 1 : 3 * (1 - beta) / (1 + beta);
    m->w_est += alpha * segments / m->cwnd;
    if (model_w_cubic(m, t) < m->w_est) {
        m->cwnd = fmax(m->cwnd, m->w_est);
        return;
    }
    double target = fmin(fmax(model_w_cubic(m, t + rtt), m->cwnd), 1.5 * m->cwnd);
    m->cwnd += (target - m->cwnd) / m->cwnd * segments;
}

/* --- both side by side
 * ------------------------------------------------------------------------------- */

struct pair {
    struct flow flow;
    struct model model;
    double worst; /* the largest difference so far, in segments */
};

static double seconds(const struct pair *pair)
{
    return (double)pair->flow.now.ns / 1e9;
}

static void compare(struct pair *pair)
{
    double difference = fabs((double)pair->flow.cc.cwnd / SMSS - pair->model.cwnd);

    pair->worst = fmax(pair->worst, difference);
    if (difference > 1)
        fail_msg("at %.6f s cwnd is %.3f segments, the model's %.3f", seconds(pair),
                 (double)pair->flow.cc.cwnd / SMSS, pair->model.cwnd);
}

/* Out of slow start at `segments`, by a loss in a window of as many. */
static struct pair pair_of(struct duration rtt, uint64_t segments)
{
    struct pair pair = {.flow = flow_of("cubic", rtt)};

    pair.flow.cc.cwnd = segments * SMSS;
    pair.model.cwnd = (double)segments;
    pair.model.ssthresh = INFINITY;
    return pair;
}

static void pair_recovers(struct pair *pair)
{
    uint64_t flight = pair->flow.cc.cwnd;

    model_loss(&pair->model, (double)flight / SMSS);
    pair->model.cwnd = pair->model.ssthresh;
    flow_recovers(&pair->flow, CC_CAUSE_LOSS, flight);
    compare(pair);
}

static void pair_times_out(struct pair *pair)
{
    uint64_t flight = pair->flow.cc.cwnd;

    model_loss(&pair->model, (double)flight / SMSS);
    pair->model.cwnd = 1;
    pair->model.flat = 1;
    flow_times_out(&pair->flow, flight);
}

/* ACKs for `segments` segments each, spread evenly, for so long. */
static void pair_runs(struct pair *pair, int64_t run_ms, unsigned segments)
{
    struct instant end = instant_add(pair->flow.now, duration_ms(run_ms));
    uint64_t rtt_ns = (uint64_t)pair->flow.rtt.ns;

    while (instant_before(pair->flow.now, end)) {
        uint64_t bytes = (uint64_t)segments * SMSS;
        if (bytes > pair->flow.cc.cwnd)
            bytes = SMSS;
        uint64_t gap = (uint64_t)((double)rtt_ns * (double)bytes / (double)pair->flow.cc.cwnd);
        pair->flow.now = instant_add(pair->flow.now, duration_ns((int64_t)gap));
        flow_acked(&pair->flow, bytes);
        model_ack(&pair->model, seconds(pair), (double)rtt_ns / 1e9, (double)bytes / SMSS);
        compare(pair);
    }
}

/* --- against the model
 * ---------------------------------------------------------------------------------- */

/* R9438-02, R9438-04 */
static void sixty_seconds_stay_within_a_segment_of_the_formula(void **state)
{
    static const struct {
        int64_t rtt_ms;
        uint64_t segments;
        unsigned per_ack;
    } cases[] = {{100, 100, 20}, {100, 1000, 50}, {20, 50, 64}, {200, 20000, 64}, {300, 30, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair = pair_of(duration_ms(cases[i].rtt_ms), cases[i].segments);
        pair_recovers(&pair);
        pair_runs(&pair, 60000, cases[i].per_ack);
        assert_true(pair.flow.cc.cwnd > cases[i].segments * SMSS); /* the convex part was reached */
    }
}

/* R9438-03 */
static void a_short_path_follows_the_reno_estimate_for_sixty_seconds(void **state)
{
    struct pair pair = pair_of(duration_ms(2), 40);

    (void)state;
    pair_recovers(&pair);
    pair_runs(&pair, 2000, 2);
    /* The curve alone would have come to less (K = 3.1 s). */
    assert_true(pair.model.cwnd > model_w_cubic(&pair.model, 2) + 10);
    pair_runs(&pair, 58000, 44);
}

/* R9438-02, R9438-07 */
static void repeated_losses_stay_within_a_segment_of_the_formula(void **state)
{
    static const int64_t pauses_ms[] = {7000, 300, 4000, 12000, 1000, 9000, 15000, 50, 5000, 8000};
    struct pair pair = pair_of(duration_ms(60), 400);

    (void)state;
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        pair_recovers(&pair);
        pair_runs(&pair, pauses_ms[i], 2);
    }
}

/* R9438-08 */
static void after_a_timeout_the_stage_is_flat_at_its_beginning(void **state)
{
    struct pair pair = pair_of(duration_ms(80), 200);

    (void)state;
    pair_times_out(&pair);
    assert_int_equal(pair.flow.cc.cwnd, SMSS);
    assert_int_equal(pair.flow.cc.ssthresh, 140 * SMSS);
    pair_runs(&pair, 20000, 2);
    assert_true(pair.model.k == 0 && pair.model.w_max < 150);
}

/* --- single steps
 * --------------------------------------------------------------------------------------------- */

/* R9438-01, R9438-05 */
static void a_loss_leaves_seven_tenths_of_the_flight(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 100 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 50 * SMSS);
    assert_int_equal(flow.cc.ssthresh, 35 * SMSS);
    assert_int_equal(flow.cc.cwnd, 35 * SMSS);
}

/* R9438-05: the form that RFC 9438, 4.6 allows beside it. */
static void a_loss_leaves_seven_tenths_of_the_window_when_told_so(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 100 * SMSS;
    flow.cc.reduces_cwnd = true;
    flow_recovers(&flow, CC_CAUSE_LOSS, 50 * SMSS);
    assert_int_equal(flow.cc.ssthresh, 70 * SMSS);
}

/* R9438-05, R3168-05 */
static void marks_that_go_on_take_the_window_to_one_segment(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        flow_recovers(&flow, CC_CAUSE_ECN, flow.cc.cwnd);
        assert_true(flow.cc.ssthresh >= 2 * SMSS);
    }
    assert_int_equal(flow.cc.cwnd, SMSS);
    flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
    assert_int_equal(flow.cc.ssthresh, 2 * SMSS);
}

/* R9438-07: the curve of a second loss below W_max bends at cwnd (1 + beta) / 2. */
static void fast_convergence_gives_way_below_the_former_maximum(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 1000 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 1000 * SMSS);
    flow.cc.cwnd = 900 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 900 * SMSS);
    assert_int_equal(flow.cc.cwnd, 630 * SMSS);
    /* W_max = 765; K = cbrt((765 - 630) / 0.4) = 6.96 s: the plateau. */
    while (flow.now.ns < 1000000000 + INT64_C(7160000000))
        flow_round(&flow);
    assert_in_range(flow.cc.cwnd, 764 * SMSS, 766 * SMSS);
}

/* R9438-06 */
static void an_idle_minute_is_not_part_of_t(void **state)
{
    struct flow busy = flow_of("cubic", duration_ms(100)), idle;

    (void)state;
    busy.cc.restart_after_idle = false;
    busy.cc.cwnd = 100 * SMSS;
    flow_recovers(&busy, CC_CAUSE_LOSS, 100 * SMSS);
    for (unsigned i = 0; i < 20; i++)
        flow_round(&busy);
    idle = busy;
    idle.now = instant_add(idle.now, duration_s(60));
    idle.cc.ops->on_idle(&idle.cc, duration_s(60), duration_ms(300), idle.now);
    for (unsigned i = 0; i < 50; i++) {
        flow_round(&busy);
        flow_round(&idle);
        assert_int_equal(idle.cc.cwnd, busy.cc.cwnd);
    }
}

/* R9438-06 */
static void time_in_which_the_application_was_the_limit_is_not_part_of_t(void **state)
{
    struct flow busy = flow_of("cubic", duration_ms(100)), slow;

    (void)state;
    busy.cc.cwnd = 100 * SMSS;
    flow_recovers(&busy, CC_CAUSE_LOSS, 100 * SMSS);
    for (unsigned i = 0; i < 20; i++)
        flow_round(&busy);
    slow = busy;
    for (unsigned i = 0; i < 600; i++) {
        slow.now = instant_add(slow.now, slow.rtt);
        struct cc_ack facts = flow_facts(&slow, SMSS);
        facts.cwnd_limited = false;
        flow_tell(&slow, &facts);
    }
    assert_int_equal(slow.cc.cwnd, busy.cc.cwnd);
    for (unsigned i = 0; i < 50; i++) {
        flow_round(&busy);
        flow_round(&slow);
        assert_int_equal(slow.cc.cwnd, busy.cc.cwnd);
    }
}

/* R9438-09 */
static void an_undone_reduction_leaves_no_trace(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100)), untouched;

    (void)state;
    flow.cc.cwnd = 300 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 300 * SMSS);
    for (unsigned i = 0; i < 20; i++)
        flow_round(&flow);
    untouched = flow;
    struct cc_loss loss = flow_loss_facts(&flow, flow.cc.cwnd);
    flow.cc.ops->on_loss(&flow.cc, &loss);
    flow.cc.cwnd = flow.cc.ssthresh;
    flow.cc.ops->on_undo(&flow.cc, flow.now);
    assert_int_equal(flow.cc.ssthresh, untouched.cc.ssthresh);
    for (unsigned i = 0; i < 50; i++) {
        flow_round(&flow);
        flow_round(&untouched);
        assert_int_equal(flow.cc.cwnd, untouched.cc.cwnd);
    }
}

/* R9438-10, R9406-03 */
static void slow_start_ends_when_the_round_trip_grows(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(50));

    (void)state;
    flow_round(&flow);
    flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 40 * SMSS);
    flow.rtt = duration_ms(70);
    flow_round(&flow); /* RFC 9406's round, by SND.NXT, has seen 50 ms too */
    assert_int_equal(flow.cc.cwnd, 80 * SMSS);
    flow_round(&flow); /* CSS from its second ACK on: a quarter of the growth */
    assert_in_range(flow.cc.cwnd, 100 * SMSS, 104 * SMSS);
    assert_true(flow.cc.ssthresh == CC_SSTHRESH_INFINITE);
    for (unsigned i = 0; i < 5; i++)
        flow_round(&flow);
    assert_true(flow.cc.ssthresh < CC_SSTHRESH_INFINITE);
    assert_false(cc_in_slow_start(&flow.cc));
}

/* R9406-04 */
static void a_stretch_ack_counts_for_eight_segments_unless_paced(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(50));

    (void)state;
    flow.cc.cwnd = 40 * SMSS;
    flow_acked(&flow, 30 * SMSS);
    assert_int_equal(flow.cc.cwnd, 48 * SMSS);
    flow.cc.pacing_rate = 1000000;
    flow_acked(&flow, 30 * SMSS);
    assert_int_equal(flow.cc.cwnd, 78 * SMSS);
}

/* R9438-10 */
static void hystart_is_for_the_first_slow_start_only(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(50));

    (void)state;
    flow.cc.cwnd = 400 * SMSS;
    flow_times_out(&flow, 400 * SMSS);
    for (unsigned i = 0; i < 7; i++) {
        flow_round(&flow);
        flow.rtt = duration_times(flow.rtt, 2);
    }
    assert_int_equal(flow.cc.cwnd, 128 * SMSS);
}

/* R5681-19 */
static void a_new_segment_size_rescales_the_curve(void **state)
{
    struct flow flow = flow_of("cubic", duration_ms(100));

    (void)state;
    flow.cc.cwnd = 100 * SMSS;
    flow_recovers(&flow, CC_CAUSE_LOSS, 100 * SMSS);
    flow_round(&flow);
    cc_set_smss(&flow.cc, SMSS / 2);
    for (unsigned i = 0; i < 80; i++) /* beyond K = cbrt(30 / 0.4) = 4.2 s */
        flow_round(&flow);
    assert_in_range(flow.cc.cwnd, 100 * (SMSS / 2), 150 * (SMSS / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_seconds_stay_within_a_segment_of_the_formula),
        cmocka_unit_test(a_short_path_follows_the_reno_estimate_for_sixty_seconds),
        cmocka_unit_test(repeated_losses_stay_within_a_segment_of_the_formula),
        cmocka_unit_test(after_a_timeout_the_stage_is_flat_at_its_beginning),
        cmocka_unit_test(a_loss_leaves_seven_tenths_of_the_flight),
        cmocka_unit_test(a_loss_leaves_seven_tenths_of_the_window_when_told_so),
        cmocka_unit_test(marks_that_go_on_take_the_window_to_one_segment),
        cmocka_unit_test(fast_convergence_gives_way_below_the_former_maximum),
        cmocka_unit_test(an_idle_minute_is_not_part_of_t),
        cmocka_unit_test(time_in_which_the_application_was_the_limit_is_not_part_of_t),
        cmocka_unit_test(an_undone_reduction_leaves_no_trace),
        cmocka_unit_test(slow_start_ends_when_the_round_trip_grows),
        cmocka_unit_test(a_stretch_ack_counts_for_eight_segments_unless_paced),
        cmocka_unit_test(hystart_is_for_the_first_slow_start_only),
        cmocka_unit_test(a_new_segment_size_rescales_the_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
