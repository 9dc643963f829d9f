/* Time saturates: never stays never, and nothing wraps. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void never_plus_anything_is_never(void **state)
{
    (void)state;
    assert_true(instant_is_never(instant_add(INSTANT_NEVER, duration_s(-1))));
    assert_true(instant_is_never(instant_add(INSTANT_NEVER, duration_s(1))));
    assert_true(instant_is_never(instant_add((struct instant){5}, DURATION_FOREVER)));
    assert_true(instant_is_never(instant_back(INSTANT_NEVER, duration_s(1))));
}

static void sums_saturate(void **state)
{
    (void)state;
    struct duration most = DURATION_FOREVER;
    struct duration least = {INT64_MIN};
    assert_int_equal(duration_add(most, duration_ns(1)).ns, INT64_MAX);
    assert_int_equal(duration_add(least, duration_ns(-1)).ns, INT64_MIN);
    assert_int_equal(duration_times(duration_s(1), INT64_MAX).ns, INT64_MAX);
    assert_int_equal(duration_s(INT64_MAX).ns, INT64_MAX);
    assert_int_equal(duration_ms(INT64_MAX).ns, INT64_MAX);
    assert_int_equal(duration_us(INT64_MAX).ns, INT64_MAX);
}

static void units_are_what_they_say(void **state)
{
    (void)state;
    assert_int_equal(duration_s(2).ns, 2000000000);
    assert_int_equal(duration_ms(2).ns, 2000000);
    assert_int_equal(duration_us(2).ns, 2000);
    assert_int_equal(duration_to_ms(duration_s(3)), 3000);
    assert_int_equal(duration_to_us(duration_ms(3)), 3000);
    assert_int_equal(duration_times(duration_ms(2), 3).ns, duration_ms(6).ns);
}

static void going_back_stops_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(instant_back((struct instant){10}, duration_ns(4)).ns, 6);
    assert_int_equal(instant_back((struct instant){10}, duration_ns(40)).ns, 0);
}

static void distances_have_a_sign(void **state)
{
    (void)state;
    struct instant early = {10}, late = {25};
    assert_int_equal(instant_since(late, early).ns, 15);
    assert_int_equal(instant_since(early, late).ns, -15);
    assert_int_equal(instant_since(INSTANT_NEVER, early).ns, INT64_MAX);
    assert_int_equal(instant_since(early, INSTANT_NEVER).ns, INT64_MIN);
}

static void deadlines_come_at_their_instant(void **state)
{
    (void)state;
    struct instant early = {10}, late = {25};
    assert_true(instant_reached(early, early));
    assert_false(instant_reached(late, early));
    assert_false(instant_reached(INSTANT_NEVER, late));
    assert_true(instant_before(early, late));
    assert_int_equal(instant_min(early, late).ns, 10);
    assert_int_equal(instant_max(early, late).ns, 25);
    assert_int_equal(duration_min(duration_ns(1), duration_ns(2)).ns, 1);
    assert_int_equal(duration_max(duration_ns(1), duration_ns(2)).ns, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_plus_anything_is_never),
        cmocka_unit_test(sums_saturate),
        cmocka_unit_test(units_are_what_they_say),
        cmocka_unit_test(going_back_stops_at_the_start),
        cmocka_unit_test(distances_have_a_sign),
        cmocka_unit_test(deadlines_come_at_their_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
