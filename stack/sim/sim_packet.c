/* Heads of packets, see the header. */
#include "sim/sim_packet.h"

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { TTL = 64, TCP_CHECKSUM_AT = 16 };

size_t sim_ip_length(const struct address *from)
{
    return address_is_ipv4(from) ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

size_t sim_put_ip(uint8_t *out, const struct address *from, const struct address *to,
                  uint8_t protocol, size_t payload)
{
    size_t length = sim_ip_length(from) + payload;

    if (address_is_ipv4(from)) {
        struct ipv4_header head = {.header_length = IPV4_HEADER_LENGTH,
                                   .total_length = (uint16_t)length,
                                   .flags_offset = IPV4_DONT_FRAGMENT,
                                   .ttl = TTL,
                                   .protocol = protocol,
                                   .source = *from,
                                   .destination = *to};
        ipv4_build(&head, out);
    } else {
        struct ipv6_header head = {.payload_length = (uint16_t)payload,
                                   .next_header = protocol,
                                   .hop_limit = TTL,
                                   .source = *from,
                                   .destination = *to};
        ipv6_build(&head, out);
    }
    return length;
}

void sim_put_tcp_checksum(uint8_t *tcp, size_t length, const struct address *from,
                          const struct address *to)
{
    struct checksum sum = {0};

    put_be16(tcp + TCP_CHECKSUM_AT, 0);
    checksum_add_pseudo(&sum, from, to, PROTOCOL_TCP, (uint32_t)length);
    checksum_add(&sum, tcp, length);
    put_be16(tcp + TCP_CHECKSUM_AT, checksum_finish(&sum));
}
