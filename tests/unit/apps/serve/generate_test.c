/* The generated body is one and the same wherever one begins to read it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/generate.h"

/* SplitMix64's published outputs for the seed 1234567, lowest byte first. */
static void begins_as_splitmix64_does(void **state)
{
    static const uint64_t expected[] = {UINT64_C(6457827717110365317),
                                        UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423)};
    unsigned char bytes[sizeof expected];
    (void)state;
    generate_bytes(1234567, 0, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], expected[i / 8] >> 8 * (i % 8) & 0xff);
}

static void every_stretch_is_the_same(void **state)
{
    unsigned char whole[64], part[64];
    (void)state;
    generate_bytes(7, 1000, whole, sizeof whole);
    for (size_t from = 0; from <= sizeof whole; from++) {
        for (size_t length = 0; from + length <= sizeof whole; length++) {
            generate_bytes(7, 1000 + from, part, length);
            assert_memory_equal(part, whole + from, length);
        }
    }
    generate_bytes(8, 1000, part, sizeof part);
    assert_memory_not_equal(part, whole, sizeof part);
}

static void reads_size_and_seed(void **state)
{
    static const char *const wrong[] = {"",      "x",   "1?", "1?seed=",    "1?seed=-1",
                                        "1?x=1", "1/2", "-1", "1?seed=1&a", "9223372036854775808"};
    uint64_t size, seed;
    (void)state;
    assert_int_equal(generate_parse("64M?seed=18446744073709551615", &size, &seed), 0);
    assert_int_equal(size, 64 << 20);
    assert_true(seed == UINT64_MAX);
    assert_int_equal(generate_parse("0", &size, &seed), 0);
    assert_int_equal(size, 0);
    assert_int_equal(seed, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (generate_parse(wrong[i], &size, &seed) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_as_splitmix64_does),
        cmocka_unit_test(every_stretch_is_the_same),
        cmocka_unit_test(reads_size_and_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
