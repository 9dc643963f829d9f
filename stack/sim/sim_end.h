/* The users of a world: a flow is one connection with a user at each end, who send what the
 * scenario says, read what comes and compare every byte. Called by hosts when a socket's readiness
 * may have changed, and by the world's loop when a user's time has come. */
#ifndef TUNNY_SIM_SIM_END_H
#define TUNNY_SIM_SIM_END_H

#include "sim/histogram.h"
#include "sim/sim_port.h"

enum { SIM_URGENT = 64 };

enum sim_end_state {
    SIM_END_WAITING,   /* the client's time has not come */
    SIM_END_LISTENING, /* the server's listener */
    SIM_END_CONNECTING,
    SIM_END_OPEN,
    SIM_END_OVER,
};

struct sim_end {
    struct sim_actor actor;
    struct sim_flow *flow;
    unsigned side; /* 0: the client, 1: the server */
    struct sim_host *host;
    enum sim_end_state state;
    int socket; /* -1: none */
    uint64_t sent, received;
    bool shut;                  /* said that there is no more to send */
    bool ended;                 /* the peer has no more to send, and all of it was read */
    bool left;                  /* went before its time, or lost its host */
    int error;                  /* 0, or why it failed: a negative errno */
    struct instant began, over; /* over: when it ended */
    struct instant next_read, retry;
    unsigned refusals;                    /* in a row, for want of memory */
    uint32_t zerocopies, zerocopies_told; /* sends that were to be told, and were */
    uint64_t urgent[SIM_URGENT];          /* where the last urgent octets are */
    unsigned urgent_count;                /* more than SIM_URGENT: not all are known */
    struct random random;                 /* of its calls */
    uint64_t retransmitted, timeouts, spurious;
    struct histogram rtt; /* microseconds */
};

struct sim_flow {
    struct sim_world *world;
    const struct scenario_flow *is;
    unsigned index;
    struct sim_end ends[2];
};

void sim_flow_open(struct sim_flow *flow, struct sim_world *world, unsigned index);
/* The port of a client (of a simultaneous open) or a server. */
uint16_t sim_flow_port(const struct sim_flow *flow, unsigned side);
/* Something may have changed for this user. */
void sim_end_run(struct sim_end *end);
/* The listeners of a host's servers, when it starts. */
void sim_ends_listen(struct sim_host *host);
/* A host goes down, and its users with it; listeners come again. */
void sim_ends_crash(struct sim_host *host);
/* Listeners whose clients are gone are closed: nobody will come. */
void sim_ends_give_up(struct sim_world *world);
/* It ends with an error, or 0; its socket goes; tries again soon, for want of memory. */
void sim_end_fails(struct sim_end *end, int error);
void sim_end_closes_socket(struct sim_end *end);
void sim_end_tries_later(struct sim_end *end);
/* What a stack says of a flow's connection. */
void sim_end_told(struct sim_host *host, const struct trace_record *record);

#endif
