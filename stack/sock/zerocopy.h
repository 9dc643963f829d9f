/* MSG_ZEROCOPY's bookkeeping (Linux's interface): each send of a socket has a number, and the user
 * is told when its text is acknowledged, so that the memory may be used again. This stack copies
 * the text when it takes it, and says so; the numbers are told all the same, in order and as
 * ranges. A leaf, called by sock_tcp.c. */
#ifndef TUNNY_SOCK_ZEROCOPY_H
#define TUNNY_SOCK_ZEROCOPY_H

#include <stdbool.h>

#include "base/seq.h"

enum { ZEROCOPY_PENDING = 16 };

struct zerocopy {
    uint32_t next; /* the number of the next send */
    uint32_t told; /* numbers below were told */
    /* Ends of sends that were not told, the oldest first; when there are too many the last ones are
     * told together. */
    struct {
        seqno end;
        uint32_t last; /* the number of the last send that ends there */
    } pending[ZEROCOPY_PENDING];
    unsigned count;
};

/* A send took text, which ends at `end`. */
void zerocopy_sent(struct zerocopy *zerocopy, seqno end);
/* Something below `una` was not told yet. */
bool zerocopy_ready(const struct zerocopy *zerocopy, seqno una);
/* Tells the numbers from *first to *last, whose text is acknowledged. False: none. */
bool zerocopy_tell(struct zerocopy *zerocopy, seqno una, uint32_t *first, uint32_t *last);

#endif
