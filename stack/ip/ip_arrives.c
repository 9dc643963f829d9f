/* See ip_arrives.h. Each check is a function that says why the packet is refused, DROP_REASONS when
 * it is not; they stand in the order in which the headers are read. */
#include "ip/ip_arrives.h"

#include "ip/icmp_out.h"
#include "ip/ip_addresses.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* Refused, without an answer. */
static bool refuse(struct ip *ip, enum drop_reason reason)
{
    trace_drop(ip->trace, reason);
    return false;
}

static bool complain(struct ip *ip, const struct ip_datagram *about, enum drop_reason reason,
                     struct icmp_complaint complaint)
{
    trace_drop(ip->trace, reason);
    icmp_owe_error(ip, about, &complaint);
    return false;
}

/* --- addresses, of both families ---------------------------------------------------------------
 */

/* RFC 1122, 3.2.1.3 (R1122-02, MUST-63) and RFC 4291, 2.7, 2.5.2, 2.5.3: addresses that no packet
 * may come from. */
static enum drop_reason check_source(const struct ip *ip, const struct address *source,
                                     enum ip_origin origin)
{
    bool loopback = address_is_loopback(source) &&
                    !(origin == IP_FROM_OURSELVES && ip->config.loopback);
    if (address_is_unspecified(source) || address_is_multicast(source) ||
        address_is_reserved_source(source) || ip_is_broadcast(ip, source) || loopback)
        return DROP_ip_bad_source;
    /* Our own address, from a wire on which only others send (LAND: CVE-1999-0016, CVE-2023-7060).
     */
    if (origin == IP_FROM_OUTSIDE && ip_is_ours(ip, source))
        return DROP_ip_source_is_ours;
    return DROP_REASONS;
}

/* RFC 1122, 3.2.1.3: for us, for everybody on our subnets, or for a group that we are in. A
 * loopback address is ours only to ourselves (3.2.1.3(g)). */
static enum drop_reason check_destination(const struct ip *ip, const struct address *destination,
                                          enum ip_origin origin, bool *to_group)
{
    if (ip_is_ours(ip, destination)) {
        *to_group = false;
        if (origin == IP_FROM_OUTSIDE && address_is_loopback(destination))
            return DROP_ip_not_for_us;
        return DROP_REASONS;
    }
    *to_group = ip_is_broadcast(ip, destination) || ip_is_our_group(ip, destination);
    return *to_group ? DROP_REASONS : DROP_ip_not_for_us;
}

static enum drop_reason check_addresses(struct ip *ip, struct ip_datagram *datagram,
                                        enum ip_origin origin)
{
    ip->flow = (struct flow){.local.address = datagram->destination,
                             .remote.address = datagram->source};
    ip->trace->subject.flow = &ip->flow;
    enum drop_reason reason = check_source(ip, &datagram->source, origin);
    if (reason == DROP_REASONS)
        reason = check_destination(ip, &datagram->destination, origin, &datagram->to_group);
    ip->flow_is_good = reason == DROP_REASONS && origin == IP_FROM_OUTSIDE && !datagram->to_group;
    return reason;
}

/* --- IPv4 ---------------------------------------------------------------------------------------
 */

static enum drop_reason ipv4_fault_reason(enum ipv4_fault fault)
{
    switch (fault) {
    case IPV4_OK:
        return DROP_REASONS;
    case IPV4_TOO_SHORT:
        return DROP_ip_too_short;
    case IPV4_BAD_VERSION:
        return DROP_ip_bad_version;
    case IPV4_BAD_HEADER_LENGTH:
        return DROP_ip_bad_header_length;
    case IPV4_BAD_TOTAL_LENGTH:
        return DROP_ip_bad_total_length;
    case IPV4_BAD_CHECKSUM:
        return DROP_ip_bad_checksum;
    }
    return DROP_ip_bad_version;
}

/* RFC 791, 3.1; RFC 1122, 3.2.1.8 (R1122-07, MUST-50): options are ignored, whatever they say, but
 * for source routes. Reading stops at the first option whose length lies. */
static enum drop_reason check_options(struct bytes options)
{
    enum { END = 0, NOP = 1, LOOSE_SOURCE_ROUTE = 131, STRICT_SOURCE_ROUTE = 137 };
    struct cursor c = cursor_over(options);
    while (cursor_left(&c) > 0) {
        uint8_t kind = cursor_u8(&c);
        if (kind == END)
            break;
        if (kind == NOP)
            continue;
        /* Not RFC 9293, 3.9.2.1 (MUST-51, MUST-52, MUST-53), which wants source routes set by the
         * application and reversed in answers: because they let a stranger choose the path of the
         * answers, and RFC 7126, 4.3 and 4.4, asks to drop every packet that carries one. */
        if (kind == LOOSE_SOURCE_ROUTE || kind == STRICT_SOURCE_ROUTE)
            return DROP_ip_source_route;
        uint8_t length = cursor_u8(&c);
        if (length < 2)
            break;
        cursor_take(&c, length - 2U);
    }
    return DROP_REASONS;
}

/* Header and addresses into the arrival's datagram; `packet` without what lies behind its end. */
static void describe_ipv4(struct bytes packet, const struct ipv4_header *header,
                          struct ip_arrival *arrival)
{
    arrival->datagram = (struct ip_datagram){
        .source = header->source,
        .destination = header->destination,
        .protocol = header->protocol,
        .ttl = header->ttl,
        .tos = header->tos,
        .payload = bytes_part(packet, header->header_length, packet.len),
        .packet = packet,
    };
    arrival->is_fragment = (header->flags_offset & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) != 0;
    if (!arrival->is_fragment)
        return;
    arrival->fragment = (struct fragment){
        .source = header->source,
        .destination = header->destination,
        .protocol = header->protocol,
        .tos = header->tos,
        .more = header->flags_offset & IPV4_MORE_FRAGMENTS,
        .id = header->id,
        .offset = (size_t)(header->flags_offset & IPV4_OFFSET_MASK) * 8,
        .packet = packet,
        .header_length = header->header_length,
        .data_at = header->header_length,
    };
}

static bool ipv4_arrives(struct ip *ip, struct bytes packet, enum ip_origin origin,
                         struct ip_arrival *arrival)
{
    struct ipv4_header header;
    enum drop_reason reason = ipv4_fault_reason(ipv4_parse(packet, &header));
    if (reason != DROP_REASONS)
        return refuse(ip, reason);
    describe_ipv4(bytes_part(packet, 0, header.total_length), &header, arrival);
    reason = check_addresses(ip, &arrival->datagram, origin);
    if (reason == DROP_REASONS)
        reason = check_options(header.options);
    return reason == DROP_REASONS ? true : refuse(ip, reason);
}

/* --- IPv6 ----------------------------------------------------------------------------------------
 */

static enum drop_reason ipv6_fault_reason(enum ipv6_fault fault)
{
    switch (fault) {
    case IPV6_OK:
        return DROP_REASONS;
    case IPV6_TOO_SHORT:
        return DROP_ip_too_short;
    case IPV6_BAD_VERSION:
        return DROP_ip_bad_version;
    case IPV6_BAD_PAYLOAD_LENGTH:
        return DROP_ip_bad_total_length;
    }
    return DROP_ip_bad_version;
}

/* On the wire ::ffff:0:0/96 is nobody's address (RFC 4291, 2.5.5.2); inside the stack it means
 * IPv4, so letting it in would let IPv6 packets pass for IPv4 ones. */
static enum drop_reason check_mapped(const struct ipv6_header *header)
{
    if (address_is_ipv4(&header->source))
        return DROP_ip_bad_source;
    return address_is_ipv4(&header->destination) ? DROP_ip_not_for_us : DROP_REASONS;
}

static void describe_ipv6(struct bytes packet, const struct ipv6_header *header,
                          struct ip_arrival *arrival)
{
    arrival->ipv6 = true;
    arrival->datagram = (struct ip_datagram){
        .source = header->source,
        .destination = header->destination,
        .protocol = header->next_header,
        .ttl = header->hop_limit,
        .tos = header->traffic_class,
        .packet = packet,
    };
}

/* Where the octet is that announces the fragment header: in the header before it. The chain up to
 * there has been walked. */
static size_t octet_before(struct bytes packet, size_t fragment_header_at)
{
    size_t octet = 6, at = IPV6_HEADER_LENGTH;
    while (at < fragment_header_at) {
        octet = at;
        at += 8 + (size_t)packet.data[at + 1] * 8;
    }
    return octet;
}

static void describe_ipv6_fragment(const struct ipv6_extensions *found, struct ip_arrival *arrival)
{
    const struct ip_datagram *datagram = &arrival->datagram;
    arrival->is_fragment = true;
    arrival->fragment = (struct fragment){
        .source = datagram->source,
        .destination = datagram->destination,
        .ipv6 = true,
        .tos = datagram->tos,
        .more = found->more_fragments,
        .id = found->fragment_id,
        .offset = found->fragment_offset,
        .packet = datagram->packet,
        .header_length = found->fragment_header_at,
        .data_at = found->offset,
        .next_header_at = octet_before(datagram->packet, found->fragment_header_at),
        .next_header = found->protocol,
    };
}

/* RFC 8200, 4: the extension headers, strictly in the order of the packet. */
static bool walk(struct ip *ip, const struct ipv6_header *header, struct ip_arrival *arrival)
{
    struct ip_datagram *datagram = &arrival->datagram;
    struct ipv6_extensions found;
    struct icmp_complaint complaint = {.type = ICMPV6_PARAMETER_PROBLEM};
    size_t pointer;
    switch (ipv6_walk_extensions(datagram->packet, header, &found, &pointer,
                                 &complaint.about_groups_too)) {
    case IPV6_WALK_OK:
        datagram->protocol = found.protocol;
        datagram->payload = bytes_part(datagram->packet, found.offset, datagram->packet.len);
        arrival->protocol_field = found.protocol_field;
        if (found.fragment)
            describe_ipv6_fragment(&found, arrival);
        return true;
    case IPV6_WALK_DROP:
        return refuse(ip, DROP_ip_extension_refused);
    case IPV6_WALK_HEADER_PROBLEM:
        complaint.code = ICMPV6_ERRONEOUS_FIELD;
        break;
    case IPV6_WALK_OPTION_PROBLEM:
        complaint.code = ICMPV6_UNKNOWN_OPTION;
        break;
    case IPV6_WALK_HOP_BY_HOP_MISPLACED:
        complaint.code = ICMPV6_UNKNOWN_NEXT_HEADER;
        break;
    }
    complaint.rest = (uint32_t)pointer;
    return complain(ip, datagram, DROP_ip_extension_refused, complaint);
}

static bool ipv6_arrives(struct ip *ip, struct bytes packet, enum ip_origin origin,
                         struct ip_arrival *arrival)
{
    struct ipv6_header header;
    enum drop_reason reason = ipv6_fault_reason(ipv6_parse(packet, &header));
    if (reason == DROP_REASONS)
        reason = check_mapped(&header);
    if (reason != DROP_REASONS)
        return refuse(ip, reason);
    size_t length = IPV6_HEADER_LENGTH + (size_t)header.payload_length;
    describe_ipv6(bytes_part(packet, 0, length), &header, arrival);
    reason = check_addresses(ip, &arrival->datagram, origin);
    if (reason != DROP_REASONS)
        return refuse(ip, reason);
    return walk(ip, &header, arrival);
}

/* --- both
 * ----------------------------------------------------------------------------------------- */

bool ip_arrives(struct ip *ip, struct bytes packet, enum ip_origin origin,
                struct ip_arrival *arrival)
{
    arrival->ipv6 = arrival->is_fragment = false;
    arrival->protocol_field = 0;
    if (packet.len == 0)
        return refuse(ip, DROP_ip_too_short);
    switch (packet.data[0] >> 4) {
    case 4:
        return ipv4_arrives(ip, packet, origin, arrival);
    case 6:
        return ipv6_arrives(ip, packet, origin, arrival);
    default:
        return refuse(ip, DROP_ip_bad_version);
    }
}

bool ip_arrives_whole(struct ip *ip, struct bytes packet, struct ip_arrival *arrival)
{
    if (!ip_arrives(ip, packet, IP_FROM_OURSELVES, arrival))
        return false;
    /* RFC 8200, 4.1: a fragment header occurs once. */
    return arrival->is_fragment ? refuse(ip, DROP_ip_extension_refused) : true;
}

/* --- the expected packet ------------------------------------------------------------------------
 */

/* IPv4, 20 bytes of header whose checksum is right, no fragment, TCP, nothing behind its end. */
static bool is_plain_ipv4(struct bytes packet)
{
    enum { NO_OPTIONS = 0x45 };
    const uint8_t *p = packet.data;
    return p[0] == NO_OPTIONS && get_be16(p + 2) == packet.len &&
           (get_be16(p + 6) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) == 0 &&
           p[9] == PROTOCOL_TCP && ipv4_checksum_is_right(p);
}

/* IPv6, no extension headers, TCP, nothing behind its end. */
static bool is_plain_ipv6(struct bytes packet)
{
    const uint8_t *p = packet.data;
    return p[0] >> 4 == 6 && get_be16(p + 4) + (size_t)IPV6_HEADER_LENGTH == packet.len &&
           p[6] == PROTOCOL_TCP;
}

static struct ip_datagram datagram_of_flow(const struct ip *ip, struct bytes packet,
                                           size_t header_length)
{
    return (struct ip_datagram){
        .source = ip->flow.remote.address,
        .destination = ip->flow.local.address,
        .protocol = PROTOCOL_TCP,
        .payload = {packet.data + header_length, packet.len - header_length},
        .packet = packet,
    };
}

bool ip_expected_arrives(struct ip *ip, struct bytes packet, struct ip_datagram *datagram)
{
    const uint8_t *p = packet.data, *source = ip->flow.remote.address.bytes;
    const uint8_t *destination = ip->flow.local.address.bytes;
    enum { IN_IPV4 = 12, SOURCE4 = 12, DESTINATION4 = 16, SOURCE6 = 8, DESTINATION6 = 24 };
    if (!ip->flow_is_good || packet.len < IPV6_HEADER_LENGTH)
        return false;
    if (address_is_ipv4(&ip->flow.remote.address)) {
        if (memcmp(p + SOURCE4, source + IN_IPV4, 4) != 0 ||
            memcmp(p + DESTINATION4, destination + IN_IPV4, 4) != 0 || !is_plain_ipv4(packet))
            return false;
        *datagram = datagram_of_flow(ip, packet, IPV4_HEADER_LENGTH);
        datagram->tos = p[1];
        datagram->ttl = p[8];
    } else {
        if (memcmp(p + SOURCE6, source, 16) != 0 ||
            memcmp(p + DESTINATION6, destination, 16) != 0 || !is_plain_ipv6(packet))
            return false;
        *datagram = datagram_of_flow(ip, packet, IPV6_HEADER_LENGTH);
        datagram->tos = (uint8_t)(get_be16(p) >> 4);
        datagram->ttl = p[7];
    }
    ip->trace->subject.flow = &ip->flow;
    return true;
}

/* --- fragments
 * ------------------------------------------------------------------------------------ */

/* RFC 791, 3.1 and RFC 8200, 4.5: the whole must not become longer than its length field can say.
 */
static bool is_too_big(const struct fragment *fragment, size_t length)
{
    size_t before = fragment->header_length;
    if (fragment->ipv6)
        before -= IPV6_HEADER_LENGTH;
    return before + fragment->offset + length > PACKET_LARGEST;
}

/* The transport header is all there, as far as its length can be told. */
static bool has_transport_header(uint8_t protocol, struct bytes payload)
{
    if (protocol == PROTOCOL_TCP)
        return payload.len >= 20 && (size_t)(payload.data[12] >> 4) * 4 <= payload.len;
    if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
        return payload.len >= 8;
    return true;
}

/* RFC 7112, 5 (R7112-01): the first fragment holds all headers. It is read as if it were alone;
 * what else may be wrong with it is judged when the others are there. */
static bool has_whole_chain(struct ip *ip, const struct fragment *fragment)
{
    struct bytes alone = fragments_alone(&ip->fragments, fragment);
    struct ipv6_header header;
    struct ipv6_extensions found;
    size_t pointer;
    bool groups;
    if (ipv6_parse(alone, &header) != IPV6_OK)
        return false;
    switch (ipv6_walk_extensions(alone, &header, &found, &pointer, &groups)) {
    case IPV6_WALK_DROP:
        return false;
    case IPV6_WALK_OK:
        return has_transport_header(found.protocol, bytes_part(alone, found.offset, alone.len));
    case IPV6_WALK_HEADER_PROBLEM:
    case IPV6_WALK_OPTION_PROBLEM:
    case IPV6_WALK_HOP_BY_HOP_MISPLACED:
        break;
    }
    return true;
}

/* RFC 1858, 3 and RFC 3128: filters read ports and flags in the first fragment, so these must be
 * there and not come again in the second. */
static bool ipv4_header_is_split(const struct fragment *fragment, struct bytes data)
{
    if (fragment->offset == 0)
        return !has_transport_header(fragment->protocol, data);
    return fragment->protocol == PROTOCOL_TCP && fragment->offset < 20;
}

/* RFC 8200, 4.5 (R8200-01). */
static bool ipv6_fragment_arrives(struct ip *ip, const struct ip_arrival *arrival, size_t length)
{
    enum { PAYLOAD_LENGTH_AT = 4 };
    const struct fragment *fragment = &arrival->fragment;
    struct icmp_complaint complaint = {.type = ICMPV6_PARAMETER_PROBLEM,
                                       .code = ICMPV6_ERRONEOUS_FIELD,
                                       .rest = PAYLOAD_LENGTH_AT};
    if (fragment->more && length % 8 != 0)
        return complain(ip, &arrival->datagram, DROP_fragment_bad_length, complaint);
    complaint.rest = (uint32_t)fragment->header_length + 2;
    if (is_too_big(fragment, length))
        return complain(ip, &arrival->datagram, DROP_fragment_too_big, complaint);
    if (length == 0)
        return refuse(ip, DROP_fragment_bad_length);
    complaint.code = ICMPV6_INCOMPLETE_HEADER_CHAIN;
    complaint.rest = 0;
    if (fragment->offset == 0 && !has_whole_chain(ip, fragment))
        return complain(ip, &arrival->datagram, DROP_fragment_header_split, complaint);
    return true;
}

bool ip_fragment_arrives(struct ip *ip, const struct ip_arrival *arrival)
{
    const struct fragment *fragment = &arrival->fragment;
    struct bytes data = bytes_part(fragment->packet, fragment->data_at, fragment->packet.len);
    if (fragment->ipv6)
        return ipv6_fragment_arrives(ip, arrival, data.len);
    if (data.len == 0 || (fragment->more && data.len % 8 != 0))
        return refuse(ip, DROP_fragment_bad_length);
    if (is_too_big(fragment, data.len))
        return refuse(ip, DROP_fragment_too_big);
    return ipv4_header_is_split(fragment, data) ? refuse(ip, DROP_fragment_header_split) : true;
}
