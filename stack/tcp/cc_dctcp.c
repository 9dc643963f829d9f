/* DCTCP (RFC 8257): the window shrinks by the share of bytes that met a marking queue, not by half.
 * For networks under one administration only: beside conventional flows it takes more than its
 * share (RFC 8257, 1 and 5), so that it is chosen by name and never the default. The rest is
 * Reno's. The receiver's side, exact echoes of marks (3.2), is asked for here and done in
 * tcp_ecn.c. */
#include "tcp/cc.h"

/* 3.3: shares of 1, in fixed point. Fine enough that the gain of 1/16 still moves a share of
 * 1/65536. */
enum { SHARE_BITS = 20, ONE = 1 << SHARE_BITS, GAIN_SHIFT = 4 };

struct dctcp {
    uint64_t counted;     /* bytes acknowledged towards the next SMSS of congestion avoidance */
    uint64_t bytes_acked; /* DCTCP.BytesAcked and DCTCP.BytesMarked of this observation window */
    uint64_t bytes_marked;
    seqno window_end; /* DCTCP.WindowEnd */
    uint32_t alpha;   /* DCTCP.Alpha, in 1 / ONE */
};

static struct dctcp *own(struct cc *cc)
{
    return CC_PRIVATE(cc, struct dctcp);
}

/* 4.2: Alpha begins at 1, so that the first mark halves as it would anywhere. */
static void dctcp_init(struct cc *cc, struct instant now)
{
    (void)now;
    *own(cc) = (struct dctcp){.alpha = ONE};
}

static uint64_t marked_of(const struct cc_ack *ack)
{
    uint64_t marked = ack->ce_marked;

    /* Without accurate ECN an ACK says yes or no for all that it covers (3.3, step 3). */
    if (marked == 0 && ack->ece)
        return ack->delivered;
    return marked < ack->delivered ? marked : ack->delivered;
}

/* 3.3, steps 5 to 8: Alpha = Alpha (1 - g) + g M at the end of each window. */
static void end_window(struct dctcp *dctcp, seqno nxt)
{
    if (dctcp->bytes_acked > 0) {
        uint32_t m = (uint32_t)((unsigned __int128)dctcp->bytes_marked * ONE / dctcp->bytes_acked);
        dctcp->alpha = dctcp->alpha - (dctcp->alpha >> GAIN_SHIFT) + (m >> GAIN_SHIFT);
        dctcp->alpha = dctcp->alpha < ONE ? dctcp->alpha : ONE;
    }
    dctcp->bytes_acked = 0;
    dctcp->bytes_marked = 0;
    dctcp->window_end = nxt;
}

/* The sums are of one round trip; what a hostile peer claims beyond that is not counted. */
static uint64_t sum(uint64_t so_far, uint64_t more)
{
    return more < CC_CWND_MAX && so_far < CC_CWND_MAX ? so_far + more : CC_CWND_MAX;
}

static void dctcp_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    struct dctcp *dctcp = own(cc);
    uint64_t acked = cc_countable(ack);

    dctcp->bytes_acked = sum(dctcp->bytes_acked, ack->delivered);
    dctcp->bytes_marked = sum(dctcp->bytes_marked, marked_of(ack));
    if (ack->una >= dctcp->window_end)
        end_window(dctcp, ack->nxt);
    if (cc_in_slow_start(cc))
        acked = cc_slow_start(cc, acked);
    if (acked)
        cc_congestion_avoidance(cc, &dctcp->counted, acked);
}

static void dctcp_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    struct dctcp *dctcp = own(cc);
    uint64_t left = loss->flight /
                    2; /* 3.4: loss is answered as by any TCP, and says nothing of Alpha */

    dctcp->counted = 0;
    /* 3.3, step 9: cwnd = cwnd (1 - Alpha / 2). Once a window: recovery.c sees to that. */
    if (loss->cause == CC_CAUSE_ECN)
        left = cc->cwnd - cc->cwnd * dctcp->alpha / (2 * ONE);
    cc_reduce(cc, left, loss->cause);
}

static void dctcp_on_recovered(struct cc *cc, struct instant now)
{
    (void)now;
    own(cc)->counted = 0;
}

static void dctcp_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    own(cc)->counted = 0;
    cc_collapse(cc, loss->flight / 2);
}

const struct cc_ops cc_dctcp = {
    .name = "dctcp",
    .echoes_exactly = true,
    .init = dctcp_init,
    .on_ack = dctcp_on_ack,
    .on_loss = dctcp_on_loss,
    .on_recovered = dctcp_on_recovered,
    .on_timeout = dctcp_on_timeout,
    .on_undo = cc_restore,
    .on_idle = cc_restart,
};
