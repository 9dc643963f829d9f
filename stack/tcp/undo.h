/* Was the retransmission needed? Eifel detection by timestamps (RFC 3522) and by D-SACK (RFC 2883,
 * 5; RFC 3708): what must be remembered of a recovery to tell afterwards. A leaf. */
#ifndef TUNNY_TCP_UNDO_H
#define TUNNY_TCP_UNDO_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"

struct undo {
    seqno marker;        /* SND.UNA when the window was reduced; 0: nothing to undo */
    seqno until;         /* after recovery: no undo once SND.UNA is beyond; 0: still in recovery */
    uint32_t unreported; /* retransmitted segments that no D-SACK has reported yet */
    bool retransmitted;  /* something was sent again */
    bool watching;       /* the first acceptable ACK after the retransmission is awaited */
    uint32_t retransmit_ts;  /* RetransmitTS: TSval of the first retransmission */
    struct instant original; /* when that segment was sent for the first time */
};

void undo_begin(struct undo *undo, seqno una);
void undo_cancel(struct undo *undo);
/* Recovery ended; D-SACKs may still tell until `nxt` is acknowledged. */
void undo_on_recovery_end(struct undo *undo, seqno nxt);

/* `segments` from `from` on were sent again, with `ts` as TSval. */
void undo_on_retransmission(struct undo *undo, seqno from, uint32_t segments, uint32_t ts);

/* A D-SACK for [left, right), `segments` wire packets. true: all that was sent again has now been
 * reported as duplicate. */
bool undo_on_dsack(struct undo *undo, seqno right, uint32_t segments);
/* SND.UNA advanced; `ts_ecr` when the ACK echoes a timestamp. true: the ACK was caused by the
 * original transmission. Answers for the first ACK only. */
bool undo_on_advance(struct undo *undo, seqno una, bool has_ts_ecr, uint32_t ts_ecr);

#endif
