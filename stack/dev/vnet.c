/* Virtio network headers, see vnet.h. What comes in is judged against the packet itself: nothing
 * above relies on an offset that was not checked here. */
#include "dev/vnet.h"

#include <errno.h>

#include "base/check.h"

enum { TCP_CHECKSUM_OFFSET = 16, UDP_CHECKSUM_OFFSET = 6, TCP_FLAGS_AT = 13, TCP_FLAG_CWR = 0x80 };

static unsigned ip_version(struct bytes ip)
{
    return ip.len ? ip.data[0] >> 4 : 0;
}

/* virtio 1.2, 5.1.6.4: where the transport header starts and its checksum field lies. */
static int read_partial_checksum(const struct virtio_net_hdr *header, size_t link_header,
                                 struct bytes ip, struct packet *packet)
{
    if (header->csum_start < link_header)
        return -EPROTO;
    size_t at = header->csum_start - link_header;
    if (at == 0 || at + header->csum_offset + 2U > ip.len)
        return -EPROTO;
    packet->checksum = PACKET_CHECKSUM_PARTIAL;
    packet->checksum_at = (uint16_t)at;
    packet->checksum_offset = header->csum_offset;
    return 0;
}

/* Where the transport header of a super-segment starts whose checksum the device has verified:
 * such a packet has no csum_start. 0: extension headers, or no IP packet. */
static size_t transport_start(struct bytes ip, uint8_t protocol)
{
    if (ip_version(ip) == 4 && ip.len >= 20 && ip.data[9] == protocol)
        return (ip.data[0] & 0x0fU) * 4U;
    if (ip_version(ip) == 6 && ip.len >= 40 && ip.data[6] == protocol)
        return 40;
    return 0;
}

static int read_super_segment(const struct virtio_net_hdr *header, size_t link_header,
                              struct bytes ip, struct packet *packet)
{
    unsigned type = header->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
    bool tcp = type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
    if ((!tcp && type != VNET_GSO_UDP_L4) || header->gso_size == 0)
        return -EPROTO;
    if (tcp && ip_version(ip) != (type == VIRTIO_NET_HDR_GSO_TCPV4 ? 4U : 6U))
        return -EPROTO;
    if (header->hdr_len > ip.len + link_header || packet->checksum == PACKET_CHECKSUM_IN_FULL)
        return -EPROTO;

    /* hdr_len is a hint only (Linux writes the length of the linear part): the headers are read. */
    size_t start = packet->checksum == PACKET_CHECKSUM_PARTIAL ? packet->checksum_at
                                                               : transport_start(ip, tcp ? 6 : 17);
    if (start < 20 || start + (tcp ? 20U : 8U) > ip.len)
        return -EPROTO;
    size_t length = start + (tcp ? (ip.data[start + 12] >> 4) * 4U : 8U);
    if (length < start + (tcp ? 20U : 8U) || length > ip.len)
        return -EPROTO;
    packet->gso_size = header->gso_size;
    packet->header_length = (uint16_t)length;
    return 0;
}

int vnet_read(const struct virtio_net_hdr *header, size_t link_header, struct bytes ip,
              struct packet *packet)
{
    *packet = (struct packet){.parts = {ip}, .count = 1};
    if (ip.len > PACKET_LARGEST)
        return -EPROTO;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        int error = read_partial_checksum(header, link_header, ip, packet);
        if (error)
            return error;
    } else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        packet->checksum = PACKET_CHECKSUM_VERIFIED;
    }
    if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
        return read_super_segment(header, link_header, ip, packet);
    return 0;
}

/* RFC 3168, 6.1.2: CWR goes out on the first wire packet only, which the cutter must be told. */
static uint8_t gso_type(const struct packet *packet)
{
    struct bytes ip = packet->parts[0];
    if (packet->checksum_offset == UDP_CHECKSUM_OFFSET)
        return VNET_GSO_UDP_L4;
    CHECK(packet->checksum_offset == TCP_CHECKSUM_OFFSET);
    unsigned type = ip_version(ip) == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    size_t flags_at = (size_t)packet->checksum_at + TCP_FLAGS_AT;
    CHECK(flags_at < ip.len);
    if (ip.data[flags_at] & TCP_FLAG_CWR)
        type |= VIRTIO_NET_HDR_GSO_ECN;
    return (uint8_t)type;
}

struct virtio_net_hdr vnet_header(const struct packet *packet, size_t link_header)
{
    struct virtio_net_hdr header = {.flags = 0};
    if (packet->checksum == PACKET_CHECKSUM_PARTIAL) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = (uint16_t)(packet->checksum_at + link_header);
        header.csum_offset = packet->checksum_offset;
    }
    if (packet->gso_size > 0) {
        /* virtio 1.2, 5.1.6.2: a super-segment's checksums are always the device's to complete. */
        CHECK(packet->checksum == PACKET_CHECKSUM_PARTIAL);
        header.gso_type = gso_type(packet);
        header.gso_size = packet->gso_size;
        header.hdr_len = (uint16_t)(packet->header_length + link_header);
    }
    return header;
}
