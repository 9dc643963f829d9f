/* Two whole stacks back to back in virtual time, one thread: while a blocking call on one of them
 * waits, the other one runs, and the application that a test put on it. Nothing sleeps; when nobody
 * has anything to do the clock jumps to the next deadline. */
#ifndef TUNNY_TESTS_STACK_WORLD_H
#define TUNNY_TESTS_STACK_WORLD_H

#include "socket.h"
#include "stack.h"

struct stack_world;

struct world_side {
    struct stack_world *world;
    unsigned index;
    struct tunny *stack;
    struct device *device;
    void (*application)(struct tunny *stack, void *context); /* never blocks; NULL: none */
    void *context;
};

struct stack_world {
    struct instant now;
    struct world_side side[2];
    uint64_t jumps; /* of the clock */
};

struct world_setup {
    uint32_t mtu;          /* 0: 1500 */
    uint32_t largest;      /* super-segments; 0: none, checksums in full */
    uint32_t queue;        /* packets each way; 0: 1024 */
    const char *impair[2]; /* of each side's device; NULL: none */
    uint32_t swallows;     /* packets larger than this vanish without a word; 0: none do */
    bool lands;            /* the devices read to where they are told (device.landing) */
    const char *setting;   /* of both stacks; NULL: none */
    int64_t value;         /* its value */
    uint64_t seed;
    uint64_t memory;
    const char *resolver; /* of side 0 */
};

/* Side 0 is 10.0.0.1/24 and fd00::1/64, side 1 is 10.0.0.2/24 and fd00::2/64. Fails the test when
 * anything does. */
void world_open(struct stack_world *world, const struct world_setup *setup);
/* Destroys both stacks, which CHECK that nothing of their memory is lost. */
void world_close(struct stack_world *world);
/* Packets that were read to where the devices were told, since world_open(). */
extern uint64_t world_landed;
/* Lets both run until this much virtual time has passed. */
void world_run(struct stack_world *world, struct duration time);

/* sockaddr of a side, by family. */
struct world_name {
    struct sockaddr_storage name;
    socklen_t length;
};
struct world_name world_name(unsigned index, int family, uint16_t port);

/* A listening socket, non-blocking, on a side. */
int world_listen(struct stack_world *world, unsigned index, int family, uint16_t port);
/* A connection from side 0 to a listener on side 1: both ends, blocking; the listener is closed. */
void world_connect(struct stack_world *world, int family, int ends[2]);

#endif
