/* See match.h. Fields in the order in which a person reads a line; what the script does not say is
 * not compared: window, ports, ECN, ttl, and options if <...>. */
#include "match.h"

#include <stdio.h>
#include <string.h>

struct comparison {
    char *difference;
};

/* False, and says so, when they differ. */
static bool same(struct comparison *c, const char *field, int64_t expected, int64_t seen)
{
    if (expected == seen)
        return true;
    snprintf(c->difference, DIFFERENCE_TEXT, "%s: expected %lld, got %lld", field,
             (long long)expected, (long long)seen);
    return false;
}

static bool said(int64_t value)
{
    return value >= 0;
}

static bool same_kind(struct comparison *c, const struct packet_spec *e,
                      const struct packet_spec *s)
{
    static const char *const names[] = {
        [PACKET_TCP] = "TCP", [PACKET_UDP] = "UDP", [PACKET_ICMP] = "ICMP"};
    if (e->kind == s->kind)
        return true;
    snprintf(c->difference, DIFFERENCE_TEXT, "protocol: expected %s, got %s", names[e->kind],
             names[s->kind]);
    return false;
}

static bool same_tos(struct comparison *c, const struct packet_spec *e, const struct packet_spec *s)
{
    switch (e->tos_check) {
    case TOS_UNSAID:
        return true;
    case TOS_ECN:
        return same(c, "ECN bits", e->tos, s->tos & 3);
    case TOS_ECT01:
        return (s->tos & 3) == 1 || same(c, "ECN bits", 2, s->tos & 3);
    case TOS_WHOLE:
        return same(c, "traffic class", e->tos, s->tos);
    }
    return false;
}

static bool same_ip(struct comparison *c, const struct packet_spec *e, const struct packet_spec *s)
{
    return same_tos(c, e, s) && (e->ttl <= 0 || same(c, "ttl", e->ttl, s->ttl)) &&
           (!said(e->flow_label) || same(c, "flow label", e->flow_label, s->flow_label));
}

static bool same_ports(struct comparison *c, const struct packet_spec *e,
                       const struct packet_spec *s)
{
    return (e->source_port == 0 || same(c, "source port", e->source_port, s->source_port)) &&
           (e->destination_port == 0 ||
            same(c, "destination port", e->destination_port, s->destination_port));
}

/* As bytes: an option more, fewer, elsewhere or otherwise is a difference. */
static bool same_options(struct comparison *c, const struct packet_spec *e,
                         const struct packet_spec *s)
{
    uint8_t expected[2 * OPTIONS_LONGEST + 4] = {0}, seen[2 * OPTIONS_LONGEST + 4] = {0};
    size_t length = options_build(e, expected), other = options_build(s, seen);
    if (e->any_options)
        return true;
    /* Padding behind an end-of-list option is not written in scripts. */
    length = (length + 3) / 4 * 4;
    other = (other + 3) / 4 * 4;
    if (length == other && memcmp(expected, seen, length) == 0)
        return true;
    snprintf(c->difference, DIFFERENCE_TEXT, "TCP options differ");
    return false;
}

static bool same_flags(struct comparison *c, const struct packet_spec *e,
                       const struct packet_spec *s, bool ipv6)
{
    char expected[PACKET_TEXT], seen[PACKET_TEXT];
    struct packet_spec one = {.flags = e->flags, .window = -1};
    struct packet_spec other = {.flags = s->flags, .window = -1};
    if (e->flags == s->flags)
        return true;
    packet_text(&one, ipv6, expected);
    packet_text(&other, ipv6, seen);
    /* "< FLAGS 0:0(0)..." */
    snprintf(c->difference, DIFFERENCE_TEXT, "flags: expected %.*s, got %.*s",
             (int)strcspn(expected + 2, " "), expected + 2, (int)strcspn(seen + 2, " "), seen + 2);
    return false;
}

static bool same_tcp(struct comparison *c, const struct packet_spec *e, const struct packet_spec *s,
                     bool ipv6)
{
    return same_ports(c, e, s) && same_flags(c, e, s, ipv6) &&
           same(c, "sequence number", e->seq, s->seq) && same(c, "length", e->length, s->length) &&
           (!(e->flags & FLAG_ACK) || same(c, "ack", e->ack, s->ack)) &&
           (!said(e->window) || same(c, "window", e->window, s->window)) &&
           same(c, "urgent pointer", e->urgent, s->flags & FLAG_URG ? s->urgent : 0) &&
           same_options(c, e, s);
}

static bool same_icmp(struct comparison *c, const struct packet_spec *e,
                      const struct packet_spec *s)
{
    if (!same(c, "ICMP type", e->icmp_type, s->icmp_type) ||
        !same(c, "ICMP code", e->icmp_code, s->icmp_code) ||
        (said(e->icmp_mtu) && !same(c, "mtu", e->icmp_mtu, s->icmp_mtu)))
        return false;
    if (e->echo)
        return same(c, "echo id", e->icmp_id, s->icmp_id) &&
               same(c, "length", e->length, s->length);
    return !e->quoted.said || (same(c, "quoted protocol", e->quoted.protocol, s->quoted.protocol) &&
                               same(c, "quoted sequence number", e->quoted.seq, s->quoted.seq) &&
                               same(c, "quoted length", e->quoted.length, s->quoted.length));
}

bool packet_matches(const struct packet_spec *expected, const struct packet_spec *seen, bool ipv6,
                    char difference[DIFFERENCE_TEXT])
{
    struct comparison c = {difference};
    difference[0] = '\0';
    if (!same_kind(&c, expected, seen) || !same_ip(&c, expected, seen))
        return false;
    switch (expected->kind) {
    case PACKET_TCP:
        return same_tcp(&c, expected, seen, ipv6);
    case PACKET_UDP:
        return same_ports(&c, expected, seen) && same(&c, "length", expected->length, seen->length);
    case PACKET_ICMP:
        return same_icmp(&c, expected, seen);
    }
    return false;
}
