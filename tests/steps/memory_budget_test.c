/* What a peer may use of the budget: text beyond holes can come again, so it may not keep others
 * out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

enum { BUDGET = 8 << 20, PEERS = 400 };

static void from_peer(unsigned n)
{
    steps->flow.remote.port = (uint16_t)(1024 + n);
}

static void opens(unsigned n)
{
    from_peer(n);
    arrives(.seq = 0, .flags = SYN);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
}

/* Out-of-order mbuf exhaustion, Reassembly stale entry: peers that send nothing but text beyond
 * holes use up the budget but for its last eighth; a new client is served, and text in order
 * arrives. */
static void text_beyond_holes_keeps_nobody_out(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.backlog = 1000, .memory = BUDGET});
    for (unsigned n = 0; n < PEERS; n++) {
        opens(n);
        if (!tcp_accept(steps->listener, steps))
            continue;
        for (uint32_t at = 2; at < 60000; at += 1000)
            arrives(.seq = at, .ack = 1, .flags = ACK, .len = 500);
    }
    assert_true(drop_count(no_room) > 0);
    assert_true(steps->memory.used <= BUDGET);
    opens(PEERS);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_non_null(steps->tcb);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 500);
    assert_int_equal(user_reads(1000), 500);
}

/* Retention by idle connections: they hold a control block and no ring. */
static void an_idle_connection_holds_no_ring(void **state)
{
    size_t before;
    (void)state;
    steps_open(&(struct steps_config){.backlog = 1000, .memory = BUDGET});
    opens(0);
    before = steps->memory.used;
    for (unsigned n = 1; n < PEERS; n++)
        opens(n);
    assert_int_equal(steps->tcp->connections, PEERS);
    assert_true((steps->memory.used - before) / (PEERS - 1) < 4096);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_beyond_holes_keeps_nobody_out),
        TEST(an_idle_connection_holds_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
