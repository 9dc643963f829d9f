/* One direction of an impaired link: wire packets in, wire packets out when their time has come.
 * The order is: the schedule's "down", the script, the bottleneck queue, netem; or, when fates are
 * repeated, the recording alone. Used by impair.c; knows no device. */
#ifndef TUNNY_DEV_IMPAIR_DIRECTION_H
#define TUNNY_DEV_IMPAIR_DIRECTION_H

#include "dev/impair_log.h"
#include "dev/impair_queue.h"
#include "dev/impair_script.h"
#include "dev/impair_spec.h"
#include "dev/netem.h"

enum impair_cause {
    IMPAIR_BY_NETEM,
    IMPAIR_BY_SCRIPT,     /* drop and mask */
    IMPAIR_BY_DOWN,       /* the link was down */
    IMPAIR_BY_FULL_QUEUE, /* of the bottleneck */
    IMPAIR_BY_CODEL,
    IMPAIR_BY_RECORDING,
};

struct impair_verdict {
    struct impair_log_line line;
    enum impair_cause cause;
    struct bytes packet; /* as it came; valid during the call */
};

/* Told of every fate: of a packet that is doubled twice, of the second copy first. */
struct impair_watcher {
    void (*fate)(struct impair_watcher *watcher, const struct impair_verdict *verdict);
};

struct impair_direction {
    unsigned index; /* IMPAIR_OUT, IMPAIR_IN */
    const struct impair_side *side;
    struct impair_watcher *watcher;
    struct impair_recording *recording; /* NULL: fates are decided */
    struct impair_script_state script;
    struct impair_queue queue;
    struct netem netem;
    size_t largest; /* bytes of a packet */
    bool down;
    uint64_t packets; /* that came */
    uint64_t lost;    /* by schedule and script */
    uint64_t dropped; /* by the bottleneck */
};

/* Memory for what the side and the changes of the schedule ask for; `largest`: bytes of a packet.
 * 0 or -ENOMEM. */
int impair_direction_open(struct impair_direction *direction, unsigned index,
                          const struct impair_specification *specification,
                          struct impair_recording *recording, struct impair_watcher *watcher,
                          size_t largest);
void impair_direction_close(struct impair_direction *direction);
/* Another side from now on, which must live as long: what is held stays on its way as it was
 * decided, scripts count anew, a seed that is not named goes on. Not while fates are repeated.
 * 0, or -ENOMEM with nothing changed. */
int impair_direction_replace(struct impair_direction *direction, const struct impair_side *side,
                             struct instant now);
/* Whether everything that comes now passes as it is, and nothing is held that it would overtake. */
bool impair_direction_is_plain(const struct impair_direction *direction);
/* A change of the schedule. */
void impair_direction_change(struct impair_direction *direction, const struct impair_change *change,
                             struct instant now);
/* A packet comes: its fate is decided, a copy kept where it goes on. Call impair_direction_next()
 * until it gives nothing before the next one. */
void impair_direction_offer(struct impair_direction *direction, struct bytes packet, bool verified,
                            struct instant now);
/* The next packet whose time has come; its bytes stay until the next call. */
bool impair_direction_next(struct impair_direction *direction, struct instant now,
                           struct netem_arrival *packet);
/* Packets under way, and their bytes. */
uint64_t impair_direction_held(const struct impair_direction *direction, uint64_t *bytes);
struct instant impair_direction_deadline(const struct impair_direction *direction);
struct netem_counts impair_direction_counts(const struct impair_direction *direction);

#endif
