/* What one direction of a link is told to do: the options of tc-netem(8) as the kernel counts them,
 * and their text. Filled in by netem_parse.c, obeyed by netem.c; the kernel's own qdisc could be
 * configured from it field by field. */
#ifndef TUNNY_DEV_NETEM_CONFIG_H
#define TUNNY_DEV_NETEM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "dev/netem_tables.h"

/* Probabilities count in 1/(2^32 - 1) throughout. */
struct netem_event {
    uint32_t probability;
    uint32_t correlation;
};

enum netem_loss_model {
    NETEM_LOSS_NONE,
    NETEM_LOSS_RANDOM,
    NETEM_LOSS_STATE,
    NETEM_LOSS_GEMODEL,
};

/* Chances to change between 1 good, 2 good within a burst, 3 lost in a burst, 4 lost alone. */
struct netem_loss_state {
    uint32_t p13, p31, p32, p23, p14;
};

/* Gilbert and Elliot: p good to bad, r bad to good, h arrives although bad, k1 lost although good.
 */
struct netem_loss_gemodel {
    uint32_t p, r, h, k1;
};

struct netem_slot {
    bool on;
    const struct netem_table *table; /* NULL: uniform between shortest and longest */
    struct duration shortest, longest;
    struct duration delay, jitter; /* with a table */
    uint32_t packets, bytes;       /* what one slot lets through; 0: no bound */
};

struct netem_config {
    uint32_t limit; /* packets held */
    struct duration delay, jitter;
    uint32_t delay_correlation;
    const struct netem_table *table; /* NULL: uniform */
    enum netem_loss_model loss_model;
    struct netem_event loss;
    struct netem_loss_state state;
    struct netem_loss_gemodel gemodel;
    bool ecn; /* mark instead of lose where the packet allows it */
    struct netem_event corrupt, duplicate, reorder;
    uint32_t gap;
    uint64_t rate;    /* bytes a second; 0: no bound */
    int32_t overhead; /* bytes added to each packet */
    uint32_t cell;    /* bytes; 0: no cells */
    int32_t cell_overhead;
    struct netem_slot slot;
    bool has_seed;
    uint64_t seed;
};

enum { NETEM_TEXT_SIZE = 1024 };

/* All options off, limit 1000. */
void netem_config_default(struct netem_config *config);
/* Whether it changes no packet and no packet's time. */
bool netem_config_is_plain(const struct netem_config *config);
/* The specification that reads back as exactly this, the seed last; "limit 1000" when nothing is
 * set. Always terminated; returns the length that was wanted. */
size_t netem_config_text(const struct netem_config *config, char *text, size_t size);

#endif
