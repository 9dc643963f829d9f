/* Users of UDP, see the header. */
#include "sim/sim_datagrams.h"

#include <errno.h>

#include "socket.h"

enum { NUMBER_BYTES = 4, PATTERN_STEP = 7919, LENGTH_STEP = 104729 };

/* --- what is sent ----------------------------------------------------------------------------- */

/* Datagram n has its number in front and a piece of the world's pattern behind; its length follows
 * from n. */
static size_t length_of(const struct sim_datagrams *d, uint32_t number)
{
    return NUMBER_BYTES + (size_t)number * LENGTH_STEP % (d->is->size + 1);
}

static const uint8_t *text_of(const struct sim_datagrams *d, uint32_t number)
{
    return d->world->pattern + ((uint64_t)number * PATTERN_STEP + d->index) % SIM_PATTERN_PERIOD;
}

static void check_datagram(struct sim_datagrams *d, unsigned side, const uint8_t *data,
                           size_t length)
{
    uint32_t number = length >= NUMBER_BYTES ? get_be32(data) : UINT32_MAX;

    d->delivered[side]++;
    if (number >= d->tried)
        sim_fail(d->world, "datagrams: %s: the %s got one that was not sent", d->is->name,
                 side ? "server" : "client");
    else if (length != length_of(d, number))
        sim_fail(d->world, "datagrams: %s: the %s got %zu bytes of number %u instead of %zu",
                 d->is->name, side ? "server" : "client", length, number, length_of(d, number));
    else if (memcmp(data + NUMBER_BYTES, text_of(d, number), length - NUMBER_BYTES) != 0)
        sim_fail(d->world, "datagrams: %s: the %s got other bytes than were sent as number %u",
                 d->is->name, side ? "server" : "client", number);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static socklen_t server_name(const struct sim_datagrams *d, struct sockaddr_storage *name)
{
    const struct sim_node *node = d->hosts[1]->node;
    struct endpoint e = {
        .address = d->is->ipv6 ? node->address6 : node->address4,
        .port = (uint16_t)(SIM_DATAGRAM_PORT + d->index),
    };
    socklen_t length = sizeof *name;

    sock_name_write(&e, d->is->ipv6 ? AF_INET6 : AF_INET, (struct sockaddr *)name, &length);
    return length;
}

static void open_socket(struct sim_datagrams *d, unsigned side)
{
    struct sockaddr_storage name;
    socklen_t length = server_name(d, &name);
    struct tunny *stack = d->hosts[side]->stack;
    int r = tunny_socket(stack, d->is->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    d->sockets[side] = r;
    if (r < 0)
        return;
    r = side ? tunny_bind(stack, r, (struct sockaddr *)&name, length)
             : tunny_connect(stack, r, (struct sockaddr *)&name, length);
    if (r == 0)
        return;
    tunny_close(stack, d->sockets[side]);
    d->sockets[side] = -1;
}

static void close_socket(struct sim_datagrams *d, unsigned side)
{
    if (d->sockets[side] >= 0 && d->hosts[side]->stack)
        tunny_close(d->hosts[side]->stack, d->sockets[side]);
    d->sockets[side] = -1;
}

/* One datagram off the socket; a server sends it back. False: there is none. An error (the server's
 * host had no such port for a while) is told once and is no end. */
static bool take_one(struct sim_datagrams *d, unsigned side)
{
    struct sim_world *world = d->world;
    struct tunny *stack = d->hosts[side]->stack;
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t r = tunny_recvfrom(stack, d->sockets[side], world->text, sizeof world->text, 0,
                               (struct sockaddr *)&from, &length);

    if (r < 0)
        return r == -ECONNREFUSED;
    check_datagram(d, side, world->text, (size_t)r);
    if (side)
        tunny_sendto(stack, d->sockets[side], world->text, (size_t)r, 0, (struct sockaddr *)&from,
                     length);
    return true;
}

bool sim_datagrams_changed(struct sim_host *host, int socket)
{
    struct sim_world *world = host->node->world;

    for (unsigned i = 0; i < world->scenario.datagrams_count * 2; i++) {
        struct sim_datagrams *d = &world->datagrams[i / 2];
        if (d->hosts[i % 2] != host || d->sockets[i % 2] != socket)
            continue;
        while (take_one(d, i % 2))
            continue;
        return true;
    }
    return false;
}

/* --- hosts ------------------------------------------------------------------------------------ */

void sim_datagrams_start(struct sim_host *host)
{
    struct sim_world *world = host->node->world;

    for (unsigned i = 0; i < world->scenario.datagrams_count * 2; i++) {
        struct sim_datagrams *d = &world->datagrams[i / 2];
        bool needed = d->tried < d->is->count || i % 2 == 1;
        if (d->hosts[i % 2] == host && needed)
            open_socket(d, i % 2);
    }
}

void sim_datagrams_stop(struct sim_host *host)
{
    struct sim_world *world = host->node->world;

    for (unsigned i = 0; i < world->scenario.datagrams_count * 2; i++) {
        if (world->datagrams[i / 2].hosts[i % 2] == host)
            close_socket(&world->datagrams[i / 2], i % 2);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

void sim_datagrams_open(struct sim_datagrams *d, struct sim_world *world, unsigned index)
{
    d->actor.kind = SIM_DATAGRAMS;
    d->world = world;
    d->is = &world->scenario.datagrams[index];
    d->index = index;
    for (unsigned side = 0; side < 2; side++) {
        d->hosts[side] = world->nodes[d->is->ends[side]].host;
        d->sockets[side] = -1;
    }
    world->busy_others++;
    sim_schedule(world, &d->actor, instant_add(INSTANT_ZERO, d->is->start));
}

void sim_datagrams_run(struct sim_datagrams *d)
{
    struct sim_world *world = d->world;

    if (d->tried == d->is->count) {
        world->busy_others--;
        return;
    }
    uint32_t number = d->tried++;
    if (d->sockets[0] >= 0) {
        put_be32(world->text, number);
        memcpy(world->text + NUMBER_BYTES, text_of(d, number), length_of(d, number) - NUMBER_BYTES);
        tunny_send(d->hosts[0]->stack, d->sockets[0], world->text, length_of(d, number), 0);
        sim_host_rearm(d->hosts[0]);
    }
    sim_schedule(world, &d->actor, instant_add(world->now, d->is->gap));
}
