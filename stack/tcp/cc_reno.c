/* Reno: slow start, congestion avoidance and halving (RFC 5681, 3.1), with byte counting (RFC
 * 3465). What it must not know: how a loss was found, and how cwnd gets to ssthresh. */
#include "tcp/cc.h"

struct reno {
    uint64_t counted; /* bytes acknowledged towards the next SMSS of congestion avoidance */
};

static struct reno *own(struct cc *cc)
{
    return CC_PRIVATE(cc, struct reno);
}

static void reno_init(struct cc *cc, struct instant now)
{
    (void)now;
    own(cc)->counted = 0;
}

static void reno_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    uint64_t acked = cc_countable(ack);

    if (cc_in_slow_start(cc))
        acked = cc_slow_start(cc, acked);
    if (acked)
        cc_congestion_avoidance(cc, &own(cc)->counted, acked);
}

static void reno_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    own(cc)->counted = 0;
    cc_reduce(cc, loss->flight / 2, loss->cause);
}

static void reno_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    own(cc)->counted = 0;
    cc_collapse(cc, loss->flight / 2);
}

const struct cc_ops cc_reno = {
    .name = "reno",
    .init = reno_init,
    .on_ack = reno_on_ack,
    .on_loss = reno_on_loss,
    .on_recovered = reno_init, /* congestion avoidance begins anew */
    .on_timeout = reno_on_timeout,
    .on_undo = cc_restore,
    .on_idle = cc_restart,
};
