/* The packets of the fate tests, see the header. The number stands in the packet three times, so
 * that a turned bit cannot change it. */
#include "support/fate_packets.h"

#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "wire/checksum.h"

enum { HEADER = 20, NUMBERS = 3, SHORTEST = HEADER + NUMBERS * 4 };

static struct random random_of(uint64_t seed, uint32_t number)
{
    struct random random;

    random_seed(&random, seed ^ number * UINT64_C(0x9e3779b97f4a7c15));
    return random;
}

size_t fate_packet_write(uint64_t seed, uint32_t number, uint8_t packet[FATE_PACKET_LARGEST])
{
    struct random random = random_of(seed, number);
    size_t length = SHORTEST + (size_t)random_below(&random, FATE_PACKET_LARGEST - SHORTEST);

    memset(packet, (int)(number & 255), length);
    memset(packet, 0, HEADER);
    packet[0] = 0x45;
    packet[1] = (uint8_t)random_below(&random, 4);
    put_be16(packet + 2, (uint16_t)length);
    packet[8] = 64;
    packet[9] = 253; /* for experiments: RFC 3692 */
    memcpy(packet + 12, "\xc6\x12\x00\x01\xc6\x12\x00\x02", 8);
    put_be16(packet + 10, checksum_of(packet, HEADER));
    for (size_t i = 0; i < NUMBERS; i++)
        put_be32(packet + HEADER + 4 * i, number);
    return length;
}

static unsigned differing_bits(const uint8_t *a, const uint8_t *b, size_t length)
{
    unsigned bits = 0;

    for (size_t i = 0; i < length; i++)
        bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

static void mark(uint8_t packet[HEADER])
{
    packet[1] |= 3;
    put_be16(packet + 10, 0);
    put_be16(packet + 10, checksum_of(packet, HEADER));
}

bool fate_packet_read(uint64_t seed, const uint8_t *packet, size_t length, struct fate_seen *seen)
{
    uint8_t expected[FATE_PACKET_LARGEST];

    if (length < SHORTEST)
        return false;
    uint32_t a = get_be32(packet + HEADER), b = get_be32(packet + HEADER + 4),
             c = get_be32(packet + HEADER + 8);
    *seen = (struct fate_seen){.number = (a & b) | (b & c) | (a & c)};
    if (fate_packet_write(seed, seen->number, expected) != length)
        return false;
    seen->damaged = differing_bits(packet, expected, length);
    mark(expected);
    unsigned when_marked = differing_bits(packet, expected, length);
    seen->unsure = seen->damaged > 0 && when_marked == seen->damaged;
    if (when_marked < seen->damaged) {
        seen->marked = true;
        seen->damaged = when_marked;
    }
    return true;
}

int64_t fate_packet_gap(uint64_t seed, uint32_t number, int64_t interval)
{
    struct random random = random_of(~seed, number);

    if (random_one_in(&random, 8))
        return 0;
    return (int64_t)random_below(&random, (uint64_t)interval * 16 / 7 + 1);
}
