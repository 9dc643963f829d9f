/* Timestamps and the test against old duplicates (RFC 7323, 3 to 5). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config stamped = {.timestamps = true};

static const struct tcp_options *last_options(void)
{
    return &last_sent()->header.options;
}

/* R7323-06: on every segment that is not a reset, once agreed on. */
static void every_segment_carries_one(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    user_sends(2500);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts);
    arrives(.seq = 500, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts);
    passes_ms(5000);
    user_closes();
    passes_ms(5000);
    assert_true(unseen() > 5);
    while (unseen() > 0)
        assert_true(next_sent()->header.options.has_timestamps);
}

/* R7323-07: a segment without one is dropped in silence; a reset is not. */
static void a_segment_without_one_is_dropped(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_dropped(DROP_no_timestamp);
    assert_nothing_sent();
    assert_int_equal(user_reads(100), -EAGAIN);
    arrives(.seq = 1, .flags = RST);
    assert_state(TCP_CLOSED);
}

/* R7323-19, Missing/extra timestamps: one that was not agreed on is ignored, the text is not. */
static void one_that_was_not_agreed_on_is_ignored(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){0});
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = 77);
    assert_false(last_options()->has_timestamps);
    assert_int_equal(user_reads(100), 10);
}

/* Missing/extra timestamps: a TSval of 0 is a timestamp. */
static void zero_is_a_timestamp(void **state)
{
    static const uint8_t zero[] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    (void)state;
    steps_open(&(struct steps_config){0});
    arrives(.seq = 0, .flags = SYN, .raw_options = zero, .raw_len = sizeof zero);
    assert_true(last_options()->has_timestamps);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 5, .raw_options = zero,
            .raw_len = sizeof zero);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(user_reads(10), 5);
}

/* R7323-12: older is acknowledged and dropped, equal is not older. */
static void an_old_segment_is_acknowledged_and_dropped(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts - 1);
    assert_dropped(DROP_paws);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    assert_int_equal(user_reads(100), -EAGAIN);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts);
    assert_int_equal(user_reads(100), 10);
}

/* R7323-12: PAWS is the first test: not even a FIN or a SYN gets past it. */
static void nothing_old_gets_past(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK | FIN, .ts_val = steps->ts - 1);
    assert_dropped(DROP_paws);
    arrives(.seq = 9, .flags = SYN, .ts_val = steps->ts - 1);
    assert_dropped(DROP_paws);
    assert_state(TCP_ESTABLISHED);
}

/* R7323-12, and where it is left: an ACK that a later one overtook may carry SACK blocks. It is
 * read when it is late by less than a retransmission timeout and changes nothing else. */
static void an_overtaken_ack_is_read(void **state)
{
    static const struct steps_config both = {.timestamps = true, .sack = true};
    uint32_t ts;
    (void)state;
    steps_open(&both);
    reach(TCP_ESTABLISHED);
    user_sends(3 * 1460);
    ts = steps->ts + 10;
    arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = ts);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = ts - 5, .sack = {1449, 2897},
            .sack_count = 1);
    assert_true(steps->tcb->sent.sacked_bytes > 0);
    assert_int_equal(steps->tcb->paws.recent, ts);

    arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = ts - 100000);
    assert_dropped(DROP_paws);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = ts - 5, .window = 77);
    assert_dropped(DROP_paws);
    arrives(.seq = 1, .ack = 1449, .flags = ACK, .ts_val = ts - 5);
    assert_dropped(DROP_paws);
}

/* R7323-13: a reset is exempt, and its timestamp changes nothing. */
static void a_reset_is_exempt(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 5, .ack = 1, .flags = RST, .ts_val = steps->ts + 1000);
    assert_int_equal(steps->tcb->paws.recent, steps->ts);
    arrives(.seq = 1, .ack = 1, .flags = RST, .ts_val = steps->ts - 5000);
    assert_state(TCP_CLOSED);
}

/* R7323-14 */
static void after_24_days_nothing_is_old(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    passes_ms(INT64_C(25) * 24 * 3600 * 1000);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = 5);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(steps->tcb->paws.recent, 5);
}

/* R7323-11: a segment beyond a hole does not move the echo. */
static void the_echo_is_of_the_segment_in_order(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts + 10);
    assert_int_equal(last_options()->ts_ecr, steps->ts);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts + 5);
    assert_int_equal(last_options()->ts_ecr, steps->ts + 5);
}

/* R7323-11: a delayed ACK echoes the earliest of what it acknowledges. */
static void a_delayed_ack_echoes_the_earliest(void **state)
{
    (void)state;
    steps_open(&stamped);
    tunables()->tcp_quick_acks = 0;
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts + 10);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts + 20);
    assert_nothing_sent();
    passes_ms(300);
    assert_sent(.flags = ACK, .seq = 1, .ack = 201);
    assert_int_equal(last_options()->ts_ecr, steps->ts - 300 + 10);
}

/* PAWS poisoning: CVE-2005-0356: a segment out of the window, or with a wrong ACK, teaches nothing
 * that makes the peer look old. */
static void a_forged_segment_does_not_make_the_peer_old(void **state)
{
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 200000, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts + 0x7fffffff);
    assert_int_equal(steps->tcb->paws.recent, steps->ts);
    arrives(.seq = 1, .ack = 0x60000000, .flags = ACK, .len = 10, .ts_val = steps->ts + 0x7fffffff);
    assert_int_equal(steps->tcb->paws.recent, steps->ts);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .ts_val = steps->ts);
    assert_int_equal(user_reads(100), 10);
}

/* R7323-17: across the wrap of both clocks. */
static void clocks_wrap(void **state)
{
    uint32_t ts = UINT32_MAX - 3;
    (void)state;
    steps_open(&stamped);
    steps->ts = ts;
    reach(TCP_ESTABLISHED);
    for (uint32_t i = 0; i < 8; i++) {
        arrives(.seq = 1 + 10 * i, .ack = 1, .flags = ACK, .len = 10,
                .ts_val = ts + i ? ts + i : 1);
        assert_int_equal(user_reads(100), 10);
    }
    arrives(.seq = 81, .ack = 1, .flags = ACK, .len = 10, .ts_val = ts);
    assert_dropped(DROP_paws);
}

/* R7323-15: milliseconds. */
static void our_clock_ticks_every_millisecond(void **state)
{
    uint32_t first;
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    first = last_options()->ts_val;
    arrives(.seq = 1, .ack = 11, .flags = ACK, .ts_val = steps->ts, .ts_ecr = first);
    passes_ms(12345);
    user_sends(10);
    assert_int_equal(last_options()->ts_val - first, 12345);
}

/* R7323-16: connections that begin at the same time have clocks that do not show it. */
static void each_connection_has_an_offset_of_its_own(void **state)
{
    uint32_t seen[20];
    (void)state;
    steps_open(&(struct steps_config){.timestamps = true, .backlog = 100});
    for (int i = 0; i < 20; i++) {
        steps->flow.remote.port++;
        reach(TCP_SYN_RECEIVED);
        seen[i] = last_options()->ts_val;
        assert_true(seen[i] > 100000); /* not the uptime */
        for (int k = 0; k < i; k++)
            assert_true((uint32_t)(seen[i] - seen[k] + 1000) > 2000);
    }
}

/* R7323-16: and mode 2 has none. */
static void the_offset_can_be_tuned_off(void **state)
{
    (void)state;
    steps_open(&stamped);
    tunables()->tcp_timestamps = 2;
    reach(TCP_SYN_RECEIVED);
    assert_int_equal(last_options()->ts_val, 1000);
}

/* R7323-09: no sample from an ACK that does not advance. */
static void an_ack_of_nothing_new_is_no_sample(void **state)
{
    struct duration srtt;
    (void)state;
    steps_open(&stamped);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    srtt = steps->tcb->rtt.srtt;
    passes_ms(100);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 5, .ts_val = steps->ts,
            .ts_ecr = last_options()->ts_val);
    assert_int_equal(steps->tcb->rtt.srtt.ns, srtt.ns);
}

/* TSecr validation wrong, Timer/RTT arithmetic: any echo leaves a sane RTO. */
static void any_echo_leaves_a_sane_rto(void **state)
{
    static const uint32_t echoes[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX, 12345678};
    (void)state;
    for (size_t i = 0; i < sizeof echoes / sizeof echoes[0]; i++)
        for (int relative = 0; relative < 2; relative++) {
            uint32_t base;
            steps_open(&stamped);
            reach(TCP_ESTABLISHED);
            user_sends(10);
            base = relative ? last_options()->ts_val : 0;
            passes_ms(1500); /* sent again: only the echo could tell */
            arrives(.seq = 1, .ack = 11, .flags = ACK, .ts_val = steps->ts,
                    .ts_ecr = base + echoes[i]);
            assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
            assert_true(steps->tcb->rtt.rto.ns >= duration_ms(200).ns);
            assert_true(steps->tcb->rtt.rto.ns <= duration_s(120).ns);
            steps_close();
        }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_segment_carries_one),
        TEST(a_segment_without_one_is_dropped),
        TEST(one_that_was_not_agreed_on_is_ignored),
        TEST(zero_is_a_timestamp),
        TEST(an_old_segment_is_acknowledged_and_dropped),
        TEST(nothing_old_gets_past),
        TEST(an_overtaken_ack_is_read),
        TEST(a_reset_is_exempt),
        TEST(after_24_days_nothing_is_old),
        TEST(the_echo_is_of_the_segment_in_order),
        TEST(a_delayed_ack_echoes_the_earliest),
        TEST(a_forged_segment_does_not_make_the_peer_old),
        TEST(clocks_wrap),
        TEST(our_clock_ticks_every_millisecond),
        TEST(each_connection_has_an_offset_of_its_own),
        TEST(the_offset_can_be_tuned_off),
        TEST(an_ack_of_nothing_new_is_no_sample),
        TEST(any_echo_leaves_a_sane_rto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
