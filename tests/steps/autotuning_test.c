/* Buffers that grow with the connection, in both directions (RFC 9293, 3.8.6): with the congestion
 * window on one side, with what the user takes in a round trip on the other; within their limits
 * and the memory budget, and never where the user has said how large they are to be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config wide = {
    .peer_mss = 1460, .peer_window = 65535, .window_scale = true, .memory = 32 << 20};

/* --- sending ------------------------------------------------------------------------------ */

/* The user writes all that fits, the peer acknowledges it; `rounds` times. */
static void sends_rounds(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        while (user_sends(65536) > 0)
            ;
        passes_ms(10);
        arrives(.seq = 1, .ack = (uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.iss),
                .flags = ACK, .window = 65535);
    }
}

static void wants_to_send(void)
{
    steps_open(&wide);
    reach(TCP_ESTABLISHED);
    steps->tcb->snd.wscale = 8; /* a peer with much room */
    tunables()->tcp_wmem_max = 1 << 20;
}

static void a_send_buffer_grows_with_the_window(void **state)
{
    uint32_t before;
    (void)state;
    wants_to_send();
    before = steps->tcb->text.limit;
    sends_rounds(12);
    assert_true(event_count(buffer_grown) > 0);
    assert_true(steps->tcb->text.limit > before);
    assert_true(steps->tcb->text.limit <= 1 << 20);
    assert_int_equal(steps->tcb->settings.send_buffer, steps->tcb->text.limit);
}

static void a_send_buffer_grows_to_its_most(void **state)
{
    (void)state;
    wants_to_send();
    tunables()->tcp_wmem_max = 200000;
    sends_rounds(20);
    assert_int_equal(steps->tcb->text.limit, 200000);
}

static void a_send_buffer_that_the_user_chose_stays(void **state)
{
    uint32_t before;
    (void)state;
    wants_to_send();
    settings()->send_buffer_fixed = true;
    before = steps->tcb->text.limit;
    sends_rounds(12);
    assert_int_equal(steps->tcb->text.limit, before);
}

/* --- receiving ---------------------------------------------------------------------------- */

/* Full windows arrive and are read at once, a round trip apart; `rounds` times. */
static void receives_rounds(unsigned rounds)
{
    uint32_t at = (uint32_t)(steps->tcb->rcv.nxt - steps->tcb->rcv.irs);

    for (unsigned i = 0; i < rounds; i++) {
        uint32_t edge = (uint32_t)(tcp_receive_edge(steps->tcb) - steps->tcb->rcv.irs);
        while (at + 1460 <= edge) {
            arrives(.seq = at, .ack = 1, .flags = ACK, .len = 1460);
            at += 1460;
            user_reads(1460);
        }
        passes_ms(100);
    }
}

static void wants_to_receive(void)
{
    steps_open(&wide);
    tunables()->tcp_rmem_max = 2 << 20;
    reach(TCP_ESTABLISHED);
    window_set_rtt(&steps->tcb->window, duration_ms(90));
}

static void a_receive_buffer_grows_with_what_is_read(void **state)
{
    uint32_t before;
    (void)state;
    wants_to_receive();
    before = steps->tcb->received.limit;
    receives_rounds(6);
    assert_true(event_count(buffer_grown) > 0);
    assert_true(steps->tcb->received.limit > 2 * before);
    assert_true(steps->tcb->received.limit <= 1 << 20);
    assert_true(tcp_receive_edge(steps->tcb) - steps->tcb->rcv.nxt > before);
}

static void a_receive_buffer_does_not_grow_for_who_does_not_read(void **state)
{
    uint32_t before;
    (void)state;
    wants_to_receive();
    before = steps->tcb->received.limit;
    for (uint32_t at = 1; at < 40000; at += 1000) {
        arrives(.seq = at, .ack = 1, .flags = ACK, .len = 1000);
        passes_ms(100);
    }
    assert_int_equal(steps->tcb->received.limit, before);
}

static void a_receive_buffer_that_the_user_chose_stays(void **state)
{
    uint32_t before;
    (void)state;
    wants_to_receive();
    settings()->receive_buffer_fixed = true;
    before = steps->tcb->received.limit;
    receives_rounds(6);
    assert_int_equal(steps->tcb->received.limit, before);
    assert_int_equal(event_count(buffer_grown), 0);
}

static void growth_can_be_turned_off(void **state)
{
    (void)state;
    wants_to_receive();
    tunables()->tcp_moderate_rcvbuf = 0;
    receives_rounds(6);
    assert_int_equal(event_count(buffer_grown), 0);
}

/* A small budget: the window may grow, storage does not go beyond the budget; what does not fit is
 * refused by name and comes again. */
static void the_budget_is_never_exceeded(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){
        .peer_mss = 1460, .peer_window = 65535, .window_scale = true, .memory = 1 << 20});
    tunables()->tcp_rmem_max = 64 << 20;
    reach(TCP_ESTABLISHED);
    window_set_rtt(&steps->tcb->window, duration_ms(90));
    receives_rounds(4);
    for (uint32_t at = (uint32_t)(steps->tcb->rcv.nxt - steps->tcb->rcv.irs), n = 0; n < 2000;
         n++, at += 1460)
        arrives(.seq = at, .ack = 1, .flags = ACK, .len = 1460);
    assert_true(steps->memory.peak <= 1 << 20);
    assert_state(TCP_ESTABLISHED);
    assert_true(user_reads(100000) > 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_send_buffer_grows_with_the_window),
        TEST(a_send_buffer_grows_to_its_most),
        TEST(a_send_buffer_that_the_user_chose_stays),
        TEST(a_receive_buffer_grows_with_what_is_read),
        TEST(a_receive_buffer_does_not_grow_for_who_does_not_read),
        TEST(a_receive_buffer_that_the_user_chose_stays),
        TEST(growth_can_be_turned_off),
        TEST(the_budget_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
