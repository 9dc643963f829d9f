/* The stack and the oracle side by side. See grid.h. */
#include "support/grid.h"

#include <stdlib.h>

struct oracle grid_oracle;
unsigned long grid_cases, grid_built;

const struct oracle_policy grid_policy = {
    .challenge_acks = true,
    .ack_range = true,
    .time_wait_ignores_resets = true,
    .time_wait_takes_syns = true,
    .listen_drops_syn_fin = true,
    .syn_again_draws_syn_ack = true,
    .crossing_syn_ack_is_taken = true,
    .syn_ack_text_is_left = true,
    .fin_at_closed_window = true,
    .overtaken_ack_ms = 200,
    .one_fin = true,
    .accepts_ecn = true,
    .timestamps_are_required = true,
    .timestamps_wait_for_ack = true,
    .reset_at_sack_edge = true,
};

const uint32_t grid_edges[5] = {0, 1, 0x7fffffff, 0x80000001, UINT32_MAX};

enum { RECEIVE_BUFFER = 4096, MEMORY = 1 << 20, MOST_TOLD = 12, HOST_LASTS = 500 };

static struct grid_start standing;
static bool stands, quiet;
static unsigned long disagreements;
static struct {
    const char *start, *step;
} told[MOST_TOLD];
static unsigned told_count;

/* --- telling of a disagreement ----------------------------------------------------------- */

static const char *bits_text(unsigned bits)
{
    static const char names[] = "FSRPAUEC";
    static char text[4][12];
    static unsigned turn;
    char *t = text[turn++ % 4];
    unsigned n = 0;

    for (unsigned i = 0; i < 8; i++)
        if (bits & 1u << i)
            t[n++] = names[i];
    t[n] = 0;
    return n ? t : "-";
}

static void tell_numbers(const struct tcb *tcb)
{
    const struct oracle *o = &grid_oracle;

    print_error("    oracle: una +%u nxt +%u wnd %u, rcv.nxt +%u, delivered %u, TS.Recent %u\n",
                o->snd.una - o->snd.iss, o->snd.nxt - o->snd.iss, o->snd.wnd,
                o->rcv.nxt - o->rcv.irs, oracle_delivered(o), o->ts.recent);
    if (tcb)
        print_error("    stack:  una +%u nxt +%u wnd %u, rcv.nxt +%u, unread %zu, TS.Recent %u\n",
                    (uint32_t)(tcb->snd.una - tcb->snd.iss),
                    (uint32_t)(tcb->snd.nxt - tcb->snd.iss), tcb->snd.wnd,
                    (uint32_t)(tcb->rcv.nxt - tcb->rcv.irs), reassembly_unread(&tcb->received),
                    tcb->paws.recent);
}

/* Each kind of disagreement is told once. */
static bool is_news(void)
{
    for (unsigned i = 0; i < told_count; i++)
        if (told[i].start == standing.name && told[i].step == grid_oracle.step)
            return false;
    if (told_count == MOST_TOLD)
        return false;
    told[told_count].start = standing.name;
    told[told_count++].step = grid_oracle.step;
    return true;
}

static void disagree(const char *about, const struct step_segment *s,
                     const struct oracle_reply *want)
{
    const struct step_sent *got = steps->sent_count ? last_sent() : NULL;

    disagreements++;
    if (!is_news())
        return;
    print_error("%s, %s (ISS %u, IRS %u): < %s seq %u ack %u len %u wnd %u urg %u ts %u\n", about,
                standing.name, standing.iss, standing.irs, bits_text(s->flags), s->seq, s->ack,
                s->len, s->zero_window ? 0u : s->window, s->urgent, s->ts_val);
    print_error("    oracle: %s, \"%s\", answers %s seq %u ack %u\n",
                oracle_state_name(grid_oracle.state), grid_oracle.step, bits_text(want->bits),
                want->seq - grid_oracle.snd.iss, want->ack - grid_oracle.rcv.irs);
    print_error("    stack:  %s, %u answers, the last %s seq %u ack %u\n",
                tcp_state_name(state_now()), unseen(), bits_text(got ? got->flags : 0),
                got ? got->header.seq.u32 - grid_oracle.snd.iss : 0,
                got ? got->header.ack.u32 - grid_oracle.rcv.irs : 0);
    tell_numbers(tcp_find(steps->tcp, &steps->flow));
}

/* --- comparing --------------------------------------------------------------------------- */

static bool same_state(enum tcp_state stack, enum oracle_state oracle)
{
    static const enum oracle_state as[TCP_STATES] = {
        [TCP_CLOSED] = ORACLE_CLOSED,           [TCP_LISTEN] = ORACLE_LISTEN,
        [TCP_SYN_SENT] = ORACLE_SYN_SENT,       [TCP_SYN_RECEIVED] = ORACLE_SYN_RECEIVED,
        [TCP_ESTABLISHED] = ORACLE_ESTABLISHED, [TCP_FIN_WAIT_1] = ORACLE_FIN_WAIT_1,
        [TCP_FIN_WAIT_2] = ORACLE_FIN_WAIT_2,   [TCP_CLOSE_WAIT] = ORACLE_CLOSE_WAIT,
        [TCP_CLOSING] = ORACLE_CLOSING,         [TCP_LAST_ACK] = ORACLE_LAST_ACK,
        [TCP_TIME_WAIT] = ORACLE_TIME_WAIT,
    };

    if (oracle == ORACLE_LISTEN) /* no connection; the listener is always there */
        return stack == TCP_CLOSED;
    return as[stack] == oracle;
}

static bool same_reply(const struct oracle_reply *want)
{
    const struct step_sent *got;

    if (want->bits == 0)
        return unseen() == 0;
    if (unseen() != 1)
        return false;
    got = last_sent();
    if ((got->flags & ~(unsigned)PSH) != want->bits || got->len != 0)
        return false;
    if ((want->bits & ORACLE_ACK) && got->header.ack.u32 != want->ack)
        return false;
    /* RFC 7323, 3.2: on every segment but a reset, with TS.Recent in TSecr. */
    if (grid_oracle.ts.ok && !(want->bits & ORACLE_RST) &&
        (!got->header.options.has_timestamps ||
         got->header.options.ts_ecr != grid_oracle.ts.recent))
        return false;
    if (want->new_iss)
        return (int32_t)(got->header.seq.u32 - want->seq) > 0;
    return got->header.seq.u32 == want->seq;
}

static bool same_text(const struct tcb *tcb)
{
    static uint8_t text[ORACLE_TEXT];
    size_t unread = reassembly_unread(&tcb->received);

    if (unread != oracle_delivered(&grid_oracle))
        return false;
    reassembly_peek(&tcb->received, 0, text, unread);
    return memcmp(text, grid_oracle.text, unread) == 0;
}

/* What of the control block SYN-SENT knows already, and the rest. */
static bool same_numbers(const struct tcb *tcb)
{
    const struct oracle *o = &grid_oracle;

    if ((uint32_t)tcb->snd.una != o->snd.una || (uint32_t)tcb->snd.nxt != o->snd.nxt)
        return false;
    if (o->state == ORACLE_SYN_SENT)
        return true;
    return (uint32_t)tcb->rcv.nxt == o->rcv.nxt && tcb->snd.wnd == o->snd.wnd &&
           tcb->paws.enabled == o->ts.ok && (!o->ts.ok || tcb->paws.recent == o->ts.recent) &&
           same_text(tcb);
}

static void hear_what_was_sent(const struct step_segment *s, const struct oracle_reply *want)
{
    while (unseen() > 0) {
        const struct step_sent *sent = next_sent();
        if (!oracle_hears_sent(&grid_oracle, sent->flags, sent->header.ack.u32, sent->window))
            disagree("the window's edge moved back", s, want);
        if (want->new_iss) {
            grid_oracle.snd.iss = grid_oracle.snd.una = sent->header.seq.u32;
            grid_oracle.snd.nxt = grid_oracle.snd.iss + 1;
        }
    }
}

static struct oracle_segment for_oracle(const struct step_segment *s)
{
    static uint8_t text[ORACLE_TEXT];

    for (uint32_t i = 0; i < s->len; i++)
        text[i] = s->text ? (uint8_t)s->text[i] : pattern_at((uint64_t)s->seq + i);
    return (struct oracle_segment){
        .seq = steps->config.irs + s->seq,
        .ack = grid_oracle.state == ORACLE_LISTEN || grid_oracle.state == ORACLE_CLOSED
                   ? s->ack
                   : grid_oracle.snd.iss + s->ack,
        .bits = s->flags & ~(unsigned)PSH,
        .wnd = s->zero_window ? 0 : (s->window ? s->window : 10000),
        .up = s->urgent,
        .text = text,
        .text_len = s->len,
        .has_ts = s->ts_val != 0,
        .ts_val = s->ts_val,
    };
}

bool grid_arrives_(const struct step_segment *s)
{
    struct oracle_segment seg = for_oracle(s);
    struct oracle_reply want;
    struct tcb *tcb = tcp_find(steps->tcp, &steps->flow);
    bool over, agree;

    forget_sent();
    if (tcb)
        tcb->rcv.urgent_news = false;
    want = oracle_arrives(&grid_oracle, &seg);
    arrives_(s);
    grid_cases += !quiet;
    tcb = tcp_find(steps->tcp, &steps->flow);
    over = grid_oracle.state == ORACLE_CLOSED || grid_oracle.state == ORACLE_LISTEN;
    agree = same_state(tcb ? tcp_state_of(tcb) : TCP_CLOSED, grid_oracle.state) &&
            same_reply(&want);
    if (agree && !over && !want.new_iss)
        agree = tcb && same_numbers(tcb) && tcb->rcv.urgent_news == grid_oracle.urgent_signal;
    if (!agree)
        disagree("disagreement", s, &want);
    hear_what_was_sent(s, &want);
    if (grid_oracle.took_effect || !agree)
        stands = false;
    return agree;
}

/* --- reaching a start -------------------------------------------------------------------- */

/* Our clock is set so that the ISN comes out as the test wants it. */
static void choose_iss(const struct grid_start *start)
{
    struct flow flow = steps->flow;
    uint32_t missing;

    if (start->active) {
        flow.local.port = 50000;
        flow.remote.port = 80;
    }
    missing = start->iss - (uint32_t)tcp_new_iss(steps->tcp, &flow, steps->now);
    steps->now.ns += (int64_t)missing * 4000;
}

/* One host serves many connections, one after the other: making hosts costs most. */
static void clear_host(void)
{
    struct tcb *tcb, *next;

    for (tcb = tcp_each(steps->tcp, NULL); tcb; tcb = next) {
        next = tcp_each(steps->tcp, tcb);
        tcp_abort(tcb, steps->now);
    }
    lets_send();
    assert_int_equal(steps->tcp->connections, 0);
    steps->tcb = NULL;
    steps->flow.local.port = 80;
    steps->flow.remote.port = 40000;
}

static void need_host(void)
{
    static unsigned served;

    if (steps->tcp && ++served < HOST_LASTS) {
        clear_host();
        return;
    }
    served = 0;
    steps_close();
    steps_open(&(struct steps_config){.receive_buffer = RECEIVE_BUFFER, .memory = MEMORY});
    trace_unsubscribe(&steps->trace, &steps->story);
    tcp_listener_settings(steps->listener)->quick_ack = true;
}

static void begins(const struct grid_start *start)
{
    need_host();
    steps->config.irs = start->irs;
    choose_iss(start);
    if (start->active) {
        reach(TCP_SYN_SENT);
        settings()->quick_ack = true;
        oracle_opens(&grid_oracle, &grid_policy, start->iss);
    } else {
        oracle_listens(&grid_oracle, &grid_policy, start->iss);
    }
    grid_oracle.ts.offered = true;
    grid_oracle.sack = start->sack;
}

static void establish(const struct grid_start *start)
{
    grid_arrives(.seq = 0, .ack = 1, .flags = start->active ? SYN | ACK : SYN, .ts_val = start->ts,
                 .sack_permitted = start->sack, .mss = 1000);
    if (!start->active) {
        grid_arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = start->ts);
        steps->tcb = tcp_accept(steps->listener, steps);
    }
    if (start->closed_window)
        for (uint32_t at = 1; last_sent()->window > 0; at += 512)
            grid_arrives(.seq = at, .ack = 1, .flags = ACK, .len = 512, .ts_val = start->ts);
    if (start->hole)
        grid_arrives(.seq = 6, .ack = 1, .flags = ACK, .len = 10, .ts_val = start->ts);
    if (start->in_flight) {
        assert_int_equal(user_sends(100), 100);
        oracle_sends(&grid_oracle, 100);
    }
}

void grid_user_closes(void)
{
    user_closes();
    oracle_closes(&grid_oracle);
    forget_sent();
}

static void peers_fin(const struct grid_start *start, uint32_t ack)
{
    uint32_t seq = grid_oracle.rcv.nxt - grid_oracle.rcv.irs;

    grid_arrives(.seq = seq, .ack = ack, .flags = FIN | ACK, .ts_val = start->ts);
}

static void half_open(const struct grid_start *start)
{
    grid_arrives(.seq = 0, .flags = SYN, .ts_val = start->ts, .sack_permitted = start->sack,
                 .mss = 1000);
}

static void go_to(const struct grid_start *start)
{
    uint32_t all = start->in_flight ? 102 : 2;
    uint32_t seq;

    establish(start);
    seq = grid_oracle.rcv.nxt - grid_oracle.rcv.irs;
    if (start->state == TCP_CLOSE_WAIT || start->state == TCP_LAST_ACK)
        peers_fin(start, 1);
    if (start->state != TCP_ESTABLISHED && start->state != TCP_CLOSE_WAIT)
        grid_user_closes();
    if (start->state == TCP_FIN_WAIT_2 || start->state == TCP_TIME_WAIT)
        grid_arrives(.seq = seq, .ack = all, .flags = ACK, .ts_val = start->ts);
    if (start->state == TCP_CLOSING || start->state == TCP_TIME_WAIT)
        peers_fin(start, start->state == TCP_CLOSING ? 1 : all);
}

void grid_begins(const struct grid_start *start)
{
    quiet = true;
    standing = *start;
    begins(start);
    if (start->state == TCP_CLOSED) {
        steps->flow.local.port = 81;
        grid_oracle.state = ORACLE_CLOSED;
    } else if (start->state == TCP_SYN_RECEIVED) {
        half_open(start);
    } else if (start->state != TCP_LISTEN && start->state != TCP_SYN_SENT) {
        go_to(start);
    }
    forget_sent();
    assert_true(
        same_state(start->state == TCP_LISTEN ? TCP_CLOSED : start->state, grid_oracle.state));
    stands = true;
    quiet = false;
    grid_built++;
}

void grid_stands_at(const struct grid_start *start)
{
    if (!stands || start->name != standing.name || start->iss != standing.iss ||
        start->irs != standing.irs || start->ts != standing.ts)
        grid_begins(start);
}

void grid_ends(const char *what)
{
    unsigned long wrong = disagreements;

    print_message("# %s: %lu cases, %lu connections, %lu disagreements\n", what, grid_cases,
                  grid_built, wrong);
    steps_close();
    stands = false;
    grid_cases = grid_built = disagreements = 0;
    told_count = 0;
    assert_int_equal(wrong, 0);
}
