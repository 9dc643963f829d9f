/* Unit tests of rack.c: RFC 8985, 6. */
#include "tcp/rack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MSS   100u
#define START (SEQ_FIRST_EPOCH + UINT32_MAX - 249)

struct bench {
    struct memory memory;
    struct pool pool;
    struct sent sent;
    struct sent_delivery delivery;
    struct trace trace;
    seqno una;
};

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_int_equal(memory_init(&b->memory, 16u << 20), 0);
    pool_init(&b->pool, &b->memory, sizeof(struct sent_record));
    sent_init(&b->sent, &b->pool);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    sent_check(&b->sent);
    sent_clear(&b->sent);
    memory_destroy(&b->memory);
    free(b);
    return 0;
}

/* `count` segments, one record each, the first numbered `first`. */
static void send_segments(struct bench *b, uint64_t first, uint64_t count, int64_t ms)
{
    for (uint64_t i = first; i < first + count; i++) {
        assert_true(sent_reserve(&b->sent, 4));
        sent_add(&b->sent, START + i * MSS, START + (i + 1) * MSS, 1, at_ms(ms));
    }
}

static void sack(struct bench *b, uint64_t first, uint64_t count, int64_t ms)
{
    assert_true(sent_reserve(&b->sent, 4));
    b->delivery = (struct sent_delivery){0};
    sent_sack(&b->sent, START + first * MSS, START + (first + count) * MSS, MSS, &b->delivery,
              at_ms(ms));
}

static bool take(struct bench *b, struct rack *rack, int64_t ms, uint32_t ts_ecr)
{
    struct rack_news news = {
        .delivery = &b->delivery,
        .una = b->una,
        .highest_delivered = seq_max(b->una, b->sent.highest_sacked),
        .min_rtt = duration_ms(10),
        .has_ts_ecr = ts_ecr != 0,
        .ts_ecr = ts_ecr,
        .now = at_ms(ms),
    };
    return rack_on_delivery(rack, &news);
}

static struct duration window(const struct rack *rack, bool in_recovery, uint32_t sacked)
{
    struct rack_facts facts = {.min_rtt = duration_ms(40),
                               .srtt = duration_ms(100),
                               .in_recovery = in_recovery,
                               .sacked_segments = sacked,
                               .dup_threshold = 3};
    return rack_reo_wnd(rack, &facts);
}

/* R8985-03 */
static void window_is_a_quarter_round_trip_unless_nothing_reorders(void **state)
{
    (void)state;
    struct rack rack;
    rack_init(&rack);
    assert_int_equal(window(&rack, false, 2).ns, duration_ms(10).ns);
    assert_int_equal(window(&rack, false, 3).ns, 0);
    assert_int_equal(window(&rack, true, 0).ns, 0);
    rack.reordering_seen = true;
    assert_int_equal(window(&rack, true, 3).ns, duration_ms(10).ns);
    rack.reo_wnd_mult = 200;
    assert_int_equal(window(&rack, true, 3).ns, duration_ms(100).ns);
}

/* R8985-04 */
static void dsack_widens_once_a_round_for_sixteen_recoveries(void **state)
{
    (void)state;
    struct rack rack;
    rack_init(&rack);
    rack_on_ack(&rack, true, START, START + 1000);
    rack_on_ack(&rack, true, START + 500, START + 2000);
    assert_int_equal(rack.reo_wnd_mult, 2);
    rack_on_ack(&rack, true, START + 1000, START + 2000);
    assert_int_equal(rack.reo_wnd_mult, 3);
    for (int i = 0; i < 15; i++)
        rack_on_recovery_end(&rack);
    assert_int_equal(rack.reo_wnd_mult, 3);
    rack_on_recovery_end(&rack);
    assert_int_equal(rack.reo_wnd_mult, 1);
    for (int i = 0; i < 600; i++)
        rack_on_ack(&rack, true, START + 10000 * (seqno)i + 9000, START + 10000 * (seqno)i + 15000);
    assert_int_equal(rack.reo_wnd_mult, UINT8_MAX);
}

/* R8985-05: sent in one burst, the end decides. */
static void sent_before_and_old_enough_is_lost(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 5, 1);
    assert_true(
        instant_is_never(rack_mark_lost(&rack, &b->sent, DURATION_ZERO, &b->trace, at_ms(50))));
    sack(b, 2, 1, 21);
    take(b, &rack, 21, 0);
    assert_int_equal(rack.rtt.ns, duration_ms(20).ns);
    struct instant again = rack_mark_lost(&rack, &b->sent, duration_ms(5), &b->trace, at_ms(21));
    assert_int_equal(b->sent.lost_segments, 0);
    assert_int_equal(again.ns, at_ms(1 + 20 + 5 + 2).ns);
    assert_true(
        instant_is_never(rack_mark_lost(&rack, &b->sent, duration_ms(5), &b->trace, again)));
    assert_int_equal(b->sent.lost_segments, 2);
    assert_int_equal(b->sent.pipe_segments, 2);
}

/* One that overtook the others says nothing of how long they take: they have the least round trip
 * of all that came in order, which is 10 ms. */
static void others_are_given_a_whole_round_trip_by_an_overtaker(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 5, 1);
    sack(b, 4, 1, 2);
    take(b, &rack, 2, 0);
    assert_int_equal(rack.rtt.ns, duration_ms(10).ns);
    rack_mark_lost(&rack, &b->sent, duration_ms(3), &b->trace, at_ms(13));
    assert_int_equal(b->sent.lost_segments, 0);
    rack_mark_lost(&rack, &b->sent, duration_ms(3), &b->trace, at_ms(1 + 10 + 3 + 2));
    assert_int_equal(b->sent.lost_segments, 4);
}

/* R8985-05 */
static void lost_retransmission_is_found_again(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 3, 1);
    sack(b, 1, 2, 21);
    take(b, &rack, 21, 0);
    rack_mark_lost(&rack, &b->sent, DURATION_ZERO, &b->trace, at_ms(21));
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(22));
    send_segments(b, 3, 1, 23);
    sack(b, 3, 1, 43);
    take(b, &rack, 43, 0);
    rack_mark_lost(&rack, &b->sent, DURATION_ZERO, &b->trace, at_ms(43));
    assert_int_equal(b->sent.lost_again, 1);
}

/* R8985-02 */
static void ambiguous_acknowledgments_are_ignored(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 2, 1);
    sent_mark_lost(&b->sent, sent_first(&b->sent));
    struct sent_record *record = sent_first_lost(&b->sent);
    sent_again(&b->sent, record, at_ms(100));
    record->ts = 5100;
    sack(b, 0, 1, 105);
    take(b, &rack, 105, 0);
    assert_int_equal(rack.to, 0); /* faster than any round trip */
    b->una = START + MSS;
    take(b, &rack, 150, 5099);
    assert_int_equal(rack.to, 0); /* echoes the original */
    take(b, &rack, 150, 5100);
    assert_int_equal(rack.to, START + MSS);
    assert_int_equal(rack.sent_at.ns, at_ms(100).ns);
}

/* R8985-02: behind a hole every echo is older than the retransmission, and says nothing. */
static void a_retransmission_beyond_a_hole_counts(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 3, 1);
    sent_mark_lost(&b->sent, sent_after(sent_first(&b->sent)));
    struct sent_record *record = sent_first_lost(&b->sent);
    sent_again(&b->sent, record, at_ms(100));
    record->ts = 5100;
    sack(b, 1, 1, 150);
    take(b, &rack, 150, 5000);
    assert_int_equal(rack.to, START + 2 * MSS);
    assert_int_equal(rack.sent_at.ns, at_ms(100).ns);
}

/* R8985-04: what a spurious retransmission shows is learnt at once, for sixteen recoveries. */
static void a_spurious_retransmission_sets_the_window(void **state)
{
    (void)state;
    struct rack rack;
    rack_init(&rack);
    rack_on_spurious(&rack, duration_ms(40), duration_ms(40));
    assert_int_equal(window(&rack, true, 3).ns, 0);
    rack_on_spurious(&rack, duration_ms(75), duration_ms(40));
    assert_int_equal(window(&rack, true, 3).ns, duration_ms(40).ns);
    rack_on_spurious(&rack, duration_s(100), duration_ms(40));
    assert_int_equal(window(&rack, true, 3).ns, duration_ms(100).ns); /* SRTT at most */
    for (int i = 0; i < 16; i++)
        rack_on_recovery_end(&rack);
    assert_int_equal(window(&rack, true, 3).ns, duration_ms(10).ns);
}

/* R8985-03 */
static void late_original_shows_reordering(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    send_segments(b, 0, 4, 1);
    sack(b, 1, 1, 20);
    assert_false(take(b, &rack, 20, 0));
    sack(b, 3, 1, 21);
    assert_false(take(b, &rack, 21, 0));
    sack(b, 2, 1, 22);
    assert_true(take(b, &rack, 22, 0));
    assert_true(rack.reordering_seen);
}

/* R8985-06 */
static void timeout_marks_the_first_and_the_old(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    rack.to = START;
    rack.rtt = duration_ms(20);
    send_segments(b, 0, 2, 1);
    send_segments(b, 2, 2, 195);
    rack_mark_lost_on_timeout(&rack, &b->sent, duration_ms(5), &b->trace, at_ms(200));
    assert_int_equal(b->sent.lost_segments, 2);
    assert_int_equal(b->sent.pipe_segments, 2);
}

/* CVE-2019-5599: each ACK looks at a bounded number of records that must wait. */
static void waiting_records_are_not_walked_over_by_each_ack(void **state)
{
    struct bench *b = *state;
    struct rack rack;
    rack_init(&rack);
    rack.reordering_seen = true;
    send_segments(b, 0, 5000, 1);
    for (uint64_t i = 4999; i > 4900; i--) {
        sack(b, i, 1, 21);
        take(b, &rack, 21, 0);
        uint64_t before = b->sent.touched;
        struct instant again = rack_mark_lost(&rack, &b->sent, duration_ms(10), &b->trace,
                                              at_ms(21));
        assert_in_range(b->sent.touched - before, 1, 33);
        assert_int_equal(again.ns, at_ms(33).ns);
    }
    assert_int_equal(b->sent.lost_segments, 0);
}

int main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_is_a_quarter_round_trip_unless_nothing_reorders),
        cmocka_unit_test(dsack_widens_once_a_round_for_sixteen_recoveries),
        BENCH_TEST(sent_before_and_old_enough_is_lost),
        BENCH_TEST(others_are_given_a_whole_round_trip_by_an_overtaker),
        BENCH_TEST(lost_retransmission_is_found_again),
        BENCH_TEST(ambiguous_acknowledgments_are_ignored),
        BENCH_TEST(a_retransmission_beyond_a_hole_counts),
        cmocka_unit_test(a_spurious_retransmission_sets_the_window),
        BENCH_TEST(late_original_shows_reordering),
        BENCH_TEST(timeout_marks_the_first_and_the_old),
        BENCH_TEST(waiting_records_are_not_walked_over_by_each_ack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
