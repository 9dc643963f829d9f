/* The IPv6 header of RFC 8200, 3, and the walk over the extension headers of section 4. Called by
 * ip/, icmp (quotations), gso and describe; it must not know which addresses are ours, and it
 * answers nobody: it says what an answer would be. */
#include "wire/ipv6.h"

#include "base/check.h"

enum ipv6_fault ipv6_parse(struct bytes packet, struct ipv6_header *header)
{
    if (packet.len < IPV6_HEADER_LENGTH)
        return IPV6_TOO_SHORT;
    const uint8_t *p = packet.data;
    if (p[0] >> 4 != 6)
        return IPV6_BAD_VERSION;
    *header = (struct ipv6_header){
        .traffic_class = (uint8_t)(get_be16(p) >> 4),
        .flow_label = get_be32(p) & 0xfffff,
        .payload_length = get_be16(p + 4),
        .next_header = p[6],
        .hop_limit = p[7],
        .source = address_from_ipv6(p + 8),
        .destination = address_from_ipv6(p + 24),
    };
    if (header->payload_length > packet.len - IPV6_HEADER_LENGTH)
        return IPV6_BAD_PAYLOAD_LENGTH;
    return IPV6_OK;
}

void ipv6_build(const struct ipv6_header *header, uint8_t out[IPV6_HEADER_LENGTH])
{
    uint32_t traffic_class = header->traffic_class;
    CHECK(header->flow_label <= 0xfffff);
    put_be32(out, UINT32_C(6) << 28 | traffic_class << 20 | header->flow_label);
    put_be16(out + 4, header->payload_length);
    out[6] = header->next_header;
    out[7] = header->hop_limit;
    memcpy(out + 8, header->source.bytes, 16);
    memcpy(out + 24, header->destination.bytes, 16);
}

enum { HEADERS_MOST = 8 };
enum { OPTION_PAD1 = 0, OPTION_PADN = 1 };

/* The walk's state, and what it will tell. */
struct walk {
    struct bytes packet; /* without padding */
    struct ipv6_extensions *found;
    size_t *pointer;
    bool *to_multicast_too;
};

/* RFC 8200, 4.2: what the two highest bits of an option that we don't know ask for. `at`: from the
 * packet's start. */
static enum ipv6_walk judge_option(const struct walk *w, uint8_t type, size_t at)
{
    if (type == OPTION_PADN || type >> 6 == 0)
        return IPV6_WALK_OK;
    if (type >> 6 == 1)
        return IPV6_WALK_DROP;
    *w->pointer = at;
    *w->to_multicast_too = type >> 6 == 2;
    return IPV6_WALK_OPTION_PROBLEM;
}

/* Hop-by-Hop and Destination Options (RFC 8200, 4.3 and 4.6). */
static enum ipv6_walk walk_options(const struct walk *w, struct bytes header)
{
    struct cursor c = cursor_over(bytes_part(header, 2, header.len));
    while (cursor_left(&c) > 0) {
        size_t at = (size_t)(c.at - w->packet.data);
        uint8_t type = cursor_u8(&c);
        if (type == OPTION_PAD1)
            continue;
        cursor_take(&c, cursor_u8(&c));
        if (c.failed)
            return IPV6_WALK_DROP;
        enum ipv6_walk judgement = judge_option(w, type, at);
        if (judgement != IPV6_WALK_OK)
            return judgement;
    }
    return IPV6_WALK_OK;
}

/* RFC 8200, 4.4 and RFC 5095: we know no routing type, so one that has been used up is skipped and
 * any other is refused, at its type. */
static enum ipv6_walk walk_routing(const struct walk *w, struct bytes header)
{
    if (header.data[3] == 0)
        return IPV6_WALK_OK;
    *w->pointer = w->found->offset + 2;
    return IPV6_WALK_HEADER_PROBLEM;
}

/* RFC 8200, 4.5. */
static void walk_fragment(const struct walk *w, struct bytes header)
{
    struct ipv6_extensions *found = w->found;
    uint16_t offset_flags = get_be16(header.data + 2);
    found->fragment = true;
    found->more_fragments = offset_flags & 1;
    found->fragment_offset = offset_flags & 0xfff8;
    found->fragment_id = get_be32(header.data + 4);
    found->fragment_header_at = found->offset;
}

static bool is_extension(uint8_t protocol)
{
    return protocol == IPV6_HOP_BY_HOP || protocol == IPV6_ROUTING || protocol == IPV6_FRAGMENT ||
           protocol == IPV6_DESTINATION_OPTIONS;
}

/* The extension header at found->offset, whole; empty when the packet ends in it. */
static struct bytes whole_extension(const struct walk *w)
{
    struct bytes rest = bytes_part(w->packet, w->found->offset, w->packet.len);
    if (rest.len < 8)
        return (struct bytes){rest.data, 0};
    size_t length = 8;
    if (w->found->protocol != IPV6_FRAGMENT)
        length += (size_t)rest.data[1] * 8;
    return (struct bytes){rest.data, length <= rest.len ? length : 0};
}

/* Reads the extension header that `found` stands at and moves `found` behind it. */
static enum ipv6_walk walk_one(const struct walk *w)
{
    struct ipv6_extensions *found = w->found;
    if (found->protocol == IPV6_HOP_BY_HOP && found->offset != IPV6_HEADER_LENGTH) {
        *w->pointer = found->protocol_field;
        return IPV6_WALK_HOP_BY_HOP_MISPLACED;
    }
    struct bytes header = whole_extension(w);
    if (header.len == 0)
        return IPV6_WALK_DROP;
    enum ipv6_walk judgement = IPV6_WALK_OK;
    if (found->protocol == IPV6_FRAGMENT)
        walk_fragment(w, header);
    else if (found->protocol == IPV6_ROUTING)
        judgement = walk_routing(w, header);
    else
        judgement = walk_options(w, header);
    if (judgement != IPV6_WALK_OK)
        return judgement;
    found->protocol_field = found->offset;
    found->protocol = header.data[0];
    found->offset += header.len;
    return IPV6_WALK_OK;
}

enum ipv6_walk ipv6_walk_extensions(struct bytes packet, const struct ipv6_header *header,
                                    struct ipv6_extensions *found, size_t *pointer,
                                    bool *to_multicast_too)
{
    struct walk w = {
        .packet = bytes_part(packet, 0, IPV6_HEADER_LENGTH + (size_t)header->payload_length),
        .found = found,
        .pointer = pointer,
        .to_multicast_too = to_multicast_too,
    };
    *found = (struct ipv6_extensions){
        .protocol = header->next_header,
        .offset = IPV6_HEADER_LENGTH,
        .protocol_field = 6,
    };
    *pointer = 0;
    *to_multicast_too = false;
    for (int i = 0; i < HEADERS_MOST; i++) {
        if (found->fragment || !is_extension(found->protocol))
            return IPV6_WALK_OK;
        enum ipv6_walk judgement = walk_one(&w);
        if (judgement != IPV6_WALK_OK)
            return judgement;
    }
    return found->fragment || !is_extension(found->protocol) ? IPV6_WALK_OK : IPV6_WALK_DROP;
}
