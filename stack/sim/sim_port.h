/* A host of a world and the device between its stack and the links: super-segments are cut into
 * wire packets on their way out and, where the host's device does that, joined on their way in. A
 * restart makes a new stack over a new device. Called by sim_world.c, sim_route.c and the users of
 * the host. */
#ifndef TUNNY_SIM_SIM_PORT_H
#define TUNNY_SIM_SIM_PORT_H

#include "sim/sim_world.h"

struct sim_port {
    struct device device; /* first: a device is its port */
    struct sim_host *host;
    struct sim_queue arrived;
    struct sim_packet *lent; /* what the stack looks at */
    bool cut;                /* the host is going down: nothing leaves */
    struct instant sent_at;  /* when the last packet left, */
    uint32_t sent_then;      /* and how many did at that time */
    uint8_t joined[PACKET_LARGEST];
};

struct sim_end;

struct sim_host {
    struct sim_node *node;
    struct tunny *stack; /* NULL: it could not be made */
    struct sim_port *port;
    struct trace_sink sink;
    unsigned incarnation;  /* 0: the first */
    uint64_t sent;         /* wire packets, over all incarnations */
    struct sim_end **ends; /* by socket number: whose socket it is */
    unsigned end_capacity;
    int sink_listener, *sinks; /* for hostile ones: what they say is read and thrown away */
    unsigned sink_count, sink_capacity;
    bool wants_sink;
};

/* A stack with listeners, or a new one in its place. 0 or a negative errno and a sentence. */
int sim_host_start(struct sim_host *host, char *error, size_t error_size);
/* The power goes: no word to anybody. */
void sim_host_stop(struct sim_host *host);
/* A wire packet has come. */
void sim_host_arrives(struct sim_host *host, struct bytes packet, bool verified);
/* One turn of the stack, then whatever its users do about it. */
void sim_host_run(struct sim_host *host);
/* After a user's call: when the stack wants its next turn may have changed. */
void sim_host_rearm(struct sim_host *host);
/* The user of a socket; NULL: nobody. */
void sim_host_claim(struct sim_host *host, int socket, struct sim_end *end);

#endif
