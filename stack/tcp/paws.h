/* Timestamps (RFC 7323): TS.Recent, the test against old duplicates, and our own clock. A leaf. */
#ifndef TUNNY_TCP_PAWS_H
#define TUNNY_TCP_PAWS_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"

struct paws {
    uint32_t recent;          /* TS.Recent */
    struct instant recent_at; /* when it was set */
    uint32_t offset; /* of our clock: unpredictable, one for each pair of endpoints (7.1) */
    bool enabled;    /* Snd.TS.OK: agreed on in the handshake */
};

/* Our TSval at `now`: milliseconds, so that 2^31 ticks outlast any segment (R7323-15, 22). */
static inline uint32_t paws_clock(const struct paws *paws, struct instant now)
{
    return (uint32_t)(now.ns / 1000000) + paws->offset;
}

/* The TSval is older than TS.Recent, and TS.Recent is not older than 24 days (5.3, 5.5). */
bool paws_is_old(const struct paws *paws, uint32_t ts_val, struct instant now);
/* 4.3: takes `ts_val` over when SEG.SEQ <= Last.ACK.sent and it is not older. */
void paws_update(struct paws *paws, uint32_t ts_val, seqno seq, seqno last_ack_sent,
                 struct instant now);
/* The round trip that a TSecr tells, with the clock's granularity; negative when it is nonsense
 * (not ours, from the future). */
struct duration paws_round_trip(const struct paws *paws, uint32_t ts_ecr, struct instant now);

#endif
