/* Unit tests of stack/sock/zerocopy.c. */
#include "sock/zerocopy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t first, last;

static void a_send_is_told_when_it_is_acknowledged(void **state)
{
    (void)state;
    struct zerocopy zerocopy = {0};
    zerocopy_sent(&zerocopy, 100);
    assert_false(zerocopy_ready(&zerocopy, 99));
    assert_false(zerocopy_tell(&zerocopy, 99, &first, &last));
    assert_true(zerocopy_ready(&zerocopy, 100));
    assert_true(zerocopy_tell(&zerocopy, 100, &first, &last));
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
    assert_false(zerocopy_ready(&zerocopy, 100));
}

static void neighbours_are_told_as_one_range(void **state)
{
    (void)state;
    struct zerocopy zerocopy = {0};
    for (seqno end = 10; end <= 40; end += 10)
        zerocopy_sent(&zerocopy, end);
    assert_true(zerocopy_tell(&zerocopy, 30, &first, &last));
    assert_int_equal(first, 0);
    assert_int_equal(last, 2);
    assert_true(zerocopy_tell(&zerocopy, 40, &first, &last));
    assert_int_equal(first, 3);
    assert_int_equal(last, 3);
}

static void too_many_are_told_together_and_not_too_early(void **state)
{
    (void)state;
    struct zerocopy zerocopy = {0};
    for (seqno end = 1; end <= 100; end++)
        zerocopy_sent(&zerocopy, end);
    assert_true(zerocopy_tell(&zerocopy, 99, &first, &last));
    assert_int_equal(last, ZEROCOPY_PENDING - 2);
    assert_true(zerocopy_tell(&zerocopy, 100, &first, &last));
    assert_int_equal(first, ZEROCOPY_PENDING - 1);
    assert_int_equal(last, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_is_told_when_it_is_acknowledged),
        cmocka_unit_test(neighbours_are_told_as_one_range),
        cmocka_unit_test(too_many_are_told_together_and_not_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
