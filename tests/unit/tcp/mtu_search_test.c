/* The search for the largest packet that a path carries. */
#include "tcp/mtu_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { THRESHOLD = 8 };

static struct instant at_s(int64_t s)
{
    return instant_add(INSTANT_ZERO, duration_s(s));
}

static uint32_t next_at(const struct mtu_search *search, int64_t s)
{
    return mtu_search_next(search, THRESHOLD, duration_s(600), at_s(s));
}

/* Probes until there is nothing left, over a path that carries `path`. How many. */
static unsigned searches(struct mtu_search *search, uint32_t path, int64_t s)
{
    unsigned probes = 0;
    uint32_t probe;

    while ((probe = next_at(search, s)) > 0) {
        assert_true(probe > search->low && probe <= search->most);
        mtu_search_sent(search, probe);
        if (probe <= path)
            mtu_search_arrived(search, at_s(s));
        else
            mtu_search_lost(search, at_s(s));
        assert_true(search->low <= path);
        assert_true(++probes < 20);
    }
    return probes;
}

/* R4821-01: for every path it ends near the path's MTU, never above, in a few probes. */
static void every_path_is_found(void **state)
{
    (void)state;
    for (uint32_t path = 1064; path <= 9000; path++) {
        struct mtu_search search;
        mtu_search_start(&search, 1064, 9000, at_s(0));
        assert_true(searches(&search, path, 0) <= 11);
        assert_true(search.low <= path && path - search.low < THRESHOLD);
    }
}

/* R8899-02: one probe at a time. */
static void one_probe_at_a_time(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1064, 1500, at_s(0));
    assert_int_equal(next_at(&search, 0), 1282);
    mtu_search_sent(&search, 1282);
    assert_int_equal(next_at(&search, 0), 0);
    mtu_search_lost(&search, at_s(0));
    assert_int_equal(search.high, 1281);
    assert_int_equal(next_at(&search, 0), 1173);
}

static void there_is_nothing_to_search_below_the_base(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1064, 900, at_s(0));
    assert_int_equal(search.low, 900);
    assert_int_equal(next_at(&search, 10000), 0);
}

/* R8899-02: RFC 8899, 5.1.1: tried again after a while without news. */
static void it_begins_again_after_the_interval(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1064, 1500, at_s(0));
    searches(&search, 1200, 5);
    assert_in_range(search.low, 1193, 1200);
    assert_int_equal(next_at(&search, 604), 0);
    assert_true(next_at(&search, 605) > 1300);
    searches(&search, 1500, 605);
    assert_in_range(search.low, 1493, 1500);
}

static void doubt_counts_the_second_time(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1000, 1500, at_s(0));
    mtu_search_in_doubt(&search, at_s(0)); /* none is on its way */
    mtu_search_sent(&search, 1250);
    mtu_search_in_doubt(&search, at_s(0));
    assert_int_equal(next_at(&search, 0), 1250);
    mtu_search_sent(&search, 1250);
    mtu_search_in_doubt(&search, at_s(0));
    assert_int_equal(search.high, 1249);
    assert_true(next_at(&search, 0) < 1250);
}

/* R8899-01: RFC 8899, 4.6.2: a router's number bounds the search and raises nothing. */
static void a_router_bounds_it(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1000, 1500, at_s(0));
    mtu_search_sent(&search, 1250);
    assert_false(mtu_search_bounded(&search, 1600, at_s(0)));
    assert_false(mtu_search_bounded(&search, 1400, at_s(0)));
    assert_int_equal(search.high, 1400);
    assert_int_equal(search.probe, 1250);
    assert_true(mtu_search_bounded(&search, 1200, at_s(0)));
    assert_int_equal(search.probe, 0);
    assert_int_equal(search.high, 1200);
    assert_false(mtu_search_bounded(&search, 500, at_s(0)));
    assert_int_equal(search.high, 1000);
    assert_int_equal(search.low, 1000);
}

/* R8899-04 */
static void a_black_hole_makes_it_fall(void **state)
{
    struct mtu_search search;

    (void)state;
    mtu_search_start(&search, 1064, 1500, at_s(0));
    searches(&search, 1500, 0);
    mtu_search_fall(&search, 700, at_s(10));
    assert_int_equal(search.low, 700);
    mtu_search_fall(&search, 900, at_s(10)); /* never up */
    assert_int_equal(search.low, 700);
    searches(&search, 1200, 10);
    assert_in_range(search.low, 1193, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_found),
        cmocka_unit_test(one_probe_at_a_time),
        cmocka_unit_test(there_is_nothing_to_search_below_the_base),
        cmocka_unit_test(it_begins_again_after_the_interval),
        cmocka_unit_test(doubt_counts_the_second_time),
        cmocka_unit_test(a_router_bounds_it),
        cmocka_unit_test(a_black_hole_makes_it_fall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
