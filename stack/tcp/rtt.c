/* Round-trip times and the retransmission timeout: RFC 6298 with the smoothing of RFC 7323,
 * appendix G, and the adaptation of RFC 4015, 3.2. Called when an ACK measures a round trip and
 * when the retransmission timer is set or expires. It must not know what a segment or a connection
 * is: whether a sample may be taken (Karn) is decided by the caller. */
#include "tcp/rtt.h"

#include "base/check.h"

enum {
    MIN_HALF_WINDOW_S = 150, /* the minimum is over one to two of these */
    BACKOFF_MOST = 62,       /* a larger shift would leave 64 bits */
    RTO_AFTER_SYN_TIMEOUT_S = 3,
};

void rtt_init(struct rtt *rtt, const struct tcp_tunables *tunables)
{
    /* RFC 6298, 2.1 (R6298-01) */
    *rtt = (struct rtt){.rto = duration_ms(tunables->tcp_rto_initial_ms)};
}

static void compute_rto(struct rtt *rtt, const struct tcp_tunables *tunables)
{
    /* RFC 6298, 2.3: max(G, K * RTTVAR). tcp_rto_min_us is never 0, so that it covers G.
     * Not RFC 6298, 2.4: the default has no floor of 1 s but the variance term of at least 200 ms
     * that Linux has; tcp_rto_floor_us = 1000000 gives the RFC's. */
    struct duration variance = duration_max(duration_us(tunables->tcp_rto_min_us),
                                            duration_times(rtt->rttvar, 4));
    struct duration rto = duration_add(rtt->srtt, variance);
    rto = duration_max(rto, duration_us(tunables->tcp_rto_floor_us));
    rtt->rto = duration_min(rto, duration_ms(tunables->tcp_rto_max_ms));
}

static void update_minimum(struct rtt *rtt, struct duration sample, struct instant now)
{
    struct duration half = duration_s(MIN_HALF_WINDOW_S);
    if (rtt->min.ns == 0) {
        rtt->min_of_half = rtt->min_of_half_before = sample;
        rtt->min_at = now;
    } else if (instant_since(now, rtt->min_at).ns >= half.ns) {
        /* Idle for longer than both halves: what they hold says nothing of today's path. */
        bool both_old = instant_since(now, rtt->min_at).ns >= 2 * half.ns;
        rtt->min_of_half_before = both_old ? sample : rtt->min_of_half;
        rtt->min_of_half = sample;
        rtt->min_at = now;
    }
    rtt->min_of_half = duration_min(rtt->min_of_half, sample);
    rtt->min = duration_min(rtt->min_of_half, rtt->min_of_half_before);
}

static void smooth(struct rtt *rtt, struct duration sample, int64_t samples_per_round)
{
    int64_t difference = sample.ns - rtt->srtt.ns;
    int64_t deviation = difference < 0 ? -difference : difference;
    /* RFC 6298, 2.3: RTTVAR first, with the old SRTT (R6298-03). beta = 1/4 and alpha = 1/8, both
     * divided by the samples expected in a round (RFC 7323, appendix G; R7323-10). */
    rtt->rttvar.ns += (deviation - rtt->rttvar.ns) / (4 * samples_per_round);
    rtt->srtt.ns += difference / (8 * samples_per_round);
}

void rtt_sample(struct rtt *rtt, const struct tcp_tunables *tunables, struct duration sample,
                uint32_t samples_per_round, struct instant now)
{
    update_minimum(rtt, duration_max(sample, duration_us(1)), now);
    rtt_sample_rough(rtt, tunables, sample, samples_per_round);
}

void rtt_sample_rough(struct rtt *rtt, const struct tcp_tunables *tunables, struct duration sample,
                      uint32_t samples_per_round)
{
    CHECK(samples_per_round >= 1);
    sample = duration_max(sample, duration_us(1));
    if (!rtt->sampled) {
        /* RFC 6298, 2.2 (R6298-02) */
        rtt->srtt = sample;
        rtt->rttvar = duration_ns(sample.ns / 2);
        rtt->sampled = true;
    } else {
        smooth(rtt, sample, samples_per_round);
    }
    rtt->latest = sample;
    rtt->backoff = 0;
    compute_rto(rtt, tunables);
}

void rtt_after_spurious_timeout(struct rtt *rtt, const struct tcp_tunables *tunables,
                                struct duration delay)
{
    rtt->srtt = rtt->sampled ? duration_max(rtt->srtt, delay) : delay;
    rtt->rttvar = duration_max(rtt->rttvar, duration_ns(delay.ns / 2));
    if (!rtt->sampled)
        rtt->min = rtt->min_of_half = rtt->min_of_half_before = delay;
    rtt->sampled = true;
    rtt->backoff = 0;
    compute_rto(rtt, tunables);
}

struct duration rtt_timeout(const struct rtt *rtt, const struct tcp_tunables *tunables)
{
    /* RFC 6298, 2.5 and 5.5: doubled, never beyond the bound (R6298-05). */
    struct duration doubled = duration_times(rtt->rto, INT64_C(1) << rtt->backoff);
    return duration_min(doubled, duration_ms(tunables->tcp_rto_max_ms));
}

void rtt_back_off(struct rtt *rtt)
{
    if (rtt->backoff < BACKOFF_MOST)
        rtt->backoff++;
}

void rtt_after_syn_timeout(struct rtt *rtt)
{
    /* RFC 6298, 5.7 (R6298-10) */
    if (rtt->sampled)
        return;
    rtt->rto = duration_max(rtt->rto, duration_s(RTO_AFTER_SYN_TIMEOUT_S));
    rtt->backoff = 0;
}
