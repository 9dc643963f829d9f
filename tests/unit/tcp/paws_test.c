/* Unit tests of paws.c: timestamps (RFC 7323, 3 to 5). */
#include "tcp/paws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LAST_ACK (SEQ_FIRST_EPOCH + UINT32_MAX)

static struct instant at_s(int64_t s)
{
    return instant_add(INSTANT_ZERO, duration_s(s));
}

static const uint32_t starts[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX};

/* R7323-12, R7323-17 */
static void older_is_old_and_equal_is_not_whatever_the_clock_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct paws paws = {.recent = starts[i], .recent_at = at_s(1), .enabled = true};
        assert_true(paws_is_old(&paws, starts[i] - 1, at_s(1)));
        assert_true(paws_is_old(&paws, starts[i] - 0x7fffffff, at_s(1)));
        assert_false(paws_is_old(&paws, starts[i], at_s(1)));
        assert_false(paws_is_old(&paws, starts[i] + 1, at_s(1)));
        assert_false(paws_is_old(&paws, starts[i] + 0x7fffffff, at_s(1)));
    }
}

/* R7323-14 */
static void after_24_days_nothing_is_old(void **state)
{
    (void)state;
    struct paws paws = {.recent = 1000, .recent_at = at_s(1)};
    assert_true(paws_is_old(&paws, 999, at_s(1 + 24 * 24 * 3600)));
    assert_false(paws_is_old(&paws, 999, at_s(2 + 24 * 24 * 3600)));
}

/* R7323-11 */
static void what_stands_behind_the_last_ack_is_not_taken_over(void **state)
{
    (void)state;
    struct paws paws = {.recent = 1000, .recent_at = at_s(1)};
    paws_update(&paws, 1005, LAST_ACK + 1, LAST_ACK, at_s(2));
    assert_int_equal(paws.recent, 1000);
    paws_update(&paws, 1005, LAST_ACK, LAST_ACK, at_s(2));
    assert_int_equal(paws.recent, 1005);
    assert_int_equal(paws.recent_at.ns, at_s(2).ns);
    paws_update(&paws, 1006, LAST_ACK - 1, LAST_ACK, at_s(3));
    assert_int_equal(paws.recent, 1006);
}

/* R7323-11 */
static void an_older_one_is_not_taken_over(void **state)
{
    (void)state;
    struct paws paws = {.recent = 1000, .recent_at = at_s(1)};
    paws_update(&paws, 999, LAST_ACK, LAST_ACK, at_s(2));
    assert_int_equal(paws.recent, 1000);
    assert_int_equal(paws.recent_at.ns, at_s(1).ns);
}

/* R7323-14 */
static void after_24_days_any_is_taken_over(void **state)
{
    (void)state;
    struct paws paws = {.recent = 1000, .recent_at = at_s(1)};
    paws_update(&paws, 5, LAST_ACK, LAST_ACK, at_s(25 * 24 * 3600));
    assert_int_equal(paws.recent, 5);
}

/* R7323-15, R7323-22: a tick is a millisecond: 2^31 of them are 24.8 days. */
static void our_clock_ticks_every_millisecond(void **state)
{
    (void)state;
    struct paws paws = {.offset = UINT32_MAX - 3};
    uint32_t first = paws_clock(&paws, at_s(1));
    assert_int_equal(paws_clock(&paws, at_s(2)) - first, 1000);
    assert_int_equal(paws_clock(&paws, (struct instant){1000999999}) - first, 0);
    assert_int_equal(paws_clock(&paws, (struct instant){1001000000}) - first, 1);
}

/* TIME-WAIT / tick freeze: 2^32 ms are 49.7 days. */
static void our_clock_wraps_and_goes_on(void **state)
{
    (void)state;
    struct paws paws = {.offset = 7};
    struct instant before = {(INT64_C(1) << 32) * 1000000 - 1000000};
    uint32_t first = paws_clock(&paws, before);
    assert_int_equal(paws_clock(&paws, instant_add(before, duration_ms(2))) - first, 2);
}

static void an_echo_tells_the_round_trip(void **state)
{
    (void)state;
    struct paws paws = {.offset = UINT32_MAX};
    uint32_t sent = paws_clock(&paws, at_s(5));
    struct instant now = instant_add(at_s(5), duration_ms(37));
    assert_int_equal(duration_to_ms(paws_round_trip(&paws, sent, now)), 37);
    /* less than a tick counts as one */
    assert_int_equal(duration_to_ms(paws_round_trip(&paws, sent, at_s(5))), 1);
}

/* Timer/RTT arithmetic; TSecr validation wrong */
static void an_echo_from_the_future_is_nonsense(void **state)
{
    (void)state;
    struct paws paws = {.offset = 12345};
    uint32_t clock = paws_clock(&paws, at_s(5));
    assert_true(paws_round_trip(&paws, clock + 1, at_s(5)).ns < 0);
    assert_true(paws_round_trip(&paws, clock + 0x7fffffff, at_s(5)).ns < 0);
    assert_true(paws_round_trip(&paws, clock - 0x80000000u, at_s(5)).ns < 0);
    assert_true(paws_round_trip(&paws, clock - 0x7fffffff, at_s(5)).ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_is_old_and_equal_is_not_whatever_the_clock_says),
        cmocka_unit_test(after_24_days_nothing_is_old),
        cmocka_unit_test(what_stands_behind_the_last_ack_is_not_taken_over),
        cmocka_unit_test(an_older_one_is_not_taken_over),
        cmocka_unit_test(after_24_days_any_is_taken_over),
        cmocka_unit_test(our_clock_ticks_every_millisecond),
        cmocka_unit_test(our_clock_wraps_and_goes_on),
        cmocka_unit_test(an_echo_tells_the_round_trip),
        cmocka_unit_test(an_echo_from_the_future_is_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
