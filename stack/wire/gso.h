/* Cutting a super-segment into the wire packets that it stands for, as a network card would (TCP:
 * the sequence number, PSH/FIN/CWR and the IPv4 id move along; UDP: USO). Used where wire packets
 * matter: impairment, devices without offload. Needs the whole packet in one piece. */
#ifndef TUNNY_WIRE_GSO_H
#define TUNNY_WIRE_GSO_H

#include "wire/packet.h"

/* How many wire packets it is; 1 for an ordinary packet. */
size_t gso_count(const struct packet *super);
/* Writes wire packet `index` into `out` with all checksums complete; returns its length, 0 when the
 * headers lie or it does not fit. */
size_t gso_cut(const struct packet *super, size_t index, uint8_t *out, size_t size);

/* The same for any packet in one piece: one that is no super-segment is wire packet 0 itself, its
 * checksum completed where that was left to the device. */
size_t gso_wire_packet(const struct packet *packet, size_t index, uint8_t *out, size_t size);

#endif
