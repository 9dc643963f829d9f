/* A packet as a script writes it; see packet_bytes.h. */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "icmp_names.h"
#include "packet_bytes.h"

struct text {
    char *out;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text->out + text->used, PACKET_TEXT - text->used, format, list);
    va_end(list);
    if (n > 0)
        text->used += (size_t)n;
    if (text->used >= PACKET_TEXT)
        text->used = PACKET_TEXT - 1;
}

static void add_ip(struct text *text, const struct packet_spec *spec)
{
    static const char *const ecn[] = {"noecn", "ect1", "ect0", "ce"};
    if (spec->tos_check == TOS_ECT01)
        add(text, "[ect01] ");
    else if (spec->tos_check == TOS_ECN ||
             (spec->tos_check == TOS_WHOLE && spec->tos > 0 && spec->tos < 4))
        add(text, "[%s] ", ecn[spec->tos & 3]);
    else if (spec->tos_check == TOS_WHOLE && spec->tos > 3)
        add(text, "[tos 0x%x] ", spec->tos);
}

static void add_flags(struct text *text, uint16_t flags)
{
    static const char letters[] = "FSRP.UEWA";
    static const char order[] = "SFRPUEWA.";
    if (flags == 0)
        add(text, "-");
    for (const char *c = order; *c != '\0'; c++)
        if (flags & 1u << (strchr(letters, *c) - letters))
            add(text, "%c", *c);
}

static void add_bytes(struct text *text, const struct tcp_option *option, unsigned from)
{
    if (option->length > from)
        add(text, " ");
    for (unsigned i = from; i < option->length; i++)
        add(text, "%02x", option->bytes[i]);
}

static void add_option(struct text *text, const struct tcp_option *option)
{
    switch (option->kind) {
    case OPTION_EOL:
        add(text, "eol");
        break;
    case OPTION_NOP:
        add(text, "nop");
        break;
    case OPTION_MSS:
        add(text, "mss %u", option->value);
        break;
    case OPTION_WSCALE:
        add(text, "wscale %u", option->value);
        break;
    case OPTION_SACK_OK:
        add(text, "sackOK");
        break;
    case OPTION_SACK:
        add(text, "sack");
        for (unsigned i = 0; i < option->blocks; i++)
            add(text, " %u:%u", option->block[i].left, option->block[i].right);
        break;
    case OPTION_TS:
        add(text, "TS val %u ecr %u", option->value, option->echo);
        break;
    case OPTION_FAST_OPEN:
        add(text, "FO");
        add_bytes(text, option, 0);
        break;
    case OPTION_EXPERIMENT:
        add(text, option->length >= 2 && option->bytes[0] == 0xf9 && option->bytes[1] == 0x89
                      ? "FOEXP"
                      : "kind 254");
        add_bytes(text, option, option->length >= 2 ? 2 : 0);
        break;
    case OPTION_MD5:
        add(text, "md5");
        add_bytes(text, option, 0);
        break;
    default:
        add(text, "kind %u", option->kind);
        add_bytes(text, option, 0);
        break;
    }
}

static void add_tcp(struct text *text, const struct packet_spec *spec)
{
    add_flags(text, spec->flags);
    add(text, " %u:%u(%u)", spec->seq, spec->seq + spec->length, spec->length);
    if (spec->flags & FLAG_ACK)
        add(text, " ack %u", spec->ack);
    if (spec->window >= 0)
        add(text, " win %d", spec->window);
    if (spec->urgent)
        add(text, " urg %u", spec->urgent);
    if (spec->any_options)
        add(text, " <...>");
    for (unsigned i = 0; i < spec->options_count; i++) {
        add(text, i ? "," : " <");
        add_option(text, &spec->options[i]);
    }
    if (spec->options_count)
        add(text, ">");
}

static void add_icmp(struct text *text, const struct packet_spec *spec, bool ipv6)
{
    const char *type = icmp_type_name(ipv6, spec->icmp_type);
    const char *code = icmp_code_name(ipv6, spec->icmp_type, spec->icmp_code);
    if (type != NULL)
        add(text, "icmp %s", type);
    else
        add(text, "icmp type %u", spec->icmp_type);
    if (code != NULL)
        add(text, " %s", code);
    else if (spec->icmp_code)
        add(text, " code %u", spec->icmp_code);
    if (spec->icmp_mtu >= 0)
        add(text, " mtu %lld", (long long)spec->icmp_mtu);
    if (spec->echo)
        add(text, " id %u (%u)", spec->icmp_id, spec->length);
    if (!spec->quoted.said)
        return;
    if (spec->quoted.protocol == IPPROTO_UDP)
        add(text, " [udp (%u)]", spec->quoted.length);
    else
        add(text, " [%u:%u(%u)]", spec->quoted.seq, spec->quoted.seq + spec->quoted.length,
            spec->quoted.length);
}

char *packet_text(const struct packet_spec *spec, bool ipv6, char out[PACKET_TEXT])
{
    struct text text = {.out = out};
    out[0] = '\0';
    add(&text, "%c ", spec->direction == INBOUND ? '<' : '>');
    add_ip(&text, spec);
    switch (spec->kind) {
    case PACKET_TCP:
        add_tcp(&text, spec);
        break;
    case PACKET_UDP:
        add(&text, "udp (%u)", spec->length);
        break;
    case PACKET_ICMP:
        add_icmp(&text, spec, ipv6);
        break;
    }
    return out;
}
