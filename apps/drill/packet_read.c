/* Bytes to script; see packet_bytes.h. What is wrong in a packet of ours is a fault, told by name.
 */
#include <netinet/in.h>
#include <string.h>

#include "icmp_names.h"
#include "packet_bytes.h"
#include "sums.h"

enum { IPV4_LENGTH = 20, IPV6_LENGTH = 40, TCP_LENGTH = 20, UDP_LENGTH = 8, ICMP_LENGTH = 8 };

struct piece {
    const uint8_t *at;
    size_t length;
};

static uint16_t get_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get_32(const uint8_t *at)
{
    return (uint32_t)get_16(at) << 16 | get_16(at + 2);
}

static void fault(struct seen_packet *seen, const char *what)
{
    if (seen->fault == NULL)
        seen->fault = what;
}

/* --- IP ------------------------------------------------------------------------------------- */

static uint8_t read_ipv4(struct seen_packet *seen, struct piece *rest)
{
    const uint8_t *at = rest->at;
    size_t header = (size_t)(at[0] & 15) * 4;
    if (header < IPV4_LENGTH || header > rest->length || get_16(at + 2) != rest->length) {
        fault(seen, "a length in its IPv4 header is wrong");
        rest->length = 0;
        return 0;
    }
    if (sum_finish(sum_add(0, at, header)) != 0)
        fault(seen, "its IPv4 header checksum is wrong");
    if (get_16(at + 6) & 0x3fff)
        fault(seen, "it is a fragment");
    seen->spec.tos = at[1];
    seen->spec.ttl = at[8];
    memcpy(seen->from.address, at + 12, 4);
    memcpy(seen->to.address, at + 16, 4);
    rest->at += header;
    rest->length -= header;
    return at[9];
}

static uint8_t read_ipv6(struct seen_packet *seen, struct piece *rest)
{
    const uint8_t *at = rest->at;
    if (rest->length < IPV6_LENGTH || get_16(at + 4) + (size_t)IPV6_LENGTH != rest->length) {
        fault(seen, "a length in its IPv6 header is wrong");
        rest->length = 0;
        return 0;
    }
    seen->from.ipv6 = seen->to.ipv6 = true;
    seen->spec.tos = (uint8_t)(get_16(at) >> 4);
    seen->spec.flow_label = get_32(at) & 0xfffff;
    seen->spec.ttl = at[7];
    memcpy(seen->from.address, at + 8, 16);
    memcpy(seen->to.address, at + 24, 16);
    rest->at += IPV6_LENGTH;
    rest->length -= IPV6_LENGTH;
    return at[6];
}

static void check_sum(struct seen_packet *seen, uint8_t protocol, struct piece rest,
                      const char *what)
{
    size_t address = seen->from.ipv6 ? 16 : 4;
    uint64_t sum = 0;
    if (protocol != IPPROTO_ICMP) {
        sum = sum_add(sum, seen->from.address, address);
        sum = sum_add(sum, seen->to.address, address) + protocol + rest.length;
    }
    if (sum_finish(sum_add(sum, rest.at, rest.length)) != 0)
        fault(seen, what);
}

/* --- TCP ------------------------------------------------------------------------------------ */

static void read_sack(struct tcp_option *option, const uint8_t *at, size_t length)
{
    for (size_t i = 2; i + 8 <= length && option->blocks < SACK_BLOCKS_MOST; i += 8) {
        option->block[option->blocks].left = get_32(at + i);
        option->block[option->blocks++].right = get_32(at + i + 4);
    }
}

static void read_option(struct tcp_option *option, const uint8_t *at, size_t length)
{
    option->kind = at[0];
    if (option->kind == OPTION_MSS && length == 4)
        option->value = get_16(at + 2);
    else if (option->kind == OPTION_WSCALE && length == 3)
        option->value = at[2];
    else if (option->kind == OPTION_SACK)
        read_sack(option, at, length);
    else if (option->kind == OPTION_TS && length == 10) {
        option->value = get_32(at + 2);
        option->echo = get_32(at + 6);
    } else {
        option->length = (uint8_t)(length - 2);
        memcpy(option->bytes, at + 2, length - 2);
    }
}

static void read_options(struct seen_packet *seen, const uint8_t *at, size_t length)
{
    while (length > 0) {
        struct tcp_option *option = &seen->spec.options[seen->spec.options_count++];
        size_t size = 1;
        if (at[0] == OPTION_NOP || at[0] == OPTION_EOL) {
            option->kind = at[0];
        } else {
            size = length > 1 ? at[1] : 0;
            if (size < 2 || size > length) {
                fault(seen, "the length of a TCP option is wrong");
                return;
            }
            read_option(option, at, size);
        }
        at += size;
        length -= size;
    }
}

static void read_tcp(struct seen_packet *seen, struct piece rest)
{
    struct packet_spec *spec = &seen->spec;
    size_t header = rest.length < TCP_LENGTH ? 0 : (size_t)(rest.at[12] >> 4) * 4;
    spec->kind = PACKET_TCP;
    if (header < TCP_LENGTH || header > rest.length) {
        fault(seen, "its TCP header is cut");
        return;
    }
    check_sum(seen, IPPROTO_TCP, rest, "its TCP checksum is wrong");
    seen->from.port = spec->source_port = get_16(rest.at);
    seen->to.port = spec->destination_port = get_16(rest.at + 2);
    spec->seq = get_32(rest.at + 4);
    spec->ack = get_32(rest.at + 8);
    spec->flags = (uint16_t)(rest.at[13] | (rest.at[12] & 1 ? FLAG_AE : 0));
    if (rest.at[12] & 0xe)
        fault(seen, "reserved bits of its TCP header are set");
    spec->window = get_16(rest.at + 14);
    spec->urgent = get_16(rest.at + 18);
    spec->length = (uint32_t)(rest.length - header);
    read_options(seen, rest.at + TCP_LENGTH, header - TCP_LENGTH);
}

/* --- UDP and ICMP --------------------------------------------------------------------------- */

static void read_udp(struct seen_packet *seen, struct piece rest)
{
    seen->spec.kind = PACKET_UDP;
    if (rest.length < UDP_LENGTH || get_16(rest.at + 4) != rest.length) {
        fault(seen, "its UDP length is wrong");
        return;
    }
    check_sum(seen, IPPROTO_UDP, rest, "its UDP checksum is wrong");
    seen->from.port = seen->spec.source_port = get_16(rest.at);
    seen->to.port = seen->spec.destination_port = get_16(rest.at + 2);
    seen->spec.length = (uint32_t)(rest.length - UDP_LENGTH);
}

/* What an ICMP error quotes, as far as it goes: lengths are those that the quoted headers tell. */
static void read_quoted(struct seen_packet *seen, struct piece rest)
{
    size_t ip = seen->from.ipv6 ? (size_t)IPV6_LENGTH : (size_t)IPV4_LENGTH;
    if (rest.length < ip + 8)
        return;
    size_t total = seen->from.ipv6 ? get_16(rest.at + 4) + ip : get_16(rest.at + 2);
    uint8_t protocol = rest.at[seen->from.ipv6 ? 6 : 9];
    const uint8_t *transport = rest.at + ip;
    seen->spec.quoted.said = true;
    seen->spec.quoted.protocol = protocol;
    seen->to.port = get_16(transport);
    seen->from.port = get_16(transport + 2);
    if (protocol == IPPROTO_UDP) {
        seen->spec.quoted.length = (uint32_t)(total - ip - UDP_LENGTH);
    } else {
        size_t header = rest.length > ip + 12 ? (size_t)(transport[12] >> 4) * 4 : TCP_LENGTH;
        seen->spec.quoted.seq = get_32(transport + 4);
        seen->spec.quoted.length = (uint32_t)(total - ip - header);
    }
}

static void read_icmp(struct seen_packet *seen, uint8_t protocol, struct piece rest)
{
    struct packet_spec *spec = &seen->spec;
    spec->kind = PACKET_ICMP;
    if (rest.length < ICMP_LENGTH) {
        fault(seen, "its ICMP header is cut");
        return;
    }
    check_sum(seen, protocol, rest, "its ICMP checksum is wrong");
    spec->icmp_type = rest.at[0];
    spec->icmp_code = rest.at[1];
    spec->echo = icmp_is_echo(seen->from.ipv6, spec->icmp_type);
    if (spec->echo) {
        spec->icmp_id = get_16(rest.at + 4);
        spec->length = (uint32_t)(rest.length - ICMP_LENGTH);
        return;
    }
    if (get_32(rest.at + 4) != 0)
        spec->icmp_mtu = get_32(rest.at + 4);
    read_quoted(seen, (struct piece){rest.at + ICMP_LENGTH, rest.length - ICMP_LENGTH});
}

void packet_read(const uint8_t *bytes, size_t length, struct seen_packet *seen)
{
    struct piece rest = {bytes, length};
    *seen = (struct seen_packet){.spec = {.direction = OUTBOUND,
                                          .tos_check = TOS_WHOLE,
                                          .ttl = -1,
                                          .flow_label = -1,
                                          .window = -1,
                                          .icmp_mtu = -1}};
    if (length < IPV4_LENGTH) {
        fault(seen, "it is shorter than an IP header");
        return;
    }
    uint8_t protocol = bytes[0] >> 4 == 6 ? read_ipv6(seen, &rest) : read_ipv4(seen, &rest);
    if (protocol == IPPROTO_TCP)
        read_tcp(seen, rest);
    else if (protocol == IPPROTO_UDP)
        read_udp(seen, rest);
    else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
        read_icmp(seen, protocol, rest);
    else
        fault(seen, "it is neither TCP, UDP nor ICMP");
}
