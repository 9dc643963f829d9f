/* Parts of a packet become one piece. */
#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct packet in_parts = {
    .parts = {{(const uint8_t *)"head", 4}, {(const uint8_t *)"", 0}, {(const uint8_t *)"text", 4}},
    .count = 3,
};

static void parts_are_joined_in_order(void **state)
{
    (void)state;
    uint8_t out[8];
    assert_int_equal(packet_length(&in_parts), 8);
    assert_int_equal(packet_flatten(&in_parts, out, sizeof out), 8);
    assert_memory_equal(out, "headtext", 8);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    uint8_t out[8] = "untouch";
    assert_int_equal(packet_flatten(&in_parts, out, 7), 0);
    assert_string_equal((char *)out, "untouch");
}

static void only_parts_in_use_count(void **state)
{
    (void)state;
    struct packet one = in_parts;
    one.count = 1;
    uint8_t out[8];
    assert_int_equal(packet_flatten(&one, out, sizeof out), 4);
    assert_memory_equal(out, "head", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_joined_in_order),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(only_parts_in_use_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
