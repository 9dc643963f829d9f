/* Accurate ECN (RFC 9768) on a connection: the whole handshake table, what the counter does over
 * many marks, the tests for mangling, and what goes out beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"
#include "tcp/tcb.h"

enum { ECE = TCP_ECE, CWR = TCP_CWR, AE = TCP_AE, ALL = AE | CWR | ECE, BOTH_BITS = 3 };

static const struct steps_config plain = {0};

static unsigned ace(unsigned value)
{
    return accecn_flags_of(value);
}

static void listens(void)
{
    steps_open(&plain);
    tunables()->tcp_ecn = 3;
}

/* A client of ours, whose SYN-ACK has these bits and this IP-ECN field. */
static void opens_with(unsigned answer, uint8_t field)
{
    steps_open(&plain);
    tunables()->tcp_ecn = 3;
    reach(TCP_SYN_SENT);
    assert_int_equal(last_sent()->flags, SYN | ALL);
    assert_int_equal(last_sent()->tos & BOTH_BITS, 0);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK | answer, .mss = 1000, .tos = field);
}

/* The SYN that asks for accurate ECN. */
static void syn_arrives(void)
{
    arrives(.seq = 0, .flags = SYN | ALL, .mss = 1000);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_non_null(steps->tcb);
}

/* The last ACK of the handshake has this code. */
static void is_acknowledged_with(unsigned code)
{
    arrives(.seq = 1, .ack = 1, .flags = ACK | ace(code));
    assert_ptr_equal(tcp_accept(steps->listener, steps), steps->tcb);
    forget_sent();
}

static void accepts_with(unsigned code)
{
    listens();
    syn_arrives();
    is_acknowledged_with(code);
}

/* R9768-01, R9768-02: every SYN with every field. */
static void each_syn_gets_its_answer(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        for (uint8_t field = 0; field < 4; field++) {
            unsigned expected = bits == 0 ? 0 : (bits == 3 ? 1 : accecn_handshake_code(field));
            listens();
            arrives(.seq = 0, .flags = SYN | ace(bits), .mss = 1000, .tos = field);
            assert_int_equal(last_sent()->flags, SYN | ACK | ace(expected));
            assert_int_equal(last_sent()->tos & BOTH_BITS, 0);
            steps_close();
        }
    }
}

/* R9768-02, R9768-04: all eight SYN-ACKs with every field. */
static void each_answer_decides_on_the_mode(void **state)
{
    static const enum tcp_ecn_mode modes[8] = {
        ECN_OFF,      ECN_CLASSIC,  ECN_ACCURATE, ECN_ACCURATE,
        ECN_ACCURATE, ECN_ACCURATE, ECN_ACCURATE, ECN_OFF,
    };
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        for (uint8_t field = 0; field < 4; field++) {
            bool accurate = modes[bits] == ECN_ACCURATE;
            /* Codes 2 and 5 say that the SYN arrived as it left. */
            bool ect = modes[bits] == ECN_CLASSIC || bits == 2 || bits == 5;
            opens_with(ace(bits), field);
            assert_int_equal(steps->tcb->ecn.mode, modes[bits]);
            assert_int_equal(last_sent()->flags,
                             ACK | (accurate ? ace(accecn_handshake_code(field)) : 0));
            assert_int_equal(event_count(ecn_agreed), modes[bits] != ECN_OFF);
            user_sends(100);
            assert_int_equal(last_sent()->tos & BOTH_BITS, ect ? ECN_ECT0 : 0);
            assert_int_equal(last_sent()->flags & ALL, accurate ? ace(field == ECN_CE ? 6 : 5) : 0);
            steps_close();
        }
    }
}

/* R9768-04, Receiver lies about ECN: every code of the last ACK of the handshake. */
static void each_first_ack_is_judged(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        bool ect = code == 1 || code == 2 || code == 5 || code == 7;
        accepts_with(code);
        assert_int_equal(steps->tcb->ecn.out.cep, code == 6 ? 6 : 5);
        assert_int_equal(steps->tcb->ecn.deaf, code == 0);
        assert_int_equal(event_count(ecn_mangled), !ect);
        /* CE on the SYN-ACK is congestion: one segment at first (3.2.2.2). */
        assert_int_equal(steps->tcb->cc.cwnd, (code == 6 ? 1 : 10) * steps->tcb->cc.smss);
        user_sends(100);
        assert_int_equal(last_sent()->tos & BOTH_BITS, ect ? ECN_ECT0 : 0);
        /* Feedback goes on whatever the path does (3.1.5). */
        arrives(.seq = 1, .ack = 1, .flags = ACK | ace(5), .len = 10, .tos = ECN_CE);
        assert_int_equal(last_sent()->flags & ALL, ace(6));
        steps_close();
    }
}

/* R9768-03: a first ACK that is lost leaves the first text to carry the counter. */
static void text_may_come_first(void **state)
{
    (void)state;
    listens();
    syn_arrives();
    arrives(.seq = 1, .ack = 1, .flags = ACK | ace(6), .len = 10);
    assert_int_equal(steps->tcb->ecn.out.cep, 6);
    assert_true(steps->tcb->ecn.marked_in_handshake);
    assert_false(steps->tcb->ecn.not_ect);
}

/* R9768-03, R9768-05: after n marks the field says 5 + n; none waits longer than a second one. */
static void the_counter_follows_every_mark(void **state)
{
    (void)state;
    accepts_with(2);
    for (uint32_t n = 1; n <= 30; n++) {
        arrives(.seq = 1 + 10 * (n - 1), .ack = 1, .flags = ACK | ace(5), .len = 10, .tos = ECN_CE);
        if (n % 2 == 0)
            assert_int_equal(last_sent()->flags, ACK | ace(5 + n));
        assert_true(5 + n - steps->tcb->ecn.in.told_cep < 2);
    }
    assert_int_equal(event_count(ecn_marked), 30);
    assert_int_equal(steps->tcb->ecn.in.bytes[ECN_CE], 300);
}

/* R9768-03: what lies outside the window counts for nothing. */
static void an_unacceptable_segment_is_not_counted(void **state)
{
    (void)state;
    accepts_with(2);
    arrives(.seq = 900000, .ack = 1, .flags = ACK | ace(5), .len = 10, .tos = ECN_CE);
    arrives(.seq = 1, .ack = 5000, .flags = ACK | ace(5), .len = 10, .tos = ECN_CE);
    assert_int_equal(steps->tcb->ecn.in.cep, 5);
}

/* R9768-03, R3168-03: marks shrink the window once a round trip, by the counter's steps; CWR is not
 * sent. */
static void marks_shrink_the_window_once_a_round(void **state)
{
    uint64_t threshold;
    (void)state;
    accepts_with(2);
    user_sends(30000);
    forget_sent();
    arrives(.seq = 1, .ack = 1001, .flags = ACK | ace(6));
    threshold = steps->tcb->cc.ssthresh;
    assert_true(threshold < 10000);
    assert_int_equal(event_count(ecn_reduced), 1);
    for (uint32_t i = 2; i <= 9; i++)
        arrives(.seq = 1, .ack = 1 + 1000 * i, .flags = ACK | ace(5 + i));
    assert_int_equal(steps->tcb->cc.ssthresh, threshold);
    assert_int_equal(steps->tcb->ecn.delivered_ce, 9);
    assert_int_equal(event_count(ecn_feedback), 9);
    while (unseen() > 0)
        assert_int_equal(next_sent()->flags & ALL, ace(5));
    arrives(.seq = 1, .ack = 11001, .flags = ACK | ace(7));
    assert_int_equal(event_count(ecn_reduced), 2);
}

/* R8257-02: the share of marked bytes is what DCTCP makes of the counter. */
static void dctcp_sees_the_share_of_marked_bytes(void **state)
{
    (void)state;
    listens();
    syn_arrives();
    is_acknowledged_with(2);
    settings()->cc = &cc_dctcp;
    settings_changed();
    user_sends(200000);
    uint32_t acked = 1;
    for (uint32_t n = 0; n < 120; n++) {
        acked += 1000;
        arrives(.seq = 1, .ack = acked, .flags = ACK | ace(5 + n / 10), .window = 60000);
    }
    /* One packet in ten: the window is cut by a share of about that, not by half. */
    assert_int_equal(steps->tcb->ecn.delivered_ce, 11);
    assert_true(event_count(ecn_reduced) > 2);
    assert_true(steps->tcb->cc.ssthresh > 2000);
}

/* R9768-04: feedback that overtakes or comes late moves nothing back. */
static void an_older_ack_is_not_decoded(void **state)
{
    (void)state;
    accepts_with(2);
    user_sends(10000);
    arrives(.seq = 1, .ack = 3001, .flags = ACK | ace(6));
    arrives(.seq = 1, .ack = 2001, .flags = ACK | ace(5));
    assert_int_equal(steps->tcb->ecn.out.cep, 6);
    assert_int_equal(steps->tcb->ecn.delivered_ce, 1);
}

/* R9768-04, Receiver lies about ECN: a path that marks everything for four rounds is left alone. */
static void marks_on_everything_are_not_believed(void **state)
{
    unsigned cep = 5;
    uint32_t acked = 1;
    (void)state;
    accepts_with(2);
    user_sends(100000);
    for (unsigned i = 0; i < 40 && !steps->tcb->ecn.not_ect; i++) {
        acked += 988;
        arrives(.seq = 1, .ack = acked, .flags = ACK | ace(++cep), .window = 60000);
    }
    assert_true(steps->tcb->ecn.not_ect);
    assert_true(steps->tcb->ecn.deaf);
    forget_sent();
    for (unsigned i = 0; i < 5; i++) {
        acked += 988;
        arrives(.seq = 1, .ack = acked, .flags = ACK | ace(++cep), .window = 60000);
    }
    assert_true(unseen() > 0);
    while (unseen() > 0)
        assert_int_equal(next_sent()->tos & BOTH_BITS, 0);
}

/* R9768-03: CWR in the counter forbids super-segments, which would lose it (3.3.4). */
static void no_super_segment_while_cwr_is_in_the_counter(void **state)
{
    static const struct steps_config offload = {.largest = 60000};
    (void)state;
    steps_open(&offload);
    tunables()->tcp_ecn = 3;
    syn_arrives();
    is_acknowledged_with(2);
    user_sends(4000);
    assert_sent(.flags = ACK | ace(5), .seq = 1, .ack = 1, .len = 4000); /* five in one */
    arrives(.seq = 1, .ack = 4001, .flags = ACK | ace(5), .len = 10, .tos = ECN_CE);
    forget_sent();
    user_sends(4000);
    for (uint32_t i = 0; i < 4; i++)
        assert_sent(.flags = ACK | ace(6), .seq = 4001 + 988 * i, .ack = 11, .len = 988);
}

/* R9768-04: the network doubled the SYN-ACK; its second answer has the handshake's form as well. */
static void a_second_answer_to_the_syn_ack_is_no_counter(void **state)
{
    (void)state;
    accepts_with(2);
    user_sends(1000);
    arrives(.seq = 1, .ack = 1, .flags = ACK | ace(2));
    assert_int_equal(steps->tcb->ecn.delivered_ce, 0);
    arrives(.seq = 1, .ack = 989, .flags = ACK | ace(6));
    assert_int_equal(steps->tcb->ecn.delivered_ce, 1);
}

/* R9768-02: in a simultaneous open each answers as a server would (3.1.2). */
static void a_simultaneous_open_answers_as_a_server(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_ecn = 3;
    reach(TCP_SYN_SENT);
    forget_sent();
    arrives(.seq = 0, .flags = SYN | ALL, .mss = 1000, .tos = ECN_ECT1);
    assert_int_equal(last_sent()->flags, SYN | ACK | ace(3));
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK | ace(2), .mss = 1000);
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(steps->tcb->ecn.mode, ECN_ACCURATE);
    user_sends(100);
    assert_int_equal(last_sent()->flags & ALL, ace(5));
    assert_int_equal(last_sent()->tos & BOTH_BITS, ECN_ECT0);
}

/* R9768-01: the tunable's values, as Linux has them. */
static void each_setting_asks_and_accepts_its_own(void **state)
{
    static const struct {
        unsigned asks, answers;
    } expected[6] = {{0, 0}, {3, 1}, {0, 1}, {7, 2}, {3, 2}, {0, 2}};
    (void)state;
    for (int value = 0; value < 6; value++) {
        steps_open(&plain);
        tunables()->tcp_ecn = value;
        reach(TCP_SYN_SENT);
        assert_int_equal(last_sent()->flags, SYN | ace(expected[value].asks));
        steps_close();
        steps_open(&plain);
        tunables()->tcp_ecn = value;
        arrives(.seq = 0, .flags = SYN | ALL, .mss = 1000);
        assert_int_equal(last_sent()->flags, SYN | ACK | ace(expected[value].answers));
        steps_close();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_syn_gets_its_answer),
        TEST(each_answer_decides_on_the_mode),
        TEST(each_first_ack_is_judged),
        TEST(text_may_come_first),
        TEST(the_counter_follows_every_mark),
        TEST(an_unacceptable_segment_is_not_counted),
        TEST(marks_shrink_the_window_once_a_round),
        TEST(dctcp_sees_the_share_of_marked_bytes),
        TEST(an_older_ack_is_not_decoded),
        TEST(marks_on_everything_are_not_believed),
        TEST(no_super_segment_while_cwr_is_in_the_counter),
        TEST(a_second_answer_to_the_syn_ack_is_no_counter),
        TEST(a_simultaneous_open_answers_as_a_server),
        TEST(each_setting_asks_and_accepts_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
