/* Addresses: their classes, prefixes, and the texts of RFC 4291, 2.2 (in) and RFC 5952 (out).
 * Called by everybody above; it must not know which addresses are ours. */
#include "wire/address.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/check.h"

enum { IPV4_AT = 12, IPV4_BITS_AT = 96 };

static const uint8_t mapped[IPV4_AT] = {[10] = 0xff, [11] = 0xff};

struct address address_from_ipv4(const uint8_t bytes[4])
{
    struct address a;
    memcpy(a.bytes, mapped, IPV4_AT);
    memcpy(a.bytes + IPV4_AT, bytes, 4);
    return a;
}

struct address address_from_ipv4_u32(uint32_t host_order)
{
    uint8_t bytes[4];
    put_be32(bytes, host_order);
    return address_from_ipv4(bytes);
}

struct address address_from_ipv6(const uint8_t bytes[16])
{
    struct address a;
    memcpy(a.bytes, bytes, 16);
    return a;
}

const uint8_t *address_ipv4_bytes(const struct address *a)
{
    CHECK(address_is_ipv4(a));
    return a->bytes + IPV4_AT;
}

uint32_t address_ipv4_u32(const struct address *a)
{
    return get_be32(address_ipv4_bytes(a));
}

bool address_is_unspecified(const struct address *a)
{
    static const struct address zero;
    return address_equal(a, &zero) || (address_is_ipv4(a) && address_ipv4_u32(a) == 0);
}

bool address_is_loopback(const struct address *a)
{
    static const struct address one = {{[15] = 1}};
    return address_is_ipv4(a) ? a->bytes[IPV4_AT] == 127 : address_equal(a, &one);
}

bool address_is_multicast(const struct address *a)
{
    return address_is_ipv4(a) ? a->bytes[IPV4_AT] >> 4 == 14 : a->bytes[0] == 0xff;
}

bool address_is_broadcast(const struct address *a)
{
    return address_is_ipv4(a) && address_ipv4_u32(a) == UINT32_MAX;
}

bool address_is_link_local(const struct address *a)
{
    if (address_is_ipv4(a))
        return a->bytes[IPV4_AT] == 169 && a->bytes[IPV4_AT + 1] == 254;
    return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool address_is_reserved_source(const struct address *a)
{
    return address_is_ipv4(a) && (a->bytes[IPV4_AT] == 0 || a->bytes[IPV4_AT] >= 240);
}

bool prefix_contains(const struct prefix *prefix, const struct address *a)
{
    bool ipv4 = address_is_ipv4(&prefix->address);
    if (ipv4 != address_is_ipv4(a))
        return false;
    unsigned bits = prefix->length + (ipv4 ? IPV4_BITS_AT : 0U);
    CHECK(bits <= 128);
    if (memcmp(prefix->address.bytes, a->bytes, bits / 8) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    unsigned different = prefix->address.bytes[bits / 8] ^ a->bytes[bits / 8];
    return different >> (8 - bits % 8) == 0;
}

struct address prefix_broadcast(const struct prefix *prefix)
{
    CHECK(prefix->length <= 30);
    return address_from_ipv4_u32(address_ipv4_u32(&prefix->address) | UINT32_MAX >> prefix->length);
}

bool flow_equal(const struct flow *a, const struct flow *b)
{
    return a->local.port == b->local.port && a->remote.port == b->remote.port &&
           address_equal(&a->local.address, &b->local.address) &&
           address_equal(&a->remote.address, &b->remote.address);
}

/* The value of a hexadecimal digit, 16 for any other character. */
static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* Reads 1 to `longest` digits from *text (before `end`); moves *text behind them. */
static bool read_number(const char **text, const char *end, unsigned base, int longest,
                        unsigned *number)
{
    const char *at = *text;
    *number = 0;
    while (at < end && at - *text < longest && digit_of(*at) < base)
        *number = *number * base + digit_of(*at++);
    bool any = at > *text;
    *text = at;
    return any;
}

/* A whole decimal number up to `limit`, without leading zeros. */
static bool read_whole_decimal(const char *text, const char *end, unsigned limit, unsigned *number)
{
    if (end - text > 1 && *text == '0')
        return false;
    return read_number(&text, end, 10, 5, number) && text == end && *number <= limit;
}

static bool parse_ipv4(const char *text, const char *end, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) {
        const char *dot = i == 3 ? end : memchr(text, '.', (size_t)(end - text));
        unsigned number;
        if (!dot || !read_whole_decimal(text, dot, 255, &number))
            return false;
        bytes[i] = (uint8_t)number;
        text = dot + 1;
    }
    return true;
}

/* What has been read of an IPv6 address: bytes, and where "::" stood among them (-1: nowhere). */
struct ipv6_text {
    uint8_t bytes[16];
    int length, gap;
};

/* Reads one group, or an IPv4 address if it is the last thing. Moves *text behind it. */
static bool parse_group(struct ipv6_text *t, const char **text, const char *end)
{
    const char *start = *text;
    unsigned number;
    if (!read_number(text, end, 16, 4, &number))
        return false;
    if (*text < end && **text == '.') {
        *text = end;
        t->length += 4;
        return t->length <= 16 && parse_ipv4(start, end, t->bytes + t->length - 4);
    }
    t->length += 2;
    if (t->length > 16)
        return false;
    put_be16(t->bytes + t->length - 2, (uint16_t)number);
    return true;
}

/* Reads groups and the gap; at most 8 turns, since every turn adds a group. */
static bool parse_groups(struct ipv6_text *t, const char *text, const char *end)
{
    if (end - text >= 2 && text[0] == ':' && text[1] == ':') {
        t->gap = 0;
        text += 2;
        if (text == end)
            return true;
    }
    while (parse_group(t, &text, end)) {
        if (text == end)
            return true;
        if (*text++ != ':')
            return false;
        if (text < end && *text == ':') {
            if (t->gap >= 0)
                return false;
            t->gap = t->length;
            if (++text == end)
                return true;
        }
    }
    return false;
}

static bool parse_ipv6(const char *text, const char *end, struct address *a)
{
    struct ipv6_text t = {.gap = -1};
    if (!parse_groups(&t, text, end))
        return false;
    if (t.gap < 0 ? t.length != 16 : t.length > 14)
        return false;
    size_t before = t.gap < 0 ? 16 : (size_t)t.gap;
    size_t after = (size_t)t.length - before;
    *a = (struct address){0};
    memcpy(a->bytes, t.bytes, before);
    memcpy(a->bytes + 16 - after, t.bytes + before, after);
    return true;
}

static bool parse_address(const char *text, const char *end, struct address *a)
{
    if (memchr(text, ':', (size_t)(end - text))) {
        if (*text == '[' && end[-1] == ']')
            return parse_ipv6(text + 1, end - 1, a);
        return parse_ipv6(text, end, a);
    }
    uint8_t bytes[4];
    if (!parse_ipv4(text, end, bytes))
        return false;
    *a = address_from_ipv4(bytes);
    return true;
}

bool address_parse(const char *text, struct address *a)
{
    return parse_address(text, text + strlen(text), a);
}

bool prefix_parse(const char *text, struct prefix *prefix)
{
    const char *end = text + strlen(text);
    const char *slash = strchr(text, '/');
    struct prefix p;
    if (!parse_address(text, slash ? slash : end, &p.address))
        return false;
    unsigned longest = address_is_ipv4(&p.address) ? 32 : 128;
    unsigned length = longest;
    if (slash && !read_whole_decimal(slash + 1, end, longest, &length))
        return false;
    p.length = (uint8_t)length;
    *prefix = p;
    return true;
}

bool endpoint_parse(const char *text, struct endpoint *e)
{
    const char *end = text + strlen(text);
    const char *colon = strrchr(text, ':');
    unsigned port;
    struct endpoint parsed;
    if (!colon || !read_whole_decimal(colon + 1, end, UINT16_MAX, &port))
        return false;
    /* An IPv6 address without brackets would leave it open which colon is the port's. */
    if (memchr(text, ':', (size_t)(colon - text)) && *text != '[')
        return false;
    if (*text == '[' && colon[-1] != ']')
        return false;
    if (!parse_address(text, colon, &parsed.address))
        return false;
    parsed.port = (uint16_t)port;
    *e = parsed;
    return true;
}

/* RFC 5952, 4.2: the longest run of at least two zero groups, the first of equals. */
static void find_zero_run(const struct address *a, int *start, int *length)
{
    int run = 0;
    *start = -1;
    *length = 1;
    for (int i = 0; i < 8; i++) {
        run = get_be16(a->bytes + 2 * i) == 0 ? run + 1 : 0;
        if (run > *length) {
            *length = run;
            *start = i - run + 1;
        }
    }
}

static void print_ipv6(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    int gap, gap_length;
    size_t at = 0;
    find_zero_run(a, &gap, &gap_length);
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            text[at++] = ':';
            text[at++] = ':';
            i += gap_length - 1;
            continue;
        }
        bool behind_colon = i == 0 || text[at - 1] == ':';
        unsigned group = get_be16(a->bytes + 2 * i);
        int n = snprintf(text + at, ADDRESS_TEXT_SIZE - at, behind_colon ? "%x" : ":%x", group);
        at += (size_t)n;
    }
    text[at] = '\0';
}

char *address_print(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    if (!address_is_ipv4(a)) {
        print_ipv6(a, text);
        return text;
    }
    const uint8_t *b = address_ipv4_bytes(a);
    snprintf(text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    return text;
}

char *endpoint_print(const struct endpoint *e, char text[ENDPOINT_TEXT_SIZE])
{
    char address[ADDRESS_TEXT_SIZE];
    address_print(&e->address, address);
    bool ipv4 = address_is_ipv4(&e->address);
    snprintf(text, ENDPOINT_TEXT_SIZE, ipv4 ? "%s:%u" : "[%s]:%u", address, e->port);
    return text;
}

char *flow_print(const struct flow *f, char text[FLOW_TEXT_SIZE])
{
    char local[ENDPOINT_TEXT_SIZE], remote[ENDPOINT_TEXT_SIZE];
    endpoint_print(&f->local, local);
    endpoint_print(&f->remote, remote);
    snprintf(text, FLOW_TEXT_SIZE, "%s > %s", local, remote);
    return text;
}
