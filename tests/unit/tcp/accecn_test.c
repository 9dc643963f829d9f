/* Unit tests of accecn.c: the handshake's codes, both ends' counters, and the safest likely case
 * against a peer that counts openly. */
#include "tcp/accecn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MSS 1000u

static const struct tcp_options no_option = {.has_accecn = false};

/* R9768-01, R9768-04 */
static void each_field_has_its_code_and_comes_back(void **state)
{
    static const unsigned codes[] = {2, 3, 4, 6};
    (void)state;
    for (uint8_t ecn = 0; ecn < 4; ecn++) {
        assert_int_equal(accecn_handshake_code(ecn), codes[ecn]);
        assert_int_equal(accecn_handshake_field(codes[ecn], 9), ecn);
    }
    for (unsigned i = 0; i < 4; i++) {
        static const unsigned unused[] = {0, 1, 5, 7};
        assert_int_equal(accecn_handshake_field(unused[i], 9), 9);
    }
}

/* R9768-03 */
static void the_field_is_ae_cwr_ece(void **state)
{
    (void)state;
    assert_int_equal(accecn_flags_of(7), TCP_AE | TCP_CWR | TCP_ECE);
    assert_int_equal(accecn_flags_of(4), TCP_AE);
    assert_int_equal(accecn_flags_of(8 + 1), TCP_ECE);
    assert_int_equal(accecn_ace_of(TCP_CWR | TCP_ACK), 2);
    assert_int_equal(accecn_ace_of(TCP_AE | TCP_ECE | TCP_SYN), 5);
}

/* R9768-03: from 5, and the option's counters from 1, 0 and 1. */
static void counters_begin_where_zeroing_would_show(void **state)
{
    struct accecn_receiver r;
    struct tcp_options o = {.has_accecn = false};
    (void)state;
    accecn_receiver_init(&r);
    assert_int_equal(r.cep, 5);
    accecn_fill(&r, 3, 0, &o);
    assert_int_equal(o.accecn[0], 1);
    assert_int_equal(o.accecn[1], 0);
    assert_int_equal(o.accecn[2], 1);
}

/* R9768-05 */
static void a_first_mark_and_every_second_or_third_are_answered(void **state)
{
    struct accecn_receiver r;
    (void)state;
    accecn_receiver_init(&r);
    assert_false(accecn_packet(&r, ECN_ECT0, 1, 100, true));
    assert_true(accecn_packet(&r, ECN_CE, 1, 100, true));
    accecn_told(&r, -1, 0);
    assert_false(accecn_packet(&r, ECN_CE, 1, 100, true));
    assert_true(accecn_packet(&r, ECN_CE, 1, 100, true));
    accecn_told(&r, -1, 0);
    /* without text: neither the change nor the second, but the third */
    assert_false(accecn_packet(&r, ECN_NOT_ECT, 1, 0, false));
    assert_false(accecn_packet(&r, ECN_CE, 1, 0, false));
    assert_false(accecn_packet(&r, ECN_CE, 1, 0, false));
    assert_true(accecn_packet(&r, ECN_CE, 1, 0, false));
    assert_int_equal(r.cep, 5 + 6);
    assert_int_equal(r.bytes[ECN_CE], 300);
    assert_int_equal(r.bytes[ECN_ECT0], 101);
}

/* R9768-05: a super-segment of marked packets counts each of them. */
static void a_super_segment_counts_its_packets(void **state)
{
    struct accecn_receiver r;
    (void)state;
    accecn_receiver_init(&r);
    r.last = ECN_CE;
    assert_true(accecn_packet(&r, ECN_CE, 12, 12 * MSS, true));
    assert_int_equal(r.cep, 17);
}

/* R9768-07: with less room the counters that changed are kept, or the option is left out. */
static void a_short_option_keeps_what_has_changed(void **state)
{
    struct accecn_receiver r;
    struct tcp_options o = {.has_accecn = false};
    uint8_t order;
    (void)state;
    accecn_receiver_init(&r);
    assert_false(accecn_option_is_due(&r));
    accecn_packet(&r, ECN_ECT0, 1, 500, true);
    assert_true(accecn_option_is_due(&r));
    assert_int_equal(accecn_plan(&r, 1, &order), 1);
    assert_int_equal(order, 0);
    accecn_fill(&r, 1, order, &o);
    assert_int_equal(o.accecn[0], 501);
    accecn_packet(&r, ECN_CE, 1, 300, true);
    assert_int_equal(accecn_plan(&r, 1, &order), -1);
    assert_int_equal(accecn_plan(&r, 2, &order), 2);
    accecn_packet(&r, ECN_ECT1, 1, 300, true);
    assert_int_equal(accecn_plan(&r, 2, &order), -1);
    assert_int_equal(accecn_plan(&r, 3, &order), 3);
    accecn_told(&r, 3, order);
    assert_false(accecn_option_is_due(&r));
    accecn_packet(&r, ECN_ECT1, 1, 300, true);
    assert_int_equal(accecn_plan(&r, 1, &order), 1);
    assert_int_equal(order, 1);
}

static struct accecn_news feed(struct accecn_sender *s, unsigned ace, uint32_t packets,
                               const struct tcp_options *o)
{
    struct accecn_ack ack = {.ace = ace & 7,
                             .packets = packets,
                             .bytes = (uint64_t)packets * MSS,
                             .mss = MSS,
                             .options = o};
    return accecn_feedback(s, &ack);
}

/* R9768-03 */
static void small_steps_are_taken_as_they_are(void **state)
{
    struct accecn_sender s;
    (void)state;
    accecn_sender_init(&s);
    assert_int_equal(feed(&s, 5, 2, &no_option).ce_packets, 0);
    assert_int_equal(feed(&s, 6, 2, &no_option).ce_packets, 1);
    struct accecn_news news = feed(&s, 8, 2, &no_option);
    assert_int_equal(news.ce_packets, 2);
    assert_int_equal(news.ce_bytes, 2 * MSS);
    /* more marks than packets: control packets were marked too (3.2.2.5.2) */
    news = feed(&s, 12, 1, &no_option);
    assert_int_equal(news.ce_packets, 4);
    assert_int_equal(news.ce_bytes, MSS);
    assert_int_equal(s.cep, 12);
}

/* R9768-03: 3.2.2.5.2: what the field may hide is taken for marks. */
static void a_long_jump_is_taken_for_the_worst_that_fits(void **state)
{
    static const struct {
        unsigned ahead;
        uint32_t packets;
        uint64_t expected;
    } cases[] = {{0, 7, 0}, {0, 8, 8}, {1, 8, 1}, {1, 9, 9}, {7, 9, 7}, {0, 100, 96}, {5, 100, 93}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct accecn_sender s;
        accecn_sender_init(&s);
        assert_int_equal(feed(&s, 5 + cases[i].ahead, cases[i].packets, &no_option).ce_packets,
                         cases[i].expected);
    }
}

/* R9768-06: the option says how often the field has wrapped, also over counters that wrap. */
static void the_option_settles_how_often_it_wrapped(void **state)
{
    (void)state;
    for (uint32_t marked = 0; marked <= 40; marked++) {
        struct accecn_sender s;
        accecn_sender_init(&s);
        s.bytes[ECN_CE] = 0xfff000;
        struct tcp_options o = {.has_accecn = true,
                                .accecn_order = 1,
                                .accecn_count = 3,
                                .accecn = {1, (0xfff000 + marked * MSS) & 0xffffff, 1}};
        struct accecn_news news = feed(&s, 5 + marked, 40, &o);
        assert_int_equal(news.ce_packets, marked);
        assert_int_equal(news.ce_bytes, marked * MSS);
        assert_false(news.contradiction);
    }
}

/* R9768-06: marks that were guessed before the option came are not counted twice. */
static void a_late_option_corrects_what_was_guessed(void **state)
{
    struct accecn_sender s;
    struct tcp_options o = {
        .has_accecn = true, .accecn_count = 2, .accecn = {30 * MSS + 1, 10 * MSS}};
    (void)state;
    accecn_sender_init(&s);
    assert_int_equal(feed(&s, 5 + 2, 20, &no_option).ce_packets, 18);
    struct accecn_news news = feed(&s, 5 + 2, 20, &o);
    assert_int_equal(news.ce_packets, 0);
    assert_int_equal(news.ce_bytes, 0);
}

/* R9768-04: 3.2.3.2.5: bytes that nothing in the field stands for. */
static void an_option_that_contradicts_the_field_is_told(void **state)
{
    struct accecn_sender s;
    struct tcp_options o = {.has_accecn = true, .accecn_count = 2, .accecn = {1, MSS}};
    (void)state;
    accecn_sender_init(&s);
    assert_true(feed(&s, 5, 2, &o).contradiction);
}

/* R9768-06: 3.2.3.2.4 */
static void a_zeroed_option_is_ignored(void **state)
{
    struct accecn_sender s;
    struct tcp_options o = {.has_accecn = true, .accecn_count = 3, .accecn = {1, 0, 0}};
    (void)state;
    accecn_sender_init(&s);
    accecn_test_option(&s, &o);
    assert_true(s.option_ignored);
    o.accecn[1] = 5 * MSS;
    assert_false(feed(&s, 5, 2, &o).contradiction);
    assert_int_equal(s.bytes[ECN_CE], 0);
}

/* R9768-06: an option of an older ACK does not look like 2^24 bytes. */
static void an_older_counter_moves_nothing(void **state)
{
    struct accecn_sender s;
    struct tcp_options o = {.has_accecn = true, .accecn_count = 2, .accecn = {5001, 3000}};
    (void)state;
    accecn_sender_init(&s);
    feed(&s, 8, 8, &o);
    o.accecn[0] = 4001;
    o.accecn[1] = 2000;
    assert_int_equal(feed(&s, 8, 0, &o).ce_packets, 0);
    assert_int_equal(s.bytes[ECN_CE], 3000);
    assert_int_equal(s.bytes[ECN_ECT0], 5001);
}

/* R9768-03: ACKs are thinned at random; with options the count stays exact, without it is never
 * too low. */
static void thinned_acks_lose_no_mark(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct accecn_receiver r;
        struct accecn_sender with, without;
        uint64_t dice = seed * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t packets = 0;
        accecn_receiver_init(&r);
        accecn_sender_init(&with);
        accecn_sender_init(&without);
        for (int i = 0; i < 2000; i++) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
            accecn_packet(&r, (dice >> 40) % 100 < seed % 100 ? ECN_CE : ECN_ECT0, 1, MSS, true);
            packets++;
            if ((dice >> 50) % 20 != 0)
                continue;
            struct tcp_options o = {.has_accecn = false};
            accecn_fill(&r, 3, 1, &o);
            feed(&with, (unsigned)r.cep, packets, &o);
            feed(&without, (unsigned)r.cep, packets, &no_option);
            packets = 0;
            if (with.cep != r.cep || without.cep < r.cep)
                print_error("seed %u, step %d\n", seed, i);
            assert_int_equal(with.cep, r.cep);
            assert_true(without.cep >= r.cep && (without.cep - r.cep) % 8 == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_code_and_comes_back),
        cmocka_unit_test(the_field_is_ae_cwr_ece),
        cmocka_unit_test(counters_begin_where_zeroing_would_show),
        cmocka_unit_test(a_first_mark_and_every_second_or_third_are_answered),
        cmocka_unit_test(a_super_segment_counts_its_packets),
        cmocka_unit_test(a_short_option_keeps_what_has_changed),
        cmocka_unit_test(small_steps_are_taken_as_they_are),
        cmocka_unit_test(a_long_jump_is_taken_for_the_worst_that_fits),
        cmocka_unit_test(the_option_settles_how_often_it_wrapped),
        cmocka_unit_test(a_late_option_corrects_what_was_guessed),
        cmocka_unit_test(an_option_that_contradicts_the_field_is_told),
        cmocka_unit_test(a_zeroed_option_is_ignored),
        cmocka_unit_test(an_older_counter_moves_nothing),
        cmocka_unit_test(thinned_acks_lose_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
