/* The Internet checksum (RFC 1071), written once more so that the drill does not judge the stack by
 * the stack's own arithmetic. */
#ifndef TUNNY_DRILL_SUMS_H
#define TUNNY_DRILL_SUMS_H

#include <stddef.h>
#include <stdint.h>

/* Adds a piece that begins at an even offset. */
static inline uint64_t sum_add(uint64_t sum, const uint8_t *at, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint64_t)at[i] << 8 | at[i + 1];
    return length % 2 ? sum + ((uint64_t)at[length - 1] << 8) : sum;
}

static inline unsigned sum_finish(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (unsigned)(~sum & 0xffff);
}

#endif
