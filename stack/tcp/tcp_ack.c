/* What the fifth step of RFC 9293, 3.10.7.4 does with an acceptable ACK: SND.UNA, the send window
 * (3.8.6), SACK blocks (RFC 2018, 2883), the round trip (RFC 6298, 7323), and the facts that
 * recovery.c needs. Called by tcp_input.c and, for the ACK of our SYN, by tcp_arrives.c. Sends
 * nothing. */
#include "base/check.h"
#include "tcp/tcb.h"

struct recovery_scene tcp_recovery_scene(struct tcb *tcb)
{
    return (struct recovery_scene){
        .recovery = &tcb->recovery,
        .sent = &tcb->sent,
        .cc = &tcb->cc,
        .rtt = &tcb->rtt,
        .tunables = &tcb->host->tunables,
        .trace = tcb->host->trace,
    };
}

/* RFC 9293, 3.10.7.4 (9293-U-14): an old segment does not move the window. Not only WL1 and WL2 say
 * what is old: a segment that acknowledges more than any before it was sent after all of them, even
 * when its text is sent again and stands low. Were its window not taken, SND.UNA would move and
 * SND.WND with it, beyond the edge that the peer has offered. */
static bool window_is_news(const struct tcb *tcb, const struct segment *seg)
{
    return seg->ack > tcb->snd.una || tcb->snd.wl1 < seg->seq ||
           (tcb->snd.wl1 == seg->seq && tcb->snd.wl2 <= seg->ack);
}

void tcp_update_send_window(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    uint32_t before = tcb->snd.wnd;

    if (!window_is_news(tcb, seg))
        return;
    tcb->snd.wnd = seg->wnd;
    tcb->snd.wl1 = seq_max(tcb->snd.wl1, seg->seq);
    tcb->snd.wl2 = seg->ack;
    if (seg->wnd > tcb->snd.max_wnd)
        tcb->snd.max_wnd = seg->wnd;
    if (before > 0 && seg->wnd == 0)
        TRACE(tcb->host->trace, window_closed);
    if (before == 0 && seg->wnd > 0) {
        TRACE(tcb->host->trace, window_opened, .wnd = seg->wnd);
        tcb->probe_backoff = 0;
        if (tcb->retransmissions > 0 && tcb->snd.una < tcb->snd.nxt)
            tcp_set_timer(tcb, TIMER_RETRANSMISSION, now);
    }
}

/* RFC 2883, 4: the first block reports a duplicate when it lies below SEG.ACK, or inside the second
 * block. Such a block is never held against SND.UNA (R2883-03). */
static bool find_dsack(const struct tcb *tcb, const struct segment *seg, seqno *left, seqno *right)
{
    const struct tcp_options *o = seg->options;
    seqno second_left, second_right;

    if (o->sack_count == 0)
        return false;
    *left = seq_unwrap(o->sack[0].left, tcb->snd.una);
    *right = seq_unwrap(o->sack[0].right, tcb->snd.una);
    if (*left >= *right || *right > tcb->snd.nxt)
        return false;
    if (*right <= seg->ack)
        return true;
    if (o->sack_count < 2)
        return false;
    second_left = seq_unwrap(o->sack[1].left, tcb->snd.una);
    second_right = seq_unwrap(o->sack[1].right, tcb->snd.una);
    return second_left <= *left && *right <= second_right;
}

/* Takes the SACK blocks over: only what lies within SND.UNA <= left < right <= SND.NXT is believed
 * (CVE-2026 of OpenBSD: with unwrapped numbers the comparison says what it means). Returns how many
 * bytes are news. */
static uint64_t take_sack_blocks(struct tcb *tcb, const struct segment *seg, bool first_is_dsack,
                                 struct sent_delivery *delivery, struct instant now)
{
    const struct tcp_options *o = seg->options;
    uint64_t before = delivery->newly_sacked_bytes;

    for (unsigned i = first_is_dsack ? 1 : 0; i < o->sack_count; i++) {
        seqno left = seq_unwrap(o->sack[i].left, tcb->snd.una);
        seqno right = seq_unwrap(o->sack[i].right, tcb->snd.una);
        if (left < tcb->snd.una || right > tcb->snd.nxt)
            continue;
        left = seq_max(left, seg->ack);
        if (left >= right)
            continue;
        TRACE(tcb->host->trace, sack_arrived, .left = left, .right = right);
        sent_sack(&tcb->sent, left, right, tcb->mss, delivery, now);
    }
    return delivery->newly_sacked_bytes - before;
}

/* RFC 6298, 3 (Karn): from what was sent only once; else from TSecr, if SND.UNA advanced (RFC
 * 7323, 4.1, R7323-09). */
static void sample_round_trip(struct tcb *tcb, const struct segment *seg,
                              const struct sent_delivery *delivery, struct instant now)
{
    struct duration sample = duration_ns(-1);
    uint64_t segments = (tcb->snd.nxt - tcb->snd.una + delivery->acked_bytes) / (2 * tcb->mss);
    uint32_t per_round = segments > 0 ? (uint32_t)segments : 1;
    const struct tcp_tunables *tunables = &tcb->host->tunables;

    if (delivery->has_rtt)
        sample = instant_since(now, delivery->rtt_sent_at);
    else if (delivery->acked_bytes > 0 && tcb->paws.enabled && seg->options->has_timestamps &&
             seg->options->ts_ecr != 0)
        sample = paws_round_trip(&tcb->paws, seg->options->ts_ecr, now);
    if (sample.ns < 0)
        return;
    if (delivery->has_rtt && !delivery->rtt_beyond_hole)
        rtt_sample(&tcb->rtt, tunables, sample, per_round, now);
    else
        rtt_sample_rough(&tcb->rtt, tunables, sample, per_round);
    TRACE(tcb->host->trace, rtt_sampled, .rtt = sample, .srtt = tcb->rtt.srtt,
          .rttvar = tcb->rtt.rttvar, .rto = tcb->rtt.rto);
}

/* The send buffer grows with the window that it must fill: twice cwnd, within tcp_wmem_max (as
 * Linux). */
static void grow_send_buffer(struct tcb *tcb)
{
    uint64_t wanted = 2 * tcb->cc.cwnd;
    uint64_t most = (uint64_t)tcb->host->tunables.tcp_wmem_max;

    if (tcb->settings.send_buffer_fixed || wanted <= tcb->text.limit || tcb->text.limit >= most)
        return;
    tcb->text.limit = (uint32_t)(wanted < most ? wanted : most);
    tcb->settings.send_buffer = tcb->text.limit;
    TRACE(tcb->host->trace, buffer_grown, .which = "send", .bytes = tcb->text.limit);
}

/* SND.UNA moves: what it passes is forgotten. */
static void advance_una(struct tcb *tcb, seqno ack, struct sent_delivery *delivery,
                        struct instant now)
{
    tcb->totals.bytes_acked += ack - tcb->snd.una;
    tcb->snd.una = ack;
    if (tcb->snd.urgent && tcb->snd.up <= ack)
        tcb->snd.urgent = false;
    sent_acknowledge(&tcb->sent, ack, tcb->mss, delivery, now);
    send_buffer_acknowledge(&tcb->text, ack);
    if (ranges_count(&tcb->record_ends) > 0)
        ranges_remove_below(&tcb->record_ends, 2 * ack + 1);
    if (send_buffer_room(&tcb->text) >= tcb->text.limit / 3)
        tcb->user_lacks_room = false; /* it is told now */
    tcb->retransmissions = 0;
    tcp_note_end_of_timeouts(tcb, now);
    tcb->soft_error = 0;
    if (delivery->acked_bytes >=
        tcb->mss) /* full packets get through: a late Packet Too Big lies */
        tcb->proven_mtu = tcb->path_mtu;
    tcb->pending_mtu = 0;
    tcp_mtu_probe_acked(tcb, now);
    grow_send_buffer(tcb);
    tcb->trouble_since = tcb->snd.una < tcb->snd.nxt ? now : INSTANT_NEVER;
    tcp_note_change(tcb);
}

/* Was the sender held back by cwnd lately? In slow start: less than twice the most that was in
 * flight (as Linux: cwnd grows only while it is used; RFC 7661). */
static bool cwnd_was_limit(const struct tcb *tcb)
{
    return tcb->cwnd_limited ||
           (cc_in_slow_start(&tcb->cc) && tcb->cc.cwnd < 2 * tcb->most_in_flight);
}

/* RFC 5681, 2 (R5681-09): outstanding text, no text, no SYN or FIN, the same ACK, the same window;
 * with SACK, RFC 6675's definition: an ACK that carries SACK news. */
static bool is_duplicate_ack(const struct tcb *tcb, const struct segment *seg, seqno una_before,
                             uint32_t wnd_before, uint64_t sack_news)
{
    if (seg->ack != una_before || una_before == tcb->snd.nxt)
        return false;
    if (tcb->sack)
        return sack_news > 0;
    return seg->len == 0 && seg->wnd == wnd_before;
}

static uint32_t segments_in(const struct tcb *tcb, uint64_t bytes)
{
    return (uint32_t)((bytes + tcb->mss - 1) / tcb->mss);
}

/* Text that may leave and has not: the ACKs before this one, of the same turn, let it go. */
static uint64_t text_due(const struct tcb *tcb, uint32_t wnd_before)
{
    seqno edge = seq_min(tcb->text.end, tcb->snd.una + wnd_before);
    uint64_t room = edge > tcb->snd.nxt ? edge - tcb->snd.nxt : 0;
    uint64_t allowance = recovery_allowance(&tcb->recovery, &tcb->sent, &tcb->cc,
                                            &tcb->host->tunables);

    return room < allowance ? room : allowance;
}

/* Everything that depends on what is in flight. */
static void judge_flight(struct tcb *tcb, const struct segment *seg, seqno una_before,
                         uint32_t wnd_before, struct instant now)
{
    struct sent_delivery delivery = {.lowest_once = UINT64_MAX};
    struct recovery_scene scene = tcp_recovery_scene(tcb);
    struct recovery_ack facts = {
        .now = now,
        .una_before = una_before,
        .nxt = tcb->snd.nxt,
        .sack = tcb->sack,
        .has_ts_ecr = tcb->paws.enabled && seg->options->has_timestamps,
        .ts_ecr = seg->options->ts_ecr,
        .mss = tcb->mss,
        .unsent = tcb->text.end > tcb->snd.nxt ? tcb->text.end - tcb->snd.nxt : 0,
        .due = text_due(tcb, wnd_before),
    };
    uint64_t sack_news = 0;
    seqno cwr_end;

    if (tcb->sack) {
        facts.has_dsack = find_dsack(tcb, seg, &facts.dsack_left, &facts.dsack_right);
        if (facts.has_dsack) {
            tcb->totals.dsack_duplicates += segments_in(tcb, facts.dsack_right - facts.dsack_left);
            TRACE(tcb->host->trace, dsack_arrived, .left = facts.dsack_left,
                  .right = facts.dsack_right);
        }
        sack_news = take_sack_blocks(tcb, seg, facts.has_dsack, &delivery, now);
    }
    if (seg->ack > una_before)
        advance_una(tcb, seg->ack, &delivery, now);
    facts.una = tcb->snd.una;
    facts.duplicate = is_duplicate_ack(tcb, seg, una_before, wnd_before, sack_news);
    facts.cwnd_limited = cwnd_was_limit(tcb);
    if (facts.duplicate)
        TRACE(tcb->host->trace, duplicate_ack, .ack = seg->ack,
              .count = tcb->recovery.duplicate_acks + 1);
    sample_round_trip(tcb, seg, &delivery, now);
    tcb->totals.segments_delivered += delivery.newly_delivered_segments;
    tcp_ecn_feedback(tcb, seg, &delivery, &facts);
    cwr_end = tcb->recovery.cwr_end;
    recovery_on_ack(&scene, &facts, &delivery);
    tcp_mtu_look_for_loss(tcb, now);
    if (tcb->ecn.mode == ECN_CLASSIC && tcb->recovery.cwr_end != cwr_end)
        tcb->ecn.reduced = true; /* RFC 3168, 6.1.2 (R3168-03): the peer is told by CWR */
}

/* The counter moves by marks on control packets too (RFC 9768, 3.2); nothing in flight has met
 * them. */
static void note_marks_of_no_flight(struct tcb *tcb, const struct segment *seg)
{
    struct sent_delivery nothing = {.acked_bytes = 0};
    struct recovery_ack facts = {.una = tcb->snd.una, .nxt = tcb->snd.nxt, .mss = tcb->mss};

    tcp_ecn_feedback(tcb, seg, &nothing, &facts);
}

void tcp_ack_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    seqno una_before = tcb->snd.una;
    uint32_t wnd_before = tcb->snd.wnd;
    bool answered = tcb->probes > 0;

    tcb->probes = 0;
    if (seg->ack >=
        tcb->snd.una) /* "if SND.UNA =< SEG.ACK =< SND.NXT, the send window should be updated" */
        tcp_update_send_window(tcb, seg, now);
    if ((seg->ack >= una_before && una_before < tcb->snd.nxt) || seg->options->sack_count > 0)
        judge_flight(tcb, seg, una_before, wnd_before, now);
    else if (seg->ack == una_before)
        note_marks_of_no_flight(tcb, seg);
    /* MSG_MORE holds back until the next ACK only, a cork for longer (as Linux). */
    if (tcb->snd.hold && !tcb->settings.cork)
        tcp_push_held(tcb);
    if (tcb->snd.una != una_before || answered || (tcb->snd.wnd == 0) != (wnd_before == 0))
        tcp_arm_timers(tcb, now);
    else if (tcb->snd.una < tcb->snd.nxt)
        tcp_arm_after_no_news(tcb, now);
}

/* R6298-06: only a SYN that was sent once is a sample; timestamps tell for the others. */
static void sample_handshake(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    struct duration sample = duration_ns(-1);

    if (tcb->syn_transmissions == 1) {
        sample = instant_since(now, tcb->syn_sent_at);
        window_set_rtt(&tcb->window, sample);
        rtt_sample(&tcb->rtt, tunables, sample, 1, now);
        return;
    }
    if (tcb->paws.enabled && seg->options->has_timestamps && seg->options->ts_ecr != 0)
        sample = paws_round_trip(&tcb->paws, seg->options->ts_ecr, now);
    if (sample.ns >= 0)
        rtt_sample_rough(&tcb->rtt, tunables, sample, 1);
    else
        rtt_after_syn_timeout(&tcb->rtt); /* RFC 6298, 5.7 */
}

void tcp_ack_of_syn_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    tcb->snd.una = tcb->snd.iss + 1; /* text beside it (RFC 7413) is acknowledged by the caller */
    tcb->snd.wnd = tcb->snd.max_wnd = seg->wnd;
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
    tcp_stop_timer(tcb, TIMER_RETRANSMISSION);
    tcb->owed &= (uint8_t)~OWED_SYN;
    if (seg->ack == tcb->snd.una || tcb->passive) /* else the text beside it is the sample */
        sample_handshake(tcb, seg, now);
    tcb->totals.segments_delivered++;
    if (!tcb->passive)
        tcb->totals.bytes_acked++;
    tcb->retransmissions = 0;
    tcp_note_end_of_timeouts(tcb, now);
    tcb->trouble_since = INSTANT_NEVER;
    tcp_stop_timer(tcb, TIMER_USER);
}

void tcp_start_congestion_control(struct tcb *tcb, struct instant now)
{
    uint32_t segments = (uint32_t)tcb->host->tunables.tcp_initial_cwnd;

    /* R5681-16: a lost SYN or SYN-ACK makes the initial window one segment; so does one that met
     * congestion (RFC 9768, 3.2.2.2). */
    if ((tcb->syn_transmissions > 1 && !tcb->ack_deferred) || tcb->ecn.marked_in_handshake)
        segments = 1;
    cc_start(&tcb->cc, tcb->settings.cc, tcp_effective_mss(tcb), segments, now);
    tcb->cc.restart_after_idle = tcb->host->tunables.tcp_slow_start_after_idle;
    tcb->cc.reduces_cwnd = tcb->host->tunables.tcp_cubic_reduces_cwnd;
    tcb->round_end = tcb->snd.nxt;
    tcb->last_sent = tcb->last_text_sent = tcb->acks.last_text = now;
}

void tcp_enter_established(struct tcb *tcb, struct instant now)
{
    tcp_mtu_begin(tcb, now);
    if (!tcb->fast_open.early)
        tcp_start_congestion_control(tcb, now);
    tcp_restart_keep_alive(tcb, now);
    TRACE(tcb->host->trace, established, .mss = tcb->mss, .snd_wscale = tcb->snd.wscale,
          .rcv_wscale = tcb->window.shift, .sack = tcb->sack, .timestamps = tcb->paws.enabled);
    tcp_note_change(tcb);
}
