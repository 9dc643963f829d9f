/* Numbers that users type. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/numbers.h"

static void numbers_are_digits_within_a_limit(void **state)
{
    uint64_t value = 7;
    (void)state;
    assert_int_equal(number_parse("0", 10, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(number_parse("18446744073709551615", UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(number_parse("18446744073709551616", UINT64_MAX, &value), -ERANGE);
    assert_int_equal(number_parse("11", 10, &value), -ERANGE);
    assert_int_equal(number_parse("9", 5, &value), -ERANGE);
    const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1k"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(number_parse(wrong[i], 100, &value), -EINVAL);
    assert_true(value == UINT64_MAX);
}

static void sizes_count_in_powers_of_1024(void **state)
{
    uint64_t bytes = 0;
    (void)state;
    assert_int_equal(size_parse("64M", &bytes), 0);
    assert_true(bytes == UINT64_C(64) << 20);
    assert_int_equal(size_parse("1KiB", &bytes), 0);
    assert_int_equal(bytes, 1024);
    assert_int_equal(size_parse("12B", &bytes), 0);
    assert_int_equal(bytes, 12);
    assert_int_equal(size_parse("3GB", &bytes), 0);
    assert_true(bytes == UINT64_C(3) << 30);
    assert_int_equal(size_parse("16777216T", &bytes), -ERANGE);
    assert_int_equal(size_parse("1X", &bytes), -EINVAL);
    assert_int_equal(size_parse("1Mx", &bytes), -EINVAL);
    assert_int_equal(size_parse("M", &bytes), -EINVAL);
}

static void seconds_may_have_decimals(void **state)
{
    int64_t ns = 0;
    (void)state;
    assert_int_equal(seconds_parse("1.5", &ns), 0);
    assert_int_equal(ns, 1500000000);
    assert_int_equal(seconds_parse("0.000000001s", &ns), 0);
    assert_int_equal(ns, 1);
    assert_int_equal(seconds_parse("99999999999", &ns), -ERANGE);
    assert_int_equal(seconds_parse("1.0000000001", &ns), -EINVAL);
    assert_int_equal(seconds_parse("-1", &ns), -EINVAL);
    assert_int_equal(seconds_parse("1m", &ns), -EINVAL);
}

static void sizes_read_well(void **state)
{
    char text[SIZE_TEXT];
    (void)state;
    assert_string_equal(size_text(0, text), "0 B");
    assert_string_equal(size_text(1023, text), "1023 B");
    assert_string_equal(size_text(1024, text), "1.0 KiB");
    assert_string_equal(size_text(UINT64_C(1) << 26, text), "64.0 MiB");
    assert_string_equal(size_text(UINT64_MAX, text), "16.0 EiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_within_a_limit),
        cmocka_unit_test(sizes_count_in_powers_of_1024),
        cmocka_unit_test(seconds_may_have_decimals),
        cmocka_unit_test(sizes_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
