/* Unit tests of ack_policy.c: when to acknowledge (RFC 9293, 3.8.6.3; RFC 5681, 4.2). */
#include "tcp/ack_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NEXT   (SEQ_FIRST_EPOCH + UINT32_MAX)
#define MSS    1000u
#define WINDOW 65536u

static struct ack_policy policy;
static struct tcp_tunables tunables;
static seqno next;
static struct instant now;

static int setup(void **state)
{
    (void)state;
    tunables_defaults(&tunables);
    next = NEXT;
    now = instant_add(INSTANT_ZERO, duration_s(1));
    ack_policy_init(&policy, next, MSS);
    return 0;
}

static void passes_ms(int64_t ms)
{
    now = instant_add(now, duration_ms(ms));
}

static enum ack_urgency text(uint32_t len)
{
    next += len;
    return ack_policy_text(&policy, &tunables, next, len, WINDOW, duration_ms(300), now);
}

static void acks(enum ack_carrier carrier)
{
    ack_policy_sent(&policy, next, carrier, now);
}

/* Uses the quick ACKs up. */
static void settle(void)
{
    text(1);
    while (policy.quick > 0)
        acks(ACK_ALONE);
}

static int64_t delay_ms(int64_t srtt_ms)
{
    return duration_to_ms(ack_policy_delay(&policy, &tunables, duration_ms(srtt_ms)));
}

static void a_new_connection_is_acknowledged_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(text(100), ACK_AT_ONCE);
        acks(ACK_ALONE);
    }
    assert_int_equal(text(100), ACK_LATER);
}

static void no_quick_acks_when_tuned_off(void **state)
{
    (void)state;
    tunables.tcp_quick_acks = 0;
    assert_int_equal(text(100), ACK_LATER);
}

/* SHLD-18 */
static void one_small_segment_waits(void **state)
{
    (void)state;
    settle();
    assert_int_equal(text(100), ACK_LATER);
}

/* SHLD-19 */
static void the_second_full_segment_does_not_wait(void **state)
{
    (void)state;
    settle();
    text(MSS);
    acks(ACK_ALONE);
    assert_int_equal(text(MSS), ACK_LATER);
    assert_int_equal(text(MSS), ACK_AT_ONCE);
}

/* SHLD-19: of small segments as many as make more than one full. */
static void small_segments_add_up(void **state)
{
    (void)state;
    settle();
    text(MSS);
    acks(ACK_ALONE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(text(100), ACK_LATER);
    assert_int_equal(text(100), ACK_AT_ONCE);
}

static void the_segment_size_is_learnt(void **state)
{
    (void)state;
    assert_int_equal(policy.segment_size, 536);
    text(900);
    assert_int_equal(policy.segment_size, 900);
    text(200);
    assert_int_equal(policy.segment_size, 900);
    ack_policy_init(&policy, next, 300);
    assert_int_equal(policy.segment_size, 300);
}

/* MUST-40 */
static void the_delay_is_always_below_half_a_second(void **state)
{
    (void)state;
    settle();
    assert_int_equal(delay_ms(0), 40);
    for (int i = 0; i < 40; i++) {
        ack_policy_expired(&policy, &tunables);
        assert_true(delay_ms(0) < 500);
        assert_true(delay_ms(10000) < 500);
    }
    assert_int_equal(delay_ms(0), 200);
    tunables.tcp_delack_min_ms = tunables.tcp_delack_max_ms = 499;
    assert_int_equal(delay_ms(10000), 499);
}

static void the_delay_is_no_longer_than_a_round_trip(void **state)
{
    (void)state;
    settle();
    for (int i = 0; i < 5; i++)
        ack_policy_expired(&policy, &tunables);
    assert_int_equal(delay_ms(100), 100);
    assert_int_equal(delay_ms(5), 40);
}

static void the_delay_follows_the_rhythm_of_the_peer(void **state)
{
    (void)state;
    settle();
    ack_policy_expired(&policy, &tunables);
    ack_policy_expired(&policy, &tunables);
    assert_int_equal(duration_to_ms(policy.delay), 160);
    passes_ms(100);
    text(10);
    assert_int_equal(duration_to_ms(policy.delay), 180);
    for (int i = 0; i < 10; i++) { /* a fast stream */
        passes_ms(1);
        text(10);
    }
    assert_int_equal(duration_to_ms(policy.delay), 40);
}

static void after_silence_acks_are_quick_again(void **state)
{
    (void)state;
    settle();
    assert_int_equal(text(100), ACK_LATER);
    acks(ACK_ALONE);
    passes_ms(1000);
    assert_int_equal(text(100), ACK_AT_ONCE);
}

static void an_answering_user_makes_acks_wait_for_the_answer(void **state)
{
    (void)state;
    text(100);
    acks(ACK_ON_TEXT);
    assert_true(policy.interactive);
    assert_true(policy.quick > 0);
    assert_int_equal(text(100), ACK_LATER);
}

static void a_user_who_is_late_is_not_waited_for_again(void **state)
{
    (void)state;
    text(100);
    acks(ACK_ON_TEXT);
    ack_policy_expired(&policy, &tunables);
    assert_false(policy.interactive);
    assert_int_equal(text(100), ACK_AT_ONCE);
}

static void quick_acks_are_limited_by_window_and_tunable(void **state)
{
    (void)state;
    ack_policy_quicken(&policy, &tunables, 0);
    assert_int_equal(policy.quick, 2);
    ack_policy_quicken(&policy, &tunables, 10 * 536);
    assert_int_equal(policy.quick, 5);
    ack_policy_quicken(&policy, &tunables, 0);
    assert_int_equal(policy.quick, 5);
    ack_policy_quicken(&policy, &tunables, UINT32_MAX);
    assert_int_equal(policy.quick, 16);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_connection_is_acknowledged_at_once),
        TEST(no_quick_acks_when_tuned_off),
        TEST(one_small_segment_waits),
        TEST(the_second_full_segment_does_not_wait),
        TEST(small_segments_add_up),
        TEST(the_segment_size_is_learnt),
        TEST(the_delay_is_always_below_half_a_second),
        TEST(the_delay_is_no_longer_than_a_round_trip),
        TEST(the_delay_follows_the_rhythm_of_the_peer),
        TEST(after_silence_acks_are_quick_again),
        TEST(an_answering_user_makes_acks_wait_for_the_answer),
        TEST(a_user_who_is_late_is_not_waited_for_again),
        TEST(quick_acks_are_limited_by_window_and_tunable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
