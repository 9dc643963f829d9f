/* Timestamps (RFC 7323). See paws.h. */
#include "tcp/paws.h"

/* RFC 7323, 5.5: TS.Recent older than this says nothing any more. */
static struct duration validity(void)
{
    return duration_s(24 * 24 * 3600);
}

static bool is_expired(const struct paws *paws, struct instant now)
{
    return instant_since(now, paws->recent_at).ns > validity().ns;
}

bool paws_is_old(const struct paws *paws, uint32_t ts_val, struct instant now)
{
    return (int32_t)(ts_val - paws->recent) < 0 && !is_expired(paws, now);
}

void paws_update(struct paws *paws, uint32_t ts_val, seqno seq, seqno last_ack_sent,
                 struct instant now)
{
    if (seq > last_ack_sent || paws_is_old(paws, ts_val, now))
        return;
    paws->recent = ts_val;
    paws->recent_at = now;
}

struct duration paws_round_trip(const struct paws *paws, uint32_t ts_ecr, struct instant now)
{
    uint32_t ticks = paws_clock(paws, now) - ts_ecr;

    if (ticks > INT32_MAX)
        return duration_ns(-1);
    return duration_ms(ticks ? ticks : 1);
}
