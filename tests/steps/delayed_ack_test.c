/* Acknowledging (RFC 9293, 3.8.6.3; RFC 5681, 4.2): at once, later, together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* ESTABLISHED, beyond the quick ACKs of the beginning. */
static void established(void)
{
    tunables()->tcp_quick_acks = 0;
    reach(TCP_ESTABLISHED);
}

/* MUST-40, SHLD-18 */
static void one_segment_is_acknowledged_later_but_soon(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100);
    assert_nothing_sent();
    passes_ms(499);
    assert_sent(.flags = ACK, .seq = 1, .ack = 101);
    assert_int_equal(event_count(delayed_ack_sent), 1);
    assert_nothing_sent();
}

/* MUST-40: at any tuning. */
static void the_delay_is_below_half_a_second_at_any_tuning(void **state)
{
    (void)state;
    steps_open(&plain);
    tunables()->tcp_delack_min_ms = tunables()->tcp_delack_max_ms = 499;
    established();
    for (uint32_t i = 0; i < 20; i++) {
        arrives(.seq = 1 + 100 * i, .ack = 1, .flags = ACK, .len = 100);
        passes_ms(499);
        assert_sent(.flags = ACK, .seq = 1, .ack = 101 + 100 * i);
    }
}

/* SHLD-19 */
static void every_second_full_segment_is_acknowledged(void **state)
{
    unsigned acks = 0;
    (void)state;
    steps_open(&plain);
    established();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000);
    passes_ms(500);
    forget_sent();
    for (uint32_t i = 1; i <= 20; i++)
        arrives(.seq = 1 + 1000 * i, .ack = 1, .flags = ACK, .len = 1000);
    for (; unseen() > 0; acks++)
        next_sent();
    assert_int_equal(acks, 10);
}

/* MUST-58, MUST-59: all that is there is read before the one ACK. */
static void segments_that_came_together_are_acknowledged_together(void **state)
{
    struct tcp_header h;
    uint8_t bytes[TCP_HEADER_LONGEST + 1000] = {0};
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    for (uint32_t i = 0; i < 20; i++) {
        size_t len;
        h = (struct tcp_header){.source_port = 40000,
                                .destination_port = 80,
                                .flags = ACK,
                                .seq = {i * 1000},
                                .window = 10000};
        h.ack.u32 = (uint32_t)steps->tcb->snd.nxt;
        len = tcp_header_build(&h, bytes);
        struct tcp_arrival arrival = {.source = steps->flow.remote.address,
                                      .destination = steps->flow.local.address,
                                      .checksum_trusted = true,
                                      .payload = {bytes, len + 1000}};
        tcp_arrives(steps->tcp, &arrival, steps->now);
    }
    lets_send();
    assert_sent(.flags = ACK, .seq = 1, .ack = 20001);
    assert_nothing_sent();
}

/* MUST-58: a super-segment is acknowledged once. */
static void a_super_segment_is_acknowledged_once(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 20000, .gso_size = 1000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 20001);
    assert_nothing_sent();
}

/* An ACK rides on text. */
static void an_ack_rides_on_an_answer(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100);
    user_sends(50);
    assert_sent(.flags = ACK, .seq = 1, .ack = 101, .len = 50);
    arrives(.seq = 101, .ack = 51, .flags = ACK);
    passes_ms(1000);
    assert_nothing_sent();
}

/* MAY-13, RFC 5681, 4.2: out of order, and when a hole is filled, at once. */
static void holes_are_told_at_once(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    arrives(.seq = 301, .ack = 1, .flags = ACK, .len = 100);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 50); /* a part */
    assert_sent(.flags = ACK, .seq = 1, .ack = 51);
    arrives(.seq = 51, .ack = 1, .flags = ACK, .len = 50);
    assert_sent(.flags = ACK, .seq = 1, .ack = 201);
    arrives(.seq = 201, .ack = 1, .flags = ACK, .len = 250); /* all, and more */
    assert_sent(.flags = ACK, .seq = 1, .ack = 451);
}

/* SHLD-31: one ACK jumps over everything that was held. */
static void a_filled_hole_is_acknowledged_in_one_jump(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    for (uint32_t i = 9; i >= 1; i--)
        arrives(.seq = 1 + 1000 * i, .ack = 1, .flags = ACK, .len = 1000);
    forget_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 10001);
    assert_int_equal(user_reads(20000), 10000);
}

static void quick_ack_makes_every_ack_quick(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    settings()->quick_ack = true;
    settings_changed();
    for (uint32_t i = 0; i < 5; i++) {
        arrives(.seq = 1 + i, .ack = 1, .flags = ACK, .len = 1);
        assert_sent(.flags = ACK, .seq = 1, .ack = 2 + i);
    }
}

/* Setting it pays what is owed. */
static void quick_ack_ends_a_delay(void **state)
{
    (void)state;
    steps_open(&plain);
    established();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1);
    assert_nothing_sent();
    settings()->quick_ack = true;
    settings_changed();
    assert_sent(.flags = ACK, .seq = 1, .ack = 2);
}

/* Delayed-ACK / ACK-logic slips: over random arrivals and reads: text is acknowledged within half a
 * second, and no ACK goes without a reason. */
static void random_arrivals_are_all_acknowledged_in_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct random random;
        uint32_t at = 1, segments = 0;
        random_seed(&random, seed);
        steps_open(&plain);
        reach(TCP_ESTABLISHED);
        for (int i = 0; i < 100; i++) {
            uint32_t len = 1 + (uint32_t)random_below(&random, 1000);
            arrives(.seq = at, .ack = 1, .flags = ACK, .len = len);
            at += len;
            segments++;
            user_reads((uint32_t)random_below(&random, 2000));
            if (random_one_in(&random, 3)) {
                passes_ms(500);
                if (last_sent()->ack != at)
                    fail_msg("seed %lu, step %d: not acknowledged", (unsigned long)seed, i);
            }
        }
        if (unseen() > 2 * segments)
            fail_msg("seed %lu: %u ACKs of %u segments", (unsigned long)seed, unseen(), segments);
        steps_close();
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_segment_is_acknowledged_later_but_soon),
        TEST(the_delay_is_below_half_a_second_at_any_tuning),
        TEST(every_second_full_segment_is_acknowledged),
        TEST(segments_that_came_together_are_acknowledged_together),
        TEST(a_super_segment_is_acknowledged_once),
        TEST(an_ack_rides_on_an_answer),
        TEST(holes_are_told_at_once),
        TEST(a_filled_hole_is_acknowledged_in_one_jump),
        TEST(quick_ack_makes_every_ack_quick),
        TEST(quick_ack_ends_a_delay),
        TEST(random_arrivals_are_all_acknowledged_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
