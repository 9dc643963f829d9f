/* Joining TCP packets that arrive together into one, as a device with receive offload does. Called
 * by sim_port.c. */
#ifndef TUNNY_SIM_SIM_JOIN_H
#define TUNNY_SIM_SIM_JOIN_H

#include "sim/sim_world.h"
#include "wire/packet.h"

/* Takes the packets from the queue's head that continue `first` (which is off the queue) and are
 * wholly alike otherwise; writes the super-segment into `out`, PACKET_LARGEST bytes. True: *packet
 * describes it; false: `first` stands alone. */
bool sim_join(const struct sim_packet *first, struct sim_queue *queue, uint8_t *out,
              struct packet *packet);

#endif
