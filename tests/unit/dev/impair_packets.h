/* TCP packets for the tests of impairment. */
#ifndef TUNNY_TESTS_IMPAIR_PACKETS_H
#define TUNNY_TESTS_IMPAIR_PACKETS_H

#include <string.h>

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/packet.h"
#include "wire/tcp_header.h"

struct test_packet {
    uint8_t bytes[20 + 60 + 1400];
    size_t length;
};

/* 198.18.0.1:1000 > 198.18.0.2:2000, with complete checksums; `text` bytes that count up. */
static inline struct test_packet test_tcp(uint16_t flags, size_t text,
                                          const struct tcp_options *options)
{
    struct test_packet p = {.length = 0};
    struct tcp_header tcp = {
        .source_port = 1000, .destination_port = 2000, .flags = flags, .window = 1000};
    if (options)
        tcp.options = *options;
    size_t header = tcp_header_build(&tcp, p.bytes + IPV4_HEADER_LENGTH);
    p.length = IPV4_HEADER_LENGTH + header + text;
    for (size_t i = 0; i < text; i++)
        p.bytes[IPV4_HEADER_LENGTH + header + i] = (uint8_t)i;
    struct ipv4_header ip = {.header_length = IPV4_HEADER_LENGTH,
                             .total_length = (uint16_t)p.length,
                             .ttl = 64,
                             .protocol = PROTOCOL_TCP,
                             .source = address_from_ipv4_u32(0xc6120001),
                             .destination = address_from_ipv4_u32(0xc6120002)};
    ipv4_build(&ip, p.bytes);
    struct checksum sum = {0};
    checksum_add_pseudo(&sum, &ip.source, &ip.destination, PROTOCOL_TCP, (uint32_t)(header + text));
    checksum_add(&sum, p.bytes + IPV4_HEADER_LENGTH, header + text);
    put_be16(p.bytes + IPV4_HEADER_LENGTH + 16, checksum_finish(&sum));
    return p;
}

static inline struct bytes test_bytes(const struct test_packet *p)
{
    return (struct bytes){p->bytes, p->length};
}

/* Whether the TCP checksum of an IPv4 packet without options is right. */
static inline bool test_checksum_is_right(struct bytes packet)
{
    struct ipv4_header ip;
    struct checksum sum = {0};
    if (ipv4_parse(packet, &ip) != IPV4_OK)
        return false;
    checksum_add_pseudo(&sum, &ip.source, &ip.destination, PROTOCOL_TCP,
                        (uint32_t)(packet.len - IPV4_HEADER_LENGTH));
    checksum_add(&sum, packet.data + IPV4_HEADER_LENGTH, packet.len - IPV4_HEADER_LENGTH);
    return checksum_finish(&sum) == 0;
}

#endif
