/* STATUS (RFC 9293, 3.10.6): what a control block can tell, for TCP_INFO, `ss` and people. Reads
 * only. */
#include "tcp/tcb.h"

static void fill_timing(const struct tcb *tcb, struct tcp_status *s, struct instant now)
{
    s->rto = rtt_timeout(&tcb->rtt, &tcb->host->tunables);
    s->srtt = tcb->rtt.srtt;
    s->rttvar = tcb->rtt.rttvar;
    s->min_rtt = tcb->rtt.sampled ? tcb->rtt.min : DURATION_ZERO;
    s->receive_rtt = tcb->window.rtt;
    s->delayed_ack = ack_policy_delay(&tcb->acks, &tcb->host->tunables, tcb->rtt.srtt);
    s->last_text_sent = tcb->last_sent;
    s->last_text_received = tcb->acks.last_text;
    s->last_ack_received = tcb->last_arrival;
    if (!instant_is_never(tcb->busy_since))
        s->totals.busy = duration_add(s->totals.busy, instant_since(now, tcb->busy_since));
    if (!instant_is_never(tcb->rwnd_since))
        s->totals.rwnd_limited = duration_add(s->totals.rwnd_limited,
                                              instant_since(now, tcb->rwnd_since));
    if (!instant_is_never(tcb->room_since))
        s->totals.sndbuf_limited = duration_add(s->totals.sndbuf_limited,
                                                instant_since(now, tcb->room_since));
}

static void fill_flight(const struct tcb *tcb, struct tcp_status *s)
{
    s->cwnd = tcb->cc.cwnd;
    s->ssthresh = tcb->cc.ssthresh;
    s->pipe = tcb->sent.pipe_bytes;
    s->pipe_segments = tcb->sent.pipe_segments;
    s->sacked_segments = tcb->sent.sacked_segments;
    /* Linux's tcpi_lost: what was sent again stays lost until it is acknowledged. */
    s->lost_segments = tcb->sent.lost_segments;
    if (tcb->recovery.phase >= RECOVERY_FAST)
        s->lost_segments += tcb->sent.retransmitted_segments;
    s->retransmitted_segments = tcb->sent.retransmitted_segments;
    s->unacked_segments = tcb->sent.pipe_segments + tcb->sent.sacked_segments +
                          tcb->sent.lost_segments;
    s->pacing_rate = tcb->cc.pacing_rate;
    s->delivery_rate = tcb->delivery_rate;
    s->delivered = tcb->sent.delivered;
    s->delivered_ce = tcb->ecn.delivered_ce;
    s->reordering = tcb->recovery.dup_threshold;
    s->ca_phase = (uint8_t)tcb->recovery.phase;
    s->backoff = tcb->rtt.backoff;
    s->retransmissions = tcb->retransmissions;
    s->probes = tcb->probes;
}

void tcp_status(const struct tcb *tcb, struct tcp_status *status, struct instant now)
{
    *status = (struct tcp_status){
        .state = tcb->state,
        .flow = tcb->flow,
        .sack = tcb->sack,
        .timestamps = tcb->paws.enabled,
        .ecn = tcb->ecn.mode != ECN_OFF,
        .window_scaling = tcb->window_scaling,
        .fast_open = tcb->fast_open.done,
        .fast_open_failed = (uint8_t)tcb->fast_open.outcome,
        .snd_wscale = tcb->snd.wscale,
        .rcv_wscale = tcb->window.shift,
        .mss = tcp_effective_mss(tcb),
        .receive_mss = tcb->acks.segment_size,
        .advertised_mss = tcp_advertised_mss(tcb),
        .path_mtu = tcb->path_mtu,
        .snd_wnd = tcb->snd.wnd,
        .rcv_wnd = tcp_receive_edge(tcb) - tcb->rcv.nxt,
        .unsent = tcb->text.end > tcb->snd.nxt ? tcb->text.end - tcb->snd.nxt : 0,
        .unacked = tcb->snd.nxt - tcb->snd.una,
        .unread = reassembly_unread(&tcb->received),
        .receive_space = tcb->received.limit,
        .cc = tcb->cc.ops->name,
        .totals = tcb->totals,
    };
    fill_timing(tcb, status, now);
    fill_flight(tcb, status);
    status->waiting_for = tcp_decide(tcb, now).because;
}
