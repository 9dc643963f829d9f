/* The facts that a virtio network header (virtio 1.2, 5.1.6) tells about the packet behind it, to
 * and from those of struct packet. The kernel's TUN and AF_PACKET both put it before each packet.
 * Called by tun.c and packet_socket.c; does no I/O. */
#ifndef TUNNY_DEV_VNET_H
#define TUNNY_DEV_VNET_H

#include <linux/virtio_net.h>

#include "wire/packet.h"

enum {
    VNET_HEADER_LENGTH = sizeof(struct virtio_net_hdr),
    VNET_GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, which older kernel headers lack */
};

/* Makes *packet of an IP packet in one piece, in front of which `link_header` bytes stood on the
 * link. 0, or -EPROTO when header and packet contradict each other: a checksum or header that lies
 * outside, a super-segment without a size, a kind of super-segment that nobody asked for. */
int vnet_read(const struct virtio_net_hdr *header, size_t link_header, struct bytes ip,
              struct packet *packet);

/* The header to write before `packet`, which is to have `link_header` bytes before it. */
struct virtio_net_hdr vnet_header(const struct packet *packet, size_t link_header);

#endif
