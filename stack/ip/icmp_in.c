/* See icmp_in.h. Whether to believe an error about a connection is not decided here: only TCP knows
 * which sequence numbers are in flight (RFC 5927, 4). Redirects, router advertisements and
 * neighbour discovery are ignored: a point-to-point link has one next hop and no link-layer
 * addresses (RFC 4861, 3.2). */
#include "ip/icmp_in.h"

#include <errno.h>

#include "ip/icmp_out.h"
#include "wire/ipv4.h"

/* RFC 1122, 3.2.2.6 (R1122-10) and RFC 4443, 4.2: the same data, from the address that was asked.
 */
static void answer_echo(struct ip *ip, const struct ip_datagram *datagram,
                        const struct icmp_message *request)
{
    /* Not RFC 4443, 4.2, which lets a group be answered: because each answer to a forged source is
     * one more in a flood (CVE-1999-0513). RFC 1122, 3.2.2.6 allows to be silent. */
    if (datagram->to_group) {
        trace_drop(ip->trace, DROP_icmp_to_multicast);
        return;
    }
    bool ipv4 = address_is_ipv4(&datagram->source);
    struct ip_send send = {
        .source = datagram->destination,
        .destination = datagram->source,
        .protocol = datagram->protocol,
        .ttl = ip->config.ttl,
        .tos = datagram->tos & 0xfc, /* DSCP alone: ICMP is not ECN-capable */
        .may_fragment = true,
    };
    struct icmp_message reply = *request;
    reply.type = ipv4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
    reply.code = 0;
    if (icmp_owe_message(ip, &send, &reply) == 0)
        TRACE(ip->trace, echo_answered, .len = reply.body.len);
    else
        trace_drop(ip->trace, DROP_icmp_unanswered);
}

static void take_echo_reply(struct ip *ip, const struct ip_datagram *datagram,
                            const struct icmp_message *message)
{
    struct ip_echo_reply reply = {
        .source = datagram->source,
        .id = (uint16_t)(message->rest >> 16),
        .sequence = (uint16_t)message->rest,
        .ttl = datagram->ttl,
        .length = message->body.len,
        .data = message->body,
    };
    if (echo_client_reply(&ip->echo, &reply))
        return;
    ip->unclaimed = datagram->packet;
    trace_drop(ip->trace, DROP_icmp_ignored);
}

/* What a socket would report, and whether it is final in itself. RFC 1122, 4.2.3.9 and RFC
 * 9293, 3.9.2.2 name what is soft. */
struct meaning {
    int errnum;
    bool hard;
};

static struct meaning ipv4_meaning(uint8_t type, uint8_t code)
{
    static const struct meaning unreachable[] = {
        {ENETUNREACH, false},  /* net */
        {EHOSTUNREACH, false}, /* host */
        {ENOPROTOOPT, true},   /* protocol */
        {ECONNREFUSED, true},  /* port */
        {EMSGSIZE, false},     /* fragmentation needed: the path's MTU is lowered instead */
        {EOPNOTSUPP, false},   /* source route failed */
        {ENETUNREACH, true},   /* net unknown */
        {EHOSTUNREACH, true},  /* host unknown */
        {EHOSTUNREACH, true},  /* source host isolated */
        {ENETUNREACH, true},   /* net prohibited */
        {EHOSTUNREACH, true},  /* host prohibited */
        {ENETUNREACH, false},  /* net, for this type of service */
        {EHOSTUNREACH, false}, /* host, for this type of service */
        {EACCES, true},        /* communication prohibited: RFC 1812, 5.2.7.1, as the next two */
        {EHOSTUNREACH, false}, /* precedence violated */
        {EHOSTUNREACH, false}, /* precedence too low */
    };
    if (type == ICMP_UNREACHABLE && code < sizeof unreachable / sizeof *unreachable)
        return unreachable[code];
    if (type == ICMP_PARAMETER_PROBLEM)
        return (struct meaning){EPROTO, false};
    return (struct meaning){EHOSTUNREACH, false};
}

static struct meaning ipv6_meaning(uint8_t type, uint8_t code)
{
    /* RFC 4443, 3.1. */
    static const struct meaning unreachable[] = {
        {ENETUNREACH, false},  /* no route */
        {EACCES, true},        /* prohibited */
        {EHOSTUNREACH, false}, /* beyond the scope of the source */
        {EHOSTUNREACH, false}, /* address */
        {ECONNREFUSED, true},  /* port */
        {EACCES, true},        /* the source is against the policy */
        {EACCES, true},        /* the route is a reject route */
    };
    if (type == ICMPV6_UNREACHABLE && code < sizeof unreachable / sizeof *unreachable)
        return unreachable[code];
    if (type == ICMPV6_PACKET_TOO_BIG)
        return (struct meaning){EMSGSIZE, false};
    if (type == ICMPV6_UNREACHABLE || type == ICMPV6_TIME_EXCEEDED)
        return (struct meaning){EHOSTUNREACH, false};
    return (struct meaning){EPROTO, false};
}

static uint32_t told_mtu(bool ipv6, const struct icmp_message *message,
                         const struct icmp_quoted *quoted)
{
    if (ipv6)
        return message->type == ICMPV6_PACKET_TOO_BIG ? message->rest : 0;
    bool needed = message->type == ICMP_UNREACHABLE && message->code == ICMP_FRAGMENTATION_NEEDED;
    /* RFC 1191, 4 and 5: a router that does not know it says 0. */
    return needed ? path_mtu_told_ipv4(message->rest & 0xffff, quoted->length) : 0;
}

static struct ip_error error_of(const struct icmp_message *message,
                                const struct icmp_quoted *quoted)
{
    bool ipv6 = !address_is_ipv4(&quoted->source);
    struct meaning meaning = ipv6 ? ipv6_meaning(message->type, message->code)
                                  : ipv4_meaning(message->type, message->code);
    struct ip_error error = {
        .flow = {.local.address = quoted->source, .remote.address = quoted->destination},
        .protocol = quoted->protocol,
        .ipv6 = ipv6,
        .type = message->type,
        .code = message->code,
        .mtu = told_mtu(ipv6, message, quoted),
        .errnum = meaning.errnum,
        .hard = meaning.hard,
        .transport = quoted->transport,
    };
    if (quoted->protocol == PROTOCOL_TCP || quoted->protocol == PROTOCOL_UDP) {
        error.flow.local.port = get_be16(quoted->transport.data);
        error.flow.remote.port = get_be16(quoted->transport.data + 2);
    }
    return error;
}

static bool is_about_echo(const struct ip_error *error)
{
    uint8_t type = error->transport.data[0];
    if (error->ipv6)
        return error->protocol == PROTOCOL_ICMPV6 && type == ICMPV6_ECHO_REQUEST;
    return error->protocol == PROTOCOL_ICMP && type == ICMP_ECHO_REQUEST;
}

/* An error about a request of the echo client: it believes what quotes its id. */
static void take_echo_error(struct ip *ip, const struct ip_error *error)
{
    if (!echo_client_error(&ip->echo, error)) {
        trace_drop(ip->trace, DROP_icmp_quote_unmatched);
        return;
    }
    if (error->errnum == EMSGSIZE)
        ip_reduce_path_mtu(ip, &error->flow.remote.address, error->mtu, ip->config.mtu, ip->now);
}

/* RFC 1122, 3.2.2 and RFC 4443, 2.4(b), (d): handed to the protocol that sent the packet which is
 * quoted. */
static enum ip_verdict take_error(struct ip *ip, const struct ip_datagram *datagram,
                                  const struct icmp_message *message, struct ip_error *error)
{
    struct icmp_quoted quoted;
    bool ipv6 = !address_is_ipv4(&datagram->source);
    /* RFC 5927, 4 (MUST-54): errors about packets that were never ours have no effect. We send from
     * our own addresses, so what answers us comes to one of them. */
    if (datagram->to_group || !icmp_parse_quoted(message->body, ipv6, &quoted) ||
        !address_equal(&quoted.source, &datagram->destination)) {
        trace_drop(ip->trace, DROP_icmp_quote_unmatched);
        return IP_NOTHING;
    }
    *error = error_of(message, &quoted);
    error->reporter = datagram->source;
    if (error->protocol != PROTOCOL_TCP)
        ip->unclaimed = datagram->packet;
    if (is_about_echo(error)) {
        take_echo_error(ip, error);
        return IP_NOTHING;
    }
    if (error->protocol == PROTOCOL_TCP || error->protocol == PROTOCOL_UDP)
        return IP_ERROR;
    trace_drop(ip->trace, DROP_icmp_quote_unmatched);
    return IP_NOTHING;
}

static enum ip_verdict ignore(struct ip *ip, enum drop_reason reason)
{
    trace_drop(ip->trace, reason);
    return IP_NOTHING;
}

static enum ip_verdict icmpv4_arrives(struct ip *ip, const struct ip_datagram *datagram,
                                      const struct icmp_message *message, struct ip_error *error)
{
    switch (message->type) {
    case ICMP_ECHO_REQUEST:
        answer_echo(ip, datagram, message);
        return IP_NOTHING;
    case ICMP_ECHO_REPLY:
        take_echo_reply(ip, datagram, message);
        return IP_NOTHING;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
        return take_error(ip, datagram, message, error);
    case ICMP_SOURCE_QUENCH:
        /* RFC 6633, 3 (MUST-55): silently discarded. */
        return ignore(ip, DROP_icmp_source_quench);
    case ICMP_REDIRECT:
        /* Not RFC 1122, 3.2.2.2: because there is one next hop only (R1122-12). */
        return ignore(ip, DROP_icmp_redirect_ignored);
    default:
        /* RFC 1122, 3.2.2 (R1122-09): unknown types are silently discarded. */
        return ignore(ip, DROP_icmp_ignored);
    }
}

static enum ip_verdict icmpv6_arrives(struct ip *ip, const struct ip_datagram *datagram,
                                      const struct icmp_message *message, struct ip_error *error)
{
    switch (message->type) {
    case ICMPV6_ECHO_REQUEST:
        answer_echo(ip, datagram, message);
        return IP_NOTHING;
    case ICMPV6_ECHO_REPLY:
        take_echo_reply(ip, datagram, message);
        return IP_NOTHING;
    case ICMPV6_REDIRECT:
        return ignore(ip, DROP_icmp_redirect_ignored);
    default:
        /* RFC 4443, 2.4(a), (b) (R4443-03): unknown errors go up like known ones; unknown
         * informational messages, and those that only links with neighbours need, are silently
         * discarded. */
        if (message->type < 128)
            return take_error(ip, datagram, message, error);
        return ignore(ip, DROP_icmp_ignored);
    }
}

enum ip_verdict icmp_arrives(struct ip *ip, const struct ip_datagram *datagram,
                             struct ip_error *error)
{
    struct icmp_message message;
    bool bad_checksum;
    if (!icmp_parse(datagram->payload, &datagram->source, &datagram->destination, &message,
                    &bad_checksum))
        return ignore(ip, bad_checksum ? DROP_icmp_bad_checksum : DROP_icmp_too_short);
    if (address_is_ipv4(&datagram->source))
        return icmpv4_arrives(ip, datagram, &message, error);
    return icmpv6_arrives(ip, datagram, &message, error);
}
