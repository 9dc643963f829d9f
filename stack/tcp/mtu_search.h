/* The search for the largest packet that a path carries, by trying (RFC 4821, 7; RFC 8899, 5): what
 * is known to arrive, what may arrive at most, what is being tried, and when to try again. A leaf
 * without a clock: it sends nothing and knows no connection; sizes are bytes of IP packets. Called
 * by tcp_mtu.c. */
#ifndef TUNNY_TCP_MTU_SEARCH_H
#define TUNNY_TCP_MTU_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct mtu_search {
    bool on;
    uint8_t doubts;       /* probes of this size that told nothing */
    uint32_t low;         /* packets of this size arrive: what is used */
    uint32_t high;        /* larger ones do not, as far as is known */
    uint32_t most;        /* the device, or the peer, takes no more */
    uint32_t probe;       /* on its way; 0: none */
    struct instant since; /* the last news */
};

/* From `low` upwards, at most to `most`. */
void mtu_search_start(struct mtu_search *search, uint32_t low, uint32_t most, struct instant now);

/* What to try next: the middle of what is left; 0: nothing. When less than `threshold` is left the
 * search is over, until `interval` has passed without news: then it begins again from what is used
 * to `most` (RFC 4821, 7.7; RFC 8899, 5.1.1, PMTU_RAISE_TIMER). */
uint32_t mtu_search_next(const struct mtu_search *search, uint32_t threshold,
                         struct duration interval, struct instant now);

/* It has left. */
void mtu_search_sent(struct mtu_search *search, uint32_t probe);
/* It arrived: packets may be as large. */
void mtu_search_arrived(struct mtu_search *search, struct instant now);
/* It alone was lost, among others that arrived (RFC 4821, 7.6.2). */
void mtu_search_lost(struct mtu_search *search, struct instant now);
/* It was lost with others, or sent again: nothing is known (7.6.3, 7.6.4); the second time that
 * counts as lost, so that a probe does not cost one timeout after another. */
void mtu_search_in_doubt(struct mtu_search *search, struct instant now);

/* A router says that the next hop carries `mtu` only: the search goes no higher (RFC 4821, 7.2;
 * RFC 8899, 4.6.2). Whether the probe on its way is larger, and lost. */
bool mtu_search_bounded(struct mtu_search *search, uint32_t mtu, struct instant now);
/* Packets in use do not arrive any more: down to `low` (RFC 4821, 7.8; RFC 8899, 4.3). */
void mtu_search_fall(struct mtu_search *search, uint32_t low, struct instant now);

#endif
