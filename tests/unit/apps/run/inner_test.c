/* Unit tests of inner.c: the reset for TCP that went past the filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "run/inner.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

enum { SOURCE = 0xc6120002, DESTINATION = 0xc6120001, SEQ = 1000, ACKED = 77 };

static uint8_t packet[200], answer[60];

/* A segment over IPv4 with `text` bytes in `packet`. Its length. */
static size_t segment4(uint8_t flags, size_t text)
{
    struct tcp_header tcp = {
        .source_port = 1234,
        .destination_port = 80,
        .seq = {SEQ},
        .ack = {ACKED},
        .flags = flags,
    };
    memset(packet, 0, sizeof packet);
    size_t header = tcp_header_build(&tcp, packet + IPV4_HEADER_LENGTH);
    struct ipv4_header ip = {
        .total_length = (uint16_t)(IPV4_HEADER_LENGTH + header + text),
        .ttl = 64,
        .protocol = PROTOCOL_TCP,
        .source = address_from_ipv4_u32(SOURCE),
        .destination = address_from_ipv4_u32(DESTINATION),
    };
    ipv4_build(&ip, packet);
    return ip.total_length;
}

/* The answer is a right IPv4 packet to where the segment came from. */
static struct tcp_header reset4(size_t length)
{
    struct ipv4_header ip;
    struct tcp_header tcp;
    struct checksum sum = {0};
    size_t got = inner_reset(packet, length, answer);
    assert_int_equal(got, IPV4_HEADER_LENGTH + 20);
    assert_int_equal(ipv4_parse((struct bytes){answer, got}, &ip), IPV4_OK);
    struct bytes transport = {answer + IPV4_HEADER_LENGTH, 20};
    struct address source = address_from_ipv4_u32(SOURCE);
    assert_true(address_equal(&ip.destination, &source));
    checksum_add_pseudo(&sum, &ip.source, &ip.destination, PROTOCOL_TCP, 20);
    checksum_add(&sum, transport.data, transport.len);
    assert_int_equal(checksum_finish(&sum), 0);
    assert_int_equal(tcp_header_parse(transport, &tcp), TCP_HEADER_OK);
    assert_int_equal(tcp.source_port, 80);
    assert_int_equal(tcp.destination_port, 1234);
    return tcp;
}

static void a_syn_is_answered_by_a_reset_that_acknowledges_it(void **state)
{
    (void)state;
    struct tcp_header tcp = reset4(segment4(TCP_SYN, 0));
    assert_int_equal(tcp.flags, TCP_RST | TCP_ACK);
    assert_int_equal(tcp.ack.u32, SEQ + 1);
}

static void text_and_fin_count(void **state)
{
    (void)state;
    struct tcp_header tcp = reset4(segment4(TCP_FIN, 30));
    assert_int_equal(tcp.ack.u32, SEQ + 31);
}

static void an_acknowledgement_gives_the_sequence_number(void **state)
{
    (void)state;
    struct tcp_header tcp = reset4(segment4(TCP_ACK, 30));
    assert_int_equal(tcp.flags, TCP_RST);
    assert_int_equal(tcp.seq.u32, ACKED);
}

static void ipv6_is_answered_too(void **state)
{
    (void)state;
    size_t length = segment4(TCP_SYN, 0) - IPV4_HEADER_LENGTH;
    uint8_t six[100];
    struct checksum sum = {0};
    struct ipv6_header ip = {
        .payload_length = (uint16_t)length,
        .next_header = PROTOCOL_TCP,
        .hop_limit = 64,
        .source = {{0xfd, [15] = 2}},
        .destination = {{0xfd, [15] = 1}},
    };
    ipv6_build(&ip, six);
    memcpy(six + IPV6_HEADER_LENGTH, packet + IPV4_HEADER_LENGTH, length);
    assert_int_equal(inner_reset(six, IPV6_HEADER_LENGTH + length, answer), 60);
    checksum_add_pseudo(&sum, &ip.destination, &ip.source, PROTOCOL_TCP, 20);
    checksum_add(&sum, answer + IPV6_HEADER_LENGTH, 20);
    assert_int_equal(checksum_finish(&sum), 0);
    assert_memory_equal(answer + 24, ip.source.bytes, 16);
    assert_int_equal(answer[IPV6_HEADER_LENGTH + 13], TCP_RST | TCP_ACK);
}

static void what_is_no_segment_gets_no_answer(void **state)
{
    (void)state;
    size_t length = segment4(TCP_RST, 0);
    assert_int_equal(inner_reset(packet, length, answer), 0);
    length = segment4(TCP_SYN, 0);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(inner_reset(packet, cut, answer), 0);
    packet[IPV4_HEADER_LENGTH + 12] = 0xf0; /* a header longer than the packet */
    assert_int_equal(inner_reset(packet, length, answer), 0);
    segment4(TCP_SYN, 0);
    packet[7] = 1; /* a fragment that is not the first */
    assert_int_equal(inner_reset(packet, length, answer), 0);
    segment4(TCP_SYN, 0);
    packet[9] = PROTOCOL_UDP;
    assert_int_equal(inner_reset(packet, length, answer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_is_answered_by_a_reset_that_acknowledges_it),
        cmocka_unit_test(text_and_fin_count),
        cmocka_unit_test(an_acknowledgement_gives_the_sequence_number),
        cmocka_unit_test(ipv6_is_answered_too),
        cmocka_unit_test(what_is_no_segment_gets_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
