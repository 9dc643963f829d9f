/* A packet in one line, as tcpdump would write it, but with absolute sequence numbers. Called by
 * trace sinks, tests and capture comments; it must not fail, whatever the bytes are, and decides
 * nothing. */
#include "wire/describe.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire/address.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"
#include "wire/udp_header.h"

/* The line so far; what does not fit is left out. */
struct line {
    char *at;
    size_t left; /* with the terminating zero */
};

__attribute__((format(printf, 2, 3))) static void say(struct line *l, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(l->at, l->left, format, arguments);
    va_end(arguments);
    if (n <= 0 || l->left == 0)
        return;
    size_t written = (size_t)n < l->left ? (size_t)n : l->left - 1;
    l->at += written;
    l->left -= written;
}

/* What all transports need of the packet around them. */
struct around {
    struct address source, destination;
    struct bytes text; /* what the IP header carries */
};

static void say_addresses(struct line *l, const struct around *a)
{
    char source[ADDRESS_TEXT_SIZE], destination[ADDRESS_TEXT_SIZE];
    say(l, "%s > %s ", address_print(&a->source, source),
        address_print(&a->destination, destination));
}

static void say_endpoints(struct line *l, const struct around *a, uint16_t source_port,
                          uint16_t destination_port)
{
    struct flow flow = {{a->source, source_port}, {a->destination, destination_port}};
    char text[FLOW_TEXT_SIZE];
    say(l, "%s ", flow_print(&flow, text));
}

void describe_tcp_flags(unsigned flags, char text[12])
{
    static const struct {
        enum tcp_flag flag;
        char letter;
    } letters[] = {
        {TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'}, {TCP_URG, 'U'},
        {TCP_CWR, 'W'}, {TCP_ECE, 'E'}, {TCP_AE, 'e'},  {TCP_ACK, '.'},
    };
    *text++ = '[';
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (flags & letters[i].flag)
            *text++ = letters[i].letter;
    *text++ = ']';
    *text = '\0';
}

/* A list in angle brackets, with commas between the items and nothing at all when it is empty. */
struct list_text {
    struct line *line;
    bool any;
};

static void say_separator(struct list_text *list)
{
    say(list->line, list->any ? "," : " <");
    list->any = true;
}

static void say_sack(struct list_text *list, const struct tcp_options *o)
{
    if (o->sack_count == 0)
        return;
    say_separator(list);
    say(list->line, "sack");
    for (int i = 0; i < o->sack_count; i++)
        say(list->line, " %u:%u", o->sack[i].left.u32, o->sack[i].right.u32);
}

static void say_fast_open(struct list_text *list, const struct tcp_options *o)
{
    if (!o->has_fast_open)
        return;
    say_separator(list);
    say(list->line, o->fast_open_length ? "FO " : "FO");
    for (int i = 0; i < o->fast_open_length; i++)
        say(list->line, "%02x", o->fast_open_cookie[i]);
}

static void say_accecn(struct list_text *list, const struct tcp_options *o)
{
    if (!o->has_accecn)
        return;
    say_separator(list);
    say(list->line, "accecn%d", o->accecn_order);
    for (int i = 0; i < o->accecn_count; i++)
        say(list->line, " %u", o->accecn[i]);
}

static void say_item(struct list_text *list, bool present, const char *item)
{
    if (!present)
        return;
    say_separator(list);
    say(list->line, "%s", item);
}

static void say_tcp_options(struct line *l, const struct tcp_options *o)
{
    struct list_text list = {.line = l};
    if (o->has_mss) {
        say_separator(&list);
        say(l, "mss %u", o->mss);
    }
    say_item(&list, o->has_sack_permitted, "sackOK");
    if (o->has_timestamps) {
        say_separator(&list);
        say(l, "ts %u %u", o->ts_val, o->ts_ecr);
    }
    say_accecn(&list, o);
    if (o->has_window_scale) {
        say_separator(&list);
        say(l, "wscale %u", o->window_scale);
    }
    say_sack(&list, o);
    say_fast_open(&list, o);
    say_item(&list, o->has_md5, "md5");
    say_item(&list, o->has_ao, "ao");
    say_item(&list, o->malformed, "malformed");
    if (list.any)
        say(l, ">");
}

static void say_tcp(struct line *l, const struct around *a)
{
    struct tcp_header h;
    if (tcp_header_parse(a->text, &h) != TCP_HEADER_OK) {
        say_addresses(l, a);
        say(l, "tcp with a bad header, %zu bytes", a->text.len);
        return;
    }
    char flags[12];
    size_t len = a->text.len - h.length;
    describe_tcp_flags(h.flags, flags);
    say_endpoints(l, a, h.source_port, h.destination_port);
    say(l, "%s seq %u", flags, h.seq.u32);
    if (len)
        say(l, ":%u", (uint32_t)(h.seq.u32 + len));
    if (h.flags & TCP_ACK)
        say(l, " ack %u", h.ack.u32);
    say(l, " win %u", h.window);
    if (h.flags & TCP_URG)
        say(l, " urg %u", h.urgent);
    say_tcp_options(l, &h.options);
    say(l, " len %zu", len);
}

static void say_udp(struct line *l, const struct around *a)
{
    struct udp_header h;
    if (!udp_header_parse(a->text, &h)) {
        say_addresses(l, a);
        say(l, "udp with a bad header, %zu bytes", a->text.len);
        return;
    }
    say_endpoints(l, a, h.source_port, h.destination_port);
    say(l, "udp len %u", h.length - UDP_HEADER_LENGTH);
}

/* What is known of one type of message. */
struct icmp_name {
    uint8_t type;
    const char *name;
    bool is_echo, is_error;
};

static const struct icmp_name icmp_names[] = {
    {ICMP_ECHO_REPLY, "echo reply", true, false},
    {ICMP_UNREACHABLE, "unreachable", false, true},
    {ICMP_SOURCE_QUENCH, "source quench", false, true},
    {ICMP_REDIRECT, "redirect", false, true},
    {ICMP_ECHO_REQUEST, "echo request", true, false},
    {ICMP_TIME_EXCEEDED, "time exceeded", false, true},
    {ICMP_PARAMETER_PROBLEM, "parameter problem", false, true},
};

static const struct icmp_name icmpv6_names[] = {
    {ICMPV6_UNREACHABLE, "unreachable", false, true},
    {ICMPV6_PACKET_TOO_BIG, "packet too big", false, true},
    {ICMPV6_TIME_EXCEEDED, "time exceeded", false, true},
    {ICMPV6_PARAMETER_PROBLEM, "parameter problem", false, true},
    {ICMPV6_ECHO_REQUEST, "echo request", true, false},
    {ICMPV6_ECHO_REPLY, "echo reply", true, false},
    {ICMPV6_ROUTER_SOLICITATION, "router solicitation", false, false},
    {ICMPV6_ROUTER_ADVERTISEMENT, "router advertisement", false, false},
    {ICMPV6_NEIGHBOUR_SOLICITATION, "neighbour solicitation", false, false},
    {ICMPV6_NEIGHBOUR_ADVERTISEMENT, "neighbour advertisement", false, false},
    {ICMPV6_REDIRECT, "redirect", false, false},
};

static const struct icmp_name *find_icmp_name(uint8_t type, bool ipv4)
{
    static const struct icmp_name unknown = {0, "message", false, false};
    const struct icmp_name *names = ipv4 ? icmp_names : icmpv6_names;
    size_t count = ipv4 ? sizeof icmp_names / sizeof icmp_names[0]
                        : sizeof icmpv6_names / sizeof icmpv6_names[0];
    for (size_t i = 0; i < count; i++)
        if (names[i].type == type)
            return &names[i];
    return &unknown;
}

/* The packet that an error is about: its ends, and the first four bytes, which are the ports of TCP
 * and UDP. */
static void say_quoted(struct line *l, struct bytes body, bool ipv4)
{
    struct icmp_quoted q;
    if (!icmp_parse_quoted(body, !ipv4, &q)) {
        say(l, " about what is not quoted well");
        return;
    }
    struct around a = {.source = q.source, .destination = q.destination};
    say(l, " about ");
    say_endpoints(l, &a, get_be16(q.transport.data), get_be16(q.transport.data + 2));
    say(l, "protocol %u", q.protocol);
    if (q.protocol == PROTOCOL_TCP)
        say(l, " seq %u", get_be32(q.transport.data + 4));
}

static void say_icmp(struct line *l, const struct around *a)
{
    bool ipv4 = address_is_ipv4(&a->source);
    struct icmp_message m;
    bool bad_checksum;
    say_addresses(l, a);
    if (!icmp_parse(a->text, &a->source, &a->destination, &m, &bad_checksum) && !bad_checksum) {
        say(l, "icmp with a bad header, %zu bytes", a->text.len);
        return;
    }
    const struct icmp_name *name = find_icmp_name(m.type, ipv4);
    say(l, "%s %s", ipv4 ? "icmp" : "icmp6", name->name);
    if (name->is_echo)
        say(l, " id %u seq %u", m.rest >> 16, m.rest & 0xffff);
    else
        say(l, " type %u code %u value %u", m.type, m.code, m.rest);
    if (name->is_error)
        say_quoted(l, m.body, ipv4);
    say(l, " len %zu", m.body.len);
    if (bad_checksum)
        say(l, " (bad checksum)");
}

static void say_transport(struct line *l, const struct around *a, uint8_t protocol)
{
    uint8_t icmp = address_is_ipv4(&a->source) ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    if (protocol == PROTOCOL_TCP) {
        say_tcp(l, a);
    } else if (protocol == PROTOCOL_UDP) {
        say_udp(l, a);
    } else if (protocol == icmp) {
        say_icmp(l, a);
    } else {
        say_addresses(l, a);
        say(l, "protocol %u len %zu", protocol, a->text.len);
    }
}

/* A piece of a datagram: what it carries cannot be read by itself. */
static void say_fragment(struct line *l, const struct around *a, uint32_t id, unsigned offset,
                         bool more)
{
    say_addresses(l, a);
    say(l, "fragment id %u offset %u%s len %zu", id, offset, more ? "+" : "", a->text.len);
}

static void say_ipv4(struct line *l, struct bytes packet)
{
    static const char *const faults[] = {
        [IPV4_OK] = "",
        [IPV4_TOO_SHORT] = "too short",
        [IPV4_BAD_VERSION] = "bad version",
        [IPV4_BAD_HEADER_LENGTH] = "bad header length",
        [IPV4_BAD_TOTAL_LENGTH] = "bad total length",
        [IPV4_BAD_CHECKSUM] = "bad header checksum",
    };
    struct ipv4_header h;
    enum ipv4_fault fault = ipv4_parse(packet, &h);
    if (fault != IPV4_OK) {
        say(l, "ipv4: %s, %zu bytes", faults[fault], packet.len);
        return;
    }
    size_t length = (size_t)h.total_length - h.header_length;
    struct around a = {h.source, h.destination, bytes_part(packet, h.header_length, length)};
    unsigned offset = (h.flags_offset & IPV4_OFFSET_MASK) * 8U;
    bool more = h.flags_offset & IPV4_MORE_FRAGMENTS;
    if (offset || more)
        say_fragment(l, &a, h.id, offset, more);
    else
        say_transport(l, &a, h.protocol);
}

static void say_ipv6(struct line *l, struct bytes packet)
{
    struct ipv6_header h;
    struct ipv6_extensions found;
    size_t pointer;
    bool to_multicast_too;
    enum ipv6_fault fault = ipv6_parse(packet, &h);
    if (fault != IPV6_OK) {
        say(l, "ipv6: %s, %zu bytes", fault == IPV6_TOO_SHORT ? "too short" : "bad payload length",
            packet.len);
        return;
    }
    struct around a = {.source = h.source, .destination = h.destination};
    if (ipv6_walk_extensions(packet, &h, &found, &pointer, &to_multicast_too) != IPV6_WALK_OK) {
        say_addresses(l, &a);
        say(l, "bad extension header, %zu bytes", packet.len);
        return;
    }
    packet = bytes_part(packet, 0, IPV6_HEADER_LENGTH + (size_t)h.payload_length);
    a.text = bytes_part(packet, found.offset, packet.len);
    if (found.fragment)
        say_fragment(l, &a, found.fragment_id, found.fragment_offset, found.more_fragments);
    else
        say_transport(l, &a, found.protocol);
}

void describe_packet(struct bytes packet, char *line, size_t size)
{
    struct line l = {line, size};
    if (size)
        line[0] = '\0';
    unsigned version = packet.len ? packet.data[0] >> 4 : 0;
    if (version == 4)
        say_ipv4(&l, packet);
    else if (version == 6)
        say_ipv6(&l, packet);
    else
        say(&l, "not IP, %zu bytes", packet.len);
}
