/* Range fields, against a body of ten bytes and an empty one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/byte_range.h"

static void assert_part(const char *field, uint64_t first, uint64_t last)
{
    uint64_t from = 99, to = 99;
    assert_int_equal(byte_range_parse(field, 10, &from, &to), BYTE_RANGE_PART);
    assert_int_equal(from, first);
    assert_int_equal(to, last);
}

static void reads_first_last_and_suffix(void **state)
{
    (void)state;
    assert_part("bytes=0-0", 0, 0);
    assert_part("bytes=2-5", 2, 5);
    assert_part("Bytes= 2-5 ", 2, 5);
    assert_part("bytes=9-", 9, 9);
    assert_part("bytes=0-", 0, 9);
    assert_part("bytes=5-99999999", 5, 9);
    assert_part("bytes=-3", 7, 9);
    assert_part("bytes=-99", 0, 9);
}

static void what_lies_beyond_cannot_be_had(void **state)
{
    uint64_t first, last;
    (void)state;
    assert_int_equal(byte_range_parse("bytes=10-", 10, &first, &last), BYTE_RANGE_BEYOND);
    assert_int_equal(byte_range_parse("bytes=-0", 10, &first, &last), BYTE_RANGE_BEYOND);
    assert_int_equal(byte_range_parse("bytes=0-", 0, &first, &last), BYTE_RANGE_BEYOND);
    assert_int_equal(byte_range_parse("bytes=-5", 0, &first, &last), BYTE_RANGE_BEYOND);
}

static void anything_else_means_the_whole_body(void **state)
{
    static const char *const others[] = {
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes=5-2",
        "bytes=a-b",
        "pages=1-2",
        "bytes=1-2,4-5",
        "bytes=1--2",
        "bytes=0-9223372036854775808",
        "bytes=99999999999999999999-",
        "bytes=-1-2",
    };
    uint64_t first, last;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (byte_range_parse(others[i], 10, &first, &last) != BYTE_RANGE_ALL)
            fail_msg("%s was taken", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_first_last_and_suffix),
        cmocka_unit_test(what_lies_beyond_cannot_be_had),
        cmocka_unit_test(anything_else_means_the_whole_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
