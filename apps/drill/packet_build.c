/* Script to bytes; see packet_bytes.h. RFC 791, 8200, 9293 (3.1), 768, 792, 4443. */
#include <netinet/in.h>
#include <string.h>

#include "packet_bytes.h"
#include "sums.h"

enum {
    IPV4_LENGTH = 20,
    IPV6_LENGTH = 40,
    TCP_LENGTH = 20,
    UDP_LENGTH = 8,
    ICMP_LENGTH = 8,
    TTL = 255
};

static void put_16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_32(uint8_t *at, uint32_t value)
{
    put_16(at, value >> 16);
    put_16(at + 2, value & 0xffff);
}

/* --- IP ------------------------------------------------------------------------------------- */

/* A header in front of `payload` bytes. Returns its length. */
static size_t put_ip(const struct packet_spec *spec, const struct place *from,
                     const struct place *to, uint8_t protocol, size_t payload, uint8_t *at)
{
    uint8_t tos = spec->tos_check == TOS_UNSAID ? 0 : spec->tos;
    uint8_t ttl = spec->ttl < 0 ? TTL : (uint8_t)spec->ttl;
    if (from->ipv6) {
        uint32_t label = spec->flow_label < 0 ? 0 : (uint32_t)spec->flow_label;
        put_32(at, 6u << 28 | (uint32_t)tos << 20 | label);
        put_16(at + 4, (unsigned)payload);
        at[6] = protocol;
        at[7] = ttl;
        memcpy(at + 8, from->address, 16);
        memcpy(at + 24, to->address, 16);
        return IPV6_LENGTH;
    }
    memset(at, 0, IPV4_LENGTH);
    at[0] = 0x45;
    at[1] = tos;
    put_16(at + 2, (unsigned)(IPV4_LENGTH + payload));
    at[8] = ttl;
    at[9] = protocol;
    memcpy(at + 12, from->address, 4);
    memcpy(at + 16, to->address, 4);
    put_16(at + 10, sum_finish(sum_add(0, at, IPV4_LENGTH)));
    return IPV4_LENGTH;
}

static unsigned transport_sum(const struct place *from, const struct place *to, uint8_t protocol,
                              const uint8_t *at, size_t length)
{
    size_t address = from->ipv6 ? 16 : 4;
    uint64_t sum = sum_add(0, from->address, address);
    sum = sum_add(sum, to->address, address) + protocol + length;
    return sum_finish(sum_add(sum, at, length));
}

/* --- TCP ------------------------------------------------------------------------------------ */

/* One option. Returns its length. */
static size_t put_option(const struct tcp_option *option, uint8_t *at)
{
    size_t length = 2;
    at[0] = option->kind;
    switch (option->kind) {
    case OPTION_NOP:
    case OPTION_EOL:
        return 1;
    case OPTION_MSS:
        put_16(at + 2, option->value);
        length = 4;
        break;
    case OPTION_WSCALE:
        at[2] = (uint8_t)option->value;
        length = 3;
        break;
    case OPTION_SACK_OK:
        break;
    case OPTION_SACK:
        for (unsigned i = 0; i < option->blocks; i++, length += 8) {
            put_32(at + length, option->block[i].left);
            put_32(at + length + 4, option->block[i].right);
        }
        break;
    case OPTION_TS:
        put_32(at + 2, option->value);
        put_32(at + 6, option->echo);
        length = 10;
        break;
    default:
        memcpy(at + 2, option->bytes, option->length);
        length = 2u + option->length;
        break;
    }
    at[1] = (uint8_t)length;
    return length;
}

size_t options_build(const struct packet_spec *spec, uint8_t *bytes)
{
    size_t length = 0;
    for (unsigned i = 0; i < spec->options_count && length <= OPTIONS_LONGEST; i++)
        length += put_option(&spec->options[i], bytes + length);
    return length;
}

/* Header and zeros for text. Returns the length of both, 0: the options are too long. */
static size_t put_tcp(const struct packet_spec *spec, uint16_t source, uint16_t destination,
                      uint8_t *at)
{
    uint8_t options[2 * OPTIONS_LONGEST + 4] = {0};
    size_t options_length = (options_build(spec, options) + 3) / 4 * 4;
    size_t header = TCP_LENGTH + options_length;
    if (options_length > OPTIONS_LONGEST)
        return 0;
    memset(at, 0, header + spec->length);
    put_16(at, source);
    put_16(at + 2, destination);
    put_32(at + 4, spec->seq);
    put_32(at + 8, spec->ack);
    at[12] = (uint8_t)(header / 4 << 4 | (spec->flags & FLAG_AE ? 1 : 0));
    at[13] = (uint8_t)spec->flags;
    put_16(at + 14, spec->window < 0 ? 65535 : (unsigned)spec->window);
    put_16(at + 18, spec->urgent);
    memcpy(at + TCP_LENGTH, options, options_length);
    return header + spec->length;
}

/* --- UDP and ICMP --------------------------------------------------------------------------- */

static size_t put_udp(const struct packet_spec *spec, uint16_t source, uint16_t destination,
                      uint8_t *at)
{
    memset(at, 0, UDP_LENGTH + spec->length);
    put_16(at, source);
    put_16(at + 2, destination);
    put_16(at + 4, UDP_LENGTH + spec->length);
    return UDP_LENGTH + spec->length;
}

/* The quoted packet went the other way: its IP header and the first 8 bytes (more over IPv6 would
 * be as good). */
static size_t put_quoted(const struct packet_spec *spec, const struct place *from,
                         const struct place *to, uint8_t *at)
{
    enum { QUOTED_TRANSPORT = 8 };
    struct packet_spec inner = {.ttl = 64, .flow_label = -1};
    bool udp = spec->quoted.protocol == IPPROTO_UDP;
    size_t payload = spec->quoted.length + (udp ? (size_t)UDP_LENGTH : (size_t)TCP_LENGTH);
    size_t ip = put_ip(&inner, to, from, spec->quoted.protocol, payload, at);
    memset(at + ip, 0, QUOTED_TRANSPORT);
    put_16(at + ip, to->port);
    put_16(at + ip + 2, from->port);
    if (udp)
        put_16(at + ip + 4, (unsigned)payload);
    else
        put_32(at + ip + 4, spec->quoted.seq);
    return ip + QUOTED_TRANSPORT;
}

static size_t put_icmp(const struct packet_spec *spec, const struct place *from,
                       const struct place *to, uint8_t *at)
{
    size_t length = ICMP_LENGTH;
    memset(at, 0, ICMP_LENGTH);
    at[0] = spec->icmp_type;
    at[1] = spec->icmp_code;
    if (spec->echo) {
        put_32(at + 4, spec->icmp_id << 16);
        for (uint32_t i = 0; i < spec->length; i++)
            at[length + i] = (uint8_t)i;
        length += spec->length;
    } else if (spec->icmp_mtu >= 0) {
        put_32(at + 4, (uint32_t)spec->icmp_mtu);
    }
    if (spec->quoted.said)
        length += put_quoted(spec, from, to, at + length);
    if (from->ipv6)
        put_16(at + 2, transport_sum(from, to, IPPROTO_ICMPV6, at, length));
    else
        put_16(at + 2, sum_finish(sum_add(0, at, length)));
    return length;
}

static size_t put_transport(const struct packet_spec *spec, const struct place *from,
                            const struct place *to, uint8_t *at)
{
    size_t length = 0;
    unsigned sum;
    switch (spec->kind) {
    case PACKET_TCP:
        length = put_tcp(spec, from->port, to->port, at);
        put_16(at + 16, transport_sum(from, to, IPPROTO_TCP, at, length));
        break;
    case PACKET_UDP:
        length = put_udp(spec, from->port, to->port, at);
        sum = transport_sum(from, to, IPPROTO_UDP, at, length);
        put_16(at + 6, sum == 0 ? 0xffff : sum);
        break;
    case PACKET_ICMP:
        length = put_icmp(spec, from, to, at);
        break;
    }
    return length;
}

static uint8_t protocol_of(const struct packet_spec *spec, bool ipv6)
{
    switch (spec->kind) {
    case PACKET_TCP:
        return IPPROTO_TCP;
    case PACKET_UDP:
        return IPPROTO_UDP;
    case PACKET_ICMP:
        break;
    }
    return ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

size_t packet_build(const struct packet_spec *spec, const struct place *from,
                    const struct place *to, uint8_t bytes[PACKET_BYTES_MOST])
{
    size_t ip = from->ipv6 ? (size_t)IPV6_LENGTH : (size_t)IPV4_LENGTH;
    if (ip + TCP_LENGTH + OPTIONS_LONGEST + spec->length > PACKET_BYTES_MOST)
        return 0;
    size_t payload = put_transport(spec, from, to, bytes + ip);
    if (payload == 0)
        return 0;
    put_ip(spec, from, to, protocol_of(spec, from->ipv6), payload, bytes);
    return ip + payload;
}
