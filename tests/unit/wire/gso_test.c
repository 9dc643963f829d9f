/* Cutting super-segments: every wire packet is right by itself, and together they are the whole. */
#define _GNU_SOURCE
#include "wire/gso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"
#include "wire/udp_header.h"

enum { SPACE = 65536, GSO_SIZE = 1000 };

/* A super-segment in the making. */
struct draft {
    uint8_t bytes[SPACE];
    size_t transport, payload, length;
    struct packet packet;
};

static struct address of(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static uint8_t text_at(size_t position)
{
    return (uint8_t)(position * 11 + (position >> 8));
}

static void put_ip(struct draft *d, bool ipv6, uint8_t protocol)
{
    if (ipv6) {
        struct ipv6_header h = {
            .payload_length = (uint16_t)(d->length - IPV6_HEADER_LENGTH),
            .next_header = protocol,
            .hop_limit = 64,
            .source = of("fd00::1"),
            .destination = of("fd00::2"),
        };
        ipv6_build(&h, d->bytes);
    } else {
        struct ipv4_header h = {
            .total_length = (uint16_t)d->length,
            .id = 0xffff,
            .flags_offset = IPV4_DONT_FRAGMENT,
            .ttl = 64,
            .protocol = protocol,
            .source = of("198.18.0.1"),
            .destination = of("198.18.0.2"),
        };
        ipv4_build(&h, d->bytes);
    }
}

static void put_transport(struct draft *d, uint8_t protocol, unsigned tcp_flags)
{
    if (protocol == PROTOCOL_TCP) {
        struct tcp_header h = {
            .source_port = 80,
            .destination_port = 40000,
            .seq = {UINT32_MAX - 100},
            .ack = {77},
            .flags = (uint16_t)tcp_flags,
            .options = {.has_timestamps = true, .ts_val = 5},
        };
        tcp_header_build(&h, d->bytes + d->transport);
    } else {
        struct udp_header h = {53, 40000, (uint16_t)(d->length - d->transport), 0};
        udp_header_build(&h, d->bytes + d->transport);
    }
}

/* A super-segment of `payload` bytes whose checksum is left to the device. */
static void make(struct draft *d, bool ipv6, uint8_t protocol, size_t payload)
{
    size_t ip = ipv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH;
    d->transport = ip;
    d->payload = ip + (protocol == PROTOCOL_TCP ? 32 : UDP_HEADER_LENGTH);
    d->length = d->payload + payload;
    put_ip(d, ipv6, protocol);
    put_transport(d, protocol, TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR);
    for (size_t i = 0; i < payload; i++)
        d->bytes[d->payload + i] = text_at(i);
    d->packet = (struct packet){
        .parts = {{d->bytes, d->length}},
        .count = 1,
        .gso_size = GSO_SIZE,
        .checksum_at = (uint16_t)ip,
        .checksum_offset = protocol == PROTOCOL_TCP ? 16 : 6,
        .header_length = (uint16_t)d->payload,
        .checksum = PACKET_CHECKSUM_PARTIAL,
    };
}

/* Zero when the transport checksum of a wire packet is right. */
static uint16_t transport_sum(const uint8_t *out, size_t length, bool ipv6, uint8_t protocol)
{
    size_t ip = ipv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH;
    struct address a = of(ipv6 ? "fd00::1" : "198.18.0.1");
    struct address b = of(ipv6 ? "fd00::2" : "198.18.0.2");
    struct checksum c = {0};
    checksum_add_pseudo(&c, &a, &b, protocol, (uint32_t)(length - ip));
    checksum_add(&c, out + ip, length - ip);
    return checksum_finish(&c);
}

static void expect_ip(const uint8_t *out, size_t length, bool ipv6, size_t index)
{
    struct ipv4_header v4;
    struct ipv6_header v6;
    if (ipv6) {
        assert_int_equal(ipv6_parse((struct bytes){out, length}, &v6), IPV6_OK);
        assert_int_equal(v6.payload_length, length - IPV6_HEADER_LENGTH);
    } else {
        assert_int_equal(ipv4_parse((struct bytes){out, length}, &v4), IPV4_OK);
        assert_int_equal(v4.total_length, length);
        assert_int_equal(v4.id, (uint16_t)(0xffff + index));
    }
}

static void expect_transport(const uint8_t *transport, size_t length, uint8_t protocol,
                             size_t offset, bool last)
{
    struct bytes segment = {transport, length};
    struct tcp_header tcp;
    struct udp_header udp;
    if (protocol == PROTOCOL_UDP) {
        assert_true(udp_header_parse(segment, &udp));
        assert_int_equal(udp.length, length);
        return;
    }
    assert_int_equal(tcp_header_parse(segment, &tcp), TCP_HEADER_OK);
    assert_int_equal(tcp.seq.u32, (uint32_t)(UINT32_MAX - 100 + offset));
    assert_int_equal(tcp.ack.u32, 77);
    assert_int_equal(tcp.options.ts_val, 5);
    unsigned expected = TCP_ACK;
    if (offset == 0)
        expected |= TCP_CWR;
    if (last)
        expected |= TCP_PSH | TCP_FIN;
    assert_int_equal(tcp.flags, expected);
}

static void cut_and_expect(const struct draft *d, bool ipv6, uint8_t protocol)
{
    static uint8_t out[SPACE];
    size_t payload = d->length - d->payload, offset = 0;
    size_t count = gso_count(&d->packet);
    assert_int_equal(count, payload ? (payload + GSO_SIZE - 1) / GSO_SIZE : 1);
    for (size_t i = 0; i < count; i++) {
        size_t length = gso_cut(&d->packet, i, out, sizeof out);
        assert_true(length >= d->payload);
        size_t piece = length - d->payload;
        expect_ip(out, length, ipv6, i);
        expect_transport(out + d->transport, length - d->transport, protocol, offset,
                         i + 1 == count);
        assert_int_equal(transport_sum(out, length, ipv6, protocol), 0);
        assert_memory_equal(out + d->payload, d->bytes + d->payload + offset, piece);
        offset += piece;
    }
    assert_int_equal(offset, payload);
    assert_int_equal(gso_cut(&d->packet, count, out, sizeof out), 0);
}

static void pieces_are_right_and_make_the_whole(void **state)
{
    (void)state;
    static const size_t payloads[] = {0, 1, 999, 1000, 1001, 2000, 2001, 65000};
    static struct draft d;
    for (int ipv6 = 0; ipv6 < 2; ipv6++)
        for (int tcp = 0; tcp < 2; tcp++)
            for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
                uint8_t protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
                make(&d, ipv6, protocol, payloads[i]);
                cut_and_expect(&d, ipv6, protocol);
            }
}

static void an_ordinary_packet_is_copied_and_completed(void **state)
{
    (void)state;
    static struct draft d;
    uint8_t out[2000];
    make(&d, false, PROTOCOL_TCP, 100);
    d.packet.gso_size = 0;
    struct checksum c = {0};
    struct address a = of("198.18.0.1"), b = of("198.18.0.2");
    checksum_add_pseudo(&c, &a, &b, PROTOCOL_TCP, 132);
    put_be16(d.bytes + d.transport + 16, checksum_fold(&c));
    /* Header and text apart: an ordinary packet need not lie in one piece. */
    d.packet.parts[0].len = d.payload;
    d.packet.parts[1] = (struct bytes){d.bytes + d.payload, 100};
    d.packet.count = 2;
    assert_int_equal(gso_count(&d.packet), 1);
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), d.length);
    assert_int_equal(transport_sum(out, d.length, false, PROTOCOL_TCP), 0);
    assert_memory_equal(out + d.payload, d.bytes + d.payload, 100);
    assert_int_equal(gso_cut(&d.packet, 1, out, sizeof out), 0);
    d.packet.checksum = PACKET_CHECKSUM_IN_FULL;
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), d.length);
    assert_memory_equal(out, d.bytes, d.length);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    struct guard g = guard_make();
    static struct draft d;
    make(&d, false, PROTOCOL_TCP, 1500);
    size_t first = d.payload + GSO_SIZE;
    assert_int_equal(gso_cut(&d.packet, 0, guard_room(&g, first - 1), first - 1), 0);
    assert_int_equal(gso_cut(&d.packet, 0, guard_room(&g, first), first), first);
    assert_int_equal(gso_cut(&d.packet, 1, guard_room(&g, first - 500), first - 500), first - 500);
    d.packet.gso_size = 0;
    assert_int_equal(gso_cut(&d.packet, 0, guard_room(&g, 100), 100), 0);
    guard_free(&g);
}

/* Linux virtio/TUN csum flags: what the device says may be anything */
static void lying_headers_give_nothing(void **state)
{
    (void)state;
    static struct draft d;
    static uint8_t out[SPACE];
    make(&d, false, PROTOCOL_TCP, 1500);
    d.bytes[0] = 0x44;
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
    assert_int_equal(gso_count(&d.packet), 1);
    make(&d, false, PROTOCOL_TCP, 1500);
    put_be16(d.bytes + 2, (uint16_t)(d.length + 1));
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
    make(&d, false, PROTOCOL_TCP, 1500);
    put_be16(d.bytes + 6, IPV4_MORE_FRAGMENTS);
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
    make(&d, false, PROTOCOL_TCP, 1500);
    d.bytes[d.transport + 12] = 0x40;
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
    make(&d, true, PROTOCOL_TCP, 1500);
    d.bytes[6] = PROTOCOL_ICMPV6;
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
    make(&d, false, PROTOCOL_TCP, 100);
    d.packet.gso_size = 0;
    d.packet.checksum_at = (uint16_t)(d.length - 10);
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), 0);
}

static void padding_behind_the_packet_is_not_payload(void **state)
{
    (void)state;
    static struct draft d;
    static uint8_t out[SPACE];
    make(&d, false, PROTOCOL_TCP, GSO_SIZE);
    d.packet.parts[0].len += 10;
    assert_int_equal(gso_count(&d.packet), 1);
    assert_int_equal(gso_cut(&d.packet, 0, out, sizeof out), d.length);
}

static void any_packet_is_made_a_wire_packet(void **state)
{
    (void)state;
    static struct draft d;
    static uint8_t out[SPACE], again[SPACE];
    make(&d, false, PROTOCOL_TCP, 3 * GSO_SIZE);
    size_t length = gso_wire_packet(&d.packet, 1, out, sizeof out);
    assert_int_equal(length, gso_cut(&d.packet, 1, again, sizeof again));
    assert_memory_equal(out, again, length);
    /* A packet that is none that could be cut is copied as it is. */
    uint8_t odd[7] = {0x15, 1, 2, 3, 4, 5, 6};
    struct packet packet = {.parts = {{odd, sizeof odd}}, .count = 1};
    assert_int_equal(gso_wire_packet(&packet, 0, out, sizeof out), sizeof odd);
    assert_memory_equal(out, odd, sizeof odd);
    assert_int_equal(gso_wire_packet(&packet, 0, out, sizeof odd - 1), 0);
    packet.checksum = PACKET_CHECKSUM_PARTIAL;
    packet.checksum_at = 2;
    packet.checksum_offset = 4;
    assert_int_equal(gso_wire_packet(&packet, 0, out, sizeof out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_right_and_make_the_whole),
        cmocka_unit_test(an_ordinary_packet_is_copied_and_completed),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(lying_headers_give_nothing),
        cmocka_unit_test(padding_behind_the_packet_is_not_payload),
        cmocka_unit_test(any_packet_is_made_a_wire_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
