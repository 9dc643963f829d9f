/* The engine of an impaired link, one direction: what Linux's netem does to each packet, in the
 * order in which it does it, with the generator and the integer arithmetic that it has. The same
 * options and the same seed decide the same fates. What the kernel leaves to chance besides its
 * seed (the bit that is damaged, slots without a table, the first value of a correlated series) a
 * generator seeded alike decides here. Called by the impairing device and tools; sees packets of
 * the wire only, and time as its callers tell it. */
#ifndef TUNNY_DEV_NETEM_H
#define TUNNY_DEV_NETEM_H

#include "base/random.h"
#include "dev/netem_config.h"
#include "dev/netem_queue.h"
#include "dev/netem_random.h"

enum netem_outcome {
    NETEM_DELAYED, /* leaves at `due`; also when that is now */
    NETEM_AT_ONCE, /* overtakes all that wait */
    NETEM_LOST,
    NETEM_OVERLIMIT, /* lost because too many packets are held */
};

struct netem_fate {
    enum netem_outcome outcome;
    bool clone; /* this is the second of two */
    bool marked;
    bool corrupted;
    uint32_t bit; /* which bit is turned over, from the first byte's lowest */
    struct instant due;
};

struct netem_counts {
    uint64_t packets, lost, duplicated, reordered, corrupted, delayed, overlimit, ecn_marked;
};

struct netem {
    struct netem_config config;
    uint32_t limit; /* config.limit, or what memory allows */
    struct netem_random random;
    struct random unseeded; /* for what the kernel does not seed */
    struct netem_series delay_series, loss_series, corrupt_series, duplicate_series, reorder_series;
    unsigned loss_state;    /* of the models: 1 at first */
    uint32_t since_reorder; /* packets delayed after the last that was reordered */
    struct instant slot_next;
    int64_t slot_packets_left, slot_bytes_left;
    struct netem_queue queue;
    uint32_t held; /* the entry that was dequeued last */
    struct netem_counts counts;
};

/* Takes memory for up to `limit_most` (and config->limit) packets of at most `largest` bytes. The
 * config's tables must live as long. 0 or -ENOMEM. */
int netem_open(struct netem *netem, const struct netem_config *config, uint64_t seed,
               uint32_t limit_most, size_t largest);
void netem_close(struct netem *netem);
/* Other options from now on; what is queued stays as it is, a new seed starts the generator anew.
 */
void netem_change(struct netem *netem, const struct netem_config *config, struct instant now);

/* What came: a whole packet of the wire with complete checksums. */
struct netem_arrival {
    struct bytes packet;
    uint64_t number;    /* comes out again with the packet */
    bool verified;      /* comes out again unless the packet is damaged or marked */
    struct instant due; /* out only: when it was to leave */
};

/* Decides and queues a copy. The fates of one packet or, when it is doubled, of both; returns how
 * many. fates[0] is the original's; the clone went before it. */
unsigned netem_enqueue(struct netem *netem, const struct netem_arrival *arrival, struct instant now,
                       struct netem_fate fates[2]);
/* Queues a copy with a fate that is known; draws nothing. */
void netem_enqueue_decided(struct netem *netem, const struct netem_arrival *arrival,
                           struct instant now, const struct netem_fate *fate);

/* The next packet whose time has come; its bytes stay until the next call. As in the kernel it is
 * to be called after every enqueue: slots are drawn here. */
bool netem_dequeue(struct netem *netem, struct instant now, struct netem_arrival *packet);
/* When netem_dequeue() will have something, or INSTANT_NEVER. */
struct instant netem_deadline(const struct netem *netem);

/* Whether the IP header says that the packet may be marked, or is (RFC 3168, 5). */
bool netem_ecn_capable(struct bytes packet);
/* Sets Congestion Experienced, and the IPv4 header checksum with it. */
void netem_ecn_mark(uint8_t *packet, size_t length);

#endif
