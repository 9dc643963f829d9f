/* What a Fast Open client remembers, for whom and how long. */
#include "tcp/fast_open_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct fast_open_cache cache;

static struct flow flow_to(uint8_t host, uint16_t port)
{
    struct flow flow = {.local = {address_from_ipv4_u32(0xc6120001), 1000},
                        .remote = {address_from_ipv4_u32(0xc6120100u + host), port}};
    return flow;
}

static struct instant at_s(int64_t s)
{
    return instant_add(INSTANT_ZERO, duration_s(s));
}

static struct fast_open_answer answer_with(uint8_t first, uint16_t mss)
{
    return (struct fast_open_answer){.mss = mss, .cookie = {.length = 8, .bytes = {first}}};
}

static int set_up(void **state)
{
    (void)state;
    fast_open_cache_init(&cache);
    return 0;
}

/* R7413-05: by both addresses; ports do not matter. */
static void a_cookie_is_found_again_by_addresses(void **state)
{
    struct flow here = flow_to(1, 80), same = flow_to(1, 443), other = flow_to(2, 80);
    struct fast_open_answer answer = answer_with(7, 1400);
    struct flow from_elsewhere = here;

    (void)state;
    from_elsewhere.local.address.bytes[15]++;
    assert_null(fast_open_cache_find(&cache, &here));
    fast_open_cache_answer(&cache, &here, &answer);
    assert_int_equal(fast_open_cache_find(&cache, &same)->cookie.bytes[0], 7);
    assert_int_equal(fast_open_cache_find(&cache, &same)->mss, 1400);
    assert_null(fast_open_cache_find(&cache, &other));
    assert_null(fast_open_cache_find(&cache, &from_elsewhere));
}

static void an_answer_without_a_cookie_leaves_the_cookie(void **state)
{
    struct flow here = flow_to(1, 80);
    struct fast_open_answer with = answer_with(7, 1400), newer = answer_with(8, 0);
    struct fast_open_answer without = {.mss = 1000};

    (void)state;
    fast_open_cache_answer(&cache, &here, &with);
    fast_open_cache_answer(&cache, &here, &without);
    assert_int_equal(fast_open_cache_find(&cache, &here)->cookie.bytes[0], 7);
    assert_int_equal(fast_open_cache_find(&cache, &here)->mss, 1000);
    fast_open_cache_answer(&cache, &here, &newer);
    assert_int_equal(fast_open_cache_find(&cache, &here)->cookie.bytes[0], 8);
    assert_int_equal(fast_open_cache_find(&cache, &here)->mss, 1000);
}

static void the_experiments_form_is_tried_once(void **state)
{
    struct flow here = flow_to(1, 80);
    struct fast_open_answer none = {.asked_in_vain = true};
    static const enum fast_open_form forms[] = {FAST_OPEN_EXPERIMENT, FAST_OPEN_STANDARD_AGAIN,
                                                FAST_OPEN_STANDARD_AGAIN};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        fast_open_cache_answer(&cache, &here, &none);
        assert_int_equal(fast_open_cache_find(&cache, &here)->form, forms[i]);
    }
}

/* R7413-05: negative responses: this port, for a while, longer each time. */
static void a_failure_is_remembered_by_port(void **state)
{
    struct flow here = flow_to(1, 80), other = flow_to(1, 443);

    (void)state;
    assert_true(fast_open_cache_allows(&cache, &here, at_s(0)));
    fast_open_cache_failed(&cache, &here, at_s(0));
    assert_false(fast_open_cache_allows(&cache, &here, at_s(119)));
    assert_true(fast_open_cache_allows(&cache, &other, at_s(1)));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(120)));
    fast_open_cache_failed(&cache, &here, at_s(120));
    assert_false(fast_open_cache_allows(&cache, &here, at_s(120 + 239)));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(120 + 240)));
    for (int i = 0; i < 20; i++)
        fast_open_cache_failed(&cache, &here, at_s(400));
    assert_false(fast_open_cache_allows(&cache, &here, at_s(400 + 3839)));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(400 + 3840)));
    fast_open_cache_failed(&cache, &here, at_s(5000));
    fast_open_cache_worked(&cache, &here);
    assert_true(fast_open_cache_allows(&cache, &here, at_s(5000)));
    fast_open_cache_failed(&cache, &here, at_s(6000));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(6120)));
}

/* R7413-05: the port that failed last is the one that is remembered. */
static void another_port_begins_anew(void **state)
{
    struct flow here = flow_to(1, 80), other = flow_to(1, 443);

    (void)state;
    fast_open_cache_failed(&cache, &here, at_s(0));
    fast_open_cache_failed(&cache, &here, at_s(0));
    fast_open_cache_failed(&cache, &other, at_s(0));
    assert_false(fast_open_cache_allows(&cache, &other, at_s(119)));
    assert_true(fast_open_cache_allows(&cache, &other, at_s(120)));
}

/* R7413-05 */
static void a_pause_is_for_all_and_doubles(void **state)
{
    struct flow here = flow_to(1, 80), other = flow_to(2, 80);

    (void)state;
    fast_open_cache_pause(&cache, duration_s(10), at_s(0));
    assert_false(fast_open_cache_allows(&cache, &here, at_s(9)));
    assert_false(fast_open_cache_allows(&cache, &other, at_s(9)));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(10)));
    fast_open_cache_pause(&cache, duration_s(10), at_s(10));
    assert_false(fast_open_cache_allows(&cache, &here, at_s(29)));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(30)));
    for (int i = 0; i < 20; i++)
        fast_open_cache_pause(&cache, duration_s(10), at_s(30));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(30 + 640)));
    fast_open_cache_worked(&cache, &here);
    fast_open_cache_pause(&cache, duration_s(10), at_s(1000));
    assert_true(fast_open_cache_allows(&cache, &here, at_s(1010)));
}

/* TFO abuse: however many servers there are, the cache stays as large as it is. */
static void the_oldest_path_makes_room(void **state)
{
    struct fast_open_answer answer = answer_with(1, 1400);
    struct flow first = flow_to(0, 80), second = flow_to(1, 80);

    (void)state;
    for (uint8_t i = 0; i < FAST_OPEN_PATHS; i++) {
        struct flow flow = flow_to(i, 80);
        fast_open_cache_answer(&cache, &flow, &answer);
    }
    assert_non_null(fast_open_cache_find(&cache, &first)); /* used: no more the oldest */
    struct flow one_more = flow_to(200, 80);
    fast_open_cache_answer(&cache, &one_more, &answer);
    assert_non_null(fast_open_cache_find(&cache, &one_more));
    assert_non_null(fast_open_cache_find(&cache, &first));
    assert_null(fast_open_cache_find(&cache, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_cookie_is_found_again_by_addresses, set_up),
        cmocka_unit_test_setup(an_answer_without_a_cookie_leaves_the_cookie, set_up),
        cmocka_unit_test_setup(the_experiments_form_is_tried_once, set_up),
        cmocka_unit_test_setup(a_failure_is_remembered_by_port, set_up),
        cmocka_unit_test_setup(another_port_begins_anew, set_up),
        cmocka_unit_test_setup(a_pause_is_for_all_and_doubles, set_up),
        cmocka_unit_test_setup(the_oldest_path_makes_room, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
