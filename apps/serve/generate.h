/* Bodies of any length whose every byte is known without being stored: byte k of the body of seed S
 * is byte k mod 8, the lowest first, of SplitMix64's output for the state S + (k / 8 + 1) *
 * 0x9e3779b97f4a7c15 modulo 2^64. Called by the server for /gen/SIZE?seed=S and by `tunny
 * gen-sha256`, which digests the same bytes. */
#ifndef TUNNY_SERVE_GENERATE_H
#define TUNNY_SERVE_GENERATE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes `offset` to `offset + length - 1` of the body. */
void generate_bytes(uint64_t seed, uint64_t offset, void *out, size_t length);

/* Reads "SIZE" and an optional "?seed=N" (default 0), SIZE as in 64M. 0; -EINVAL. */
int generate_parse(const char *text, uint64_t *size, uint64_t *seed);

#endif
