/* RFC 9293, 3.10.7, as a model. See oracle.h. */
#include "support/oracle.h"

#include <string.h>

/* --- RFC 9293, 3.4: comparing modulo 2^32 ------------------------------------------------ */

static bool before(uint32_t a, uint32_t b)
{
    return a != b && b - a < 0x80000000u;
}

static bool at_most(uint32_t a, uint32_t b)
{
    return a == b || before(a, b);
}

/* a =< n < b */
static bool within(uint32_t a, uint32_t n, uint32_t b)
{
    return n - a < b - a;
}

const char *oracle_state_name(enum oracle_state state)
{
    static const char *const names[] = {
        "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
        "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
    };

    return names[state];
}

/* --- the user ---------------------------------------------------------------------------- */

void oracle_listens(struct oracle *o, const struct oracle_policy *policy, uint32_t iss)
{
    memset(o, 0, sizeof *o);
    o->policy = *policy;
    o->state = ORACLE_LISTEN;
    o->passive = true;
    o->snd.iss = iss;
}

void oracle_opens(struct oracle *o, const struct oracle_policy *policy, uint32_t iss)
{
    oracle_listens(o, policy, iss);
    o->state = ORACLE_SYN_SENT;
    o->passive = false;
    o->snd.una = iss;
    o->snd.nxt = iss + 1;
}

void oracle_sends(struct oracle *o, uint32_t len)
{
    o->snd.nxt += len;
}

void oracle_closes(struct oracle *o)
{
    o->snd.fin = o->snd.nxt++;
    o->snd.has_fin = true;
    o->state = o->state == ORACLE_CLOSE_WAIT ? ORACLE_LAST_ACK : ORACLE_FIN_WAIT_1;
}

/* --- answers ----------------------------------------------------------------------------- */

static struct oracle_reply silence(struct oracle *o, const char *step)
{
    o->step = step;
    return (struct oracle_reply){0};
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
static struct oracle_reply an_ack(struct oracle *o, const char *step)
{
    o->step = step;
    return (struct oracle_reply){ORACLE_ACK, o->snd.nxt, o->rcv.nxt, false};
}

/* <SEQ=SEG.ACK><CTL=RST> */
static struct oracle_reply a_reset(struct oracle *o, uint32_t seg_ack, const char *step)
{
    o->step = step;
    return (struct oracle_reply){ORACLE_RST, seg_ack, 0, false};
}

/* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
static struct oracle_reply a_syn_ack(struct oracle *o, unsigned with, const char *step)
{
    o->step = step;
    return (struct oracle_reply){ORACLE_SYN | ORACLE_ACK | with, o->snd.iss, o->rcv.nxt, false};
}

static struct oracle_reply becomes_closed(struct oracle *o, const char *step)
{
    o->state = o->passive ? ORACLE_LISTEN : ORACLE_CLOSED;
    o->took_effect = true;
    return silence(o, step);
}

static uint32_t seg_len(const struct oracle_segment *s)
{
    return s->text_len + (s->bits & ORACLE_SYN ? 1 : 0) + (s->bits & ORACLE_FIN ? 1 : 0);
}

/* --- 3.10.7.1 CLOSED and 3.10.7.2 LISTEN ------------------------------------------------- */

static struct oracle_reply closed_state(struct oracle *o, const struct oracle_segment *s)
{
    if (s->bits & ORACLE_RST)
        return silence(o, "CLOSED: a reset");
    if (s->bits & ORACLE_ACK)
        return a_reset(o, s->ack, "CLOSED: with ACK");
    o->step = "CLOSED: without ACK";
    return (struct oracle_reply){ORACLE_RST | ORACLE_ACK, 0, s->seq + seg_len(s), false};
}

/* What a SYN tells: IRS, the window, timestamps (RFC 7323, 3.2). */
static void take_syn(struct oracle *o, const struct oracle_segment *s)
{
    o->rcv.irs = s->seq;
    o->rcv.nxt = o->rcv.edge = o->rcv.up = o->sack_edge = s->seq + 1;
    o->ts.ok = o->ts.offered && s->has_ts;
    o->ts.recent = s->ts_val;
    o->snd.wnd = s->wnd;
    o->snd.wl1 = s->seq;
    if (s->wnd > o->snd.max_wnd)
        o->snd.max_wnd = s->wnd;
    o->took_effect = true;
}

static struct oracle_reply listen_state(struct oracle *o, const struct oracle_segment *s)
{
    unsigned ecn = ORACLE_ECE | ORACLE_CWR;

    if (s->bits & ORACLE_RST)
        return silence(o, "LISTEN, first: a reset");
    if (s->bits & ORACLE_ACK)
        return a_reset(o, s->ack, "LISTEN, second: an ACK");
    if (!(s->bits & ORACLE_SYN))
        return silence(o, "LISTEN, fourth: anything else");
    if ((s->bits & ORACLE_FIN) && o->policy.listen_drops_syn_fin)
        return silence(o, "LISTEN: SYN and FIN");
    take_syn(o, s);
    o->snd.una = o->snd.iss;
    o->snd.nxt = o->snd.iss + 1;
    o->state = ORACLE_SYN_RECEIVED;
    return a_syn_ack(o, o->policy.accepts_ecn && (s->bits & ecn) == ecn ? ORACLE_ECE : 0,
                     "LISTEN, third: a SYN");
}

/* --- 3.10.7.4, sixth, seventh, eighth ---------------------------------------------------- */

static void sixth_urg(struct oracle *o, const struct oracle_segment *s)
{
    uint32_t up = s->seq + s->up;

    if (!(s->bits & ORACLE_URG))
        return;
    if (o->state != ORACLE_ESTABLISHED && o->state != ORACLE_FIN_WAIT_1 &&
        o->state != ORACLE_FIN_WAIT_2)
        return;
    /* "RCV.UP <- max(RCV.UP,SEG.UP)"; the user is told "if the urgent pointer is in advance of the
     * data consumed". The tests' user has consumed nothing. */
    if (before(o->rcv.up, up)) {
        o->urgent_signal = true;
        o->rcv.up = up;
        o->took_effect = true;
    }
}

/* The first copy of a byte is kept. */
static void keep_text(struct oracle *o, uint32_t at, const uint8_t *text, uint32_t len)
{
    uint32_t first = o->rcv.irs + 1;
    uint32_t end = o->rcv.edge;

    if (o->rcv.fin_known && before(o->rcv.fin, end))
        end = o->rcv.fin;
    for (uint32_t i = 0; i < len; i++) {
        uint32_t n = at + i;
        if (before(n, o->rcv.nxt) || !before(n, end) || n - first >= ORACLE_TEXT ||
            o->here[n - first])
            continue;
        o->here[n - first] = true;
        o->text[n - first] = text[i];
        if (!at_most(n + 1, o->sack_edge))
            o->sack_edge = n + 1;
    }
    while (o->rcv.nxt - first < ORACLE_TEXT && o->here[o->rcv.nxt - first])
        o->rcv.nxt++;
    if (before(o->sack_edge, o->rcv.nxt))
        o->sack_edge = o->rcv.nxt;
}

static bool receives_text(enum oracle_state state)
{
    return state == ORACLE_ESTABLISHED || state == ORACLE_FIN_WAIT_1 || state == ORACLE_FIN_WAIT_2;
}

/* Where the peer's FIN stands, if it lies in the window and no text behind it came before. */
static void note_fin(struct oracle *o, const struct oracle_segment *s)
{
    uint32_t fin = s->seq + seg_len(s) - 1;
    bool at_edge = o->policy.fin_at_closed_window && fin == o->rcv.nxt;

    if (o->rcv.fin_known || before(fin, o->rcv.nxt) || (!before(fin, o->rcv.edge) && !at_edge))
        return;
    if (before(o->rcv.nxt, o->sack_edge) && before(fin, o->sack_edge))
        return;
    o->rcv.fin_known = true;
    o->rcv.fin = fin;
}

static void take_fin(struct oracle *o)
{
    o->rcv.nxt = o->rcv.fin + 1;
    o->rcv.fin_taken = true;
    switch (o->state) {
    case ORACLE_SYN_RECEIVED:
    case ORACLE_ESTABLISHED:
        o->state = ORACLE_CLOSE_WAIT;
        break;
    case ORACLE_FIN_WAIT_1:
        /* "If our FIN has been ACKed (perhaps in this segment)": then the fifth step has left
         * FIN-WAIT-1 already. */
        o->state = ORACLE_CLOSING;
        break;
    case ORACLE_FIN_WAIT_2:
        o->state = ORACLE_TIME_WAIT;
        break;
    case ORACLE_CLOSED:
    case ORACLE_LISTEN:
    case ORACLE_SYN_SENT:
    case ORACLE_CLOSE_WAIT:
    case ORACLE_CLOSING:
    case ORACLE_LAST_ACK:
    case ORACLE_TIME_WAIT:
        break;
    }
}

/* True: an ACK is to be sent. */
static bool from_sixth(struct oracle *o, const struct oracle_segment *s)
{
    uint32_t at = s->seq + (s->bits & ORACLE_SYN ? 1 : 0);
    bool ack = false;

    sixth_urg(o, s);
    if (s->text_len > 0 && receives_text(o->state)) {
        keep_text(o, at, s->text, s->text_len);
        ack = true;
        o->took_effect = true;
    }
    if (s->bits & ORACLE_FIN) {
        bool second = o->rcv.fin_taken;
        o->took_effect = true;
        note_fin(o, s);
        if (o->rcv.fin_known)
            ack = true;
        if (second && !o->policy.one_fin)
            o->rcv.nxt++;
    }
    if (o->rcv.fin_known && !o->rcv.fin_taken && o->rcv.nxt == o->rcv.fin)
        take_fin(o);
    return ack;
}

/* --- 3.10.7.3 SYN-SENT ------------------------------------------------------------------- */

static struct oracle_reply syn_sent_is_answered(struct oracle *o, const struct oracle_segment *s)
{
    struct oracle_segment rest = *s;

    o->state = ORACLE_ESTABLISHED;
    o->snd.una = s->ack;
    o->snd.wl2 = s->ack;
    if (o->policy.syn_ack_text_is_left && s->text_len > 0) {
        rest.text_len = 0;
        rest.bits &= ~(unsigned)ORACLE_FIN;
    } else {
        o->rcv.edge = o->rcv.nxt + 65535;
    }
    (void)from_sixth(o, &rest);
    o->rcv.edge = o->rcv.nxt;
    return an_ack(o, "SYN-SENT, fourth: our SYN was acknowledged");
}

static struct oracle_reply syn_sent_state(struct oracle *o, const struct oracle_segment *s)
{
    bool has_ack = s->bits & ORACLE_ACK;

    if (has_ack && (at_most(s->ack, o->snd.iss) || before(o->snd.nxt, s->ack))) {
        if (s->bits & ORACLE_RST)
            return silence(o, "SYN-SENT, first: a reset with a bad ACK");
        return a_reset(o, s->ack, "SYN-SENT, first: a bad ACK");
    }
    if (s->bits & ORACLE_RST) {
        if (!has_ack)
            return silence(o, "SYN-SENT, second: a reset without ACK");
        o->state = ORACLE_CLOSED;
        o->took_effect = true;
        return silence(o, "SYN-SENT, second: refused");
    }
    if (!(s->bits & ORACLE_SYN))
        return silence(o, "SYN-SENT, fifth: neither SYN nor RST");
    take_syn(o, s);
    if (has_ack)
        return syn_sent_is_answered(o, s);
    o->state = ORACLE_SYN_RECEIVED;
    return a_syn_ack(o, 0, "SYN-SENT, fourth: a SYN crossed ours");
}

/* --- 3.10.7.4, first to fifth ------------------------------------------------------------ */

/* Table 6. */
static bool is_acceptable(const struct oracle *o, const struct oracle_segment *s)
{
    uint32_t len = seg_len(s), wnd = o->rcv.edge - o->rcv.nxt;

    if (wnd == 0)
        return len == 0 && s->seq == o->rcv.nxt;
    if (within(o->rcv.nxt, s->seq, o->rcv.edge))
        return true;
    return len > 0 && within(o->rcv.nxt, s->seq + len - 1, o->rcv.edge);
}

static bool is_crossing_syn_ack(const struct oracle *o, const struct oracle_segment *s)
{
    unsigned both = ORACLE_SYN | ORACLE_ACK;

    return o->policy.crossing_syn_ack_is_taken && o->state == ORACLE_SYN_RECEIVED && !o->passive &&
           (s->bits & (both | ORACLE_RST)) == both && s->seq == o->rcv.irs && s->ack == o->snd.nxt;
}

static bool is_overtaken_ack(const struct oracle *o, const struct oracle_segment *s)
{
    return o->state != ORACLE_SYN_RECEIVED && s->bits == ORACLE_ACK && s->text_len == 0 &&
           s->seq == o->rcv.nxt && s->ack == o->snd.una && s->wnd == o->snd.wnd &&
           o->ts.recent - s->ts_val < o->policy.overtaken_ack_ms;
}

static bool is_syn_again(const struct oracle *o, const struct oracle_segment *s)
{
    return o->policy.syn_again_draws_syn_ack && o->state == ORACLE_SYN_RECEIVED &&
           (s->bits & ORACLE_SYN) && s->seq == o->rcv.irs;
}

/* RFC 7323, 5.3, R1 and 3.2: false, with the answer, when the timestamp says that this is old. */
static bool timestamp_is_good(struct oracle *o, const struct oracle_segment *s,
                              struct oracle_reply *reply)
{
    if (!o->ts.ok || (s->bits & ORACLE_RST))
        return true;
    if (!s->has_ts && o->policy.timestamps_are_required) {
        *reply = silence(o, "RFC 7323, 3.2: no timestamps");
        return false;
    }
    if (s->has_ts && before(s->ts_val, o->ts.recent) && !is_overtaken_ack(o, s)) {
        *reply = an_ack(o, "RFC 7323, 5.3, R1: an old timestamp");
        return false;
    }
    return true;
}

/* RFC 7323, 4.3, (2) */
static void take_timestamp(struct oracle *o, const struct oracle_segment *s)
{
    if (!o->ts.ok || !s->has_ts || (s->bits & ORACLE_RST) || before(o->ts.last_ack_sent, s->seq) ||
        before(s->ts_val, o->ts.recent))
        return;
    o->ts.recent = s->ts_val;
    o->took_effect = true;
}

/* True when the segment goes on to the second step. */
static bool first_sequence_number(struct oracle *o, const struct oracle_segment *s,
                                  struct oracle_reply *reply)
{
    bool wnd_is_zero = o->rcv.edge == o->rcv.nxt;

    if (!timestamp_is_good(o, s, reply))
        return false;
    /* "special allowance should be made to accept valid ACKs, URGs, and RSTs" of a segment with
     * text at a closed window. A SYN's place is not the window's edge. */
    if (!is_acceptable(o, s) && !(wnd_is_zero && s->seq == o->rcv.nxt) &&
        !is_crossing_syn_ack(o, s)) {
        if (s->bits & ORACLE_RST)
            *reply = silence(o, "first: a reset outside of the window");
        else if (is_syn_again(o, s))
            *reply = a_syn_ack(o, 0, "first: the SYN again");
        else
            *reply = an_ack(o, "first: not acceptable");
        return false;
    }
    if (!o->policy.timestamps_wait_for_ack)
        take_timestamp(o, s);
    return true;
}

static struct oracle_reply second_rst(struct oracle *o, const struct oracle_segment *s)
{
    bool exact = s->seq == o->rcv.nxt;

    if (o->policy.reset_at_sack_edge && o->sack && before(o->rcv.nxt, o->sack_edge) &&
        s->seq == o->sack_edge)
        exact = true;
    if (o->policy.challenge_acks && !exact)
        return an_ack(o, "second: a reset elsewhere in the window");
    if (o->state == ORACLE_TIME_WAIT && o->policy.time_wait_ignores_resets)
        return silence(o, "second: a reset in TIME-WAIT");
    return becomes_closed(o, "second: a reset");
}

static struct oracle_reply fourth_syn(struct oracle *o, const struct oracle_segment *s)
{
    if (o->passive && is_syn_again(o, s))
        return a_syn_ack(o, 0, "fourth: the SYN again, with more than was taken");
    if (o->state == ORACLE_SYN_RECEIVED && o->passive)
        return becomes_closed(o, "fourth: a SYN in SYN-RECEIVED");
    if (o->policy.challenge_acks)
        return an_ack(o, "fourth: a SYN");
    return becomes_closed(o, "fourth: a SYN resets (RFC 793)");
}

/* ESTABLISHED's part of the fifth step: SND.UNA and the send window. Beyond the RFC, as Linux: what
 * acknowledges new text is not old, wherever its own text stands; else SND.UNA + SND.WND would pass
 * the edge that was offered. */
static void take_ack(struct oracle *o, const struct oracle_segment *s)
{
    bool news = before(o->snd.una, s->ack);
    o->took_effect = true;
    if (before(s->ack, o->snd.una))
        return; /* "a duplicate ... can be ignored" */
    o->snd.una = s->ack;
    if (news || before(o->snd.wl1, s->seq) ||
        (o->snd.wl1 == s->seq && at_most(o->snd.wl2, s->ack))) {
        o->snd.wnd = s->wnd;
        if (before(o->snd.wl1, s->seq))
            o->snd.wl1 = s->seq;
        o->snd.wl2 = s->ack;
        if (s->wnd > o->snd.max_wnd)
            o->snd.max_wnd = s->wnd;
    }
}

/* What our FIN's acknowledgment changes. True: the connection is over. */
static bool fin_is_acked(struct oracle *o)
{
    if (!o->snd.has_fin || o->snd.una != o->snd.fin + 1)
        return false;
    if (o->state == ORACLE_FIN_WAIT_1)
        o->state = ORACLE_FIN_WAIT_2;
    else if (o->state == ORACLE_CLOSING)
        o->state = ORACLE_TIME_WAIT;
    return o->state == ORACLE_LAST_ACK;
}

/* True when the segment goes on to the sixth step. */
static bool fifth_ack(struct oracle *o, const struct oracle_segment *s, struct oracle_reply *reply)
{
    if (!(s->bits & ORACLE_ACK)) {
        *reply = silence(o, "fifth: no ACK");
        return false;
    }
    if (o->state == ORACLE_SYN_RECEIVED) {
        if (!before(o->snd.una, s->ack) || before(o->snd.nxt, s->ack)) {
            *reply = a_reset(o, s->ack, "fifth: a bad ACK in SYN-RECEIVED");
            return false;
        }
        o->state = ORACLE_ESTABLISHED;
        o->snd.wnd = s->wnd;
        o->snd.wl1 = s->seq;
        o->snd.wl2 = s->ack;
    }
    if (before(o->snd.nxt, s->ack)) {
        *reply = an_ack(o, "fifth: an ACK of what was not sent");
        return false;
    }
    if (o->policy.ack_range && before(s->ack, o->snd.una - o->snd.max_wnd)) {
        *reply = an_ack(o, "fifth: an ACK older than SND.UNA - MAX.SND.WND");
        return false;
    }
    if (o->state != ORACLE_TIME_WAIT)
        take_ack(o, s);
    if (fin_is_acked(o)) {
        *reply = becomes_closed(o, "fifth: our FIN was acknowledged in LAST-ACK");
        return false;
    }
    return true;
}

/* RFC 9293, 3.6.1 (MAY-2); without timestamps by its number alone (RFC 6191, 2). */
static bool ends_time_wait(const struct oracle *o, const struct oracle_segment *s)
{
    unsigned mind = ORACLE_SYN | ORACLE_ACK | ORACLE_RST | ORACLE_FIN;
    bool higher = before(o->rcv.nxt, s->seq);

    if (!o->policy.time_wait_takes_syns || o->state != ORACLE_TIME_WAIT ||
        (s->bits & mind) != ORACLE_SYN)
        return false;
    if (o->ts.ok && s->has_ts)
        return before(o->ts.recent, s->ts_val) || (s->ts_val == o->ts.recent && higher);
    return higher;
}

static struct oracle_reply other_states(struct oracle *o, const struct oracle_segment *s)
{
    struct oracle_reply reply;

    if (ends_time_wait(o, s)) {
        uint32_t highest = o->snd.nxt;
        o->passive = true;
        o->snd.has_fin = o->rcv.fin_known = o->rcv.fin_taken = false;
        reply = listen_state(o, s);
        reply.new_iss = true;
        reply.seq = highest;
        return reply;
    }
    if (!first_sequence_number(o, s, &reply))
        return reply;
    if (s->bits & ORACLE_RST)
        return second_rst(o, s);
    if ((s->bits & ORACLE_SYN) && !is_crossing_syn_ack(o, s))
        return fourth_syn(o, s);
    if (!fifth_ack(o, s, &reply))
        return reply;
    if (o->policy.timestamps_wait_for_ack)
        take_timestamp(o, s);
    if (from_sixth(o, s))
        return an_ack(o, "eighth: text or FIN arrived");
    return silence(o, "eighth: nothing to say");
}

struct oracle_reply oracle_arrives(struct oracle *o, const struct oracle_segment *s)
{
    o->took_effect = false;
    o->urgent_signal = false;
    switch (o->state) {
    case ORACLE_CLOSED:
        return closed_state(o, s);
    case ORACLE_LISTEN:
        return listen_state(o, s);
    case ORACLE_SYN_SENT:
        return syn_sent_state(o, s);
    case ORACLE_SYN_RECEIVED:
    case ORACLE_ESTABLISHED:
    case ORACLE_FIN_WAIT_1:
    case ORACLE_FIN_WAIT_2:
    case ORACLE_CLOSE_WAIT:
    case ORACLE_CLOSING:
    case ORACLE_LAST_ACK:
    case ORACLE_TIME_WAIT:
        return other_states(o, s);
    }
    return silence(o, "no such state");
}

bool oracle_hears_sent(struct oracle *o, unsigned bits, uint32_t ack, uint32_t wnd)
{
    uint32_t edge = ack + wnd;

    if (!(bits & ORACLE_ACK) || (bits & ORACLE_RST))
        return true;
    o->ts.last_ack_sent = ack;
    if (before(edge, o->rcv.edge))
        return false;
    o->rcv.edge = edge;
    return true;
}

uint32_t oracle_delivered(const struct oracle *o)
{
    return o->rcv.nxt - (o->rcv.irs + 1) - (o->rcv.fin_taken ? 1 : 0);
}
