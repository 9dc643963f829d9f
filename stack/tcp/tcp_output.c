/* Building what tcp_decide() decided, and the bookkeeping of having sent it (RFC 9293, 3.7, 3.8):
 * marks become segments here, SND.NXT moves here and nowhere else. Called by tcp_demux.c, again and
 * again until it says that there is nothing. */
#include "base/check.h"
#include "tcp/tcb.h"

/* --- what is owed ------------------------------------------------------------------------ */

void tcp_owe_ack(struct tcb *tcb)
{
    tcb->owed |= OWED_ACK;
    tcp_stop_timer(tcb, TIMER_DELAYED_ACK);
}

void tcp_owe_ack_of_its_own(struct tcb *tcb)
{
    tcp_owe_ack(tcb);
    tcb->host->answers_first = true;
}

void tcp_owe_challenge_ack(struct tcb *tcb, struct instant now)
{
    struct duration least = duration_ms(tcb->host->tunables.tcp_invalid_ratelimit);

    /* Per connection and nothing shared, so that nobody can count another's (CVE-2016-5696). */
    if (!instant_is_never(tcb->challenged_at) &&
        instant_since(now, tcb->challenged_at).ns < least.ns) {
        TRACE(tcb->host->trace, challenge_ack_withheld);
        return;
    }
    tcb->challenged_at = now;
    tcb->owed |= OWED_CHALLENGE_ACK;
}

void tcp_owe_reset(struct tcb *tcb, seqno seq)
{
    tcb->owed |= OWED_RESET;
    tcb->reset.seq = seq;
    tcb->reset.with_ack = false;
}

void tcp_owe_final_reset(struct tcb *tcb)
{
    tcp_owe_reset(tcb, tcb->snd.nxt);
    tcb->reset.with_ack = true;
}

void tcp_owe_syn(struct tcb *tcb, struct instant now)
{
    tcb->owed |= OWED_SYN;
    tcp_set_timer(tcb, TIMER_RETRANSMISSION,
                  instant_add(now, rtt_timeout(&tcb->rtt, &tcb->host->tunables)));
}

/* --- building ---------------------------------------------------------------------------- */

static void add_timestamps(struct tcb *tcb, struct tcp_options *options, struct instant now)
{
    options->has_timestamps = true;
    options->ts_val = paws_clock(&tcb->paws, now);
    options->ts_ecr = tcb->paws.recent;
}

static void add_sack_blocks(struct tcb *tcb, struct tcp_options *options)
{
    struct sack_span blocks[TCP_SACK_BLOCKS];
    unsigned most = tcp_plan_options(tcb).sack_blocks;
    unsigned count;

    if (most == 0)
        return;
    count = sack_report_blocks(&tcb->sacks, &tcb->received.held, tcb->received.next, most, blocks);
    for (unsigned i = 0; i < count; i++)
        options->sack[i] = (struct tcp_sack_block){seq_wrap(blocks[i].from),
                                                   seq_wrap(blocks[i].to)};
    options->sack_count = (uint8_t)count;
}

static void fill_window(struct tcb *tcb, struct tcp_header *header)
{
    size_t unread = reassembly_unread(&tcb->received);
    uint32_t limit = tcb->received.limit;
    uint32_t free_space = unread < limit ? limit - (uint32_t)unread : 0;
    seqno edge = window_offer(&tcb->window, tcb->rcv.nxt, free_space, limit,
                              tcb->acks.segment_size);

    header->window = window_field(&tcb->window, tcb->rcv.nxt, edge, WINDOW_PLAIN);
}

static void fill_urgent(const struct tcb *tcb, const struct tcp_decision *d,
                        struct tcp_header *header)
{
    uint64_t ahead;

    if (!tcb->snd.urgent || tcb->snd.up <= d->from)
        return;
    ahead = tcb->snd.up - d->from; /* MUST-62: the octet behind the urgent data */
    header->flags |= TCP_URG;
    header->urgent = ahead > UINT16_MAX ? UINT16_MAX : (uint16_t)ahead;
}

static bool text_is_pushed(const struct tcb *tcb, const struct tcp_decision *d, uint32_t mss)
{
    seqno end = d->from + d->len;

    return (end == tcb->text.end && !tcb->snd.more) || (d->len > mss && !d->mtu_probe) ||
           (d->from < tcb->snd.push && tcb->snd.push <= end) || tcp_record_end(tcb, d->from) == end;
}

/* The header of every segment that carries an ACK. */
static void build_synchronized(struct tcb *tcb, const struct tcp_decision *d,
                               struct tcp_emission *out, struct instant now)
{
    struct tcp_header *h = &out->header;
    uint32_t mss = d->mss;

    h->seq = seq_wrap(d->from);
    h->ack = seq_wrap(tcb->rcv.nxt);
    h->flags = TCP_ACK;
    if (tcb->paws.enabled)
        add_timestamps(tcb, &h->options, now);
    add_sack_blocks(tcb, &h->options);
    fill_window(tcb, h);
    if (d->len > 0) {
        send_buffer_pieces(&tcb->text, d->from, d->len, out->text);
        if (d->len > mss && !d->mtu_probe)
            out->gso_size = (uint16_t)mss;
        if (text_is_pushed(tcb, d, mss))
            h->flags |= TCP_PSH;
    }
    if (d->fin)
        h->flags |= TCP_FIN;
    tcp_ecn_fill(tcb, d, out);
    fill_urgent(tcb, d, h);
}

static void build_syn(struct tcb *tcb, uint32_t len, struct tcp_emission *out, struct instant now)
{
    struct tcp_header *h = &out->header;
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    bool answer = tcb->state == TCP_SYN_RECEIVED;
    uint32_t limit = tcb->settings.receive_buffer / 2;
    uint32_t unread = answer ? (uint32_t)reassembly_unread(&tcb->received) : 0;

    h->seq = seq_wrap(tcb->snd.iss);
    h->flags = TCP_SYN;
    if (len > 0)
        send_buffer_pieces(&tcb->text, tcb->snd.iss + 1, len, out->text);
    h->options.has_mss = true; /* SHLD-5, MAY-3, MUST-67: the MTU less fixed headers */
    h->options.mss = (uint16_t)tcp_advertised_mss(tcb);
    /* A SYN-ACK offers only what the SYN offered. */
    h->options.has_sack_permitted = answer ? tcb->sack : tunables->tcp_sack != 0;
    h->options.has_window_scale = answer ? tcb->window_scaling : tunables->tcp_window_scaling != 0;
    h->options.window_scale = tcp_window_scale(&tcb->settings, tunables);
    if (answer ? tcb->paws.enabled : tunables->tcp_timestamps != 0) {
        add_timestamps(tcb, &h->options, now);
        if (!answer)
            h->options.ts_ecr = 0; /* R7323-08 */
    }
    tcp_fast_open_fill(tcb, &h->options); /* before ECN's option, which can be left out */
    tcp_ecn_fill_syn(tcb, h);
    limit -= unread < limit ? unread : limit;
    if (answer) {
        h->flags |= TCP_ACK;
        h->ack = seq_wrap(tcb->rcv.nxt);
        h->window = window_field(&tcb->window, tcb->rcv.nxt, tcb->rcv.nxt + limit, WINDOW_OF_SYN);
    } else {
        h->window = limit > UINT16_MAX ? UINT16_MAX : (uint16_t)limit;
    }
}

static void build_reset(struct tcb *tcb, struct tcp_emission *out, struct instant now)
{
    struct tcp_header *h = &out->header;

    h->seq = seq_wrap(tcb->reset.seq);
    h->flags = TCP_RST;
    if (tcb->reset.with_ack) {
        h->flags |= TCP_ACK;
        h->ack = seq_wrap(tcb->rcv.nxt);
    }
    if (tcb->paws.enabled && tcb->reset.with_ack)
        add_timestamps(tcb, &h->options, now);
}

/* --- sending: the bookkeeping ------------------------------------------------------------ */

static uint32_t wire_segments(uint32_t len, uint32_t mss)
{
    return len <= mss ? 1 : (len + mss - 1) / mss;
}

/* The one place where SND.NXT moves. */
static void advance_snd_nxt(struct tcb *tcb, seqno to)
{
    CHECK(to > tcb->snd.nxt);
    tcb->snd.nxt = to;
}

/* How much of cwnd was used (RFC 9293 leaves it open; RFC 7661, 4.1, as Linux has it): a round
 * begins when the last one is acknowledged, and anew whenever more is in flight than before in it.
 */
static void note_cwnd_usage(struct tcb *tcb, bool limited)
{
    if (tcb->snd.una < tcb->round_end && !limited &&
        (tcb->cwnd_limited || tcb->sent.pipe_bytes <= tcb->most_in_flight))
        return;
    tcb->cwnd_limited = limited;
    tcb->most_in_flight = tcb->sent.pipe_bytes;
    tcb->round_end = tcb->snd.nxt;
}

static void sent_for_the_first_time(struct tcb *tcb, const struct tcp_decision *d,
                                    struct instant now)
{
    uint32_t mss = d->mss;
    seqno to = d->from + d->len + (d->fin ? 1 : 0);

    sent_add(&tcb->sent, d->from, to, d->mtu_probe ? 1 : wire_segments(d->len, mss), now);
    if (d->mtu_probe)
        tcp_mtu_probe_sent(tcb, d->from, d->len);
    if (d->fin)
        tcb->fin_sent = true;
    advance_snd_nxt(tcb, to);
    if (d->len % mss != 0 && !d->mtu_probe)
        tcb->snd.small = to;
    note_cwnd_usage(tcb, tcb->sent.pipe_bytes >= tcb->cc.cwnd);
    tcb->totals.bytes_sent += d->len;
}

/* Sent again: the record is cut to what leaves. */
static void sent_once_more(struct tcb *tcb, const struct tcp_decision *d, bool probe,
                           struct instant now)
{
    seqno to = d->from + d->len + (d->fin ? 1 : 0);
    struct sent_record *record = probe ? sent_last(&tcb->sent) : sent_first_lost(&tcb->sent);

    tcp_mtu_in_doubt(tcb, now);
    if (sent_from(record) < d->from) {
        sent_cut(&tcb->sent, record, d->from, tcb->mss);
        record = sent_last(&tcb->sent);
    }
    if (to < record->to)
        record = sent_cut(&tcb->sent, record, to, tcb->mss);
    sent_again(&tcb->sent, record, now);
    TRACE(tcb->host->trace, retransmitted, .seq = d->from, .len = d->len,
          .times = record->transmissions - 1,
          .because = probe ? "tail loss probe"
                           : (tcb->retransmissions ? "retransmission timeout" : "fast retransmit"));
    tcb->totals.bytes_retransmitted += d->len;
    tcb->totals.segments_retransmitted += wire_segments(d->len, d->mss);
}

static void account_probe(struct tcb *tcb, const struct tcp_decision *d)
{
    struct recovery_scene scene = tcp_recovery_scene(tcb);

    tcb->owed &= (uint8_t)~OWED_TAIL_PROBE;
    TRACE(tcb->host->trace, tail_loss_probe, .seq = d->from, .len = d->len);
    recovery_on_probe(&scene, tcb->snd.nxt, d->what == SEND_RETRANSMISSION);
}

static void set_pacing_rate(struct tcb *tcb)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    int64_t percent = cc_in_slow_start(&tcb->cc) && tcb->cc.cwnd < tcb->cc.ssthresh / 2
                          ? tunables->tcp_pacing_ss_ratio
                          : tunables->tcp_pacing_ca_ratio;

    if (!tcb->cc.ops->paced)
        tcb->cc.pacing_rate = tunables->tcp_pacing && tcb->rtt.sampled
                                  ? pacing_rate_of(tcb->cc.cwnd, tcb->rtt.srtt, (uint32_t)percent)
                                  : 0;
    if (tcb->settings.max_pacing_rate &&
        (tcb->cc.pacing_rate == 0 || tcb->cc.pacing_rate > tcb->settings.max_pacing_rate))
        tcb->cc.pacing_rate = tcb->settings.max_pacing_rate;
}

/* Pacing delays only where the algorithm or the user asked for it; the rate itself sizes
 * super-segments always, as Linux. */
static bool is_paced(const struct tcb *tcb)
{
    return tcb->cc.ops->paced || tcb->settings.max_pacing_rate;
}

static void account_text(struct tcb *tcb, const struct tcp_decision *d, struct instant now)
{
    struct recovery_scene scene = tcp_recovery_scene(tcb);
    bool again = d->what == SEND_RETRANSMISSION;
    bool probe = tcb->owed & OWED_TAIL_PROBE;

    if (again)
        sent_once_more(tcb, d, probe, now);
    else
        sent_for_the_first_time(tcb, d, now);
    recovery_on_sent(&scene, d->len + (d->fin ? 1 : 0), again, paws_clock(&tcb->paws, now));
    tcb->last_sent = now;
    if (d->len > 0)
        tcb->last_text_sent = now;
    if (instant_is_never(tcb->trouble_since))
        tcb->trouble_since = now;
    if (is_paced(tcb))
        pacing_sent(&tcb->pacing, d->len, tcb->cc.pacing_rate, now);
    if (probe)
        account_probe(tcb, d);
    if (instant_is_never(tcb->timer[TIMER_RETRANSMISSION]) || again || probe)
        tcp_arm_timers(tcb, now);
    else
        tcp_arm_after_text(tcb, now);
    tcb->totals.data_segments_out += wire_segments(d->len, d->mss);
}

/* RFC 5681, 4.2: each segment beyond a hole is answered by an ACK. Those that came in one turn are
 * all judged before anything is sent: one ACK for each, where the peer counts them; with SACK as
 * many as it takes to tell of all. */
static void owe_more_of_them(struct tcb *tcb)
{
    /* What filled the holes in the same turn has ended the need for it. */
    if (ranges_count(&tcb->received.held) == 0) {
        tcb->repeat_acks = 0;
        return;
    }
    if (tcb->repeat_acks > 0)
        tcb->repeat_acks--;
    if (tcb->repeat_acks > 0 || (tcb->sack && sack_report_is_behind(&tcb->sacks)))
        tcp_owe_ack(tcb);
}

static void account_ack(struct tcb *tcb, const struct tcp_decision *d, struct instant now)
{
    struct trace *trace = tcb->host->trace;

    if (tcb->owed & OWED_CHALLENGE_ACK)
        TRACE(trace, challenge_ack_sent);
    if (d->what == SEND_ACK && (tcb->owed & (OWED_ACK | OWED_DELAYED_ACK)) == OWED_DELAYED_ACK)
        TRACE(trace, delayed_ack_sent);
    if (d->what == SEND_WINDOW_PROBE)
        TRACE(trace, window_probe_sent, .times = tcb->probes);
    if (d->what == SEND_KEEP_ALIVE)
        TRACE(trace, keep_alive_sent, .times = tcb->keep_alives);
    tcb->owed &= (uint8_t) ~(OWED_ACK | OWED_CHALLENGE_ACK | OWED_DELAYED_ACK | OWED_WINDOW_PROBE |
                             (d->what == SEND_KEEP_ALIVE ? OWED_KEEP_ALIVE : 0));
    tcp_stop_timer(tcb, TIMER_DELAYED_ACK);
    tcp_ecn_sent(tcb, d);
    ack_policy_sent(&tcb->acks, tcb->rcv.nxt, d->len > 0 ? ACK_ON_TEXT : ACK_ALONE, now);
    sack_report_sent(&tcb->sacks);
    owe_more_of_them(tcb);
}

static void account_syn(struct tcb *tcb, uint32_t len, struct instant now)
{
    seqno text = tcb->snd.iss + 1;

    tcb->owed &= (uint8_t) ~(OWED_SYN | OWED_ACK | OWED_CHALLENGE_ACK);
    if (tcb->syn_transmissions < UINT8_MAX)
        tcb->syn_transmissions++;
    if (tcb->syn_transmissions == 1)
        tcb->syn_sent_at = now;
    else {
        TRACE(tcb->host->trace, retransmitted, .seq = tcb->snd.iss,
              .times = (uint64_t)tcb->syn_transmissions - 1, .because = "no answer to the SYN");
        tcb->totals.segments_retransmitted++;
    }
    if (tcb->snd.nxt == tcb->snd.iss)
        advance_snd_nxt(tcb, text + len);
    if (len > 0) { /* RFC 7413, 4.2.2 */
        sent_add(&tcb->sent, text, text + len, 1, now);
        tcb->totals.bytes_sent += len;
        tcb->totals.data_segments_out++;
    }
    if (instant_is_never(tcb->trouble_since))
        tcb->trouble_since = now;
    if (tcb->settings.user_timeout_ms)
        tcp_set_timer(tcb, TIMER_USER,
                      instant_add(tcb->trouble_since, duration_ms(tcb->settings.user_timeout_ms)));
}

static void account_reset(struct tcb *tcb)
{
    tcb->owed &= (uint8_t)~OWED_RESET;
    TRACE(tcb->host->trace, reset_sent, .seq = tcb->reset.seq,
          .because = tcb->state == TCP_CLOSED ? "the connection ended" : "unacceptable ACK");
}

static void build(struct tcb *tcb, const struct tcp_decision *d, struct tcp_emission *out,
                  struct instant now)
{
    switch (d->what) {
    case SEND_NOTHING:
        UNREACHABLE();
    case SEND_RESET:
        build_reset(tcb, out, now);
        account_reset(tcb);
        break;
    case SEND_SYN:
        build_syn(tcb, d->len, out, now);
        account_syn(tcb, d->len, now);
        break;
    case SEND_RETRANSMISSION:
    case SEND_TEXT:
    case SEND_FIN:
        build_synchronized(tcb, d, out, now);
        account_text(tcb, d, now);
        account_ack(tcb, d, now);
        break;
    case SEND_WINDOW_PROBE:
    case SEND_KEEP_ALIVE:
    case SEND_ACK:
        build_synchronized(tcb, d, out, now);
        account_ack(tcb, d, now);
        break;
    }
}

/* The user offers less than the window: what is in flight now says nothing of the path's rate. */
static void note_app_limited(struct tcb *tcb)
{
    if (tcb->sent.app_limited_until == 0)
        TRACE(tcb->host->trace, app_limited);
    sent_mark_app_limited(&tcb->sent);
}

/* What holds the sender up, now that nothing leaves. The congestion window first, as Linux has it.
 */
static enum sending sending_of(const struct tcb *tcb)
{
    uint64_t unsent = tcb->text.end > tcb->snd.nxt ? tcb->text.end - tcb->snd.nxt : 0;
    seqno edge = tcb->snd.una + tcb->snd.wnd;
    uint64_t usable = edge > tcb->snd.nxt ? edge - tcb->snd.nxt : 0;
    uint32_t mss = tcp_effective_mss(tcb);
    uint64_t next = unsent < mss ? unsent : mss;

    if (tcb->state == TCP_CLOSED || (unsent == 0 && sent_first(&tcb->sent) == NULL))
        return SENDING_NOTHING;
    if (!tcp_is_synchronized(tcb->state) || tcp_allowance(tcb) < next)
        return SENDING_FREELY;
    if (unsent > 0 && usable < next)
        return SENDING_WINDOW_LIMITED;
    return unsent == 0 && tcb->user_lacks_room ? SENDING_BUFFER_LIMITED : SENDING_FREELY;
}

/* Nothing leaves now: what follows from the reason. */
static void note_nothing(struct tcb *tcb, const struct tcp_decision *d, struct instant now)
{
    tcb->owed &= (uint8_t) ~(OWED_TAIL_PROBE | OWED_WINDOW_PROBE);
    tcp_set_timer(tcb, TIMER_PACING, d->not_before.ns > now.ns ? d->not_before : INSTANT_NEVER);
    send_times_set(&tcb->send_times, sending_of(tcb), now);
    if (!tcp_is_synchronized(tcb->state))
        return;
    if (d->because && tcb->snd.nxt < tcb->text.end)
        TRACE(tcb->host->trace, nothing_to_send, .because = d->because);
    if (tcb->snd.nxt == tcb->text.end && tcb->sent.pipe_bytes < tcb->cc.cwnd &&
        tcb->sent.pipe_bytes)
        note_app_limited(tcb);
    if (tcb->snd.nxt < tcb->text.end && tcp_allowance(tcb) < tcb->cc.smss)
        note_cwnd_usage(tcb, true);
    else if (tcb->snd.nxt < tcb->text.end && tcb->sent.pipe_bytes &&
             tcb->snd.una + tcb->snd.wnd < tcb->snd.nxt + tcb->cc.smss)
        sent_mark_app_limited(&tcb->sent); /* what the peer's window holds back, neither */
    /* A FIN that waits for the window needs the probes as much as text does (MUST-36). */
    if ((tcb->snd.nxt < tcb->text.end || (tcb->fin_wanted && !tcb->fin_sent)) &&
        tcb->snd.una == tcb->snd.nxt && instant_is_never(tcb->timer[TIMER_PERSIST]) &&
        instant_is_never(tcb->timer[TIMER_PACING]))
        tcp_arm_timers(tcb, now);
}

/* RFC 5681, 4.1: after an idle RTO the window is not trusted any more (R5681-10). */
static void restart_if_idle(struct tcb *tcb, struct instant now)
{
    struct duration idle = instant_since(now, tcb->last_sent);

    if (!tcp_is_synchronized(tcb->state) || tcb->snd.una < tcb->snd.nxt ||
        tcb->snd.nxt >= tcb->text.end || tcb->snd.wnd == 0 || idle.ns <= tcb->rtt.rto.ns)
        return;
    tcb->cc.ops->on_idle(&tcb->cc, idle, tcb->rtt.rto, now);
    TRACE(tcb->host->trace, idle_restarted, .idle = idle, .cwnd = tcb->cc.cwnd);
    tcb->last_sent = now;
}

/* A transmission, and cuts around a retransmission. */
enum { RECORDS_WANTED = 4 };

bool tcp_next_segment(struct tcb *tcb, struct tcp_emission *out, struct instant now)
{
    struct tcp_decision d;

    restart_if_idle(tcb, now);
    /* Before deciding: it sizes super-segments. */
    if (tcp_is_synchronized(tcb->state) && !(tcp_has_sent_all(tcb) && tcb->cc.pacing_rate))
        set_pacing_rate(tcb);
    d = tcp_decide(tcb, now);
    if (d.what == SEND_SYN && d.len > 0 && !sent_reserve(&tcb->sent, RECORDS_WANTED))
        d.len = 0; /* the text comes behind the handshake */
    if (d.what == SEND_TEXT || d.what == SEND_RETRANSMISSION || d.what == SEND_FIN) {
        /* Without memory there is no new text beside what is in flight, whose ACK goes on; what is
         * lost goes again in any case, or nobody would ever free memory. */
        (void)sent_reserve(&tcb->sent, RECORDS_WANTED);
        if (d.what != SEND_RETRANSMISSION && !sent_can_add(&tcb->sent))
            d = tcp_decide_without_text(tcb, "the memory budget is used up");
    }
    if (d.what == SEND_NOTHING) {
        note_nothing(tcb, &d, now);
        return false;
    }
    *out = (struct tcp_emission){
        .flow = tcb->flow, .tos = tcb->settings.tos & 0xfc, .ttl = tcb->settings.ttl};
    out->header.source_port = tcb->flow.local.port;
    out->header.destination_port = tcb->flow.remote.port;
    d.mss = d.len > 0 ? tcp_effective_mss(tcb) : tcb->mss;
    build(tcb, &d, out, now);
    tcb->totals.segments_out += wire_segments(d.len, d.mss);
    TRACE(tcb->host->trace, segment_sent, .flags = out->header.flags, .seq = d.from,
          .ack = tcb->rcv.nxt, .len = d.len, .wnd = out->header.window);
    return true;
}
