/* The UDP header of RFC 768: bytes <-> struct. Called by udp/ and describe; it must not know
 * addresses, so it does not verify the checksum. */
#include "wire/udp_header.h"

bool udp_header_parse(struct bytes datagram, struct udp_header *header)
{
    struct cursor c = cursor_over(datagram);
    header->source_port = cursor_u16(&c);
    header->destination_port = cursor_u16(&c);
    header->length = cursor_u16(&c);
    header->checksum = cursor_u16(&c);
    return !c.failed && header->length >= UDP_HEADER_LENGTH && header->length <= datagram.len;
}

void udp_header_build(const struct udp_header *header, uint8_t out[UDP_HEADER_LENGTH])
{
    put_be16(out, header->source_port);
    put_be16(out + 2, header->destination_port);
    put_be16(out + 4, header->length);
    put_be16(out + 6, header->checksum);
}
