/* Unit tests of dup_acks.c: DeliveredData without SACK (RFC 9937, 6.2). */
#include "tcp/dup_acks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS 1000u

/* R9937-02 */
static void each_duplicate_is_one_segment_but_the_hole_stays(void **state)
{
    (void)state;
    struct dup_acks dups = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(dup_acks_credit(&dups, 4 * MSS, MSS, UINT64_MAX), MSS);
    assert_int_equal(dup_acks_credit(&dups, 4 * MSS, MSS, UINT64_MAX), 0);
    assert_int_equal(dups.credited, 3 * MSS);
    assert_int_equal(dup_acks_credit(&dups, 9 * MSS, MSS, 10), 10);
}

/* R9937-02 */
static void nothing_is_delivered_twice(void **state)
{
    (void)state;
    struct dup_acks dups = {.credited = 3 * MSS};
    assert_int_equal(dup_acks_settle(&dups, 2 * MSS, MSS), MSS);
    assert_int_equal(dups.credited, 2 * MSS);
    assert_int_equal(dup_acks_settle(&dups, MSS / 2, MSS), MSS / 2);
    assert_int_equal(dup_acks_settle(&dups, 6 * MSS, MSS), 4 * MSS);
    assert_int_equal(dups.credited, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_duplicate_is_one_segment_but_the_hole_stays),
        cmocka_unit_test(nothing_is_delivered_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
