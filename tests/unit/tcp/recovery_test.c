/* Unit tests of recovery.c: fast recovery with and without SACK, ECN, the facts for the congestion
 * control, floods and random paths. */
#include "support/recovery_world.h"

/* --- fast recovery ------------------------------------------------------- */

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
    /* Nothing was sent on the first two, but it might have been. */
    assert_int_equal(w->recovery.prr.recover_fs, 10 * MSS);
    assert_int_equal(traced(w, EVENT_recovery_entered), 1);
    assert_int_equal(traced(w, EVENT_window_reduced), 1);
    assert_int_equal(traced(w, EVENT_marked_lost), 1);
    pull(w);
    assert_int_equal(w->sent_again, 1);
    assert_int_equal(w->sent_new, 1);
    assert_int_equal(w->recovery.prr.out, 2 * MSS);
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

/* R5681-07, R9438-05: one ACK covers six segments and tells of a loss: it stands for the ACKs that
 * would have kept the flight at cwnd. */
static void an_ack_that_covers_much_does_not_shrink_the_flight(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .una = SEG(6), .left = 7, .right = 10);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(last_loss.flight, 10 * MSS);
    assert_int_equal(w->cc.ssthresh, 5 * MSS);
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
    assert_int_equal(traced(w, EVENT_limited_transmit), 2);
    ARRIVES(w, .left = 1, .right = 4);
    assert_int_equal(last_loss.flight, 10 * MSS);
    assert_int_equal(w->cc.ssthresh, 5 * MSS);
}

/* RFC 9438, 4.6: six segments are acknowledged and three SACKed before anything can be sent. */
static void what_acks_of_the_same_turn_let_go_is_in_the_flight(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    uint64_t cwnd = w->cc.cwnd;
    for (unsigned i = 1; i <= 6; i++)
        ARRIVES(w, .una = SEG(i));
    cwnd = w->cc.cwnd > cwnd ? w->cc.cwnd : cwnd;
    ARRIVES(w, .left = 7, .right = 10);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    assert_int_equal(last_loss.flight, cwnd);
    assert_int_equal(w->recovery.prr.recover_fs, cwnd);
    /* and most of it may leave */
    pull(w);
    assert_true(w->sent_new >= 3);
    assert_int_equal(w->sent_again, 1);
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

/* Path MTU discovery may raise the segment while recovery goes on. */
static void a_segment_that_grew_in_recovery_fits_the_window(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 10);
    assert_int_equal(w->recovery.phase, RECOVERY_FAST);
    cc_set_smss(&w->cc, 100 * MSS);
    later(w, 40);
    ARRIVES(w, .una = w->recovery.recover);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(w->cc.cwnd, w->cc.smss);
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

/* --- RFC 6675 ------------------------------------------------------------ */

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

/* --- without SACK -------------------------------------------------------- */

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
    assert_true(recovery_probe_timeout(&w->scene, w->sack).ns < 0);
}

/* --- ECN ----------------------------------------------------------------- */

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

/* --- facts and floods ---------------------------------------------------- */

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

/* The peer's echo of a timestamp gives a round trip to the millisecond: enough for the timeout, not
 * for a model of the path. */
static void an_echoed_timestamp_is_no_fact_for_congestion_control(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    ARRIVES(w, .left = 1, .right = 10);
    send_lost(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(1), .ts_ecr = 1);
    assert_int_equal(last_ack.acked, MSS);
    assert_int_equal(last_ack.rtt.ns, -1);
    assert_int_equal(last_ack.rtt_in_order.ns, -1);
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

/* Records looked at for one block, on average, over `segments` in flight that are SACKed one by one
 * from random places, each block told four times over. */
static uint64_t work_of_a_block(struct world *w, uint64_t segments)
{
    uint64_t blocks = 0, before, at = 1;
    w->cc.cwnd = segments * MSS;
    w->unsent = segments * MSS;
    pull(w);
    assert_int_equal(w->sent_new, segments);
    later(w, 40);
    before = w->sent.touched;
    for (uint64_t i = 1; i < segments; i++) {
        at = (at * 48271) % 2147483647; /* a prime modulus: all places come */
        for (int again = 0; again < 4; again++, blocks++)
            flood_block(w, SEG(1 + at % (segments - 1)), SEG(2 + at % (segments - 1)));
    }
    assert_true(w->sent.sacked_segments > segments / 2);
    sent_check(&w->sent);
    return (w->sent.touched - before + blocks - 1) / blocks;
}

/* CVE-2019-11478: whatever the flight, a block costs a walk down the tree, a few records, and the
 * 32 that RACK looks at while it waits. */
static void the_work_of_a_block_does_not_grow_with_the_flight(void **state)
{
    static const uint64_t flights[] = {100, 1000, 10000, 30000};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        void *world = NULL;
        assert_int_equal(world_set_up(&world), 0);
        assert_in_range(work_of_a_block(world, flights[i]), 1, 36);
        assert_int_equal(world_tear_down(&world), 0);
    }
}

/* --- random paths -------------------------------------------------------- */

static uint64_t seed_in_progress; /* 0: none */

static int tear_down_random(void **state)
{
    if (seed_in_progress)
        print_message("the run with seed %llu failed\n", (unsigned long long)seed_in_progress);
    return world_tear_down(state);
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
    const struct CMUnitTest tests[] = {
        WORLD_TEST(three_segments_sacked_enter_recovery_at_once),
        WORLD_TEST(each_new_sack_lets_one_new_segment_go),
        WORLD_TEST(an_ack_that_covers_much_does_not_shrink_the_flight),
        WORLD_TEST(limited_transmit_is_not_in_the_flight),
        WORLD_TEST(what_acks_of_the_same_turn_let_go_is_in_the_flight),
        WORLD_TEST(recovery_ends_with_cwnd_at_ssthresh),
        WORLD_TEST(a_segment_that_grew_in_recovery_fits_the_window),
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
        WORLD_TEST(congestion_echo_reduces_once_a_window),
        WORLD_TEST(loss_while_reducing_for_ecn_is_no_second_reduction),
        WORLD_TEST(congestion_control_gets_complete_facts),
        WORLD_TEST(an_echoed_timestamp_is_no_fact_for_congestion_control),
        WORLD_TEST(sack_floods_stay_cheap),
        WORLD_TEST(sack_floods_stay_cheap_without_rack),
        WORLD_TEST(sack_floods_stay_cheap_while_rack_waits),
        cmocka_unit_test(the_work_of_a_block_does_not_grow_with_the_flight),
        cmocka_unit_test_setup_teardown(random_paths_deliver_everything, world_set_up,
                                        tear_down_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
