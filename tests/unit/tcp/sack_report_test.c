/* Unit tests of sack_report.c: what our ACKs say in their SACK option (RFC 2018, 4; RFC 2883, 4).
 */
#include "tcp/sack_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct memory memory;
static struct pool pool;
static struct ranges held;
static struct sack_report report;
static struct sack_span blocks[4];

static int setup(void **state)
{
    (void)state;
    if (memory_init(&memory, 1 << 20) != 0)
        return -1;
    pool_init(&pool, &memory, sizeof(struct range));
    ranges_init(&held, &pool);
    report = (struct sack_report){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ranges_clear(&held);
    pool_destroy(&pool);
    memory_destroy(&memory);
    return 0;
}

static void keep(seqno from, seqno to)
{
    uint64_t whole_from, whole_to;

    assert_int_equal(ranges_add(&held, from, to, &whole_from, &whole_to), 0);
    sack_report_kept(&report, &held, from);
}

static unsigned ask(seqno next, unsigned most)
{
    unsigned count = sack_report_blocks(&report, &held, next, most, blocks);

    sack_report_sent(&report);
    return count;
}

static void assert_block(unsigned i, seqno from, seqno to)
{
    assert_true(blocks[i].from == from);
    assert_true(blocks[i].to == to);
}

static void nothing_held_is_nothing_reported(void **state)
{
    (void)state;
    assert_int_equal(ask(100, 4), 0);
}

/* R2018-04 */
static void the_newest_comes_first(void **state)
{
    (void)state;
    keep(200, 300);
    keep(400, 500);
    keep(600, 700);
    assert_int_equal(ask(100, 4), 3);
    assert_block(0, 600, 700);
    assert_block(1, 400, 500);
    assert_block(2, 200, 300);
    keep(300, 350); /* joins the oldest: its whole range comes first now */
    assert_int_equal(ask(100, 4), 3);
    assert_block(0, 200, 350);
    assert_block(1, 600, 700);
    assert_block(2, 400, 500);
}

static void joined_ranges_are_reported_once(void **state)
{
    (void)state;
    keep(200, 300);
    keep(400, 500);
    keep(300, 400);
    assert_int_equal(ask(100, 4), 1);
    assert_block(0, 200, 500);
    assert_int_equal(report.count, 1);
}

/* R2018-05: each block comes at least three times while four fit. */
static void as_many_as_fit_and_the_recent_again(void **state)
{
    unsigned seen[6] = {0};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        keep(200 + 100 * i, 250 + 100 * i);
        unsigned count = ask(100, 3);
        assert_int_equal(count, i < 2 ? i + 1 : 3);
        for (unsigned k = 0; k < count; k++)
            seen[(blocks[k].from - 200) / 100]++;
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(seen[i], 3);
}

/* R2018-04: what came at once is told by as many ACKs as it takes, the newest first. */
static void all_that_came_at_once_is_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 7; i++)
        keep(200 + 100 * i, 250 + 100 * i);
    assert_int_equal(ask(100, 3), 3);
    assert_block(0, 800, 850);
    assert_true(sack_report_is_behind(&report));
    assert_int_equal(ask(100, 3), 3);
    assert_block(0, 500, 550);
    assert_true(sack_report_is_behind(&report));
    assert_int_equal(ask(100, 3), 3);
    assert_block(0, 200, 250);
    assert_block(1, 800, 850); /* and the recent again */
    assert_false(sack_report_is_behind(&report));
}

/* Many segments of one range push no other out. */
static void a_range_is_remembered_once(void **state)
{
    (void)state;
    keep(200, 210);
    for (unsigned i = 0; i < 40; i++)
        keep(300 + 10 * i, 310 + 10 * i);
    assert_int_equal(report.count, 2);
    assert_int_equal(ask(100, 2), 2);
    assert_block(0, 300, 700);
    assert_block(1, 200, 210);
}

static void what_was_acknowledged_is_not_reported(void **state)
{
    (void)state;
    keep(200, 300);
    keep(400, 500);
    ranges_remove_below(&held, 300);
    assert_int_equal(ask(300, 4), 1);
    assert_block(0, 400, 500);
    assert_int_equal(report.count, 1);
}

/* R2018-08: only what is held is reported. */
static void what_was_forgotten_is_not_reported(void **state)
{
    (void)state;
    keep(200, 300);
    keep(400, 500);
    assert_int_equal(ranges_remove(&held, 400, 500), 0);
    assert_int_equal(ask(100, 4), 1);
    assert_block(0, 200, 300);
}

/* R2883-01 */
static void a_duplicate_below_is_first_and_once(void **state)
{
    (void)state;
    keep(200, 300);
    sack_report_duplicate(&report, 50, 80);
    assert_int_equal(ask(100, 4), 2);
    assert_block(0, 50, 80);
    assert_block(1, 200, 300);
    assert_int_equal(ask(100, 4), 1);
    assert_block(0, 200, 300);
}

/* R2883-01 */
static void a_duplicate_alone_is_reported(void **state)
{
    (void)state;
    sack_report_duplicate(&report, 50, 80);
    assert_int_equal(ask(100, 4), 1);
    assert_block(0, 50, 80);
    assert_int_equal(ask(100, 4), 0);
}

/* R2883-02 */
static void a_duplicate_above_is_followed_by_what_encloses_it(void **state)
{
    (void)state;
    keep(200, 400);
    keep(600, 700);
    sack_report_duplicate(&report, 250, 300);
    assert_int_equal(ask(100, 4), 3);
    assert_block(0, 250, 300);
    assert_block(1, 200, 400);
    assert_block(2, 600, 700);
}

/* R2883-01: a duplicate with the very edges of its range is not taken for that range. */
static void a_duplicate_of_a_whole_range_is_followed_by_it(void **state)
{
    (void)state;
    keep(200, 400);
    sack_report_duplicate(&report, 200, 400);
    assert_int_equal(ask(100, 4), 2);
    assert_block(0, 200, 400);
    assert_block(1, 200, 400);
}

static void a_duplicate_takes_one_of_the_places(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        keep(200 + 100 * i, 250 + 100 * i);
    sack_report_duplicate(&report, 50, 80);
    assert_int_equal(ask(100, 3), 3);
    assert_block(0, 50, 80);
    assert_block(1, 500, 550);
    assert_block(2, 400, 450);
}

static void no_place_is_no_block(void **state)
{
    (void)state;
    keep(200, 300);
    sack_report_duplicate(&report, 50, 80);
    assert_int_equal(ask(100, 0), 0);
}

static void only_the_newest_are_remembered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        keep(200 + 100 * i, 250 + 100 * i);
    assert_int_equal(report.count, SACK_REPORT_REMEMBERED);
    assert_int_equal(ask(100, 4), 4);
    assert_block(0, 2100, 2150);
    assert_block(3, 1800, 1850);
}

/* R2018-03, R2883-02 */
static void a_duplicate_does_not_make_its_range_forgotten(void **state)
{
    (void)state;
    keep(200, 400);
    sack_report_duplicate(&report, 250, 300);
    assert_int_equal(ask(100, 4), 2);
    assert_int_equal(ask(100, 4), 1);
    assert_block(0, 200, 400);
}

/* R2018-03: ranges that were pushed out of the memory are reported while there is room. */
static void what_is_not_remembered_is_still_reported(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SACK_REPORT_REMEMBERED; i++)
        keep(5000 + 100 * i, 5050 + 100 * i);
    for (unsigned i = 0; i < SACK_REPORT_REMEMBERED; i++)
        keep(200 + 100 * i, 250 + 100 * i);
    ranges_remove_below(&held, 5000);
    assert_int_equal(ask(4900, 4), 4);
    assert_block(0, 5000, 5050);
    assert_block(3, 5300, 5350);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_held_is_nothing_reported),
        TEST(the_newest_comes_first),
        TEST(joined_ranges_are_reported_once),
        TEST(as_many_as_fit_and_the_recent_again),
        TEST(all_that_came_at_once_is_told),
        TEST(a_range_is_remembered_once),
        TEST(what_was_acknowledged_is_not_reported),
        TEST(what_was_forgotten_is_not_reported),
        TEST(a_duplicate_below_is_first_and_once),
        TEST(a_duplicate_alone_is_reported),
        TEST(a_duplicate_above_is_followed_by_what_encloses_it),
        TEST(a_duplicate_of_a_whole_range_is_followed_by_it),
        TEST(a_duplicate_takes_one_of_the_places),
        TEST(no_place_is_no_block),
        TEST(only_the_newest_are_remembered),
        TEST(a_duplicate_does_not_make_its_range_forgotten),
        TEST(what_is_not_remembered_is_still_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
