/* The cable, see the header: where each packet goes, and through what. Opening, changing and
 * counting are in cable_setup.c. */
#include <errno.h>

#include "base/check.h"
#include "dev/cable_inside.h"
#include "wire/gso.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { TCP_CHECKSUM_OFFSET = 16, UDP_CHECKSUM_OFFSET = 6 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };
/* Of each end, before the others get their turn and the clock is read again: packets as they come,
 * or the wire packets that they were cut into. */
enum { PACKETS_A_TURN = 8, WIRE_PACKETS_A_TURN = 32 };

static unsigned direction_from(const struct cable *cable, unsigned end)
{
    return cable->ends[end].far ? IMPAIR_IN : IMPAIR_OUT;
}

/* --- into an end ------------------------------------------------------------------------------ */

/* Whether the device takes the packet as it is, its facts included. Facts that contradict each
 * other are for the cutter, which reads the headers itself. */
static bool takes_whole(const struct device *device, const struct packet *packet)
{
    const struct device_features *features = &device->features;

    if (packet->gso_size == 0)
        return packet->checksum != PACKET_CHECKSUM_PARTIAL || features->checksum;
    if (packet->checksum != PACKET_CHECKSUM_PARTIAL || !features->checksum)
        return false;
    if (packet->checksum_offset == UDP_CHECKSUM_OFFSET)
        return features->largest_udp != 0;
    return packet->checksum_offset == TCP_CHECKSUM_OFFSET && features->largest_tcp4 != 0;
}

/* Wire packet `index` of the packet, with the Ethernet header behind it; its length, 0 when the
 * packet's facts are wrong. */
static size_t wire_packet(const struct cable *cable, const struct packet *packet, size_t index,
                          uint8_t *out, size_t size)
{
    struct packet bare = *packet;

    bare.parts[0].len -= cable->trailer;
    size_t length = gso_wire_packet(&bare, index, out, size - cable->trailer);
    if (length == 0)
        return 0;
    memcpy(out + length, bare.parts[0].data + bare.parts[0].len, cable->trailer);
    return length + cable->trailer;
}

static void transmit(struct cable *cable, unsigned end, const struct packet *packet)
{
    struct device *device = cable->ends[end].device;
    int rc = -EMSGSIZE;

    if (packet->gso_size == 0 ||
        (size_t)packet->header_length + packet->gso_size <= device->features.mtu)
        rc = device_transmit(device, packet, cable->now);
    /* A packet whose version was damaged makes no sense to a TUN (EINVAL): lost, as on a wire. */
    if (rc == -EAGAIN || rc == -EMSGSIZE || rc == -EINVAL) {
        cable->directions[!direction_from(cable, end)].unsent++;
    } else if (rc != 0 && cable->failure == 0) {
        cable->failure = rc;
        cable->failed_end = end;
    }
}

static void hand_over(struct cable *cable, unsigned end, const struct packet *packet)
{
    size_t count = gso_count(packet);

    if (takes_whole(cable->ends[end].device, packet)) {
        transmit(cable, end, packet);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = wire_packet(cable, packet, i, cable->cut, sizeof cable->cut);
        struct packet wire = {.parts = {{cable->cut, length}}, .count = 1};
        if (length == 0)
            return;
        transmit(cable, end, &wire);
    }
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Stations of an Ethernet are told from IP addresses by their first byte, which no address that is
 * worth learning has. */
static struct address ethernet_station(const uint8_t ethernet[6])
{
    struct address station = {.bytes = {0xff}};

    memcpy(station.bytes + 10, ethernet, 6);
    return station;
}

enum which { SOURCE, DESTINATION };

/* The packet's address, on an Ethernet the frame's; false when it has none or it is a group's. */
static bool station_of(const struct cable *cable, struct bytes packet, enum which which,
                       struct address *station)
{
    if (cable->trailer) {
        const uint8_t *frame = packet.data + packet.len - cable->trailer;
        const uint8_t *ethernet = which == SOURCE ? frame + 6 : frame;
        *station = ethernet_station(ethernet);
        return (ethernet[0] & 1) == 0;
    }
    if (packet.len >= IPV4_HEADER_LENGTH && packet.data[0] >> 4 == 4)
        *station = address_from_ipv4(packet.data + (which == SOURCE ? 12 : 16));
    else if (packet.len >= IPV6_HEADER_LENGTH && packet.data[0] >> 4 == 6)
        *station = address_from_ipv6(packet.data + (which == SOURCE ? 8 : 24));
    else
        return false;
    return !address_is_multicast(station) && !address_is_broadcast(station) &&
           !address_is_unspecified(station);
}

/* The end behind which the packet's destination lives, or STATION_UNKNOWN. */
static int end_of(const struct cable *cable, struct bytes packet)
{
    struct address to;

    return station_of(cable, packet, DESTINATION, &to) ? stations_find(&cable->stations, &to)
                                                       : STATION_UNKNOWN;
}

/* To the end of the side on which its destination lives; to all of them while that is not known. */
static void deliver(struct cable *cable, unsigned direction, const struct packet *packet)
{
    bool far = direction == IMPAIR_OUT;
    unsigned first = far ? cable->count - cable->far : 0;
    unsigned count = far ? cable->far : cable->count - cable->far;
    int end = count > 1 ? end_of(cable, packet->parts[0]) : (int)first;

    if (end != STATION_UNKNOWN && cable->ends[end].far == far) {
        hand_over(cable, (unsigned)end, packet);
        return;
    }
    for (unsigned i = first; i < first + count; i++)
        hand_over(cable, i, packet);
}

/* --- through the engine ----------------------------------------------------------------------- */

static void count_lateness(struct cable *cable, struct cable_direction *d, struct instant due)
{
    int64_t late = cable->now.ns - due.ns;

    if (late <= 0 || d->impair.netem.config.slot.on)
        return;
    d->late++;
    d->late_total = duration_add(d->late_total, duration_ns(late));
    d->late_most = duration_max(d->late_most, duration_ns(late));
}

/* Everything whose time has come; whether there was anything. */
static bool deliver_due(struct cable *cable, unsigned direction)
{
    struct cable_direction *d = &cable->directions[direction];
    struct netem_arrival arrival;
    bool any = false;

    while (impair_direction_next(&d->impair, cable->now, &arrival)) {
        struct packet packet = {
            .parts = {arrival.packet},
            .count = 1,
            .checksum = arrival.verified ? PACKET_CHECKSUM_VERIFIED : PACKET_CHECKSUM_IN_FULL,
        };
        count_lateness(cable, d, arrival.due);
        deliver(cable, direction, &packet);
        any = true;
    }
    return any;
}

/* How many wire packets there were. */
static size_t impair(struct cable *cable, unsigned direction, const struct packet *packet)
{
    struct cable_direction *d = &cable->directions[direction];
    size_t count = gso_count(packet);
    bool verified = packet->checksum == PACKET_CHECKSUM_VERIFIED;

    for (size_t i = 0; i < count; i++) {
        size_t length = wire_packet(cable, packet, i, cable->wire, cable->largest);
        if (length == 0) {
            d->unsent++;
            return i + 1;
        }
        impair_direction_offer(&d->impair, (struct bytes){cable->wire, length}, verified,
                               cable->now);
        deliver_due(cable, direction);
    }
    return count;
}

/* A super-segment counts as the packets that it stands for: scripts set later go on from there. */
static void pass(struct cable *cable, unsigned direction, const struct packet *packet)
{
    struct cable_direction *d = &cable->directions[direction];

    d->impair.packets += gso_count(packet);
    if (cable->record)
        cable_record_passed(cable->record, direction, packet, cable->now);
    deliver(cable, direction, packet);
}

/* ARP and the like: they take no draws and no numbers. */
static bool is_no_ip(const struct cable *cable, struct bytes packet)
{
    if (cable->trailer == 0)
        return false;
    uint16_t type = get_be16(packet.data + packet.len - 2);
    return type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6;
}

/* To all other ends of the same side: for a group, or for somebody who has not been heard yet. */
static void flood_side(struct cable *cable, unsigned end, const struct packet *packet)
{
    for (unsigned i = 0; i < cable->count; i++) {
        if (i != end && cable->ends[i].far == cable->ends[end].far)
            hand_over(cable, i, packet);
    }
}

/* Past the engine, where nobody asked for faults. False: the engine is to have it too. */
static bool goes_past(struct cable *cable, unsigned end, const struct packet *packet)
{
    struct bytes bytes = packet->parts[0];
    struct address from;
    int to;

    if (cable->count > 2) {
        if (station_of(cable, bytes, SOURCE, &from))
            stations_learn(&cable->stations, &from, (int)end);
        to = end_of(cable, bytes);
        if (to == STATION_UNKNOWN) {
            flood_side(cable, end, packet);
        } else if (to != (int)end && cable->ends[to].far == cable->ends[end].far) {
            hand_over(cable, (unsigned)to, packet);
            return true;
        }
    }
    if (!is_no_ip(cable, bytes))
        return false;
    deliver(cable, direction_from(cable, end), packet);
    return true;
}

/* What it cost, in the share of a turn: see read_end(). */
static size_t came(struct cable *cable, unsigned end, const struct packet *packet)
{
    unsigned direction = direction_from(cable, end);
    struct cable_direction *d = &cable->directions[direction];

    if (goes_past(cable, end, packet)) {
        d->local++;
        return WIRE_PACKETS_A_TURN / PACKETS_A_TURN;
    }
    d->bytes += packet->parts[0].len - cable->trailer;
    if (cable->log || !impair_direction_is_plain(&d->impair))
        return impair(cable, direction, packet);
    pass(cable, direction, packet);
    return WIRE_PACKETS_A_TURN / PACKETS_A_TURN;
}

/* --- a turn ----------------------------------------------------------------------------------- */

static void advance_schedule(struct cable *cable, unsigned direction)
{
    struct cable_direction *d = &cable->directions[direction];
    const struct impair_specification *specification = d->specification;

    if (!d->started) {
        d->started = true;
        d->start = cable->now;
    }
    for (; d->next_change < specification->change_count; d->next_change++) {
        const struct impair_change *change = &specification->changes[d->next_change];
        if (!instant_reached(instant_add(d->start, change->at), cable->now))
            return;
        impair_direction_change(&d->impair, change, cable->now);
    }
}

/* Whether anything came out of this end. */
static bool read_end(struct cable *cable, unsigned end)
{
    struct packet packet;
    size_t cost = 0;
    int rc = 0;

    while (cost < WIRE_PACKETS_A_TURN && rc == 0) {
        rc = device_receive(cable->ends[end].device, &packet, cable->now);
        if (rc == 0)
            cost += came(cable, end, &packet);
    }
    if (rc != 0 && rc != -EAGAIN && cable->failure == 0) {
        cable->failure = rc;
        cable->failed_end = end;
    }
    return cost > 0;
}

int cable_turn(struct cable *cable, struct instant now, unsigned *end)
{
    bool any = false;

    cable->now = now;
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        advance_schedule(cable, i);
        any |= deliver_due(cable, i);
    }
    for (unsigned i = 0; i < cable->count; i++)
        any |= read_end(cable, i);
    if (!any && cable->record)
        cable_record_idle(cable->record);
    *end = cable->failed_end;
    return cable->failure ? cable->failure : any;
}

struct instant cable_deadline(const struct cable *cable)
{
    struct instant deadline = INSTANT_NEVER;

    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        const struct cable_direction *d = &cable->directions[i];
        deadline = instant_min(deadline, impair_direction_deadline(&d->impair));
        if (d->started && d->next_change < d->specification->change_count)
            deadline = instant_min(
                deadline, instant_add(d->start, d->specification->changes[d->next_change].at));
    }
    for (unsigned i = 0; i < cable->count; i++)
        deadline = instant_min(deadline, device_deadline(cable->ends[i].device));
    return deadline;
}
