/* The inside of a stack, for those of its own rank and above: the public calls, the simulator, the
 * drill and tests. Not for applications, which have tunny.h and socket.h. */
#ifndef TUNNY_STACK_H
#define TUNNY_STACK_H

#include "base/memory.h"
#include "base/siphash.h"
#include "dev/dev.h"
#include "ip/ip.h"
#include "landing.h"
#include "loopback.h"
#include "sock/sock.h"
#include "tcp/tcp.h"
#include "trace/line_sink.h"
#include "trace/trace.h"
#include "tunny.h"
#include "udp/udp.h"

/* Where time comes from. Real stacks have dev/clock.h behind it, simulations their own. */
struct stack_clock {
    struct instant (*now)(void *context);
    /* Sleeps until one of the descriptors is readable or `until` has come. 0; -EINTR; or another
     * error, which ends the blocking call that waits (a simulation in which nothing will ever
     * happen again says -EDEADLK). */
    int (*wait)(void *context, const int *descriptors, unsigned count, struct instant until);
    /* This descriptor is readable now. NULL: no descriptor ever is. */
    bool (*readable)(void *context, int descriptor);
    void *context;
    int64_t epoch_ns; /* wall-clock time at instant 0 */
};

enum {
    STACK_HEAD_ROOM = 128, /* IP and TCP header in front of borrowed text */
    STACK_READS_A_ROUND = 256,
    STACK_SENDS_A_ROUND = 32,       /* then the device is read again: ACKs keep the window moving */
    STACK_ROUNDS_A_TURN = 64,       /* then whoever runs the stack gets a say */
    STACK_BYTES_A_TURN = 512 << 10, /* likewise: what was received is still in the processor's cache
                                       when the user takes it, and fits a small ring */
};

/* What is on its way out (stack_send.c). */
struct stack_output {
    uint8_t head[STACK_HEAD_ROOM];
    uint8_t *flat; /* PACKET_LARGEST bytes: a fragment, or the packet that the device refused */
    struct packet pending; /* count > 0: refused, lies in `flat`, goes first */
    uint32_t fragment_id;  /* of the datagram that is being cut */
    unsigned fragments;    /* of it are out; 0: none begun */
};

/* Somebody else behind our addresses (guest_calls.c). */
struct stack_guest {
    bool attached;
    struct loopback in;            /* to it */
    struct loopback out;           /* from it */
    const struct packet *arriving; /* what the device handed over last */
};

struct tunny {
    struct memory memory;
    struct trace trace;
    struct line_sink lines;
    struct stack_clock clock;
    struct device *device;  /* what the stack reads and writes: the outermost */
    struct device *wire;    /* the innermost */
    struct device *impair;  /* in between, or NULL */
    struct device *capture; /* or NULL */
    uint64_t lies;          /* of the wire, counted as drops so far */
    char interface[32];
    struct tcp *tcp;
    struct udp *udp;
    struct ip *ip;
    struct sockets sockets;
    struct loopback loopback;
    struct landing landing;
    struct stack_guest guest;
    struct stack_output output;
    struct siphash_key secret;
    uint64_t seed;
    uint64_t names_asked;     /* makes each query's id another one */
    struct endpoint resolver; /* port 0: from the system's files */
    struct instant last_turn;
    struct instant last_packet; /* since about when no packet has come or gone (busy polling) */
    uint64_t packets;           /* that the wire had carried by then, both ways */
    unsigned undrained;         /* rounds since the device had no more */
    bool more;                  /* the last turn ended before everything was done */
    int failure;                /* the device's last word, 0: it lives */
};

/* Makes a stack over any device, which it takes over (also on failure), with any clock. `secret` is
 * the key of ISNs, ports, cookies and tables: fixed in simulations. config->device is not looked
 * at. 0 or a negative errno and one sentence in `error`. */
int stack_create_over(const struct tunny_config *config, struct device *device,
                      const struct stack_clock *clock, const struct siphash_key *secret,
                      struct tunny **stack, char *error, size_t error_size);

/* One turn of the loop: reads all that is there, lets timers act, sends all that may be sent. 0 or
 * the device's failure. */
int stack_turn(struct tunny *stack);
/* Sends what may be sent, without reading: after each call that owes something. */
void stack_flush(struct tunny *stack);
/* Busy polling: traffic was so recent that the device is looked at again instead of sleeping. */
bool stack_keeps_looking(const struct tunny *stack);
/* When the next turn has something to do although no packet came. */
struct instant stack_deadline(const struct tunny *stack);

/* stack_send.c: sends one packet, whoever owes it: false when nobody has any or the device is full.
 */
bool stack_send_next(struct tunny *stack, struct instant now);

/* guest_calls.c. A datagram that no socket took: false when it is not the guest's either. */
bool stack_guest_takes(struct tunny *stack, const struct ip_datagram *datagram);
/* An ICMP message that may be the guest's, who is attached; empty: none. */
void stack_guest_hears(struct tunny *stack, struct bytes packet);

static inline struct instant stack_now(const struct tunny *stack)
{
    return stack->clock.now(stack->clock.context);
}

/* --- waiting (stack_wait.c) --------------------------------------------------------------------
 */

/* One blocking call's patience. */
struct stack_patience {
    struct instant until;
    int expired; /* what the call says then */
    int also;    /* a descriptor of the system to wait for too; -1: none */
    bool turned; /* everything that was there has been looked at */
    int over;    /* what ends the wait, once the call has been tried a last time; 0: nothing yet */
};

/* Waits for something to happen, and lets it happen. 0: try again; `expired`, -EINTR, or the
 * device's failure. */
int stack_wait(struct tunny *stack, struct stack_patience *patience);

#endif
