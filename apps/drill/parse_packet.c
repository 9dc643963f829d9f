/* The grammar of packet lines: direction, IP, then TCP, UDP or ICMP; TCP's options are in
 * parse_options.c and ICMP's names in icmp_names.c. Called by parse.c. Packets in packets (GRE,
 * MPLS, IP in IP) and fuzzing are known and said to be unsupported. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "icmp_names.h"
#include "parse.h"

/* --- the IP header
 * ------------------------------------------------------------------------------------ */

static bool parse_tos(struct parser *p, struct packet_spec *spec)
{
    static const struct {
        const char *word;
        uint8_t bits;
    } words[] = {{"noecn", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (parse_take_word(p, words[i].word)) {
            spec->tos_check = TOS_ECN;
            spec->tos = words[i].bits;
            return true;
        }
    }
    if (parse_take_word(p, "ect01")) {
        spec->tos_check = TOS_ECT01;
        return true;
    }
    int64_t value;
    if (!parse_take_word(p, "tos"))
        return parse_fails(p, PARSE_WRONG, "expected ECN, tos, ttl or flowlabel here");
    if (!parse_number(p, 0, 255, &value))
        return false;
    spec->tos_check = TOS_WHOLE;
    spec->tos = (uint8_t)value;
    return true;
}

static bool parse_ip_field(struct parser *p, struct packet_spec *spec)
{
    int64_t value;
    if (parse_take_word(p, "ttl")) {
        if (!parse_number(p, 0, 255, &value))
            return false;
        spec->ttl = (int)value;
        return true;
    }
    if (parse_take_word(p, "flowlabel"))
        return parse_number(p, 0, 0xfffff, &spec->flow_label);
    return parse_tos(p, spec);
}

static bool parse_ip_info(struct parser *p, struct packet_spec *spec)
{
    char close = parse_is(p, '(') ? ')' : ']';
    if (!parse_is(p, '(') && !parse_is(p, '['))
        return true;
    parse_advance(p);
    do {
        if (!parse_ip_field(p, spec))
            return false;
    } while (parse_take(p, ','));
    return parse_expect(p, close);
}

static bool parse_ports(struct parser *p, struct packet_spec *spec)
{
    int64_t source, destination;
    if (p->token.kind != TOKEN_INTEGER)
        return true;
    if (!parse_number(p, 0, 65535, &source) || !parse_expect(p, '>') ||
        !parse_number(p, 0, 65535, &destination))
        return false;
    spec->source_port = (uint16_t)source;
    spec->destination_port = (uint16_t)destination;
    return true;
}

/* --- TCP
 * ---------------------------------------------------------------------------------------------- */

static uint16_t flag_of(char c)
{
    static const char letters[] = "FSRP.UEWA";
    const char *found = c == '\0' ? NULL : strchr(letters, c);
    if (found != NULL)
        return (uint16_t)(1u << (found - letters));
    /* Accurate ECN writes its counter as a digit: AE is its highest bit, ECE its lowest. */
    if (c >= '0' && c <= '7') {
        unsigned ace = (unsigned)(c - '0');
        return (uint16_t)((ace & 4 ? FLAG_AE : 0) | (ace & 2 ? FLAG_CWR : 0) |
                          (ace & 1 ? FLAG_ECE : 0));
    }
    return 0;
}

/* "S.", ".", "FP.", "SEW", "-" for none. */
static bool parse_flags(struct parser *p, struct packet_spec *spec)
{
    const char *raw = lexer_raw(&p->lexer, &p->token);
    if (strcmp(raw, "-") != 0) {
        for (const char *c = raw; *c != '\0'; c++) {
            uint16_t flag = flag_of(*c);
            if (flag == 0 && *c != '0')
                return parse_fails(p, PARSE_WRONG, "expected TCP flags (FSRP.UEW or -) here");
            spec->flags |= flag;
        }
    }
    parse_advance(p);
    return true;
}

bool parse_sequence(struct parser *p, uint32_t *seq, uint32_t *length)
{
    int64_t start, end, count;
    if (!parse_number(p, 0, UINT32_MAX, &start) || !parse_expect(p, ':') ||
        !parse_number(p, 0, UINT32_MAX, &end) || !parse_expect(p, '(') ||
        !parse_number(p, 0, 65535, &count))
        return false;
    if ((uint32_t)start + (uint32_t)count != (uint32_t)end)
        return parse_fails(p, PARSE_WRONG, "the sequence numbers and the length contradict");
    *seq = (uint32_t)start;
    *length = (uint32_t)count;
    return parse_expect(p, ')');
}

static bool parse_tcp(struct parser *p, struct packet_spec *spec)
{
    int64_t value;
    if (!parse_flags(p, spec) || !parse_sequence(p, &spec->seq, &spec->length))
        return false;
    if (parse_take_word(p, "ack")) {
        if (!parse_number(p, 0, UINT32_MAX, &value))
            return false;
        spec->ack = (uint32_t)value;
    }
    if (parse_take_word(p, "win")) {
        if (!parse_number(p, 0, 65535, &value))
            return false;
        spec->window = (int32_t)value;
    }
    if (parse_take_word(p, "urg")) {
        if (!parse_number(p, 0, 65535, &value))
            return false;
        spec->urgent = (uint16_t)value;
    }
    return !parse_is(p, '<') || parse_tcp_options(p, spec);
}

/* --- UDP and ICMP
 * ---------------------------------------------------------------------------------------- */

static bool parse_datagram_length(struct parser *p, uint32_t *length)
{
    int64_t value;
    if (!parse_expect(p, '(') || !parse_number(p, 0, 65507, &value))
        return false;
    *length = (uint32_t)value;
    return parse_expect(p, ')');
}

/* `[1:1001(1000)]`, `[udp (1000)]`: the packet that the ICMP error is about. */
static bool parse_quoted(struct parser *p, struct packet_spec *spec)
{
    spec->quoted.said = true;
    if (parse_take_word(p, "udp")) {
        spec->quoted.protocol = IPPROTO_UDP;
        if (!parse_datagram_length(p, &spec->quoted.length))
            return false;
    } else if (parse_is_word(p, "raw")) {
        return parse_fails(p, PARSE_UNSUPPORTED, "raw packets quoted by ICMP");
    } else {
        spec->quoted.protocol = IPPROTO_TCP;
        if (!parse_sequence(p, &spec->quoted.seq, &spec->quoted.length))
            return false;
    }
    return parse_expect(p, ']');
}

static bool parse_icmp_names(struct parser *p, struct packet_spec *spec)
{
    bool ipv6 = p->ip_version == IP_VERSION_6;
    int type = icmp_type_of(ipv6, p->token.text), code;
    if (p->token.kind != TOKEN_WORD || type < 0)
        return parse_fails(p, PARSE_WRONG, "there is no ICMP type of this name");
    spec->icmp_type = (uint8_t)type;
    spec->echo = icmp_is_echo(ipv6, spec->icmp_type);
    parse_advance(p);
    if (p->token.kind != TOKEN_WORD || parse_is_word(p, "mtu") || parse_is_word(p, "id"))
        return true;
    code = icmp_code_of(ipv6, spec->icmp_type, p->token.text);
    if (code < 0)
        return parse_fails(p, PARSE_WRONG, "there is no ICMP code of this name");
    spec->icmp_code = (uint8_t)code;
    parse_advance(p);
    return true;
}

bool parse_icmp(struct parser *p, struct packet_spec *spec)
{
    int64_t value;
    if (!parse_icmp_names(p, spec))
        return false;
    if (parse_take_word(p, "mtu") && !parse_number(p, 0, UINT32_MAX, &spec->icmp_mtu))
        return false;
    if (parse_take_word(p, "id")) {
        if (!parse_number(p, 0, UINT32_MAX, &value))
            return false;
        spec->icmp_id = (uint32_t)value;
    }
    if (parse_is(p, '(') && spec->echo)
        return parse_datagram_length(p, &spec->length);
    return !parse_take(p, '[') || parse_quoted(p, spec);
}

/* --- all of it
 * ------------------------------------------------------------------------------------------- */

static bool is_unsupported(struct parser *p)
{
    static const char *const words[] = {"ipv4", "ipv6", "gre", "GREv0", "mpls", "sctp"};
    char what[40];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!parse_is_word(p, words[i]))
            continue;
        snprintf(what, sizeof what, "packets with an outer header: %s", words[i]);
        parse_fails(p, PARSE_UNSUPPORTED, what);
        return true;
    }
    return false;
}

static bool parse_transport(struct parser *p, struct packet_spec *spec)
{
    if (is_unsupported(p))
        return false;
    if (parse_take_word(p, "icmp")) {
        spec->kind = PACKET_ICMP;
        return parse_icmp(p, spec);
    }
    if (parse_take_word(p, "udp")) {
        spec->kind = PACKET_UDP;
        return parse_ports(p, spec) && parse_datagram_length(p, &spec->length);
    }
    return parse_ports(p, spec) && parse_tcp(p, spec);
}

struct packet_spec *parse_packet(struct parser *p)
{
    struct packet_spec *spec = arena_take(p->arena, sizeof *spec);
    *spec = (struct packet_spec){.ttl = -1, .flow_label = -1, .window = -1, .icmp_mtu = -1};
    spec->direction = parse_is(p, '<') ? INBOUND : OUTBOUND;
    parse_advance(p);
    if (!parse_ip_info(p, spec) || !parse_transport(p, spec))
        return NULL;
    if (spec->direction == INBOUND && spec->tos_check == TOS_ECT01) {
        parse_fails(p, PARSE_WRONG, "[ect01] is for packets that are expected");
        return NULL;
    }
    if (parse_is(p, '{')) {
        parse_fails(p, PARSE_UNSUPPORTED, "fuzzing of packets { ... }");
        return NULL;
    }
    return spec;
}
