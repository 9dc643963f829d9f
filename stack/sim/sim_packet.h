/* The heads of packets that a world makes itself: what routers, hostile ones and forgers say.
 * Called by sim_route.c, sim_hostile.c and sim_forge.c. */
#ifndef TUNNY_SIM_SIM_PACKET_H
#define TUNNY_SIM_SIM_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

/* How long the IP header between the two is, without options. */
size_t sim_ip_length(const struct address *from);
/* An IP header in front of `payload` bytes, which stand behind it or will; the whole length. */
size_t sim_put_ip(uint8_t *out, const struct address *from, const struct address *to,
                  uint8_t protocol, size_t payload);
/* The checksum of a segment of `length` bytes. */
void sim_put_tcp_checksum(uint8_t *tcp, size_t length, const struct address *from,
                          const struct address *to);

#endif
