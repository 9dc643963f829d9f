/* Unit tests of losses.c: RFC 6675's IsLost and the marks of RFC 6582. */
#include "tcp/losses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MSS   100u
#define START (SEQ_FIRST_EPOCH + UINT32_MAX - 249)

struct bench {
    struct memory memory;
    struct pool pool;
    struct sent sent;
    struct sent_delivery delivery;
    struct trace trace;
};

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_int_equal(memory_init(&b->memory, 16u << 20), 0);
    pool_init(&b->pool, &b->memory, sizeof(struct sent_record));
    sent_init(&b->sent, &b->pool);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    sent_check(&b->sent);
    sent_clear(&b->sent);
    memory_destroy(&b->memory);
    free(b);
    return 0;
}

/* `count` segments, one record each, the first numbered `first`. */
static void send_segments(struct bench *b, uint64_t first, uint64_t count, int64_t ms)
{
    for (uint64_t i = first; i < first + count; i++) {
        assert_true(sent_reserve(&b->sent, 4));
        sent_add(&b->sent, START + i * MSS, START + (i + 1) * MSS, 1, at_ms(ms));
    }
}

static void sack(struct bench *b, uint64_t first, uint64_t count, int64_t ms)
{
    assert_true(sent_reserve(&b->sent, 4));
    b->delivery = (struct sent_delivery){0};
    sent_sack(&b->sent, START + first * MSS, START + (first + count) * MSS, MSS, &b->delivery,
              at_ms(ms));
}

/* R6675-01: three ranges that do not touch. */
static void three_ranges_above_are_a_loss(void **state)
{
    struct bench *b = *state;
    send_segments(b, 0, 20, 1);
    sack(b, 4, 1, 5);
    sack(b, 8, 1, 5);
    assert_int_equal(losses_edge(&b->sent, 3, MSS), 0);
    sack(b, 12, 1, 5);
    assert_int_equal(losses_edge(&b->sent, 3, MSS), START + 4 * MSS);
}

/* R6675-01: more than (DupThresh - 1) * SMSS bytes. */
static void more_than_two_segments_above_are_a_loss(void **state)
{
    struct bench *b = *state;
    send_segments(b, 0, 20, 1);
    sack(b, 10, 2, 5);
    assert_int_equal(losses_edge(&b->sent, 3, MSS), 0);
    assert_true(sent_reserve(&b->sent, 4));
    sent_sack(&b->sent, START + 12 * MSS, START + 12 * MSS + 1, MSS, &b->delivery, at_ms(6));
    assert_int_equal(losses_edge(&b->sent, 3, MSS), START + 10 * MSS);
}

static void what_lies_below_the_edge_is_marked_once(void **state)
{
    struct bench *b = *state;
    seqno treated = 0;
    send_segments(b, 0, 10, 1);
    sack(b, 2, 1, 5);
    sack(b, 5, 3, 5);
    losses_mark_below(&b->sent, &treated, START + 5 * MSS, &b->trace, "test");
    assert_int_equal(b->sent.lost_bytes, 4 * MSS);
    assert_int_equal(b->trace.events[EVENT_marked_lost], 4);
    uint64_t touched = b->sent.touched;
    losses_mark_below(&b->sent, &treated, START + 5 * MSS, &b->trace, "test");
    assert_int_equal(b->sent.touched, touched);
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(9));
    treated = 0;
    losses_mark_below(&b->sent, &treated, START + 5 * MSS, &b->trace, "test");
    assert_int_equal(b->sent.lost_bytes, 3 * MSS);
}

/* R6582-01 */
static void head_is_cut_to_one_segment(void **state)
{
    struct bench *b = *state;
    assert_true(sent_reserve(&b->sent, 4));
    sent_add(&b->sent, START, START + 10 * MSS, 10, at_ms(1));
    losses_mark_head(&b->sent, MSS, &b->trace, "test");
    assert_int_equal(b->sent.lost_bytes, MSS);
    losses_mark_head(&b->sent, MSS, &b->trace, "test");
    assert_int_equal(b->sent.lost_bytes, MSS);
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(2));
    losses_mark_head(&b->sent, MSS, &b->trace, "test");
    assert_int_equal(b->sent.lost_bytes, 0);
}

static void marks_by_time_stop_at_the_time(void **state)
{
    struct bench *b = *state;
    send_segments(b, 0, 3, 1);
    send_segments(b, 3, 3, 2);
    losses_mark_sent_before(&b->sent, at_ms(2), &b->trace, "test");
    assert_int_equal(b->sent.lost_segments, 3);
    losses_mark_all(&b->sent, &b->trace, "test");
    assert_int_equal(b->sent.lost_segments, 6);
    assert_int_equal(b->sent.lost_again, 0);
}

static void threshold_follows_the_distance_of_reordering(void **state)
{
    (void)state;
    assert_int_equal(losses_threshold_after_reordering(3, MSS, MSS), 3);
    assert_int_equal(losses_threshold_after_reordering(3, 8 * MSS, MSS), 9);
    assert_int_equal(losses_threshold_after_reordering(3, UINT64_MAX, MSS), 300);
}

int main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(three_ranges_above_are_a_loss),
        BENCH_TEST(more_than_two_segments_above_are_a_loss),
        BENCH_TEST(what_lies_below_the_edge_is_marked_once),
        BENCH_TEST(head_is_cut_to_one_segment),
        cmocka_unit_test(threshold_follows_the_distance_of_reordering),
        BENCH_TEST(marks_by_time_stop_at_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
