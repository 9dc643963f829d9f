/* Packetization layer path MTU discovery (RFC 4821, RFC 8899) step by step: larger packets are
 * tried with ordinary text, what becomes of them moves the segment size and nothing else, and full
 * segments that vanish without a word become small ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config wide = {.peer_mss = 1460, .peer_window = 60000, .sack = true};

/* The listener's connections search from the beginning. */
static void probing(int64_t mode)
{
    steps_open(&wide);
    tunables()->tcp_mtu_probing = mode;
    tunables()->tcp_initial_cwnd = 20;
    reach(TCP_ESTABLISHED);
}

static void acknowledges(uint32_t ack)
{
    arrives(.seq = 1, .ack = ack, .flags = ACK, .window = 60000);
}

/* The first segment that is larger than the others, among those not looked at. */
static const struct step_sent *find_probe(uint32_t usual)
{
    while (unseen() > 0) {
        const struct step_sent *sent = next_sent();
        if (sent->len > usual && sent->gso_size == 0)
            return sent;
    }
    return NULL;
}

/* R4821-01: from 1024 bytes of text upwards, by the middle of what is left. */
static void segments_begin_small_and_are_probed_larger(void **state)
{
    const struct step_sent *probe;
    (void)state;
    probing(2);
    assert_int_equal(steps->tcb->mss, 1024);
    user_sends(20000);
    probe = find_probe(1024);
    assert_non_null(probe);
    assert_int_equal(probe->len, 1242); /* 1282 of 1064..1500 */
    assert_int_equal(event_count(mtu_probe_sent), 1);
    assert_null(find_probe(1024)); /* R8899-02: one at a time */
}

/* R4821-01, R8899-03: it arrives: segments are as large, the window as many bytes as before. */
static void a_probe_that_arrives_raises_the_segment_size(void **state)
{
    uint64_t cwnd;
    uint32_t end;
    (void)state;
    probing(2);
    user_sends(20000);
    const struct step_sent *probe = find_probe(1024);
    end = probe->seq + probe->len;
    cwnd = steps->tcb->cc.cwnd;
    acknowledges(end);
    assert_int_equal(event_count(mtu_probe_succeeded), 1);
    assert_int_equal(steps->tcb->mss, 1242);
    assert_int_equal(steps->tcb->path_mtu, 1282);
    assert_true(steps->tcb->cc.cwnd <= cwnd + (end - 1)); /* slow start's growth at most */
    assert_int_equal(steps->tcb->cc.smss, 1242);
}

/* R4821-01: only the probe is lost: it goes again in usual segments, and nothing is reduced. */
static void a_lost_probe_is_no_congestion(void **state)
{
    uint64_t cwnd, ssthresh;
    (void)state;
    probing(2);
    user_sends(20000);
    const struct step_sent *probe = find_probe(1024);
    uint32_t from = probe->seq, end = probe->seq + probe->len;
    acknowledges(from);
    cwnd = steps->tcb->cc.cwnd;
    ssthresh = steps->tcb->cc.ssthresh;
    forget_sent();
    passes_ms(1);
    arrives(.seq = 1, .ack = from, .flags = ACK, .window = 60000, .sack = {end, end + 4096},
            .sack_count = 1);
    assert_int_equal(event_count(mtu_probe_failed), 1);
    assert_int_equal(event_count(recovery_entered), 0);
    assert_int_equal(steps->tcb->cc.ssthresh, ssthresh);
    assert_true(steps->tcb->cc.cwnd >= cwnd);
    assert_int_equal(steps->tcb->mss, 1024);
    assert_int_equal(steps->tcb->search.high, 1281);
    assert_sent(.flags = ACK, .seq = from, .ack = 1, .len = 1024);
    assert_sent(.flags = ACK, .seq = from + 1024, .ack = 1, .len = 1242 - 1024);
    acknowledges((uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.iss));
    assert_int_equal(steps->tcb->recovery.phase, RECOVERY_OPEN);
    assert_int_equal(steps->tcb->cc.ssthresh, ssthresh);
}

/* The same when RACK's timer finds it out. */
static void a_probe_lost_by_time_is_no_congestion(void **state)
{
    uint64_t cwnd;
    (void)state;
    steps_open(&wide);
    tunables()->tcp_mtu_probing = 2;
    tunables()->tcp_initial_cwnd = 20;
    reach(TCP_SYN_RECEIVED);
    passes_ms(50); /* the round trip, of which the reordering window is a part */
    acknowledges(1);
    user_sends(20000);
    const struct step_sent *probe = find_probe(1024);
    uint32_t from = probe->seq, end = probe->seq + probe->len;
    passes_ms(50);
    acknowledges(from);
    forget_sent();
    arrives(.seq = 1, .ack = from, .flags = ACK, .window = 60000, .sack = {end, end + 1024},
            .sack_count = 1);
    assert_int_equal(event_count(mtu_probe_failed), 0);
    cwnd = steps->tcb->cc.cwnd;
    passes_ms(49);
    assert_int_equal(event_count(mtu_probe_failed), 1);
    assert_int_equal(event_count(recovery_entered), 0);
    assert_true(steps->tcb->cc.cwnd >= cwnd);
}

/* RFC 4821, 7.6.3: others are lost as well: that is congestion, and the probe tells nothing. */
static void a_probe_lost_among_others_tells_nothing(void **state)
{
    (void)state;
    probing(2);
    user_sends(20000);
    const struct step_sent *probe = find_probe(1024);
    uint32_t from = probe->seq, end = probe->seq + probe->len;
    acknowledges(from);
    passes_ms(1);
    arrives(.seq = 1, .ack = from, .flags = ACK, .window = 60000,
            .sack = {end + 1024, end + 6 * 1024}, .sack_count = 1);
    assert_int_equal(event_count(recovery_entered), 1);
    assert_int_equal(event_count(mtu_probe_failed), 0);
    assert_int_equal(steps->tcb->search.high, 1500);
    assert_int_equal(steps->tcb->search.probe, 0);
}

/* RFC 4821, 7.4: no probe without enough text behind it to find its loss. */
static void too_little_text_is_not_probed_with(void **state)
{
    (void)state;
    probing(2);
    user_sends(1242 + 4 * 1024 - 1);
    assert_null(find_probe(1024));
    assert_int_equal(event_count(mtu_probe_sent), 0);
}

static void off_nothing_is_probed(void **state)
{
    (void)state;
    probing(0);
    assert_int_equal(steps->tcb->mss, 1460);
    user_sends(20000);
    assert_int_equal(event_count(mtu_probe_sent), 0);
}

/* R8899-02: nothing larger is tried than the device or the peer takes. */
static void a_small_peer_is_not_probed(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.peer_mss = 1000, .peer_window = 60000});
    tunables()->tcp_mtu_probing = 2;
    tunables()->tcp_initial_cwnd = 20;
    reach(TCP_ESTABLISHED);
    assert_int_equal(steps->tcb->mss, 1000);
    user_sends(20000);
    assert_int_equal(event_count(mtu_probe_sent), 0);
}

/* R8899-04, R4821-01: RFC 4821, 7.8: after tcp_retries1 timeouts segments become small, and get
 * through. */
static void a_black_hole_is_left_by_small_segments(void **state)
{
    (void)state;
    probing(1);
    user_sends(14600);
    assert_int_equal(last_sent()->len, 1460);
    passes_ms(2500);
    assert_int_equal(event_count(path_black_hole), 1);
    assert_int_equal(steps->tcb->mss, 1024);
    assert_int_equal(last_sent()->len, 1024);
    assert_int_equal(last_sent()->seq, 1);
    acknowledges(1025);
    assert_int_equal(last_sent()->len, 1460 - 1024); /* the rest of the first segment */
    assert_state(TCP_ESTABLISHED);
}

/* R8899-04: still nothing: half as much each time, down to the floor. */
static void a_deep_black_hole_ends_at_the_floor(void **state)
{
    (void)state;
    probing(1);
    tunables()->tcp_min_snd_mss = 88;
    user_sends(14600);
    passes_ms(400000);
    assert_true(event_count(path_black_hole) >= 4);
    assert_int_equal(steps->tcb->mss, 88);
}

/* RFC 4821, 7.8: without probing nothing is suspected. */
static void off_nothing_is_suspected(void **state)
{
    (void)state;
    probing(0);
    user_sends(14600);
    passes_ms(20000);
    assert_int_equal(event_count(path_black_hole), 0);
    assert_int_equal(last_sent()->len, 1460);
}

/* R8899-01: a Packet Too Big bounds the search; what is used already is not touched by it. */
static void a_router_bounds_the_search(void **state)
{
    (void)state;
    probing(2);
    user_sends(20000);
    const struct step_sent *probe = find_probe(1024);
    uint32_t from = probe->seq;
    acknowledges(from);
    forget_sent();
    assert_true(icmp_arrives(.seq = from, .type = 3, .code = 4, .mtu = 1200));
    assert_int_equal(steps->tcb->mss, 1024);
    assert_int_equal(steps->tcb->search.high, 1200);
    assert_int_equal(event_count(mtu_probe_failed), 1);
    assert_sent(.flags = ACK, .seq = from, .ack = 1, .len = 1024);
    assert_int_equal(event_count(recovery_entered), 0);
}

/* R8899-01: numbers that are not in flight are not believed, larger ones raise nothing. */
static void forged_messages_change_nothing(void **state)
{
    (void)state;
    probing(2);
    user_sends(20000);
    assert_false(icmp_arrives(.seq = 500000, .type = 3, .code = 4, .mtu = 1100));
    assert_true(icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 9000));
    assert_int_equal(steps->tcb->search.high, 1500);
    assert_int_equal(steps->tcb->search.low, 1064);
    assert_int_equal(steps->tcb->mss, 1024);
}

/* R8899-02: RFC 8899, 5.1.1: after tcp_probe_interval a larger MTU is tried again. */
static void the_search_begins_again(void **state)
{
    (void)state;
    probing(2);
    mtu_search_start(&steps->tcb->search, 1064, 1500, steps->now);
    steps->tcb->search.high = 1064;
    user_sends(20000);
    assert_int_equal(event_count(mtu_probe_sent), 0);
    acknowledges(20001);
    passes_ms(600 * 1000);
    steps->tcb->cc.restart_after_idle = false;
    steps->tcb->cc.cwnd = 40000;
    user_sends(20000);
    assert_int_equal(event_count(mtu_probe_sent), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(segments_begin_small_and_are_probed_larger),
        TEST(a_probe_that_arrives_raises_the_segment_size),
        TEST(a_lost_probe_is_no_congestion),
        TEST(a_probe_lost_by_time_is_no_congestion),
        TEST(a_probe_lost_among_others_tells_nothing),
        TEST(too_little_text_is_not_probed_with),
        TEST(off_nothing_is_probed),
        TEST(a_small_peer_is_not_probed),
        TEST(a_black_hole_is_left_by_small_segments),
        TEST(a_deep_black_hole_ends_at_the_floor),
        TEST(off_nothing_is_suspected),
        TEST(a_router_bounds_the_search),
        TEST(forged_messages_change_nothing),
        TEST(the_search_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
