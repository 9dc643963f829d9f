/* A world as a short text, one line a thing:
 *     seed 7                                         until 1h
 *     host a offload all clock 2^32ms-5s memory 4m set tcp_sack=0
 *     router r bleach
 *     link up a r forward: rate 10mbit queue codel 64k ecn; delay 20ms loss 1%
 *     flow big a > b size 10m reply 1k start 2s cc bbr ipv6 fastopen
 *     datagrams d a > b count 100 size 1200 gap 5ms
 *     at 5s link up down                             at 7s link up delay 50ms
 *     at 6s reset big                                at 6s forge big 1000
 *     at 9s restart b        at 9s starve b 3        at 9s replay up 20
 *     hostile mallory b start 1s packets 500 gap 5ms
 * Text is read here and becomes a struct; what happens is sim_world.c's. tunny-sim(1) has the list
 * of words. Knows no stack. */
#ifndef TUNNY_SIM_SCENARIO_H
#define TUNNY_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    SCENARIO_NAME_SIZE = 24,
    SCENARIO_SPEC_SIZE = 2048,
    SCENARIO_SETTINGS = 16,
    SCENARIO_SETTING_SIZE = 64,
    SCENARIO_NODES = 250,
    SCENARIO_LINKS = 500,
    SCENARIO_FLOWS = 8192,
    SCENARIO_DATAGRAMS = 1000,
    SCENARIO_EVENTS = 1024,
};

/* What a host's device does for its stack. */
enum scenario_offload {
    SCENARIO_OFFLOAD_NONE,     /* wire packets, checksums in full */
    SCENARIO_OFFLOAD_CHECKSUM, /* the device completes checksums */
    SCENARIO_OFFLOAD_SEGMENTS, /* and cuts super-segments */
    SCENARIO_OFFLOAD_ALL,      /* and joins what arrives */
};

struct scenario_node {
    char name[SCENARIO_NAME_SIZE];
    bool router;
    bool bleaches, marks; /* a router that wipes ECN's bits of IP out, or marks every packet */
    enum scenario_offload offload;
    uint32_t mtu;
    uint32_t room;         /* packets that the device takes at one time; 0: any number */
    uint64_t memory;       /* the stack's budget, bytes */
    struct duration clock; /* what the host's clock shows when the world begins */
    char settings[SCENARIO_SETTINGS][SCENARIO_SETTING_SIZE];
    unsigned setting_count;
};

struct scenario_link {
    char name[SCENARIO_NAME_SIZE];
    unsigned ends[2]; /* nodes */
    uint32_t mtu;     /* 0: any */
    bool silent;      /* what is larger is lost without a word */
    char spec[SCENARIO_SPEC_SIZE];
};

enum scenario_leave {
    SCENARIO_STAY,
    SCENARIO_CLOSE,
    SCENARIO_ABORT,
    SCENARIO_DEAF, /* reads no more */
};

/* Side 0 opened the connection, side 1 listened. */
struct scenario_flow {
    char name[SCENARIO_NAME_SIZE];
    unsigned ends[2]; /* nodes */
    uint64_t size[2]; /* bytes that each side sends */
    struct duration start;
    char congestion[16]; /* "": the hosts' default */
    bool ipv6, no_delay, cork;
    bool refused;                 /* nobody listens */
    bool fast_open;               /* the client's text may ride on its SYN */
    bool simultaneous;            /* both sides connect, nobody listens */
    bool zerocopy;                /* sends are told when they are acknowledged */
    struct duration accept;       /* the server takes the connection so long after `start` */
    struct duration user_timeout; /* TCP_USER_TIMEOUT; 0: none */
    uint32_t chunk;               /* bytes of a call that sends */
    uint32_t read;                /* bytes of a call that receives */
    struct duration pause;        /* between two calls that receive */
    uint32_t send_buffer, receive_buffer; /* SO_SNDBUF, SO_RCVBUF; 0: the host's */
    uint64_t calls;                 /* > 0: other calls in an order that this number decides */
    enum scenario_leave leave[2];   /* a side goes before its time */
    struct duration leave_after[2]; /* counted from `start` */
};

/* UDP: the client sends numbered datagrams, the server sends each one back. */
struct scenario_datagrams {
    char name[SCENARIO_NAME_SIZE];
    unsigned ends[2];     /* nodes */
    uint32_t count, size; /* how many, of at most so many bytes */
    struct duration start, gap;
    bool ipv6;
};

enum scenario_act {
    SCENARIO_RESTART,
    SCENARIO_STARVE,
    SCENARIO_REPLAY,
    SCENARIO_RESET, /* somebody on the way resets a flow's client */
};

struct scenario_event {
    struct duration at;
    enum scenario_act act;
    unsigned target; /* a node; for a replay a link, for a reset a flow */
    uint32_t number; /* of a reset: how far from RCV.NXT, which is right */
};

/* Somebody without a stack who sends nonsense. */
struct scenario_hostile {
    char name[SCENARIO_NAME_SIZE];
    unsigned target;
    struct duration start, gap;
    uint32_t packets;
};

struct scenario {
    uint64_t seed;         /* 0: not said */
    struct duration until; /* 0: until every flow has ended */
    struct scenario_node *nodes;
    struct scenario_link *links;
    struct scenario_flow *flows;
    struct scenario_datagrams *datagrams;
    struct scenario_event *events; /* in order of time */
    struct scenario_hostile *hostiles;
    unsigned node_count, link_count, flow_count, datagrams_count, event_count, hostile_count;
};

/* Reads a text. 0; -EINVAL with "line 3: ..." in `error`; -ENOMEM. scenario_free() is due in any
 * case. */
int scenario_parse(const char *text, struct scenario *scenario, char *error, size_t error_size);
void scenario_free(struct scenario *scenario);

#endif
