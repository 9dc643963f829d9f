/* Unit tests of recovery.c: retransmission timeouts, F-RTO, undo, reneging and tail loss probes. */
#include "support/recovery_world.h"

/* --- timeouts ------------------------------------------------------------ */

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
    assert_int_equal(traced(w, EVENT_frto_step), 1);
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

/* --- tail loss probes ---------------------------------------------------- */

/* R8985-07, R8985-08, R8985-13 */
static void one_probe_is_outstanding_at_most(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    w->rtt.rto = duration_ms(240);
    assert_int_equal(recovery_probe_timeout(&w->scene, true).ns, duration_ms(82).ns);
    sent_again(&w->sent, sent_last(&w->sent), w->now);
    recovery_on_sent(&w->scene, MSS, true, clock_of(w));
    recovery_on_probe(&w->scene, w->nxt, true);
    assert_true(recovery_probe_timeout(&w->scene, true).ns < 0);
    later(w, 40);
    ARRIVES(w, .una = SEG(10), .dsack_left = SEG(9), .dsack_right = SEG(10));
    assert_int_equal(losses, 0);
    assert_int_equal(w->recovery.probe.end, 0);
    assert_int_equal(w->recovery.rack.reo_wnd_mult, 1);
    pull(w);
    assert_true(recovery_probe_timeout(&w->scene, true).ns > 0);
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
    recovery_on_probe(&w->scene, w->nxt, true);
    send_new(w);
    later(w, 40);
    ARRIVES(w, .una = SEG(11));
    assert_int_equal(losses, 1);
    assert_int_equal(traced(w, EVENT_window_reduced), 1);
    assert_int_equal(w->cc.cwnd, w->cc.ssthresh);
    assert_int_equal(w->recovery.phase, RECOVERY_OPEN);
}

static void no_probe_when_disordered_or_switched_off(void **state)
{
    struct world *w = *state;
    flight_of_ten(w);
    assert_true(recovery_probe_timeout(&w->scene, false).ns < 0);
    w->tunables.tcp_early_retrans = 0;
    assert_true(recovery_probe_timeout(&w->scene, true).ns < 0);
    w->tunables.tcp_early_retrans = 3;
    ARRIVES(w, .left = 1, .right = 2);
    assert_true(recovery_probe_timeout(&w->scene, true).ns < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
