/* IPv4 and IPv6 addresses in one form, so that everything above ip/ is one code path: 16 bytes, an
 * IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Also endpoints, prefixes and their texts. */
#ifndef TUNNY_WIRE_ADDRESS_H
#define TUNNY_WIRE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct address {
    uint8_t bytes[16];
};

struct endpoint {
    struct address address;
    uint16_t port; /* host order */
};

/* A connection's name: both ends, ours first. */
struct flow {
    struct endpoint local, remote;
};

/* An address of ours with the length of its subnet's prefix, counted in the address's own family
 * (0..32 or 0..128). */
struct prefix {
    struct address address;
    uint8_t length;
};

enum { ADDRESS_TEXT_SIZE = 46, ENDPOINT_TEXT_SIZE = 56, FLOW_TEXT_SIZE = 116 };

struct address address_from_ipv4(const uint8_t bytes[4]);
struct address address_from_ipv4_u32(uint32_t host_order);
struct address address_from_ipv6(const uint8_t bytes[16]);
static inline bool address_is_ipv4(const struct address *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}
/* The four bytes inside; `a` must be IPv4. */
const uint8_t *address_ipv4_bytes(const struct address *a);
uint32_t address_ipv4_u32(const struct address *a);

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* 0.0.0.0, ::ffff:0.0.0.0 and :: (also the zeroed struct). */
bool address_is_unspecified(const struct address *a);
bool address_is_loopback(const struct address *a);        /* 127/8, ::1 */
bool address_is_multicast(const struct address *a);       /* 224/4, ff00::/8 */
bool address_is_broadcast(const struct address *a);       /* 255.255.255.255 only */
bool address_is_link_local(const struct address *a);      /* 169.254/16, fe80::/10 */
bool address_is_reserved_source(const struct address *a); /* 0/8, 240/4 */
bool prefix_contains(const struct prefix *prefix, const struct address *a);
/* The subnet's directed broadcast address; `prefix` is IPv4 with length <= 30. */
struct address prefix_broadcast(const struct prefix *prefix);
bool flow_equal(const struct flow *a, const struct flow *b);

/* Text in, false when it is no address. "1.2.3.4", "fd00::1", "[fd00::1]"; prefixes "1.2.3.4/24"
 * (no slash: 32 or 128); endpoints "1.2.3.4:80", "[fd00::1]:80". */
bool address_parse(const char *text, struct address *a);
bool prefix_parse(const char *text, struct prefix *prefix);
bool endpoint_parse(const char *text, struct endpoint *e);
/* Text out (RFC 5952 for IPv6), always terminated; returns `text`. */
char *address_print(const struct address *a, char text[ADDRESS_TEXT_SIZE]);
char *endpoint_print(const struct endpoint *e, char text[ENDPOINT_TEXT_SIZE]);
char *flow_print(const struct flow *f, char text[FLOW_TEXT_SIZE]); /* "local > remote" */

#endif
