/* Somebody in a world who has no stack and speaks nonsense to a host: segments that almost fit a
 * connection, flags that do not go together, options that lie, ICMP errors, mere bytes. The target
 * has a listener for it whose user reads and throws away. Called by sim_world.c and sim_port.c. */
#ifndef TUNNY_SIM_SIM_HOSTILE_H
#define TUNNY_SIM_SIM_HOSTILE_H

#include "sim/sim_port.h"

enum { SIM_HOSTILE_TALKS = 4, SIM_HOSTILE_FIRST_PORT = 40000 };

/* One conversation, as the hostile one knows it. */
struct sim_talk {
    bool open;
    uint32_t seq, ack; /* that would be right next */
};

struct sim_hostile {
    struct sim_actor actor;
    struct sim_world *world;
    const struct scenario_hostile *is;
    struct address address; /* 10.0.0.251 and up */
    struct sim_host *target;
    struct random random;
    struct sim_talk talks[SIM_HOSTILE_TALKS];
    uint32_t sent;
};

void sim_hostile_open(struct sim_hostile *hostile, struct sim_world *world, unsigned index);
/* Its time has come: one packet more. */
void sim_hostile_run(struct sim_hostile *hostile);
/* A packet to somebody who is no node. */
void sim_hostile_hears(struct sim_world *world, struct bytes packet);

/* The listener for hostile ones, on hosts that are a target. */
void sim_sink_open(struct sim_host *host);
/* One of the sink's sockets may have news. */
void sim_sink_run(struct sim_host *host, int number);
void sim_sink_close(struct sim_host *host);

#endif
