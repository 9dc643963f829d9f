/* Windows of both directions (RFC 9293, 3.8.6): closed, probed, reopened, shrunk, silly. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* ESTABLISHED with a known round trip, so that the RTO is 200 ms and some. */
static void established_with_rto(void)
{
    reach(TCP_ESTABLISHED);
    user_sends(1);
    passes_ms(10);
    arrives(.seq = 1, .ack = 2, .flags = ACK);
    forget_sent();
}

/* MUST-1: 0x8000 and 0xffff are large, not negative. */
static void large_windows_are_not_negative(void **state)
{
    static const uint16_t windows[] = {0x7fff, 0x8000, 0xffff};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t sent = 0;
        steps_open(&(struct steps_config){.peer_window = windows[i]});
        tunables()->tcp_initial_cwnd = 100;
        reach(TCP_ESTABLISHED);
        user_sends(70000);
        while (unseen() > 0)
            sent += next_sent()->len;
        assert_true(sent <= windows[i] && sent + 1000 > windows[i]);
        steps_close();
    }
}

/* REC-1, R7323-03, Window-scale shift > 14: 65535 << 14 is kept in full; scales above 14 count
 * as 14. */
static void scaled_windows_are_32_bits(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 256; shift++) {
        steps_open(&plain);
        arrives(.seq = 0, .flags = SYN, .mss = 1000, .window_scale = true, .shift = (uint8_t)shift);
        arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 65535);
        steps->tcb = tcp_accept(steps->listener, steps);
        assert_int_equal(steps->tcb->snd.wnd, 65535u << (shift > 14 ? 14 : shift));
        steps_close();
    }
}

/* 9293-U-14: an old segment does not move the window. */
static void an_old_segment_does_not_move_the_window(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 100, .window = 8000);
    user_sends(50);
    arrives(.seq = 101, .ack = 51, .flags = ACK, .window = 7000);
    assert_int_equal(steps->tcb->snd.wnd, 7000);
    arrives(.seq = 51, .ack = 51, .flags = ACK, .len = 100, .window = 9000); /* WL1 > SEQ */
    assert_int_equal(steps->tcb->snd.wnd, 7000);
    arrives(.seq = 151, .ack = 1, .flags = ACK, .window = 9000); /* below SND.UNA */
    assert_int_equal(steps->tcb->snd.wnd, 7000);
    arrives(.seq = 151, .ack = 51, .flags = ACK, .window = 6000);
    assert_int_equal(steps->tcb->snd.wnd, 6000);
}

/* 9293-U-14, SHLD-15: an ACK of more than ever before is no old segment, though its text stands low
 * (it was sent again): its window counts, and nothing leaves beyond the edge that it offers. */
static void an_ack_of_new_text_brings_its_window_along(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .window = 3000); /* WL1 is 101 */
    user_sends(4000);
    forget_sent();
    arrives(.seq = 1, .ack = 2001, .flags = ACK, .len = 100, .window = 1500);
    assert_int_equal(steps->tcb->snd.wnd, 1500);
    assert_int_equal(steps->tcb->snd.una + steps->tcb->snd.wnd - steps->tcb->snd.iss, 3501);
    for (; unseen() > 0; next_sent())
        assert_true(last_sent()->seq + last_sent()->len <= 3501);
}

/* MUST-36, MUST-37, SHLD-29, SHLD-30: the first probe after one RTO, then twice as long up to the
 * cap, for as long as they are answered. */
static void a_closed_window_is_probed_for_hours(void **state)
{
    struct duration gap;
    struct instant began, before;
    (void)state;
    steps_open(&plain);
    established_with_rto();
    gap = steps->tcb->rtt.rto;
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(100);
    assert_nothing_sent();
    began = before = steps->now;
    for (int i = 0; i < 80; i++) {
        while (unseen() == 0)
            passes_ms(1 + gap.ns / 1000000 / 100);
        assert_sent(.flags = ACK, .seq = 1, .ack = 1); /* SND.UNA - 1 */
        assert_true(instant_since(last_sent()->at, before).ns == gap.ns);
        before = last_sent()->at;
        arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
        assert_nothing_sent();
        gap = duration_min(duration_times(gap, 2), duration_s(120));
    }
    assert_true(instant_since(steps->now, began).ns > duration_s(2 * 3600).ns);
    assert_state(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 2, .flags = ACK, .window = 10000);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 100);
}

/* Zero-window probe faults: a lost window update is found out. */
static void the_answer_of_a_probe_opens_the_window(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(3000);
    passes_ms(300);
    forget_sent();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .window = 5000);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1002, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 2002, .ack = 1, .len = 1000);
}

/* Zero-window persist exhaustion (sockstress): unanswered probes end like retransmissions (R2). */
static void unanswered_probes_end_the_connection(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(100);
    passes_ms(100 * 1000); /* SHLD-11: not before 100 s */
    assert_state(TCP_ESTABLISHED);
    passes_ms(3600 * 1000);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
}

/* Zero-window persist exhaustion (sockstress): the user's limit holds although the peer answers. */
static void a_user_timeout_ends_a_window_that_stays_closed(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    settings()->user_timeout_ms = 30000;
    settings_changed();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(100);
    for (int i = 0; i < 60 && state_now() != TCP_CLOSED; i++) {
        passes_ms(1000);
        arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    }
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
}

/* MUST-35, SHLD-17: closed with text in flight: probed, never given up while answered. */
static void a_window_that_closes_over_text_in_flight_is_probed(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    user_sends(3000);
    arrives(.seq = 1, .ack = 1002, .flags = ACK, .zero_window = true);
    forget_sent();
    for (int i = 0; i < 200; i++) {
        passes_ms(20000);
        arrives(.seq = 1, .ack = 1002, .flags = ACK, .zero_window = true);
    }
    assert_true(unseen() > 20);
    assert_state(TCP_ESTABLISHED);
    forget_sent();
    arrives(.seq = 1, .ack = 1002, .flags = ACK, .window = 10000);
    passes_ms(130000);
    assert_sent(.flags = ACK, .seq = 1002, .ack = 1, .len = 1000);
}

/* MUST-34, SHLD-15: nothing new goes out while SND.NXT is beyond the edge. */
static void a_shrunk_window_lets_nothing_new_out(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    user_sends(5000);
    forget_sent();
    arrives(.seq = 1, .ack = 1002, .flags = ACK, .window = 500);
    user_sends(5000);
    assert_nothing_sent();
    assert_int_equal(steps->tcb->snd.nxt - steps->tcb->snd.iss, 5002);
    arrives(.seq = 1, .ack = 4002, .flags = ACK, .window = 900);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 5002, .flags = ACK, .window = 10000);
    assert_sent(.flags = ACK, .seq = 5002, .ack = 1, .len = 1000);
}

/* SHLD-16, MAY-7: what lies inside the shrunk window goes again. */
static void text_inside_a_shrunk_window_is_retransmitted(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    user_sends(4000);
    arrives(.seq = 1, .ack = 2, .flags = ACK, .window = 2500);
    forget_sent();
    passes_ms(400);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 1000);
    arrives(.seq = 1, .ack = 1002, .flags = ACK, .window = 1500);
    assert_sent(.flags = ACK, .seq = 1002, .ack = 1, .len = 1000);
    arrives(.seq = 1, .ack = 4002, .flags = ACK, .window = 10000);
    assert_state(TCP_ESTABLISHED);
}

/* Window shrink underflow: windows that wander at random, also below SND.NXT; in the end all
 * arrives. */
static void windows_that_wander_do_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct random random;
        uint32_t una = 1;
        steps_open(&plain);
        random_seed(&random, seed);
        reach(TCP_ESTABLISHED);
        for (int i = 0; i < 200; i++) {
            uint64_t in_flight;
            uint16_t window = (uint16_t)random_below(&random,
                                                     random_one_in(&random, 2) ? 10 : 9000);
            user_sends((uint32_t)random_below(&random, 2000));
            in_flight = steps->tcb->snd.nxt - steps->tcb->snd.una;
            una += (uint32_t)random_below(&random, in_flight + 1);
            arrives(.seq = 1, .ack = una, .flags = ACK, .window = window,
                    .zero_window = window == 0);
            passes_ms((int64_t)random_below(&random, 500));
        }
        for (int i = 0; i < 2000 && steps->tcb->snd.una != steps->tcb->text.end; i++) {
            arrives(.seq = 1, .ack = (uint32_t)(steps->tcb->snd.nxt - steps->tcb->snd.iss),
                    .flags = ACK);
            passes_ms(500);
        }
        if (steps->tcb->snd.una != steps->tcb->text.end)
            fail_msg("seed %lu: stuck: %s", (unsigned long)seed,
                     tcp_decide(steps->tcb, steps->now).because);
        steps_close();
    }
}

/* MUST-38: a window opened by a little is not used for a little. */
static void small_openings_are_not_used(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(5000);
    for (uint16_t window = 1; window < 500; window = (uint16_t)(window * 2)) {
        arrives(.seq = 1, .ack = 2, .flags = ACK, .window = window);
        assert_nothing_sent();
    }
    arrives(.seq = 1, .ack = 2, .flags = ACK, .window = 1000);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 1000);
}

/* MUST-38: half of the largest window ever seen is enough. */
static void half_the_largest_window_is_used(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.peer_window = 600});
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .zero_window = true);
    user_sends(5000);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 299);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 300);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 300);
}

/* MUST-38, Slow-read / slowloris: and in the end the override timer lets a small one out. */
static void the_override_timer_ends_the_wait(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    user_sends(5000);
    arrives(.seq = 1, .ack = 2, .flags = ACK, .window = 10);
    assert_nothing_sent();
    passes_ms(1000);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 10);
    assert_state(TCP_ESTABLISHED);
}

/* SHLD-27, SHLD-28: several pushed writes behind a closed window leave as full segments. */
static void writes_behind_a_closed_window_are_joined(void **state)
{
    (void)state;
    steps_open(&plain);
    established_with_rto();
    arrives(.seq = 1, .ack = 2, .flags = ACK, .zero_window = true);
    for (int i = 0; i < 25; i++)
        user_sends(100);
    arrives(.seq = 1, .ack = 2, .flags = ACK);
    assert_sent(.flags = ACK, .seq = 2, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 1002, .ack = 1, .len = 1000);
    assert_sent(.flags = ACK, .seq = 2002, .ack = 1, .len = 500);
}

/* Fills our receive buffer of 8000 bytes. */
static uint32_t fills_our_window(void)
{
    uint32_t at = 1;

    while (tcp_receive_edge(steps->tcb) > steps->tcb->rcv.nxt) {
        uint32_t room = (uint32_t)(tcp_receive_edge(steps->tcb) - steps->tcb->rcv.nxt);
        uint32_t len = room < 1000 ? room : 1000;
        arrives(.seq = at, .ack = 1, .flags = ACK, .len = len);
        at += len;
    }
    passes_ms(500);
    assert_int_equal(last_sent()->window, 0);
    forget_sent();
    return at;
}

/* MUST-39, Silly window: a user who reads a byte at a time opens it by a segment at a time. */
static void our_window_opens_by_whole_segments(void **state)
{
    uint16_t told = 0;
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 16000});
    reach(TCP_ESTABLISHED);
    fills_our_window();
    for (int i = 0; i < 7999; i++) {
        assert_int_equal(user_reads(1), 1);
        while (unseen() > 0) {
            uint16_t window = next_sent()->window;
            assert_true(window >= told + 1000);
            told = window;
        }
    }
    assert_true(told >= 1000);
}

/* MUST-39: of a small buffer, half. */
static void a_small_window_opens_by_half(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 2304});
    reach(TCP_ESTABLISHED);
    fills_our_window();
    for (int i = 0; i < 575; i++)
        user_reads(1);
    assert_nothing_sent();
    user_reads(1);
    assert_int_equal(next_sent()->window, 576);
}

/* MAY-8, MUST-37: a user who never reads keeps it closed; probes are answered; memory is bounded.
 */
static void our_closed_window_answers_probes(void **state)
{
    uint32_t at;
    size_t used;
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 16000});
    reach(TCP_ESTABLISHED);
    at = fills_our_window();
    used = steps->memory.used;
    for (int i = 0; i < 100; i++) {
        passes_ms(60000);
        if (i % 2)
            arrives(.seq = at, .ack = 1, .flags = ACK, .len = 1); /* with text */
        else
            arrives(.seq = at - 1, .ack = 1, .flags = ACK); /* without */
        assert_sent(.flags = ACK, .seq = 1, .ack = at);
        assert_int_equal(last_sent()->window, 0);
    }
    assert_int_equal(steps->memory.used, used);
    user_reads(8000);
    assert_int_equal(next_sent()->window, 8000);
}

/* MUST-66: a closed window still hears ACK, URG and RST. */
static void a_closed_window_hears_ack_urg_and_rst(void **state)
{
    uint32_t at;
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 16000});
    reach(TCP_ESTABLISHED);
    user_sends(100);
    at = fills_our_window();
    arrives(.seq = at, .ack = 101, .flags = ACK, .len = 10);
    assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
    arrives(.seq = at, .ack = 101, .flags = ACK | URG, .urgent = 10);
    assert_true(tcp_readiness(steps->tcb) & TCP_URGENT);
    arrives(.seq = at, .flags = RST);
    assert_state(TCP_CLOSED);
}

/* 9293-U-6: the four cases, around every edge. */
static void what_lies_in_the_window_is_taken(void **state)
{
    (void)state;
    for (uint32_t len = 0; len <= 3; len++)
        for (int32_t d = -5; d<1160; d = d> 5 && d < 1145 ? 1145 : d + 1) {
            bool in = len == 0 ? d >= 0 && d < 1152
                               : (d >= 0 && d < 1152) || (d + (int32_t)len > 0 && d < 0);
            steps_open(&(struct steps_config){.receive_buffer = 2304});
            reach(TCP_ESTABLISHED);
            arrives(.seq = 1 + (uint32_t)d, .ack = 1, .flags = ACK, .len = len);
            if ((drop_count(out_of_window) + drop_count(old_duplicate) == 0) != in)
                fail_msg("len %u at RCV.NXT %+d", len, d);
            steps_close();
        }
}

/* 9293-U-20, R7323-18: what lies beyond the right edge is cut off; the edge is the largest told. */
static void text_beyond_the_edge_is_cut_off(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 2304});
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK | FIN, .len = 1400);
    passes_ms(500);
    assert_int_equal(last_sent()->ack, 1 + 1152);
    assert_state(TCP_ESTABLISHED); /* the FIN was beyond */
    assert_int_equal(user_reads(2000), 1152);
}

/* SHLD-14: a smaller buffer takes nothing back. */
static void a_smaller_buffer_takes_nothing_back(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 40000});
    reach(TCP_ESTABLISHED);
    settings()->receive_buffer = 4000;
    settings_changed();
    for (uint32_t i = 0; i < 20; i++) /* all 20000 that were promised */
        arrives(.seq = 1 + 1000 * i, .ack = 1, .flags = ACK, .len = 1000);
    passes_ms(500);
    assert_int_equal(last_sent()->ack, 20001);
    assert_int_equal(last_sent()->window, 0);
    assert_int_equal(user_reads(20000), 20000);
    assert_true(last_sent()->window <= 2000);
}

/* Window overflow on receive */
static void the_window_saturates_at_65535_without_scale(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 4 << 20});
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000);
    passes_ms(500);
    assert_int_equal(last_sent()->window, 65535);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(large_windows_are_not_negative),
        TEST(scaled_windows_are_32_bits),
        TEST(an_old_segment_does_not_move_the_window),
        TEST(an_ack_of_new_text_brings_its_window_along),
        TEST(a_closed_window_is_probed_for_hours),
        TEST(the_answer_of_a_probe_opens_the_window),
        TEST(unanswered_probes_end_the_connection),
        TEST(a_user_timeout_ends_a_window_that_stays_closed),
        TEST(a_window_that_closes_over_text_in_flight_is_probed),
        TEST(a_shrunk_window_lets_nothing_new_out),
        TEST(text_inside_a_shrunk_window_is_retransmitted),
        TEST(windows_that_wander_do_no_harm),
        TEST(small_openings_are_not_used),
        TEST(half_the_largest_window_is_used),
        TEST(the_override_timer_ends_the_wait),
        TEST(writes_behind_a_closed_window_are_joined),
        TEST(our_window_opens_by_whole_segments),
        TEST(a_small_window_opens_by_half),
        TEST(our_closed_window_answers_probes),
        TEST(a_closed_window_hears_ack_urg_and_rst),
        TEST(what_lies_in_the_window_is_taken),
        TEST(text_beyond_the_edge_is_cut_off),
        TEST(a_smaller_buffer_takes_nothing_back),
        TEST(the_window_saturates_at_65535_without_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
