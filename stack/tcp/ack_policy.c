/* When to acknowledge (RFC 9293, 3.8.6.3; RFC 5681, 4.2). See ack_policy.h. */
#include "tcp/ack_policy.h"

static struct duration least_delay(const struct tcp_tunables *tunables)
{
    return duration_ms(tunables->tcp_delack_min_ms);
}

void ack_policy_init(struct ack_policy *policy, seqno next, uint32_t mss)
{
    *policy = (struct ack_policy){.acked = next, .segment_size = mss < 536 ? mss : 536};
}

void ack_policy_quicken(struct ack_policy *policy, const struct tcp_tunables *tunables,
                        uint32_t window)
{
    uint32_t quick = window / (2 * (policy->segment_size ? policy->segment_size : 1));

    if (quick < 2)
        quick = 2;
    if (quick > (uint32_t)tunables->tcp_quick_acks)
        quick = (uint32_t)tunables->tcp_quick_acks;
    if (quick > policy->quick)
        policy->quick = (uint8_t)quick;
    policy->interactive = false;
    policy->delay = least_delay(tunables);
}

/* The delay follows the peer's rhythm: half of it is the gap between its segments. */
static void follow_rhythm(struct ack_policy *policy, const struct tcp_tunables *tunables,
                          uint32_t window, struct duration rto, struct instant now)
{
    struct duration least = least_delay(tunables);
    struct duration gap;

    if (policy->delay.ns == 0) { /* the first text of the connection */
        ack_policy_quicken(policy, tunables, window);
        return;
    }
    gap = instant_since(now, policy->last_text);
    if (gap.ns <= least.ns / 2)
        policy->delay.ns = policy->delay.ns / 2 + least.ns / 2;
    else if (gap.ns < policy->delay.ns)
        policy->delay.ns = duration_min(duration_ns(policy->delay.ns / 2 + gap.ns), rto).ns;
    else if (gap.ns > rto.ns) /* the peer fell silent and perhaps restarts in slow start */
        ack_policy_quicken(policy, tunables, window);
}

enum ack_urgency ack_policy_text(struct ack_policy *policy, const struct tcp_tunables *tunables,
                                 seqno next, uint32_t largest, uint32_t window, struct duration rto,
                                 struct instant now)
{
    follow_rhythm(policy, tunables, window, rto, now);
    policy->last_text = now;
    if (largest > policy->segment_size)
        policy->segment_size = largest;
    /* RFC 5681, 4.2 (SHLD-19): at least every second full segment. */
    if (next - policy->acked > policy->segment_size)
        return ACK_AT_ONCE;
    return policy->quick > 0 && !policy->interactive ? ACK_AT_ONCE : ACK_LATER;
}

struct duration ack_policy_delay(const struct ack_policy *policy,
                                 const struct tcp_tunables *tunables, struct duration srtt)
{
    struct duration least = least_delay(tunables);
    struct duration most = duration_ms(tunables->tcp_delack_max_ms);
    struct duration delay = duration_max(policy->delay, least);

    /* Not beyond a round trip: the peer's RTO is near that. */
    if (srtt.ns > 0)
        most = duration_min(most, duration_max(srtt, least));
    return duration_min(delay, most);
}

void ack_policy_sent(struct ack_policy *policy, seqno next, enum ack_carrier carrier,
                     struct instant now)
{
    policy->acked = next;
    if (policy->quick > 0)
        policy->quick--;
    if (carrier == ACK_ON_TEXT && policy->delay.ns > 0 &&
        instant_since(now, policy->last_text).ns < policy->delay.ns)
        policy->interactive = true;
}

void ack_policy_expired(struct ack_policy *policy, const struct tcp_tunables *tunables)
{
    if (policy->interactive) {
        /* The user did not answer in time after all: not interactive. */
        policy->interactive = false;
        policy->delay = least_delay(tunables);
        return;
    }
    policy->delay = duration_min(duration_times(policy->delay, 2),
                                 duration_ms(tunables->tcp_delack_max_ms));
}
