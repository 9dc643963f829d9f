/* ECN (RFC 3168): what the SYNs ask for, which packets say that they may be marked, how a mark goes
 * back to the sender, and what the sender makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

enum { ECE = TCP_ECE, CWR = TCP_CWR, ECT0 = 2, ECT1 = 1, CE = 3, BOTH_BITS = 3 };

static const struct steps_config plain = {0};

/* A connection that we opened, with ECN asked for; the answer has these bits. */
static void open_with(unsigned answer)
{
    steps_open(&plain);
    tunables()->tcp_ecn = 1;
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK | answer, .mss = 1000);
    forget_sent();
}

/* R3168-01, R3168-02: an ECN-setup SYN has ECE and CWR, and no SYN may be marked. */
static void an_active_open_asks_for_it(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_ecn = 1;
    reach(TCP_SYN_SENT);
    assert_int_equal(last_sent()->flags, SYN | ECE | CWR);
    assert_int_equal(last_sent()->tos & BOTH_BITS, 0);
}

/* R3168-07: what was lost may have been lost because of the bits. */
static void a_syn_that_goes_again_asks_no_more(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_ecn = 1;
    reach(TCP_SYN_SENT);
    passes_ms(1000);
    assert_int_equal(last_sent()->flags, SYN);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK | ECE, .mss = 1000);
    user_sends(1000);
    assert_int_equal(last_sent()->tos & BOTH_BITS, 0);
}

/* R3168-01: only ECE alone is a yes; both bits are a reflection. SHLD-8 */
static void only_an_ecn_setup_syn_ack_agrees(void **state)
{
    static const unsigned answers[] = {0, ECE, CWR, ECE | CWR};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        open_with(answers[i]);
        user_sends(1000);
        assert_int_equal(last_sent()->tos & BOTH_BITS, answers[i] == ECE ? ECT0 : 0);
        steps_close();
    }
}

/* R3168-01, SHLD-8: the passive side, with each setting. */
static void a_passive_open_agrees_unless_turned_off(void **state)
{
    (void)state;
    for (int ecn = 0; ecn < 3; ecn++) {
        steps_open(&plain);
        tunables()->tcp_ecn = ecn;
        arrives(.seq = 0, .flags = SYN | ECE | CWR, .mss = 1000);
        assert_int_equal(last_sent()->flags, SYN | ACK | (ecn ? ECE : 0u));
        assert_int_equal(last_sent()->tos & BOTH_BITS, 0);
        steps_close();
    }
}

/* R3168-02, R8311-01: new text only is ECT, and that is ECT(0): no ACK, no FIN alone, no
 * retransmission. */
static void only_new_text_may_be_marked(void **state)
{
    (void)state;
    open_with(ECE);
    user_sends(2500);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(next_sent()->tos & BOTH_BITS, ECT0);
    passes_ms(1500);
    assert_true(unseen() > 0);
    while (unseen() > 0)
        assert_int_equal(next_sent()->tos & BOTH_BITS, 0);
    arrives(.seq = 1, .ack = 2501, .flags = ACK, .len = 10);
    passes_ms(500);
    while (unseen() > 0)
        assert_int_equal(next_sent()->tos & BOTH_BITS, 0);
    user_closes();
    assert_int_equal(next_sent()->tos & BOTH_BITS, 0);
}

/* R3168-02: a probe of a closed window may not be marked. */
static void a_window_probe_is_not_marked(void **state)
{
    (void)state;
    open_with(ECE);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .zero_window = true);
    user_sends(1000);
    passes_ms(5000);
    assert_true(unseen() > 0);
    while (unseen() > 0)
        assert_int_equal(next_sent()->tos & BOTH_BITS, 0);
}

/* R3168-04: from the mark on every ACK has ECE, at once and later, until the peer says CWR. */
static void a_mark_is_echoed_until_the_peer_has_reduced(void **state)
{
    (void)state;
    open_with(ECE);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .tos = ECT0);
    passes_ms(500);
    assert_sent(.flags = ACK, .seq = 1, .ack = 101);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .tos = CE);
    assert_sent(.flags = ACK | ECE, .seq = 1, .ack = 201);
    arrives(.seq = 201, .ack = 1, .flags = ACK, .len = 100, .tos = ECT0);
    passes_ms(500);
    assert_sent(.flags = ACK | ECE, .seq = 1, .ack = 301);
    arrives(.seq = 301, .ack = 1, .flags = ACK | CWR, .len = 100, .tos = ECT0);
    passes_ms(500);
    assert_sent(.flags = ACK, .seq = 1, .ack = 401);
    /* A mark on the very segment that says CWR is a new one. */
    arrives(.seq = 401, .ack = 1, .flags = ACK | CWR, .len = 100, .tos = CE);
    assert_sent(.flags = ACK | ECE, .seq = 1, .ack = 501);
}

/* R8257-01: ECE says of the newest text whether it was marked, whatever CWR says; a change is told
 * at once, what does not change waits for its turn. */
static void dctcp_echoes_each_change_of_marks(void **state)
{
    (void)state;
    open_with(ECE);
    cc_switch(&steps->tcb->cc, cc_find("dctcp"), steps->now);
    tunables()->tcp_quick_acks = 0;
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .tos = ECT0);
    assert_nothing_sent();
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .tos = CE);
    assert_sent(.flags = ACK | ECE, .seq = 1, .ack = 201);
    arrives(.seq = 201, .ack = 1, .flags = ACK | CWR, .len = 100, .tos = CE);
    assert_nothing_sent();
    passes_ms(500);
    assert_sent(.flags = ACK | ECE, .seq = 1, .ack = 301);
    /* An ACK without text is never ECT, and tells nothing of marks. */
    arrives(.seq = 301, .ack = 1, .flags = ACK);
    arrives(.seq = 301, .ack = 1, .flags = ACK, .len = 100, .tos = ECT0);
    assert_sent(.flags = ACK, .seq = 1, .ack = 401);
}

/* R3168-03: a run of echoes in one window is one reduction; the next new text tells it by CWR,
 * once.
 */
static void echoes_reduce_once_a_window(void **state)
{
    uint64_t before, after;
    (void)state;
    open_with(ECE);
    user_sends(30000);
    before = steps->tcb->cc.cwnd;
    forget_sent();
    for (uint32_t i = 1; i <= 5; i++)
        arrives(.seq = 1, .ack = 1 + 1000 * i, .flags = ACK | ECE);
    after = steps->tcb->cc.ssthresh;
    assert_true(after < before && after >= before / 2);
    assert_true(unseen() > 0);
    assert_int_equal(next_sent()->flags & CWR, CWR);
    while (unseen() > 0)
        assert_int_equal(next_sent()->flags & CWR, 0);
    assert_int_equal(steps->tcb->cc.ssthresh, after);
}

/* R3168-01: without agreement neither bit means anything. */
static void without_agreement_the_bits_mean_nothing(void **state)
{
    uint64_t before;
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .tos = CE);
    assert_sent(.flags = ACK, .seq = 1, .ack = 101);
    user_sends(5000);
    before = steps->tcb->cc.cwnd;
    arrives(.seq = 101, .ack = 1001, .flags = ACK | ECE, .window = 10000);
    assert_true(steps->tcb->cc.cwnd >= before);
    assert_int_equal(last_sent()->flags & (ECE | CWR), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_active_open_asks_for_it),
        TEST(a_syn_that_goes_again_asks_no_more),
        TEST(only_an_ecn_setup_syn_ack_agrees),
        TEST(a_passive_open_agrees_unless_turned_off),
        TEST(only_new_text_may_be_marked),
        TEST(a_window_probe_is_not_marked),
        TEST(a_mark_is_echoed_until_the_peer_has_reduced),
        TEST(dctcp_echoes_each_change_of_marks),
        TEST(echoes_reduce_once_a_window),
        TEST(without_agreement_the_bits_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
