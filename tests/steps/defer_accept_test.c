/* TCP_DEFER_ACCEPT (tcp(7)): a listener hears of a connection when text has come, or when it was
 * waited for long enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static void deferring(uint8_t timeouts)
{
    steps_open(&(struct steps_config){.mtu = 1500});
    tcp_listener_settings(steps->listener)->deferred_timeouts = timeouts;
    reach(TCP_SYN_RECEIVED);
}

static void the_ack_alone_is_not_told(void **state)
{
    (void)state;
    deferring(3);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_dropped(DROP_listen_deferred);
    assert_state(TCP_SYN_RECEIVED);
    assert_false(tcp_can_accept(steps->listener));
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_non_null(steps->tcb);
    assert_int_equal(user_reads(100), 10);
}

static void a_fin_is_news_too(void **state)
{
    (void)state;
    deferring(3);
    arrives(.seq = 1, .ack = 1, .flags = FIN | ACK);
    assert_state(TCP_CLOSE_WAIT);
    assert_true(tcp_can_accept(steps->listener));
}

static void a_reset_ends_the_wait(void **state)
{
    (void)state;
    deferring(3);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    arrives(.seq = 1, .flags = RST);
    assert_int_equal(steps->tcp->connections, 0);
}

/* The SYN-ACK goes once more at the end, and what answers it is taken; the initial window is whole:
 * nothing was lost. */
static void the_wait_ends(void **state)
{
    (void)state;
    deferring(3);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    passes_ms(6900); /* timeouts after 1, 3 and 7 s */
    assert_nothing_sent();
    passes_ms(200);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_non_null(steps->tcb);
    assert_true(steps->tcb->cc.cwnd >= 10 * 1000);
}

/* An ACK that never came is no wait: the SYN-ACK goes again as ever. */
static void without_the_ack_the_syn_ack_is_repeated(void **state)
{
    (void)state;
    deferring(3);
    passes_ms(1000);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    passes_ms(2000);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
}

static void nobody_answers_at_the_end(void **state)
{
    (void)state;
    deferring(1);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    passes_ms(200000);
    assert_int_equal(steps->tcp->connections, 0);
    assert_false(tcp_can_accept(steps->listener));
}

/* On the other side: the ACK of the SYN-ACK waits for text to ride on. */
static void a_clients_ack_waits_for_text(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.mtu = 1500});
    reach(TCP_SYN_SENT);
    settings()->deferred_timeouts = 1;
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
    assert_state(TCP_ESTABLISHED);
    assert_nothing_sent();
    user_sends(10);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 10);
    passes_ms(150);
    assert_nothing_sent();
}

static void a_clients_ack_does_not_wait_for_ever(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.mtu = 1500});
    reach(TCP_SYN_SENT);
    settings()->deferred_timeouts = 1;
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
    passes_ms(200);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_ack_alone_is_not_told),
        TEST(a_fin_is_news_too),
        TEST(a_reset_ends_the_wait),
        TEST(the_wait_ends),
        TEST(without_the_ack_the_syn_ack_is_repeated),
        TEST(nobody_answers_at_the_end),
        TEST(a_clients_ack_waits_for_text),
        TEST(a_clients_ack_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
