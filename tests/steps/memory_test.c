/* A budget that is used up (DESIGN: memory has one owner): every allocation of a session fails
 * once, and small budgets are full for good. No crash, no leak, and what can go on goes on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config session_config = {
    .sack = true, .window_scale = true, .timestamps = false};

/* Each part is tried until it succeeds, as a peer and a user would; false: it never did. */

static bool opens(bool actively)
{
    for (int i = 0; i < 8; i++) {
        if (actively && !steps->tcb) {
            struct tcp_settings chosen;
            tcp_default_settings(steps->tcp, &chosen);
            steps->flow.local.port = 50000;
            steps->flow.remote.port = 80;
            (void)tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, steps, &steps->tcb,
                                  steps->now);
            lets_send();
        }
        if (actively && state_now() == TCP_SYN_SENT)
            arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000, .sack_permitted = true);
        if (!actively) {
            arrives(.seq = 0, .flags = SYN, .mss = 1000, .sack_permitted = true);
            arrives(.seq = 1, .ack = 1, .flags = ACK);
            steps->tcb = tcp_accept(steps->listener, steps);
        }
        if (state_now() == TCP_ESTABLISHED && steps->tcb)
            return true;
        passes_ms(1000);
    }
    return false;
}

static uint32_t arrived_to(void)
{
    return (uint32_t)(steps->tcb->received.next - steps->tcb->rcv.irs);
}

/* 6000 bytes, with holes that are filled later. */
static bool hears_text(void)
{
    static const uint32_t order[] = {3001, 1001, 5001, 1, 4001, 2001};

    for (size_t i = 0; i < 6; i++)
        arrives(.seq = order[i], .ack = 1, .flags = ACK, .len = 1000);
    for (int i = 0; i < 20 && arrived_to() < 6001; i++) {
        passes_ms(100);
        arrives(.seq = arrived_to(), .ack = 1, .flags = ACK, .len = 1000);
    }
    return arrived_to() == 6001 && user_reads(10000) == 6000;
}

/* 20000 bytes, of which some are reported by SACK before they are acknowledged. */
static bool tells_text(void)
{
    uint32_t left = 20000;

    for (int i = 0; i < 100; i++) {
        seqno una = steps->tcb->snd.una - steps->tcb->snd.iss;
        seqno nxt = steps->tcb->snd.nxt - steps->tcb->snd.iss;
        int64_t n = left ? user_sends(left < 7000 ? left : 7000) : 0;
        left -= n > 0 ? (uint32_t)n : 0;
        assert_true(n > 0 || n == 0 || n == -ENOBUFS || n == -EAGAIN);
        if (!left && steps->tcb->snd.una == steps->tcb->text.end)
            return true;
        if (nxt > una + 1500)
            arrives(.seq = 6001, .ack = (uint32_t)una, .flags = ACK,
                    .sack = {(uint32_t)una + 700, (uint32_t)una + 1300}, .sack_count = 1);
        passes_ms(300);
        nxt = steps->tcb->snd.nxt - steps->tcb->snd.iss;
        arrives(.seq = 6001, .ack = (uint32_t)nxt, .flags = ACK);
    }
    return false;
}

static bool closes(void)
{
    user_closes();
    for (int i = 0; i < 20 && state_now() != TCP_TIME_WAIT; i++) {
        uint32_t ack;
        passes_ms(300);
        ack = (uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.iss);
        arrives(.seq = 6001, .ack = ack, .flags = ACK | FIN);
        arrives(.seq = 6002, .ack = ack, .flags = ACK);
    }
    if (state_now() != TCP_TIME_WAIT || user_reads(10) != 0)
        return false;
    user_goes_away();
    passes_ms(100000);
    return steps->tcp->connections == 0;
}

/* Runs a session whose n-th allocation fails; returns how many it asked for. */
static uint64_t session(uint64_t n, bool actively)
{
    uint64_t before;
    bool well;

    steps_open(&session_config);
    before = steps->memory.takes;
    steps->memory.fail_at = n ? before + n : 0;
    well = opens(actively) && hears_text() && tells_text() && closes();
    n = steps->memory.takes - before;
    if (!well)
        return 0;
    steps->tcb = NULL;
    steps_close();
    return n;
}

/* Out-of-memory paths, Reassembly stale entry */
static void every_allocation_may_fail_once(void **state)
{
    (void)state;
    for (int actively = 0; actively < 2; actively++) {
        uint64_t most = session(0, actively);
        assert_true(most > 5);
        for (uint64_t n = 1; n <= most; n++)
            if (session(n, actively) == 0)
                fail_msg("the session did not survive allocation %lu of %lu", (unsigned long)n,
                         (unsigned long)most);
    }
}

/* Out-of-memory paths: making a host. */
static void a_host_that_cannot_be_made_says_so(void **state)
{
    struct memory memory;
    struct trace trace = {0};
    struct tcp_config config = {.memory = &memory, .trace = &trace, .mtu = 1500};
    static struct tcp tcp;
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        assert_int_equal(memory_init(&memory, 1 << 20), 0);
        memory.fail_at = n;
        assert_int_equal(tcp_init(&tcp, &config), -ENOMEM);
        memory_destroy(&memory);
    }
}

/* Zero-window persist exhaustion (sockstress), Out-of-order mbuf exhaustion: connections that pin
 * all they can fill the budget and no more; when some go, others come. */
static void a_full_budget_refuses_newcomers_by_name(void **state)
{
    unsigned made = 0;
    (void)state;
    steps_open(&(struct steps_config){.memory = 2 << 20, .backlog = 5000});
    while (drop_count(listen_no_memory) == 0) {
        steps->flow.remote.port = (uint16_t)(2000 + made++);
        arrives(.seq = 0, .flags = SYN, .mss = 1000);
        arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000, .zero_window = true);
        arrives(.seq = 3001, .ack = 1, .flags = ACK, .len = 1000, .zero_window = true);
        assert_true(made < 5000);
    }
    assert_true(made > 50);
    assert_true(steps->memory.used <= 2 << 20);
    for (int i = 0; i < 20; i++)
        tcp_abort(tcp_accept(steps->listener, NULL), steps->now);
    lets_send();
    steps->flow.remote.port = 1999;
    arrives(.seq = 0, .flags = SYN, .mss = 1000);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* Text for which there is no storage is refused by name, and taken when it comes again. */
static void text_without_storage_comes_again(void **state)
{
    (void)state;
    steps_open(&session_config);
    reach(TCP_ESTABLISHED);
    steps->memory.fail_at = steps->memory.takes + 1;
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100);
    assert_dropped(DROP_no_room);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100);
    assert_int_equal(user_reads(1000), 100);
}

/* ENOBUFS is the user's error, not the connection's end. */
static void sending_without_storage_is_an_error_of_the_call(void **state)
{
    (void)state;
    steps_open(&session_config);
    reach(TCP_ESTABLISHED);
    steps->memory.fail_at = steps->memory.takes + 1;
    assert_int_equal(user_sends(100), -ENOBUFS);
    assert_int_equal(user_sends(100), 100);
    assert_state(TCP_ESTABLISHED);
}

/* An idle connection costs its control block only. */
static void an_idle_connection_has_no_rings(void **state)
{
    (void)state;
    steps_open(&session_config);
    reach(TCP_ESTABLISHED);
    assert_int_equal(steps->tcb->text.ring.capacity, 0);
    assert_int_equal(steps->tcb->received.ring.capacity, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_allocation_may_fail_once),
        TEST(a_host_that_cannot_be_made_says_so),
        TEST(a_full_budget_refuses_newcomers_by_name),
        TEST(text_without_storage_comes_again),
        TEST(sending_without_storage_is_an_error_of_the_call),
        TEST(an_idle_connection_has_no_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
