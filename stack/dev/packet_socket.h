/* AF_PACKET on an existing Ethernet interface (one end of a veth pair, say), for users who may not
 * open /dev/net/tun. The stack's own addresses live on it beside the kernel's; neighbours are
 * resolved by neighbour.c. PACKET_VNET_HDR carries super-segments and partial checksums where the
 * kernel offers it. */
#ifndef TUNNY_DEV_PACKET_SOCKET_H
#define TUNNY_DEV_PACKET_SOCKET_H

#include "dev/dev.h"
#include "wire/address.h"

struct packet_socket_config {
    const char *interface;
    const struct prefix *addresses; /* ours: answered for by ARP and neighbour discovery */
    unsigned address_count;
    struct address gateway4, gateway6; /* unspecified: none */
    bool offload;
};

/* 0 and *device, or a negative errno with one sentence in `error`. */
int packet_socket_open(const struct packet_socket_config *config, struct device **device,
                       char *error, size_t error_size);

#endif
