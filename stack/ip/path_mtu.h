/* What is known about the MTU of paths (RFC 1191, RFC 8201): estimates per destination that were
 * lowered by a Packet Too Big which an upper layer believed. Bounded, keyed, forgotten after 10
 * minutes. A leaf: it judges numbers, not messages. */
#ifndef TUNNY_IP_PATH_MTU_H
#define TUNNY_IP_PATH_MTU_H

#include "base/siphash.h"
#include "base/time.h"
#include "wire/address.h"

enum {
    PATH_MTU_SETS = 128,
    PATH_MTU_WAYS = 4,
    PATH_MTU_FLOOR_IPV4 = 576,
    PATH_MTU_FLOOR_IPV6 = 1280
};

struct path_mtu_entry {
    struct address destination;
    uint32_t mtu; /* bytes; 0: free */
    struct instant expires;
};

struct path_mtu {
    struct siphash_key key;
    uint32_t device_mtu;
    struct path_mtu_entry sets[PATH_MTU_SETS][PATH_MTU_WAYS];
};

void path_mtu_init(struct path_mtu *table, const struct siphash_key *key, uint32_t device_mtu);

/* The estimate, bytes: the device's MTU where nothing else is known. */
uint32_t path_mtu_get(const struct path_mtu *table, const struct address *destination,
                      struct instant now);

/* What an IPv4 message stands for that says `mtu` (0: nothing) about a packet of `length`: the next
 * plateau of RFC 1191, 7.1 below it where it says nothing; never below the floor. */
uint32_t path_mtu_told_ipv4(uint32_t mtu, uint32_t length);

/* A next hop carries `mtu` bytes only (0: it did not say) and refused a packet of `last_length`.
 * Returns the estimate, which is never higher than before and never below the family's floor. */
uint32_t path_mtu_reduce(struct path_mtu *table, const struct address *destination, uint32_t mtu,
                         uint32_t last_length, struct instant now);

#endif
