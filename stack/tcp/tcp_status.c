/* STATUS (RFC 9293, 3.10.6): what a control block can tell, for TCP_INFO, `ss` and people. Reads
 * only. */
#include "tcp/tcb.h"

static void fill_timing(const struct tcb *tcb, struct tcp_status *s, struct instant now)
{
    s->rto = rtt_timeout(&tcb->rtt, &tcb->host->tunables);
    s->srtt = tcb->rtt.srtt;
    s->rttvar = tcb->rtt.rttvar;
    s->min_rtt = tcb->rtt.min;
    s->receive_rtt = tcb->window.rtt;
    s->delayed_ack = tcb->acks.delay;
    s->last_text_sent = tcb->last_text_sent;
    s->last_text_received = tcb->acks.last_text;
    s->last_ack_received = tcb->last_arrival;
    s->busy = send_times_busy(&tcb->send_times, now);
    s->rwnd_limited = send_times_of(&tcb->send_times, SENDING_WINDOW_LIMITED, now);
    s->sndbuf_limited = send_times_of(&tcb->send_times, SENDING_BUFFER_LIMITED, now);
    if (!instant_is_never(tcb->rto_since))
        s->totals.timeout_time = duration_add(s->totals.timeout_time,
                                              instant_since(now, tcb->rto_since));
}

/* RFC 9768: counters begin at 5 packets, 1 byte and 1 byte. */
static void fill_ecn(const struct tcb *tcb, struct tcp_status *s)
{
    static const uint64_t from[4] = {[ECN_ECT0] = 1, [ECN_ECT1] = 1};

    s->ecn = tcb->ecn.mode != ECN_OFF;
    s->ecn_seen = tcb->ecn.seen_ect;
    if (tcb->ecn.mode != ECN_ACCURATE)
        return;
    s->ce_received = tcb->ecn.in.cep - 5;
    for (int i = ECN_ECT1; i <= ECN_CE; i++) {
        s->ecn_received[i] = tcb->ecn.in.bytes[i] - from[i];
        s->ecn_delivered[i] = tcb->ecn.out.bytes[i] - from[i];
    }
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
    if (tcb->snd.una == tcb->snd.iss && tcb->snd.nxt > tcb->snd.iss)
        s->unacked_segments++; /* the SYN */
    s->pacing_rate = tcb->cc.pacing_rate;
    s->delivery_rate = tcb->sent.last_rate;
    s->delivery_rate_app_limited = tcb->sent.last_rate_app_limited || tcb->sent.last_rate == 0;
    s->totals.reordering_seen = tcb->recovery.reordering_events;
    s->delivered = tcb->sent.delivered;
    s->delivered_ce = tcb->ecn.delivered_ce;
    s->reordering = tcb->recovery.dup_threshold;
    s->ca_phase = (uint8_t)tcb->recovery.phase;
    s->backoff = tcb->rtt.backoff;
    s->retransmissions = tcb->retransmissions;
    if (tcb->state == TCP_SYN_SENT && tcb->syn_transmissions > 1)
        s->retransmissions = (uint8_t)(tcb->syn_transmissions - 1);
    s->probes = tcb->probes > tcb->keep_alives ? tcb->probes : tcb->keep_alives;
}

static uint32_t receive_limit_of(const struct tcb *tcb)
{
    uint32_t clamp = tcb->window.clamp;

    return clamp && clamp < tcb->received.limit ? clamp : tcb->received.limit;
}

/* Before a round trip was measured an initial window is assumed (as Linux). */
static uint32_t receive_space_of(const struct tcb *tcb)
{
    uint32_t initial = 10 * tcp_advertised_mss(tcb), limit = receive_limit_of(tcb);

    if (initial > limit)
        initial = limit;
    return tcb->window.most_taken > initial ? (uint32_t)tcb->window.most_taken : initial;
}

void tcp_status(const struct tcb *tcb, struct tcp_status *status, struct instant now)
{
    *status = (struct tcp_status){
        .state = tcb->state,
        .flow = tcb->flow,
        .sack = tcb->sack,
        .timestamps = tcb->paws.enabled,
        .window_scaling = tcb->window_scaling,
        .peer_is_done = tcb->rcv.fin_known && tcb->rcv.nxt == tcb->rcv.fin + 1,
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
        .receive_space = receive_space_of(tcb),
        .receive_limit = receive_limit_of(tcb),
        .cc = tcb->cc.ops->name,
        .totals = tcb->totals,
    };
    fill_ecn(tcb, status);
    fill_timing(tcb, status, now);
    fill_flight(tcb, status);
    status->waiting_for = tcp_decide(tcb, now).because;
}
