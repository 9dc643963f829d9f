/* The UDP header. */
#define _GNU_SOURCE
#include "wire/udp_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"

static void building_and_reading_gives_the_same(void **state)
{
    (void)state;
    struct udp_header h = {53, 40000, 12, 0xbeef}, read;
    uint8_t bytes[12] = {0};
    udp_header_build(&h, bytes);
    assert_memory_equal(bytes, "\0\x35\x9c\x40\0\x0c\xbe\xef", 8);
    assert_true(udp_header_parse((struct bytes){bytes, 12}, &read));
    assert_int_equal(read.source_port, 53);
    assert_int_equal(read.destination_port, 40000);
    assert_int_equal(read.length, 12);
    assert_int_equal(read.checksum, 0xbeef);
}

/* R768-01 */
static void length_is_between_8_and_what_came(void **state)
{
    (void)state;
    struct guard g = guard_make();
    for (size_t came = 0; came <= 40; came++)
        for (uint16_t length = 0; length <= 50; length++) {
            struct udp_header h = {.length = length};
            uint8_t bytes[40] = {0};
            udp_header_build(&h, bytes);
            bool parsed = udp_header_parse(guard_copy(&g, bytes, came), &h);
            assert_int_equal(parsed, came >= 8 && length >= 8 && length <= came);
        }
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_and_reading_gives_the_same),
        cmocka_unit_test(length_is_between_8_and_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
