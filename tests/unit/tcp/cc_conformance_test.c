/* What every congestion control algorithm must do, whatever it is: each test runs over all names of
 * cc.def. */
#include "cc_facts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define FOR_EACH_ALGORITHM(name) for (unsigned i_ = 0; (name = cc_name(i_)) != NULL; i_++)

/* A model-based algorithm sizes its window by what the path carries, not by counting ACKs. */
static bool counts_acks(const struct cc *cc)
{
    return !cc->ops->owns_recovery_window;
}

static void window_is_within_bounds(const struct cc *cc)
{
    assert_true(cc->cwnd >= cc->smss);
    assert_true(cc->cwnd <= CC_CWND_MAX);
    assert_true(cc->ssthresh >= 2 * (uint64_t)cc->smss);
}

static void every_hook_is_there(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        const struct cc_ops *ops = cc_find(name);
        assert_non_null(ops->init);
        assert_non_null(ops->on_ack);
        assert_non_null(ops->on_loss);
        assert_non_null(ops->on_recovered);
        assert_non_null(ops->on_timeout);
        assert_non_null(ops->on_undo);
        assert_non_null(ops->on_idle);
    }
}

/* R5681-02, R6928-01 */
static void it_starts_with_the_initial_window_and_no_threshold(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        assert_int_equal(flow.cc.cwnd, 10 * SMSS);
        assert_true(flow.cc.ssthresh == CC_SSTHRESH_INFINITE);
    }
}

/* R5681-01: N bytes acknowledged give N bytes at most, and the window does grow. */
static void slow_start_grows_by_what_was_acknowledged_at_most(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        for (unsigned i = 0; i < 20; i++) {
            uint64_t before = flow.cc.cwnd;
            flow_acked(&flow, 2 * SMSS);
            assert_true(flow.cc.cwnd <= before + 2 * SMSS);
        }
        assert_true(flow.cc.cwnd >= 20 * SMSS);
    }
}

/* R5681-01: Savage's ACK division. */
static void dividing_acks_gains_nothing(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow whole = flow_of(name, duration_ms(50)), divided = whole;
        flow_acked(&whole, 10 * SMSS);
        for (unsigned i = 0; i < 10 * SMSS / 20; i++)
            flow_acked(&divided, 20);
        assert_true(divided.cc.cwnd <= 20 * SMSS);
        if (counts_acks(&whole.cc)) {
            flow_recovers(&whole, CC_CAUSE_LOSS, 20 * SMSS);
            divided = whole;
            for (unsigned i = 0; i < 20; i++)
                flow_acked(&whole, SMSS);
            for (unsigned i = 0; i < 20 * SMSS / 20; i++)
                flow_acked(&divided, 20);
            assert_true(divided.cc.cwnd <= whole.cc.cwnd + SMSS);
        }
    }
}

static void duplicate_acks_grow_nothing(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        flow_round(&flow);
        uint64_t before = flow.cc.cwnd;
        for (unsigned i = 0; i < 1000; i++)
            flow_acked(&flow, 0);
        assert_true(flow.cc.cwnd <= before);
    }
}

/* R9438-06, R7661-01 */
static void an_unused_window_does_not_grow(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        if (!counts_acks(&flow.cc))
            continue; /* its bound is the path's, which an application-limited sample does not raise
                       */
        flow_recovers(&flow, CC_CAUSE_LOSS, 30 * SMSS);
        uint64_t before = flow.cc.cwnd;
        for (unsigned i = 0; i < 1000; i++) {
            flow.now = instant_add(flow.now, flow.rtt);
            struct cc_ack facts = flow_facts(&flow, SMSS);
            facts.cwnd_limited = false;
            flow_tell(&flow, &facts);
        }
        assert_int_equal(flow.cc.cwnd, before);
    }
}

/* What recovery.c's PRR rules is not an algorithm's to raise. */
static void recovery_belongs_to_recovery(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        if (!counts_acks(&flow.cc))
            continue; /* says itself that the window is its own */
        struct cc_loss loss = flow_loss_facts(&flow, 10 * SMSS);
        flow.cc.ops->on_loss(&flow.cc, &loss);
        uint64_t before = flow.cc.cwnd;
        for (unsigned i = 0; i < 100; i++) {
            struct cc_ack facts = flow_facts(&flow, SMSS);
            facts.in_recovery = true;
            flow_tell(&flow, &facts);
        }
        assert_int_equal(flow.cc.cwnd, before);
    }
}

/* R5681-03 */
static void a_loss_leaves_a_threshold_of_two_segments_at_least(void **state)
{
    static const uint64_t flights[] = {0, 1, SMSS, 3 * SMSS, 100 * SMSS, UINT64_MAX};
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        for (size_t i = 0; i < sizeof flights / sizeof flights[0]; i++) {
            struct flow flow = flow_of(name, duration_ms(50));
            struct cc_loss loss = flow_loss_facts(&flow, flights[i]);
            flow.cc.ops->on_loss(&flow.cc, &loss);
            window_is_within_bounds(&flow.cc);
            loss.cause = CC_CAUSE_ECN;
            flow.cc.ops->on_loss(&flow.cc, &loss);
            window_is_within_bounds(&flow.cc);
        }
    }
}

/* R5681-03, R5681-04, R8257-03 */
static void a_timeout_leaves_one_segment(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        flow_round(&flow);
        flow_times_out(&flow, 20 * SMSS);
        assert_int_equal(flow.cc.cwnd, SMSS);
        window_is_within_bounds(&flow.cc);
        if (counts_acks(&flow.cc))
            assert_true(flow.cc.ssthresh < 20 * SMSS);
        flow_acked(&flow, SMSS);
        assert_true(flow.cc.cwnd > SMSS); /* and it recovers from there */
    }
}

/* R9438-09 */
static void an_undo_restores_the_window(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        flow_round(&flow);
        flow_round(&flow);
        uint64_t cwnd = flow.cc.cwnd, ssthresh = flow.cc.ssthresh;
        struct cc_loss loss = flow_loss_facts(&flow, cwnd);
        flow.cc.ops->on_loss(&flow.cc, &loss);
        flow.cc.cwnd = cwnd / 2;
        flow.cc.ops->on_undo(&flow.cc, flow.now);
        assert_int_equal(flow.cc.cwnd, cwnd);
        assert_true(flow.cc.ssthresh == ssthresh);
        flow_times_out(&flow, cwnd);
        assert_int_equal(flow.cc.cwnd, SMSS);
        flow.cc.ops->on_undo(&flow.cc, flow.now);
        assert_int_equal(flow.cc.cwnd, cwnd);
        assert_true(flow.cc.ssthresh == ssthresh);
    }
}

/* R5681-10: a model-based algorithm paces what it sends after an idle time instead. */
static void after_an_idle_rto_no_burst_exceeds_the_initial_window(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        for (unsigned i = 0; i < 5; i++)
            flow_round(&flow);
        flow.now = instant_add(flow.now, duration_s(5));
        flow.cc.ops->on_idle(&flow.cc, duration_s(5), duration_ms(250), flow.now);
        assert_true(flow.cc.cwnd == 10 * SMSS || (flow.cc.ops->paced && flow.cc.pacing_rate > 0));
    }
}

static void round_trip_times_of_nothing_and_of_eternity_are_survived(void **state)
{
    static const int64_t times_ns[] = {0,        1, 1000, INT64_C(3600) * 1000000000, INT64_MAX - 1,
                                       INT64_MAX};
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        for (size_t i = 0; i < sizeof times_ns / sizeof times_ns[0]; i++) {
            struct flow flow = flow_of(name, duration_ns(times_ns[i]));
            for (unsigned acks = 0; acks < 200; acks++) {
                flow.now = instant_add(flow.now, duration_us(100));
                flow_acked(&flow, SMSS);
                window_is_within_bounds(&flow.cc);
                if (acks % 50 == 20)
                    flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
            }
        }
    }
}

/* R5681-19 */
static void a_new_segment_size_is_followed(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct flow flow = flow_of(name, duration_ms(50));
        flow_round(&flow);
        cc_set_smss(&flow.cc, 536);
        flow_round(&flow);
        flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
        flow_round(&flow);
        window_is_within_bounds(&flow.cc);
        flow_times_out(&flow, 20 * 536);
        assert_int_equal(flow.cc.cwnd, 536);
    }
}

static void any_algorithm_follows_any_other(void **state)
{
    const char *first;

    (void)state;
    FOR_EACH_ALGORITHM(first)
    {
        for (unsigned i = 0; cc_name(i); i++) {
            struct flow flow = flow_of(first, duration_ms(50));
            flow_round(&flow);
            flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
            flow_round(&flow);
            cc_switch(&flow.cc, cc_find(cc_name(i)), flow.now);
            flow_round(&flow);
            flow_recovers(&flow, CC_CAUSE_LOSS, flow.cc.cwnd);
            flow_round(&flow);
            window_is_within_bounds(&flow.cc);
        }
    }
}

/* --- random facts
 * ------------------------------------------------------------------------------------- */

enum { RANDOM_STEPS = 100000 };

/* Mostly small, sometimes huge, sometimes nothing. */
static uint64_t some_bytes(struct random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return random_u64(random) >> random_below(random, 64);
    default:
        return random_below(random, 64 * SMSS);
    }
}

static struct duration some_time(struct random *random)
{
    if (random_one_in(random, 8))
        return duration_ns((int64_t)(random_u64(random) >> (1 + random_below(random, 63))));
    return duration_us((int64_t)random_below(random, 1000000));
}

static struct cc_ack some_ack(struct flow *flow, struct random *random)
{
    uint64_t bytes = some_bytes(random) % (UINT64_C(1) << 40);
    struct cc_ack facts = flow_facts(flow, bytes);

    facts.delivered = random_one_in(random, 3) ? some_bytes(random) : bytes;
    facts.delivered_total = flow->delivered + facts.delivered;
    facts.lost_total = some_bytes(random);
    facts.newly_lost = some_bytes(random);
    facts.flight_before = some_bytes(random);
    facts.pipe = some_bytes(random);
    facts.ce_marked = some_bytes(random);
    facts.rtt = random_one_in(random, 4) ? duration_ns(-1) : some_time(random);
    facts.rtt_in_order = random_one_in(random, 4) ? duration_ns(-1) : facts.rtt;
    facts.srtt = random_one_in(random, 20) ? DURATION_ZERO : some_time(random);
    facts.min_rtt = random_one_in(random, 20) ? DURATION_ZERO : some_time(random);
    facts.rate.delivered = some_bytes(random);
    facts.rate.prior_delivered = random_below(random, flow->delivered + 1);
    facts.rate.interval = some_time(random);
    facts.rate.rate = some_bytes(random);
    facts.rate.tx_in_flight = some_bytes(random);
    facts.rate.lost = some_bytes(random);
    facts.rate.app_limited = random_one_in(random, 4);
    facts.cwnd_limited = !random_one_in(random, 4);
    facts.in_recovery = random_one_in(random, 4);
    facts.ece = random_one_in(random, 10);
    return facts;
}

static void acknowledge_at_random(struct flow *flow, struct random *random)
{
    uint64_t before = flow->cc.cwnd;
    struct cc_ack facts = some_ack(flow, random);

    flow_tell(flow, &facts);
    if (counts_acks(&flow->cc) && cc_countable(&facts) == 0)
        assert_true(flow->cc.cwnd <= before);
}

static void happen_at_random(struct flow *flow, struct random *random)
{
    struct cc_loss loss = flow_loss_facts(flow, some_bytes(random));

    loss.cause = random_one_in(random, 3) ? CC_CAUSE_ECN : CC_CAUSE_LOSS;
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        flow->cc.ops->on_loss(&flow->cc, &loss);
        break;
    case 2:
        flow->cc.ops->on_timeout(&flow->cc, &loss);
        assert_int_equal(flow->cc.cwnd, flow->cc.smss);
        break;
    case 3:
        flow->cc.ops->on_undo(&flow->cc, flow->now);
        break;
    case 4:
        flow->cc.ops->on_idle(&flow->cc, some_time(random), some_time(random), flow->now);
        break;
    case 5:
        cc_set_smss(&flow->cc, 48 + (uint32_t)random_below(random, 9000));
        break;
    default:
        flow->cc.ops->on_recovered(&flow->cc, flow->now);
        break;
    }
}

static uint64_t seed_of_this_run(void)
{
    const char *text = getenv("SEED");
    return text ? strtoull(text, NULL, 0) : 20240917;
}

/* The seed and the algorithm are printed first, so that they stand above whatever aborts. */
static void random_facts_do_no_harm(void **state)
{
    const char *name;

    (void)state;
    FOR_EACH_ALGORITHM(name)
    {
        struct random random;
        struct flow flow = flow_of(name, duration_ms(50));
        print_message("%s: SEED=%" PRIu64 "\n", name, seed_of_this_run());
        random_seed(&random, seed_of_this_run());
        for (unsigned step = 0; step < RANDOM_STEPS; step++) {
            flow.now = instant_add(flow.now, duration_ns((int64_t)random_below(&random, 20000000)));
            if (random_one_in(&random, 20))
                happen_at_random(&flow, &random);
            else
                acknowledge_at_random(&flow, &random);
            window_is_within_bounds(&flow.cc);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hook_is_there),
        cmocka_unit_test(it_starts_with_the_initial_window_and_no_threshold),
        cmocka_unit_test(slow_start_grows_by_what_was_acknowledged_at_most),
        cmocka_unit_test(dividing_acks_gains_nothing),
        cmocka_unit_test(duplicate_acks_grow_nothing),
        cmocka_unit_test(an_unused_window_does_not_grow),
        cmocka_unit_test(recovery_belongs_to_recovery),
        cmocka_unit_test(a_loss_leaves_a_threshold_of_two_segments_at_least),
        cmocka_unit_test(a_timeout_leaves_one_segment),
        cmocka_unit_test(an_undo_restores_the_window),
        cmocka_unit_test(after_an_idle_rto_no_burst_exceeds_the_initial_window),
        cmocka_unit_test(round_trip_times_of_nothing_and_of_eternity_are_survived),
        cmocka_unit_test(a_new_segment_size_is_followed),
        cmocka_unit_test(any_algorithm_follows_any_other),
        cmocka_unit_test(random_facts_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
