/* Text read to its place, see landing.h. A guess: whatever else comes is a packet like any other
 * that lies in free storage, and its text, if it has any, is copied from there. */
#include "landing.h"

#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

enum { IPV4_PROTOCOL_AT = 9, IPV6_PROTOCOL_AT = 6, NO_OPTIONS = 0x45, TCP_FLAGS_AT = 13 };

_Static_assert(TCP_LANDING_MARGIN >= DEVICE_LINK_ROOM + IPV6_HEADER_LENGTH + TCP_HEADER_LONGEST,
               "what lies in front of the text is put aside whole");

/* Where TCP's header begins, without options or extension headers before it; 0: elsewhere. */
static size_t tcp_at(struct bytes packet)
{
    if (packet.len > IPV4_HEADER_LENGTH && packet.data[0] == NO_OPTIONS)
        return packet.data[IPV4_PROTOCOL_AT] == PROTOCOL_TCP ? IPV4_HEADER_LENGTH : 0;
    if (packet.len > IPV6_HEADER_LENGTH && packet.data[0] >> 4 == 6)
        return packet.data[IPV6_PROTOCOL_AT] == PROTOCOL_TCP ? IPV6_HEADER_LENGTH : 0;
    return 0;
}

/* An ACK with or without text ends no established connection. Anything else might end the very one
 * whose storage it lies in. */
static bool may_stay(struct bytes packet)
{
    size_t at = tcp_at(packet);
    return at > 0 && packet.len > at + TCP_FLAGS_AT &&
           (packet.data[at + TCP_FLAGS_AT] & ~(unsigned)TCP_PSH) == TCP_ACK;
}

static void cover(struct landing *landing, uint8_t *text)
{
    landing->ground = text - TCP_LANDING_MARGIN;
    memcpy(landing->covered, landing->ground, TCP_LANDING_MARGIN);
}

static void move_away(struct landing *landing, struct packet *packet)
{
    size_t length = packet_flatten(packet, landing->elsewhere, PACKET_LARGEST);
    packet->parts[0] = (struct bytes){landing->elsewhere, length};
    landing_uncover(landing);
}

int landing_receive(struct landing *landing, struct device *device, const struct tcp *tcp,
                    struct packet *packet, struct instant now)
{
    size_t headers;
    struct room room = tcp_landing(tcp, &headers);
    if (room.len < PACKET_LARGEST)
        return device_receive(device, packet, now);
    cover(landing, room.data);
    device->landing = room.data - headers;
    int r = device_receive(device, packet, now);
    bool landed = r == 0 && packet->parts[0].data == device->landing;
    device->landing = NULL;
    if (!landed)
        landing_uncover(landing);
    else if (!may_stay(packet->parts[0]))
        move_away(landing, packet);
    return r;
}

void landing_uncover(struct landing *landing)
{
    memcpy(landing->ground, landing->covered, TCP_LANDING_MARGIN);
    landing->ground = NULL;
}
