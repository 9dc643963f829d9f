/* See packet_ids.h. Each destination has a counter of its own, seen through a keyed permutation of
 * all ids (a Feistel network of four rounds): unique like a counter, unpredictable like a random
 * number. Counters are not shared between destinations, because an attacker who watches a shared
 * one learns when and how much we send to others (CVE-2020-36516, CVE-2019-10638). Two destinations
 * that meet in a slot take it from each other and start again under a new permutation. */
#include "ip/packet_ids.h"

#include <string.h>

#include "base/bytes.h"

void packet_ids_init(struct packet_ids *ids, const struct siphash_key *key)
{
    *ids = (struct packet_ids){.key = *key};
}

static uint64_t name_of(const struct packet_ids *ids, const struct address *source,
                        const struct address *destination, uint8_t protocol)
{
    uint8_t text[34] = {'n', protocol};
    memcpy(text + 2, source->bytes, 16);
    memcpy(text + 18, destination->bytes, 16);
    return siphash(&ids->key, text, sizeof text) | 1;
}

/* The round function: depends on the slot's nonce, the round and one half of the number. */
static uint32_t scramble(const struct packet_ids *ids, uint64_t nonce, uint8_t round, uint32_t half)
{
    uint8_t text[14] = {'r', round};
    memcpy(text + 2, &nonce, 8);
    put_be32(text + 10, half);
    return (uint32_t)siphash(&ids->key, text, sizeof text);
}

/* A permutation of the numbers of 2 * `half_bits` bits. */
static uint32_t permute(const struct packet_ids *ids, uint64_t nonce, uint32_t number,
                        unsigned half_bits)
{
    uint32_t mask = (UINT32_C(1) << half_bits) - 1;
    uint32_t left = number >> half_bits & mask, right = number & mask;
    for (uint8_t round = 0; round < 4; round++) {
        uint32_t next = left ^ (scramble(ids, nonce, round, right) & mask);
        left = right;
        right = next;
    }
    return left << half_bits | right;
}

uint32_t packet_ids_next(struct packet_ids *ids, const struct address *source,
                         const struct address *destination, uint8_t protocol)
{
    uint64_t name = name_of(ids, source, destination, protocol);
    struct packet_ids_slot *slot = &ids->slots[(name >> 1) % PACKET_IDS_SLOTS];
    if (slot->name != name) {
        ids->slots_begun++;
        uint8_t text[9] = {'s'};
        memcpy(text + 1, &ids->slots_begun, 8);
        *slot = (struct packet_ids_slot){name, siphash(&ids->key, text, sizeof text), 0};
    }
    unsigned half_bits = address_is_ipv4(destination) ? 8 : 16;
    return permute(ids, slot->nonce, slot->counter++, half_bits);
}
