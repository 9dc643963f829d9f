/* Too many SYNs (RFC 4987): backlog, cookies, the accept queue, forged cookies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config small = {.backlog = 4};

/* `count` SYNs from as many ports, that nobody completes. */
static void flood(unsigned count)
{
    struct flow flow = steps->flow;

    for (unsigned i = 0; i < count; i++) {
        steps->flow.remote.port = (uint16_t)(1024 + i);
        steps->flow.remote.address.bytes[14] = (uint8_t)(i >> 14);
        arrives(.seq = i, .flags = SYN, .mss = 1460);
    }
    steps->flow = flow;
    forget_sent();
}

/* The handshake's last step, in answer to a SYN-ACK that no connection remembers. */
static void answers_cookie(uint32_t off_by, uint32_t len)
{
    uint32_t isn = last_sent()->header.seq.u32;
    struct tcp_options o = last_sent()->header.options;

    arrives(.seq = 1, .ack = isn + 1 + off_by, .flags = ACK, .len = len,
            .ts_val = o.has_timestamps ? 6 : 0, .ts_ecr = o.ts_val);
}

/* R4987-01, SYN flood: memory is bounded by the backlog, and a peer that means it gets through. */
static void a_flood_costs_no_more_than_the_backlog(void **state)
{
    size_t used;
    (void)state;
    steps_open(&small);
    flood(10);
    used = steps->memory.used;
    flood(60000);
    assert_int_equal(steps->memory.used, used);
    assert_int_equal(steps->tcp->connections, 4);
    assert_true(event_count(syn_cookie_sent) > 50000);
    steps->flow.remote.port = 999;
    arrives(.seq = 0, .flags = SYN, .mss = 1000);
    assert_int_equal(last_sent()->flags, SYN | ACK);
    steps->tcb = NULL;
    answers_cookie(0, 5);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_non_null(steps->tcb);
    assert_int_equal(user_reads(10), 5);
    assert_int_equal(user_sends(10), 10);
}

/* R4987-02: the segment size comes back in the cookie. */
static void a_cookie_remembers_the_segment_size(void **state)
{
    static const uint16_t sizes[] = {536, 1024, 1460, 8960};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        steps_open(&(struct steps_config){.mtu = 9000});
        tunables()->tcp_syncookies = 2;
        arrives(.seq = 0, .flags = SYN, .mss = sizes[i]);
        assert_int_equal(steps->tcp->connections, 0);
        answers_cookie(0, 0);
        steps->tcb = tcp_accept(steps->listener, steps);
        assert_int_equal(steps->tcb->peer_mss, sizes[i]);
        assert_false(steps->tcb->sack || steps->tcb->window_scaling || steps->tcb->paws.enabled);
        steps_close();
    }
}

/* R4987-02: SACK and window scale come back in the timestamp. */
static void a_timestamp_remembers_the_options(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 17; shift++)
        for (int sack = 0; sack < 2; sack++) {
            steps_open(&(struct steps_config){0});
            tunables()->tcp_syncookies = 2;
            arrives(.seq = 0, .flags = SYN, .mss = 1460, .sack_permitted = sack,
                    .window_scale = shift < 16, .shift = (uint8_t)shift, .ts_val = 5);
            answers_cookie(0, 0);
            steps->tcb = tcp_accept(steps->listener, steps);
            assert_true(steps->tcb->paws.enabled);
            assert_int_equal(steps->tcb->sack, sack);
            assert_int_equal(steps->tcb->window_scaling, shift < 16);
            if (shift < 16)
                assert_int_equal(steps->tcb->snd.wscale, shift > 14 ? 14 : shift);
            steps_close();
        }
}

/* R4987-02: without a timestamp nothing but the size is offered. */
static void without_a_timestamp_nothing_is_offered(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){0});
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460, .sack_permitted = true, .window_scale = true);
    assert_false(last_sent()->header.options.has_sack_permitted);
    assert_false(last_sent()->header.options.has_window_scale);
    assert_true(last_sent()->header.options.has_mss);
}

/* R4987-02, SYN-cookie misuse: a guess makes nothing. */
static void forged_cookies_make_no_connection(void **state)
{
    struct random random;
    (void)state;
    steps_open(&small);
    flood(10);
    random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        forget_sent();
        arrives(.seq = random_u32(&random), .ack = random_u32(&random), .flags = ACK, .len = 1);
        assert_dropped(DROP_listen_bad_ack);
        assert_int_equal(next_sent()->flags, RST);
    }
    assert_int_equal(steps->tcp->connections, 4);
}

/* R4987-02: neither later, nor from another port, nor off by one. */
static void a_cookie_is_good_once_here_and_now(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){0});
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    answers_cookie(1, 0);
    assert_int_equal(steps->tcp->connections, 0);
    steps_close();
    steps_open(&(struct steps_config){0});
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    steps->flow.remote.port++;
    answers_cookie(0, 0);
    assert_int_equal(steps->tcp->connections, 0);
    steps_close();
    steps_open(&(struct steps_config){0});
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    passes_ms(5 * 60 * 1000);
    answers_cookie(0, 0);
    assert_int_equal(steps->tcp->connections, 0);
}

/* SYN-cookie misuse: the mode toggles between SYN and ACK: neither form is lost. */
static void toggling_the_mode_resets_nobody(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){0});
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_state(TCP_ESTABLISHED);
    steps->flow.remote.port++;
    steps->tcb = NULL;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    tunables()->tcp_syncookies = 1;
    answers_cookie(0, 10);
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(event_count(reset_sent), 0);
}

/* Duplicate-delivery on cookies/TFO: the ACK that comes twice makes one connection. */
static void text_with_a_cookie_is_delivered_once(void **state)
{
    uint32_t ack;
    (void)state;
    steps_open(&(struct steps_config){0});
    tunables()->tcp_syncookies = 2;
    arrives(.seq = 0, .flags = SYN, .mss = 1460);
    ack = last_sent()->header.seq.u32 + 1;
    arrives(.seq = 1, .ack = ack, .flags = ACK, .len = 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_null(tcp_accept(steps->listener, steps));
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(user_reads(100), -EAGAIN);
}

/* R4987-01: with cookies off the backlog is the end: dropped in silence, and tried again. */
static void without_cookies_a_full_backlog_drops(void **state)
{
    (void)state;
    steps_open(&small);
    tunables()->tcp_syncookies = 0;
    flood(4);
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_listen_backlog_full);
    assert_nothing_sent();
    passes_ms(200 * 1000); /* the half-open ones are forgotten */
    forget_sent();
    arrives(.seq = 0, .flags = SYN);
    assert_int_equal(next_sent()->flags, SYN | ACK);
}

/* Listener/accept-queue exhaustion: the ACK is dropped, the SYN-ACK goes again, and when the user
 * accepts, the next ACK gets in. */
static void a_full_accept_queue_delays_but_resets_nobody(void **state)
{
    (void)state;
    steps_open(&small);
    for (uint16_t i = 0; i < 5; i++) { /* as Linux: one more than the backlog */
        steps->flow.remote.port = 2000 + i;
        arrives(.seq = 0, .flags = SYN);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        assert_state(TCP_ESTABLISHED);
    }
    steps->flow.remote.port = 3000;
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_listen_accept_queue_full);
    forget_sent();
    passes_ms(1000);
    assert_nothing_sent();
    assert_non_null(tcp_accept(steps->listener, steps));
    arrives(.seq = 0, .flags = SYN); /* the peer's second try */
    assert_int_equal(next_sent()->flags, SYN | ACK);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* Listener/accept-queue exhaustion: full when the last ACK comes. */
static void an_ack_that_finds_the_queue_full_comes_again(void **state)
{
    (void)state;
    steps_open(&small);
    steps->flow.remote.port = 3000;
    arrives(.seq = 0, .flags = SYN);
    for (uint16_t i = 0; i < 5; i++) {
        steps->flow.remote.port = 2000 + i;
        arrives(.seq = 0, .flags = SYN);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
    }
    steps->flow.remote.port = 3000;
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_dropped(DROP_listen_accept_queue_full);
    assert_state(TCP_SYN_RECEIVED);
    assert_non_null(tcp_accept(steps->listener, steps));
    forget_sent();
    passes_ms(3000);
    assert_int_equal(next_sent()->flags, SYN | ACK);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* MUST-41: a listener that goes away resets whom nobody has accepted, and nobody else. */
static void closing_a_listener_resets_what_waits(void **state)
{
    (void)state;
    steps_open(&small);
    reach(TCP_ESTABLISHED); /* accepted */
    steps->flow.remote.port = 2000;
    arrives(.seq = 0, .flags = SYN);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    steps->flow.remote.port = 2001;
    arrives(.seq = 0, .flags = SYN);
    forget_sent();
    tcp_close_listener(steps->listener, steps->now);
    lets_send();
    assert_int_equal(unseen(), 2);
    assert_int_equal(next_sent()->flags, RST | ACK);
    assert_int_equal(next_sent()->flags, RST | ACK);
    assert_int_equal(steps->tcp->connections, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flood_costs_no_more_than_the_backlog),
        TEST(a_cookie_remembers_the_segment_size),
        TEST(a_timestamp_remembers_the_options),
        TEST(without_a_timestamp_nothing_is_offered),
        TEST(forged_cookies_make_no_connection),
        TEST(a_cookie_is_good_once_here_and_now),
        TEST(toggling_the_mode_resets_nobody),
        TEST(text_with_a_cookie_is_delivered_once),
        TEST(without_cookies_a_full_backlog_drops),
        TEST(a_full_accept_queue_delays_but_resets_nobody),
        TEST(an_ack_that_finds_the_queue_full_comes_again),
        TEST(closing_a_listener_resets_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
