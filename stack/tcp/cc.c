/* The list of congestion control algorithms, and the pieces of RFC 5681 that they share. See cc.h.
 */
#include "tcp/cc.h"

#include <string.h>

#include "base/check.h"

static const struct cc_ops *const algorithms[] = {
#define CC_ALGORITHM(name) &cc_##name,
#include "tcp/cc.def"
#undef CC_ALGORITHM
};

enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

const struct cc_ops *cc_find(const char *name)
{
    for (unsigned i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

const char *cc_name(unsigned index)
{
    return index < ALGORITHMS ? algorithms[index]->name : NULL;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

void cc_set_cwnd(struct cc *cc, uint64_t bytes)
{
    cc->cwnd = at_most(at_least(bytes, cc->smss), CC_CWND_MAX);
}

/* Not RFC 6928, 2: ten segments of whatever size, not min(10 MSS, max(2 MSS, 14600)), because Linux
 * sends ten, and peers and paths are used to it. Up to an MSS of 1460 the two are the same
 * (R6928-01). */
void cc_start(struct cc *cc, const struct cc_ops *ops, uint32_t smss, uint32_t initial_segments,
              struct instant now)
{
    CHECK(smss > 0);
    *cc = (struct cc){
        .ops = ops, .smss = smss, .ssthresh = CC_SSTHRESH_INFINITE, .restart_after_idle = true};
    cc_set_cwnd(cc, (uint64_t)initial_segments * smss);
    cc->initial_cwnd = (uint32_t)cc->cwnd;
    ops->init(cc, now);
}

void cc_switch(struct cc *cc, const struct cc_ops *ops, struct instant now)
{
    cc->ops = ops;
    cc->pacing_rate = 0;
    cc->prior_cwnd = 0;
    cc->prior_ssthresh = 0;
    memset(cc->private, 0, sizeof cc->private);
    ops->init(cc, now);
}

static uint64_t rescale(uint64_t bytes, uint32_t from, uint32_t to)
{
    return (uint64_t)((unsigned __int128)bytes * to / from);
}

/* As cwnd, or the change would throw the connection back into slow start. */
static uint64_t rescale_ssthresh(const struct cc *cc, uint64_t ssthresh, uint32_t from)
{
    if (ssthresh == CC_SSTHRESH_INFINITE)
        return ssthresh;
    return cc_ssthresh_floor(cc, rescale(ssthresh, from, cc->smss));
}

void cc_set_smss(struct cc *cc, uint32_t smss)
{
    uint32_t before = cc->smss;

    CHECK(smss > 0);
    cc->smss = smss;
    cc_set_cwnd(cc, rescale(cc->cwnd, before, smss));
    cc->initial_cwnd = (uint32_t)at_most(at_least(rescale(cc->initial_cwnd, before, smss), smss),
                                         CC_CWND_MAX);
    cc->ssthresh = rescale_ssthresh(cc, cc->ssthresh, before);
    cc->prior_cwnd = rescale(cc->prior_cwnd, before, smss);
    cc->prior_ssthresh = rescale_ssthresh(cc, cc->prior_ssthresh, before);
}

uint64_t cc_countable(const struct cc_ack *ack)
{
    if (ack->in_recovery || !ack->cwnd_limited || (ack->acked == 0 && !ack->reordered))
        return 0;
    return ack->delivered;
}

/* Not RFC 5681, 3.1 (R5681-01): growth is by the bytes acknowledged, however many one ACK covers,
 * not SMSS an ACK: because receivers that coalesce segments acknowledge 64 KB at once, and would be
 * starved. What the limit guards against is met otherwise: an ACK that is split gains nothing (RFC
 * 3465), pacing takes the place of the ACK clock in spreading the burst (RFC 9406, 4.3, lifts its L
 * for the same reason), and an ACK for what was SACKed long ago counts only what is new. */
uint64_t cc_slow_start(struct cc *cc, uint64_t acked)
{
    uint64_t room = cc->ssthresh > cc->cwnd ? cc->ssthresh - cc->cwnd : 0;
    uint64_t step = at_most(acked, room);

    cc_set_cwnd(cc, cc->cwnd + at_most(step, CC_CWND_MAX));
    return acked - step;
}

void cc_congestion_avoidance(struct cc *cc, uint64_t *counted, uint64_t acked)
{
    *counted += at_most(acked, CC_CWND_MAX);
    if (*counted < cc->cwnd)
        return;
    *counted = at_most(*counted - cc->cwnd, cc->cwnd);
    cc_set_cwnd(cc, cc->cwnd + cc->smss);
}

uint64_t cc_ssthresh_floor(const struct cc *cc, uint64_t bytes)
{
    return at_least(bytes, 2 * (uint64_t)cc->smss);
}

static void remember(struct cc *cc)
{
    cc->prior_cwnd = cc->cwnd;
    cc->prior_ssthresh = cc->ssthresh;
}

void cc_restore(struct cc *cc, struct instant now)
{
    (void)now;
    cc_set_cwnd(cc, at_least(cc->cwnd, cc->prior_cwnd));
    cc->ssthresh = at_least(cc->ssthresh, cc->prior_ssthresh);
}

void cc_reduce(struct cc *cc, uint64_t bytes, enum cc_cause cause)
{
    remember(cc);
    cc->ssthresh = cc_ssthresh_floor(cc, bytes);
    /* RFC 3168, 6.1.2; RFC 9438, 4.6: marks that go on take cwnd down to 1 SMSS. PRR ends at
     * ssthresh, so that this last step is taken here. */
    if (cause == CC_CAUSE_ECN && bytes < cc->ssthresh)
        cc_set_cwnd(cc, at_most(cc->cwnd, bytes));
}

void cc_collapse(struct cc *cc, uint64_t bytes)
{
    remember(cc);
    cc->ssthresh = cc_ssthresh_floor(cc, bytes);
    cc->cwnd = cc->smss;
}

/* RFC 7661, 4.4.3: after five minutes without validation ssthresh = max(ssthresh, 3/4 cwnd), cwnd =
 * max(cwnd / 2, IW). An idle time of several such periods halves several times. */
static void restart_slowly(struct cc *cc, struct duration idle)
{
    static const int64_t validity_s = 300;
    int64_t periods = idle.ns / duration_s(validity_s).ns;

    while (periods-- > 0 && cc->cwnd > cc->initial_cwnd) {
        cc->ssthresh = at_least(cc->ssthresh, cc->cwnd / 4 * 3);
        cc_set_cwnd(cc, at_least(cc->cwnd / 2, cc->initial_cwnd));
    }
}

void cc_restart(struct cc *cc, struct duration idle, struct duration rto, struct instant now)
{
    (void)now;
    if (!cc->restart_after_idle) {
        restart_slowly(cc, idle);
        return;
    }
    if (idle.ns <= rto.ns || cc->cwnd <= cc->initial_cwnd)
        return;
    /* What the path bore is where slow start may go back to at once (RFC 7661, 4.4.3). */
    cc->ssthresh = at_least(cc->ssthresh, cc->cwnd / 4 * 3);
    cc->cwnd = cc->initial_cwnd;
}
