/* ACKs and SACK blocks of a peer that lies (Savage 1999; CVE-2019-11477, -11478; RFC 2018, 8):
 * nothing unbounded, nothing out of range, no faster than what is delivered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config sacking = {.sack = true, .peer_window = 60000};

static void in_flight(uint32_t len)
{
    tunables()->tcp_initial_cwnd = 100;
    reach(TCP_ESTABLISHED);
    user_sends(len);
    forget_sent();
}

static void assert_sane(void)
{
    const struct tcb *tcb = steps->tcb;

    tcp_check(tcb);
    assert_true(tcb->cc.cwnd >= tcb->cc.smss);
    assert_true(tcb->cc.cwnd < 64 << 20);
    assert_true(tcb->sent.pipe_bytes <= tcb->snd.nxt - tcb->snd.una);
}

/* OpenBSD SACK signed-compare null write, Sequence compare errors, SACK option malformed: blocks at
 * every edge, also 2^31 away: only SND.UNA <= left < right <= SND.NXT is believed. */
static void blocks_out_of_range_are_not_believed(void **state)
{
    static const uint32_t places[] = {0,          1,          2,          2500,       5000,
                                      5001,       5002,       0x7ffffffe, 0x7fffffff, 0x80000000,
                                      0x80000001, 0x80000002, 0x80001389, UINT32_MAX, 1000000};
    enum { PLACES = sizeof places / sizeof places[0] };
    (void)state;
    for (size_t i = 0; i < PLACES; i++)
        for (size_t k = 0; k < PLACES; k++) {
            uint32_t left = places[i], right = places[k];
            bool believed = left >= 1 && left < right && right <= 5001;
            steps_open(&sacking);
            in_flight(5000);
            arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 60000, .sack = {left, right},
                    .sack_count = 1);
            assert_sane();
            if ((event_count(sack_arrived) == 1) != believed)
                fail_msg("block %u to %u", left, right);
            steps_close();
        }
}

/* R2883-03: a D-SACK below SND.UNA is no harm to the scoreboard. */
static void a_duplicate_below_una_is_not_bogus(void **state)
{
    (void)state;
    steps_open(&sacking);
    in_flight(5000);
    arrives(.seq = 1, .ack = 2001, .flags = ACK, .window = 60000);
    arrives(.seq = 1, .ack = 2001, .flags = ACK, .window = 60000, .sack = {1, 1001},
            .sack_count = 1);
    assert_int_equal(event_count(dsack_arrived), 1);
    assert_int_equal(steps->tcb->sent.sacked_segments, 0);
    assert_sane();
}

/* SACK slowness, FreeBSD RACK SACK exhaustion, OpenBSD SACK hole chains: every other byte of all
 * that is in flight, over and over: records stay bounded, and so does the work. */
static void alternating_bytes_cost_a_bounded_amount(void **state)
{
    size_t used;
    (void)state;
    steps_open(&sacking);
    in_flight(60000);
    used = steps->memory.used;
    for (uint32_t i = 0; i < 30000; i++) {
        uint32_t at = 2 + (2 * i) % 59990;
        arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 60000,
                .sack = {at, at + 1, at + 4, at + 5, at + 8, at + 9}, .sack_count = 3);
        steps->line_count = 0;
    }
    assert_sane();
    assert_true(steps->memory.used < used + (128u << 10));
    arrives(.seq = 1, .ack = 60001, .flags = ACK, .window = 60000);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
    assert_state(TCP_ESTABLISHED);
}

/* SACK panic: CVE-2019-11477: the smallest segments, in as many pieces as there are, merged by
 * SACK. */
static void the_smallest_segments_are_merged_without_harm(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){
        .sack = true, .peer_mss = 48, .peer_window = 60000, .mtu = 1500, .largest = 65535});
    tunables()->tcp_initial_cwnd = 1000;
    reach(TCP_ESTABLISHED);
    user_sends(60000);
    for (uint32_t at = 60001 - 88; at > 88; at -= 88)
        arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 60000, .sack = {at, 60001},
                .sack_count = 1);
    assert_sane();
    arrives(.seq = 1, .ack = 60001, .flags = ACK, .window = 60000);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
}

/* ACK division: cwnd grows by bytes, not by ACKs. */
static void many_acks_of_one_segment_grow_no_more_than_one(void **state)
{
    uint64_t cwnd[2];
    (void)state;
    for (int divided = 0; divided < 2; divided++) {
        steps_open(&(struct steps_config){.peer_window = 60000});
        reach(TCP_ESTABLISHED);
        user_sends(10000);
        for (uint32_t ack = divided ? 11 : 10001; ack <= 10001; ack += 10)
            arrives(.seq = 1, .ack = ack, .flags = ACK, .window = 60000);
        cwnd[divided] = steps->tcb->cc.cwnd;
        steps_close();
    }
    assert_true(cwnd[1] <= cwnd[0]);
}

/* DupACK spoofing: with SACK, bare duplicates send nothing; without, no more than were in flight.
 */
static void spoofed_duplicates_send_no_more_than_was_in_flight(void **state)
{
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        uint64_t sent = 0;
        steps_open(&(struct steps_config){.sack = sack, .peer_window = 60000});
        reach(TCP_ESTABLISHED);
        user_sends(60000);
        forget_sent();
        for (int i = 0; i < 10000; i++) {
            arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 60000);
            steps->line_count = 0;
            while (unseen() > 0)
                sent += next_sent()->len;
        }
        assert_true(sent <= (sack ? 0 : 12000));
        assert_sane();
        steps_close();
    }
}

/* Optimistic ACK, Negative ACK accounting (unsent): what was not sent is not acknowledged. */
static void optimistic_acks_move_nothing(void **state)
{
    uint64_t cwnd;
    (void)state;
    steps_open(&sacking);
    in_flight(5000);
    cwnd = steps->tcb->cc.cwnd;
    for (uint32_t ack = 5002; ack < 100000; ack += 997)
        arrives(.seq = 1, .ack = ack, .flags = ACK, .window = 60000);
    assert_int_equal(steps->tcb->cc.cwnd, cwnd);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 5000);
    assert_sane();
}

/* cwnd arithmetic, Blind throughput attacks: any ACKs, any SACK blocks, any windows, any pauses. */
static void random_acks_keep_everything_in_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct random random;
        random_seed(&random, seed);
        steps_open(&(struct steps_config){.sack = seed % 4 > 0, .peer_window = 60000});
        tunables()->tcp_recovery = seed % 2;
        reach(TCP_ESTABLISHED);
        for (int i = 0; i < 150; i++) {
            struct step_segment s = {.seq = 1, .flags = ACK, .window = 60000};
            uint32_t una = (uint32_t)(steps->tcb->snd.una - steps->tcb->snd.iss);
            uint32_t span = (uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.una) + 1;
            user_sends((uint32_t)random_below(&random, 4000));
            s.ack = una + (random_one_in(&random, 3) ? (uint32_t)random_below(&random, span) : 0);
            s.sack_count = (unsigned)random_below(&random, 4);
            for (unsigned k = 0; k < 2 * s.sack_count; k++)
                s.sack[k] = una + (uint32_t)random_below(&random, span + 2) - 1;
            if (random_one_in(&random, 20))
                s.window = (uint16_t)random_below(&random, 5000);
            arrives_(&s);
            assert_sane();
            passes_ms((int64_t)random_below(&random, random_one_in(&random, 10) ? 2000 : 30));
            assert_sane();
        }
        steps_close();
    }
}

/* MAY-18: congestion control is chosen by connection. */
static void congestion_control_is_chosen_by_connection(void **state)
{
    (void)state;
    steps_open(&sacking);
    for (unsigned i = 0; cc_name(i); i++) {
        struct tcp_status status;
        steps->flow.remote.port++;
        reach(TCP_ESTABLISHED);
        settings()->cc = cc_find(cc_name(i));
        settings_changed();
        tcp_status(steps->tcb, &status, steps->now);
        assert_string_equal(status.cc, cc_name(i));
        user_sends(10000);
        arrives(.seq = 1, .ack = 5001, .flags = ACK, .window = 60000);
        assert_sane();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_out_of_range_are_not_believed),
        TEST(a_duplicate_below_una_is_not_bogus),
        TEST(alternating_bytes_cost_a_bounded_amount),
        TEST(the_smallest_segments_are_merged_without_harm),
        TEST(many_acks_of_one_segment_grow_no_more_than_one),
        TEST(spoofed_duplicates_send_no_more_than_was_in_flight),
        TEST(optimistic_acks_move_nothing),
        TEST(random_acks_keep_everything_in_bounds),
        TEST(congestion_control_is_chosen_by_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
