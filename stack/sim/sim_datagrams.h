/* The users of UDP in a world: a client that sends numbered datagrams, a server that sends each one
 * back. Datagrams may be lost, doubled and overtaken, but what is delivered is whole and is what
 * was sent. Called by sim_world.c and sim_port.c. */
#ifndef TUNNY_SIM_SIM_DATAGRAMS_H
#define TUNNY_SIM_SIM_DATAGRAMS_H

#include "sim/sim_port.h"

enum { SIM_DATAGRAM_PORT = 50000 }; /* of number 0's server */

struct sim_datagrams {
    struct sim_actor actor;
    struct sim_world *world;
    const struct scenario_datagrams *is;
    unsigned index;
    struct sim_host *hosts[2]; /* client, server */
    int sockets[2];            /* -1: none */
    uint32_t tried;            /* how many were given to the client's stack, or refused by it */
    uint64_t delivered[2];     /* to client and server */
};

void sim_datagrams_open(struct sim_datagrams *datagrams, struct sim_world *world, unsigned index);
/* Its time has come: one more. */
void sim_datagrams_run(struct sim_datagrams *datagrams);

/* The sockets of a host, when it starts, and when everything is over. */
void sim_datagrams_start(struct sim_host *host);
void sim_datagrams_stop(struct sim_host *host);
/* A socket of the host may have news; false: it is nobody's here. */
bool sim_datagrams_changed(struct sim_host *host, int socket);

#endif
