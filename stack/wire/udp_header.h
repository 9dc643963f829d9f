/* The UDP header (RFC 768). */
#ifndef TUNNY_WIRE_UDP_HEADER_H
#define TUNNY_WIRE_UDP_HEADER_H

#include "base/bytes.h"

enum { UDP_HEADER_LENGTH = 8 };

struct udp_header {
    uint16_t source_port, destination_port;
    uint16_t length;   /* header and payload; 8..65535 */
    uint16_t checksum; /* as it stands in the packet */
};

/* false: fewer than 8 bytes, or `length` below 8 or above what came. */
bool udp_header_parse(struct bytes datagram, struct udp_header *header);
/* Writes 8 bytes with header->checksum as it is. */
void udp_header_build(const struct udp_header *header, uint8_t out[UDP_HEADER_LENGTH]);

#endif
