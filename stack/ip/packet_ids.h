/* Identifications of IPv4 packets that may be fragmented and of IPv6 fragments (RFC 6864, RFC
 * 7739): for one source, destination and protocol they do not repeat before all have been used, and
 * they tell nothing to whoever sees those of another destination. A leaf. */
#ifndef TUNNY_IP_PACKET_IDS_H
#define TUNNY_IP_PACKET_IDS_H

#include "base/siphash.h"
#include "wire/address.h"

enum { PACKET_IDS_SLOTS = 512 };

struct packet_ids_slot {
    uint64_t name;  /* keyed hash of source, destination and protocol; 0: never used */
    uint64_t nonce; /* chooses the order in which this slot goes through the ids */
    uint32_t counter;
};

struct packet_ids {
    struct siphash_key key;
    uint64_t slots_begun;
    struct packet_ids_slot slots[PACKET_IDS_SLOTS];
};

void packet_ids_init(struct packet_ids *ids, const struct siphash_key *key);

/* The next id towards `destination`: 16 bits for IPv4 addresses, 32 for IPv6. */
uint32_t packet_ids_next(struct packet_ids *ids, const struct address *source,
                         const struct address *destination, uint8_t protocol);

#endif
