/* Keep-alive (RFC 9293, 3.8.4) and the user timeout (3.10.8). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

static void alive(uint32_t idle_s)
{
    settings()->keep_alive = true;
    if (idle_s)
        settings()->keep_idle_s = idle_s;
    settings_changed();
    forget_sent();
}

/* MUST-25 */
static void nothing_is_sent_in_a_day_by_default(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    passes_ms(24 * 3600 * 1000);
    assert_nothing_sent();
    assert_state(TCP_ESTABLISHED);
}

/* MUST-28, MAY-5, MAY-6, SHLD-12: two hours, no text, SND.NXT - 1. */
static void the_first_probe_comes_after_two_hours(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(0);
    passes_ms(7200 * 1000 - 1);
    assert_nothing_sent();
    passes_ms(1);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1, .len = 0);
}

/* MUST-27 */
static void the_interval_can_be_chosen(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(60);
    passes_ms(59999);
    assert_nothing_sent();
    passes_ms(1);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1);
}

/* MUST-24 */
static void it_is_for_one_connection_and_can_be_turned_off(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(60);
    steps->flow.remote.port++;
    reach(TCP_ESTABLISHED);
    passes_ms(60000);
    assert_int_equal(unseen(), 1);
    assert_int_equal(next_sent()->header.destination_port, 40000);
    steps->flow.remote.port--;
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    settings()->keep_alive = false;
    settings_changed();
    passes_ms(24 * 3600 * 1000);
    assert_nothing_sent();
    assert_state(TCP_ESTABLISHED);
}

/* MUST-26: anything that arrives postpones it by the whole interval. */
static void whatever_arrives_postpones_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(60);
    for (int i = 0; i < 10; i++) {
        passes_ms(59000);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
    }
    forget_sent();
    passes_ms(59999);
    assert_nothing_sent();
    passes_ms(1);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1);
}

/* MUST-26: while text is in flight, retransmission asks, not keep-alive. */
static void text_in_flight_postpones_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(5);
    user_sends(10);
    passes_ms(60000);
    assert_int_equal(event_count(keep_alive_sent), 0);
}

/* MUST-29: one unanswered probe is no death; an answer begins anew. */
static void one_unanswered_probe_is_no_death(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(100);
    for (int i = 0; i < 20; i++) {
        passes_ms(100000);
        assert_sent(.flags = ACK, .seq = 0, .ack = 1);
        passes_ms(75000);
        assert_sent(.flags = ACK, .seq = 0, .ack = 1);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
    }
    assert_state(TCP_ESTABLISHED);
}

/* MUST-29: nine are. */
static void nine_unanswered_probes_are(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    alive(60);
    passes_ms(60000 + 8 * 75000);
    assert_int_equal(unseen(), 9);
    assert_state(TCP_ESTABLISHED);
    forget_sent();
    passes_ms(75000);
    assert_sent(.flags = RST | ACK, .seq = 1, .ack = 1);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
}

/* Keep-alive probe mishandled: the peer's are answered, with a byte of garbage or without. */
static void the_peers_probes_are_answered(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    user_reads(10);
    forget_sent();
    for (int i = 0; i < 10; i++) {
        passes_ms(1000);
        arrives(.seq = 10, .ack = 1, .flags = ACK, .len = (uint32_t)i % 2, .text = "x");
        assert_sent(.flags = ACK, .seq = 1, .ack = 11);
        assert_int_equal(user_reads(10), -EAGAIN);
    }
}

/* Keep-alive probe mishandled: whatever state the timer meets. */
static void it_may_fire_in_any_state(void **state)
{
    static const enum tcp_state states[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2,
                                            TCP_CLOSE_WAIT,  TCP_CLOSING,    TCP_LAST_ACK,
                                            TCP_TIME_WAIT};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        for (int gone = 0; gone < 2; gone++) {
            steps_open(&plain);
            reach(states[i]);
            alive(1);
            passes_ms(1500);
            if (gone) {
                tcp_abort(steps->tcb, steps->now);
                steps->tcb = NULL;
            }
            passes_ms(24 * 3600 * 1000);
            assert_int_equal(state_now(), TCP_CLOSED);
            steps_close();
        }
}

/* MUST-21: the user's own R2, to the millisecond. */
static void the_user_timeout_ends_it_when_the_user_said(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->user_timeout_ms = 5000;
    settings_changed();
    passes_ms(100000); /* idle time does not count */
    user_sends(10);
    passes_ms(4999);
    assert_state(TCP_ESTABLISHED);
    passes_ms(1);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
    assert_int_equal(last_sent()->len, 10); /* 3.10.8: no reset */
}

/* MUST-21: or very late. */
/* A server's connection has its listener's; the SYN-ACK's answer ends the trouble. */
static void a_handshake_that_is_complete_ends_the_user_timeout(void **state)
{
    (void)state;
    steps_open(&plain);
    tcp_listener_settings(steps->listener)->user_timeout_ms = 5000;
    reach(TCP_SYN_RECEIVED);
    passes_ms(900);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    passes_ms(100000);
    assert_state(TCP_ESTABLISHED);
}

static void the_user_timeout_may_be_longer_than_r2(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->user_timeout_ms = 24 * 3600 * 1000;
    settings_changed();
    user_sends(10);
    passes_ms(24 * 3600 * 1000 - 1);
    assert_state(TCP_ESTABLISHED);
    passes_ms(1);
    assert_state(TCP_CLOSED);
}

/* MUST-21: progress begins it anew. */
static void progress_begins_the_user_timeout_anew(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->user_timeout_ms = 5000;
    settings()->no_delay = true;
    settings_changed();
    for (uint32_t i = 0; i < 10; i++) {
        user_sends(10);
        user_sends(10);
        passes_ms(4000);
        arrives(.seq = 1, .ack = 11 + 20 * i, .flags = ACK);
        passes_ms(4000);
        arrives(.seq = 1, .ack = 21 + 20 * i, .flags = ACK);
    }
    assert_state(TCP_ESTABLISHED);
}

/* MUST-21, MUST-22: of an open too. */
static void the_user_timeout_ends_an_open(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    settings()->user_timeout_ms = 5000;
    settings_changed();
    passes_ms(1000); /* the second SYN */
    passes_ms(3999);
    assert_state(TCP_SYN_SENT);
    passes_ms(1);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
}

/* Slow-read / slowloris: a peer that takes ten bytes at a time is bounded by it when nothing moves,
 * and costs no more than the send buffer. */
static void a_slow_reader_costs_the_send_buffer_only(void **state)
{
    size_t most;
    uint32_t una = 1;
    (void)state;
    steps_open(&(struct steps_config){.peer_window = 10});
    reach(TCP_ESTABLISHED);
    while (user_sends(50000) > 0)
        ;
    most = steps->memory.used;
    for (int i = 0; i < 600; i++) {
        arrives(.seq = 1, .ack = una, .flags = ACK, .window = 10);
        passes_ms(6000);
        una = (uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.iss);
    }
    assert_state(TCP_ESTABLISHED);
    assert_true(steps->memory.used <= most + 8192);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_in_a_day_by_default),
        TEST(the_first_probe_comes_after_two_hours),
        TEST(the_interval_can_be_chosen),
        TEST(it_is_for_one_connection_and_can_be_turned_off),
        TEST(whatever_arrives_postpones_it),
        TEST(text_in_flight_postpones_it),
        TEST(one_unanswered_probe_is_no_death),
        TEST(nine_unanswered_probes_are),
        TEST(the_peers_probes_are_answered),
        TEST(it_may_fire_in_any_state),
        TEST(the_user_timeout_ends_it_when_the_user_said),
        TEST(a_handshake_that_is_complete_ends_the_user_timeout),
        TEST(the_user_timeout_may_be_longer_than_r2),
        TEST(progress_begins_the_user_timeout_anew),
        TEST(the_user_timeout_ends_an_open),
        TEST(a_slow_reader_costs_the_send_buffer_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
