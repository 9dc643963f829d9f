/* The IPv4 header: what is read, what is refused, and that nothing outside of it is touched. */
#define _GNU_SOURCE
#include "wire/ipv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire/checksum.h"

/* A header of that many words, with a right checksum. */
static void make(uint8_t packet[100], unsigned header_words, uint16_t total_length)
{
    memset(packet, 0, 100);
    packet[0] = (uint8_t)(0x40 | header_words);
    packet[1] = 0xb9;
    put_be16(packet + 2, total_length);
    put_be16(packet + 4, 0x1c46);
    put_be16(packet + 6, IPV4_DONT_FRAGMENT);
    packet[8] = 64;
    packet[9] = PROTOCOL_TCP;
    memcpy(packet + 12, (const uint8_t[]){172, 16, 10, 99, 172, 16, 10, 12}, 8);
    put_be16(packet + 10, checksum_of(packet, (size_t)header_words * 4));
}

static void fields_are_read(void **state)
{
    (void)state;
    uint8_t packet[100];
    struct ipv4_header h;
    make(packet, 6, 64);
    assert_int_equal(ipv4_parse((struct bytes){packet, 64}, &h), IPV4_OK);
    assert_int_equal(h.header_length, 24);
    assert_int_equal(h.tos, 0xb9);
    assert_int_equal(h.total_length, 64);
    assert_int_equal(h.id, 0x1c46);
    assert_int_equal(h.flags_offset, IPV4_DONT_FRAGMENT);
    assert_int_equal(h.ttl, 64);
    assert_int_equal(h.protocol, PROTOCOL_TCP);
    assert_int_equal(address_ipv4_u32(&h.source), 0xac100a63);
    assert_int_equal(address_ipv4_u32(&h.destination), 0xac100a0c);
    assert_ptr_equal(h.options.data, packet + 20);
    assert_int_equal(h.options.len, 4);
}

static void building_and_reading_gives_the_same(void **state)
{
    (void)state;
    uint8_t packet[100], built[IPV4_HEADER_LENGTH];
    struct ipv4_header h;
    make(packet, 5, 60);
    assert_int_equal(ipv4_parse((struct bytes){packet, 60}, &h), IPV4_OK);
    ipv4_build(&h, built);
    assert_memory_equal(built, packet, IPV4_HEADER_LENGTH);
}

/* R1122-01, mTCP #14, gVisor 41ccfb37a */
static void every_first_byte_is_judged(void **state)
{
    (void)state;
    struct guard g = guard_make();
    for (unsigned first = 0; first < 256; first++) {
        uint8_t packet[100];
        struct ipv4_header h;
        unsigned words = first & 15;
        make(packet, 15, 60);
        packet[0] = (uint8_t)first;
        put_be16(packet + 10, 0);
        put_be16(packet + 10, checksum_of(packet, words < 5 ? 20 : words * 4));
        enum ipv4_fault fault = ipv4_parse(guard_copy(&g, packet, 60), &h);
        if (first >> 4 != 4)
            assert_int_equal(fault, IPV4_BAD_VERSION);
        else
            assert_int_equal(fault, words < 5 ? IPV4_BAD_HEADER_LENGTH : IPV4_OK);
    }
    guard_free(&g);
}

static void truncated_packets_are_refused(void **state)
{
    (void)state;
    struct guard g = guard_make();
    uint8_t packet[100];
    struct ipv4_header h;
    make(packet, 15, 64);
    for (size_t len = 0; len < 64; len++)
        assert_int_equal(ipv4_parse(guard_copy(&g, packet, len), &h),
                         len < 60 ? IPV4_TOO_SHORT : IPV4_BAD_TOTAL_LENGTH);
    assert_int_equal(ipv4_parse(guard_copy(&g, packet, 64), &h), IPV4_OK);
    guard_free(&g);
}

static void total_length_is_between_header_and_packet(void **state)
{
    (void)state;
    for (uint16_t total = 0; total < 100; total++) {
        uint8_t packet[100];
        struct ipv4_header h;
        make(packet, 6, total);
        enum ipv4_fault fault = ipv4_parse((struct bytes){packet, 64}, &h);
        assert_int_equal(fault, total < 24 || total > 64 ? IPV4_BAD_TOTAL_LENGTH : IPV4_OK);
    }
}

/* R1122-01 */
static void every_flipped_bit_breaks_the_checksum(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 20 * 8; bit++) {
        uint8_t packet[100];
        struct ipv4_header h;
        make(packet, 5, 60);
        packet[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_int_not_equal(ipv4_parse((struct bytes){packet, 60}, &h), IPV4_OK);
    }
}

static void a_cut_quotation_is_read_all_the_same(void **state)
{
    (void)state;
    uint8_t packet[100];
    struct ipv4_header h = {0};
    make(packet, 5, 1500);
    assert_int_equal(ipv4_parse((struct bytes){packet, 28}, &h), IPV4_BAD_TOTAL_LENGTH);
    assert_int_equal(h.total_length, 1500);
    assert_int_equal(address_ipv4_u32(&h.source), 0xac100a63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(building_and_reading_gives_the_same),
        cmocka_unit_test(every_first_byte_is_judged),
        cmocka_unit_test(truncated_packets_are_refused),
        cmocka_unit_test(total_length_is_between_header_and_packet),
        cmocka_unit_test(every_flipped_bit_breaks_the_checksum),
        cmocka_unit_test(a_cut_quotation_is_read_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
