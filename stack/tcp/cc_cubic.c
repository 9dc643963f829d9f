/* CUBIC (RFC 9438), the default: after a reduction cwnd returns to where it was along a cubic curve
 * of the time since, flat there, then steeper; never slower than Reno would. Slow start is
 * HyStart++'s (RFC 9406). All in bytes, microseconds and whole numbers. What it must not know: how
 * a loss was found, and how cwnd gets to ssthresh. */
#include "tcp/cc.h"
#include "tcp/hystart.h"

/* RFC 9438, 4.6 and 5: beta_cubic = 0.7, C = 0.4; alpha_cubic = 3 (1 - beta) / (1 + beta) = 9/17.
 */
enum {
    BETA_TENTHS = 7,
    C_NUMERATOR = 2,
    C_DENOMINATOR = 5,
    ALPHA_NUMERATOR = 9,
    ALPHA_DENOMINATOR = 17,
};

/* Fractions of a byte, so that a million small steps do not round to nothing. */
enum { FRACTION_BITS = 16 };

/* RFC 9406, 4.3: L, in segments, when nothing spaces them. */
enum { STRETCH_LIMIT = 8 };

/* C * (t - K)^3 exceeds every window long before this. */
static const int64_t longest_us = INT64_C(2000) * 1000000;
static const uint64_t cubic_us_per_cubic_s = UINT64_C(1000000000000000000);

/* One congestion avoidance stage, in RFC 9438's names (4.1.2), bytes. */
struct stage {
    bool running;
    struct instant epoch_start;
    struct instant seen; /* the last ACK looked at: what lies between is left out when it must be */
    uint64_t w_max;
    uint64_t cwnd_prior;
    uint64_t w_est; /* in 1 / 2^FRACTION_BITS bytes */
    int64_t k_us;
};

struct cubic {
    struct stage stage, before; /* `before`: as it was at the last reduction (4.9) */
    struct hystart hystart;
    uint64_t fraction;  /* of a byte that cwnd has earned */
    uint32_t smss;      /* that the stage's bytes were made with */
    bool after_timeout; /* 4.8: the next stage starts flat */
};

static struct cubic *own(struct cc *cc)
{
    return CC_PRIVATE(cc, struct cubic);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The largest r with r^3 <= x, for x < 2^96: a bit at a time. Once a stage, so that its 32 steps
 * cost nothing. */
static uint64_t cube_root(unsigned __int128 x)
{
    uint64_t root = 0;

    for (int bit = 31; bit >= 0; bit--) {
        uint64_t trial = root | UINT64_C(1) << bit;
        if ((unsigned __int128)trial * trial * trial <= x)
            root = trial;
    }
    return root;
}

/* 4.2, equation 2: K = cubic root((W_max - cwnd_epoch) / C), in microseconds; C counts in segments.
 */
static int64_t time_to_w_max(uint64_t w_max, uint64_t cwnd_epoch, uint32_t smss)
{
    uint64_t distance = w_max > cwnd_epoch ? w_max - cwnd_epoch : 0;

    return (int64_t)cube_root((unsigned __int128)distance * C_DENOMINATOR * cubic_us_per_cubic_s /
                              ((unsigned __int128)C_NUMERATOR * smss));
}

/* 4.2, equation 1: W_cubic(t) = C (t - K)^3 + W_max, within 0 and CC_CWND_MAX. */
static uint64_t w_cubic(const struct stage *stage, int64_t t_us, uint32_t smss)
{
    int64_t x = t_us - stage->k_us;
    uint64_t distance = (uint64_t)(x < 0 ? -x : x);
    unsigned __int128 change;

    distance = lesser(distance, (uint64_t)longest_us);
    change = (unsigned __int128)distance * distance * distance * smss / C_DENOMINATOR *
             C_NUMERATOR / cubic_us_per_cubic_s;
    change = change > CC_CWND_MAX ? CC_CWND_MAX : change;
    if (x < 0)
        return stage->w_max > change ? stage->w_max - (uint64_t)change : 0;
    return lesser(stage->w_max + (uint64_t)change, CC_CWND_MAX);
}

static void cubic_init(struct cc *cc, struct instant now)
{
    (void)now;
    *own(cc) = (struct cubic){.smss = cc->smss};
    hystart_init(&own(cc)->hystart);
}

/* cc_set_smss() keeps cwnd in segments; the stage begins anew with a W_max that is kept likewise.
 */
static void follow_smss(struct cc *cc)
{
    struct cubic *cubic = own(cc);

    if (cubic->smss == cc->smss)
        return;
    cubic->stage.w_max = (uint64_t)((unsigned __int128)cubic->stage.w_max * cc->smss / cubic->smss);
    cubic->stage.w_max = lesser(cubic->stage.w_max, CC_CWND_MAX);
    cubic->stage.running = false;
    cubic->smss = cc->smss;
}

/* RFC 9438, 4.10; RFC 9406, 4.3: HyStart++ in the first slow start, which has no ssthresh to end
 * it. Returns what is left over for congestion avoidance. */
static uint64_t slow_start(struct cc *cc, const struct cc_ack *ack, uint64_t acked)
{
    struct hystart *hystart = &own(cc)->hystart;
    uint64_t most = cc->pacing_rate ? UINT64_MAX : (uint64_t)STRETCH_LIMIT * cc->smss;

    if (cc->ssthresh != CC_SSTHRESH_INFINITE)
        return cc_slow_start(cc, acked);
    hystart_on_ack(hystart, ack->una, ack->nxt, ack->rtt_in_order);
    if (hystart->phase == HYSTART_DONE) {
        cc->ssthresh = cc_ssthresh_floor(cc, cc->cwnd);
        own(cc)->stage.cwnd_prior = cc->cwnd;
        return 0;
    }
    return cc_slow_start(cc, hystart_growth(hystart, acked, most));
}

static void begin_stage(struct cc *cc, struct instant now)
{
    struct cubic *cubic = own(cc);
    struct stage *stage = &cubic->stage;

    stage->running = true;
    stage->epoch_start = now;
    stage->w_est = cc->cwnd << FRACTION_BITS;
    /* 4.8 and 4.10: after a timeout, or when slow start ended without a loss, K = 0 and W_max =
     * cwnd. */
    if (cubic->after_timeout || stage->w_max < cc->cwnd)
        stage->w_max = cc->cwnd;
    stage->k_us = time_to_w_max(stage->w_max, cc->cwnd, cc->smss);
    cubic->after_timeout = false;
    cubic->fraction = 0;
}

/* 4.3, equation 4: W_est += alpha * segments_acked / cwnd; alpha = 1 once W_est has reached
 * cwnd_prior. */
static void estimate_reno(struct cc *cc, uint64_t acked)
{
    struct stage *stage = &own(cc)->stage;
    unsigned __int128 step = ((unsigned __int128)acked * cc->smss << FRACTION_BITS) / cc->cwnd;

    if (stage->w_est >> FRACTION_BITS < stage->cwnd_prior)
        step = step * ALPHA_NUMERATOR / ALPHA_DENOMINATOR;
    stage->w_est = lesser(stage->w_est + (uint64_t)step, CC_CWND_MAX << FRACTION_BITS);
}

/* 4.4 and 4.5: (target - cwnd) / cwnd for each segment acknowledged. */
static void approach(struct cc *cc, uint64_t target, uint64_t acked)
{
    struct cubic *cubic = own(cc);
    unsigned __int128 step = ((unsigned __int128)(target - cc->cwnd) * acked << FRACTION_BITS) /
                             cc->cwnd;

    cubic->fraction += (uint64_t)step;
    cc_set_cwnd(cc, cc->cwnd + (cubic->fraction >> FRACTION_BITS));
    cubic->fraction &= (UINT64_C(1) << FRACTION_BITS) - 1;
}

static void grow(struct cc *cc, const struct cc_ack *ack, uint64_t acked)
{
    struct stage *stage = &own(cc)->stage;
    struct duration t = instant_since(ack->now, stage->epoch_start);
    int64_t t_us = duration_to_us(duration_min(t, duration_us(longest_us)));
    int64_t rtt_us = duration_to_us(duration_min(ack->srtt, duration_us(longest_us)));
    uint64_t target = w_cubic(stage, t_us + rtt_us, cc->smss);

    acked = lesser(acked, cc->cwnd);
    estimate_reno(cc, acked);
    if (w_cubic(stage, t_us, cc->smss) < stage->w_est >> FRACTION_BITS) {
        /* 4.3: the Reno-friendly region. */
        cc_set_cwnd(cc, greater(cc->cwnd, stage->w_est >> FRACTION_BITS));
        return;
    }
    /* 4.2: target within [cwnd, 1.5 cwnd]. */
    target = lesser(greater(target, cc->cwnd), cc->cwnd + cc->cwnd / 2);
    approach(cc, target, acked);
}

static void avoid_congestion(struct cc *cc, const struct cc_ack *ack, uint64_t acked)
{
    struct stage *stage = &own(cc)->stage;

    if (!stage->running) {
        if (acked == 0)
            return;
        begin_stage(cc, ack->now);
    } else if (!ack->cwnd_limited) {
        /* 4.2 and 5.8: t leaves out the time in which the application, not cwnd, was the limit. */
        stage->epoch_start = instant_add(stage->epoch_start, instant_since(ack->now, stage->seen));
    }
    stage->seen = ack->now;
    if (acked)
        grow(cc, ack, acked);
}

static void cubic_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    uint64_t acked = cc_countable(ack);

    follow_smss(cc);
    if (cc_in_slow_start(cc))
        acked = slow_start(cc, ack, acked);
    if (!cc_in_slow_start(cc))
        avoid_congestion(cc, ack, acked);
}

static uint64_t beta_times(uint64_t bytes)
{
    return lesser(bytes, CC_CWND_MAX) * BETA_TENTHS / 10;
}

/* 4.6 and 4.7: remembers where the reduction came from, and ends the stage. */
static void end_stage(struct cc *cc)
{
    struct cubic *cubic = own(cc);

    follow_smss(cc);
    cubic->before = cubic->stage;
    cubic->stage.running = false;
    cubic->stage.cwnd_prior = cc->cwnd;
    /* 4.7, fast convergence: a flow that did not reach its former W_max makes room for others. */
    if (cc->cwnd < cubic->stage.w_max)
        cubic->stage.w_max = cc->cwnd * (10 + BETA_TENTHS) / 20;
    else
        cubic->stage.w_max = cc->cwnd;
}

/* 4.6: what beta is a share of (R9438-05). */
static uint64_t reduced(const struct cc *cc, uint64_t flight)
{
    return beta_times(cc->reduces_cwnd ? cc->cwnd : flight);
}

static void cubic_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    end_stage(cc);
    cc_reduce(cc, reduced(cc, loss->flight), loss->cause);
}

static void cubic_on_recovered(struct cc *cc, struct instant now)
{
    (void)now;
    own(cc)->stage.running =
        false; /* 4.2: the stage, and its cwnd_epoch, begin with the next ACK */
}

static void cubic_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    end_stage(cc);
    own(cc)->after_timeout = true;
    cc_collapse(cc, reduced(cc, loss->flight));
}

static void cubic_on_undo(struct cc *cc, struct instant now)
{
    struct cubic *cubic = own(cc);

    cc_restore(cc, now);
    /* 4.9: cwnd, ssthresh, cwnd_prior, W_max, K, epoch_start and W_est as they were. */
    cubic->stage = cubic->before;
    cubic->after_timeout = false;
}

static void cubic_on_idle(struct cc *cc, struct duration idle, struct duration rto,
                          struct instant now)
{
    struct stage *stage = &own(cc)->stage;
    uint64_t cwnd = cc->cwnd;

    cc_restart(cc, idle, rto, now);
    if (cc->cwnd != cwnd)
        stage->running = false;
    if (!stage->running)
        return;
    /* 5.8: t excludes the idle time. */
    stage->epoch_start = instant_add(stage->epoch_start, instant_since(now, stage->seen));
    stage->seen = now;
}

const struct cc_ops cc_cubic = {
    .name = "cubic",
    .init = cubic_init,
    .on_ack = cubic_on_ack,
    .on_loss = cubic_on_loss,
    .on_recovered = cubic_on_recovered,
    .on_timeout = cubic_on_timeout,
    .on_undo = cubic_on_undo,
    .on_idle = cubic_on_idle,
};
