/* ARP and Neighbor Discovery messages, see neighbour_message.h. RFC 4861's checks on arrival are
 * made here, all of them; ARP has no such list, so what RFC 826 assumes is checked. */
#include "dev/neighbour_message.h"

#include "base/check.h"
#include "wire/checksum.h"

enum {
    ARP_LENGTH = 28,
    ARP_HARDWARE_ETHERNET = 1,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
    IPV6_HEADER = 40,
    PROTOCOL_ICMPV6 = 58,
    HOP_LIMIT = 255,
    ND_LENGTH = 24, /* without options */
    ND_SOLICITATION = 135,
    ND_ADVERTISEMENT = 136,
    ND_SOLICITED = 0x40,
    ND_OVERRIDE = 0x20,
    ND_OPTION_SOURCE = 1,
    ND_OPTION_TARGET = 2,
    ND_OPTION_UNIT = 8,
};

static const struct ethernet_address everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct address all_nodes = {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

/* Neither a group's nor zero: RFC 1812, 3.3.2: a group's address must not be believed. */
static bool is_hosts_address(const uint8_t *bytes)
{
    static const uint8_t zeros[ETHERNET_ADDRESS];
    return !(bytes[0] & 1) && memcmp(bytes, zeros, ETHERNET_ADDRESS) != 0;
}

static struct ethernet_address ethernet_from(const uint8_t *bytes)
{
    struct ethernet_address a;
    memcpy(a.bytes, bytes, sizeof a.bytes);
    return a;
}

struct ethernet_address ethernet_of_group(const struct address *group)
{
    CHECK(address_is_multicast(group));
    const uint8_t *b = group->bytes;
    if (address_is_ipv4(group))
        return (struct ethernet_address){{0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]}};
    return (struct ethernet_address){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

struct address address_solicited_node(const struct address *a)
{
    struct address group = {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0}};
    memcpy(group.bytes + 13, a->bytes + 13, 3);
    return group;
}

/* --- what arrives ----------------------------------------------------------------------------- */

static bool may_be_asked_for(const struct address *a)
{
    return !address_is_unspecified(a) && !address_is_multicast(a) && !address_is_broadcast(a);
}

/* RFC 826, "Packet Reception": all its questions, with "yes" as the only good answer. */
static enum neighbour_verdict parse_arp(struct bytes arp, struct neighbour_message *message)
{
    static const uint8_t kind[6] = {0, ARP_HARDWARE_ETHERNET, 0x08, 0x00, ETHERNET_ADDRESS, 4};
    if (arp.len < ARP_LENGTH || memcmp(arp.data, kind, sizeof kind) != 0)
        return NEIGHBOUR_INVALID;
    uint16_t operation = get_be16(arp.data + 6);
    struct address sender = address_from_ipv4(arp.data + 14);
    struct address target = address_from_ipv4(arp.data + 24);
    if (!is_hosts_address(arp.data + 8))
        return NEIGHBOUR_INVALID;
    message->ethernet = ethernet_from(arp.data + 8);
    message->has_ethernet = true;
    if (operation == ARP_REQUEST) {
        /* RFC 5227, 2.1.1: a sender of 0.0.0.0 tests whether the target is free. */
        bool named = address_is_unspecified(&sender) || may_be_asked_for(&sender);
        message->asker = sender;
        message->about = target;
        return named && may_be_asked_for(&target) ? NEIGHBOUR_ASKS : NEIGHBOUR_INVALID;
    }
    message->about = sender;
    message->to = target;
    message->solicited = message->override = true;
    return operation == ARP_REPLY && may_be_asked_for(&sender) ? NEIGHBOUR_TELLS
                                                               : NEIGHBOUR_INVALID;
}

/* RFC 4861, 4.6: options in units of 8 bytes; a length of 0 makes the whole message invalid. Takes
 * the link-layer address of the option `wanted`; others are skipped. */
static bool read_options(struct cursor *c, uint8_t wanted, struct neighbour_message *message)
{
    while (cursor_left(c) > 0) {
        uint8_t type = cursor_u8(c);
        uint8_t units = cursor_u8(c);
        if (c->failed || units == 0)
            return false;
        struct bytes value = cursor_take(c, (size_t)units * ND_OPTION_UNIT - 2);
        if (c->failed)
            return false;
        if (type != wanted)
            continue;
        if (units != 1 || !is_hosts_address(value.data))
            return false;
        message->ethernet = ethernet_from(value.data);
        message->has_ethernet = true;
    }
    return true;
}

/* RFC 4861, 7.1.1 */
static bool solicitation_is_valid(const struct neighbour_message *message,
                                  const struct address *from, const struct address *to)
{
    if (!address_is_unspecified(from))
        return true;
    struct address group = address_solicited_node(&message->about);
    return address_equal(to, &group) && !message->has_ethernet;
}

/* RFC 4861, 7.1.2 */
static bool advertisement_is_valid(const struct neighbour_message *message,
                                   const struct address *from, const struct address *to)
{
    return !address_is_unspecified(from) && !(address_is_multicast(to) && message->solicited);
}

/* `icmp` is whole: its length is that which the IPv6 header tells. */
static enum neighbour_verdict parse_nd(struct bytes ip, struct bytes icmp,
                                       const struct ethernet_address *frame_source,
                                       struct neighbour_message *message)
{
    struct address from = address_from_ipv6(ip.data + 8), to = address_from_ipv6(ip.data + 24);
    struct checksum sum = {.sum = 0};
    checksum_add_pseudo(&sum, &from, &to, PROTOCOL_ICMPV6, (uint32_t)icmp.len);
    checksum_add(&sum, icmp.data, icmp.len);
    if (ip.data[7] != HOP_LIMIT || icmp.len < ND_LENGTH || icmp.data[1] != 0 ||
        checksum_finish(&sum) != 0)
        return NEIGHBOUR_INVALID;

    bool asks = icmp.data[0] == ND_SOLICITATION;
    struct cursor options = cursor_over(bytes_part(icmp, ND_LENGTH, icmp.len));
    message->ethernet = *frame_source; /* for an asker that does not name its own */
    message->about = address_from_ipv6(icmp.data + 8);
    message->asker = from;
    message->to = to;
    message->solicited = !asks && (icmp.data[4] & ND_SOLICITED) != 0;
    message->override = !asks && (icmp.data[4] & ND_OVERRIDE) != 0;
    if (!may_be_asked_for(&message->about) || address_is_multicast(&from) ||
        !read_options(&options, asks ? ND_OPTION_SOURCE : ND_OPTION_TARGET, message))
        return NEIGHBOUR_INVALID;
    if (asks)
        return solicitation_is_valid(message, &from, &to) ? NEIGHBOUR_ASKS : NEIGHBOUR_INVALID;
    return advertisement_is_valid(message, &from, &to) ? NEIGHBOUR_TELLS : NEIGHBOUR_INVALID;
}

enum neighbour_verdict neighbour_message_parse(struct bytes frame,
                                               struct neighbour_message *message)
{
    *message = (struct neighbour_message){.has_ethernet = false};
    if (frame.len < ETHERNET_HEADER)
        return NEIGHBOUR_NO_MESSAGE;
    uint16_t type = get_be16(frame.data + 12);
    struct bytes body = bytes_part(frame, ETHERNET_HEADER, frame.len);
    if (type == ETHERNET_ARP)
        return is_hosts_address(frame.data + 6) ? parse_arp(body, message) : NEIGHBOUR_INVALID;

    /* RFC 6980, 5: behind a fragment header, or any other, such messages are not taken. */
    if (type != ETHERNET_IPV6 || body.len <= IPV6_HEADER || body.data[0] >> 4 != 6 ||
        body.data[6] != PROTOCOL_ICMPV6)
        return NEIGHBOUR_NO_MESSAGE;
    if (body.data[IPV6_HEADER] != ND_SOLICITATION && body.data[IPV6_HEADER] != ND_ADVERTISEMENT)
        return NEIGHBOUR_NO_MESSAGE;
    size_t length = get_be16(body.data + 4);
    if (length > body.len - IPV6_HEADER || !is_hosts_address(frame.data + 6))
        return NEIGHBOUR_INVALID;
    struct ethernet_address frame_source = ethernet_from(frame.data + 6);
    return parse_nd(body, bytes_part(body, IPV6_HEADER, length), &frame_source, message);
}

/* --- what is sent ----------------------------------------------------------------------------- */

void ethernet_build_header(uint8_t header[ETHERNET_HEADER], const struct ethernet_address *to,
                           const struct ethernet_address *from, uint16_t type)
{
    memcpy(header, to->bytes, ETHERNET_ADDRESS);
    memcpy(header + ETHERNET_ADDRESS, from->bytes, ETHERNET_ADDRESS);
    put_be16(header + 12, type);
}

static void build_arp(struct neighbour_output *out, uint16_t operation,
                      const struct ethernet_address *ours, const struct address *our_ip,
                      const struct ethernet_address *theirs, const struct address *their_ip)
{
    struct builder b = builder_over(out->body, sizeof out->body);
    builder_u16(&b, ARP_HARDWARE_ETHERNET);
    builder_u16(&b, ETHERNET_IPV4);
    builder_u8(&b, ETHERNET_ADDRESS);
    builder_u8(&b, 4);
    builder_u16(&b, operation);
    builder_copy(&b, ours->bytes, ETHERNET_ADDRESS);
    builder_copy(&b, address_ipv4_bytes(our_ip), 4);
    builder_copy(&b, theirs->bytes, ETHERNET_ADDRESS);
    builder_copy(&b, address_ipv4_bytes(their_ip), 4);
    out->length = builder_length(&b);
}

/* RFC 4861, 4.3 and 4.4: both have the same form; the option carries our link-layer address. */
static void build_nd(struct neighbour_output *out, uint8_t type, uint8_t flags, uint8_t option,
                     const struct ethernet_address *ours, const struct address *from,
                     const struct address *to, const struct address *target)
{
    struct builder b = builder_over(out->body, sizeof out->body);
    struct checksum sum = {.sum = 0};
    builder_u32(&b, 0x60000000);
    builder_u16(&b, ND_LENGTH + ND_OPTION_UNIT);
    builder_u8(&b, PROTOCOL_ICMPV6);
    builder_u8(&b, HOP_LIMIT);
    builder_copy(&b, from->bytes, sizeof from->bytes);
    builder_copy(&b, to->bytes, sizeof to->bytes);
    builder_u8(&b, type);
    builder_u8(&b, 0);
    builder_u16(&b, 0); /* the checksum, below */
    builder_u32(&b, (uint32_t)flags << 24);
    builder_copy(&b, target->bytes, sizeof target->bytes);
    builder_u8(&b, option);
    builder_u8(&b, 1);
    builder_copy(&b, ours->bytes, ETHERNET_ADDRESS);
    CHECK(!b.failed);
    out->length = builder_length(&b);
    checksum_add_pseudo(&sum, from, to, PROTOCOL_ICMPV6, ND_LENGTH + ND_OPTION_UNIT);
    checksum_add(&sum, out->body + IPV6_HEADER, ND_LENGTH + ND_OPTION_UNIT);
    put_be16(out->body + IPV6_HEADER + 2, checksum_finish(&sum));
}

void neighbour_build_question(struct neighbour_output *out, const struct address *asker,
                              const struct ethernet_address *ours, const struct address *about,
                              const struct ethernet_address *to)
{
    static const struct ethernet_address unknown;
    if (address_is_ipv4(about)) {
        ethernet_build_header(out->header, to ? to : &everybody, ours, ETHERNET_ARP);
        build_arp(out, ARP_REQUEST, ours, asker, to ? to : &unknown, about);
        return;
    }
    struct address group = address_solicited_node(about);
    struct ethernet_address group_ethernet = ethernet_of_group(&group);
    ethernet_build_header(out->header, to ? to : &group_ethernet, ours, ETHERNET_IPV6);
    build_nd(out, ND_SOLICITATION, 0, ND_OPTION_SOURCE, ours, asker, to ? about : &group, about);
}

void neighbour_build_answer(struct neighbour_output *out, const struct address *about,
                            const struct ethernet_address *ours, const struct address *asker,
                            const struct ethernet_address *to)
{
    if (address_is_ipv4(about)) {
        ethernet_build_header(out->header, to, ours, ETHERNET_ARP);
        build_arp(out, ARP_REPLY, ours, about, to, asker);
        return;
    }
    /* RFC 4861, 7.2.4: who tests whether the address is free is answered through all-nodes. */
    bool known = !address_is_unspecified(asker);
    struct ethernet_address group_ethernet = ethernet_of_group(&all_nodes);
    ethernet_build_header(out->header, known ? to : &group_ethernet, ours, ETHERNET_IPV6);
    build_nd(out, ND_ADVERTISEMENT, known ? ND_SOLICITED | ND_OVERRIDE : ND_OVERRIDE,
             ND_OPTION_TARGET, ours, about, known ? asker : &all_nodes, about);
}
