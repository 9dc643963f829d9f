/* The spine of ip/ (RFC 791, RFC 8200, RFC 1122, 3): a packet arrives, is put together with others
 * if it is a fragment, and goes to ICMP or up. Called by stack.c; the order of things is here, each
 * thing is in its own file. */
#include "ip/ip_state.h"

#include <errno.h>

#include "base/check.h"
#include "ip/icmp_in.h"
#include "ip/icmp_out.h"
#include "ip/ip_arrives.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { DEFAULT_TTL = 64, DEFAULT_FRAGMENT_BUDGET = 256 * 1024 };

size_t ip_size(void)
{
    return sizeof(struct ip);
}

/* An address that a host may have on a wire. Loopback addresses are none: they never leave a host
 * (RFC 1122, 3.2.1.3(g), R1122-03), and whoever talks to itself can use any other of its own. */
static bool is_usable(const struct prefix *prefix)
{
    const struct address *a = &prefix->address;
    return prefix->length <= (address_is_ipv4(a) ? 32 : 128) && !address_is_unspecified(a) &&
           !address_is_loopback(a) && !address_is_multicast(a) && !address_is_reserved_source(a);
}

static bool config_is_usable(const struct ip_config *config)
{
    if (config->address_count == 0 || config->address_count > IP_ADDRESSES)
        return false;
    for (unsigned i = 0; i < config->address_count; i++) {
        bool ipv4 = address_is_ipv4(&config->addresses[i].address);
        if (!is_usable(&config->addresses[i]) ||
            config->mtu < (ipv4 ? PATH_MTU_FLOOR_IPV4 : PATH_MTU_FLOOR_IPV6))
            return false;
    }
    return true;
}

/* Each table has a key of its own, so that what leaks from one says nothing about another. */
static struct siphash_key derive_key(const struct siphash_key *secret, uint8_t purpose)
{
    uint8_t text[2] = {purpose, 0};
    struct siphash_key key = {.k0 = siphash(secret, text, sizeof text)};
    text[1] = 1;
    key.k1 = siphash(secret, text, sizeof text);
    return key;
}

int ip_init(struct ip *ip, const struct ip_config *config, struct memory *memory,
            struct trace *trace)
{
    if (!config_is_usable(config))
        return -EINVAL;
    *ip = (struct ip){.config = *config, .memory = memory, .trace = trace};
    if (ip->config.ttl == 0)
        ip->config.ttl = DEFAULT_TTL;
    if (ip->config.fragment_budget == 0)
        ip->config.fragment_budget = DEFAULT_FRAGMENT_BUDGET;
    if (outbox_init(&ip->outbox, memory) < 0)
        return -ENOMEM;
    struct siphash_key key = derive_key(&config->secret, 1);
    path_mtu_init(&ip->path_mtu, &key, config->mtu);
    key = derive_key(&config->secret, 2);
    packet_ids_init(&ip->ids, &key);
    key = derive_key(&config->secret, 3);
    icmp_limit_init(&ip->limit, &key, config->seed);
    key = derive_key(&config->secret, 4);
    fragments_init(&ip->fragments, memory, trace, &key, ip->config.fragment_budget);
    echo_client_init(&ip->echo, memory);
    return 0;
}

void ip_destroy(struct ip *ip)
{
    fragments_destroy(&ip->fragments);
    echo_client_destroy(&ip->echo);
    outbox_destroy(&ip->outbox);
}

/* --- in ------------------------------------------------------------------------------------------
 */

/* Keeps a fragment. True: *arrival is now the whole packet that it completed. */
static bool reassemble(struct ip *ip, struct ip_arrival *arrival)
{
    struct fragment fragment = arrival->fragment;
    struct bytes whole;
    if (!ip_fragment_arrives(ip, arrival))
        return false;
    if (fragment.ipv6 && fragment.offset == 0 && !fragment.more)
        /* RFC 6946, 4 and RFC 8200, 4.5 (R8200-02): an atomic fragment is whole by itself and has
         * nothing to do with others of the same id. */
        whole = fragments_alone(&ip->fragments, &fragment);
    else if (!fragments_add(&ip->fragments, &fragment, ip->now, &whole))
        return false;
    return ip_arrives_whole(ip, whole, arrival);
}

/* RFC 1122, 3.2.2.1 (R1122-11): Protocol Unreachable; RFC 8200, 4 (R8200-07): Parameter Problem,
 * pointing at the octet that names the protocol. */
static void refuse_protocol(struct ip *ip, const struct ip_datagram *datagram,
                            size_t protocol_field)
{
    struct icmp_complaint complaint = {.type = ICMP_UNREACHABLE, .code = ICMP_PROTOCOL_UNREACHABLE};
    if (!address_is_ipv4(&datagram->source)) {
        complaint.type = ICMPV6_PARAMETER_PROBLEM;
        complaint.code = ICMPV6_UNKNOWN_NEXT_HEADER;
        complaint.rest = (uint32_t)protocol_field;
    }
    icmp_owe_error(ip, datagram, &complaint);
}

static enum ip_verdict unknown_protocol(struct ip *ip, const struct ip_arrival *arrival)
{
    enum { IPV4_INSIDE = 4, IPV6_INSIDE = 41 };
    uint8_t protocol = arrival->datagram.protocol;
    /* Packets inside packets are not looked at: no depth, no recursion (CVE-2020-11896). */
    bool tunnel = protocol == IPV4_INSIDE || protocol == IPV6_INSIDE;
    trace_drop(ip->trace, tunnel ? DROP_ip_tunnel : DROP_ip_unknown_protocol);
    /* RFC 8200, 4.7: nothing follows, and nothing is answered. */
    if (!arrival->ipv6 || protocol != IPV6_NO_NEXT_HEADER)
        refuse_protocol(ip, &arrival->datagram, arrival->protocol_field);
    return IP_NOTHING;
}

static enum ip_verdict deliver(struct ip *ip, const struct ip_arrival *arrival,
                               struct ip_datagram *datagram, struct ip_error *error)
{
    uint8_t protocol = arrival->datagram.protocol;
    if (protocol == (arrival->ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
        return icmp_arrives(ip, &arrival->datagram, error);
    if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
        return unknown_protocol(ip, arrival);
    *datagram = arrival->datagram;
    return IP_DATAGRAM;
}

static enum ip_verdict input(struct ip *ip, const struct packet *packet, enum ip_origin origin,
                             struct ip_datagram *datagram, struct ip_error *error)
{
    CHECK(packet->count == 1);
    struct ip_arrival arrival;
    ip->unclaimed = (struct bytes){NULL, 0};
    ip->trace->subject = (struct trace_subject){0};
    TRACE(ip->trace, packet_arrived, .len = packet->parts[0].len);
    if (origin == IP_FROM_OUTSIDE && ip_expected_arrives(ip, packet->parts[0], datagram)) {
        datagram->checksum_trusted = packet->checksum != PACKET_CHECKSUM_IN_FULL;
        datagram->gso_size = packet->gso_size;
        return IP_DATAGRAM;
    }
    if (!ip_arrives(ip, packet->parts[0], origin, &arrival))
        return IP_NOTHING;
    if (arrival.is_fragment) {
        /* What the device says about checksums and super-segments is about whole packets. */
        if (!reassemble(ip, &arrival))
            return IP_NOTHING;
    } else {
        arrival.datagram.checksum_trusted = packet->checksum != PACKET_CHECKSUM_IN_FULL;
        arrival.datagram.gso_size = packet->gso_size;
    }
    return deliver(ip, &arrival, datagram, error);
}

enum ip_verdict ip_input(struct ip *ip, const struct packet *packet, struct instant now,
                         struct ip_datagram *datagram, struct ip_error *error)
{
    ip->now = now;
    return input(ip, packet, IP_FROM_OUTSIDE, datagram, error);
}

enum ip_verdict ip_input_loopback(struct ip *ip, const struct packet *packet, struct instant now,
                                  struct ip_datagram *datagram, struct ip_error *error)
{
    ip->now = now;
    return input(ip, packet, IP_FROM_OURSELVES, datagram, error);
}

/* --- what is owed
 * ---------------------------------------------------------------------------------- */

/* Where the octet is that names an IPv6 packet's upper protocol. The packet has been walked before.
 */
static size_t protocol_field_of(const struct ip_datagram *datagram)
{
    struct ipv6_header header;
    struct ipv6_extensions found;
    size_t pointer;
    bool groups;
    CHECK(ipv6_parse(datagram->packet, &header) == IPV6_OK);
    ipv6_walk_extensions(datagram->packet, &header, &found, &pointer, &groups);
    return found.protocol_field;
}

void ip_refuse(struct ip *ip, const struct ip_datagram *datagram, enum ip_refusal why,
               struct instant now)
{
    ip->now = now;
    bool ipv4 = address_is_ipv4(&datagram->source);
    struct icmp_complaint no_port = {
        .type = ipv4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE,
        .code = ipv4 ? ICMP_PORT_UNREACHABLE : ICMPV6_NO_PORT,
    };
    switch (why) {
    case IP_REFUSE_PORT:
        icmp_owe_error(ip, datagram, &no_port);
        return;
    case IP_REFUSE_PROTOCOL:
        refuse_protocol(ip, datagram, ipv4 ? 0 : protocol_field_of(datagram));
        return;
    }
}

bool ip_next_packet(struct ip *ip, struct packet *packet, struct instant now)
{
    ip->now = now;
    *packet = (struct packet){.count = 1};
    return outbox_next(&ip->outbox, &packet->parts[0]);
}

bool ip_may_have_packets(const struct ip *ip)
{
    return ip->outbox.tail > 0;
}

/* --- time
 * ------------------------------------------------------------------------------------------- */

/* RFC 1122, 3.3.2 (R1122-05) and RFC 8200, 4.5: only when the first fragment had come. */
static void complain_about_timeout(struct ip *ip, const struct fragments_expired *expired)
{
    if (expired->first.len == 0)
        return;
    bool ipv4 = address_is_ipv4(&expired->source);
    struct ip_datagram about = {
        .source = expired->source,
        .destination = expired->destination,
        .to_group = !ip_is_ours(ip, &expired->destination),
        .packet = expired->first,
    };
    struct icmp_complaint complaint = {
        .type = ipv4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED,
        .code = ipv4 ? ICMP_REASSEMBLY_TIME_EXCEEDED : ICMPV6_REASSEMBLY_TIME_EXCEEDED,
    };
    icmp_owe_error(ip, &about, &complaint);
}

struct instant ip_deadline(const struct ip *ip)
{
    return fragments_deadline(&ip->fragments);
}

void ip_timeout(struct ip *ip, struct instant now)
{
    struct fragments_expired expired;
    ip->now = now;
    if (list_is_empty(&ip->fragments.ages))
        return;
    ip->trace->subject = (struct trace_subject){0};
    while (fragments_expire(&ip->fragments, now, &expired))
        complain_about_timeout(ip, &expired);
}

/* --- what others ask
 * ------------------------------------------------------------------------------- */

struct bytes ip_unclaimed(const struct ip *ip)
{
    return ip->unclaimed;
}

uint32_t ip_path_mtu(struct ip *ip, const struct address *destination, struct instant now)
{
    ip->now = now;
    return path_mtu_get(&ip->path_mtu, destination, now);
}

uint32_t ip_reduce_path_mtu(struct ip *ip, const struct address *destination, uint32_t mtu,
                            uint32_t last_length, struct instant now)
{
    ip->now = now;
    uint32_t before = path_mtu_get(&ip->path_mtu, destination, now);
    uint32_t after = path_mtu_reduce(&ip->path_mtu, destination, mtu, last_length, now);
    if (after < before)
        TRACE(ip->trace, path_mtu_reduced, .mtu = after);
    return after;
}

int ip_send_echo(struct ip *ip, const struct address *destination, uint16_t id, uint16_t sequence,
                 struct bytes data, uint8_t ttl, struct instant now)
{
    ip->now = now;
    bool ipv4 = address_is_ipv4(destination);
    struct ip_send send = {
        .destination = *destination,
        .protocol = ipv4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6,
        .ttl = ttl,
        .may_fragment = true,
    };
    if (!ip_choose_source(ip, destination, &send.source))
        return -EADDRNOTAVAIL;
    struct icmp_message message = {
        .type = ipv4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST,
        .rest = (uint32_t)id << 16 | sequence,
        .body = data,
    };
    int result = echo_client_expect(&ip->echo, destination, id);
    return result < 0 ? result : icmp_owe_message(ip, &send, &message);
}

bool ip_take_echo_reply(struct ip *ip, struct ip_echo_reply *reply, struct ip_error *error,
                        bool *is_error)
{
    const struct echo_record *record = echo_client_take(&ip->echo);
    if (!record)
        return false;
    *is_error = record->is_error;
    if (record->is_error)
        *error = record->error;
    else
        *reply = record->reply;
    return true;
}
