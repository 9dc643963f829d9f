/* More SYNs than a listener can bear (RFC 4987): half-open connections are bounded, SYN cookies let
 * honest clients through, forged ACKs get nowhere; and what a full accept queue does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

enum { BACKLOG = 8, FLOOD = 30000 };

static void from_client(unsigned n)
{
    steps->flow.remote.address = address_from_ipv4_u32(0xc6130000 + n / 50000);
    steps->flow.remote.port = (uint16_t)(1024 + n % 50000);
}

static void flood(unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        from_client(n);
        arrives(.seq = 0, .flags = SYN, .mss = 1000);
    }
    forget_sent();
}

/* SYN-ACK's sequence number, unwrapped by nobody: a cookie has no connection. */
static uint32_t cookie_of_client(unsigned n)
{
    from_client(n);
    forget_sent();
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .sack_permitted = steps->config.sack,
            .window_scale = steps->config.window_scale, .shift = 7,
            .ts_val = steps->config.timestamps ? steps->ts : 0);
    assert_int_equal(next_sent()->flags, SYN | ACK);
    assert_int_equal(steps->tcp->connections, BACKLOG);
    return last_sent()->header.seq.u32;
}

/* R4987-01, SYN flood: 30000 SYNs of as many sources take what eight take; each is answered once;
 * and the next honest client gets through. */
static void a_flood_takes_no_memory_and_keeps_nobody_out(void **state)
{
    size_t used;
    uint32_t cookie;
    (void)state;
    steps_open(&(struct steps_config){.backlog = BACKLOG});
    flood(BACKLOG);
    used = steps->memory.used;
    flood(FLOOD);
    assert_int_equal(steps->memory.used, used);
    assert_int_equal(steps->tcp->connections, BACKLOG);
    assert_true(event_count(syn_cookie_sent) >= FLOOD - BACKLOG);

    cookie = cookie_of_client(FLOOD);
    arrives(.seq = 1, .ack = cookie + 1, .flags = ACK, .len = 10);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_non_null(steps->tcb);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(user_sends(10), 10);
    assert_int_equal(last_sent()->header.seq.u32, cookie + 1);
}

/* R4987-02, SYN-cookie misuse: the cookie carries the segment size, the timestamp the other
 * options.
 */
static void what_was_offered_comes_back_with_the_cookie(void **state)
{
    uint32_t cookie;
    (void)state;
    steps_open(&(struct steps_config){
        .backlog = BACKLOG, .timestamps = true, .sack = true, .window_scale = true});
    flood(BACKLOG);
    cookie = cookie_of_client(FLOOD);
    assert_true(last_sent()->header.options.has_timestamps);
    arrives(.seq = 1, .ack = cookie + 1, .flags = ACK, .ts_val = steps->ts,
            .ts_ecr = last_sent()->header.options.ts_val);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_true(steps->tcb->sack);
    assert_true(steps->tcb->window_scaling);
    assert_int_equal(steps->tcb->snd.wscale, 7);
    assert_true(steps->tcb->paws.enabled);
    assert_true(steps->tcb->peer_mss <= 1000 && steps->tcb->peer_mss >= 536);
}

/* R4987-02, SYN-cookie misuse: 50000 guesses open nothing; each is answered as RFC 9293,
 * 3.10.7.2, second, has it. */
static void forged_acks_open_nothing(void **state)
{
    struct random random;
    (void)state;
    steps_open(&(struct steps_config){.backlog = BACKLOG});
    flood(BACKLOG);
    random_seed(&random, 20261124);
    for (unsigned n = 0; n < 50000; n++) {
        uint32_t ack = (uint32_t)random_u64(&random);
        from_client(FLOOD + n % 100);
        arrives(.seq = (uint32_t)random_u64(&random), .ack = ack, .flags = ACK);
        if (n % 1000 == 0)
            assert_sent(.flags = RST, .seq = ack);
        forget_sent();
    }
    assert_int_equal(steps->tcp->connections, BACKLOG);
    assert_int_equal(event_count(syn_cookie_accepted), 0);
}

/* R4987-02: replayed after some minutes it is nothing; of another client neither. */
static void a_cookie_is_for_one_client_and_for_minutes(void **state)
{
    uint32_t cookie;
    (void)state;
    steps_open(&(struct steps_config){.backlog = BACKLOG});
    flood(BACKLOG);
    cookie = cookie_of_client(FLOOD);
    from_client(FLOOD + 1);
    arrives(.seq = 1, .ack = cookie + 1, .flags = ACK);
    assert_state(TCP_CLOSED);
    from_client(FLOOD);
    passes_ms(10 * 60 * 1000);
    arrives(.seq = 1, .ack = cookie + 1, .flags = ACK);
    assert_state(TCP_CLOSED);
    assert_dropped(DROP_listen_bad_ack);
}

/* SYN-cookie misuse: whether cookies are on changes nothing for connections that are half made. */
static void cookies_may_be_turned_off_and_on(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.backlog = BACKLOG});
    flood(BACKLOG);
    tunables()->tcp_syncookies = 0;
    from_client(FLOOD);
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_listen_backlog_full);
    assert_nothing_sent();
    tunables()->tcp_syncookies = 1;
    from_client(3);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    assert_nothing_sent();
}

/* Listener/accept-queue exhaustion: the last ACK of one too many is ignored, the SYN-ACK goes
 * again, and when the user has made room it succeeds. */
static void a_full_accept_queue_makes_clients_wait(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.backlog = 1});
    for (unsigned n = 0; n < 2; n++) {
        from_client(n);
        arrives(.seq = 0, .flags = SYN);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        assert_state(TCP_ESTABLISHED);
    }
    from_client(2);
    forget_sent();
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_listen_accept_queue_full);
    assert_nothing_sent();

    assert_non_null(tcp_accept(steps->listener, steps));
    arrives(.seq = 0, .flags = SYN);
    from_client(3);
    arrives(.seq = 0, .flags = SYN); /* by a cookie */
    from_client(2);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED); /* the queue is full again */
    assert_true(tcp_accept_queue_is_full(steps->listener));
    for (unsigned n = 0; n < 2; n++)
        assert_non_null(tcp_accept(steps->listener, steps));
    assert_null(tcp_accept(steps->listener, steps));
}

/* Listener/accept-queue exhaustion: so it is with a connection that was half made before. */
static void the_last_ack_comes_again(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.backlog = 2});
    from_client(9);
    arrives(.seq = 0, .flags = SYN);
    for (unsigned n = 0; n < 3; n++) {
        from_client(n);
        arrives(.seq = 0, .flags = SYN);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        assert_state(TCP_ESTABLISHED);
    }
    from_client(9);
    forget_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_dropped(DROP_listen_accept_queue_full);
    assert_state(TCP_SYN_RECEIVED);
    assert_non_null(tcp_accept(steps->listener, steps));
    passes_ms(1000);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* Out-of-order mbuf exhaustion, Reassembly stale entry: text beyond holes on
 * many connections ends with the budget, and a new client is still served. */
static void text_beyond_holes_cannot_use_up_the_host(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.backlog = 1000, .memory = 8u << 20});
    for (unsigned n = 0; n < 500; n++) {
        from_client(n);
        arrives(.seq = 0, .flags = SYN);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        if (!tcp_accept(steps->listener, steps))
            continue;
        for (uint32_t at = 2; at < 60000; at += 1000)
            arrives(.seq = at, .ack = 1, .flags = ACK, .len = 500);
    }
    assert_true(steps->memory.used <= 8u << 20);
    assert_true(drop_count(no_room) > 0);
    from_client(1000);
    forget_sent();
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flood_takes_no_memory_and_keeps_nobody_out),
        TEST(what_was_offered_comes_back_with_the_cookie),
        TEST(forged_acks_open_nothing),
        TEST(a_cookie_is_for_one_client_and_for_minutes),
        TEST(cookies_may_be_turned_off_and_on),
        TEST(a_full_accept_queue_makes_clients_wait),
        TEST(the_last_ack_comes_again),
        TEST(text_beyond_holes_cannot_use_up_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
