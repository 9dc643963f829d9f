/* DCTCP, RFC 8257. Its estimate is seen by what a mark does to the window. */
#include "cc_facts.h"

#include <math.h>

/* A congestion avoidance flow of 100 segments. */
static struct flow avoiding(void)
{
    struct flow flow = flow_of("dctcp", duration_ms(1));

    flow.cc.cwnd = flow.cc.ssthresh = 100 * SMSS;
    return flow;
}

/* One window in which `marked` of 100 segments met a mark. */
static void window_of(struct flow *flow, unsigned marked)
{
    flow->cc.cwnd = 100 * SMSS; /* only the share matters here */
    for (unsigned i = 0; i < 100; i++) {
        struct cc_ack facts = flow_facts(flow, SMSS);
        facts.nxt = facts.una + 100 * SMSS;
        facts.ce_marked = i < marked ? SMSS : 0;
        flow_tell(flow, &facts);
    }
}

/* Alpha, as 1 - alpha / 2 shows in the threshold. */
static double alpha_of(struct flow flow)
{
    struct cc_loss mark = flow_loss_facts(&flow, 100 * SMSS);

    flow.cc.cwnd = 1000000;
    mark.cause = CC_CAUSE_ECN;
    flow.cc.ops->on_loss(&flow.cc, &mark);
    return 2 * (1 - (double)flow.cc.ssthresh / 1e6);
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 0.0005)
        fail_msg("%.6f is not near %.6f", value, expected);
}

/* R8257-02 */
static void alpha_begins_at_one_and_halves(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    assert_near(alpha_of(flow), 1);
    flow_recovers(&flow, CC_CAUSE_ECN, 100 * SMSS);
    assert_int_equal(flow.cc.cwnd, 50 * SMSS);
}

/* R8257-02 */
static void alpha_follows_the_share_of_marked_bytes_with_a_gain_of_a_sixteenth(void **state)
{
    static const unsigned marks[] = {0, 100, 30, 30, 0, 0, 50, 7, 100, 1, 0, 0, 0};
    struct flow flow = avoiding();
    double expected = 1;

    (void)state;
    flow_acked(&flow, 0); /* the first window ends at once: nothing was counted in it */
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        window_of(&flow, marks[i]);
        expected = expected * 15 / 16 + (double)marks[i] / 100 / 16;
        assert_near(alpha_of(flow), expected);
    }
}

/* R8257-02 */
static void a_steady_share_is_what_alpha_comes_to(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        window_of(&flow, 12);
    assert_near(alpha_of(flow), 0.12);
    for (unsigned i = 0; i < 400; i++)
        window_of(&flow, 0);
    assert_near(alpha_of(flow), 0);
}

/* R8257-02: classic echoes, where an ACK is all or nothing. */
static void an_echo_counts_for_all_that_its_ack_covers(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    for (unsigned i = 0; i < 300 * 50; i++) {
        struct cc_ack facts = flow_facts(&flow, 2 * SMSS);
        facts.nxt = facts.una + 100 * SMSS;
        facts.ece = i % 5 == 0;
        facts.cwnd_limited = false;
        flow_tell(&flow, &facts);
    }
    assert_near(alpha_of(flow), 0.2);
}

/* R8257-03 */
static void a_loss_halves_and_leaves_alpha_alone(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        window_of(&flow, 20);
    flow_recovers(&flow, CC_CAUSE_LOSS, 100 * SMSS);
    assert_int_equal(flow.cc.ssthresh, 50 * SMSS);
    assert_near(alpha_of(flow), 0.2);
    flow_times_out(&flow, 40 * SMSS);
    assert_int_equal(flow.cc.ssthresh, 20 * SMSS);
    assert_int_equal(flow.cc.cwnd, SMSS);
    assert_near(alpha_of(flow), 0.2);
}

/* R8257-02 */
static void a_small_share_costs_little(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        window_of(&flow, 10);
    flow.cc.cwnd = 100 * SMSS;
    flow_recovers(&flow, CC_CAUSE_ECN, 100 * SMSS);
    assert_in_range(flow.cc.cwnd, 94 * SMSS, 96 * SMSS);
}

static void a_peer_that_claims_more_marks_than_bytes_gets_an_alpha_of_one(void **state)
{
    struct flow flow = avoiding();

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        struct cc_ack facts = flow_facts(&flow, 2 * SMSS);
        facts.ce_marked = UINT64_MAX;
        flow_tell(&flow, &facts);
    }
    assert_near(alpha_of(flow), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_begins_at_one_and_halves),
        cmocka_unit_test(alpha_follows_the_share_of_marked_bytes_with_a_gain_of_a_sixteenth),
        cmocka_unit_test(a_steady_share_is_what_alpha_comes_to),
        cmocka_unit_test(an_echo_counts_for_all_that_its_ack_covers),
        cmocka_unit_test(a_loss_halves_and_leaves_alpha_alone),
        cmocka_unit_test(a_small_share_costs_little),
        cmocka_unit_test(a_peer_that_claims_more_marks_than_bytes_gets_an_alpha_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
