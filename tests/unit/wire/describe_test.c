/* The one line about a packet, for good packets and for bad ones. */
#define _GNU_SOURCE
#include "wire/describe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "guard.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"
#include "wire/udp_header.h"

enum { SPACE = 2000 };

static uint8_t space[SPACE];

static struct address of(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

/* Puts an IPv4 header before `len` bytes that stand at space + 20. */
static struct bytes in_ipv4(uint8_t protocol, uint16_t flags_offset, size_t len)
{
    struct ipv4_header h = {
        .total_length = (uint16_t)(IPV4_HEADER_LENGTH + len),
        .id = 7,
        .flags_offset = flags_offset,
        .protocol = protocol,
        .source = of("198.18.0.1"),
        .destination = of("198.18.0.2"),
    };
    ipv4_build(&h, space);
    return (struct bytes){space, IPV4_HEADER_LENGTH + len};
}

/* The same at space + 40. */
static struct bytes in_ipv6(uint8_t protocol, size_t len)
{
    struct ipv6_header h = {
        .payload_length = (uint16_t)len,
        .next_header = protocol,
        .source = of("fd00::1"),
        .destination = of("fd00::2"),
    };
    ipv6_build(&h, space);
    return (struct bytes){space, IPV6_HEADER_LENGTH + len};
}

static void reads(struct bytes packet, const char *expected)
{
    char line[512];
    describe_packet(packet, line, sizeof line);
    assert_string_equal(line, expected);
}

static void tcp_reads_like_the_example(void **state)
{
    (void)state;
    struct tcp_header h = {
        .source_port = 80,
        .destination_port = 40000,
        .seq = {1000},
        .ack = {77},
        .flags = TCP_PSH | TCP_ACK,
        .window = 512,
        .options = {.has_timestamps = true, .ts_val = 5, .ts_ecr = 1},
    };
    size_t length = tcp_header_build(&h, space + 20);
    reads(in_ipv4(PROTOCOL_TCP, 0, length + 1460),
          "198.18.0.1:80 > 198.18.0.2:40000 [P.] seq 1000:2460 ack 77 win 512 <ts 5 1> len 1460");
    tcp_header_build(&h, space + 40);
    reads(in_ipv6(PROTOCOL_TCP, length),
          "[fd00::1]:80 > [fd00::2]:40000 [P.] seq 1000 ack 77 win 512 <ts 5 1> len 0");
}

static void syns_show_their_options(void **state)
{
    (void)state;
    struct tcp_header h = {
        .source_port = 1,
        .destination_port = 2,
        .flags = TCP_SYN,
        .options = {.has_mss = true,
                    .mss = 1460,
                    .has_sack_permitted = true,
                    .has_window_scale = true,
                    .window_scale = 8,
                    .has_fast_open = true,
                    .fast_open_length = 4,
                    .fast_open_cookie = {0xc0, 0x0c, 0x1e, 1}},
    };
    size_t length = tcp_header_build(&h, space + 20);
    reads(
        in_ipv4(PROTOCOL_TCP, 0, length),
        "198.18.0.1:1 > 198.18.0.2:2 [S] seq 0 win 0 <mss 1460,sackOK,wscale 8,FO c00c1e01> len 0");
}

static void acks_show_sack_and_accecn(void **state)
{
    (void)state;
    struct tcp_header h = {
        .source_port = 1,
        .destination_port = 2,
        .flags = TCP_ACK | TCP_URG,
        .urgent = 3,
        .options = {.sack_count = 2,
                    .sack = {{{3}, {4}}, {{5}, {6}}},
                    .has_accecn = true,
                    .accecn_count = 1,
                    .accecn = {9}},
    };
    size_t length = tcp_header_build(&h, space + 20);
    reads(
        in_ipv4(PROTOCOL_TCP, 0, length),
        "198.18.0.1:1 > 198.18.0.2:2 [U.] seq 0 ack 0 win 0 urg 3 <accecn0 9,sack 3:4 5:6> len 0");
}

static void illegal_options_are_told(void **state)
{
    (void)state;
    struct tcp_header h = {.flags = TCP_RST};
    tcp_header_build(&h, space + 20);
    space[20 + 12] = 0x60;
    memcpy(space + 40, "\x03\x00\x00\x00", 4);
    reads(in_ipv4(PROTOCOL_TCP, 0, 24),
          "198.18.0.1:0 > 198.18.0.2:0 [R] seq 0 win 0 <malformed> len 0");
}

static void all_flags_fit(void **state)
{
    (void)state;
    char text[12];
    describe_tcp_flags(0xffff, text);
    assert_string_equal(text, "[SFRPUWEe.]");
    describe_tcp_flags(0, text);
    assert_string_equal(text, "[]");
}

static void udp_and_other_protocols(void **state)
{
    (void)state;
    struct udp_header h = {53, 40000, 12, 0};
    udp_header_build(&h, space + 20);
    reads(in_ipv4(PROTOCOL_UDP, 0, 12), "198.18.0.1:53 > 198.18.0.2:40000 udp len 4");
    reads(in_ipv4(PROTOCOL_UDP, 0, 11), "198.18.0.1 > 198.18.0.2 udp with a bad header, 11 bytes");
    reads(in_ipv4(253, 0, 11), "198.18.0.1 > 198.18.0.2 protocol 253 len 11");
    reads(in_ipv4(PROTOCOL_TCP, 0, 19), "198.18.0.1 > 198.18.0.2 tcp with a bad header, 19 bytes");
}

static void fragments_are_told_by_their_place(void **state)
{
    (void)state;
    reads(in_ipv4(PROTOCOL_UDP, IPV4_MORE_FRAGMENTS | 185, 8),
          "198.18.0.1 > 198.18.0.2 fragment id 7 offset 1480+ len 8");
    memcpy(space + 40, "\x11\0\x05\xa8\0\0\0\x09", 8);
    reads(in_ipv6(IPV6_FRAGMENT, 12), "fd00::1 > fd00::2 fragment id 9 offset 1448 len 4");
}

static void icmp_shows_what_it_quotes(void **state)
{
    (void)state;
    struct address a = of("198.18.0.1"), b = of("198.18.0.2");
    struct icmp_message echo = {ICMP_ECHO_REQUEST, 0, 1 << 16 | 2, {(const uint8_t *)"ping", 4}};
    size_t length = icmp_build(&echo, &a, &b, space + 20, 100);
    reads(in_ipv4(PROTOCOL_ICMP, 0, length),
          "198.18.0.1 > 198.18.0.2 icmp echo request id 1 seq 2 len 4");
    space[20 + 8] ^= 1;
    reads(in_ipv4(PROTOCOL_ICMP, 0, length),
          "198.18.0.1 > 198.18.0.2 icmp echo request id 1 seq 2 len 4 (bad checksum)");

    uint8_t quoted[28] = {[20] = 0, [21] = 80, [22] = 0x9c, [23] = 0x40, [27] = 5};
    struct ipv4_header h = {.total_length = 60, .protocol = PROTOCOL_TCP, .source = a};
    h.destination = b;
    ipv4_build(&h, quoted);
    struct icmp_message error = {ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, 1400, {quoted, 28}};
    length = icmp_build(&error, &a, &b, space + 20, 100);
    reads(in_ipv4(PROTOCOL_ICMP, 0, length),
          "198.18.0.1 > 198.18.0.2 icmp unreachable type 3 code 4 value 1400 about "
          "198.18.0.1:80 > 198.18.0.2:40000 protocol 6 seq 5 len 28");
}

static void icmpv6_has_names_of_its_own(void **state)
{
    (void)state;
    struct address a = of("fd00::1"), b = of("fd00::2");
    struct icmp_message message = {.type = ICMPV6_PACKET_TOO_BIG, .rest = 1280};
    size_t length = icmp_build(&message, &a, &b, space + 40, 100);
    reads(in_ipv6(PROTOCOL_ICMPV6, length),
          "fd00::1 > fd00::2 icmp6 packet too big type 2 code 0 value 1280 about what is not "
          "quoted well len 0");
    message = (struct icmp_message){.type = 200};
    length = icmp_build(&message, &a, &b, space + 40, 100);
    reads(in_ipv6(PROTOCOL_ICMPV6, length),
          "fd00::1 > fd00::2 icmp6 message type 200 code 0 value 0 len 0");
}

static void broken_packets_are_told(void **state)
{
    (void)state;
    reads((struct bytes){space, 0}, "not IP, 0 bytes");
    reads((struct bytes){(const uint8_t *)"\x15", 1}, "not IP, 1 bytes");
    reads((struct bytes){(const uint8_t *)"\x45", 1}, "ipv4: too short, 1 bytes");
    reads((struct bytes){(const uint8_t *)"\x65", 1}, "ipv6: too short, 1 bytes");
    struct bytes packet = in_ipv4(PROTOCOL_UDP, 0, 8);
    packet.len--;
    reads(packet, "ipv4: bad total length, 27 bytes");
    packet = in_ipv4(PROTOCOL_UDP, 0, 8);
    space[8]++;
    reads(packet, "ipv4: bad header checksum, 28 bytes");
    packet = in_ipv6(PROTOCOL_UDP, 8);
    packet.len--;
    reads(packet, "ipv6: bad payload length, 47 bytes");
    reads(in_ipv6(IPV6_ROUTING, 4), "fd00::1 > fd00::2 bad extension header, 44 bytes");
}

static void a_short_line_is_cut(void **state)
{
    (void)state;
    struct guard g = guard_make();
    char whole[512];
    struct udp_header h = {53, 40000, 8, 0};
    udp_header_build(&h, space + 20);
    struct bytes packet = in_ipv4(PROTOCOL_UDP, 0, 8);
    describe_packet(packet, whole, sizeof whole);
    for (size_t size = 0; size <= strlen(whole) + 1; size++) {
        char *line = (char *)guard_room(&g, size);
        describe_packet(packet, line, size);
        if (size == 0)
            continue;
        assert_int_equal(strlen(line), size - 1);
        assert_memory_equal(line, whole, size - 1);
    }
    guard_free(&g);
}

static void any_bytes_can_be_described(void **state)
{
    (void)state;
    static const uint8_t protocols[] = {PROTOCOL_TCP,    PROTOCOL_UDP,  PROTOCOL_ICMP,
                                        PROTOCOL_ICMPV6, IPV6_FRAGMENT, IPV6_ROUTING};
    uint64_t seed = 20272;
    struct random random;
    struct guard g = guard_make();
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 30000; i++) {
        char line[512];
        size_t len = random_below(&random, 120);
        for (size_t at = 0; at < IPV6_HEADER_LENGTH + len; at++)
            space[at] = (uint8_t)random_below(&random, random_one_in(&random, 2) ? 256 : 10);
        uint8_t protocol = protocols[random_below(&random, sizeof protocols)];
        struct bytes packet = random_one_in(&random, 2) ? in_ipv4(protocol, 0, len)
                                                        : in_ipv6(protocol, len);
        describe_packet(guard_copy(&g, packet.data, packet.len), line, sizeof line);
        assert_true(strlen(line) > 0 && strlen(line) < sizeof line);
    }
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_reads_like_the_example),
        cmocka_unit_test(syns_show_their_options),
        cmocka_unit_test(acks_show_sack_and_accecn),
        cmocka_unit_test(illegal_options_are_told),
        cmocka_unit_test(all_flags_fit),
        cmocka_unit_test(udp_and_other_protocols),
        cmocka_unit_test(fragments_are_told_by_their_place),
        cmocka_unit_test(icmp_shows_what_it_quotes),
        cmocka_unit_test(icmpv6_has_names_of_its_own),
        cmocka_unit_test(broken_packets_are_told),
        cmocka_unit_test(a_short_line_is_cut),
        cmocka_unit_test(any_bytes_can_be_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
