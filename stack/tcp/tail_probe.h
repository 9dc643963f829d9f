/* Tail loss probes: when the last segments of a flight may be lost there is nothing behind them
 * that would show it, so after about two round trips something is sent to draw an ACK (RFC 8985,
 * 7). A leaf. */
#ifndef TUNNY_TCP_TAIL_PROBE_H
#define TUNNY_TCP_TAIL_PROBE_H

#include "base/seq.h"
#include "tcp/rtt.h"
#include "tcp/tunables.h"

struct tail_probe {
    seqno end;              /* TLP.end_seq: SND.NXT at the probe; 0: none outstanding */
    bool is_retransmission; /* TLP.is_retrans */
    bool sampled_since;     /* a round trip was measured since the last probe (R8985-13) */
};

struct tail_probe_ack {
    seqno una;
    bool plain; /* no advance, no new SACK, no D-SACK, but a duplicate of the last ACK */
    bool has_dsack;
    seqno dsack_right;
};

void tail_probe_init(struct tail_probe *probe);
/* PTO (7.2): the time from the last transmission. `segments`: in flight. */
struct duration tail_probe_timeout(const struct rtt *rtt, const struct tcp_tunables *tunables,
                                   uint32_t segments);
void tail_probe_on_sent(struct tail_probe *probe, seqno nxt, bool is_retransmission);
/* 7.4.2: ends the episode when the ACK does. true: the probe repaired a loss: the congestion
 * control must react once. */
bool tail_probe_on_ack(struct tail_probe *probe, const struct tail_probe_ack *ack);

#endif
