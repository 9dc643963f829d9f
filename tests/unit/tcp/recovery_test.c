/* Unit tests of recovery.c: whole episodes of loss recovery, told as a sender would live them. The
 * congestion control is a plain halving one that remembers what it was told. Sequence numbers lie
 * around a wrap of their wire form. */
#include "tcp/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MSS 1000u
/* The wire's numbers wrap within the fifth segment. */
#define START  (SEQ_FIRST_EPOCH + UINT32_MAX - 4499)
#define SEG(n) (START + (seqno)(n)*MSS)

struct world {
    struct memory memory;
    struct pool pool;
    struct sent sent;
    struct recovery recovery;
    struct cc cc;
    struct rtt rtt;
    struct tcp_tunables tunables;
    struct trace trace;
    struct recovery_scene scene;
    seqno una, nxt;
    struct instant now;
    bool sack;
    uint64_t unsent;
    uint32_t sent_new, sent_again; /* segments that the last pull let go */
};

/* --- a congestion control that halves and remembers
 * ---------------------------------------------------- */

static struct cc_ack last_ack;
static struct cc_loss last_loss;
static unsigned losses, timeouts, undos, recovered;

static void halving_init(struct cc *cc, struct instant now)
{
    (void)cc;
    (void)now;
}

static void halving_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    last_ack = *ack;
    if (!ack->in_recovery && ack->cwnd_limited)
        cc->cwnd += cc->cwnd < cc->ssthresh ? ack->acked : 0;
}

static void halving_reduce(struct cc *cc, const struct cc_loss *loss)
{
    last_loss = *loss;
    cc->prior_cwnd = cc->cwnd;
    cc->prior_ssthresh = cc->ssthresh;
    cc->ssthresh = loss->flight / 2 > 2 * cc->smss ? loss->flight / 2 : 2 * cc->smss;
}

static void halving_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    losses++;
    halving_reduce(cc, loss);
}

static void halving_on_recovered(struct cc *cc, struct instant now)
{
    (void)cc;
    (void)now;
    recovered++;
}

static void halving_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    timeouts++;
    halving_reduce(cc, loss);
    cc->cwnd = cc->smss;
}

static void halving_on_undo(struct cc *cc, struct instant now)
{
    (void)now;
    undos++;
    cc->cwnd = cc->prior_cwnd;
    cc->ssthresh = cc->prior_ssthresh;
}

static void halving_on_idle(struct cc *cc, struct duration idle, struct duration rto,
                            struct instant now)
{
    (void)cc;
    (void)idle;
    (void)rto;
    (void)now;
}

static struct cc_ops halving = {
    .name = "halving",
    .init = halving_init,
    .on_ack = halving_on_ack,
    .on_loss = halving_on_loss,
    .on_recovered = halving_on_recovered,
    .on_timeout = halving_on_timeout,
    .on_undo = halving_on_undo,
    .on_idle = halving_on_idle,
};

/* --- the story's verbs
 * ------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(memory_init(&w->memory, 16u << 20), 0);
    pool_init(&w->pool, &w->memory, sizeof(struct sent_record));
    sent_init(&w->sent, &w->pool);
#define TUNABLE(name, fallback, least, most, unit, sentence) w->tunables.name = (fallback);
#include "tcp/tunables.def"
#undef TUNABLE
    rtt_init(&w->rtt, &w->tunables);
    recovery_init(&w->recovery, &w->tunables);
    w->cc = (struct cc){.ops = &halving,
                        .cwnd = 10 * MSS,
                        .ssthresh = CC_SSTHRESH_INFINITE,
                        .smss = MSS,
                        .initial_cwnd = 10 * MSS};
    w->scene = (struct recovery_scene){&w->recovery, &w->sent,     &w->cc,
                                       &w->rtt,      &w->tunables, &w->trace};
    w->una = w->nxt = START;
    w->sack = true;
    w->unsent = 1000 * MSS;
    w->now = instant_add(INSTANT_ZERO, duration_s(10));
    rtt_sample(&w->rtt, &w->tunables, duration_ms(40), 1, w->now);
    losses = timeouts = undos = recovered = 0;
    halving.owns_recovery_window = false;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    sent_check(&w->sent);
    sent_clear(&w->sent);
    memory_destroy(&w->memory);
    free(w);
    return 0;
}

static void later(struct world *w, int64_t ms)
{
    w->now = instant_add(w->now, duration_ms(ms));
}

/* Our TSval: milliseconds. */
static uint32_t clock_of(const struct world *w)
{
    return (uint32_t)duration_to_ms(instant_since(w->now, INSTANT_ZERO));
}

static void send_new(struct world *w)
{
    assert_true(sent_reserve(&w->sent, 8));
    sent_add(&w->sent, w->nxt, w->nxt + MSS, 1, w->now);
    w->nxt += MSS;
    w->unsent -= MSS;
    w->sent_new++;
    recovery_on_sent(&w->scene, MSS, false, clock_of(w));
}

static void send_lost(struct world *w)
{
    struct sent_record *record = sent_first_lost(&w->sent);
    if (record->to - sent_from(record) > MSS)
        record = sent_cut(&w->sent, record, sent_from(record) + MSS, MSS);
    sent_again(&w->sent, record, w->now);
    w->sent_again++;
    recovery_on_sent(&w->scene, (uint32_t)(record->to - sent_from(record)), true, clock_of(w));
}

/* Sends what congestion control lets go: lost text first, as output does. */
static void pull(struct world *w)
{
    w->sent_new = w->sent_again = 0;
    while (recovery_allowance(&w->scene, MSS) >= MSS) {
        assert_true(sent_reserve(&w->sent, 8));
        if (sent_first_lost(&w->sent))
            send_lost(w);
        else if (w->unsent >= MSS)
            send_new(w);
        else
            break;
    }
}

struct ack {
    seqno una;            /* 0: as before */
    unsigned left, right; /* a SACK block in segments; both 0: none */
    seqno dsack_left, dsack_right;
    uint32_t ts_ecr; /* 0: none */
    bool ece;
    bool without_news; /* not a duplicate in RFC 5681's sense */
};

static void arrives_ack(struct world *w, const struct ack *ack)
{
    struct sent_delivery d = {.lowest_once = UINT64_MAX};
    seqno una = ack->una ? ack->una : w->una;
    assert_true(sent_reserve(&w->sent, 8));
    if (ack->right > ack->left)
        sent_sack(&w->sent, SEG(ack->left), SEG(ack->right), MSS, &d, w->now);
    if (una > w->una)
        sent_acknowledge(&w->sent, una, MSS, &d, w->now);
    if (d.has_rtt)
        rtt_sample(&w->rtt, &w->tunables, instant_since(w->now, d.rtt_sent_at), 1, w->now);
    struct recovery_ack facts = {
        .now = w->now,
        .una_before = w->una,
        .una = una,
        .nxt = w->nxt,
        .duplicate = una == w->una && !ack->without_news &&
                     (w->sack ? d.newly_sacked_bytes > 0 : w->nxt > una),
        .sack = w->sack,
        .has_dsack = ack->dsack_right > 0,
        .dsack_left = ack->dsack_left,
        .dsack_right = ack->dsack_right,
        .has_ts_ecr = ack->ts_ecr != 0,
        .ts_ecr = ack->ts_ecr,
        .ece = ack->ece,
        .cwnd_limited = true,
        .mss = MSS,
        .unsent = w->unsent,
    };
    w->una = una;
    recovery_on_ack(&w->scene, &facts, &d);
    sent_check(&w->sent);
    assert_true(w->cc.cwnd >= MSS);
}
#define ARRIVES(w, ...) arrives_ack(w, &(struct ack){__VA_ARGS__})

static void times_out(struct world *w)
{
    recovery_on_timeout(&w->scene, w->una, w->nxt, MSS, w->now);
    rtt_back_off(&w->rtt);
    sent_check(&w->sent);
}

static unsigned traced(const struct world *w, enum event_id id)
{
    return (unsigned)w->trace.events[id];
}

/* Ten segments left at once; the answers come 40 ms later. */
static void flight_of_ten(struct world *w)
{
    pull(w);
    assert_int_equal(w->sent_new, 10);
    later(w, 40);
}

/* --- fast recovery
 * ------------------------------------------------------------------------------------------ */

/* R5681-07, R6675-04, R8985-03, R9937-01, R9937-05 */
static void three_segments_sacked_enter_recovery_at_once(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 2);
    ARRIVES(w, .left = 1, .right = 3);
    assert_int_equal(w->recovery.phase, RECOVERY_DISORDER);
    assert_int_equal(w->sent.lost_segments, 0);
    assert_false(instant_is_never(w->recovery.reorder_deadline));
    ARRIVES(w, .left = 1, .right = 4);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(w->recovery.recover, SEG(10));
    assert_int_equal(w->sent.lost_segments, 1);
    assert_int_equal(w->cc.ssthresh, 5 * MSS);
    assert_int_equal(w->recovery.prr.recover_fs, 8 * MSS);
    assert_int_equal(traced(w, EVENT_recovery_entered), 1);
    assert_int_equal(traced(w, EVENT_marked_lost), 1);
    pull(w);
    assert_int_equal(w->sent_again, 1);
    assert_int_equal(w->recovery.prr.out, MSS);
}

/* R5681-06, R5681-17, R3042-01, R6675-07 */
static void each_new_sack_lets_one_new_segment_go(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    uint64_t cwnd = w->cc.cwnd;
    ARRIVES(w, .left = 1, .right = 2);
    pull(w);
    assert_int_equal(w->sent_new, 1);
    ARRIVES(w, .left = 1, .right = 2);
    pull(w);
    assert_int_equal(w->sent_new, 0);
    ARRIVES(w, .left = 1, .right = 3);
    pull(w);
    assert_int_equal(w->sent_new, 1);
    assert_int_equal(w->cc.cwnd, cwnd);
    assert_int_equal(w->recovery.duplicate_acks, 2);
}

/* R5681-18 */
static void limited_transmit_is_not_in_the_flight(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 2);
    pull(w);
    ARRIVES(w, .left = 1, .right = 3);
    pull(w);
    assert_int_equal(w->recovery.limited_transmit, 2 * MSS);
    ARRIVES(w, .left = 1, .right = 4);
    assert_int_equal(last_loss.flight, 10 * MSS);
    assert_int_equal(w->cc.ssthresh, 5 * MSS);
}

/* R6675-05, R9937-07, R5681-08, R9937-02 */
static void recovery_ends_with_cwnd_at_ssthresh(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    for (unsigned i = 2; i <= 10; i++) {
        ARRIVES(w, .left = 1, .right = i);
        pull(w);
        if (w->recovery.phase == RECOVERY_FAST)
            assert_true(w->sent.pipe_bytes <= w->cc.cwnd);
    }
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    /* Proportional: nothing that was delivered before recovery counts. */
    assert_int_equal(w->recovery.prr.delivered, 7 * MSS);
    later(w, 40);
    ARRIVES(w, .una = w->recovery.recover);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(w->cc.cwnd, w->cc.ssthresh);
    assert_int_equal(w->cc.cwnd, 5 * MSS);
    assert_int_equal(recovered, 1);
    assert_int_equal(losses, 1);
    assert_true(last_ack.in_recovery);
    assert_int_equal(traced(w, EVENT_recovery_left), 1);
}

/* R5681-13 */
static void losses_in_two_windows_reduce_twice(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 10);
    pull(w);
    assert_true(w->sent_again >= 1);
    later(w, 40);
    ARRIVES(w, .una = SEG(10));
    pull(w);
    later(w, 40);
    unsigned top = (unsigned)((w->nxt - START) / MSS);
    ARRIVES(w, .left = 11, .right = top);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(losses, 2);
}

/* R6675-04: one reduction an episode, however many holes. */
static void many_holes_are_one_reduction(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 2);
    ARRIVES(w, .left = 3, .right = 4);
    ARRIVES(w, .left = 5, .right = 6);
    ARRIVES(w, .left = 7, .right = 8);
    ARRIVES(w, .left = 9, .right = 10);
    assert_int_equal(w->sent.lost_segments, 5);
    assert_int_equal(losses, 1);
    assert_int_equal(w->recovery.fast_recoveries, 1);
}

/* R8985-05 */
static void fewer_sacks_wait_for_the_reordering_timer(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 2);
    struct instant due = w->recovery.reorder_deadline;
    assert_int_equal(instant_since(due, w->now).ns, duration_ms(10 + 2).ns);
    w->now = due;
    recovery_on_reorder_timer(&w->scene, w->una, w->nxt, MSS, w->now);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(w->sent.lost_segments, 1);
    assert_true(instant_is_never(w->recovery.reorder_deadline));
    pull(w);
    assert_int_equal(w->sent_again, 1);
    assert_int_equal(w->sent_new, 0);
}

/* R8985-03, R8985-04 */
static void reordered_path_waits_even_after_three_sacks(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 2);
    ARRIVES(w, .una = SEG(2));
    assert_true(w->recovery.rack.reordering_seen);
    assert_int_equal(traced(w, EVENT_reordering_seen), 1);
    assert_int_equal(w->recovery.reordering_events, 1);
    ARRIVES(w, .left = 3, .right = 8);
    assert_int_equal(w->recovery.phase, RECOVERY_DISORDER);
    ARRIVES(w, .una = SEG(10));
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(losses, 0);
}

/* R8985-05: in recovery PRR goes on, no second reduction; the lost retransmission is sent again. */
static void lost_retransmission_is_repaired_in_recovery(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 7);
    pull(w);
    assert_true(w->sent_again == 1 && w->sent_new >= 1);
    later(w, 40);
    ARRIVES(w, .left = 10, .right = 11);
    assert_int_equal(w->sent.lost_again, 1);
    pull(w);
    assert_true(w->sent_again >= 1);
    assert_int_equal(losses, 1);
}

/* R8985-12 */
static void lost_retransmission_after_a_timeout_reduces_again(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_frto = 0;
    flight_of_ten(w);
    later(w, 200);
    times_out(w);
    pull(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(1));
    pull(w);
    assert_int_equal(w->sent_again, 2);
    later(w, 40);
    ARRIVES(w, .left = 2, .right = 3);
    pull(w);
    later(w, 40);
    ARRIVES(w, .left = 3, .right = 4);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(losses, 1);
}

/* R8985-12: an algorithm with a window of its own is told each time, and PRR leaves cwnd alone. */
static void own_recovery_window_is_left_alone(void **state)
{
    struct world *w = *state;
    halving.owns_recovery_window = true;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 7);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(w->cc.cwnd, 10 * MSS);
    pull(w);
    later(w, 40);
    ARRIVES(w, .left = 10, .right = 11);
    assert_int_equal(w->sent.lost_again, 1);
    assert_int_equal(losses, 2);
    ARRIVES(w, .una = SEG(10));
    assert_int_equal(w->cc.cwnd, 10 * MSS);
}

/* R8985-11: a burst of losses leaves as PRR allows. */
static void burst_of_losses_is_not_resent_at_once(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 7, .right = 10);
    assert_int_equal(w->sent.lost_segments, 7);
    pull(w);
    assert_in_range(w->sent_again, 1, 3);
}

/* --- RFC 6675
 * -------------------------------------------------------------------------------------------------
 */

/* R6675-01, R6675-04 */
static void counting_finds_losses_without_rack(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_recovery = 0;
    flight_of_ten(w);
    ARRIVES(w, .left = 2, .right = 3);
    ARRIVES(w, .left = 4, .right = 5);
    assert_int_equal(w->recovery.phase, RECOVERY_DISORDER);
    ARRIVES(w, .left = 6, .right = 7);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(w->sent.lost_segments, 2);
    assert_int_equal(w->recovery.recover, SEG(10));
    assert_true(instant_is_never(w->recovery.reorder_deadline));
    ARRIVES(w, .left = 6, .right = 9);
    assert_int_equal(w->sent.lost_segments, 4);
    assert_int_equal(losses, 1);
}

/* R6675-02, R9937-06 */
static void pipe_is_what_neither_arrived_nor_is_lost(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_recovery = 0;
    flight_of_ten(w);
    ARRIVES(w, .left = 2, .right = 6);
    assert_int_equal(w->sent.pipe_bytes, 10 * MSS - 4 * MSS - 2 * MSS);
    send_lost(w);
    assert_int_equal(w->sent.pipe_bytes, 5 * MSS);
    assert_int_equal(sent_from(sent_first_lost(&w->sent)), SEG(1));
}

static void reordering_raises_the_duplicate_threshold(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_recovery = 0;
    flight_of_ten(w);
    ARRIVES(w, .left = 7, .right = 9);
    ARRIVES(w, .una = SEG(1));
    assert_true(w->recovery.dup_threshold > 3);
    assert_true(w->recovery.dup_threshold <= 300);
}

/* R6675-06 */
static void timeout_keeps_what_was_sacked(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_recovery = 0;
    flight_of_ten(w);
    ARRIVES(w, .left = 5, .right = 7);
    later(w, 300);
    times_out(w);
    assert_int_equal(w->sent.sacked_segments, 2);
    assert_int_equal(w->sent.lost_segments, 8);
}

/* --- without SACK
 * ---------------------------------------------------------------------------------------------- */

/* R5681-06, R3042-01 */
static void first_two_duplicates_let_one_segment_go_each(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    uint64_t cwnd = w->cc.cwnd;
    for (int i = 0; i < 2; i++) {
        ARRIVES(w, .una = 0);
        pull(w);
        assert_int_equal(w->sent_new, 1);
        assert_int_equal(w->sent_again, 0);
    }
    assert_int_equal(w->cc.cwnd, cwnd);
    assert_int_equal(w->recovery.phase, RECOVERY_DISORDER);
}

/* R5681-07, R5681-18, R6582-01 */
static void third_duplicate_retransmits_and_partial_acks_go_on(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    for (int i = 0; i < 3; i++) {
        ARRIVES(w, .una = 0);
        pull(w);
    }
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(w->sent_again, 1);
    assert_int_equal(last_loss.flight, 10 * MSS);
    later(w, 40);
    ARRIVES(w, .una = SEG(4));
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(sent_from(sent_first_lost(&w->sent)), SEG(4));
    pull(w);
    assert_int_equal(w->sent_again, 1);
    later(w, 40);
    ARRIVES(w, .una = SEG(12));
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(w->cc.cwnd, w->cc.ssthresh);
    assert_int_equal(losses, 1);
}

/* R9937-02 */
static void flood_of_duplicates_sends_no_more_than_recover_fs(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    uint64_t out = 0;
    for (int i = 0; i < 500; i++) {
        ARRIVES(w, .una = 0);
        pull(w);
        out += w->sent_new + w->sent_again;
    }
    assert_true(w->recovery.prr.delivered <= w->recovery.prr.recover_fs);
    assert_true(out <= 10 + 2 + 1);
}

/* R6582-02 */
static void duplicates_below_recover_after_a_timeout_are_no_loss(void **state)
{
    struct world *w = *state;
    w->sack = false;
    w->tunables.tcp_frto = 0;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    while (sent_first_lost(&w->sent))
        send_lost(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(10));
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    pull(w);
    for (int i = 0; i < 5; i++)
        ARRIVES(w, .una = 0);
    assert_int_equal(w->recovery.phase, RECOVERY_DISORDER);
    assert_int_equal(losses, 0);
    ARRIVES(w, .una = SEG(11));
    pull(w);
    for (int i = 0; i < 3; i++)
        ARRIVES(w, .una = 0);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
}

/* R8985-01 */
static void without_sack_there_is_neither_rack_nor_probe(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(1));
    assert_int_equal(w->recovery.rack.to, 0);
    assert_true(recovery_probe_timeout(&w->scene, MSS, w->sack).ns < 0);
}

/* --- timeouts
 * ---------------------------------------------------------------------------------------------------
 */

/* R8985-06, R6298-09: one segment leaves, then slow start. */
static void timeout_takes_the_old_as_lost_and_sends_one(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(2));
    pull(w);
    uint32_t fresh = w->sent_new;
    assert_true(fresh >= 2);
    w->now = instant_add(w->now, duration_ms(10));
    times_out(w);
    assert_int_equal(w->sent.lost_segments, 8);
    assert_int_equal(w->sent.pipe_segments, fresh);
    assert_int_equal(w->cc.cwnd, MSS);
    assert_int_equal(timeouts, 1);
    assert_int_equal(w->recovery.phase, RECOVERY_LOSS);
}

static void second_timeout_does_not_reduce_again(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    uint64_t ssthresh = w->cc.ssthresh;
    pull(w);
    assert_int_equal(w->sent_again, 1);
    later(w, 600);
    times_out(w);
    assert_int_equal(timeouts, 1);
    assert_int_equal(w->cc.ssthresh, ssthresh);
    assert_int_equal(w->recovery.timeouts, 2);
    pull(w);
    assert_int_equal(w->sent_again, 1);
    later(w, 40);
    ARRIVES(w, .una = SEG(1));
    assert_int_equal(w->recovery.timeouts, 0);
    assert_int_equal(w->cc.cwnd, 2 * MSS);
}

/* R5682-01 */
static void frto_holds_retransmissions_back_and_finds_it_spurious(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    pull(w);
    assert_int_equal(w->sent_again, 1);
    ARRIVES(w, .una = SEG(1));
    pull(w);
    assert_int_equal(w->sent_again, 0);
    assert_int_equal(w->sent_new, 2);
    ARRIVES(w, .una = SEG(2));
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(undos, 1);
    assert_int_equal(w->recovery.spurious, 1);
    assert_int_equal(traced(w, EVENT_undone), 1);
    assert_int_equal(w->sent.lost_segments, 0);
    assert_int_equal(w->cc.ssthresh, CC_SSTHRESH_INFINITE);
    assert_true(w->cc.cwnd >= 10 * MSS);
    /* R4015-03: such a delay does not time out again. */
    assert_true(rtt_timeout(&w->rtt, &w->tunables).ns >= duration_ms(340).ns);
}

/* R5682-01 */
static void frto_finds_a_real_loss_and_goes_on(void **state)
{
    struct world *w = *state;
    w->sack = false;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    pull(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(1));
    pull(w);
    assert_int_equal(w->sent_new, 2);
    later(w, 40);
    ARRIVES(w, .una = 0);
    assert_int_equal(w->recovery.phase, RECOVERY_LOSS);
    assert_int_equal(w->sent.lost_segments, 9);
    assert_int_equal(w->sent.pipe_segments, 2);
    assert_int_equal(undos, 0);
}

/* R5682-02 */
static void frto_with_sack_decides_on_a_duplicate(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    pull(w);
    ARRIVES(w, .una = SEG(1));
    pull(w);
    assert_int_equal(w->sent_new, 2);
    ARRIVES(w, .left = 3, .right = 4);
    assert_int_equal(undos, 1);
}

/* R3522-01, R4015-01, R4015-03 */
static void eifel_undoes_a_timeout_on_the_first_ack(void **state)
{
    struct world *w = *state;
    uint32_t original = clock_of(w);
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    pull(w);
    later(w, 10);
    ARRIVES(w, .una = SEG(1), .ts_ecr = original);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(undos, 1);
    assert_int_equal(w->sent.lost_segments, 0);
    /* RFC 4015: what is in flight and what was acknowledged; growth by the ACK itself. */
    assert_in_range(w->cc.cwnd, 10 * MSS, 11 * MSS);
    assert_true(rtt_timeout(&w->rtt, &w->tunables).ns >= duration_ms(350).ns);
}

/* R3522-02 */
static void second_timeout_keeps_the_first_timestamp(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    uint32_t first = clock_of(w);
    pull(w);
    later(w, 600);
    times_out(w);
    pull(w);
    later(w, 10);
    ARRIVES(w, .una = SEG(1), .ts_ecr = first);
    assert_int_equal(undos, 0);
    assert_int_equal(w->recovery.phase, RECOVERY_LOSS);
}

/* R4015-02 */
static void congestion_echo_forbids_the_undo(void **state)
{
    struct world *w = *state;
    uint32_t original = clock_of(w);
    flight_of_ten(w);
    later(w, 300);
    times_out(w);
    pull(w);
    ARRIVES(w, .una = SEG(1), .ts_ecr = original, .ece = true);
    assert_int_equal(undos, 0);
    assert_int_equal(w->cc.ssthresh, 5 * MSS);
}

/* R2883-03 */
static void dsack_undoes_fast_recovery_even_below_una(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 4);
    pull(w);
    assert_int_equal(w->sent_again, 1);
    later(w, 5);
    ARRIVES(w, .una = SEG(10));
    assert_int_equal(w->cc.cwnd, 5 * MSS);
    ARRIVES(w, .una = 0, .dsack_left = SEG(0), .dsack_right = SEG(1));
    assert_int_equal(undos, 1);
    assert_int_equal(w->cc.cwnd, 10 * MSS);
    assert_int_equal(w->recovery.rack.reo_wnd_mult, 2);
}

/* R2018-06, R2018-07 */
static void reneging_peer_gets_everything_again(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 2, .right = 5);
    ARRIVES(w, .una = SEG(2));
    assert_int_equal(traced(w, EVENT_sack_reneged), 1);
    assert_int_equal(w->sent.sacked_segments, 0);
    assert_int_equal(sent_from(sent_first_lost(&w->sent)), SEG(2));
    pull(w);
    assert_true(w->sent_again >= 1);
}

/* R2018-07 */
static void timeout_resends_the_left_edge_although_sacked(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 0, .right = 3);
    assert_int_equal(w->sent.sacked_segments, 3);
    later(w, 300);
    times_out(w);
    assert_int_equal(w->sent.sacked_segments, 0);
    assert_int_equal(sent_from(sent_first_lost(&w->sent)), SEG(0));
    pull(w);
    assert_int_equal(w->sent_again, 1);
}

/* --- tail loss probes
 * ------------------------------------------------------------------------------------------ */

/* R8985-07, R8985-08, R8985-13 */
static void one_probe_is_outstanding_at_most(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    w->rtt.rto = duration_ms(240);
    assert_int_equal(recovery_probe_timeout(&w->scene, MSS, true).ns, duration_ms(82).ns);
    sent_again(&w->sent, sent_last(&w->sent), w->now);
    recovery_on_sent(&w->scene, MSS, true, clock_of(w));
    recovery_on_probe(&w->scene, w->nxt, true, w->now);
    assert_true(recovery_probe_timeout(&w->scene, MSS, true).ns < 0);
    later(w, 40);
    ARRIVES(w, .una = SEG(10), .dsack_left = SEG(9), .dsack_right = SEG(10));
    assert_int_equal(losses, 0);
    assert_int_equal(w->recovery.probe.end, 0);
    assert_int_equal(w->recovery.rack.reo_wnd_mult, 1);
    pull(w);
    assert_true(recovery_probe_timeout(&w->scene, MSS, true).ns > 0);
}

/* R8985-09 */
static void probe_that_repaired_a_loss_reduces_once(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(9));
    later(w, 90);
    sent_again(&w->sent, sent_last(&w->sent), w->now);
    recovery_on_sent(&w->scene, MSS, true, clock_of(w));
    recovery_on_probe(&w->scene, w->nxt, true, w->now);
    send_new(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(11));
    assert_int_equal(losses, 1);
    assert_int_equal(w->cc.cwnd, w->cc.ssthresh);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
}

static void no_probe_when_disordered_or_switched_off(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    assert_true(recovery_probe_timeout(&w->scene, MSS, false).ns < 0);
    w->tunables.tcp_early_retrans = 0;
    assert_true(recovery_probe_timeout(&w->scene, MSS, true).ns < 0);
    w->tunables.tcp_early_retrans = 3;
    ARRIVES(w, .left = 1, .right = 2);
    assert_true(recovery_probe_timeout(&w->scene, MSS, true).ns < 0);
}

/* --- ECN
 * ---------------------------------------------------------------------------------------------------------
 */

/* RFC 3168, 6.1.2 */
static void congestion_echo_reduces_once_a_window(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(1), .ece = true);
    assert_int_equal(w->recovery.phase, RECOVERY_CWR);
    assert_int_equal(last_loss.cause, CC_CAUSE_ECN);
    assert_int_equal(traced(w, EVENT_ecn_reduced), 1);
    for (unsigned i = 2; i <= 10; i++) {
        ARRIVES(w, .una = SEG(i), .ece = true);
        pull(w);
        assert_true(w->sent.pipe_bytes <= 10 * MSS);
    }
    assert_int_equal(losses, 1);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(w->cc.cwnd, w->cc.ssthresh);
    later(w, 40);
    ARRIVES(w, .una = SEG(11), .ece = true);
    assert_int_equal(losses, 2);
}

static void loss_while_reducing_for_ecn_is_no_second_reduction(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(1), .ece = true);
    ARRIVES(w, .left = 2, .right = 6);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(losses, 1);
}

/* --- facts and floods
 * ---------------------------------------------------------------------------------------------- */

static void congestion_control_gets_complete_facts(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(2));
    assert_int_equal(last_ack.acked, 2 * MSS);
    assert_int_equal(last_ack.delivered, 2 * MSS);
    assert_int_equal(last_ack.flight_before, 10 * MSS);
    assert_int_equal(last_ack.pipe, 8 * MSS);
    assert_int_equal(last_ack.rtt.ns, duration_ms(40).ns);
    assert_int_equal(last_ack.rate.delivered, 2 * MSS);
    assert_int_equal(last_ack.rate.rate, 2 * MSS * 1000 / 40);
    assert_true(last_ack.cwnd_limited);
    assert_false(last_ack.in_recovery);
    assert_int_equal(w->cc.cwnd, 12 * MSS);
    assert_int_equal(traced(w, EVENT_cwnd_changed), 1);
    ARRIVES(w, .left = 3, .right = 9);
    assert_int_equal(last_ack.newly_lost, MSS);
    assert_int_equal(last_ack.lost_total, MSS);
}

static void flood_block(struct world *w, seqno left, seqno right)
{
    struct sent_delivery d = {0};
    assert_true(sent_reserve(&w->sent, 4));
    sent_sack(&w->sent, left, right, MSS, &d, w->now);
    struct recovery_ack facts = {.now = w->now,
                                 .una_before = w->una,
                                 .una = w->una,
                                 .nxt = w->nxt,
                                 .duplicate = d.newly_sacked_bytes > 0,
                                 .sack = true,
                                 .mss = MSS};
    recovery_on_ack(&w->scene, &facts, &d);
}

/* The work of 40,000 blocks of a byte, then of every second segment from above. */
static uint64_t work_of_a_flood(struct world *w)
{
    w->cc.cwnd = 5000 * MSS;
    w->unsent = 5000 * MSS;
    pull(w);
    assert_int_equal(w->sent_new, 5000);
    later(w, 40);
    uint64_t before = w->sent.touched;
    for (uint64_t i = 0; i < 40000; i++)
        flood_block(w, START + 2 * i + 1, START + 2 * i + 2);
    for (unsigned i = 4998; i >= 500; i -= 2)
        flood_block(w, SEG(i), SEG(i + 1));
    sent_check(&w->sent);
    assert_true(w->sent.all.count < 2 * 5000 + 64);
    return w->sent.touched - before;
}

/* CVE-2019-11478: the work of an ACK does not grow with the number of blocks seen. */
static void sack_floods_stay_cheap(void **state)
{
    struct world *w = *state;
    assert_in_range(work_of_a_flood(w), 7000, 200000);
}

/* CVE-2019-11478 */
static void sack_floods_stay_cheap_without_rack(void **state)
{
    struct world *w = *state;
    w->tunables.tcp_recovery = 0;
    assert_in_range(work_of_a_flood(w), 7000, 200000);
}

/* CVE-2019-5599: a reordering path makes RACK wait for all of them. */
static void sack_floods_stay_cheap_while_rack_waits(void **state)
{
    struct world *w = *state;
    w->recovery.rack.reordering_seen = true;
    assert_in_range(work_of_a_flood(w), 7000, 2000000);
    assert_int_equal(w->sent.lost_segments, 0);
}

/* --- random paths
 * -------------------------------------------------------------------------------------------------
 */

static uint64_t seed_in_progress; /* 0: none */

static int tear_down_random(void **state)
{
    if (seed_in_progress)
        print_message("the run with seed %llu failed\n", (unsigned long long)seed_in_progress);
    return tear_down(state);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

enum { TEXT_SEGMENTS = 120 };

struct receiver {
    bool has[TEXT_SEGMENTS];
    unsigned next;
};

/* A round trip later some of what is in flight has arrived, in some order; one ACK for each. */
static void deliver_some(struct world *w, struct receiver *r, uint64_t *seed)
{
    seqno flying[TEXT_SEGMENTS];
    unsigned count = 0;
    for (struct sent_record *s = sent_oldest(&w->sent); s; s = sent_later(&w->sent, s))
        flying[count++] = sent_from(s);
    later(w, 40);
    for (unsigned i = 0; i < count; i++) {
        unsigned swap = i + (unsigned)(next_random(seed) % 3);
        if (swap < count) {
            seqno kept = flying[i];
            flying[i] = flying[swap];
            flying[swap] = kept;
        }
        if (next_random(seed) % 10 == 0)
            continue;
        unsigned n = (unsigned)((flying[i] - START) / MSS);
        bool again = n < r->next || r->has[n];
        r->has[n] = true;
        while (r->next < TEXT_SEGMENTS && r->has[r->next])
            r->next++;
        unsigned right = n + 1;
        while (right < TEXT_SEGMENTS && r->has[right])
            right++;
        bool block = n > r->next && w->sack;
        ARRIVES(w, .una = SEG(r->next), .left = block ? n : 0, .right = block ? right : 0,
                .dsack_left = again && w->sack ? SEG(n) : 0,
                .dsack_right = again && w->sack ? SEG(n + 1) : 0);
        pull(w);
    }
}

static void wait_for_a_timer(struct world *w)
{
    if (!instant_is_never(w->recovery.reorder_deadline)) {
        w->now = instant_max(w->now, w->recovery.reorder_deadline);
        recovery_on_reorder_timer(&w->scene, w->una, w->nxt, MSS, w->now);
        return;
    }
    w->now = instant_add(w->now, rtt_timeout(&w->rtt, &w->tunables));
    times_out(w);
}

static void one_random_transfer(struct world *w, uint64_t *seed)
{
    struct receiver r = {.next = 0};
    pull(w);
    for (int turn = 0; w->una < SEG(TEXT_SEGMENTS); turn++) {
        assert_true(turn < 400);
        seqno before = w->una;
        deliver_some(w, &r, seed);
        if (w->una == before && w->una < SEG(TEXT_SEGMENTS))
            wait_for_a_timer(w);
        pull(w);
    }
    assert_null(sent_first(&w->sent));
}

/* R6675-02, R6675-03: every byte arrives whatever is lost; sums and lists agree after every ACK. */
static void random_paths_deliver_everything(void **state)
{
    struct world *w = *state;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run * UINT64_C(0x9E3779B97F4A7C15);
        seed_in_progress = run;
        recovery_init(&w->recovery, &w->tunables);
        rtt_init(&w->rtt, &w->tunables);
        rtt_sample(&w->rtt, &w->tunables, duration_ms(40), 1, w->now);
        w->cc.cwnd = 10 * MSS;
        w->cc.ssthresh = CC_SSTHRESH_INFINITE;
        w->una = w->nxt = START;
        w->unsent = TEXT_SEGMENTS * MSS;
        w->sack = run % 3 != 0;
        w->tunables.tcp_recovery = run % 2;
        one_random_transfer(w, &seed);
    }
    seed_in_progress = 0;
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(three_segments_sacked_enter_recovery_at_once),
        WORLD_TEST(each_new_sack_lets_one_new_segment_go),
        WORLD_TEST(limited_transmit_is_not_in_the_flight),
        WORLD_TEST(recovery_ends_with_cwnd_at_ssthresh),
        WORLD_TEST(losses_in_two_windows_reduce_twice),
        WORLD_TEST(many_holes_are_one_reduction),
        WORLD_TEST(fewer_sacks_wait_for_the_reordering_timer),
        WORLD_TEST(reordered_path_waits_even_after_three_sacks),
        WORLD_TEST(lost_retransmission_is_repaired_in_recovery),
        WORLD_TEST(lost_retransmission_after_a_timeout_reduces_again),
        WORLD_TEST(own_recovery_window_is_left_alone),
        WORLD_TEST(burst_of_losses_is_not_resent_at_once),
        WORLD_TEST(counting_finds_losses_without_rack),
        WORLD_TEST(pipe_is_what_neither_arrived_nor_is_lost),
        WORLD_TEST(reordering_raises_the_duplicate_threshold),
        WORLD_TEST(timeout_keeps_what_was_sacked),
        WORLD_TEST(first_two_duplicates_let_one_segment_go_each),
        WORLD_TEST(third_duplicate_retransmits_and_partial_acks_go_on),
        WORLD_TEST(flood_of_duplicates_sends_no_more_than_recover_fs),
        WORLD_TEST(duplicates_below_recover_after_a_timeout_are_no_loss),
        WORLD_TEST(without_sack_there_is_neither_rack_nor_probe),
        WORLD_TEST(timeout_takes_the_old_as_lost_and_sends_one),
        WORLD_TEST(second_timeout_does_not_reduce_again),
        WORLD_TEST(frto_holds_retransmissions_back_and_finds_it_spurious),
        WORLD_TEST(frto_finds_a_real_loss_and_goes_on),
        WORLD_TEST(frto_with_sack_decides_on_a_duplicate),
        WORLD_TEST(eifel_undoes_a_timeout_on_the_first_ack),
        WORLD_TEST(second_timeout_keeps_the_first_timestamp),
        WORLD_TEST(congestion_echo_forbids_the_undo),
        WORLD_TEST(dsack_undoes_fast_recovery_even_below_una),
        WORLD_TEST(reneging_peer_gets_everything_again),
        WORLD_TEST(timeout_resends_the_left_edge_although_sacked),
        WORLD_TEST(one_probe_is_outstanding_at_most),
        WORLD_TEST(probe_that_repaired_a_loss_reduces_once),
        WORLD_TEST(no_probe_when_disordered_or_switched_off),
        WORLD_TEST(congestion_echo_reduces_once_a_window),
        WORLD_TEST(loss_while_reducing_for_ecn_is_no_second_reduction),
        WORLD_TEST(congestion_control_gets_complete_facts),
        WORLD_TEST(sack_floods_stay_cheap),
        WORLD_TEST(sack_floods_stay_cheap_without_rack),
        WORLD_TEST(sack_floods_stay_cheap_while_rack_waits),
        cmocka_unit_test_setup_teardown(random_paths_deliver_everything, set_up, tear_down_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
