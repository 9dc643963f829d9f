/* What our ACKs report (RFC 2018, 4; RFC 2883), and out-of-order text and FINs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config sacking = {.sack = true};

static unsigned blocks(void)
{
    return last_sent()->header.options.sack_count;
}

/* Block i of the last ACK, relative to IRS. */
static void assert_block(unsigned i, uint32_t left, uint32_t right)
{
    const struct tcp_sack_block *b = &last_sent()->header.options.sack[i];

    assert_true(i < blocks());
    assert_int_equal(b->left.u32 - steps->config.irs, left);
    assert_int_equal(b->right.u32 - steps->config.irs, right);
}

static void text(uint32_t seq, uint32_t len)
{
    arrives(.seq = seq, .ack = 1, .flags = ACK, .len = len);
}

/* Text that is judged together with what comes after it, before anything is sent. */
static void comes_in_this_turn(uint32_t seq, uint32_t len)
{
    static uint8_t bytes[2000];
    static const struct tcp_options none;
    struct tcb *tcb = steps->tcb;
    struct segment seg = {.seq = tcb->rcv.irs + seq,
                          .ack = tcb->snd.una,
                          .len = len,
                          .wnd = 10000,
                          .flags = TCP_ACK,
                          .wire_segments = 1,
                          .text = {bytes, len},
                          .options = &none};
    assert_int_equal(reassembly_make_room(&tcb->received, &steps->memory, seg.seq + len), 0);
    tcp_segment_arrives(tcb, &seg, steps->now);
    tcp_touch(tcb);
}

/* R2018-04: a hole that is filled in the turn in which it came needs no ACK of its own, and least
 * of all one after the other. */
static void a_hole_that_is_filled_at_once_is_not_told(void **state)
{
    (void)state;
    for (unsigned sack = 0; sack < 2; sack++) {
        steps_open(&(struct steps_config){.sack = sack});
        reach(TCP_ESTABLISHED);
        comes_in_this_turn(1001, 1000);
        comes_in_this_turn(2001, 1000);
        comes_in_this_turn(1, 1000);
        lets_send();
        assert_sent(.flags = ACK, .seq = 1, .ack = 3001);
        assert_int_equal(blocks(), 0);
        assert_nothing_sent();
        steps_close();
    }
}

/* R2018-02 */
static void nothing_is_reported_to_a_peer_that_did_not_ask(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){0});
    reach(TCP_ESTABLISHED);
    text(1001, 1000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    assert_int_equal(blocks(), 0);
    assert_int_equal(user_reads(10), -EAGAIN);
    text(1, 1000);
    assert_int_equal(user_reads(5000), 2000); /* but it was kept */
}

/* R2018-03, R2018-04, R2018-05: the newest first, then as many as fit, until the hole is filled. */
static void every_ack_reports_while_there_is_a_hole(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    text(1001, 100);
    assert_block(0, 1001, 1101);
    text(2001, 100);
    assert_block(0, 2001, 2101);
    assert_block(1, 1001, 1101);
    text(3001, 100);
    text(4001, 100);
    text(5001, 100);
    assert_int_equal(blocks(), 4);
    assert_block(0, 5001, 5101);
    assert_block(3, 2001, 2101);
    text(1101, 100); /* joins the oldest */
    assert_block(0, 1001, 1201);
    text(1, 1000);
    assert_sent(.any_seq = true, .any_ack = true, .flags = ACK);
    assert_int_equal(last_sent()->ack, 1201);
    assert_int_equal(blocks(), 4);
    text(1201, 4000);
    assert_int_equal(last_sent()->ack, 5201);
    assert_int_equal(blocks(), 1); /* RFC 2883, 4.2: of 4000 bytes these came twice */
    assert_block(0, 2001, 2101);
    text(5201, 1);
    passes_ms(500);
    assert_int_equal(blocks(), 0);
}

/* R2018-05: with timestamps three fit. */
static void three_fit_beside_a_timestamp(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.sack = true, .timestamps = true});
    reach(TCP_ESTABLISHED);
    for (uint32_t i = 1; i < 6; i++)
        arrives(.seq = 1000 * i, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts);
    assert_int_equal(blocks(), 3);
    assert_block(0, 5000, 5010);
}

/* R2018-03: text of ours carries the blocks too. */
static void text_of_ours_reports_too(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    text(1001, 100);
    user_sends(10);
    assert_int_equal(last_sent()->len, 10);
    assert_block(0, 1001, 1101);
}

/* R2883-01: once, first, below the ACK. */
static void a_duplicate_is_reported_once(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    text(1, 500);
    text(1, 500);
    assert_block(0, 1, 501);
    text(501, 10);
    passes_ms(500);
    assert_int_equal(blocks(), 0);
    text(401, 200); /* 401 to 510 came before */
    assert_block(0, 401, 511);
}

/* R2883-02 */
static void a_duplicate_beyond_the_hole_is_followed_by_its_range(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    text(1001, 1000);
    text(1201, 100);
    assert_int_equal(blocks(), 2);
    assert_block(0, 1201, 1301);
    assert_block(1, 1001, 2001);
}

/* R2883-01: off when tuned off. */
static void duplicates_are_not_reported_when_tuned_off(void **state)
{
    (void)state;
    steps_open(&sacking);
    tunables()->tcp_dsack = 0;
    reach(TCP_ESTABLISHED);
    text(1, 500);
    text(1, 500);
    assert_int_equal(blocks(), 0);
}

/* smoltcp SACK overflow: holes across 2^32. */
static void holes_across_the_wrap_are_reported(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.sack = true, .irs = UINT32_MAX - 1500});
    reach(TCP_ESTABLISHED);
    text(1001, 1000);
    assert_block(0, 1001, 2001);
    assert_true(last_sent()->header.options.sack[0].left.u32 >
                last_sent()->header.options.sack[0].right.u32);
    text(1, 1000);
    assert_int_equal(last_sent()->ack, 2001);
}

/* SegmentSmack, Out-of-order mbuf exhaustion: one byte at every other place of the window: memory
 * stays within the buffer and a bounded number of nodes. */
static void the_smallest_holes_cost_a_bounded_amount(void **state)
{
    size_t before;
    (void)state;
    steps_open(&(struct steps_config){.sack = true, .receive_buffer = 128 << 10});
    reach(TCP_ESTABLISHED);
    before = steps->memory.used;
    for (uint32_t at = 2; at < 65000; at += 2)
        text(at, 1);
    assert_true(drop_count(too_many_ranges) > 0);
    assert_true(steps->memory.used - before < (64 << 10) + REASSEMBLY_RANGES_MOST * 128);
    for (uint32_t at = 1; at < 65000; at += 1000)
        text(at, 1000);
    assert_true(user_reads(200000) >= 60000); /* and it goes on */
}

/* FIN handling, 9293-U-20: a FIN beyond a hole is kept as a position. */
static void a_fin_beyond_a_hole_is_not_lost(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 101, .ack = 1, .flags = ACK | FIN, .len = 100);
    assert_state(TCP_ESTABLISHED);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    text(1, 100);
    assert_state(TCP_CLOSE_WAIT);
    passes_ms(500);
    assert_int_equal(last_sent()->ack, 202);
    assert_int_equal(user_reads(500), 200);
    assert_int_equal(user_reads(500), 0);
}

/* FIN handling: a FIN alone beyond a hole. */
static void a_bare_fin_beyond_a_hole_is_not_lost(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 101, .ack = 1, .flags = ACK | FIN);
    assert_state(TCP_ESTABLISHED);
    text(1, 100);
    assert_state(TCP_CLOSE_WAIT);
}

/* FIN handling: the first FIN counts; one elsewhere, or text behind it, does not. */
static void a_second_fin_elsewhere_changes_nothing(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 201, .ack = 1, .flags = ACK | FIN);
    arrives(.seq = 151, .ack = 1, .flags = ACK | FIN);
    arrives(.seq = 301, .ack = 1, .flags = ACK | FIN, .len = 10);
    text(1, 500);
    assert_state(TCP_CLOSE_WAIT);
    assert_int_equal(user_reads(500), 200);
    assert_int_equal(user_reads(500), 0);
}

/* FIN handling: in front of text that is here already it is a contradiction, and no FIN. */
static void a_fin_before_text_that_is_here_is_no_fin(void **state)
{
    (void)state;
    steps_open(&sacking);
    reach(TCP_ESTABLISHED);
    text(101, 100);
    arrives(.seq = 151, .ack = 1, .flags = ACK | FIN);
    text(1, 100);
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(user_reads(500), 200);
}

/* FIN handling, Inconsistent retransmission overlap: every order, overlapping at random: the stream
 * ends exactly at the FIN. */
static void any_order_ends_at_the_fin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random random;
        uint32_t total, read = 0;
        int64_t n = -EAGAIN;
        random_seed(&random, seed);
        total = 1 + (uint32_t)random_below(&random, 5000);
        steps_open(&(struct steps_config){.sack = seed & 1, .irs = (uint32_t)random_u64(&random)});
        reach(TCP_ESTABLISHED);
        for (int i = 0; i < 2000 && n != 0; i++) {
            uint32_t from = (uint32_t)random_below(&random, total + 1);
            uint32_t len = (uint32_t)random_below(&random, total - from + 1);
            bool last;
            if (i > 300) { /* in order, so that it ends */
                from = (uint32_t)(steps->tcb->received.next - steps->tcb->rcv.irs) - 1;
                len = total - from < 700 ? total - from : 700;
            }
            last = from + len == total;
            arrives(.seq = 1 + from, .ack = 1, .flags = last ? ACK | FIN : ACK, .len = len);
            while ((n = user_reads(1 + (uint32_t)random_below(&random, 800))) > 0)
                read += (uint32_t)n;
        }
        if (n != 0 || read != total || state_now() != TCP_CLOSE_WAIT)
            fail_msg("seed %lu: %u of %u", (unsigned long)seed, read, total);
        steps_close();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hole_that_is_filled_at_once_is_not_told),
        TEST(nothing_is_reported_to_a_peer_that_did_not_ask),
        TEST(every_ack_reports_while_there_is_a_hole),
        TEST(three_fit_beside_a_timestamp),
        TEST(text_of_ours_reports_too),
        TEST(a_duplicate_is_reported_once),
        TEST(a_duplicate_beyond_the_hole_is_followed_by_its_range),
        TEST(duplicates_are_not_reported_when_tuned_off),
        TEST(holes_across_the_wrap_are_reported),
        TEST(the_smallest_holes_cost_a_bounded_amount),
        TEST(a_fin_beyond_a_hole_is_not_lost),
        TEST(a_bare_fin_beyond_a_hole_is_not_lost),
        TEST(a_second_fin_elsewhere_changes_nothing),
        TEST(a_fin_before_text_that_is_here_is_no_fin),
        TEST(any_order_ends_at_the_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
