/* The packets with which the fates that netem decides are observed: each says its number, and its
 * length and its ECN field follow from the number and a seed, so that one can tell from what comes
 * out which packet it was and what happened to it. Used by the recorder of the kernel's fates and
 * by those who compare. */
#ifndef TUNNY_SUPPORT_FATE_PACKETS_H
#define TUNNY_SUPPORT_FATE_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FATE_PACKET_LARGEST = 1400 };

/* What was seen of a packet. */
struct fate_seen {
    uint32_t number;  /* from 1 */
    unsigned damaged; /* bits that are turned over */
    bool marked;      /* Congestion Experienced, which it did not have */
    bool unsure;      /* the damage hides whether it is marked */
};

/* Writes the packet (IPv4, right header checksum) and returns its length. */
size_t fate_packet_write(uint64_t seed, uint32_t number, uint8_t packet[FATE_PACKET_LARGEST]);
/* False when the packet is none of ours or has another length. */
bool fate_packet_read(uint64_t seed, const uint8_t *packet, size_t length, struct fate_seen *seen);
/* Nanoseconds from packet number - 1 to this one: `interval` on average, every eighth at once. */
int64_t fate_packet_gap(uint64_t seed, uint32_t number, int64_t interval);

#endif
