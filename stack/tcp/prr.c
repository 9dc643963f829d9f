/* Proportional rate reduction (RFC 9937, 6). Called by recovery.c in fast recovery and while ECN
 * shrinks the window; it must not know what is lost, nor how delivery was measured. The RFC sends
 * after each ACK; here many ACKs may be read before anything leaves, so what they let go counts as
 * if it had left: else inflight would seem to fall below ssthresh, and cwnd would fall there at
 * once. */
#include "tcp/prr.h"

void prr_begin(struct prr *prr, uint64_t recover_fs, uint64_t due)
{
    *prr = (struct prr){.recover_fs = recover_fs ? recover_fs : 1, .due = due};
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out (R9937-03); the product has up to 128 bits.
 */
static uint64_t proportional(const struct prr *prr, uint64_t ssthresh)
{
    unsigned __int128 product = (unsigned __int128)prr->delivered * ssthresh;
    unsigned __int128 share = (product + prr->recover_fs - 1) / prr->recover_fs;
    uint64_t most = share > UINT64_MAX ? UINT64_MAX : (uint64_t)share;
    return less(most, prr->out + prr->due);
}

/* PRR-CRB, and PRR-SSRB while recovery makes progress (R9937-04). */
static uint64_t reduction_bound(const struct prr *prr, const struct prr_ack *ack)
{
    uint64_t count = less(prr->delivered, prr->out + prr->due);
    if (count < ack->delivered)
        count = ack->delivered;
    if (ack->safe)
        count += ack->smss;
    uint64_t room = ack->ssthresh - (ack->inflight + prr->due);
    return count < room ? count : room;
}

uint64_t prr_on_ack(struct prr *prr, const struct prr_ack *ack)
{
    uint64_t count = 0;
    prr->delivered += ack->delivered;
    if (ack->inflight + prr->due > ack->ssthresh)
        count = proportional(prr, ack->ssthresh);
    else
        count = reduction_bound(prr, ack);
    prr->due += count;
    /* The first retransmission leaves at once (R9937-05); less than a segment is as good as
     * nothing. */
    if (prr->out == 0 && prr->due < ack->smss)
        prr->due = ack->smss;
    return prr->due;
}

void prr_on_sent(struct prr *prr, uint64_t bytes)
{
    prr->out += bytes;
    prr->due = less(prr->due, bytes);
}
