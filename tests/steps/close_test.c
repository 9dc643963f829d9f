/* How connections end in order (RFC 9293, 3.6 and 3.10.4), and what of a FIN that comes early,
 * twice or never. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* MUST-12, MUST-13: RFC 9293, 3.6, Figure 12, seen from TCP A. */
static void we_close_first(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_closes();
    assert_sent(.flags = FIN | ACK, .seq = 1, .ack = 1);
    assert_state(TCP_FIN_WAIT_1);
    arrives(.seq = 1, .ack = 2, .flags = ACK);
    assert_state(TCP_FIN_WAIT_2);
    arrives(.seq = 1, .ack = 2, .flags = FIN | ACK);
    assert_sent(.flags = ACK, .seq = 2, .ack = 2);
    assert_state(TCP_TIME_WAIT);
    assert_int_equal(user_reads(10), 0);
}

/* MUST-12: Figure 12, seen from TCP B. */
static void the_peer_closes_first(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = FIN | ACK, .len = 20);
    assert_sent(.flags = ACK, .seq = 1, .ack = 22);
    assert_state(TCP_CLOSE_WAIT);
    assert_true(tcp_readiness(steps->tcb) & TCP_PEER_CLOSED);
    assert_int_equal(user_reads(100), 20);
    assert_int_equal(user_reads(100), 0);
    assert_int_equal(user_reads(100), 0);
    assert_int_equal(user_sends(10), 10); /* the other direction goes on */
    assert_sent(.flags = ACK, .seq = 1, .ack = 22, .len = 10);
    user_closes();
    assert_sent(.flags = FIN | ACK, .seq = 11, .ack = 22);
    assert_state(TCP_LAST_ACK);
    arrives(.seq = 22, .ack = 12, .flags = ACK);
    assert_state(TCP_CLOSED);
    tcp_close(steps->tcb, steps->now);
    lets_send();
    assert_int_equal(steps->tcp->connections, 0);
}

/* 9293-U-17: Figure 13: both at once, three orders. */
static void both_close_at_once(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_FIN_WAIT_1);
    arrives(.seq = 1, .ack = 1, .flags = FIN | ACK);
    assert_sent(.flags = ACK, .seq = 2, .ack = 2);
    assert_state(TCP_CLOSING);
    arrives(.seq = 2, .ack = 2, .flags = ACK);
    assert_state(TCP_TIME_WAIT);
    steps_close();

    steps_open(&plain);
    reach(TCP_FIN_WAIT_1);
    arrives(.seq = 1, .ack = 2, .flags = ACK);
    arrives(.seq = 1, .ack = 2, .flags = FIN | ACK);
    assert_state(TCP_TIME_WAIT);
    steps_close();

    steps_open(&plain);
    reach(TCP_FIN_WAIT_1);
    arrives(.seq = 1, .ack = 2, .flags = FIN | ACK);
    assert_state(TCP_TIME_WAIT);
}

/* Simultaneous close race: our FIN was lost; CLOSING sends it again. */
static void closing_repeats_a_lost_fin(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_CLOSING);
    passes_ms(1000);
    assert_sent(.flags = FIN | ACK, .seq = 1, .ack = 2);
    arrives(.seq = 2, .ack = 2, .flags = ACK);
    assert_state(TCP_TIME_WAIT);
}

/* LAST-ACK / CLOSING duplicates; Retransmit loop: only the ACK of the FIN ends it. */
static void old_acks_do_not_end_a_closing_state(void **state)
{
    static const enum tcp_state closing[] = {TCP_FIN_WAIT_1, TCP_CLOSING, TCP_LAST_ACK};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint32_t seq = closing[i] == TCP_FIN_WAIT_1 ? 1 : 2;
        steps_open(&plain);
        reach(closing[i]);
        for (int k = 0; k < 50; k++)
            arrives(.seq = seq, .ack = 1, .flags = ACK);
        assert_state(closing[i]);
        assert_true(unseen() <= 1); /* a fast retransmission of the FIN at most */
        steps_close();
    }
}

/* A FIN waits behind its text, and rides on the last segment. */
static void a_fin_follows_all_text(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(2500);
    user_closes();
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1001, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 2001, .ack = 1, .len = 500);
    assert_sent(.flags = FIN | ACK, .seq = 2501, .ack = 1);
    assert_nothing_sent();
    steps_close();

    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .zero_window = true);
    user_sends(100);
    user_closes();
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_sent(.flags = FIN | ACK, .seq = 1, .ack = 1, .len = 100);
}

static void nothing_can_be_sent_after_close(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_FIN_WAIT_1);
    assert_int_equal(user_sends(1), -EPIPE);
    assert_int_equal(tcp_shutdown_send(steps->tcb, steps->now), 0); /* again: no error, no FIN */
    lets_send();
    assert_nothing_sent();
}

static void close_in_syn_sent_is_the_end(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    user_goes_away();
    assert_nothing_sent();
    assert_int_equal(steps->tcp->connections, 0);
}

static void close_in_syn_received_waits_for_the_handshake(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .flags = SYN);
    forget_sent();
    user_closes();
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_FIN_WAIT_1);
    assert_sent(.flags = FIN | ACK, .seq = 1, .ack = 1);
}

/* SHLD-3, MAY-1: text that the user never read is a reason for a reset. */
static void close_with_unread_text_is_an_abort(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    forget_sent();
    user_goes_away();
    assert_sent(.flags = RST | ACK, .seq = 1, .ack = 11);
    assert_int_equal(steps->tcp->connections, 0);
}

/* SHLD-3, MAY-1: text that comes after close(). */
static void text_after_close_draws_a_reset(void **state)
{
    static const enum tcp_state from[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        steps_open(&plain);
        reach(from[i]);
        user_goes_away();
        forget_sent();
        arrives(.seq = 1, .ack = from[i] == TCP_FIN_WAIT_2 ? 2u : 1u, .flags = ACK, .len = 10);
        assert_dropped(DROP_text_after_close);
        assert_sent(.flags = RST, .seq = 2);
        assert_int_equal(steps->tcp->connections, 0);
        steps->tcb = NULL;
        steps_close();
    }
}

/* Nobody reads, but nobody went away: shutdown(SHUT_RD) acknowledges and forgets. */
static void shutdown_of_reading_throws_text_away(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    tcp_shutdown_receive(steps->tcb, steps->now);
    for (uint32_t i = 0; i < 200; i++)
        arrives(.seq = 1 + 1000 * i, .ack = 1, .flags = ACK, .len = 1000);
    assert_true(last_sent()->ack > 190000);
    assert_int_equal(user_reads(10), 0);
    assert_state(TCP_ESTABLISHED);
}

/* Naptha / FIN-WAIT pile-up: the peer vanishes at each state of closing. */
static void every_closing_state_ends_when_the_peer_vanishes(void **state)
{
    static const enum tcp_state closing[] = {TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT,
                                             TCP_CLOSING,    TCP_LAST_ACK,   TCP_TIME_WAIT};
    (void)state;
    for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++) {
        steps_open(&plain);
        reach(closing[i]);
        user_goes_away();
        passes_ms(30 * 60 * 1000);
        assert_int_equal(steps->tcp->connections, 0);
        steps->tcb = NULL;
        steps_close();
    }
}

/* FIN-WAIT-2 of a user who is still there lasts; of one who went away 60 s. */
static void fin_wait_2_lasts_as_long_as_the_user(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_FIN_WAIT_2);
    passes_ms(3600 * 1000);
    assert_state(TCP_FIN_WAIT_2);
    user_goes_away();
    passes_ms(59000);
    assert_state(TCP_FIN_WAIT_2);
    passes_ms(1001);
    assert_int_equal(steps->tcp->connections, 0);
}

/* FIN handling: a FIN that comes again is acknowledged again. */
static void a_second_fin_is_acknowledged(void **state)
{
    static const enum tcp_state after[] = {TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        steps_open(&plain);
        reach(after[i]);
        arrives(.seq = 1, .ack = 1, .flags = FIN | ACK);
        assert_sent(.flags = ACK, .seq = after[i] == TCP_CLOSE_WAIT ? 1u : 2u, .ack = 2);
        assert_state(after[i]);
        steps_close();
    }
}

/* FIN handling, 9293-U-15: what comes behind a FIN never reaches the user. */
static void text_behind_a_fin_is_no_text(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = FIN | ACK, .len = 10);
    arrives(.seq = 12, .ack = 1, .flags = ACK, .len = 10);
    assert_dropped(DROP_text_after_fin);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(user_reads(100), 0);
}

/* FIN handling: a closed window is no obstacle for a FIN at its edge. */
static void a_fin_at_a_closed_window_is_taken(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 4000});
    reach(TCP_ESTABLISHED);
    for (uint32_t at = 1; last_sent()->window > 0; at += 500)
        arrives(.seq = at, .ack = 1, .flags = ACK, .len = 500);
    forget_sent();
    arrives(.seq = last_sent()->ack, .ack = 1, .flags = FIN | ACK);
    assert_state(TCP_CLOSE_WAIT);
    passes_ms(500); /* the ACK may wait for the user's own FIN, but not longer than others */
    assert_int_equal(next_sent()->ack, 1 + 2000 + 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(we_close_first),
        TEST(the_peer_closes_first),
        TEST(both_close_at_once),
        TEST(closing_repeats_a_lost_fin),
        TEST(old_acks_do_not_end_a_closing_state),
        TEST(a_fin_follows_all_text),
        TEST(nothing_can_be_sent_after_close),
        TEST(close_in_syn_sent_is_the_end),
        TEST(close_in_syn_received_waits_for_the_handshake),
        TEST(close_with_unread_text_is_an_abort),
        TEST(text_after_close_draws_a_reset),
        TEST(shutdown_of_reading_throws_text_away),
        TEST(every_closing_state_ends_when_the_peer_vanishes),
        TEST(fin_wait_2_lasts_as_long_as_the_user),
        TEST(a_second_fin_is_acknowledged),
        TEST(text_behind_a_fin_is_no_text),
        TEST(a_fin_at_a_closed_window_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
