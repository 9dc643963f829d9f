/* The retransmission timer (RFC 6298; RFC 9293, 3.8.1 to 3.8.3): its length, its backoff, and when
 * the connection is given up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"
#include "tcp/tcb.h"

static const struct steps_config plain = {0};

/* Tail loss probes come before a timeout; these tests are about the timeout. */
static void established(void)
{
    tunables()->tcp_early_retrans = 0;
    reach(TCP_ESTABLISHED);
    user_sends(10);
    passes_ms(100);
    arrives(.seq = 1, .ack = 11, .flags = ACK);
    forget_sent();
}

/* MUST-18: the series of RFC 6298, 2.2 and 2.3, with a floor of 1 s and with none. */
static void the_rto_follows_the_round_trips(void **state)
{
    static const int64_t trips_ms[] = {300, 300, 500, 100, 100, 2000, 300};
    (void)state;
    for (int floor = 0; floor < 2; floor++) {
        double srtt = 0, rttvar = 0;
        uint32_t at = 1;
        steps_open(&plain);
        tunables()->tcp_early_retrans = 0;
        tunables()->tcp_rto_floor_us = floor ? 1000000 : 0;
        tunables()->tcp_rto_min_us = 1;
        arrives(.seq = 0, .flags = SYN);
        steps->tcb = tcp_find(steps->tcp, &steps->flow);
        passes_ms(300);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        srtt = 300, rttvar = 150;
        for (size_t i = 0; i < sizeof trips_ms / sizeof trips_ms[0]; i++) {
            double r = (double)trips_ms[i], rto = srtt + 4 * rttvar;
            rto = floor && rto < 1000 ? 1000 : rto;
            assert_true((double)steps->tcb->rtt.rto.ns / 1e6 > rto - 0.01);
            assert_true((double)steps->tcb->rtt.rto.ns / 1e6 < rto + 0.01);
            if (r > rto)
                break; /* would be sent again: no sample */
            user_sends(10);
            passes_ms(trips_ms[i]);
            at += 10;
            arrives(.seq = 1, .ack = at, .flags = ACK);
            rttvar = 0.75 * rttvar + 0.25 * (srtt > r ? srtt - r : r - srtt);
            srtt = 0.875 * srtt + 0.125 * r;
        }
        steps_close();
    }
}

/* MUST-18 (Karn): what was sent twice is no sample without timestamps. */
static void text_that_was_sent_twice_is_no_sample(void **state)
{
    struct duration srtt;
    (void)state;
    steps_open(&plain);
    established();
    srtt = steps->tcb->rtt.srtt;
    user_sends(10);
    passes_ms(1000);
    assert_true(event_count(retransmission_timeout) > 0);
    arrives(.seq = 1, .ack = 21, .flags = ACK);
    assert_int_equal(steps->tcb->rtt.srtt.ns, srtt.ns);
}

/* MUST-18 (Karn), R6298-06: what waited at the receiver for text that was sent again is no sample
 * either, although it was sent once: without SACK its ACK comes late by a whole RTO. */
static void text_that_waited_behind_a_retransmission_is_no_sample(void **state)
{
    struct duration srtt;
    (void)state;
    steps_open(&plain);
    established();
    srtt = steps->tcb->rtt.srtt;
    user_sends(1000);
    user_sends(1000);
    while (event_count(retransmitted) == 0)
        passes_ms(50);
    assert_int_equal(last_sent()->seq, 11);
    arrives(.seq = 1, .ack = 2011, .flags = ACK);
    assert_int_equal(steps->tcb->snd.una, steps->tcb->snd.nxt);
    assert_int_equal(steps->tcb->rtt.srtt.ns, srtt.ns);
}

/* MUST-19, MUST-20, SHLD-9, SHLD-10, SHLD-11: gaps double up to 120 s; trouble is told at the
 * third; the end comes at R2, after far more than 100 s. */
static void a_black_hole_backs_off_and_ends(void **state)
{
    struct instant began, before;
    struct duration gap;
    (void)state;
    steps_open(&plain);
    established();
    user_sends(10);
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 10);
    began = before = steps->now;
    gap = steps->tcb->rtt.rto;
    for (int i = 1; i <= 15; i++) {
        while (unseen() == 0)
            passes_ms(1 + gap.ns / 1000000 / 50);
        assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 10);
        assert_int_equal(instant_since(last_sent()->at, before).ns, gap.ns);
        before = last_sent()->at;
        gap = duration_min(duration_times(gap, 2), duration_s(120));
        assert_int_equal(tcp_take_soft_error(steps->tcb), i == 3 ? ETIMEDOUT : 0);
        assert_int_equal(steps->tcb->cc.cwnd, steps->tcb->cc.smss); /* one segment */
    }
    assert_true(instant_since(steps->now, began).ns > duration_s(100).ns);
    passes_ms(119000);
    assert_state(TCP_ESTABLISHED);
    passes_ms(2000);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
    assert_nothing_sent();
}

/* MUST-20: R1 and R2 are tunables. */
static void r2_can_be_tuned(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_retries2 = 3;
    established();
    user_sends(10);
    passes_ms(30000);
    assert_int_equal(unseen(), 4);
    assert_state(TCP_CLOSED);
}

/* MUST-18 (Karn), RFC 6298, 5.7: the backoff stays until there is a sample again. */
static void a_sample_ends_the_backoff(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    user_sends(10);
    passes_ms(3000);
    assert_true(steps->tcb->rtt.backoff > 1);
    arrives(.seq = 1, .ack = 21, .flags = ACK);
    assert_int_equal(steps->tcb->retransmissions, 0);
    assert_true(steps->tcb->rtt.backoff > 1);
    user_sends(10);
    passes_ms(100);
    arrives(.seq = 1, .ack = 31, .flags = ACK);
    assert_int_equal(steps->tcb->rtt.backoff, 0);
    user_sends(10);
    forget_sent();
    passes_ms(steps->tcb->rtt.rto.ns / 1000000 + 1);
    assert_sent(.flags = ACK, .seq = 31, .ack = 1, .len = 10);
}

/* RFC 6298, 5.2: nothing in flight, no timer. */
static void nothing_in_flight_is_not_timed(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    assert_true(instant_is_never(steps->tcb->timer[TIMER_RETRANSMISSION]));
    passes_ms(3600 * 1000);
    assert_nothing_sent();
}

/* RFC 6298, 5.1 and 5.3: text that follows does not restart the timer, an ACK of new text does. */
static void only_new_acks_restart_the_timer(void **state)
{
    struct instant due;
    (void)state;
    steps_open(&plain);
    established();
    settings()->no_delay = true;
    user_sends(10);
    due = steps->tcb->timer[TIMER_RETRANSMISSION];
    passes_ms(50);
    user_sends(10);
    assert_int_equal(steps->tcb->timer[TIMER_RETRANSMISSION].ns, due.ns);
    arrives(.seq = 1, .ack = 11, .flags = ACK);
    assert_int_equal(steps->tcb->timer[TIMER_RETRANSMISSION].ns, due.ns);
    arrives(.seq = 1, .ack = 21, .flags = ACK);
    assert_true(steps->tcb->timer[TIMER_RETRANSMISSION].ns > due.ns);
}

/* The first unacknowledged segment goes again, alone. */
static void a_timeout_sends_the_first_segment_again(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    user_sends(4000);
    forget_sent();
    passes_ms(steps->tcb->rtt.rto.ns / 1000000 + 2);
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 1000);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1011, .flags = ACK);
    assert_sent(.flags = ACK, .seq = 1011, .ack = 1, .len = 1000);
}

/* ACK of earlier retransmission after rewind: nothing is rewound: a late ACK of all is taken. */
static void a_late_ack_of_everything_is_taken(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    user_sends(4000);
    passes_ms(1000);
    arrives(.seq = 1, .ack = 4011, .flags = ACK);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
    assert_int_equal(steps->tcb->snd.una, steps->tcb->snd.nxt);
}

/* R2018-06, R2018-07, R2018-08: after a timeout what was SACKed is not relied on: a peer that threw
 * it away gets it again. */
static void a_reneging_peer_gets_everything_again(void **state)
{
    uint32_t una = 11;
    (void)state;
    steps_open(&(struct steps_config){.sack = true});
    established();
    user_sends(4000);
    arrives(.seq = 1, .ack = 11, .flags = ACK, .sack = {1011, 4011}, .sack_count = 1);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 4000);
    forget_sent();
    for (int i = 0; i < 20 && una < 4011; i++) { /* now it has nothing beyond */
        passes_ms(3000);
        for (; unseen() > 0; steps->looked_at++) {
            const struct step_sent *s = &steps->sent[steps->looked_at % STEPS_SENT];
            if (s->seq == una)
                una += s->len;
        }
        arrives(.seq = 1, .ack = una, .flags = ACK);
    }
    assert_int_equal(una, 4011);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
}

/* R5681-16: after a lost SYN-ACK the initial window is one segment; tcp_initial_cwnd otherwise. */
static void a_lost_syn_ack_makes_a_small_start(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_RECEIVED);
    passes_ms(1500);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    steps->tcb = tcp_accept(steps->listener, steps);
    forget_sent();
    user_sends(9000);
    assert_int_equal(unseen(), 1);
    steps_close();
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(9000);
    assert_int_equal(unseen(), 9);
}

/* R5681-02: slow start ends at ssthresh, and that is told. */
static void the_end_of_slow_start_is_told(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.peer_window = 60000});
    reach(TCP_ESTABLISHED);
    settings()->cc = &cc_reno;
    settings_changed();
    steps->tcb->cc.ssthresh = 13000;
    user_sends(60000);
    for (uint32_t i = 1; i <= 2; i++)
        arrives(.seq = 1, .ack = 1 + 1000 * i, .flags = ACK, .window = 60000);
    assert_int_equal(event_count(slow_start_left), 0);
    for (uint32_t i = 3; i <= 6; i++)
        arrives(.seq = 1, .ack = 1 + 1000 * i, .flags = ACK, .window = 60000);
    assert_int_equal(event_count(slow_start_left), 1);
    assert_true(steps->tcb->cc.cwnd >= 13000 && steps->tcb->cc.cwnd < 14000);
}

/* RFC 5681, 4.1 as a tunable: after an idle RTO the window starts again, or stays. */
static void the_window_after_idle_is_a_tunable(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        steps_open(&(struct steps_config){.peer_window = 60000});
        tunables()->tcp_slow_start_after_idle = restart;
        reach(TCP_ESTABLISHED);
        user_sends(10000);
        passes_ms(10);
        arrives(.seq = 1, .ack = 10001, .flags = ACK, .window = 60000);
        passes_ms(60000);
        forget_sent();
        user_sends(40000);
        assert_int_equal(unseen(), restart ? 10 : 20);
        assert_int_equal(event_count(idle_restarted), 1);
        steps_close();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_rto_follows_the_round_trips),
        TEST(text_that_was_sent_twice_is_no_sample),
        TEST(text_that_waited_behind_a_retransmission_is_no_sample),
        TEST(a_black_hole_backs_off_and_ends),
        TEST(r2_can_be_tuned),
        TEST(a_sample_ends_the_backoff),
        TEST(nothing_in_flight_is_not_timed),
        TEST(only_new_acks_restart_the_timer),
        TEST(a_timeout_sends_the_first_segment_again),
        TEST(a_late_ack_of_everything_is_taken),
        TEST(a_reneging_peer_gets_everything_again),
        TEST(a_lost_syn_ack_makes_a_small_start),
        TEST(the_end_of_slow_start_is_told),
        TEST(the_window_after_idle_is_a_tunable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
