/* One host's ip/ with a peer that can send it any bytes, in virtual time. Packets lie in blocks of
 * exactly their length, so that AddressSanitizer sees every byte read behind them. For tests of
 * stack/ip. */
#ifndef TUNNY_TESTS_IP_WORLD_H
#define TUNNY_TESTS_IP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ip/ip.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* The host has two addresses of each family; its device carries 1500 bytes. */
#define OURS4   "198.18.0.1"
#define OTHER4  "198.18.0.7"
#define PEER4   "198.18.0.2"
#define OURS6   "fd00:7475:6e::1"
#define OTHER6  "fd00:7475:6e::7"
#define PEER6   "fd00:7475:6e::2"
#define NOBODY4 "198.19.9.9"
#define NOBODY6 "fd00:7475:6e:1::9"

enum { WORLD_MTU = 1500, WORLD_PACKET = 66000 };

struct ip_world {
    struct memory memory;
    struct trace trace;
    struct ip *ip;
    struct instant now;
    uint8_t *arrived; /* the last packet that was fed */
    struct ip_datagram datagram;
    struct ip_error error;
};

struct wire_packet {
    uint8_t bytes[WORLD_PACKET];
    size_t len;
};

/* The fields of a packet that a test cares about; what is not named is what an honest peer sends.
 */
struct wire_fields {
    const char *source, *destination; /* NULL: the peer's, ours */
    uint8_t protocol, ttl, tos;       /* ttl 0: 64 */
    uint16_t id, flags_offset;        /* IPv4 */
    const void *options;              /* IPv4, a multiple of 4 bytes */
    size_t options_length;
};

struct ip_world *world_new(void);
struct ip_world *world_new_with(size_t fragment_budget, size_t memory);
void world_free(struct ip_world *world);

/* cmocka's setup and teardown. */
int world_setup(void **state);
int world_teardown(void **state);

struct address address_of(const char *text);

void packet4(struct wire_packet *packet, const struct wire_fields *fields, const void *payload,
             size_t length);
void packet6(struct wire_packet *packet, const struct wire_fields *fields, const void *payload,
             size_t length);
/* Of the family of the text in fields->destination or, without one, as said. */
#define PACKET4(packet, payload, length, ...)                                                      \
    packet4((packet), &(struct wire_fields){__VA_ARGS__}, (payload), (length))
#define PACKET6(packet, payload, length, ...)                                                      \
    packet6((packet), &(struct wire_fields){__VA_ARGS__}, (payload), (length))
/* An IPv6 fragment header. */
void fragment_header6(uint8_t out[8], uint8_t next, size_t offset, bool more, uint32_t id);
/* Makes the IPv4 header checksum right again. */
void mend4(struct wire_packet *packet);

enum ip_verdict world_input(struct ip_world *world, const void *bytes, size_t length);
enum ip_verdict world_feed(struct ip_world *world, const struct wire_packet *packet);

/* The next packet that ip owes; false: none. */
bool world_next(struct ip_world *world, struct wire_packet *packet);
/* What is owed next is an ICMP message with right checksums and lengths, in one packet: its message
 * (borrowed from *packet), source and destination. */
struct icmp_message world_next_icmp(struct ip_world *world, struct wire_packet *packet,
                                    struct address *source, struct address *destination);
void world_owes_nothing(struct ip_world *world);
/* Takes everything that is owed; how many packets. */
size_t world_drain(struct ip_world *world);

/* Exactly one packet was dropped since the last such question, for this reason. */
#define assert_dropped(world, name)                                                                \
    world_assert_dropped((world), DROP_##name, 1, __FILE__, __LINE__)
#define assert_dropped_times(world, name, times)                                                   \
    world_assert_dropped((world), DROP_##name, (times), __FILE__, __LINE__)
void world_assert_dropped(struct ip_world *world, enum drop_reason reason, uint64_t times,
                          const char *file, int line);
void world_assert_nothing_dropped(struct ip_world *world);

#endif
