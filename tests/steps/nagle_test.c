/* Small segments of ours (RFC 9293, 3.7.4 and 3.9.1.2): Nagle, PUSH, corks, and full segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* SHLD-7: while a small segment is unacknowledged others wait, and leave as one. */
static void small_writes_leave_together(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
    for (int i = 0; i < 5; i++)
        user_sends(10);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 11, .flags = ACK);
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 50);
}

/* SHLD-7, SHLD-28: full segments never wait. */
static void full_segments_do_not_wait(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    user_sends(2000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1011, .ack = 1, .len = 1000);
}

/* SHLD-7 in Minshall's form: behind full segments a small one does not wait. */
static void the_last_small_segment_of_a_write_does_not_wait(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(2500);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1001, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 2001, .ack = 1, .len = 500);
}

/* MUST-17 */
static void no_delay_is_for_one_connection(void **state)
{
    struct tcb *first;
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    first = steps->tcb;
    settings()->no_delay = true;
    settings_changed();
    for (uint32_t i = 0; i < 5; i++) {
        user_sends(10);
        assert_sent(.flags = ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
    }
    steps->flow.remote.port++;
    reach(TCP_ESTABLISHED);
    assert_ptr_not_equal(steps->tcb, first);
    user_sends(10);
    forget_sent();
    user_sends(10);
    assert_nothing_sent();
}

/* MUST-17: what waits leaves when Nagle is turned off. */
static void turning_nagle_off_ends_the_wait(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    user_sends(10);
    forget_sent();
    settings()->no_delay = true;
    settings_changed();
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 10);
}

/* SHLD-28, MUST-61: all but the last are full, and the last is pushed. */
static void a_large_write_leaves_as_full_segments_with_a_push_at_the_end(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(3500, 0);
    for (int i = 0; i < 3; i++) {
        const struct step_sent *s = next_sent();
        assert_int_equal(s->len, 1000);
        assert_false(s->flags & PSH);
    }
    assert_int_equal(next_sent()->len, 500);
    assert_true(last_sent()->flags & PSH);
}

/* MAY-15: PSH stands on the last byte of a pushed write, though more text follows. */
static void a_push_marks_its_place(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .zero_window = true);
    user_sends_with(1500, TCP_SEND_PUSH);
    user_sends_with(2000, 0);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_false(next_sent()->flags & PSH);
    assert_true(next_sent()->flags & PSH); /* 1001 to 2000 holds byte 1500 */
    assert_false(next_sent()->flags & PSH);
    assert_true(next_sent()->flags & PSH);
}

/* MUST-60: one small write without a push leaves at once. */
static void a_write_without_push_is_not_held(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(10, 0);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
}

/* MAY-16, MUST-60: MSG_MORE holds a small segment back, for 200 ms at most. */
static void more_holds_text_back_for_a_while(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(10, TCP_SEND_MORE);
    assert_nothing_sent();
    passes_ms(199);
    assert_nothing_sent();
    passes_ms(1);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
}

/* MAY-16: and the write without it ends the wait. */
static void what_follows_more_leaves_with_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(10, TCP_SEND_MORE);
    user_sends_with(10, TCP_SEND_MORE);
    user_sends(10);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 30);
}

/* MAY-16, MUST-60 */
static void a_cork_lets_full_segments_through_and_holds_the_rest_for_a_while(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->cork = true;
    settings_changed();
    user_sends(1500);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 1000);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1001, .flags = ACK);
    assert_nothing_sent();
    passes_ms(200);
    assert_sent(.flags = ACK, .seq = 1001, .ack = 1, .len = 500);
}

/* MAY-16 */
static void pulling_the_cork_sends_what_it_held(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->cork = true;
    settings_changed();
    user_sends(10);
    assert_nothing_sent();
    settings()->cork = false;
    settings_changed();
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
}

/* MAY-16: and so does closing. */
static void closing_sends_what_a_cork_held(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->cork = true;
    settings_changed();
    user_sends(10);
    user_closes();
    assert_sent(.flags = ACK | FIN, .seq = 1, .ack = 1, .len = 10);
}

/* API edge: zero-length read/write */
static void writing_nothing_sends_nothing(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    assert_int_equal(user_sends(0), 0);
    assert_int_equal(user_reads(0), 0);
    assert_nothing_sent();
}

/* MUST-48, SHLD-21, SHLD-22, MUST-49: DS field and TTL on every segment, changed at any time. */
static void every_segment_carries_the_users_tos_and_ttl(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends(10);
    assert_int_equal(last_sent()->ttl, 64);
    assert_int_equal(last_sent()->tos & 0xfc, 0);
    settings()->tos = 0xb8 | 3; /* the low bits are ECN's, not the user's */
    settings()->ttl = 5;
    settings_changed();
    passes_ms(1000);
    assert_int_equal(last_sent()->tos, 0xb8);
    assert_int_equal(last_sent()->ttl, 5);
    user_closes();
    assert_int_equal(last_sent()->tos, 0xb8);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_writes_leave_together),
        TEST(full_segments_do_not_wait),
        TEST(the_last_small_segment_of_a_write_does_not_wait),
        TEST(no_delay_is_for_one_connection),
        TEST(turning_nagle_off_ends_the_wait),
        TEST(a_large_write_leaves_as_full_segments_with_a_push_at_the_end),
        TEST(a_push_marks_its_place),
        TEST(a_write_without_push_is_not_held),
        TEST(more_holds_text_back_for_a_while),
        TEST(what_follows_more_leaves_with_it),
        TEST(a_cork_lets_full_segments_through_and_holds_the_rest_for_a_while),
        TEST(pulling_the_cork_sends_what_it_held),
        TEST(closing_sends_what_a_cork_held),
        TEST(writing_nothing_sends_nothing),
        TEST(every_segment_carries_the_users_tos_and_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
