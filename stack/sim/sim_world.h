/* A world: nodes joined by links, users that open flows, one virtual clock. Everything that waits
 * for a time is an actor in one heap; the earliest acts, and what it sets in motion becomes actors
 * again. The same scenario and seed give the same bytes. Private to sim/; the public calls are in
 * tunny.h. */
#ifndef TUNNY_SIM_SIM_WORLD_H
#define TUNNY_SIM_SIM_WORLD_H

#include <stdio.h>

#include "base/random.h"
#include "base/timer_heap.h"
#include "sim/scenario.h"
#include "stack.h"
#include "tunny.h"

enum {
    SIM_PATTERN_PERIOD = 65521,
    SIM_FIRST_PORT = 1000,   /* of flow 0's listener; flow n's is n higher */
    SIM_OPENER_PORT = 20000, /* the same of a client that is connected to */
    SIM_HOSTILE_PORT = 999,
    SIM_FAILURE_SIZE = 512,
};

enum sim_kind { SIM_HOST, SIM_ROUTER, SIM_LINK, SIM_END, SIM_EVENTS, SIM_HOSTILE, SIM_DATAGRAMS };

/* Who acts when its time has come. First in its owner's struct. */
struct sim_actor {
    struct timer_entry timer;
    enum sim_kind kind;
};

/* A packet on its way, and a queue of them. */
struct sim_packet {
    struct sim_packet *next;
    size_t length;
    bool verified; /* its checksum has been checked on the way */
    uint8_t data[];
};

struct sim_queue {
    struct sim_packet *first, *last;
    unsigned count;
};

struct sim_host;
struct sim_link;
struct sim_flow;
struct sim_hostile;
struct sim_datagrams;
struct sim_watch;
struct sim_capture;

/* Where a node sends what is for another one. */
struct sim_route {
    int link; /* -1: there is no way */
    unsigned direction;
};

struct sim_node {
    struct sim_actor actor;
    struct sim_world *world;
    const struct scenario_node *is;
    unsigned index;
    uint32_t mtu; /* of a host's device: its own, or what its links carry */
    struct address address4, address6;
    struct sim_route *routes; /* by node */
    struct sim_queue arrived; /* of a router */
    struct sim_host *host;    /* or NULL */
};

struct sim_world {
    struct scenario scenario;
    struct tunny_world_config config; /* its texts are the caller's */
    uint64_t seed;
    struct random random; /* of hostile packets */
    struct instant now;
    struct memory memory; /* of the heap */
    struct timer_heap heap;
    struct sim_node *nodes;
    struct sim_link *links;
    struct sim_flow *flows;
    struct sim_hostile *hostiles;
    struct sim_datagrams *datagrams;
    struct sim_actor events;
    unsigned next_event;
    unsigned open_ends;          /* users that have not ended */
    unsigned busy_others;        /* hostiles and senders of datagrams that have not ended */
    uint64_t marks;              /* by routers */
    uint32_t mtu;                /* the largest of all nodes */
    struct sim_capture *capture; /* or NULL */
    struct sim_watch *watch;     /* or NULL */
    uint64_t steps, packets;     /* so far; packets: sent by hosts, as on the wire */
    unsigned idle_steps;         /* since the clock last moved */
    char failure[SIM_FAILURE_SIZE];
    uint8_t pattern[SIM_PATTERN_PERIOD + PACKET_LARGEST + 1];
    uint8_t wire[PACKET_LARGEST]; /* one packet at a time */
    uint8_t flat[PACKET_LARGEST];
    uint8_t text[PACKET_LARGEST]; /* what a user reads */
};

/* The actor acts at `when`, not before now; INSTANT_NEVER: not by itself. */
void sim_schedule(struct sim_world *world, struct sim_actor *actor, struct instant when);

/* What must not be was seen: the first such sentence is kept, and the world stops. */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim_world *world, const char *format,
                                                    ...);

/* How many packets were marked (ECN) on their way so far. */
uint64_t sim_marks(const struct sim_world *world);

/* --- packets ---------------------------------------------------------------------------------- */

/* A copy at the end of the queue. */
void sim_queue_add(struct sim_queue *queue, struct bytes packet, bool verified);
/* The oldest packet, now the caller's to free(); NULL: none. */
struct sim_packet *sim_queue_take(struct sim_queue *queue);
void sim_queue_clear(struct sim_queue *queue);

/* sim_route.c */
int sim_routes_open(struct sim_world *world);
/* The node that has this packet's destination; NULL: nobody. */
struct sim_node *sim_node_of(struct sim_world *world, struct bytes packet);
/* A wire packet leaves a node: over a link, to a hostile one, or lost for want of a way. */
void sim_send(struct sim_node *from, struct bytes packet);
/* A wire packet arrives at a node. */
void sim_arrive(struct sim_node *at, struct bytes packet, bool verified);
/* A router passes on what has arrived. */
void sim_router_run(struct sim_node *router);

#endif
