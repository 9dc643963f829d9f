/* Tail loss probes (RFC 8985, 7): the timeout and what the answer means. Called by recovery.c; it
 * must not know the scoreboard, the window or how a probe is sent. */
#include "tcp/tail_probe.h"

enum {
    PTO_SLACK_MS = 2, /* Linux's least timer */
    PTO_WITHOUT_RTT_S = 1,
};

void tail_probe_init(struct tail_probe *probe)
{
    *probe = (struct tail_probe){.sampled_since = true};
}

struct duration tail_probe_timeout(const struct rtt *rtt, const struct tcp_tunables *tunables,
                                   uint32_t segments)
{
    /* RFC 8985, 7.2 (R8985-07): the answer to a single segment may be delayed. */
    struct duration pto = duration_s(PTO_WITHOUT_RTT_S);
    if (rtt->sampled) {
        struct duration slack = segments == 1 ? duration_ms(tunables->tcp_delack_max_ms)
                                              : duration_ms(PTO_SLACK_MS);
        pto = duration_add(duration_times(rtt->srtt, 2), slack);
    }
    return duration_min(pto, rtt_timeout(rtt, tunables));
}

void tail_probe_on_sent(struct tail_probe *probe, seqno nxt, bool is_retransmission)
{
    *probe = (struct tail_probe){.end = nxt, .is_retransmission = is_retransmission};
}

bool tail_probe_on_ack(struct tail_probe *probe, const struct tail_probe_ack *ack)
{
    if (probe->end == 0 || ack->una < probe->end)
        return false;
    /* New text: if something was missing, SACKs have said so. */
    if (!probe->is_retransmission) {
        probe->end = 0;
        return false;
    }
    /* The peer had the segment already: no loss. */
    if (ack->has_dsack && ack->dsack_right == probe->end) {
        probe->end = 0;
        return false;
    }
    /* Beyond the probe without such a report: it repaired a loss (R8985-09). */
    if (ack->una > probe->end) {
        probe->end = 0;
        return true;
    }
    /* A second ACK of the same number: the original and the probe both arrived. */
    if (ack->plain)
        probe->end = 0;
    return false;
}
