/* The algorithm that docs/congestion-control.md shows, between the markers, word for word: so that
 * it compiles and works as long as it is shown. */
#include "cc_facts.h"

/* example begins */
/* Gentle: doubles each round trip up to the first loss, then adds a segment each round trip, and
 * gives up a quarter when something is lost. */
#include "tcp/cc.h"

struct gentle {
    uint64_t counted; /* bytes acknowledged towards the next segment */
};

static void gentle_init(struct cc *cc, struct instant now)
{
    (void)now;
    CC_PRIVATE(cc, struct gentle)->counted = 0;
}

static void gentle_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    uint64_t acked = cc_countable(ack);
    if (cc_in_slow_start(cc))
        acked = cc_slow_start(cc, acked);
    if (acked)
        cc_congestion_avoidance(cc, &CC_PRIVATE(cc, struct gentle)->counted, acked);
}

static void gentle_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    cc_reduce(cc, loss->flight / 4 * 3, loss->cause);
}

static void gentle_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    cc_collapse(cc, loss->flight / 2);
}

const struct cc_ops cc_gentle = {
    .name = "gentle",
    .init = gentle_init,
    .on_ack = gentle_on_ack,
    .on_loss = gentle_on_loss,
    .on_recovered = gentle_init, /* recovery is over: count anew */
    .on_timeout = gentle_on_timeout,
    .on_undo = cc_restore,
    .on_idle = cc_restart,
};
/* example ends */

static struct flow gentle_flow(void)
{
    struct flow flow = flow_of("reno", duration_ms(100));

    cc_start(&flow.cc, &cc_gentle, SMSS, 10, flow.now);
    return flow;
}

static void the_example_doubles_then_adds_a_segment_a_round_trip(void **state)
{
    struct flow flow = gentle_flow();

    (void)state;
    flow_round(&flow);
    flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 40 * SMSS);
    flow_recovers(&flow, CC_CAUSE_LOSS, 40 * SMSS);
    for (unsigned i = 0; i < 10; i++)
        flow_round(&flow);
    assert_int_equal(flow.cc.cwnd, 40 * SMSS);
}

static void the_example_gives_up_a_quarter_and_takes_it_back_when_wrong(void **state)
{
    struct flow flow = gentle_flow();

    (void)state;
    flow_round(&flow);
    struct cc_loss loss = flow_loss_facts(&flow, 20 * SMSS);
    flow.cc.ops->on_loss(&flow.cc, &loss);
    assert_int_equal(flow.cc.ssthresh, 15 * SMSS);
    flow.cc.cwnd = flow.cc.ssthresh;
    flow.cc.ops->on_undo(&flow.cc, flow.now);
    assert_int_equal(flow.cc.cwnd, 20 * SMSS);
    assert_true(flow.cc.ssthresh == CC_SSTHRESH_INFINITE);
}

static void the_example_starts_over_after_a_timeout_and_after_idleness(void **state)
{
    struct flow flow = gentle_flow();

    (void)state;
    flow_round(&flow);
    flow.cc.ops->on_idle(&flow.cc, duration_s(2), duration_ms(300), flow.now);
    assert_int_equal(flow.cc.cwnd, 10 * SMSS);
    flow_times_out(&flow, 20 * SMSS);
    assert_int_equal(flow.cc.cwnd, SMSS);
    assert_int_equal(flow.cc.ssthresh, 10 * SMSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_doubles_then_adds_a_segment_a_round_trip),
        cmocka_unit_test(the_example_gives_up_a_quarter_and_takes_it_back_when_wrong),
        cmocka_unit_test(the_example_starts_over_after_a_timeout_and_after_idleness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
