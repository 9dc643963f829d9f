/* SEGMENT ARRIVES (RFC 9293, 3.10.7): the choice of the four, and the state SYN-SENT. CLOSED and
 * LISTEN have no control block of a connection; their sections are in tcp_listen.c. The states from
 * SYN-RECEIVED on go through the eight steps of tcp_input.c. Sends nothing: marks what is owed. */
#include <errno.h>

#include "base/check.h"
#include "tcp/tcb.h"

/* The options of the peer's SYN: what both sides offered is agreed on. */
void tcp_take_syn_options(struct tcb *tcb, const struct segment *syn, struct instant now)
{
    const struct tcp_options *options = syn->options;
    const struct tcp_tunables *tunables = &tcb->host->tunables;

    /* MUST-15: without the option, 536 or 1220; CVE-2019-11479: a floor under what a peer may ask
     * for. */
    if (options->has_mss)
        tcb->peer_mss = options->mss;
    else
        tcb->peer_mss = address_is_ipv4(&tcb->flow.remote.address) ? 536 : 1220;
    if (tcb->peer_mss < tunables->tcp_min_snd_mss)
        tcb->peer_mss = (uint32_t)tunables->tcp_min_snd_mss;

    tcb->sack = options->has_sack_permitted && tunables->tcp_sack;
    /* R7323-01, 03: both or none; more than 14 counts as 14. */
    if (options->has_window_scale && tunables->tcp_window_scaling) {
        tcb->snd.wscale = options->window_scale > 14 ? 14 : options->window_scale;
        tcb->window.shift = tcp_window_scale(&tcb->settings, tunables);
        tcb->window_scaling = true;
    } else {
        tcb->snd.wscale = tcb->window.shift = 0;
        tcb->window_scaling = false;
    }
    tcb->paws.enabled = options->has_timestamps && tunables->tcp_timestamps;
    if (tcb->paws.enabled) {
        tcb->paws.recent = options->ts_val;
        tcb->paws.recent_at = now;
    }
    tcp_ecn_agree(tcb, syn);
    tcp_set_mss(tcb);
}

/* IRS, RCV.NXT and all that starts from them. */
void tcp_take_peer_iss(struct tcb *tcb, const struct segment *syn)
{
    uint32_t limit = tcb->settings.receive_buffer / 2;

    tcb->rcv.irs = syn->seq;
    tcb->rcv.nxt = tcb->rcv.up = syn->seq + 1;
    tcb->host->trace->subject.irs = syn->seq;
    reassembly_init(&tcb->received, &tcb->host->range_pool, tcb->rcv.nxt, limit);
    window_init(&tcb->window, tcb->rcv.nxt, tcb->settings.window_clamp);
    ack_policy_init(&tcb->acks, tcb->rcv.nxt, tcb->mss);
}

/* First check, 3.10.7.3: an ACK that is not for our SYN. */
static bool syn_sent_ack_is_bad(struct tcb *tcb, const struct segment *seg)
{
    if (!(seg->flags & TCP_ACK) || (tcb->snd.una < seg->ack && seg->ack <= tcb->snd.nxt))
        return false;
    if (!(seg->flags & TCP_RST))
        tcp_owe_reset(tcb, seg->ack);
    trace_drop(tcb->host->trace, DROP_syn_sent_bad_ack);
    return true;
}

/* Second check, 3.10.7.3. The sequence number of a refusal is usually 0, so it is not compared
 * (9293-U-23). */
static void syn_sent_reset_arrives(struct tcb *tcb, const struct segment *seg)
{
    if (!(seg->flags & TCP_ACK)) {
        trace_drop(tcb->host->trace, DROP_syn_sent_blind_reset);
        return;
    }
    TRACE(tcb->host->trace, reset_received, .seq = seg->seq);
    tcp_fail(tcb, ECONNREFUSED, "the peer refused the connection");
}

/* Fourth check, 3.10.7.3. */
static void syn_sent_syn_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    tcp_take_peer_iss(tcb, seg);
    tcp_take_syn_options(tcb, seg, now);
    if (!(seg->flags & TCP_ACK)) {
        /* MUST-10: simultaneous open. */
        tcp_set_state(tcb, TCP_SYN_RECEIVED, "simultaneous open: a SYN crossed ours");
        tcb->snd.wnd = tcb->snd.max_wnd = seg->wnd;
        tcb->snd.wl1 = seg->seq;
        tcp_owe_syn(tcb, now);
        return;
    }
    tcp_ack_of_syn_arrives(tcb, seg, now);
    tcp_set_state(tcb, TCP_ESTABLISHED, "our SYN was acknowledged");
    tcp_enter_established(tcb, now);
    if (tcb->settings.deferred_timeouts > 0) /* as Linux: the ACK waits for text to ride on */
        tcp_set_timer(tcb, TIMER_DELAYED_ACK,
                      instant_add(now, duration_ms(tcb->host->tunables.tcp_delack_max_ms)));
    else
        tcp_owe_ack(tcb);
    tcp_fast_open_answered(tcb, seg, now);
    /* "continue at the sixth step". Not RFC 9293, 3.10.7.3: text on a SYN-ACK is not kept, because
     * storage is made ready before a segment is judged, and its place was not known then. It is not
     * acknowledged and comes again. */
    tcp_from_sixth_step(tcb, seg, now);
}

/* 3.10.7.3. */
static void syn_sent_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (syn_sent_ack_is_bad(tcb, seg))
        return;
    if (seg->flags & TCP_RST)
        syn_sent_reset_arrives(tcb, seg);
    else if (seg->flags & TCP_SYN)
        syn_sent_syn_arrives(tcb, seg, now);
    else
        trace_drop(tcb->host->trace, DROP_syn_sent_no_syn);
}

void tcp_segment_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    TRACE(tcb->host->trace, segment_arrived, .flags = seg->flags, .seq = seg->seq, .ack = seg->ack,
          .len = seg->len, .wnd = seg->wnd);
    tcb->totals.segments_in += seg->wire_segments;
    if (seg->text.len > 0)
        tcb->totals.data_segments_in += seg->wire_segments;

    switch (tcb->state) {
    case TCP_CLOSED:
        trace_drop(tcb->host->trace, DROP_self_reset);
        break;
    case TCP_SYN_SENT:
        syn_sent_arrives(tcb, seg, now);
        tcp_touch(tcb);
        break;
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        tcp_synchronized_arrives(tcb, seg, now);
        break;
    case TCP_LISTEN:
        UNREACHABLE();
    }
}
