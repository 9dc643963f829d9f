/* Resets, ours and the peer's (RFC 9293, 3.5.2, 3.5.3, 3.10.5), and the blind attacks that RFC 5961
 * answers by challenges. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};
static const enum tcp_state synchronized[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2,
                                              TCP_CLOSE_WAIT,  TCP_CLOSING,    TCP_LAST_ACK};
enum { SYNCHRONIZED = sizeof synchronized / sizeof synchronized[0] };

/* MUST-12: a reset is an error, after the text that came before it; a FIN is not. */
static void a_reset_is_told_after_the_text_before_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    arrives(.seq = 11, .flags = RST);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(user_reads(100), -ECONNRESET);
    assert_int_equal(user_reads(100), 0);
    assert_true(tcp_readiness(steps->tcb) & TCP_HANGUP);
}

/* MUST-12: after the peer's FIN it is a broken pipe. */
static void a_reset_after_a_fin_is_a_broken_pipe(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_CLOSE_WAIT);
    arrives(.seq = 2, .flags = RST);
    assert_int_equal(tcp_take_error(steps->tcb), EPIPE);
}

/* 9293-U-8, R5961-01, Blind RST: every place in and around the window; one kills. */
static void exactly_one_sequence_number_resets(void **state)
{
    uint32_t window, killed = 0;
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 2304});
    reach(TCP_ESTABLISHED);
    window = (uint32_t)(tcp_receive_edge(steps->tcb) - steps->tcb->rcv.nxt);
    assert_int_equal(window, 1152);
    for (uint32_t seq = 1 + window + 20; seq + 20 > 1; seq--) {
        unsigned before;
        forget_sent();
        before = steps->sent_count;
        arrives(.seq = seq, .flags = RST);
        if (state_now() == TCP_CLOSED) {
            assert_int_equal(seq, 1);
            killed++;
            break;
        }
        if (seq < 1 + window) /* in the window: challenged; outside: silence */
            assert_sent(.flags = ACK, .seq = 1, .ack = 1);
        else
            assert_int_equal(steps->sent_count, before);
    }
    assert_int_equal(killed, 1);
}

/* SHLD-2 */
static void a_reset_may_carry_text(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = RST | ACK, .text = "go away", .len = 7);
    assert_state(TCP_CLOSED);
    assert_int_equal(user_reads(100), -ECONNRESET);
}

/* R5961-01: behind text reported by SACK a peer resets from where it has sent up to. */
static void a_reset_behind_reported_text_is_believed(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.sack = true});
    reach(TCP_ESTABLISHED);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100);
    arrives(.seq = 200, .flags = RST);
    assert_state(TCP_ESTABLISHED);
    arrives(.seq = 201, .flags = RST);
    assert_state(TCP_CLOSED);
}

/* 9293-U-9, R5961-02, Blind SYN reset: at any place, in every synchronized state. */
static void a_syn_never_resets(void **state)
{
    static const uint32_t places[] = {0, 1, 2, 3, 500, 65000, 0x7fffffff, 0x80000000, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < SYNCHRONIZED; i++)
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
            bool closed = synchronized[i] >= TCP_CLOSE_WAIT;
            steps_open(&plain);
            reach(synchronized[i]);
            arrives(.seq = places[k], .flags = SYN);
            assert_state(synchronized[i]);
            assert_sent(.flags = ACK, .any_seq = true, .ack = closed ? 2 : 1);
            steps_close();
        }
}

/* R5961-02, Half-open restart: RFC 9293, 3.5.1, Figure 9: the peer rebooted. */
static void a_peer_that_rebooted_gets_through(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1000000, .flags = SYN);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    arrives(.seq = 1, .flags = RST); /* what its CLOSED answers: SEG.ACK */
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ECONNRESET);
    user_goes_away();
    steps->tcb = NULL;
    arrives(.seq = 1000000, .flags = SYN); /* one RTO later */
    assert_state(TCP_SYN_RECEIVED);
}

/* R5961-03, 9293-U-25, MAY-12, Blind data injection: around both ends of the range. */
static void an_ack_out_of_range_takes_no_text(void **state)
{
    static const struct {
        uint32_t ack;
        bool taken;
    } rows[] = {
        {1001, true},         {1002, false},        {1, true},
        {UINT32_MAX, true},   {2u - 10000u, false}, {1u - 10000u + 1000u, true},
        {0x80000000u, false}, {0x7fffffff, false},  {0x40000000, false},
        {0xc0000000u, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        steps_open(&plain);
        reach(TCP_ESTABLISHED);
        user_sends(1000);
        arrives(.seq = 1, .ack = 1001, .flags = ACK); /* SND.UNA = 1001; MAX.SND.WND = 10000 */
        forget_sent();
        arrives(.seq = 1, .ack = rows[i].ack, .flags = ACK, .len = 10);
        if ((user_reads(100) == 10) != rows[i].taken)
            fail_msg("row %u", (unsigned)i);
        if (!rows[i].taken)
            assert_sent(.flags = ACK, .seq = 1001, .ack = 1);
        steps_close();
    }
}

/* Blind data injection: FIN and URG neither. */
static void an_ack_out_of_range_takes_no_fin_and_no_urgent_pointer(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 0x40000000, .flags = ACK | FIN | URG, .urgent = 5, .len = 10);
    assert_state(TCP_ESTABLISHED);
    assert_false(tcp_readiness(steps->tcb) & TCP_URGENT);
}

/* 9293-U-13, Negative ACK accounting (unsent), Optimistic ACK: nothing of ours moves. */
static void an_ack_of_what_was_not_sent_changes_nothing(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(500);
    forget_sent();
    arrives(.seq = 1, .ack = 502, .flags = ACK, .len = 10);
    assert_dropped(DROP_ack_of_unsent);
    assert_sent(.flags = ACK, .seq = 501, .ack = 1);
    assert_int_equal(user_reads(100), -EAGAIN);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 500);
}

/* R5961-04: at most one challenge in 500 ms of each connection. */
static void challenges_are_limited(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_invalid_ratelimit = 500;
    reach(TCP_ESTABLISHED);
    for (int i = 0; i < 1000; i++) {
        arrives(.seq = 5, .flags = RST);
        passes_ms(1);
    }
    assert_int_equal(unseen(), 2);
    assert_int_equal(event_count(challenge_ack_withheld), 998);
    assert_state(TCP_ESTABLISHED);
}

/* R5961-05, Challenge-ACK side channel, Wi-Fi/NAT side channels: what befalls one connection does
 * not show at another. */
static void challenges_of_one_connection_do_not_count_at_another(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_invalid_ratelimit = 500;
    reach(TCP_ESTABLISHED);
    for (int i = 0; i < 200; i++)
        arrives(.seq = 5, .flags = RST);
    steps->flow.remote.port++;
    reach(TCP_ESTABLISHED);
    arrives(.seq = 5, .flags = RST);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
}

/* R5961-05 (erratum 4772): answers to text are not limited. */
static void acks_of_text_are_not_limited(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_invalid_ratelimit = 60000;
    reach(TCP_ESTABLISHED);
    arrives(.seq = 5, .flags = RST);
    forget_sent();
    for (int i = 0; i < 10; i++) {
        arrives(.seq = 100000, .ack = 1, .flags = ACK, .len = 10);
        assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    }
}

/* ACK war / storm: two ends that disagree do not answer one another for ever. */
static void empty_segments_out_of_place_are_answered_rarely(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_invalid_ratelimit = 500;
    reach(TCP_ESTABLISHED);
    for (int i = 0; i < 1000; i++)
        arrives(.seq = 200000, .ack = 1, .flags = ACK);
    assert_int_equal(unseen(), 1);
}

/* Challenge-ACK leak: a million would show it; nothing is held for any. */
static void withheld_challenges_cost_nothing(void **state)
{
    size_t before;
    (void)state;
    steps_open(&plain);
    tunables()->tcp_invalid_ratelimit = 60000;
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    before = steps->memory.used;
    for (int i = 0; i < 20000; i++)
        arrives(.seq = 5 + (uint32_t)i % 100, .flags = i % 2 ? RST : SYN);
    assert_int_equal(steps->memory.used, before);
}

/* RST/ICMP reply loops */
static void no_reset_is_answered_by_a_reset(void **state)
{
    (void)state;
    steps_open(&plain);
    for (uint16_t port = 80; port < 82; port++)
        for (unsigned flags = 0; flags < 64; flags++) {
            steps->flow.local.port = port;
            arrives(.seq = 10, .ack = 20, .flags = flags | RST);
        }
    assert_nothing_sent();
}

/* ABORT, 3.10.5: a reset at SND.NXT, in every state where the peer has something to lose. */
static void abort_sends_a_reset(void **state)
{
    (void)state;
    for (size_t i = 0; i < SYNCHRONIZED; i++) {
        bool ours = synchronized[i] != TCP_ESTABLISHED && synchronized[i] != TCP_CLOSE_WAIT;
        steps_open(&plain);
        reach(synchronized[i]);
        tcp_abort(steps->tcb, steps->now);
        lets_send();
        assert_sent(.flags = RST | ACK, .seq = ours ? 2 : 1,
                    .ack = synchronized[i] >= TCP_CLOSE_WAIT ? 2 : 1);
        assert_int_equal(steps->tcp->connections, 0);
        steps->tcb = NULL;
        steps_close();
    }
}

/* SO_LINGER with 0 s. */
static void close_with_no_time_to_linger_is_an_abort(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->linger = true;
    settings()->linger_s = 0;
    user_goes_away();
    assert_sent(.flags = RST | ACK, .seq = 1, .ack = 1);
    assert_int_equal(steps->tcp->connections, 0);
}

/* A segment for a connection that is over but not yet left by its user. */
static void what_comes_after_a_reset_finds_no_connection(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .flags = RST);
    forget_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 5);
    assert_int_equal(next_sent()->flags, RST);
    arrives(.seq = 7000, .flags = SYN); /* a new connection with the same flow */
    assert_int_equal(next_sent()->flags, SYN | ACK);
    assert_int_equal(tcp_take_error(steps->tcb), ECONNRESET);
    assert_int_equal(steps->tcp->connections, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reset_is_told_after_the_text_before_it),
        TEST(a_reset_after_a_fin_is_a_broken_pipe),
        TEST(exactly_one_sequence_number_resets),
        TEST(a_reset_may_carry_text),
        TEST(a_reset_behind_reported_text_is_believed),
        TEST(a_syn_never_resets),
        TEST(a_peer_that_rebooted_gets_through),
        TEST(an_ack_out_of_range_takes_no_text),
        TEST(an_ack_out_of_range_takes_no_fin_and_no_urgent_pointer),
        TEST(an_ack_of_what_was_not_sent_changes_nothing),
        TEST(challenges_are_limited),
        TEST(challenges_of_one_connection_do_not_count_at_another),
        TEST(acks_of_text_are_not_limited),
        TEST(empty_segments_out_of_place_are_answered_rarely),
        TEST(withheld_challenges_cost_nothing),
        TEST(no_reset_is_answered_by_a_reset),
        TEST(abort_sends_a_reset),
        TEST(close_with_no_time_to_linger_is_an_abort),
        TEST(what_comes_after_a_reset_finds_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
