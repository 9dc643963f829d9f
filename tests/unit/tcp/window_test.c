/* Unit tests of window.c: the receive window (RFC 9293, 3.8.6; RFC 7323, 2) and its growth. */
#include "tcp/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

#define NEXT (SEQ_FIRST_EPOCH + UINT32_MAX)
#define MSS  1000u

static struct window window;

static int setup(void **state)
{
    (void)state;
    window_init(&window, NEXT, 0);
    return 0;
}

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static void the_scale_fits_the_largest_buffer(void **state)
{
    (void)state;
    assert_int_equal(window_scale_for(0), 0);
    assert_int_equal(window_scale_for(65535), 0);
    assert_int_equal(window_scale_for(65536), 1);
    assert_int_equal(window_scale_for(1 << 20), 5);
    assert_int_equal(window_scale_for(8 << 20), 8);
    assert_int_equal(window_scale_for(UINT64_C(1) << 29), 14);
}

/* R7323-03 */
static void the_scale_is_never_more_than_14(void **state)
{
    (void)state;
    assert_int_equal(window_scale_for(UINT64_C(1) << 30), 14);
    assert_int_equal(window_scale_for(UINT64_MAX), 14);
}

static void offers_all_that_is_free(void **state)
{
    (void)state;
    assert_true(window_offer(&window, NEXT, 65535, 65536, MSS) == NEXT + 65535);
    window.shift = 3;
    assert_true(window_offer(&window, NEXT, 65536, 65536, MSS) == NEXT + 65536);
}

static void offers_no_more_than_the_field_can_say(void **state)
{
    (void)state;
    assert_true(window_offer(&window, NEXT, 65536, 1 << 20, MSS) == NEXT + 65535);
    window.shift = 3;
    assert_true(window_offer(&window, NEXT, 1 << 20, 1 << 20, MSS) == NEXT + 8 * 65535);
}

/* MUST-39: at least min(MSS, half the buffer) more, or nothing. */
static void silly_steps_are_not_offered(void **state)
{
    (void)state;
    window.edge = NEXT + 5000;
    assert_true(window_offer(&window, NEXT, 5001, 65536, MSS) == NEXT + 5000);
    assert_true(window_offer(&window, NEXT, 5999, 65536, MSS) == NEXT + 5000);
    assert_true(window_offer(&window, NEXT, 6000, 65536, MSS) == NEXT + 6000);
    /* of a small buffer half is enough */
    window.edge = NEXT;
    assert_true(window_offer(&window, NEXT, 299, 600, MSS) == NEXT);
    assert_true(window_offer(&window, NEXT, 300, 600, MSS) == NEXT + 300);
}

/* SHLD-14, 9293-U-19 */
static void the_edge_never_moves_back(void **state)
{
    (void)state;
    window.edge = NEXT + 5000;
    assert_true(window_offer(&window, NEXT, 100, 65536, MSS) == NEXT + 5000);
    assert_true(window_offer(&window, NEXT, 0, 65536, MSS) == NEXT + 5000);
    assert_true(window_offer(&window, NEXT + 4000, 0, 200, MSS) == NEXT + 5000);
}

static void a_clamp_limits_the_offer(void **state)
{
    (void)state;
    window.clamp = 3000;
    assert_true(window_offer(&window, NEXT, 65536, 65536, MSS) == NEXT + 3000);
}

/* R7323-02 */
static void a_syn_is_never_scaled(void **state)
{
    (void)state;
    window.shift = 7;
    assert_int_equal(window_field(&window, NEXT, NEXT + 1000000, WINDOW_OF_SYN), 65535);
    assert_true(window.edge == NEXT + 65535);
}

/* R7323-04 */
static void the_field_is_shifted_and_never_promises_more(void **state)
{
    (void)state;
    window.shift = 7;
    assert_int_equal(window_field(&window, NEXT, NEXT + 1000000, WINDOW_PLAIN), 1000000 >> 7);
    assert_true(window.edge == NEXT + (1000000 >> 7 << 7));
    assert_true(window.edge <= NEXT + 1000000);
}

static void the_field_is_16_bits(void **state)
{
    (void)state;
    assert_int_equal(window_field(&window, NEXT, NEXT + 65536, WINDOW_PLAIN), 65535);
    window.shift = 14;
    assert_int_equal(window_field(&window, NEXT, NEXT + (UINT64_C(1) << 31), WINDOW_PLAIN), 65535);
    assert_true(window.edge == NEXT + (UINT64_C(65535) << 14));
}

/* SHLD-14: granularity may not take back what was promised: rounded up then. */
static void rounding_never_takes_back_what_was_promised(void **state)
{
    (void)state;
    window.edge = NEXT + 1000;
    window.shift = 7;
    assert_int_equal(window_field(&window, NEXT, NEXT + 1000, WINDOW_PLAIN), 8);
    assert_true(window.edge == NEXT + 1024);
    assert_int_equal(window_field(&window, NEXT + 100, window.edge, WINDOW_PLAIN), 8);
    assert_true(window.edge == NEXT + 1124);
}

static void a_full_window_is_zero(void **state)
{
    (void)state;
    window.edge = NEXT + 1000;
    assert_int_equal(window_field(&window, NEXT + 1000, NEXT + 1000, WINDOW_PLAIN), 0);
    assert_true(window.edge == NEXT + 1000);
}

/* SHLD-14, R7323-04, 9293-U-19: over any history, as the peer computes it. */
static void what_the_peer_sees_never_moves_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random random;
        seqno next = NEXT, seen = NEXT;
        uint32_t limit = 100000;
        random_seed(&random, seed);
        window_init(&window, next, 0);
        window.shift = (uint8_t)random_below(&random, 15);
        for (int i = 0; i < 300; i++) {
            uint32_t free_space = (uint32_t)random_below(&random, limit + 1);
            seqno edge = window_offer(&window, next, free_space, limit, MSS);
            uint16_t field = window_field(&window, next, edge, WINDOW_PLAIN);
            seqno now_seen = next + ((uint64_t)field << window.shift);
            if (now_seen < seen)
                fail_msg("seed %lu, step %d: moved back", (unsigned long)seed, i);
            assert_true(now_seen == seq_max(window.edge, next));
            seen = now_seen;
            next += random_below(&random, seen - next + 1);
        }
    }
}

static void the_least_round_trip_counts_at_once_others_slowly(void **state)
{
    (void)state;
    window_set_rtt(&window, duration_ms(0));
    assert_int_equal(window.rtt.ns, 0);
    window_set_rtt(&window, duration_ms(80));
    assert_int_equal(duration_to_ms(window.rtt), 80);
    window_set_rtt(&window, duration_ms(40));
    assert_int_equal(duration_to_ms(window.rtt), 40);
    window_set_rtt(&window, duration_ms(120));
    assert_int_equal(duration_to_ms(window.rtt), 50);
    window_set_rtt(&window, duration_ms(-5));
    assert_int_equal(duration_to_ms(window.rtt), 50);
}

static void a_window_of_text_is_a_round_trip(void **state)
{
    (void)state;
    window_measure(&window, NEXT, 10000, at_ms(0));
    window_measure(&window, NEXT + 5000, 10000, at_ms(10));
    assert_int_equal(window.rtt.ns, 0);
    window_measure(&window, NEXT + 10000, 10000, at_ms(30));
    assert_int_equal(duration_to_ms(window.rtt), 30);
    window_measure(&window, NEXT + 20000, 10000, at_ms(50));
    assert_int_equal(duration_to_ms(window.rtt), 20);
}

static void without_a_round_trip_nothing_grows(void **state)
{
    (void)state;
    assert_int_equal(window_autotune(&window, NEXT + 1000000, 65536, 1 << 20, at_ms(1000)), 65536);
}

static void the_buffer_follows_what_the_user_takes(void **state)
{
    (void)state;
    window_set_rtt(&window, duration_ms(100));
    assert_int_equal(window_autotune(&window, NEXT + 60000, 65536, 1 << 20, at_ms(50)), 65536);
    assert_int_equal(window_autotune(&window, NEXT + 60000, 65536, 1 << 20, at_ms(100)),
                     120000 + 16 * 1460);
    /* nothing was taken in the next round */
    assert_int_equal(window_autotune(&window, NEXT + 60000, 143360, 1 << 20, at_ms(200)), 143360);
}

/* Taking twice as much as ever before, or more, makes room for four times more of it. */
static void a_user_who_takes_more_and_more_gets_ahead(void **state)
{
    (void)state;
    window_set_rtt(&window, duration_ms(100));
    assert_int_equal(window_autotune(&window, NEXT + 10000, 65536, 1 << 20, at_ms(100)), 65536);
    assert_int_equal(window_autotune(&window, NEXT + 25000, 65536, 1 << 20, at_ms(200)),
                     30000 + 16 * 1460 + 30000);
    assert_int_equal(window_autotune(&window, NEXT + 65000, 83360, 1 << 20, at_ms(300)),
                     80000 + 16 * 1460 + 160000);
    assert_int_equal(window_autotune(&window, NEXT + 105000, 263360, 1 << 20, at_ms(400)), 263360);
}

static void growth_stops_at_the_largest_and_nothing_shrinks(void **state)
{
    (void)state;
    window_set_rtt(&window, duration_ms(1));
    assert_int_equal(window_autotune(&window, NEXT + 9000000, 65536, 1 << 20, at_ms(100)), 1 << 20);
    assert_int_equal(window_autotune(&window, NEXT + 18000000, 1 << 21, 1 << 20, at_ms(200)),
                     1 << 21);
    assert_int_equal(window_autotune(&window, NEXT + 18000001, 1 << 21, 1 << 20, at_ms(300)),
                     1 << 21);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_scale_fits_the_largest_buffer),
        TEST(the_scale_is_never_more_than_14),
        TEST(offers_all_that_is_free),
        TEST(offers_no_more_than_the_field_can_say),
        TEST(silly_steps_are_not_offered),
        TEST(the_edge_never_moves_back),
        TEST(a_clamp_limits_the_offer),
        TEST(a_syn_is_never_scaled),
        TEST(the_field_is_shifted_and_never_promises_more),
        TEST(the_field_is_16_bits),
        TEST(rounding_never_takes_back_what_was_promised),
        TEST(a_full_window_is_zero),
        TEST(what_the_peer_sees_never_moves_back),
        TEST(the_least_round_trip_counts_at_once_others_slowly),
        TEST(a_window_of_text_is_a_round_trip),
        TEST(without_a_round_trip_nothing_grows),
        TEST(the_buffer_follows_what_the_user_takes),
        TEST(a_user_who_takes_more_and_more_gets_ahead),
        TEST(growth_stops_at_the_largest_and_nothing_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
