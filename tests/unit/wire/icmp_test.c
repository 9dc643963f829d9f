/* ICMP messages of both families, and the packets that they quote. */
#define _GNU_SOURCE
#include "wire/icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static struct address of(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

/* Two ends of each family. */
static const char *const ends[][2] = {{"198.18.0.1", "198.18.0.2"}, {"fd00::1", "fd00::2"}};

/* R4443-04, R1122-10: every length, odd ones too */
static void building_and_reading_gives_the_same(void **state)
{
    (void)state;
    struct guard g = guard_make();
    static uint8_t body[1500], out[1508];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7);
    for (int family = 0; family < 2; family++) {
        struct address a = of(ends[family][0]), b = of(ends[family][1]);
        for (size_t len = 0; len <= sizeof body; len += 1 + len / 50) {
            struct icmp_message m = {8, 3, 0x12345678, {body, len}}, read;
            bool bad;
            assert_int_equal(icmp_build(&m, &a, &b, out, sizeof out), 8 + len);
            assert_true(icmp_parse(guard_copy(&g, out, 8 + len), &a, &b, &read, &bad));
            assert_int_equal(read.type, 8);
            assert_int_equal(read.code, 3);
            assert_int_equal(read.rest, 0x12345678);
            assert_int_equal(read.body.len, len);
            assert_memory_equal(read.body.data, body, len);
        }
    }
    guard_free(&g);
}

static void every_flipped_bit_is_a_bad_checksum(void **state)
{
    (void)state;
    for (int family = 0; family < 2; family++) {
        struct address a = of(ends[family][0]), b = of(ends[family][1]);
        struct icmp_message m = {8, 0, 77, {(const uint8_t *)"ping", 4}}, read;
        uint8_t out[12];
        bool bad;
        assert_int_equal(icmp_build(&m, &a, &b, out, sizeof out), 12);
        for (size_t bit = 0; bit < sizeof out * 8; bit++) {
            out[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            assert_false(icmp_parse((struct bytes){out, 12}, &a, &b, &read, &bad));
            assert_true(bad);
            out[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
    }
}

static void only_ipv6_sums_the_addresses(void **state)
{
    (void)state;
    for (int family = 0; family < 2; family++) {
        struct address a = of(ends[family][0]), b = of(ends[family][1]);
        struct icmp_message m = {.type = 8}, read;
        struct address other = a;
        uint8_t out[8];
        bool bad;
        other.bytes[15] ^= 0x40;
        assert_int_equal(icmp_build(&m, &a, &b, out, sizeof out), 8);
        assert_int_equal(icmp_parse((struct bytes){out, 8}, &other, &b, &read, &bad), family == 0);
    }
}

static void short_messages_are_not_called_bad_checksums(void **state)
{
    (void)state;
    struct guard g = guard_make();
    struct address a = of("198.18.0.1");
    struct icmp_message read;
    uint8_t zeros[8] = {0};
    for (size_t len = 0; len < 8; len++) {
        bool bad = true;
        assert_false(icmp_parse(guard_copy(&g, zeros, len), &a, &a, &read, &bad));
        assert_false(bad);
    }
    guard_free(&g);
}

static void what_does_not_fit_is_not_built(void **state)
{
    (void)state;
    struct address a = of("198.18.0.1");
    struct icmp_message m = {.body = {(const uint8_t *)"ping", 4}};
    uint8_t out[12];
    assert_int_equal(icmp_build(&m, &a, &a, out, 11), 0);
    assert_int_equal(icmp_build(&m, &a, &a, out, 0), 0);
    assert_int_equal(icmp_build(&m, &a, &a, out, 12), 12);
}

/* A quoted IPv4 packet: header and transport bytes of 1, 2, 3 ... */
static size_t quote_ipv4(uint8_t out[64], uint16_t flags_offset, uint16_t total_length)
{
    struct ipv4_header h = {
        .total_length = total_length,
        .flags_offset = flags_offset,
        .ttl = 1,
        .protocol = PROTOCOL_TCP,
        .source = of("198.18.0.1"),
        .destination = of("198.18.0.2"),
    };
    ipv4_build(&h, out);
    for (uint8_t i = 0; i < 44; i++)
        out[20 + i] = (uint8_t)(i + 1);
    return 64;
}

/* R1122-09: the header and 8 bytes are enough */
static void a_quoted_ipv4_packet_is_read(void **state)
{
    (void)state;
    struct guard g = guard_make();
    uint8_t packet[64];
    struct icmp_quoted q;
    quote_ipv4(packet, IPV4_DONT_FRAGMENT, 1500);
    packet[8] = 63; /* a router counted down and did not sum again */
    for (size_t len = 0; len <= 64; len++) {
        bool parsed = icmp_parse_quoted(guard_copy(&g, packet, len), false, &q);
        assert_int_equal(parsed, len >= 28);
        if (!parsed)
            continue;
        assert_int_equal(address_ipv4_u32(&q.source), 0xc6120001);
        assert_int_equal(address_ipv4_u32(&q.destination), 0xc6120002);
        assert_int_equal(q.protocol, PROTOCOL_TCP);
        assert_int_equal(q.transport.len, len - 20);
        assert_int_equal(get_be32(q.transport.data), 0x01020304);
    }
    guard_free(&g);
}

static void quoted_ipv4_options_are_skipped(void **state)
{
    (void)state;
    uint8_t packet[64];
    struct icmp_quoted q;
    quote_ipv4(packet, 0, 64);
    packet[0] = 0x46;
    assert_true(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    assert_int_equal(get_be32(q.transport.data), 0x05060708);
}

/* RFC 4884: extensions behind the quotation */
static void the_quotation_ends_where_its_packet_ends(void **state)
{
    (void)state;
    uint8_t packet[64];
    struct icmp_quoted q;
    quote_ipv4(packet, 0, 40);
    assert_true(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    assert_int_equal(q.transport.len, 20);
    quote_ipv4(packet, 0, 27);
    assert_false(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    quote_ipv4(packet, 0, 10);
    assert_false(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
}

static void later_fragments_and_nonsense_are_refused(void **state)
{
    (void)state;
    uint8_t packet[64];
    struct icmp_quoted q;
    quote_ipv4(packet, 1, 64);
    assert_false(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    quote_ipv4(packet, IPV4_MORE_FRAGMENTS, 64);
    assert_true(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    packet[0] = 0x44;
    assert_false(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
    packet[0] = 0x65;
    assert_false(icmp_parse_quoted((struct bytes){packet, 64}, false, &q));
}

/* A quoted IPv6 packet with a fragment header of that offset. */
static void quote_ipv6(uint8_t out[80], const char *source, uint16_t fragment_offset)
{
    struct ipv6_header h = {
        .payload_length = 1400,
        .next_header = IPV6_FRAGMENT,
        .source = of(source),
        .destination = of("fd00::2"),
    };
    memset(out, 0, 80);
    ipv6_build(&h, out);
    out[40] = PROTOCOL_UDP;
    put_be16(out + 42, (uint16_t)(fragment_offset | 1));
    out[48] = 9;
}

static void a_quoted_ipv6_packet_is_read_behind_its_extensions(void **state)
{
    (void)state;
    struct guard g = guard_make();
    uint8_t packet[80];
    struct icmp_quoted q;
    quote_ipv6(packet, "fd00::1", 0);
    for (size_t len = 0; len <= 80; len++) {
        bool parsed = icmp_parse_quoted(guard_copy(&g, packet, len), true, &q);
        assert_int_equal(parsed, len >= 56);
        if (!parsed)
            continue;
        assert_int_equal(q.protocol, PROTOCOL_UDP);
        assert_int_equal(q.source.bytes[15], 1);
        assert_int_equal(q.destination.bytes[15], 2);
        assert_int_equal(q.transport.data[0], 9);
        assert_int_equal(q.transport.len, len - 48);
    }
    quote_ipv6(packet, "fd00::1", 8);
    assert_false(icmp_parse_quoted((struct bytes){packet, 80}, true, &q));
    guard_free(&g);
}

/* Else an ICMPv6 error could be about an IPv4 connection. */
static void mapped_addresses_are_refused_in_quotations(void **state)
{
    (void)state;
    uint8_t packet[80];
    struct icmp_quoted q;
    quote_ipv6(packet, "::ffff:198.18.0.1", 0);
    assert_false(icmp_parse_quoted((struct bytes){packet, 80}, true, &q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_and_reading_gives_the_same),
        cmocka_unit_test(every_flipped_bit_is_a_bad_checksum),
        cmocka_unit_test(only_ipv6_sums_the_addresses),
        cmocka_unit_test(short_messages_are_not_called_bad_checksums),
        cmocka_unit_test(what_does_not_fit_is_not_built),
        cmocka_unit_test(a_quoted_ipv4_packet_is_read),
        cmocka_unit_test(quoted_ipv4_options_are_skipped),
        cmocka_unit_test(the_quotation_ends_where_its_packet_ends),
        cmocka_unit_test(later_fragments_and_nonsense_are_refused),
        cmocka_unit_test(a_quoted_ipv6_packet_is_read_behind_its_extensions),
        cmocka_unit_test(mapped_addresses_are_refused_in_quotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
