/* SEGMENT ARRIVES in the states from SYN-RECEIVED on: the eight steps of RFC 9293, 3.10.7.4, in its
 * order and under its names. Later RFCs live inside the step that they amend: PAWS (RFC 7323) in
 * the first; RFC 5961 in the second, fourth and fifth. Each step says whether the next may follow.
 * Sends nothing, calls nobody up, allocates nothing: marks what is owed. The fifth step's work on
 * an acceptable ACK is in tcp_ack.c. */
#include <errno.h>

#include "base/check.h"
#include "tcp/tcb.h"

enum verdict { GO_ON, STOP };

static enum verdict discard(struct tcb *tcb, enum drop_reason reason)
{
    trace_drop(tcb->host->trace, reason);
    return STOP;
}

/* --- first: check the sequence number ---------------------------------------------------- */

/* RFC 9293, 3.4, Table 6: the four cases. A segment without length may stand at the left edge
 * although the window is closed; one with length needs a window that any part of it lies in. */
static bool seg_is_acceptable(const struct tcb *tcb, const struct segment *seg)
{
    seqno nxt = tcb->rcv.nxt;
    seqno edge = tcp_receive_edge(tcb);
    bool first_in = nxt <= seg->seq && seg->seq < edge;

    if (edge == nxt)
        return seg->len == 0 && seg->seq == nxt;
    if (seg->len == 0)
        return first_in;
    return first_in || (nxt < seg->seq + seg->len && seg->seq + seg->len <= edge);
}

/* "If the RCV.WND is zero ... special allowance should be made to accept valid ACKs, URGs, and
 * RSTs" (MUST-66): text that stands at a closed window's edge is refused, but its header is read.
 */
static bool header_is_acceptable(const struct tcb *tcb, const struct segment *seg)
{
    return tcp_receive_edge(tcb) == tcb->rcv.nxt && seg->seq == tcb->rcv.nxt;
}

/* The SYN that made this connection comes again, with the text that it carried perhaps (RFC 7413,
 * 4.2.2): our SYN-ACK was lost. */
static bool is_its_syn(const struct tcb *tcb, const struct segment *seg)
{
    return tcb->fast_open.early && tcb->state == TCP_SYN_RECEIVED &&
           (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && seg->seq == tcb->rcv.irs;
}

/* A SYN-ACK that crosses ours in a simultaneous open, or comes back from ourselves (RFC 9293, 3.5,
 * Figure 8; A.2): its SYN was taken before, its ACK completes the handshake. */
static bool is_crossing_syn_ack(const struct tcb *tcb, const struct segment *seg)
{
    return tcb->state == TCP_SYN_RECEIVED && !tcb->passive &&
           (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK) &&
           seg->seq + 1 == tcb->rcv.nxt && seg->ack == tcb->snd.nxt;
}

/* Not RFC 7323, 5.3, R1: because reordering lets a later segment overtake an ACK, and its SACK
 * blocks are news that loss recovery needs, a pure ACK is no old duplicate when it acknowledges
 * nothing new, changes no window and is late by less than a retransmission timeout (as Linux). */
static bool is_overtaken_ack(const struct tcb *tcb, const struct segment *seg)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    uint32_t late_ms = tcb->paws.recent - seg->options->ts_val;

    return tcb->state != TCP_SYN_RECEIVED && seg->len == 0 && (seg->flags & TCP_ACK) &&
           seg->seq == tcb->rcv.nxt && seg->ack == tcb->snd.una && seg->wnd == tcb->snd.wnd &&
           late_ms < duration_to_ms(rtt_timeout(&tcb->rtt, tunables));
}

/* RFC 7323, 5.3 R1, and 3.2: an old timestamp is an old duplicate; a segment without one is not the
 * peer's. Resets are exempt (5.2). */
static enum verdict check_timestamp(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (!tcb->paws.enabled || (seg->flags & TCP_RST))
        return GO_ON;
    if (!seg->options->has_timestamps)
        return tcb->host->tunables.tcp_require_timestamps ? discard(tcb, DROP_no_timestamp) : GO_ON;
    if (paws_is_old(&tcb->paws, seg->options->ts_val, now) && !is_overtaken_ack(tcb, seg)) {
        tcp_owe_challenge_ack(tcb, now);
        return discard(tcb, DROP_paws);
    }
    return GO_ON;
}

/* The SYN that made this connection comes again: the peer did not get our SYN-ACK, or the network
 * doubled it. With text (RFC 7413) it is acceptable as long as that text was not taken. */
static bool is_our_syn_again(const struct tcb *tcb, const struct segment *seg)
{
    return tcb->state == TCP_SYN_RECEIVED && (seg->flags & TCP_SYN) && seg->seq == tcb->rcv.irs;
}

static enum verdict answer_syn_again(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (tcp_ecn_syn_again(tcb, seg))
        tcp_owe_syn(tcb, now);
    return discard(tcb, DROP_old_duplicate);
}

/* "If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the
 * RST bit is set)". */
static enum verdict refuse(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    bool old = seg->seq < tcb->rcv.nxt;

    if (seg->flags & TCP_RST)
        return discard(tcb, DROP_reset_out_of_window);
    if (is_our_syn_again(tcb, seg))
        return answer_syn_again(tcb, seg, now);
    if (seg->flags & TCP_SYN)
        tcp_ecn_syn_ack_again(tcb, seg);
    if (seg->text.len == 0) {
        /* RFC 5961, 7; "ACK war" (Abramov and Herzberg 2011): answers to empty segments are
         * limited, answers to text are not. A FIN that comes again in TIME-WAIT restarts it
         * (9293-U-18). */
        if (tcb->state == TCP_TIME_WAIT && (seg->flags & TCP_FIN)) {
            tcp_start_time_wait(tcb, now);
            tcp_owe_ack(tcb);
        } else if (seg->flags & TCP_FIN || seg->seq + 1 == tcb->rcv.nxt) {
            tcp_owe_ack(tcb); /* our ACK of the FIN was lost; or a keep-alive or window probe */
        } else {
            tcp_owe_challenge_ack(tcb, now);
        }
        return discard(tcb, old ? DROP_old_duplicate : DROP_out_of_window);
    }
    if (old) {
        TRACE(tcb->host->trace, text_duplicate, .seq = seg->seq, .len = seg->text.len);
        ack_policy_quicken(&tcb->acks, &tcb->host->tunables, tcb->received.limit);
        if (tcb->sack && tcb->host->tunables.tcp_dsack) /* RFC 2883, 4 */
            sack_report_duplicate(&tcb->sacks, segment_text_at(seg),
                                  seq_min(segment_text_end(seg), tcb->rcv.nxt));
    }
    tcp_owe_ack_of_its_own(tcb);
    return discard(tcb, old ? DROP_old_duplicate : DROP_out_of_window);
}

static enum verdict check_sequence_number(struct tcb *tcb, const struct segment *seg,
                                          struct instant now)
{
    if (check_timestamp(tcb, seg, now) == STOP)
        return STOP;
    if (is_its_syn(tcb, seg) || (!seg_is_acceptable(tcb, seg) && !header_is_acceptable(tcb, seg) &&
                                 !is_crossing_syn_ack(tcb, seg)))
        return refuse(tcb, seg, now);
    return GO_ON;
}

/* RFC 7323, 4.3 and 5.3, R3 (R7323-11); never from a reset (R7323-13). Only behind the fifth step,
 * so that a forged segment, whose ACK is a guess, cannot make the peer's own look old
 * (CVE-2005-0356).
 */
static void take_timestamp(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (tcb->paws.enabled && seg->options->has_timestamps)
        paws_update(&tcb->paws, seg->options->ts_val, seg->seq, tcb->acks.acked, now);
}

/* --- second: check the RST bit ----------------------------------------------------------- */

static void reset_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    TRACE(tcb->host->trace, reset_received, .seq = seg->seq);
    switch (tcb->state) {
    case TCP_SYN_RECEIVED:
        /* MUST-11: of a passive open nobody hears; an active one was refused. */
        tcp_fast_open_reset(tcb, now);
        tcp_fail(tcb, tcb->fast_open.early ? ECONNRESET : ECONNREFUSED,
                 "the peer reset the half-open connection");
        break;
    case TCP_CLOSE_WAIT:
        tcp_fail(tcb, EPIPE, "the peer reset the connection after its FIN");
        break;
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
        tcp_fail(tcb, ECONNRESET, "the peer reset the connection");
        break;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        tcp_fail(tcb, 0, "the peer reset what was closing");
        break;
    case TCP_TIME_WAIT:
        /* Not RFC 9293, 3.10.7.4, second: because of RFC 1337 a reset does not end TIME-WAIT
         * (R1337-01). */
        trace_drop(tcb->host->trace, DROP_time_wait_segment);
        break;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
}

/* RFC 5961, 3.2 (9293-U-8): exactly at RCV.NXT it resets; elsewhere in the window it is challenged.
 * Like Linux, the edge behind the newest text that we have reported by SACK counts as RCV.NXT too:
 * a peer may reset from there. */
static enum verdict check_rst_bit(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    seqno from, to;

    if (!(seg->flags & TCP_RST))
        return GO_ON;
    if (seg->seq == tcb->rcv.nxt ||
        (tcb->sack && ranges_last(&tcb->received.held, &from, &to) && seg->seq == to)) {
        reset_arrives(tcb, seg, now);
        return STOP;
    }
    tcp_owe_challenge_ack(tcb, now);
    return discard(tcb, DROP_blind_reset);
}

/* --- third: check security: this stack has no compartments (RFC 9293, 3.10.7.4, third: "may") ---
 */

/* --- fourth: check the SYN bit ----------------------------------------------------------- */

static enum verdict check_syn_bit(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (!(seg->flags & TCP_SYN) || is_crossing_syn_ack(tcb, seg))
        return GO_ON;
    if (is_our_syn_again(tcb, seg) && tcb->passive)
        return answer_syn_again(tcb, seg, now);
    if (tcb->state == TCP_SYN_RECEIVED && tcb->passive) {
        /* 9293-U-10: "return this connection to the LISTEN state": the listener is there anyway. */
        tcp_fail(tcb, 0, "a new SYN: back to LISTEN");
        return discard(tcb, DROP_syn_in_syn_received);
    }
    /* RFC 5961, 4.2 (9293-U-9). */
    tcp_owe_challenge_ack(tcb, now);
    return discard(tcb, DROP_blind_syn);
}

/* --- fifth: check the ACK field ---------------------------------------------------------- */

/* RFC 5961, 5.2 (MAY-12, 9293-U-25): SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
static enum verdict check_ack_range(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (seg->ack > tcb->snd.nxt) {
        tcp_owe_challenge_ack(tcb, now);
        return discard(tcb, DROP_ack_of_unsent);
    }
    if (seg->ack + tcb->snd.max_wnd < tcb->snd.una) {
        tcp_owe_challenge_ack(tcb, now);
        return discard(tcb, DROP_ack_too_old);
    }
    return GO_ON;
}

static enum verdict syn_received_ack_arrives(struct tcb *tcb, const struct segment *seg,
                                             struct instant now)
{
    if (!(tcb->snd.una < seg->ack && seg->ack <= tcb->snd.nxt)) {
        tcp_owe_reset(tcb, seg->ack); /* 9293-U-12: the connection stays */
        return discard(tcb, DROP_syn_received_bad_ack);
    }
    tcp_ecn_handshake_ack(tcb, seg);
    tcp_ack_of_syn_arrives(tcb, seg, now);
    tcp_set_state(tcb, TCP_ESTABLISHED, "our SYN-ACK was acknowledged");
    tcp_enter_established(tcb, now);
    tcp_fast_open_answered(tcb, seg, now);
    if (tcb->fast_open.early) { /* text may have left before */
        tcp_fast_open_over(tcb);
        tcp_ack_arrives(tcb, seg, now);
        tcp_arm_timers(tcb, now);
    }
    if (tcb->fin_wanted)
        tcp_set_state(tcb, TCP_FIN_WAIT_1, "the user had closed already");
    return GO_ON;
}

static bool our_fin_is_acked(const struct tcb *tcb)
{
    return tcb->fin_sent && tcb->snd.una == tcb->snd.nxt;
}

/* What an acknowledged FIN changes. */
static enum verdict fin_acknowledged(struct tcb *tcb, struct instant now)
{
    switch (tcb->state) {
    case TCP_FIN_WAIT_1:
        tcp_set_state(tcb, TCP_FIN_WAIT_2, "our FIN was acknowledged");
        if (tcb->user_gone)
            tcp_set_timer(tcb, TIMER_TIME_WAIT,
                          instant_add(now, duration_s(tcb->settings.fin_wait_2_s)));
        tcp_note_change(tcb);
        return GO_ON;
    case TCP_CLOSING:
        tcp_set_state(tcb, TCP_TIME_WAIT, "our FIN was acknowledged");
        tcp_start_time_wait(tcb, now);
        return GO_ON;
    case TCP_LAST_ACK:
        tcp_fail(tcb, 0, "our FIN was acknowledged");
        return STOP;
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_TIME_WAIT:
        return GO_ON;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
    return GO_ON;
}

static enum verdict check_ack_field(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (!(seg->flags & TCP_ACK))
        return discard(tcb, DROP_no_ack_bit);

    switch (tcb->state) {
    case TCP_SYN_RECEIVED:
        if (syn_received_ack_arrives(tcb, seg, now) == STOP)
            return STOP;
        break;
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        if (check_ack_range(tcb, seg, now) == STOP)
            return STOP;
        tcp_ack_arrives(tcb, seg, now);
        break;
    case TCP_TIME_WAIT:
        if (check_ack_range(tcb, seg, now) == STOP)
            return STOP;
        break;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
    return our_fin_is_acked(tcb) ? fin_acknowledged(tcb, now) : GO_ON;
}

/* --- sixth: check the URG bit ------------------------------------------------------------ */

static void check_urg_bit(struct tcb *tcb, const struct segment *seg)
{
    if (!(seg->flags & TCP_URG))
        return;

    switch (tcb->state) {
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
        if (seg->up <= tcb->rcv.up || seg->up <= tcb->received.read)
            return;
        tcb->rcv.up = seg->up;
        tcb->rcv.urgent = tcb->rcv.urgent_news = true; /* MUST-32 */
        TRACE(tcb->host->trace, urgent_arrived, .up = seg->up);
        tcp_note_change(tcb);
        break;
    case TCP_SYN_RECEIVED:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        break; /* after the peer's FIN: ignored (9293-U-15) */
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
}

/* --- seventh: process the segment text --------------------------------------------------- */

/* The part of the text that lies in the window, and before a FIN that is known (9293-U-20). */
static struct bytes text_in_window(const struct tcb *tcb, const struct segment *seg, seqno *at)
{
    seqno end = tcp_receive_edge(tcb);
    seqno from = segment_text_at(seg);

    if (tcb->rcv.fin_known)
        end = seq_min(end, tcb->rcv.fin);
    *at = from;
    return from < end ? bytes_part(seg->text, 0, (size_t)(end - from)) : (struct bytes){0};
}

static void text_in_order_arrived(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    uint32_t wire_len = (uint32_t)(seg->text.len / seg->wire_segments);
    enum ack_urgency urgency;

    tcb->rcv.nxt = tcb->received.next;
    if (tcb->user_done_reading)
        reassembly_take(&tcb->received, reassembly_unread(&tcb->received));
    window_measure(&tcb->window, tcb->rcv.nxt, (uint32_t)(tcp_receive_edge(tcb) - tcb->rcv.nxt),
                   now);
    urgency = ack_policy_text(&tcb->acks, &tcb->host->tunables, tcb->rcv.nxt, wire_len,
                              tcb->received.limit, tcb->rtt.rto, now);
    if (urgency == ACK_AT_ONCE || tcb->settings.quick_ack)
        tcp_owe_ack(tcb);
    else if (instant_is_never(tcb->timer[TIMER_DELAYED_ACK]))
        tcp_set_timer(
            tcb, TIMER_DELAYED_ACK,
            instant_add(now, ack_policy_delay(&tcb->acks, &tcb->host->tunables, tcb->rtt.srtt)));
    tcp_note_change(tcb);
}

static void text_duplicate_arrived(struct tcb *tcb, seqno at, struct bytes text)
{
    TRACE(tcb->host->trace, text_duplicate, .seq = at, .len = text.len);
    if (tcb->sack && tcb->host->tunables.tcp_dsack)
        sack_report_duplicate(&tcb->sacks, at, at + text.len);
    tcp_owe_ack_of_its_own(tcb);
}

/* RFC 2883, 4.2: of a segment that is new in part, the first piece that had arrived before. */
static void report_partial_duplicate(struct tcb *tcb, seqno at, seqno end)
{
    const struct ranges *held = &tcb->received.held;
    seqno nxt = tcb->rcv.nxt, from, to;

    if (!tcb->sack || !tcb->host->tunables.tcp_dsack)
        return;
    if (at < nxt) {
        if (end > nxt)
            sack_report_duplicate(&tcb->sacks, at, nxt);
        return;
    }
    if (ranges_count(held) == 0)
        return;
    if (ranges_find(held, at, &from, &to))
        sack_report_duplicate(&tcb->sacks, at, seq_min(to, end));
    else if (ranges_at_or_after(held, at, &from, &to) && from < end)
        sack_report_duplicate(&tcb->sacks, from, seq_min(to, end));
}

static void keep_text(struct tcb *tcb, const struct segment *seg, seqno at, struct bytes text,
                      struct instant now)
{
    seqno nxt = tcb->rcv.nxt;

    report_partial_duplicate(tcb, at, at + text.len);
    switch (reassembly_add(&tcb->received, at, text)) {
    case REASSEMBLY_IN_ORDER:
        text_in_order_arrived(tcb, seg, now);
        break;
    case REASSEMBLY_FILLED_HOLE:
        text_in_order_arrived(tcb, seg, now);
        tcp_owe_ack_of_its_own(tcb); /* RFC 5681, 4.2 */
        break;
    case REASSEMBLY_OUT_OF_ORDER:
        TRACE(tcb->host->trace, text_out_of_order, .seq = at, .len = text.len,
              .ranges = ranges_count(&tcb->received.held));
        tcb->totals.segments_not_in_order += seg->wire_segments;
        sack_report_kept(&tcb->sacks, &tcb->received.held, at);
        if (!tcb->sack && tcb->repeat_acks < UINT8_MAX)
            tcb->repeat_acks++;
        ack_policy_quicken(&tcb->acks, &tcb->host->tunables, tcb->received.limit);
        tcp_owe_ack_of_its_own(tcb); /* RFC 5681, 4.2 (MAY-13) */
        break;
    case REASSEMBLY_DUPLICATE:
        text_duplicate_arrived(tcb, at, text);
        break;
    case REASSEMBLY_REFUSED:
        trace_drop(tcb->host->trace, DROP_too_many_ranges);
        tcp_owe_ack(tcb);
        break;
    }
    tcb->totals.bytes_received += tcb->rcv.nxt - nxt;
}

/* SHLD-3, 3.6.1: new text for a user who went away is lost: the peer must learn it. */
static enum verdict refuse_text_after_close(struct tcb *tcb)
{
    tcp_owe_reset(tcb, tcb->snd.nxt);
    tcp_fail(tcb, ECONNRESET, "text arrived after the user had closed");
    return discard(tcb, DROP_text_after_close);
}

static enum verdict process_segment_text(struct tcb *tcb, const struct segment *seg,
                                         struct instant now)
{
    struct bytes text;
    seqno at;

    if (seg->text.len == 0)
        return GO_ON;

    switch (tcb->state) {
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
        text = text_in_window(tcb, seg, &at);
        if (tcb->user_gone && at + text.len > tcb->rcv.nxt)
            return refuse_text_after_close(tcb);
        if (text.len > 0 && at + text.len > tcb->received.read + tcb->received.ring.capacity) {
            tcp_owe_ack(tcb); /* the budget had no storage for it (tcp_make_room()) */
            return discard(tcb, DROP_no_room);
        }
        if (text.len > 0)
            keep_text(tcb, seg, at, text, now);
        else
            tcp_owe_ack(tcb); /* a closed window: the peer probes */
        return GO_ON;
    case TCP_SYN_RECEIVED:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        trace_drop(tcb->host->trace, DROP_text_after_fin); /* 9293-U-15 */
        return GO_ON;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
    return STOP;
}

/* --- eighth: check the FIN bit ----------------------------------------------------------- */

/* A FIN is a position, not a flag: one that comes before the text in front of it is kept as that.
 * Outside the window it is cut off (9293-U-20). */
static void note_fin(struct tcb *tcb, const struct segment *seg)
{
    seqno fin = segment_text_end(seg);
    seqno from, to;

    if (!(seg->flags & TCP_FIN) || tcb->rcv.fin_known || fin < tcb->rcv.nxt)
        return;
    if (fin >= tcp_receive_edge(tcb) && fin != tcb->rcv.nxt)
        return;
    if (ranges_last(&tcb->received.held, &from, &to) && to > fin)
        return; /* it contradicts text that is here already */
    tcb->rcv.fin_known = true;
    tcb->rcv.fin = fin;
}

static void fin_taken(struct tcb *tcb, struct instant now)
{
    switch (tcb->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
        tcp_set_state(tcb, TCP_CLOSE_WAIT, "the peer's FIN arrived");
        break;
    case TCP_FIN_WAIT_1:
        /* Had our FIN been acknowledged, the fifth step would have gone to FIN-WAIT-2 (9293-U-17).
         */
        tcp_set_state(tcb, TCP_CLOSING, "the peer's FIN crossed ours");
        break;
    case TCP_FIN_WAIT_2:
        tcp_set_state(tcb, TCP_TIME_WAIT, "the peer's FIN arrived");
        tcp_start_time_wait(tcb, now);
        break;
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        break;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        UNREACHABLE();
    }
}

/* After earlier text the ACK of a FIN may be delayed like that of text (as Linux does): the user
 * often closes too, and then it rides on our FIN. */
static void acknowledge_fin(struct tcb *tcb, struct instant now)
{
    if (tcb->state != TCP_CLOSE_WAIT || tcb->acks.delay.ns == 0 || tcb->settings.quick_ack)
        tcp_owe_ack(tcb);
    else if (instant_is_never(tcb->timer[TIMER_DELAYED_ACK]))
        tcp_set_timer(
            tcb, TIMER_DELAYED_ACK,
            instant_add(now, ack_policy_delay(&tcb->acks, &tcb->host->tunables, tcb->rtt.srtt)));
}

static void check_fin_bit(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    note_fin(tcb, seg);
    if (!tcb->rcv.fin_known || tcb->rcv.nxt != tcb->rcv.fin) {
        if ((seg->flags & TCP_FIN) && tcb->rcv.fin_known)
            tcp_owe_ack(tcb); /* a second FIN, or one beyond a hole */
        return;
    }
    TRACE(tcb->host->trace, fin_arrived, .seq = tcb->rcv.fin);
    tcb->rcv.nxt = tcb->rcv.fin + 1;
    tcb->totals.bytes_received++;
    fin_taken(tcb, now);
    acknowledge_fin(tcb, now);
    tcp_note_change(tcb);
}

/* --- in front of the eight: the expected segment ----------------------------------------- */

/* An established connection in which nothing is on its way but text of the peer, in order, to a
 * user who reads. */
static bool only_receives(const struct tcb *tcb)
{
    return tcb->state == TCP_ESTABLISHED && tcb->snd.una == tcb->snd.nxt &&
           tcb->snd.nxt == tcb->text.end && ranges_count(&tcb->received.held) == 0 &&
           !tcb->rcv.fin_known && !tcb->user_gone && !tcb->user_done_reading && tcb->probes == 0 &&
           tcb->snd.hold == 0 && tcb->ecn.mode == ECN_OFF;
}

/* Text that stands exactly at RCV.NXT, all of it within the window and the storage that there is,
 * with nothing in its header that was not there before. */
static bool is_next_text(const struct tcb *tcb, const struct segment *seg)
{
    const struct tcp_options *options = seg->options;
    seqno end = seg->seq + seg->text.len;

    return (seg->flags & ~(unsigned)TCP_PSH) == TCP_ACK && seg->seq == tcb->rcv.nxt &&
           seg->text.len > 0 && seg->ack == tcb->snd.nxt && seg->wnd == tcb->snd.wnd &&
           end <= tcp_receive_edge(tcb) &&
           end <= tcb->received.read + tcb->received.ring.capacity && options->sack_count == 0 &&
           (!tcb->paws.enabled ||
            (options->has_timestamps && (int32_t)(options->ts_val - tcb->paws.recent) >= 0));
}

/* Header prediction (Jacobson, SIGCOMM 1988 and 1990): of the eight steps, what they come to for
 * the text that comes next while nothing else happens. True: it was taken. What it leaves out finds
 * nothing to do: tests/steps/expected_segment_test.c shows the connections to be the same. */
static bool the_expected_segment(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (!only_receives(tcb) || !is_next_text(tcb, seg) || !tcb->host->tunables.tcp_expected_segment)
        return false;
    TRACE(tcb->host->trace, segment_expected);
    tcb->last_arrival = now;
    tcb->keep_alives = 0;
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
    take_timestamp(tcb, seg, now);
    tcb->ecn.seen_ect |= seg->ecn != ECN_NOT_ECT;
    (void)reassembly_add(&tcb->received, seg->seq, seg->text);
    text_in_order_arrived(tcb, seg, now);
    tcb->totals.bytes_received += seg->text.len;
    if (tcb->owed || instant_before(tcb->timer[TIMER_DELAYED_ACK], tcb->alarm))
        tcp_touch(tcb);
    return true;
}

/* --- the spine --------------------------------------------------------------------------- */

void tcp_from_sixth_step(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    check_urg_bit(tcb, seg);
    if (process_segment_text(tcb, seg, now) == STOP)
        return;
    check_fin_bit(tcb, seg, now);
}

static void the_eight_steps(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (check_sequence_number(tcb, seg, now) == STOP)
        return;
    if (check_rst_bit(tcb, seg, now) == STOP)
        return;
    if (check_syn_bit(tcb, seg, now) == STOP)
        return;
    tcb->last_arrival = now;
    tcb->keep_alives = 0;
    if (check_ack_field(tcb, seg, now) == STOP)
        return;
    take_timestamp(tcb, seg, now);
    tcp_ecn_arrives(tcb, seg);
    tcb->ecn.seen_ect |= seg->ecn != ECN_NOT_ECT;
    tcp_from_sixth_step(tcb, seg, now);
}

void tcp_synchronized_arrives(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (the_expected_segment(tcb, seg, now))
        return;
    the_eight_steps(tcb, seg, now);
    tcp_touch(tcb);
}
