/* Losses by script, which netem does not have: "the third packet", "the first SYN", a picture of 64
 * bits. Scripted packets never reach netem and take none of its draws. Used by impair_spec.c and
 * impair_direction.c. */
#ifndef TUNNY_DEV_IMPAIR_SCRIPT_H
#define TUNNY_DEV_IMPAIR_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum impair_kind {
    IMPAIR_ANY, /* every packet */
    IMPAIR_SYN, /* SYN set, SYN-ACK too */
    IMPAIR_FIN,
    IMPAIR_RST,
    IMPAIR_DATA, /* TCP with text */
    IMPAIR_ACK,  /* TCP without text, SYN, FIN and RST */
    IMPAIR_SACK, /* with SACK blocks */
    IMPAIR_KINDS,
};

/* The first-th to last-th packet of a kind, counted from 1 in this direction. */
struct impair_range {
    enum impair_kind kind;
    uint64_t first, last;
};

enum { IMPAIR_RANGES = 64 };

struct impair_script {
    struct impair_range ranges[IMPAIR_RANGES];
    unsigned count;
    bool has_mask;
    uint64_t mask; /* bit (n - 1) mod 64 set: the n-th packet is lost */
};

struct impair_script_state {
    uint64_t seen[IMPAIR_KINDS];
};

/* Adds "3,7,20-25", "syn#1", "data#5-9,fin#1", "#3". 0; -EINVAL; -E2BIG: more than 64 ranges. */
int impair_script_add(struct impair_script *script, const char *list);
/* Whether a word is such a list, and not a probability as tc's `drop` (that is: loss) has it. */
bool impair_script_is_list(const char *word);
/* Counts the packet; whether the script loses it. */
bool impair_script_loses(const struct impair_script *script, struct impair_script_state *state,
                         struct bytes packet);
/* The kinds that a packet is of, one bit each. */
unsigned impair_kinds_of(struct bytes packet);
/* " drop 3,7,20-25 mask 0x5", "" for an empty script. Returns the length that was wanted. */
size_t impair_script_text(const struct impair_script *script, char *text, size_t size);

#endif
