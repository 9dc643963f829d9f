/* The one place that decides what to send next (RFC 9293, 3.7, 3.8), and how large. tcp_decide() is
 * pure: the sender, the deadline and "why is nothing being sent?" all use it. In order: a reset; a
 * SYN or SYN-ACK; what recovery says is lost; new text with its FIN; a window probe; a keep-alive;
 * an owed ACK. */
#include "base/check.h"
#include "tcp/tcb.h"

/* --- sizes ------------------------------------------------------------------------------- */

static uint32_t ip_header_length(const struct tcb *tcb)
{
    return address_is_ipv4(&tcb->flow.remote.address) ? 20 : 40;
}

uint32_t tcp_advertised_mss(const struct tcb *tcb)
{
    uint32_t mss = tcb->device_mtu - ip_header_length(tcb) - TCP_HEADER_LENGTH;

    if (tcb->settings.max_segment && tcb->settings.max_segment < mss)
        mss = tcb->settings.max_segment;
    return mss;
}

void tcp_set_mss(struct tcb *tcb)
{
    uint32_t mss = tcb->path_mtu - ip_header_length(tcb) - TCP_HEADER_LENGTH;

    /* MUST-16: the smaller of what the peer takes and what the path carries. */
    if (tcb->peer_mss < mss)
        mss = tcb->peer_mss;
    if (tcb->settings.max_segment && tcb->settings.max_segment < mss)
        mss = tcb->settings.max_segment;
    tcb->mss = mss;
    if (tcb->cc.ops)
        cc_set_smss(&tcb->cc, tcp_effective_mss(tcb));
}

uint8_t tcp_window_scale(const struct tcp_settings *settings, const struct tcp_tunables *tunables)
{
    uint64_t most = (uint64_t)tunables->tcp_rmem_max;

    return window_scale_for(settings->receive_buffer_fixed ? settings->receive_buffer / 2 : most);
}

static unsigned sack_blocks_at_hand(const struct tcb *tcb)
{
    size_t blocks = ranges_count(&tcb->received.held) + (tcb->sacks.has_duplicate ? 1 : 0);
    size_t most = tcb->paws.enabled ? 3 : 4;

    /* RFC 9768, 3.2.2.1: the ACK in the handshake's code has none. */
    if (!tcb->sack || tcb->ecn.reflects)
        return 0;
    return (unsigned)(blocks < most ? blocks : most);
}

/* How many AccECN counters fit beside so many SACK blocks: 2 + 3 n bytes, padded. */
static int room_for_counters(const struct tcb *tcb, unsigned blocks)
{
    int room = TCP_OPTIONS_LONGEST - (tcb->paws.enabled ? 12 : 0);

    if (blocks > 0)
        room -= 4 + 8 * (int)blocks;
    return room >= 12 ? 3 : (room >= 8 ? 2 : -1);
}

/* Timestamps at most: nothing is held beyond a hole, and no counters go along. */
static bool has_no_news_in_options(const struct tcb *tcb)
{
    return ranges_count(&tcb->received.held) == 0 && !tcb->sacks.has_duplicate &&
           tcb->ecn.mode != ECN_ACCURATE;
}

struct tcp_option_plan tcp_plan_options(const struct tcb *tcb)
{
    struct tcp_option_plan plan = {.sack_blocks = sack_blocks_at_hand(tcb), .accecn = -1};
    enum tcp_ecn_wish wish = tcp_ecn_option_wish(tcb);
    unsigned blocks = plan.sack_blocks;
    int room;

    if (wish == ECN_OPTION_NOT)
        return plan;
    /* R9768-07: two SACK blocks go before the option, counters that have changed before others. */
    room = room_for_counters(tcb, blocks);
    if (room < 0 && wish == ECN_OPTION_MUST && blocks > 2) {
        blocks--;
        room = room_for_counters(tcb, blocks);
    }
    if (room >= 0)
        plan.accecn = accecn_plan(&tcb->ecn.in, room, &plan.accecn_order);
    if (plan.accecn >= 0)
        plan.sack_blocks = blocks;
    return plan;
}

/* What the options of an ordinary segment take: timestamps always, SACK blocks while there are any,
 * AccECN counters. */
static uint32_t options_length(const struct tcb *tcb)
{
    uint32_t length = tcb->paws.enabled ? 12 : 0;
    struct tcp_option_plan plan;

    if (has_no_news_in_options(tcb))
        return length;
    plan = tcp_plan_options(tcb);
    if (plan.sack_blocks > 0)
        length += 4 + 8 * plan.sack_blocks;
    if (plan.accecn >= 0)
        length += (2 + 3 * (uint32_t)plan.accecn + 3) / 4 * 4;
    return length;
}

uint32_t tcp_effective_mss(const struct tcb *tcb)
{
    uint32_t taken = options_length(tcb);

    return tcb->mss > taken + 8 ? tcb->mss - taken : 8;
}

/* The most text one transmission may carry: a super-segment where the device takes them, sized by
 * the pacing rate, and at most half of cwnd, so that the ACK of one lets the other leave (as
 * Linux). The urgent pointer counts from its own segment, so that a device which copied it would be
 * wrong: urgent text goes in segments.
 */
static uint32_t burst_size(const struct tcb *tcb, uint32_t mss)
{
    uint32_t headers = ip_header_length(tcb) + TCP_HEADER_LENGTH + TCP_OPTIONS_LONGEST;
    uint32_t most = tcb->largest > headers ? tcb->largest - headers : 0;
    uint32_t least = mss * (uint32_t)tcb->host->tunables.tcp_min_tso_segs;
    uint64_t half_cwnd = tcb->cc.cwnd / 2 < UINT32_MAX ? tcb->cc.cwnd / 2 : UINT32_MAX;
    uint32_t half = (uint32_t)(half_cwnd - half_cwnd % mss);

    most -= most % mss;
    half = half > mss ? half : mss;
    if (most <= mss || tcb->snd.urgent || tcp_ecn_forbids_bursts(tcb))
        return mss;
    if (tcb->cc.pacing_rate)
        most = pacing_burst(tcb->cc.pacing_rate, tcb->rtt.min, mss, least < most ? least : most,
                            most);
    return most < half ? most : half;
}

/* --- deciding ---------------------------------------------------------------------------- */

static struct tcp_decision nothing(const char *because)
{
    return (struct tcp_decision){.what = SEND_NOTHING, .because = because};
}

uint64_t tcp_allowance(const struct tcb *tcb)
{
    return recovery_allowance(&tcb->recovery, &tcb->sent, &tcb->cc, &tcb->host->tunables);
}

seqno tcp_record_end(const struct tcb *tcb, seqno from)
{
    uint64_t end, behind;

    if (ranges_count(&tcb->record_ends) == 0 ||
        !ranges_at_or_after(&tcb->record_ends, 2 * (from + 1), &end, &behind))
        return UINT64_MAX;
    return end / 2;
}

/* RFC 6675, 5; RFC 9937: the lowest lost text, as much as congestion control allows, within the
 * peer's window (SHLD-15, 16). The head may go again although the window shrank below it: its
 * answer is what opens the window. */
static struct tcp_decision decide_retransmission(const struct tcb *tcb, uint32_t mss)
{
    const struct sent_record *lost = sent_first_lost(&tcb->sent);
    struct tcp_decision d = {.what = SEND_RETRANSMISSION};
    seqno edge = tcb->snd.una + tcb->snd.wnd;
    uint64_t allowed, len;
    bool has_fin;

    if (!lost)
        return nothing("nothing is lost");
    d.from = sent_from(lost);
    if (d.from >= edge && d.from != tcb->snd.una)
        return nothing("the peer's window shrank");
    has_fin = tcb->fin_sent && lost->to == tcb->snd.fin + 1;
    len = lost->to - d.from - (has_fin ? 1 : 0);
    allowed = tcp_allowance(tcb);
    if (allowed == 0 || (len > 0 && allowed < mss && allowed < len))
        return nothing("congestion window");
    if (d.from != tcb->snd.una && len > edge - d.from)
        len = edge - d.from;
    if (len > tcp_record_end(tcb, d.from) - d.from)
        len = tcp_record_end(tcb, d.from) - d.from;
    if (len > mss) {
        uint64_t most = burst_size(tcb, mss);
        most = most < allowed ? most : allowed;
        most -= most % mss;
        len = len < most ? len : (most ? most : mss);
    }
    d.len = (uint32_t)len;
    d.fin = has_fin && d.from + len == tcb->snd.fin;
    d.not_before = tcb->pacing.next;
    return d;
}

/* RFC 9293, 3.7.4 (SHLD-7), in Minshall's form as Linux has it: a small segment waits only while
 * another small one is unacknowledged. Text behind a cork or MSG_MORE waits for more (MAY-16),
 * bounded by a timer (MUST-60). */
static const char *why_small_must_wait(const struct tcb *tcb)
{
    bool held = tcb->snd.hold && tcb->snd.hold < tcb->text.end;

    if (tcb->fin_wanted || tcp_record_end(tcb, tcb->snd.nxt) < tcb->text.end)
        return NULL;
    if (held)
        return "cork: waiting for more text";
    if (!tcb->settings.no_delay && tcb->snd.small > tcb->snd.una)
        return "Nagle: a small segment is unacknowledged";
    return NULL;
}

/* RFC 9293, 3.8.6.2.1 (MUST-38): full segments; or everything there is; or half the largest window
 * ever seen. */
static const char *why_text_must_wait(const struct tcb *tcb, uint64_t len, uint64_t unsent,
                                      uint64_t usable, uint64_t allowed, uint32_t mss)
{
    if (usable == 0)
        return tcb->snd.wnd == 0 ? "the peer's window is closed" : "the peer's window is full";
    if (allowed == 0 || (allowed < mss && allowed < unsent))
        return "congestion window";
    if (len >= mss)
        return NULL;
    if (len == unsent)
        return why_small_must_wait(tcb);
    if (len >= tcb->snd.max_wnd / 2)
        return NULL;
    return "silly window: waiting for a larger one";
}

static struct tcp_decision decide_text(const struct tcb *tcb, uint32_t mss, bool override)
{
    struct tcp_decision d = {.what = SEND_TEXT, .from = tcb->snd.nxt};
    seqno end = seq_min(tcb->text.end, tcp_record_end(tcb, tcb->snd.nxt));
    uint64_t unsent = end - tcb->snd.nxt;
    seqno edge = tcb->snd.una + tcb->snd.wnd;
    uint64_t usable = edge > tcb->snd.nxt ? edge - tcb->snd.nxt : 0; /* MUST-34: never negative */
    uint64_t allowed = override && tcb->sent.pipe_bytes == 0 ? mss : tcp_allowance(tcb);
    uint64_t len = unsent;
    uint32_t burst = burst_size(tcb, mss);
    const char *wait;

    len = len < usable ? len : usable;
    len = len < allowed ? len : allowed;
    len = len < burst ? len : burst;
    /* The small rest of full segments stays behind where a small segment alone would. */
    if (len > mss && (len < unsent || why_small_must_wait(tcb)))
        len -= len % mss;
    wait = why_text_must_wait(tcb, len, unsent, usable, allowed, mss);
    if (wait && !(override && len > 0))
        return nothing(wait);
    d.len = (uint32_t)len;
    /* MUST-61 is PSH's; the FIN rides on the last text when the window has room for it too. */
    d.fin = tcb->fin_wanted && d.from + len == tcb->text.end && len < usable;
    d.not_before = tcb->pacing.next;
    return d;
}

/* RFC 4821, 7: ordinary text in a packet that is larger than usual. */
static struct tcp_decision mtu_probe(const struct tcb *tcb, uint32_t length)
{
    return (struct tcp_decision){.what = SEND_TEXT,
                                 .from = tcb->snd.nxt,
                                 .len = length,
                                 .mtu_probe = true,
                                 .not_before = tcb->pacing.next};
}

/* New text, or a FIN by itself. A last FIN does not wait for the congestion window (as Linux). */
static struct tcp_decision decide_new(const struct tcb *tcb, uint32_t mss, struct instant now)
{
    bool override = tcb->owed & OWED_WINDOW_PROBE;
    uint32_t probe;

    if (tcb->fin_sent)
        return nothing("everything was sent");
    if (tcb->snd.nxt < tcb->text.end) {
        probe = tcp_mtu_probe_length(tcb, now);
        return probe ? mtu_probe(tcb, probe) : decide_text(tcb, mss, override);
    }
    if (!tcb->fin_wanted)
        return nothing("no text to send");
    if (tcb->snd.nxt >= tcb->snd.una + tcb->snd.wnd)
        return nothing("the peer's window is closed");
    return (struct tcp_decision){.what = SEND_FIN, .from = tcb->snd.nxt, .fin = true};
}

/* RFC 8985, 7.3: new text if allowed, else the last segment again. */
static struct tcp_decision decide_tail_probe(const struct tcb *tcb, uint32_t mss)
{
    const struct sent_record *last = sent_last(&tcb->sent);
    struct tcp_decision d = {.what = SEND_RETRANSMISSION};
    seqno end;

    if (tcb->snd.nxt < tcb->text.end && tcb->snd.nxt < tcb->snd.una + tcb->snd.wnd) {
        uint64_t unsent = tcb->text.end - tcb->snd.nxt;
        uint64_t usable = tcb->snd.una + tcb->snd.wnd - tcb->snd.nxt;
        uint64_t len = unsent < usable ? unsent : usable;
        len = len < mss ? len : mss;
        return (struct tcp_decision){.what = SEND_TEXT, .from = tcb->snd.nxt, .len = (uint32_t)len};
    }
    if (!last || last->state != SENT_OUTSTANDING)
        return nothing("no tail to probe");
    end = last->to;
    if (tcb->fin_sent && end == tcb->snd.fin + 1) {
        d.fin = true;
        end--;
    }
    d.from = end - sent_from(last) > mss ? end - mss : sent_from(last);
    d.len = (uint32_t)(end - d.from);
    return d;
}

static struct tcp_decision decide_ack(const struct tcb *tcb, const struct tcp_decision *instead)
{
    if (tcb->owed & OWED_WINDOW_PROBE)
        return (struct tcp_decision){.what = SEND_WINDOW_PROBE, .from = tcb->snd.una - 1};
    if (tcb->owed & OWED_KEEP_ALIVE)
        return (struct tcp_decision){.what = SEND_KEEP_ALIVE, .from = tcb->snd.nxt - 1};
    if (tcb->owed & (OWED_ACK | OWED_CHALLENGE_ACK | OWED_DELAYED_ACK))
        return (struct tcp_decision){.what = SEND_ACK, .from = tcb->snd.nxt};
    return *instead;
}

struct tcp_decision tcp_decide_without_text(const struct tcb *tcb, const char *because)
{
    struct tcp_decision none = nothing(because);

    return decide_ack(tcb, &none);
}

static bool is_paced_out(const struct tcp_decision *d, struct instant now)
{
    return !instant_reached(d->not_before, now);
}

static struct tcp_decision decide_synchronized(const struct tcb *tcb, struct instant now)
{
    struct tcp_decision d = nothing("no text to send");
    uint32_t mss;

    /* RFC 9768, 3.2.2.1: a pure ACK goes before text, to say how the SYN-ACK arrived. */
    if (tcb->ecn.reflects)
        return (struct tcp_decision){.what = SEND_ACK, .from = tcb->snd.nxt};
    if (tcp_has_sent_all(tcb) && !(tcb->owed & OWED_TAIL_PROBE))
        return decide_ack(tcb, &d);
    mss = tcp_effective_mss(tcb);
    if (tcb->owed & OWED_TAIL_PROBE) {
        d = decide_tail_probe(tcb, mss);
        if (d.what != SEND_NOTHING)
            return d;
    }
    d = decide_retransmission(tcb, mss);
    if (d.what == SEND_NOTHING && !sent_first_lost(&tcb->sent))
        d = decide_new(tcb, mss, now);
    if (d.what != SEND_NOTHING && !is_paced_out(&d, now))
        return d;
    if (d.what != SEND_NOTHING) {
        struct tcp_decision later = nothing("pacing");
        later.not_before = d.not_before;
        d = later;
    }
    return decide_ack(tcb, &d);
}

/* RFC 7413, 4.2.2, server, 4: text may leave before the handshake is complete, an initial window at
 * most; a FIN waits. What is lost of it comes again afterwards. */
static struct tcp_decision decide_early(const struct tcb *tcb, const struct tcp_decision *none)
{
    struct tcp_decision d;

    if (tcb->fast_open.early && tcb->snd.nxt < tcb->text.end) {
        d = decide_text(tcb, tcp_effective_mss(tcb), false);
        d.fin = false;
        if (d.what != SEND_NOTHING)
            return d;
    }
    return decide_ack(tcb, none);
}

struct tcp_decision tcp_decide(const struct tcb *tcb, struct instant now)
{
    struct tcp_decision none = nothing("the state allows nothing");

    if (tcb->owed & OWED_RESET)
        return (struct tcp_decision){.what = SEND_RESET, .from = tcb->reset.seq};

    switch (tcb->state) {
    case TCP_CLOSED:
        return nothing("the connection is closed");
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
        if (tcb->owed & OWED_SYN)
            return (struct tcp_decision){
                .what = SEND_SYN, .from = tcb->snd.iss, .len = tcp_fast_open_text_of_syn(tcb)};
        none = nothing(tcb->fast_open.waits ? "Fast Open: waiting for text"
                                            : "waiting for the handshake");
        return tcb->state == TCP_SYN_RECEIVED ? decide_early(tcb, &none) : none;
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return decide_synchronized(tcb, now);
    case TCP_FIN_WAIT_2:
    case TCP_TIME_WAIT:
        return decide_ack(tcb, &none);
    case TCP_LISTEN:
        UNREACHABLE();
    }
    return none;
}
