/* Detection of spurious retransmissions (RFC 3522, 3.2; RFC 2883, 5). Called by recovery.c; it must
 * not know windows or what is done about it (RFC 4015 is recovery.c's). */
#include "tcp/undo.h"

void undo_begin(struct undo *undo, seqno una)
{
    *undo = (struct undo){.marker = una};
}

void undo_cancel(struct undo *undo)
{
    *undo = (struct undo){.marker = 0};
}

void undo_on_recovery_end(struct undo *undo, seqno nxt)
{
    undo->until = nxt;
    undo->watching = false;
}

void undo_on_retransmission(struct undo *undo, seqno from, uint32_t segments, uint32_t ts)
{
    if (undo->marker == 0 || undo->until != 0)
        return;
    undo->unreported += segments;
    /* RFC 3522, 3.2 steps 2 and 3 (R3522-02): the first retransmission's timestamp is kept. It must
     * be that of the hole at SND.UNA: what stands there may have been sent again in an episode
     * before, and then an earlier echo says nothing. */
    if (!undo->retransmitted) {
        undo->retransmit_ts = ts;
        undo->watching = from == undo->marker;
    }
    undo->retransmitted = true;
}

bool undo_on_dsack(struct undo *undo, seqno right, uint32_t segments)
{
    /* Not compared with SND.UNA (R2883-03); what lies below the marker is not of this episode. */
    if (!undo->retransmitted || undo->unreported == 0 || right <= undo->marker)
        return false;
    undo->unreported = segments < undo->unreported ? undo->unreported - segments : 0;
    return undo->unreported == 0;
}

bool undo_on_advance(struct undo *undo, seqno una, bool has_ts_ecr, uint32_t ts_ecr)
{
    if (undo->until != 0 && una > undo->until)
        undo_cancel(undo);
    if (!undo->watching)
        return false;
    undo->watching = false;
    /* RFC 3522, 3.2 step 5 (R3522-01) */
    return has_ts_ecr && (int32_t)(ts_ecr - undo->retransmit_ts) < 0;
}
