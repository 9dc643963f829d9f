/* SipHash-2-4 (Aumasson, Bernstein 2012): the keyed function behind ISNs, ephemeral ports,
 * timestamp offsets, SYN and Fast Open cookies and the connection table. Whoever does not know the
 * key can neither predict nor collide. */
#ifndef TUNNY_BASE_SIPHASH_H
#define TUNNY_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
