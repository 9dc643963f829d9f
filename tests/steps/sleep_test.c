/* Connections without anything to do sleep, and wake as they were (stack/tcp/tcp_sleep.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {.sack = true, .window_scale = true};

static struct tcp_connection *place(void)
{
    struct tcp_connection *c = tcp_each_connection(steps->tcp, NULL);
    assert_non_null(c);
    return c;
}

/* The end of a turn, at which whoever may sleep does so at once. */
static bool falls_asleep(void)
{
    tunables()->tcp_sleep_after_ms = 0;
    tcp_put_to_sleep(steps->tcp, steps->now);
    return place()->asleep;
}

static void wakes(void)
{
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_non_null(steps->tcb);
}

/* Text both ways, a hole that is filled, a segment that is lost: so that no number is a zero. */
static void some_traffic(void)
{
    arrives(.seq = 1001, .ack = 1, .flags = ACK, .len = 1000);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000);
    assert_int_equal(user_reads(5000), 2000);
    user_sends(3000);
    passes_ms(5000);
    arrives(.seq = 2001, .ack = 3001, .flags = ACK);
    passes_ms(5000);
    forget_sent();
}

/* What points somewhere, and what is empty. */
static struct tcb without_places(const struct tcb *tcb)
{
    struct tcb copy = *tcb;

    copy.text.ring = copy.received.ring = (struct ring){0};
    copy.sent.by_time = copy.sent.spare = (struct list){0};
    copy.sent.own = (struct sent_record){.transmissions = 0};
    copy.in_ready = copy.in_changed = copy.in_accept = copy.in_drowsy = (struct list){0};
    copy.connection = NULL;
    copy.alarm = INSTANT_NEVER;
    copy.looked_at = 0;
    return copy;
}

static void it_wakes_as_it_was(void **state)
{
    struct tcb before, after;
    struct tcp_status told, seen;
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    some_traffic();
    before = without_places(steps->tcb);
    tcp_status(steps->tcb, &told, steps->now);
    assert_true(told.totals.segments_retransmitted > 0);
    assert_true(falls_asleep());
    assert_int_equal(event_count(fell_asleep), 1);
    assert_int_equal(steps->tcp->tcb_pool.live, 0);
    tcp_status(tcp_view(steps->tcp, place()), &seen, steps->now);
    assert_memory_equal(&seen, &told, sizeof seen);
    assert_int_equal(event_count(woke_up), 0);
    wakes();
    assert_int_equal(event_count(woke_up), 1);
    after = without_places(steps->tcb);
    assert_memory_equal(&after, &before, sizeof after);
    tcp_check(steps->tcb);
    assert_int_equal(steps->tcp->asleep, 0);
}

/* The second one is the difference from the first, the third from both of them gone. */
static void others_sleep_beside_it(void **state)
{
    struct tcb before[3], after;
    (void)state;
    steps_open(&plain);
    for (unsigned i = 0; i < 3; i++) {
        steps->flow.remote.port = (uint16_t)(40000 + i);
        reach(TCP_ESTABLISHED);
        if (i > 0)
            user_sends(500 * i);
        arrives(.seq = 1, .ack = 1 + 500 * i, .flags = ACK);
        before[i] = without_places(steps->tcb);
    }
    (void)falls_asleep();
    assert_int_equal(steps->tcp->asleep, 3);
    for (unsigned i = 0; i < 3; i++) {
        steps->flow.remote.port = (uint16_t)(40000 + i);
        wakes();
        after = without_places(steps->tcb);
        assert_memory_equal(&after, &before[i], sizeof after);
    }
}

static void a_segment_wakes_it(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    some_traffic();
    assert_true(falls_asleep());
    arrives(.seq = 2001, .ack = 3001, .flags = ACK, .len = 10);
    wakes();
    assert_int_equal(user_reads(100), 10);
    forget_sent();
    assert_int_equal(user_sends(10), 10);
    assert_sent(.seq = 3001, .ack = 2011, .flags = ACK, .len = 10);
    assert_false(falls_asleep());
    arrives(.seq = 2011, .ack = 3011, .flags = ACK);
    assert_true(falls_asleep());
}

static void it_sleeps_after_its_time_without_segments(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    tunables()->tcp_sleep_after_ms = 1000;
    tcp_put_to_sleep(steps->tcp, steps->now);
    for (int i = 0; i < 5; i++) {
        passes_ms(1000);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        tcp_put_to_sleep(steps->tcp, steps->now);
        assert_false(place()->asleep);
        assert_int_equal(tcp_sleep_deadline(steps->tcp).ns,
                         instant_add(steps->now, duration_s(1)).ns);
    }
    passes_ms(999);
    tcp_put_to_sleep(steps->tcp, steps->now);
    assert_false(place()->asleep);
    passes_ms(1);
    tcp_put_to_sleep(steps->tcp, steps->now);
    assert_true(place()->asleep);
    passes_ms(1000);
    tcp_put_to_sleep(steps->tcp, steps->now);
    assert_true(instant_is_never(tcp_sleep_deadline(steps->tcp)));
}

/* Established, with a keep-alive probe due in a minute, and asleep. */
static void sleeps_with_keep_alive(void)
{
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->keep_alive = true;
    settings()->keep_idle_s = 60;
    settings_changed();
    forget_sent();
    assert_true(falls_asleep());
}

/* MUST-24, MUST-27 */
static void the_keep_alive_timer_wakes_it(void **state)
{
    (void)state;
    sleeps_with_keep_alive();
    passes_ms(59999);
    assert_nothing_sent();
    passes_ms(1);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1);
    assert_true(falls_asleep());
    passes_ms(75000);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1);
}

static void half_closed_ones_sleep_and_so_does_time_wait(void **state)
{
    static const enum tcp_state lasting[] = {TCP_CLOSE_WAIT, TCP_FIN_WAIT_2, TCP_TIME_WAIT};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        steps_open(&plain);
        reach(lasting[i]);
        forget_sent();
        assert_true(falls_asleep());
        assert_int_equal(tcp_view(steps->tcp, place())->state, lasting[i]);
        if (lasting[i] == TCP_TIME_WAIT) {
            passes_ms(59999);
            assert_true(place()->asleep);
            passes_ms(1);
            assert_state(TCP_CLOSED);
        }
        steps->tcb = NULL;
        steps_close();
    }
}

static void whoever_has_something_to_do_stays_awake(void **state)
{
    struct room rooms[2];
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .mss = 1000);
    assert_false(falls_asleep()); /* no handshake yet */
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_false(falls_asleep()); /* nobody has accepted it */
    steps->tcb = tcp_accept(steps->listener, steps);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_false(falls_asleep()); /* text to read */
    assert_int_equal(user_reads(10), 10);
    arrives(.seq = 21, .ack = 1, .flags = ACK, .len = 10);
    assert_false(falls_asleep()); /* text beyond a hole */
    arrives(.seq = 11, .ack = 1, .flags = ACK, .len = 10);
    assert_int_equal(user_reads(20), 20);
    user_sends(10);
    assert_false(falls_asleep()); /* text in flight */
    arrives(.seq = 31, .ack = 11, .flags = ACK);
    assert_true(tcp_send_rooms(steps->tcb, 100, rooms, steps->now) > 0);
    assert_false(falls_asleep()); /* the user writes */
    assert_int_equal(tcp_send_commit(steps->tcb, 0, 0, steps->now), 0);
    passes_ms(1000);
    assert_true(falls_asleep());
}

static void without_memory_it_does_not_wake_but_later(void **state)
{
    (void)state;
    sleeps_with_keep_alive();
    steps->memory.fail_at = steps->memory.takes + 1;
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_dropped(DROP_tcp_no_memory_to_wake);
    assert_nothing_sent();
    steps->memory.fail_at = steps->memory.takes + 1;
    passes_ms(60000);
    assert_nothing_sent();
    passes_ms(1000);
    assert_sent(.flags = ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_int_equal(user_reads(100), 10);
}

static void without_memory_it_stays_awake(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    steps->flow.remote.port++;
    reach(TCP_ESTABLISHED);
    some_traffic();
    steps->memory.fail_at = steps->memory.takes + 1;
    (void)falls_asleep();
    assert_int_equal(steps->tcp->asleep, 1);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    tcp_check(steps->tcb);
    arrives(.seq = 2001, .ack = 3001, .flags = ACK, .len = 10);
    assert_int_equal(user_reads(100), 10);
}

/* RFC 9293, 3.10.5 */
static void without_memory_its_end_is_a_reset(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    some_traffic();
    assert_true(falls_asleep());
    tcp_forsake(steps->tcp, place());
    lets_send();
    assert_sent(.flags = RST | ACK, .seq = 3001, .ack = 2001);
    assert_int_equal(steps->tcp->connections, 0);
    steps->tcb = NULL;
}

static void news_of_it_survive_its_sleep(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    while (tcp_next_changed(steps->tcp))
        continue;
    tcp_note_change(steps->tcb);
    unsigned ready = tcp_readiness(steps->tcb);
    assert_true(falls_asleep());
    assert_int_equal(tcp_connection_readiness(place()), ready);
    assert_non_null(tcp_next_changed(steps->tcp));
    assert_null(tcp_next_changed(steps->tcp));
    wakes();
    tcp_note_change(steps->tcb);
    assert_true(falls_asleep());
    wakes();
    assert_non_null(tcp_next_changed(steps->tcp));
    assert_null(tcp_next_changed(steps->tcp));
}

static void lists_show_it(void **state)
{
    unsigned shown = 0;
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    assert_true(falls_asleep());
    steps->flow.remote.port++;
    reach(TCP_CLOSE_WAIT);
    for (const struct tcb *tcb = tcp_each(steps->tcp, NULL); tcb; tcb = tcp_each(steps->tcp, tcb))
        shown += tcb->state == TCP_ESTABLISHED ? 1 : 10;
    assert_int_equal(shown, 11);
    assert_int_equal(steps->tcp->asleep, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_wakes_as_it_was),
        TEST(others_sleep_beside_it),
        TEST(a_segment_wakes_it),
        TEST(it_sleeps_after_its_time_without_segments),
        TEST(the_keep_alive_timer_wakes_it),
        cmocka_unit_test(half_closed_ones_sleep_and_so_does_time_wait),
        TEST(whoever_has_something_to_do_stays_awake),
        TEST(without_memory_it_does_not_wake_but_later),
        TEST(without_memory_it_stays_awake),
        TEST(without_memory_its_end_is_a_reset),
        TEST(news_of_it_survive_its_sleep),
        TEST(lists_show_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
