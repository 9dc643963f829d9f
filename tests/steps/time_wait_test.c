/* TIME-WAIT (RFC 9293, 3.6.1 and 3.10.7.4; RFC 1337; RFC 6191). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};
static const struct steps_config stamped = {.timestamps = true};

/* MUST-13: 2 MSL, by default 60 s as Linux has it; tcp_time_wait makes it RFC 9293's 240 s. */
static void lasts_two_msl(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t s = i ? 240 : 60;
        steps_open(&plain);
        assert_int_equal(tunables()->tcp_time_wait, 60);
        tunables()->tcp_time_wait = s;
        reach(TCP_TIME_WAIT);
        user_goes_away();
        passes_ms(s * 1000 - 1);
        assert_state(TCP_TIME_WAIT);
        passes_ms(1);
        assert_int_equal(steps->tcp->connections, 0);
        assert_nothing_sent();
        steps->tcb = NULL;
        steps_close();
    }
}

/* MUST-13, 9293-U-18 */
static void a_fin_that_comes_again_is_acknowledged_and_starts_it_anew(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_TIME_WAIT);
    for (int i = 0; i < 5; i++) {
        passes_ms(40000);
        arrives(.seq = 1, .ack = 2, .flags = FIN | ACK);
        assert_sent(.flags = ACK, .seq = 2, .ack = 2);
    }
    passes_ms(59999);
    assert_state(TCP_TIME_WAIT);
    passes_ms(1);
    assert_state(TCP_CLOSED);
}

/* R1337-01, TIME-WAIT assassination */
static void a_reset_does_not_end_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_TIME_WAIT);
    arrives(.seq = 2, .flags = RST);
    assert_dropped(DROP_time_wait_segment);
    arrives(.seq = 2, .ack = 2, .flags = RST | ACK);
    arrives(.seq = 900, .flags = RST);
    assert_state(TCP_TIME_WAIT);
}

/* R1337-01, TIME-WAIT assassination: old text is acknowledged as old, and nothing more. */
static void old_text_draws_an_ack_only(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_TIME_WAIT);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1);
    assert_sent(.flags = ACK, .seq = 2, .ack = 2);
    arrives(.seq = 2, .ack = 2, .flags = ACK, .len = 10);
    assert_dropped(DROP_text_after_fin);
    assert_state(TCP_TIME_WAIT);
    assert_int_equal(user_reads(10), 0);
}

/* R6191-01, SHLD-4, MAY-2: the table of RFC 6191, 2. */
static void a_new_syn_is_taken_when_it_is_newer(void **state)
{
    static const struct {
        bool had_ts, has_ts;
        int32_t ts; /* against TS.Recent */
        uint32_t seq;
        bool taken;
    } rows[] = {
        {true, true, 1, 5000, true},   {true, true, 1, UINT32_MAX - 5000, true},
        {true, true, 0, 5000, true},   {true, true, 0, UINT32_MAX - 5000, false},
        {true, true, -1, 5000, false}, {true, false, 0, 5000, true},
        {false, false, 0, 5000, true}, {false, false, 0, UINT32_MAX - 5000, false},
        {false, true, 1, 5000, true},  {false, true, 1, UINT32_MAX - 5000, false},
        {false, false, 0, 2, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t ts;
        steps_open(rows[i].had_ts ? &stamped : &plain);
        reach(TCP_TIME_WAIT);
        ts = steps->tcb->paws.recent;
        user_goes_away();
        passes_ms(100);
        arrives(.seq = rows[i].seq, .flags = SYN,
                .ts_val = rows[i].has_ts ? (rows[i].had_ts ? ts : 7777) + (uint32_t)rows[i].ts : 0);
        if (state_now() != (rows[i].taken ? TCP_SYN_RECEIVED : TCP_TIME_WAIT))
            fail_msg("row %u: %s", (unsigned)i, tcp_state_name(state_now()));
        assert_int_equal(event_count(time_wait_reused), rows[i].taken);
        steps->tcb = NULL;
        steps_close();
    }
}

/* MAY-2: what refused a SYN by RFC 6191 goes on waiting and answers as usual. */
static void an_old_syn_leaves_it_as_it_was(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_TIME_WAIT);
    arrives(.seq = 5000, .flags = SYN, .ts_val = steps->tcb->paws.recent - 5);
    assert_sent(.flags = ACK, .seq = 2, .ack = 2);
    passes_ms(60000);
    assert_state(TCP_CLOSED);
}

/* MAY-2: the same when it is tuned off. */
static void reuse_can_be_tuned_off(void **state)
{
    (void)state;
    steps_open(&stamped);
    tunables()->tcp_tw_reuse = 0;
    reach(TCP_TIME_WAIT);
    arrives(.seq = 5000, .flags = SYN, .ts_val = steps->tcb->paws.recent + 5);
    assert_state(TCP_TIME_WAIT);
}

/* MAY-2, Use-after-free on teardown: a user who only shut down keeps the old one, CLOSED. */
static void the_user_keeps_what_a_new_connection_follows(void **state)
{
    struct tcb *old;
    (void)state;
    steps_open(&stamped);
    reach(TCP_TIME_WAIT);
    old = steps->tcb;
    arrives(.seq = 5000, .flags = SYN, .ts_val = old->paws.recent + 5);
    assert_state(TCP_SYN_RECEIVED);
    assert_int_equal(tcp_state_of(old), TCP_CLOSED);
    assert_int_equal(user_reads(10), 0);
    assert_int_equal(tcp_take_error(old), 0);
    assert_int_equal(steps->tcp->connections, 2);
    user_goes_away();
    assert_int_equal(steps->tcp->connections, 1);
    steps->tcb = NULL;
}

/* SHLD-4: the active side too: after a second, with timestamps. */
static void an_active_open_may_follow_after_a_second(void **state)
{
    struct tcp_settings chosen;
    struct tcb *tcb;
    (void)state;
    steps_open(&stamped);
    tcp_default_settings(steps->tcp, &chosen);
    reach(TCP_TIME_WAIT);
    assert_int_equal(tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, NULL, &tcb, steps->now),
                     -99);
    user_goes_away();
    passes_ms(1001);
    assert_int_equal(tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, NULL, &tcb, steps->now),
                     0);
    assert_int_equal(steps->tcp->connections, 1);
    steps->tcb = tcb;
}

/* TIME-WAIT recycle with NAT: another host behind the same address has timestamps of its own. */
static void timestamps_of_one_flow_do_not_judge_another(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_TIME_WAIT);
    steps->flow.remote.port++;
    arrives(.seq = 0, .flags = SYN, .ts_val = 1);
    assert_state(TCP_SYN_RECEIVED);
}

/* TIME-WAIT / tick freeze: across 2^32 ms, us and ns. */
static void ends_whatever_the_clock_says(void **state)
{
    static const int64_t starts_ns[] = {1, (INT64_C(1) << 32) * 1000 - 5000000000,
                                        (INT64_C(1) << 32) * 1000000 - 5000000000,
                                        (INT64_C(1) << 31) * 1000000 - 5000000000};
    (void)state;
    for (size_t i = 0; i < sizeof starts_ns / sizeof starts_ns[0]; i++) {
        steps_open(&(struct steps_config){.timestamps = true, .start = {starts_ns[i]}});
        reach(TCP_TIME_WAIT);
        passes_ms(59999);
        assert_state(TCP_TIME_WAIT);
        passes_ms(1);
        assert_state(TCP_CLOSED);
        steps_close();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lasts_two_msl),
        TEST(a_fin_that_comes_again_is_acknowledged_and_starts_it_anew),
        TEST(a_reset_does_not_end_it),
        TEST(old_text_draws_an_ack_only),
        TEST(a_new_syn_is_taken_when_it_is_newer),
        TEST(an_old_syn_leaves_it_as_it_was),
        TEST(reuse_can_be_tuned_off),
        TEST(the_user_keeps_what_a_new_connection_follows),
        TEST(an_active_open_may_follow_after_a_second),
        TEST(timestamps_of_one_flow_do_not_judge_another),
        TEST(ends_whatever_the_clock_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
