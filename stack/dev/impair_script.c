/* Scripted losses, see the header. */
#include "dev/impair_script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

static const char *const kind_names[IMPAIR_KINDS] = {
    [IMPAIR_ANY] = "",      [IMPAIR_SYN] = "syn", [IMPAIR_FIN] = "fin",   [IMPAIR_RST] = "rst",
    [IMPAIR_DATA] = "data", [IMPAIR_ACK] = "ack", [IMPAIR_SACK] = "sack",
};

/* "syn#" and the like, which `text` moves past; a list of bare numbers means every packet. */
static void read_kind(const char **text, enum impair_kind *kind)
{
    for (unsigned i = 0; i < IMPAIR_KINDS; i++) {
        size_t len = strlen(kind_names[i]);
        if (strncmp(*text, kind_names[i], len) == 0 && (*text)[len] == '#') {
            *text += len + 1;
            *kind = (enum impair_kind)i;
            return;
        }
    }
    *kind = IMPAIR_ANY;
}

static int read_ordinal(const char **text, uint64_t *ordinal)
{
    char *end;

    if (**text < '0' || **text > '9')
        return -EINVAL;
    errno = 0;
    *ordinal = strtoull(*text, &end, 10);
    *text = end;
    return errno || *ordinal == 0 ? -EINVAL : 0;
}

static int read_range(const char **text, struct impair_range *range)
{
    read_kind(text, &range->kind);
    if (read_ordinal(text, &range->first))
        return -EINVAL;
    range->last = range->first;
    if (**text == '-') {
        ++*text;
        if (read_ordinal(text, &range->last) || range->last < range->first)
            return -EINVAL;
    }
    return 0;
}

int impair_script_add(struct impair_script *script, const char *list)
{
    for (;;) {
        struct impair_range range;
        if (read_range(&list, &range))
            return -EINVAL;
        if (script->count == IMPAIR_RANGES)
            return -E2BIG;
        script->ranges[script->count++] = range;
        if (*list == '\0')
            return 0;
        if (*list++ != ',')
            return -EINVAL;
    }
}

bool impair_script_is_list(const char *word)
{
    return strpbrk(word, ",#-") != NULL;
}

/* Finds the TCP header; false when there is none. */
static bool find_tcp(struct bytes packet, struct bytes *segment)
{
    struct ipv4_header ipv4;
    struct ipv6_header ipv6;
    struct ipv6_extensions extensions;
    size_t pointer;
    bool to_multicast_too;

    if (ipv4_parse(packet, &ipv4) == IPV4_OK) {
        if (ipv4.protocol != PROTOCOL_TCP || (ipv4.flags_offset & IPV4_OFFSET_MASK) != 0)
            return false;
        *segment = bytes_part(packet, ipv4.header_length,
                              (size_t)ipv4.total_length - ipv4.header_length);
        return true;
    }
    if (ipv6_parse(packet, &ipv6) != IPV6_OK ||
        ipv6_walk_extensions(packet, &ipv6, &extensions, &pointer, &to_multicast_too) !=
            IPV6_WALK_OK ||
        extensions.protocol != PROTOCOL_TCP ||
        (extensions.fragment && extensions.fragment_offset != 0))
        return false;
    *segment = bytes_part(packet, extensions.offset,
                          IPV6_HEADER_LENGTH + (size_t)ipv6.payload_length - extensions.offset);
    return true;
}

unsigned impair_kinds_of(struct bytes packet)
{
    struct bytes segment;
    struct tcp_header tcp;
    unsigned kinds = 1u << IMPAIR_ANY;

    if (!find_tcp(packet, &segment) || tcp_header_parse(segment, &tcp) != TCP_HEADER_OK)
        return kinds;
    if (tcp.flags & TCP_SYN)
        kinds |= 1u << IMPAIR_SYN;
    if (tcp.flags & TCP_FIN)
        kinds |= 1u << IMPAIR_FIN;
    if (tcp.flags & TCP_RST)
        kinds |= 1u << IMPAIR_RST;
    if (segment.len > tcp.length)
        kinds |= 1u << IMPAIR_DATA;
    else if ((tcp.flags & TCP_ACK) && !(tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST)))
        kinds |= 1u << IMPAIR_ACK;
    if (tcp.options.sack_count > 0)
        kinds |= 1u << IMPAIR_SACK;
    return kinds;
}

bool impair_script_loses(const struct impair_script *script, struct impair_script_state *state,
                         struct bytes packet)
{
    if (script->count == 0 && !script->has_mask)
        return false;
    unsigned kinds = impair_kinds_of(packet);
    for (unsigned kind = 0; kind < IMPAIR_KINDS; kind++)
        state->seen[kind] += kinds >> kind & 1;
    for (unsigned i = 0; i < script->count; i++) {
        const struct impair_range *range = &script->ranges[i];
        uint64_t ordinal = state->seen[range->kind];
        if ((kinds >> range->kind & 1) && range->first <= ordinal && ordinal <= range->last)
            return true;
    }
    return script->has_mask && (script->mask >> ((state->seen[IMPAIR_ANY] - 1) % 64) & 1);
}

static void range_text(const struct impair_range *range, const char *before, char *text,
                       size_t size)
{
    const char *kind = kind_names[range->kind];

    if (range->first == range->last)
        snprintf(text, size, "%s%s#%" PRIu64, before, kind, range->first);
    else
        snprintf(text, size, "%s%s#%" PRIu64 "-%" PRIu64, before, kind, range->first, range->last);
}

size_t impair_script_text(const struct impair_script *script, char *text, size_t size)
{
    char piece[64];
    size_t wanted = 0;

    if (size)
        text[0] = '\0';
    for (unsigned i = 0; i <= script->count; i++) {
        size_t used = wanted < size ? wanted : size;
        piece[0] = '\0';
        if (i < script->count)
            range_text(&script->ranges[i], i == 0 ? " drop " : ",", piece, sizeof piece);
        else if (script->has_mask)
            snprintf(piece, sizeof piece, " mask 0x%" PRIx64, script->mask);
        wanted += (size_t)snprintf(text + used, size - used, "%s", piece);
    }
    return wanted;
}
