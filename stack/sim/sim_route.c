/* How packets find their way through a world: the shortest path in links, decided once; routers
 * that count hops down and say Packet Too Big (RFC 1191, RFC 8201). Called by hosts' devices, links
 * and the world's loop; sees IP headers only. */
#include <errno.h>
#include <stdlib.h>

#include "sim/sim_hostile.h"
#include "sim/sim_link.h"
#include "sim/sim_packet.h"
#include "sim/sim_port.h"
#include "sim/sim_world.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { IPV4_LEAST = 20, QUOTED_MOST = 1232 };

/* --- queues of packets ------------------------------------------------------------------------ */

void sim_queue_add(struct sim_queue *queue, struct bytes packet, bool verified)
{
    struct sim_packet *copy = malloc(sizeof *copy + packet.len);

    if (copy == NULL)
        return; /* lost, as a device without memory would */
    *copy = (struct sim_packet){.length = packet.len, .verified = verified};
    memcpy(copy->data, packet.data, packet.len);
    if (queue->last)
        queue->last->next = copy;
    else
        queue->first = copy;
    queue->last = copy;
    queue->count++;
}

struct sim_packet *sim_queue_take(struct sim_queue *queue)
{
    struct sim_packet *packet = queue->first;

    if (packet == NULL)
        return NULL;
    queue->first = packet->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->count--;
    return packet;
}

void sim_queue_clear(struct sim_queue *queue)
{
    for (struct sim_packet *packet; (packet = sim_queue_take(queue)) != NULL;)
        free(packet);
}

/* --- routes ----------------------------------------------------------------------------------- */

/* Breadth first from the destination: every node learns the link that leads there. Hosts pass
 * nothing on. */
static void find_ways_to(struct sim_world *world, unsigned destination, unsigned *line)
{
    unsigned first = 0, last = 0;

    line[last++] = destination;
    while (first < last) {
        unsigned here = line[first++];
        if (here != destination && !world->nodes[here].is->router)
            continue;
        for (unsigned i = 0; i < world->scenario.link_count; i++) {
            const struct scenario_link *link = &world->scenario.links[i];
            for (unsigned side = 0; side < 2; side++) {
                unsigned there = link->ends[1 - side];
                struct sim_route *route = &world->nodes[there].routes[destination];
                if (link->ends[side] != here || there == destination || route->link >= 0)
                    continue;
                *route = (struct sim_route){.link = (int)i, .direction = 1 - side};
                line[last++] = there;
            }
        }
    }
}

int sim_routes_open(struct sim_world *world)
{
    unsigned count = world->scenario.node_count;
    unsigned *line = calloc(count + 1, sizeof *line);

    if (line == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        world->nodes[i].routes = malloc(count * sizeof *world->nodes[i].routes);
        if (world->nodes[i].routes == NULL) {
            free(line);
            return -ENOMEM;
        }
        for (unsigned k = 0; k < count; k++)
            world->nodes[i].routes[k] = (struct sim_route){.link = -1};
    }
    for (unsigned i = 0; i < count; i++)
        find_ways_to(world, i, line);
    free(line);
    return 0;
}

/* Node n is 10.0.0.n+1 and fd00::n+1; `end` points behind an address in a packet. */
static struct sim_node *node_at(struct sim_world *world, const uint8_t *end, bool ipv4)
{
    struct address address = ipv4 ? address_from_ipv4(end - 4) : address_from_ipv6(end - 16);
    unsigned number = end[-1];

    if (number == 0 || number > world->scenario.node_count)
        return NULL;
    struct sim_node *node = &world->nodes[number - 1];
    return address_equal(&address, ipv4 ? &node->address4 : &node->address6) ? node : NULL;
}

struct sim_node *sim_node_of(struct sim_world *world, struct bytes packet)
{
    bool ipv4 = packet.len >= IPV4_LEAST && packet.data[0] >> 4 == 4;

    if (!ipv4 && (packet.len < IPV6_HEADER_LENGTH || packet.data[0] >> 4 != 6))
        return NULL;
    return node_at(world, packet.data + (ipv4 ? IPV4_LEAST : IPV6_HEADER_LENGTH), ipv4);
}

/* --- routers ---------------------------------------------------------------------------------- */

/* The packet that tells of a smaller link, into world->wire; its length. */
static size_t build_too_big(struct sim_node *router, struct bytes packet, uint32_t mtu)
{
    uint8_t *out = router->world->wire;
    bool ipv4 = packet.data[0] >> 4 == 4;
    size_t header = ipv4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
    struct icmp_message message = {
        .type = ipv4 ? ICMP_UNREACHABLE : ICMPV6_PACKET_TOO_BIG,
        .code = ipv4 ? ICMP_FRAGMENTATION_NEEDED : 0,
        .rest = mtu,
        .body = bytes_part(packet, 0, ipv4 ? 548 : QUOTED_MOST),
    };
    struct address to = ipv4 ? address_from_ipv4(packet.data + 12)
                             : address_from_ipv6(packet.data + 8);
    const struct address *from = ipv4 ? &router->address4 : &router->address6;
    size_t length = icmp_build(&message, from, &to, out + header, PACKET_LARGEST - header);

    return sim_put_ip(out, from, &to, ipv4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6, length);
}

/* One hop less; false when it was the last. RFC 1624 for the header's checksum. */
static bool count_hop(uint8_t *packet)
{
    enum { TTL_AT = 8, CHECKSUM_AT = 10, HOP_LIMIT_AT = 7 };
    if (packet[0] >> 4 == 6)
        return packet[HOP_LIMIT_AT] > 0 && --packet[HOP_LIMIT_AT] > 0;
    if (packet[TTL_AT] <= 1)
        return false;
    uint16_t before = get_be16(packet + TTL_AT);
    packet[TTL_AT]--;
    put_be16(packet + CHECKSUM_AT,
             checksum_update(get_be16(packet + CHECKSUM_AT), before, get_be16(packet + TTL_AT)));
    return true;
}

static void write_ecn(uint8_t *packet, uint8_t ecn)
{
    enum { TOS_AT = 1, CHECKSUM_AT = 10, IPV6_SHIFT = 4 };
    if (packet[0] >> 4 == 6) {
        packet[1] = (uint8_t)((packet[1] & ~(3u << IPV6_SHIFT)) | (unsigned)ecn << IPV6_SHIFT);
        return;
    }
    uint16_t before = get_be16(packet);
    packet[TOS_AT] = (uint8_t)((packet[TOS_AT] & ~3u) | ecn);
    put_be16(packet + CHECKSUM_AT,
             checksum_update(get_be16(packet + CHECKSUM_AT), before, get_be16(packet)));
}

/* Some ways wipe ECN's bits out (RFC 9768, 3.2.2.4), some mark whatever can be marked. */
static void treat_ecn(struct sim_node *router, uint8_t *packet)
{
    enum { NOT_ECT = 0, CE = 3 };
    bool ipv4 = packet[0] >> 4 == 4;
    unsigned ecn = (ipv4 ? packet[1] : packet[1] >> 4) & 3u;

    if (router->is->marks && ecn != NOT_ECT) {
        write_ecn(packet, CE);
        router->world->marks++;
    }
    if (router->is->bleaches)
        write_ecn(packet, NOT_ECT);
}

void sim_router_run(struct sim_node *router)
{
    struct sim_packet *packet;

    while ((packet = sim_queue_take(&router->arrived)) != NULL) {
        treat_ecn(router, packet->data);
        if (count_hop(packet->data))
            sim_send(router, (struct bytes){packet->data, packet->length});
        free(packet);
    }
}

/* --- from node to node ------------------------------------------------------------------------ */

void sim_send(struct sim_node *from, struct bytes packet)
{
    struct sim_world *world = from->world;
    struct sim_node *to = sim_node_of(world, packet);

    if (to == NULL) {
        sim_hostile_hears(world, packet);
        return;
    }
    if (to == from || from->routes[to->index].link < 0)
        return;
    struct sim_route route = from->routes[to->index];
    struct sim_link *link = &world->links[route.link];
    if (link->is->mtu == 0 || packet.len <= link->is->mtu) {
        sim_link_offer(link, route.direction, packet);
        return;
    }
    if (link->is->silent)
        return;
    bool ipv4 = packet.data[0] >> 4 == 4;
    struct sim_node *back = node_at(world, packet.data + (ipv4 ? 16 : 24), ipv4);
    if (back == NULL || from->routes[back->index].link < 0)
        return;
    size_t length = build_too_big(from, packet, link->is->mtu);
    route = from->routes[back->index];
    sim_link_offer(&world->links[route.link], route.direction, (struct bytes){world->wire, length});
}

void sim_arrive(struct sim_node *at, struct bytes packet, bool verified)
{
    if (at->host) {
        sim_host_arrives(at->host, packet, verified);
        return;
    }
    sim_queue_add(&at->arrived, packet, verified);
    sim_schedule(at->world, &at->actor, at->world->now);
}
