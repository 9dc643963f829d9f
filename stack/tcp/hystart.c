/* HyStart++ (RFC 9406, 4.2). See hystart.h. */
#include "tcp/hystart.h"

/* RFC 9406, 4.3. */
enum {
    MIN_RTT_THRESH_MS = 4,
    MAX_RTT_THRESH_MS = 16,
    MIN_RTT_DIVISOR = 8,
    N_RTT_SAMPLE = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5,
};

void hystart_init(struct hystart *hystart)
{
    *hystart = (struct hystart){
        .last_min = DURATION_FOREVER,
        .current_min = DURATION_FOREVER,
        .baseline = DURATION_FOREVER,
    };
}

/* RttThresh = max(MIN_RTT_THRESH, min(lastRoundMinRTT / MIN_RTT_DIVISOR, MAX_RTT_THRESH)). */
static struct duration threshold(struct duration last_min)
{
    struct duration eighth = duration_ns(last_min.ns / MIN_RTT_DIVISOR);
    return duration_max(duration_ms(MIN_RTT_THRESH_MS),
                        duration_min(eighth, duration_ms(MAX_RTT_THRESH_MS)));
}

static void judge(struct hystart *hystart)
{
    if (hystart->samples < N_RTT_SAMPLE)
        return;
    switch (hystart->phase) {
    case HYSTART_SLOW_START:
        /* lastRoundMinRTT of "infinity" makes the sum infinite too: the first round never leaves.
         */
        if (hystart->last_min.ns == INT64_MAX ||
            hystart->current_min.ns <
                duration_add(hystart->last_min, threshold(hystart->last_min)).ns)
            return;
        hystart->baseline = hystart->current_min;
        hystart->conservative_rounds = 0;
        hystart->phase = HYSTART_CONSERVATIVE;
        return;
    case HYSTART_CONSERVATIVE:
        if (hystart->current_min.ns >= hystart->baseline.ns)
            return;
        hystart->baseline = DURATION_FOREVER; /* it was jitter: slow start goes on */
        hystart->phase = HYSTART_SLOW_START;
        return;
    case HYSTART_DONE:
        return;
    }
}

static void begin_round(struct hystart *hystart, seqno nxt)
{
    hystart->window_end = nxt;
    hystart->last_min = hystart->current_min;
    hystart->current_min = DURATION_FOREVER;
    hystart->samples = 0;
    if (hystart->phase == HYSTART_CONSERVATIVE && ++hystart->conservative_rounds >= CSS_ROUNDS)
        hystart->phase = HYSTART_DONE;
}

void hystart_on_ack(struct hystart *hystart, seqno una, seqno nxt, struct duration rtt)
{
    if (rtt.ns >= 0) {
        hystart->current_min = duration_min(hystart->current_min, rtt);
        hystart->samples++;
        judge(hystart);
    }
    if (una >= hystart->window_end)
        begin_round(hystart, nxt);
}

uint64_t hystart_growth(const struct hystart *hystart, uint64_t acked, uint64_t most)
{
    uint64_t counted = acked < most ? acked : most;

    switch (hystart->phase) {
    case HYSTART_SLOW_START:
        return counted;
    case HYSTART_CONSERVATIVE:
        return counted / CSS_GROWTH_DIVISOR;
    case HYSTART_DONE:
        return 0;
    }
    return 0;
}
