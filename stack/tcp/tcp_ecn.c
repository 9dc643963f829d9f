/* Explicit congestion notification of a connection (RFC 3168, 6.1; RFC 9768, 3): what the
 * handshake agrees on, how marks that arrive are fed back, what the peer's feedback says, and when
 * the path cannot be trusted with it. The counters themselves are accecn.c's; what a mark does to
 * the window is recovery.c's. Called by tcp_arrives.c, tcp_input.c, tcp_ack.c and tcp_output.c. */
#include "base/check.h"
#include "tcp/tcb.h"

enum { ASKS_ACCURATE = 7, ASKS_CLASSIC = 3, ACCEPTS_CLASSIC = 1, RESERVED_ANSWER = 5 };

/* --- the tunable, as Linux has it -------------------------------------------------------- */

enum tcp_ecn_mode tcp_ecn_accepted(int64_t tcp_ecn)
{
    if (tcp_ecn == 0)
        return ECN_OFF;
    return tcp_ecn >= 3 ? ECN_ACCURATE : ECN_CLASSIC;
}

static enum tcp_ecn_mode asked_for(int64_t tcp_ecn)
{
    if (tcp_ecn == 3)
        return ECN_ACCURATE;
    return tcp_ecn == 1 || tcp_ecn == 4 ? ECN_CLASSIC : ECN_OFF;
}

/* --- the handshake ----------------------------------------------------------------------- */

static void mistrust_path(struct tcb *tcb, const char *because)
{
    if (!tcb->ecn.not_ect)
        TRACE(tcb->host->trace, ecn_mangled, .because = because);
    tcb->ecn.not_ect = true;
}

static void enter_mode(struct tcb *tcb, enum tcp_ecn_mode mode)
{
    static const char *const names[] = {
        [ECN_OFF] = "none", [ECN_CLASSIC] = "RFC 3168", [ECN_ACCURATE] = "RFC 9768"};

    tcb->ecn.mode = mode;
    if (mode == ECN_ACCURATE) {
        accecn_receiver_init(&tcb->ecn.in);
        accecn_sender_init(&tcb->ecn.out);
        tcb->ecn.option_owed = !tcb->passive;
    }
    if (mode != ECN_OFF)
        TRACE(tcb->host->trace, ecn_agreed, .mode = names[mode]);
}

/* RFC 9768, Table 2 and 3.1.3 (R9768-02); RFC 3168, 6.1.1 (R3168-01), where AE means nothing. */
enum tcp_ecn_mode tcp_ecn_mode_of_syn(enum tcp_ecn_mode accepted, uint16_t flags)
{
    unsigned bits = accecn_ace_of(flags);

    switch (accepted) {
    case ECN_OFF:
        return ECN_OFF;
    case ECN_CLASSIC:
        return (bits & ASKS_CLASSIC) == ASKS_CLASSIC ? ECN_CLASSIC : ECN_OFF;
    case ECN_ACCURATE:
        if (bits == 0)
            return ECN_OFF;
        return bits == ASKS_CLASSIC ? ECN_CLASSIC : ECN_ACCURATE;
    }
    UNREACHABLE();
}

/* What the SYN-ACK says of how our SYN, which is never ECT, arrived. */
static void judge_field_of_ours(struct tcb *tcb, unsigned code)
{
    uint8_t field = accecn_handshake_field(code, ECN_NOT_ECT);

    if (field == ECN_CE)
        tcb->ecn.marked_in_handshake = true;
    if (field != ECN_NOT_ECT)
        mistrust_path(tcb, "the handshake's IP-ECN field changed on the way");
}

static void accurate_answer_arrives(struct tcb *tcb, const struct segment *syn_ack)
{
    enter_mode(tcb, ECN_ACCURATE);
    judge_field_of_ours(tcb, accecn_ace_of(syn_ack->flags));
    tcb->ecn.syn_field = syn_ack->ecn;
    tcb->ecn.reflects = true;
    if (syn_ack->ecn == ECN_CE) /* 3.2.2.2: once, however many come */
        tcb->ecn.in.cep++;
    accecn_test_option(&tcb->ecn.out, syn_ack->options);
}

static void answer_arrives(struct tcb *tcb, const struct segment *syn_ack)
{
    unsigned bits = accecn_ace_of(syn_ack->flags);

    switch (tcb->ecn.asked) {
    case ECN_OFF:
        break;
    case ECN_CLASSIC: /* ECE alone: a SYN-ACK that reflects both bits is none */
        if ((bits & ASKS_CLASSIC) == ACCEPTS_CLASSIC)
            enter_mode(tcb, ECN_CLASSIC);
        break;
    case ECN_ACCURATE:
        if (bits == ACCEPTS_CLASSIC)
            enter_mode(tcb, ECN_CLASSIC);
        else if (bits != 0 && bits != ASKS_ACCURATE)
            accurate_answer_arrives(tcb, syn_ack);
        break;
    }
}

/* In a simultaneous open what we asked for (3.1.2), else what the tunable says. */
static enum tcp_ecn_mode mode_of(const struct tcb *tcb, const struct segment *syn)
{
    enum tcp_ecn_mode accepted = tcb->passive ? tcp_ecn_accepted(tcb->host->tunables.tcp_ecn)
                                              : tcb->ecn.asked;

    return tcp_ecn_mode_of_syn(accepted, syn->flags);
}

void tcp_ecn_agree(struct tcb *tcb, const struct segment *syn)
{
    if (syn->flags & TCP_ACK) {
        answer_arrives(tcb, syn);
        return;
    }
    tcb->ecn.syn_field = syn->ecn;
    enter_mode(tcb, mode_of(tcb, syn));
}

/* RFC 9768, 3.1.5: the mode never changes; asking for both kinds of feedback in one handshake is
 * answered by a reset; a SYN that asks for none says that the client may end up without. */
bool tcp_ecn_syn_again(struct tcb *tcb, const struct segment *syn)
{
    enum tcp_ecn_mode wanted = mode_of(tcb, syn);

    tcb->ecn.syn_field = syn->ecn;
    if (tcb->ecn.mode != ECN_OFF && wanted != ECN_OFF && wanted != tcb->ecn.mode) {
        tcp_owe_final_reset(tcb);
        tcp_fail(tcb, 0, "two SYNs asked for different kinds of ECN feedback");
        return false;
    }
    if (tcb->ecn.mode == ECN_ACCURATE && wanted == ECN_OFF)
        mistrust_path(tcb, "a second SYN asked for no ECN");
    return true;
}

void tcp_ecn_syn_ack_again(struct tcb *tcb, const struct segment *syn_ack)
{
    if (tcb->ecn.mode != ECN_ACCURATE || tcb->passive || syn_ack->seq + 1 != tcb->rcv.nxt ||
        (syn_ack->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
        return;
    tcb->ecn.syn_field = syn_ack->ecn;
    tcb->ecn.reflects = accecn_ace_of(syn_ack->flags) > ACCEPTS_CLASSIC;
}

/* RFC 9768, 3.2.2.1, Table 4 (R9768-04): our SYN-ACK was not ECT, and must have arrived so. */
void tcp_ecn_handshake_ack(struct tcb *tcb, const struct segment *seg)
{
    unsigned ace = accecn_ace_of(seg->flags);

    if (tcb->ecn.mode != ECN_ACCURATE || (seg->flags & TCP_SYN))
        return;
    accecn_test_option(&tcb->ecn.out, seg->options);
    if (ace == 0) {
        mistrust_path(tcb, "the ACE field of the first ACK is zero");
        tcb->ecn.deaf = true;
    } else if (seg->text.len == 0 && seg->options->sack_count == 0) {
        judge_field_of_ours(tcb, ace);
        tcb->ecn.out.cep += ace == accecn_handshake_code(ECN_CE);
    } else { /* the pure ACK was lost: this is the counter already */
        tcb->ecn.marked_in_handshake = ace != tcb->ecn.out.cep % 8;
        tcb->ecn.out.cep += (ace - tcb->ecn.out.cep) % 8;
    }
}

/* --- the data receiver ------------------------------------------------------------------- */

/* RFC 3168, 6.1.3 (R3168-04): a mark is echoed on every ACK until the peer says that it has
 * reduced. It is answered at once, so that the peer learns of it without delay. */
static void classic_arrives(struct tcb *tcb, const struct segment *seg)
{
    if (seg->flags & TCP_CWR)
        tcb->ecn.echo = false;
    if (seg->ecn == ECN_CE && seg->text.len > 0) {
        if (!tcb->ecn.echo)
            tcp_owe_ack(tcb);
        tcb->ecn.echo = true;
    }
}

/* RFC 8257, 3.2 (R8257-01): ECE says whether the newest text was marked (DCTCP.CE), and a change is
 * answered at once. CWR comes before CE there, and alone it says nothing. What came before the
 * change gets no ACK of its own, which 3.2 allows: input is answered when all of it is read. */
static void exact_arrives(struct tcb *tcb, const struct segment *seg)
{
    bool marked = seg->ecn == ECN_CE;

    if (seg->text.len == 0)
        return;
    if (tcb->ecn.echo != marked)
        tcp_owe_ack(tcb);
    tcb->ecn.echo = marked;
}

void tcp_ecn_arrives(struct tcb *tcb, const struct segment *seg)
{
    bool waiting = seg->text.len > 0 || tcb->acks.acked != tcb->rcv.nxt;

    switch (tcb->ecn.mode) {
    case ECN_OFF:
        return;
    case ECN_CLASSIC:
        if (tcb->cc.ops->echoes_exactly)
            exact_arrives(tcb, seg);
        else
            classic_arrives(tcb, seg);
        break;
    case ECN_ACCURATE:
        if (!(seg->flags & TCP_SYN) && accecn_packet(&tcb->ecn.in, seg->ecn, seg->wire_segments,
                                                     (uint32_t)seg->text.len, waiting))
            tcp_owe_ack(tcb); /* R9768-05 */
        break;
    }
    if (seg->ecn == ECN_CE)
        TRACE(tcb->host->trace, ecn_marked, .packets = seg->wire_segments, .len = seg->text.len);
}

/* --- the data sender --------------------------------------------------------------------- */

/* RFC 9768, 3.2.2.4: the counter begins at 5, so that 0 in the first feedback means that somebody
 * clears the field; unless so much was delivered that it may have wrapped. */
static void test_for_zeroing(struct tcb *tcb, unsigned ace, uint32_t packets)
{
    enum { WRAPS_AFTER = 3 };

    if (tcb->ecn.tested)
        return;
    tcb->ecn.tested = true;
    if (ace != 0 || packets >= WRAPS_AFTER)
        return;
    mistrust_path(tcb, "the ACE field of the first feedback is zero");
    tcb->ecn.deaf = true;
}

/* RFC 9768, 3.2.2.3: when all that is sent for four rounds comes back as marked, something on the
 * path marks everything. */
static void test_for_marks_on_everything(struct tcb *tcb, uint64_t marked, uint32_t packets)
{
    enum { ROUNDS = 4 };

    if (tcb->ecn.seen_unmarked || packets == 0)
        return;
    tcb->ecn.seen_unmarked = marked < packets;
    if (tcb->snd.una < tcb->ecn.round_end)
        return;
    tcb->ecn.round_end = tcb->snd.nxt;
    if (++tcb->ecn.marked_rounds <= ROUNDS || tcb->ecn.seen_unmarked)
        return;
    mistrust_path(tcb, "every packet of four rounds came back as marked");
    tcb->ecn.deaf = tcb->ecn.seen_unmarked = true;
}

static void accurate_feedback(struct tcb *tcb, const struct segment *seg,
                              const struct sent_delivery *delivery, struct recovery_ack *facts)
{
    struct accecn_ack ack = {
        .ace = accecn_ace_of(seg->flags),
        .packets = delivery->newly_delivered_segments,
        .bytes = delivery->newly_acked_bytes + delivery->newly_sacked_bytes,
        .mss = tcb->mss,
        .options = seg->options,
    };
    struct accecn_news news;

    test_for_zeroing(tcb, ack.ace, ack.packets);
    if (tcb->ecn.deaf)
        return;
    news = accecn_feedback(&tcb->ecn.out, &ack);
    test_for_marks_on_everything(tcb, news.ce_packets, ack.packets);
    if (news.contradiction)
        mistrust_path(tcb, "the option counts marks that the ACE field denies");
    facts->ece = news.ce_packets > 0 && !tcb->ecn.deaf;
    facts->ce_marked = tcb->ecn.deaf ? 0 : news.ce_bytes;
    tcb->ecn.delivered_ce += news.ce_packets;
    if (news.ce_packets)
        TRACE(tcb->host->trace, ecn_feedback, .packets = news.ce_packets, .bytes = news.ce_bytes);
}

/* An ACK that others have overtaken says nothing new (RFC 9768, A.1). */
static bool is_superseded(const struct tcb *tcb, const struct segment *seg)
{
    return seg->ack < tcb->snd.una || (tcb->paws.enabled && seg->options->has_timestamps &&
                                       (int32_t)(seg->options->ts_val - tcb->paws.recent) < 0);
}

/* Our SYN-ACK may arrive twice, and is then answered in the handshake's form again (RFC 9768,
 * 3.2.2.1): what acknowledges the SYN and nothing else may be that, and is no counter. */
static bool answers_our_syn_ack(const struct tcb *tcb, const struct segment *seg)
{
    return tcb->passive && seg->ack == tcb->snd.iss + 1 && seg->text.len == 0 &&
           seg->options->sack_count == 0;
}

void tcp_ecn_feedback(struct tcb *tcb, const struct segment *seg,
                      const struct sent_delivery *delivery, struct recovery_ack *facts)
{
    switch (tcb->ecn.mode) {
    case ECN_OFF:
        break;
    case ECN_CLASSIC:
        facts->ece = (seg->flags & (TCP_ECE | TCP_SYN)) == TCP_ECE; /* on a SYN-ACK it agrees */
        if (!facts->ece || delivery->newly_delivered_segments == 0)
            break;
        tcb->ecn.delivered_ce += delivery->newly_delivered_segments;
        TRACE(tcb->host->trace, ecn_feedback, .packets = delivery->newly_delivered_segments);
        break;
    case ECN_ACCURATE:
        if (!is_superseded(tcb, seg) && !(seg->flags & TCP_SYN) && !answers_our_syn_ack(tcb, seg))
            accurate_feedback(tcb, seg, delivery, facts);
        break;
    }
}

/* --- sending ----------------------------------------------------------------------------- */

/* RFC 9768, 3.1.4.1: asked for twice, then no more; RFC 3168, 6.1.1.1 (R3168-07): once. A middlebox
 * may drop SYNs for that. */
static void fill_question(struct tcb *tcb, struct tcp_header *h)
{
    if (tcb->syn_transmissions == 0)
        tcb->ecn.asked = asked_for(tcb->host->tunables.tcp_ecn);
    else if (tcb->ecn.asked == ECN_CLASSIC)
        tcb->ecn.asked = ECN_OFF;
    if (tcb->ecn.asked == ECN_ACCURATE && tcb->syn_transmissions < 2)
        h->flags |= accecn_flags_of(ASKS_ACCURATE);
    if (tcb->ecn.asked == ECN_CLASSIC)
        h->flags |= accecn_flags_of(ASKS_CLASSIC);
}

/* The option tries the path on the SYN-ACK, when there is room (3.2.3.2.1). */
static void add_option_to_answer(const struct tcb *tcb, struct tcp_header *h)
{
    if (tcb->host->tunables.tcp_ecn_option == 0)
        return;
    accecn_fill(&tcb->ecn.in, ACCECN_COUNTERS, 1, &h->options);
    if (tcp_options_length(&h->options, h->flags & TCP_SYN) > TCP_OPTIONS_LONGEST)
        h->options.has_accecn = false;
}

/* RFC 9768, 3.2.3.2.2: first with the option, then without, then without any ECN; in AccECN mode
 * all the same. After the last, the client may be without ECN: no ECT (3.1.5). */
static void fill_accurate_answer(struct tcb *tcb, struct tcp_header *h)
{
    uint8_t answers = tcb->ecn.answers;

    if (answers < UINT8_MAX)
        tcb->ecn.answers++;
    if (answers == 0)
        add_option_to_answer(tcb, h);
    if (answers >= 1 && tcb->host->tunables.tcp_ecn_option < 3)
        tcb->ecn.option_off = true;
    if (answers >= 2) {
        mistrust_path(tcb, "two SYN-ACKs with accurate ECN were not answered");
        return;
    }
    h->flags |= accecn_flags_of(accecn_handshake_code(tcb->ecn.syn_field));
}

void tcp_ecn_fill_syn(struct tcb *tcb, struct tcp_header *h)
{
    if (tcb->state != TCP_SYN_RECEIVED) {
        fill_question(tcb, h);
        return;
    }
    switch (tcb->ecn.mode) {
    case ECN_OFF:
        break;
    case ECN_CLASSIC:
        h->flags |= TCP_ECE;
        break;
    case ECN_ACCURATE:
        fill_accurate_answer(tcb, h);
        break;
    }
}

enum tcp_ecn_wish tcp_ecn_option_wish(const struct tcb *tcb)
{
    enum { NEVER = 0, ON_CHANGE = 1 };
    int64_t setting = tcb->host->tunables.tcp_ecn_option;

    if (tcb->ecn.mode != ECN_ACCURATE || setting == NEVER || tcb->ecn.option_off)
        return ECN_OPTION_NOT;
    if (accecn_option_is_due(&tcb->ecn.in))
        return ECN_OPTION_MUST;
    return setting == ON_CHANGE && !tcb->ecn.option_owed ? ECN_OPTION_NOT : ECN_OPTION_MAY;
}

bool tcp_ecn_forbids_bursts(const struct tcb *tcb)
{
    return tcb->ecn.mode == ECN_ACCURATE && (accecn_flags_of((unsigned)tcb->ecn.in.cep) & TCP_CWR);
}

/* The first text of a client was lost, perhaps for its option: it and what follows go without
 * (RFC 9768, 3.2.3.2.2). */
static void judge_option_of_first_text(struct tcb *tcb, const struct tcp_decision *d)
{
    if (d->what == SEND_RETRANSMISSION && d->from == tcb->snd.iss + 1 && !tcb->passive &&
        tcb->fast_open.text == 0 && tcb->host->tunables.tcp_ecn_option < 3)
        tcb->ecn.option_off = true;
}

/* RFC 9768, 3.2.2 (R9768-03): the counter on every segment but the ACK of a SYN-ACK. */
static void fill_accurate(struct tcb *tcb, const struct tcp_decision *d, struct tcp_emission *out)
{
    struct tcp_option_plan plan;
    unsigned ace = tcb->ecn.reflects ? accecn_handshake_code(tcb->ecn.syn_field)
                                     : (unsigned)(tcb->ecn.in.cep & 7);

    out->header.flags |= accecn_flags_of(ace);
    judge_option_of_first_text(tcb, d);
    plan = tcp_plan_options(tcb);
    if (plan.accecn >= 0)
        accecn_fill(&tcb->ecn.in, plan.accecn, plan.accecn_order, &out->header.options);
}

/* RFC 3168, 6.1 (R3168-02): ECT on new text only, never on a retransmission, a bare ACK or a probe.
 */
void tcp_ecn_fill(struct tcb *tcb, const struct tcp_decision *d, struct tcp_emission *out)
{
    bool text = d->what == SEND_TEXT && d->len > 0;

    switch (tcb->ecn.mode) {
    case ECN_OFF:
        return;
    case ECN_CLASSIC:
        out->header.flags |= tcb->ecn.echo ? TCP_ECE : 0;
        out->header.flags |= text && tcb->ecn.reduced ? TCP_CWR : 0;
        tcb->ecn.reduced = tcb->ecn.reduced && !text;
        break;
    case ECN_ACCURATE:
        fill_accurate(tcb, d, out);
        break;
    }
    if (text && !tcb->ecn.not_ect)
        out->tos |= ECN_ECT0;
}

void tcp_ecn_sent(struct tcb *tcb, const struct tcp_decision *d)
{
    struct tcp_option_plan plan;

    if (tcb->ecn.mode != ECN_ACCURATE)
        return;
    plan = tcp_plan_options(tcb);
    accecn_told(&tcb->ecn.in, plan.accecn, plan.accecn_order);
    if (d->len > 0)
        tcb->ecn.option_owed = false;
    tcb->ecn.reflects = false;
}
