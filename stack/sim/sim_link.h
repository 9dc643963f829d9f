/* A link of a world: the impairment engine (dev/impair_direction.h), one for each direction, with
 * the specification's own schedule. Called by sim_route.c and sim_world.c. */
#ifndef TUNNY_SIM_SIM_LINK_H
#define TUNNY_SIM_SIM_LINK_H

#include "dev/impair_direction.h"
#include "sim/sim_world.h"

enum { SIM_LINK_HISTORY = 64 };

/* A packet that once passed, for replays. */
struct sim_past {
    struct sim_packet *packet; /* or NULL */
    unsigned direction;
};

struct sim_link {
    struct sim_actor actor;
    struct sim_world *world;
    const struct scenario_link *is;
    struct impair_specification specification;
    struct impair_direction directions[IMPAIR_DIRECTIONS]; /* 0: from the first end to the second */
    struct impair_watcher watcher;
    unsigned next_change;
    const char *fate; /* of the packet that is being offered, when it is known at once */
    bool keeps_history;
    struct sim_past past[SIM_LINK_HISTORY];
    uint64_t past_count;
};

/* 0; -EINVAL with a sentence in `error`; -ENOMEM. */
int sim_link_open(struct sim_link *link, struct sim_world *world, const struct scenario_link *is,
                  char *error, size_t error_size);
void sim_link_close(struct sim_link *link);
/* A packet enters at one end. */
void sim_link_offer(struct sim_link *link, unsigned direction, struct bytes packet);
/* What is due arrives at the other end. */
void sim_link_run(struct sim_link *link);
/* The last `count` packets that entered enter again. */
void sim_link_replay(struct sim_link *link, unsigned count);

#endif
