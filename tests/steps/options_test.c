/* Options (RFC 9293, 3.1, 3.2 and 3.7.1; RFC 7323, 2): what is agreed on, what is ignored, and that
 * no bytes do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* A SYN with these options; `len` is padded by End-of-Options to a multiple of 4. */
static void syn_with(const uint8_t *options, unsigned len)
{
    uint8_t padded[40] = {0};

    memcpy(padded, options, len);
    arrives(.seq = 0, .flags = SYN, .raw_options = padded, .raw_len = (len + 3) / 4 * 4);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_non_null(steps->tcb);
}

/* Completes the handshake and sends 5000 bytes: how long the longest segment is. */
static uint32_t longest_segment(void)
{
    uint32_t longest = 0;

    arrives(.seq = 1, .ack = 1, .flags = ACK, .ts_val = steps->tcb->paws.enabled ? 5 : 0);
    assert_ptr_equal(tcp_accept(steps->listener, steps), steps->tcb);
    forget_sent();
    user_sends(5000);
    while (unseen() > 0) {
        uint32_t len = next_sent()->len;
        longest = len > longest ? len : longest;
    }
    return longest;
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* MUST-4, MUST-64, MUST-14: in every order, at every offset, with and without padding. */
static void end_nop_and_mss_in_every_order(void **state)
{
    (void)state;
    for (unsigned before = 0; before <= 36; before++) {
        uint8_t options[40];
        memset(options, 1, sizeof options);
        memcpy(options + before, (const uint8_t[]){2, 4, 3, 0xe8}, 4);
        steps_open(&plain);
        syn_with(options, before + 4);
        assert_int_equal(steps->tcb->peer_mss, 1000);
        assert_int_equal(longest_segment(), 1000);
        steps_close();
    }
}

/* MUST-69: what stands behind End-of-Options is not read. */
static void nothing_is_read_behind_the_end(void **state)
{
    (void)state;
    steps_open(&plain);
    syn_with(BYTES(2, 4, 3, 0xe8, 0, 3, 3, 7, 4, 2));
    assert_false(steps->tcb->window_scaling);
    assert_false(steps->tcb->sack);
    assert_int_equal(steps->tcb->peer_mss, 1000);
}

/* MUST-6, MUST-68: an unknown option is skipped by its length. */
static void unknown_options_are_skipped(void **state)
{
    (void)state;
    for (unsigned kind = 9; kind < 256; kind++) {
        if (kind == 34 || kind == 172 || kind == 174)
            continue; /* known, and tested elsewhere */
        steps_open(&plain);
        syn_with(BYTES((uint8_t)kind, 6, 2, 4, 0, 9, 3, 3, 5, 2, 4, 3, 0xe8));
        assert_int_equal(steps->tcb->peer_mss, 1000);
        assert_int_equal(steps->tcb->snd.wscale, 5);
        steps_close();
    }
}

/* MUST-7, Option length zero loop, Option over-read: reading stops, the SYN is answered. */
static void illegal_lengths_do_no_harm(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++)
        for (unsigned len = 0; len < 256; len = len < 4 ? len + 1 : len + 36) {
            steps_open(&plain);
            syn_with(BYTES(2, 4, 3, 0xe8, (uint8_t)kind, (uint8_t)len, 1, 1));
            assert_int_equal(steps->tcb->peer_mss, 1000);
            assert_state(TCP_SYN_RECEIVED);
            steps_close();
        }
}

/* MUST-5, MUST-65, R2018-01, R7323-01: options of SYNs elsewhere are ignored, the text is taken. */
static void options_of_a_syn_mean_nothing_later(void **state)
{
    static const uint8_t late[] = {2, 4, 0, 100, 3, 3, 9, 4, 2, 1, 1, 1};
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .raw_options = late,
            .raw_len = sizeof late);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(steps->tcb->peer_mss, 1000);
    assert_int_equal(steps->tcb->snd.wscale, 0);
    assert_false(steps->tcb->sack);
}

/* MUST-15 */
static void without_mss_536_is_assumed(void **state)
{
    (void)state;
    steps_open(&plain);
    syn_with(BYTES(1, 1, 1, 1));
    assert_int_equal(longest_segment(), 536);
}

/* MUST-16: the smaller of the peer's and the path's, less options. */
static void the_effective_mss_leaves_room_for_options(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.mtu = 900});
    syn_with(BYTES(2, 4, 5, 180));
    assert_int_equal(longest_segment(), 860);
    steps_close();
    steps_open(&plain);
    syn_with(BYTES(2, 4, 3, 0xe8, 8, 10, 0, 0, 0, 5, 0, 0, 0, 0));
    assert_int_equal(longest_segment(), 988);
}

/* MSS zero / division, SACK panic, Low-MSS amplification: CVE-2019-11477, -11479. */
static void tiny_offers_count_as_the_floor(void **state)
{
    (void)state;
    for (unsigned mss = 0; mss <= 100; mss++)
        for (int active = 0; active < 2; active++) {
            uint8_t option[] = {2, 4, 0, (uint8_t)mss};
            steps_open(&plain);
            if (active) {
                reach(TCP_SYN_SENT);
                arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .raw_options = option,
                        .raw_len = 4);
                forget_sent();
                user_sends(5000);
                assert_int_equal(next_sent()->len, mss < 88 ? 88 : mss);
            } else {
                syn_with(option, 4);
                assert_int_equal(longest_segment(), mss < 88 ? 88 : mss);
            }
            steps_close();
        }
}

/* R7323-01: a SYN-ACK offers only what the SYN offered; both must. */
static void a_syn_ack_offers_what_the_syn_offered(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct tcp_options *o;
        steps_open(&plain);
        arrives(.seq = 0, .flags = SYN, .mss = 1000, .window_scale = bits & 1, .shift = 3,
                .sack_permitted = bits & 2, .ts_val = bits & 4 ? 99 : 0);
        o = &last_sent()->header.options;
        steps->tcb = tcp_find(steps->tcp, &steps->flow);
        assert_int_equal(o->has_window_scale, bits & 1 ? 1 : 0);
        assert_int_equal(o->has_sack_permitted, bits & 2 ? 1 : 0);
        assert_int_equal(o->has_timestamps, bits & 4 ? 1 : 0);
        assert_int_equal(steps->tcb->window_scaling, o->has_window_scale);
        assert_int_equal(steps->tcb->sack, o->has_sack_permitted);
        assert_int_equal(steps->tcb->paws.enabled, o->has_timestamps);
        if (bits & 4)
            assert_int_equal(o->ts_ecr, 99);
        steps_close();
    }
}

/* R7323-01: an active open that is not answered in kind goes on without. */
static void what_the_syn_ack_leaves_out_is_not_used(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    assert_true(last_sent()->header.options.has_window_scale);
    assert_true(last_sent()->header.options.has_sack_permitted);
    assert_true(last_sent()->header.options.has_timestamps);
    assert_int_equal(last_sent()->header.options.ts_ecr, 0); /* R7323-08 */
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100);
    assert_false(last_sent()->header.options.has_timestamps);
    assert_int_equal(last_sent()->header.options.sack_count, 0); /* R2018-02 */
    assert_int_equal(steps->tcb->snd.wscale, 0);
    assert_int_equal(steps->tcb->window.shift, 0);
}

/* R7323-02, R7323-04: the SYN's window is raw, later ones are shifted. */
static void windows_of_syns_are_not_scaled(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.receive_buffer = 4 << 20, .window_scale = true});
    tunables()->tcp_rmem_max = 64 << 20; /* not for a buffer that the user has fixed */
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .window_scale = true, .shift = 7, .window = 60000);
    assert_int_equal(last_sent()->window, 65535);
    assert_int_equal(last_sent()->header.options.window_scale, 6);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_int_equal(steps->tcb->snd.wnd, 60000);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 1000, .window = 100);
    assert_int_equal(steps->tcb->snd.wnd, 12800);
    passes_ms(500);
    assert_true(last_sent()->window << 6 <= (2 << 20) - 1000);
    assert_true(last_sent()->window << 11 > (2 << 20) - 1000 - 2048 - 2048);
}

/* R7323-05: a peer's edge may move back by its granularity. */
static void a_retraction_by_the_scale_is_no_error(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .window_scale = true, .shift = 7);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .window = 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    user_sends(1280);
    forget_sent();
    arrives(.seq = 1, .ack = 1001, .flags = ACK, .window = 2); /* 1257 < 1281 */
    assert_state(TCP_ESTABLISHED);
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 1281, .flags = ACK, .window = 10);
    user_sends(100);
    assert_sent(.flags = ACK, .seq = 1281, .ack = 1, .len = 100);
}

/* 9293-U-1: the reserved bits are ignored, and ours are 0. */
static void reserved_bits_are_ignored(void **state)
{
    uint8_t header[TCP_HEADER_LONGEST];
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN | TCP_AE | TCP_ECE | TCP_CWR);
    assert_int_equal(last_sent()->flags & (SYN | ACK | FIN | RST), SYN | ACK);
    tcp_header_build(&last_sent()->header, header);
    assert_int_equal(header[12] & 0x0f, 0);
    arrives(.seq = 1, .ack = 1, .flags = ACK | TCP_AE, .len = 10);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(user_reads(100), 10);
}

/* Data offset lies */
static void a_lying_data_offset_is_no_header(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .corrupt_offset = true);
    assert_dropped(DROP_tcp_bad_offset);
    assert_nothing_sent();
}

/* MUST-7, SACK option malformed: random bytes for options, in every state of a session. */
static void random_options_do_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random random;
        random_seed(&random, seed);
        steps_open(&(struct steps_config){.sack = seed & 1, .timestamps = seed & 2});
        reach(TCP_ESTABLISHED);
        user_sends(3000);
        for (int i = 0; i < 40; i++) {
            uint8_t options[40];
            for (int k = 0; k < 40; k++)
                options[k] = (uint8_t)(random_one_in(&random, 2) ? random_below(&random, 12)
                                                                 : random_u32(&random));
            arrives(.seq = (uint32_t)random_below(&random, 200),
                    .ack = (uint32_t)random_below(&random, 3002), .flags = ACK,
                    .len = (uint32_t)random_below(&random, 50), .raw_options = options,
                    .raw_len = 4 * (1 + (unsigned)random_below(&random, 10)));
        }
        if (state_now() != TCP_ESTABLISHED)
            fail_msg("seed %lu", (unsigned long)seed);
        steps_close();
    }
}

/* Option-space overflow on send: all that can come together fits 40 bytes (tcp_header_build checks
 * it), timestamps with three SACK blocks and a D-SACK. */
static void all_options_together_fit(void **state)
{
    uint8_t header[TCP_HEADER_LONGEST];
    (void)state;
    steps_open(&(struct steps_config){.sack = true, .timestamps = true});
    reach(TCP_ESTABLISHED);
    for (uint32_t i = 0; i < 6; i++)
        arrives(.seq = 101 + 200 * i, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts);
    arrives(.seq = 101, .ack = 1, .flags = ACK, .len = 100, .ts_val = steps->ts);
    assert_int_equal(last_sent()->header.options.sack_count, 3);
    assert_true(last_sent()->header.options.has_timestamps);
    assert_true(tcp_header_build(&last_sent()->header, header) <= 60);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(end_nop_and_mss_in_every_order),
        TEST(nothing_is_read_behind_the_end),
        TEST(unknown_options_are_skipped),
        TEST(illegal_lengths_do_no_harm),
        TEST(options_of_a_syn_mean_nothing_later),
        TEST(without_mss_536_is_assumed),
        TEST(the_effective_mss_leaves_room_for_options),
        TEST(tiny_offers_count_as_the_floor),
        TEST(a_syn_ack_offers_what_the_syn_offered),
        TEST(what_the_syn_ack_leaves_out_is_not_used),
        TEST(windows_of_syns_are_not_scaled),
        TEST(a_retraction_by_the_scale_is_no_error),
        TEST(reserved_bits_are_ignored),
        TEST(a_lying_data_offset_is_no_header),
        TEST(random_options_do_no_harm),
        TEST(all_options_together_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
