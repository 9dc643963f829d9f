/* See icmp_out.h. Messages are composed at the outbox's far end and cut into packets at its near
 * end. */
#include "ip/icmp_out.h"

#include <errno.h>

#include "ip/fragment_out.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* RFC 1812, 4.3.2.3: as much of the packet as fits 576 bytes; RFC 4443, 2.4(c): as fits 1280. */
enum { ERROR_LARGEST_IPV4 = 576, ERROR_LARGEST_IPV6 = 1280 };

static bool ipv4_is_error(uint8_t type)
{
    return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

/* RFC 1122, 3.2.2 (R1122-08): the packet is itself an ICMP error, or a fragment that is not the
 * first. */
static bool ipv4_deserves_silence(struct bytes packet)
{
    if (get_be16(packet.data + 6) & IPV4_OFFSET_MASK)
        return true;
    if (packet.data[9] != PROTOCOL_ICMP)
        return false;
    struct bytes message = bytes_part(packet, (size_t)(packet.data[0] & 15) * 4, 1);
    return message.len == 0 || ipv4_is_error(message.data[0]);
}

/* RFC 4443, 2.4(e.1) and (e.2): an ICMPv6 error or redirect, behind whatever extension headers.
 * Where the chain cannot be followed to its end the packet gets the benefit of the doubt only if it
 * is no ICMPv6. */
static bool ipv6_deserves_silence(struct bytes packet)
{
    uint8_t next = packet.data[6];
    size_t at = IPV6_HEADER_LENGTH;
    for (int i = 0; i < 16; i++) {
        struct bytes header = bytes_part(packet, at, 8);
        if (next == PROTOCOL_ICMPV6)
            return header.len == 0 || header.data[0] < 128 || header.data[0] == ICMPV6_REDIRECT;
        bool has_length = next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING ||
                          next == IPV6_DESTINATION_OPTIONS;
        if ((!has_length && next != IPV6_FRAGMENT) || header.len < 8)
            return false;
        if (next == IPV6_FRAGMENT && get_be16(header.data + 2) & 0xfff8)
            return header.data[0] == PROTOCOL_ICMPV6;
        next = header.data[0];
        at += has_length ? 8 + (size_t)header.data[1] * 8 : 8;
    }
    return false;
}

static bool may_complain(struct ip *ip, const struct ip_datagram *about,
                         const struct icmp_complaint *complaint)
{
    /* A packet from no single host was refused on arrival; what we send to ourselves is no
     * exception. */
    if (about->to_group && !complaint->about_groups_too)
        return false;
    if (address_is_ipv4(&about->source) ? ipv4_deserves_silence(about->packet)
                                        : ipv6_deserves_silence(about->packet))
        return false;
    if (icmp_limit_allows(&ip->limit, &about->source, ip->now))
        return true;
    TRACE(ip->trace, icmp_error_withheld, .type = complaint->type, .code = complaint->code);
    return false;
}

/* The message lies composed in the outbox's scratch: cuts it into packets. False: no room for all.
 */
static bool owe_packets(struct ip *ip, const struct ip_send *send, struct bytes message)
{
    struct outbox *outbox = &ip->outbox;
    size_t tail = outbox->tail;
    uint32_t id = ip_fragment_id(ip, send);
    unsigned count = fragment_count(ip, send, message.len);
    for (unsigned index = 0; index < count; index++) {
        struct room room = outbox_room(outbox);
        size_t length = ip_build_fragment(ip, send, id, message, index, room.data, room.len);
        if (length == 0) {
            outbox_rewind(outbox, tail);
            return false;
        }
        outbox_commit(outbox, length);
    }
    return true;
}

int icmp_owe_message(struct ip *ip, const struct ip_send *send, const struct icmp_message *message)
{
    size_t length = ICMP_HEADER_LENGTH + message->body.len;
    if (length > fragment_largest_datagram(send))
        return -EMSGSIZE;
    uint8_t *scratch = outbox_scratch(&ip->outbox, length);
    if (!scratch)
        return -ENOBUFS;
    icmp_build(message, &send->source, &send->destination, scratch, length);
    bool owed = owe_packets(ip, send, (struct bytes){scratch, length});
    outbox_end_scratch(&ip->outbox);
    return owed ? 0 : -ENOBUFS;
}

void icmp_owe_error(struct ip *ip, const struct ip_datagram *about,
                    const struct icmp_complaint *complaint)
{
    if (!may_complain(ip, about, complaint))
        return;
    bool ipv4 = address_is_ipv4(&about->source);
    struct ip_send send = {
        .source = about->destination,
        .destination = about->source,
        .protocol = ipv4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6,
        .ttl = ip->config.ttl,
    };
    /* RFC 4443, 2.2: from the address that the packet was for, or one of ours when that is a group.
     */
    if (about->to_group && !ip_choose_source(ip, &about->source, &send.source))
        return;
    size_t quoted = ipv4 ? ERROR_LARGEST_IPV4 - IPV4_HEADER_LENGTH
                         : ERROR_LARGEST_IPV6 - IPV6_HEADER_LENGTH;
    struct icmp_message message = {
        .type = complaint->type,
        .code = complaint->code,
        .rest = complaint->rest,
        .body = bytes_part(about->packet, 0, quoted - ICMP_HEADER_LENGTH),
    };
    if (icmp_owe_message(ip, &send, &message) == 0)
        TRACE(ip->trace, icmp_error_sent, .type = message.type, .code = message.code);
    else
        TRACE(ip->trace, icmp_error_withheld, .type = message.type, .code = message.code);
}
