/* Unit tests of reassembly.c: text put in order (RFC 9293, 3.10.7.4, seventh). */
#include "tcp/reassembly.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

#define FIRST (SEQ_FIRST_EPOCH + UINT32_MAX)

static struct memory memory;
static struct pool pool;
static struct reassembly reassembly;

static int setup(void **state)
{
    (void)state;
    if (memory_init(&memory, 4 << 20) != 0)
        return -1;
    pool_init(&pool, &memory, sizeof(struct range));
    reassembly_init(&reassembly, &pool, FIRST, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    reassembly_release(&reassembly, &memory);
    pool_destroy(&pool);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
    return 0;
}

static uint8_t byte_at(seqno position)
{
    return (uint8_t)(position * 11 ^ position >> 8);
}

/* Adds [FIRST + offset, + len) of the stream, xored with `lie`. */
static enum reassembly_result add_lie(uint64_t offset, size_t len, uint8_t lie)
{
    static uint8_t data[70000];
    seqno at = FIRST + offset;

    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(at + i) ^ lie;
    assert_int_equal(reassembly_make_room(&reassembly, &memory, at + len), 0);
    return reassembly_add(&reassembly, at, (struct bytes){data, len});
}

static enum reassembly_result add(uint64_t offset, size_t len)
{
    return add_lie(offset, len, 0);
}

/* The next `len` unread bytes are the stream's. */
static void assert_reads(size_t len)
{
    uint8_t data[70000];

    assert_int_equal(reassembly_peek(&reassembly, 0, data, len), len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], byte_at(reassembly.read + i));
    reassembly_take(&reassembly, len);
}

static void in_order_text_is_readable_at_once(void **state)
{
    (void)state;
    assert_int_equal(add(0, 100), REASSEMBLY_IN_ORDER);
    assert_int_equal(add(100, 50), REASSEMBLY_IN_ORDER);
    assert_int_equal(reassembly_unread(&reassembly), 150);
    assert_reads(150);
}

/* SHLD-31 */
static void text_beyond_a_hole_waits(void **state)
{
    (void)state;
    assert_int_equal(add(100, 100), REASSEMBLY_OUT_OF_ORDER);
    assert_int_equal(reassembly_unread(&reassembly), 0);
    assert_int_equal(add(0, 100), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(reassembly_unread(&reassembly), 200);
    assert_int_equal(ranges_count(&reassembly.held), 0);
    assert_reads(200);
}

static void filling_one_of_two_holes_says_so(void **state)
{
    (void)state;
    add(100, 100);
    add(300, 100);
    assert_int_equal(add(0, 50), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(reassembly_unread(&reassembly), 50);
    assert_int_equal(add(50, 50), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(reassembly_unread(&reassembly), 200);
    assert_int_equal(add(200, 100), REASSEMBLY_FILLED_HOLE);
    assert_reads(400);
}

static void one_segment_may_swallow_several_ranges(void **state)
{
    (void)state;
    add(100, 10);
    add(200, 10);
    add(300, 100);
    assert_int_equal(add(0, 350), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(ranges_count(&reassembly.held), 0);
    assert_reads(400);
}

static void what_was_there_is_a_duplicate(void **state)
{
    (void)state;
    add(0, 100);
    assert_int_equal(add(0, 100), REASSEMBLY_DUPLICATE);
    assert_int_equal(add(20, 30), REASSEMBLY_DUPLICATE);
    add(200, 100);
    assert_int_equal(add(220, 80), REASSEMBLY_DUPLICATE);
    assert_int_equal(reassembly_unread(&reassembly), 100);
}

/* 9293-U-20 */
static void only_the_new_part_of_a_straddling_segment_counts(void **state)
{
    (void)state;
    add(0, 100);
    assert_int_equal(add(50, 100), REASSEMBLY_IN_ORDER);
    assert_int_equal(reassembly_unread(&reassembly), 150);
    assert_reads(150);
    assert_int_equal(add(100, 60), REASSEMBLY_IN_ORDER); /* behind what was read already */
    assert_reads(10);
}

/* Middlebox/IDS ambiguity; Inconsistent retransmission overlap */
static void the_first_copy_of_a_byte_wins_in_order(void **state)
{
    (void)state;
    add(0, 100);
    assert_int_equal(add_lie(50, 50, 0xff), REASSEMBLY_DUPLICATE);
    assert_int_equal(add_lie(50, 50, 0xff), REASSEMBLY_DUPLICATE);
    assert_reads(100);
}

/* Middlebox/IDS ambiguity; Inconsistent retransmission overlap */
static void the_first_copy_of_a_byte_wins_beyond_a_hole(void **state)
{
    uint8_t data[500];
    (void)state;
    add(100, 100);
    add(300, 100);
    assert_int_equal(add_lie(50, 400, 0xff), REASSEMBLY_OUT_OF_ORDER);
    assert_int_equal(add(0, 50), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(reassembly_peek(&reassembly, 0, data, 500), 450);
    for (uint64_t i = 0; i < 450; i++) {
        bool first_was_true = i < 50 || (i >= 100 && i < 200) || (i >= 300 && i < 400);
        uint8_t expected = byte_at(FIRST + i) ^ (first_was_true ? 0 : 0xff);
        assert_int_equal(data[i], expected);
    }
}

/* Middlebox/IDS ambiguity */
static void the_first_copy_wins_when_a_hole_is_filled_too_far(void **state)
{
    (void)state;
    add(100, 100);
    assert_int_equal(add(0, 100), REASSEMBLY_FILLED_HOLE);
    add(300, 100);
    add(200, 50);
    assert_int_equal(add_lie(240, 10, 0xff), REASSEMBLY_DUPLICATE);
    assert_int_equal(add(250, 50), REASSEMBLY_FILLED_HOLE);
    assert_reads(400);
}

/* SegmentSmack; FreeBSD reassembly list walk */
static void holes_are_limited(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < REASSEMBLY_RANGES_MOST; i++)
        assert_int_equal(add(1 + 2 * i, 1), REASSEMBLY_OUT_OF_ORDER);
    assert_int_equal(add(1 + 2 * (REASSEMBLY_RANGES_MOST + 5), 1), REASSEMBLY_REFUSED);
    assert_int_equal(add(3, 1), REASSEMBLY_DUPLICATE);
    /* In-order text still gets in, and frees. */
    assert_int_equal(add(0, 2), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(add(2, 2 * REASSEMBLY_RANGES_MOST), REASSEMBLY_FILLED_HOLE);
    assert_int_equal(ranges_count(&reassembly.held), 0);
    assert_reads(2 + 2 * REASSEMBLY_RANGES_MOST);
}

/* Reassembly stale entry; Out-of-memory paths */
static void without_a_node_the_text_is_refused_whole(void **state)
{
    (void)state;
    assert_int_equal(reassembly_make_room(&reassembly, &memory, FIRST + 4096), 0);
    memory.fail_at = memory.takes + 1;
    assert_int_equal(add(100, 10), REASSEMBLY_REFUSED);
    assert_int_equal(ranges_count(&reassembly.held), 0);
    assert_int_equal(add(100, 10), REASSEMBLY_OUT_OF_ORDER);
    assert_int_equal(add(0, 100), REASSEMBLY_FILLED_HOLE);
    assert_reads(110);
}

static void without_storage_making_room_fails_and_keeps_everything(void **state)
{
    (void)state;
    add(0, 100);
    add(200, 100);
    memory.fail_at = memory.takes + 1;
    assert_int_equal(reassembly_make_room(&reassembly, &memory, FIRST + 5000), -ENOBUFS);
    add(100, 100);
    assert_reads(300);
}

static void room_that_is_there_is_not_made_again(void **state)
{
    (void)state;
    add(0, 1);
    uint64_t takes = memory.takes;
    assert_int_equal(reassembly_make_room(&reassembly, &memory, FIRST + 4096), 0);
    assert_int_equal(memory.takes, takes);
}

static void growing_keeps_text_beyond_holes(void **state)
{
    (void)state;
    add(0, 10);
    add(1000, 1000);
    add(30000, 1000);
    add(10, 990);
    add(2000, 28000);
    assert_reads(31000);
}

static void peeking_takes_nothing_and_starts_anywhere(void **state)
{
    uint8_t data[20];
    (void)state;
    add(0, 10);
    assert_int_equal(reassembly_peek(&reassembly, 4, data, 20), 6);
    assert_int_equal(data[0], byte_at(FIRST + 4));
    assert_int_equal(reassembly_peek(&reassembly, 10, data, 20), 0);
    assert_int_equal(reassembly_peek(&reassembly, 99, data, 20), 0);
    assert_int_equal(reassembly_unread(&reassembly), 10);
}

static void pieces_are_the_text_where_it_lies(void **state)
{
    struct bytes pieces[2];
    (void)state;
    assert_int_equal(reassembly_pieces(&reassembly, 100, pieces), 0);
    assert_int_equal(pieces[0].len + pieces[1].len, 0);
    add(0, 4000);
    assert_reads(4000);
    add(4000, 3000);
    assert_int_equal(reassembly_pieces(&reassembly, 9999, pieces), 3000);
    seqno position = FIRST + 4000;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < pieces[k].len; i++)
            assert_int_equal(pieces[k].data[i], byte_at(position++));
    assert_true(position == FIRST + 7000);
}

/* Random segments of a stream, in any order and overlapping: what is read is the stream. */
static void any_order_gives_the_stream(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct random random;
        const uint64_t total = 20000;
        uint64_t taken = 0;
        random_seed(&random, seed);
        reassembly_release(&reassembly, &memory);
        reassembly_init(&reassembly, &pool, FIRST, 65536);
        for (int i = 0; taken < total; i++) {
            uint64_t from = random_below(&random, total);
            uint64_t len = 1 + random_below(&random, 900);
            if (i > 3000) { /* the tail in order, so that it ends */
                from = reassembly.next - FIRST;
                len = 500;
            }
            if (from + len > total)
                len = total - from;
            add(from, len);
            size_t unread = reassembly_unread(&reassembly);
            if (random_below(&random, 3) == 0 || i > 3000) {
                assert_reads(unread);
                taken += unread;
            }
        }
        if (ranges_count(&reassembly.held) != 0 || reassembly.next != FIRST + total)
            fail_msg("seed %lu", (unsigned long)seed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_order_text_is_readable_at_once),
        TEST(text_beyond_a_hole_waits),
        TEST(filling_one_of_two_holes_says_so),
        TEST(one_segment_may_swallow_several_ranges),
        TEST(what_was_there_is_a_duplicate),
        TEST(only_the_new_part_of_a_straddling_segment_counts),
        TEST(the_first_copy_of_a_byte_wins_in_order),
        TEST(the_first_copy_of_a_byte_wins_beyond_a_hole),
        TEST(the_first_copy_wins_when_a_hole_is_filled_too_far),
        TEST(holes_are_limited),
        TEST(without_a_node_the_text_is_refused_whole),
        TEST(without_storage_making_room_fails_and_keeps_everything),
        TEST(room_that_is_there_is_not_made_again),
        TEST(growing_keeps_text_beyond_holes),
        TEST(peeking_takes_nothing_and_starts_anywhere),
        TEST(pieces_are_the_text_where_it_lies),
        TEST(any_order_gives_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
