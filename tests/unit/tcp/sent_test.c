/* Unit tests of sent.c: cuts and merges, sums, delivery, rates, against a model of one byte each,
 * and under floods of hostile SACK blocks. Sequence numbers lie around a wrap of their wire form.
 */
#include "tcp/sent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MSS 100u
/* The wire's numbers wrap 250 bytes later. */
#define START (SEQ_FIRST_EPOCH + UINT32_MAX - 249)

struct bench {
    struct memory memory;
    struct pool pool;
    struct sent sent;
    struct sent_delivery delivery;
};

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_int_equal(memory_init(&b->memory, 64u << 20), 0);
    pool_init(&b->pool, &b->memory, sizeof(struct sent_record));
    sent_init(&b->sent, &b->pool);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    sent_clear(&b->sent);
    pool_destroy(&b->pool);
    memory_destroy(&b->memory);
    free(b);
    return 0;
}

static void send_text(struct bench *b, uint64_t from, uint64_t length, int64_t ms)
{
    assert_true(sent_reserve(&b->sent, 4));
    sent_add(&b->sent, START + from, START + from + length, (uint32_t)((length + MSS - 1) / MSS),
             at_ms(ms));
    sent_check(&b->sent);
}

static void sack(struct bench *b, uint64_t left, uint64_t right, int64_t ms)
{
    assert_true(sent_reserve(&b->sent, 4));
    sent_sack(&b->sent, START + left, START + right, MSS, &b->delivery, at_ms(ms));
    sent_check(&b->sent);
}

static void acknowledge(struct bench *b, uint64_t una, int64_t ms)
{
    sent_acknowledge(&b->sent, START + una, MSS, &b->delivery, at_ms(ms));
    sent_check(&b->sent);
}

/* RFC 2018, 5: a block may begin and end inside of a super-segment. */
static void sack_cuts_a_super_segment_exactly(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 1000, 1);
    sack(b, 300, 500, 10);
    assert_int_equal(b->sent.sacked_bytes, 200);
    assert_int_equal(b->sent.pipe_bytes, 800);
    assert_int_equal(b->sent.sacked_segments, 2);
    assert_int_equal(b->sent.pipe_segments, 8);
    assert_int_equal(b->delivery.newly_sacked_bytes, 200);
    assert_int_equal(b->delivery.newly_delivered_segments, 2);
    assert_int_equal(b->sent.all.count, 3);
    sack(b, 300, 500, 11);
    assert_int_equal(b->delivery.newly_sacked_bytes, 200);
}

/* CVE-2019-11477 */
static void sacked_neighbours_become_one(void **state)
{
    struct bench *b = *state;
    for (uint64_t i = 0; i < 10; i++)
        send_text(b, i * 100, 100, (int64_t)i);
    sack(b, 100, 200, 20);
    sack(b, 300, 400, 20);
    assert_int_equal(b->sent.sacked.count, 2);
    sack(b, 100, 400, 20);
    assert_int_equal(b->sent.sacked.count, 1);
    assert_int_equal(b->sent.sacked_bytes, 300);
    assert_int_equal(b->sent.highest_sacked, START + 400);
}

/* R2018-06 */
static void sacked_text_is_kept_until_acknowledged(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 300, 1);
    sack(b, 100, 300, 5);
    assert_int_equal(b->sent.pipe_bytes + b->sent.sacked_bytes, 300);
    sent_forget_sacks(&b->sent);
    sent_check(&b->sent);
    assert_int_equal(b->sent.lost_bytes, 200);
    assert_int_equal(sent_from(sent_first_lost(&b->sent)), START + 100);
    acknowledge(b, 300, 9);
    assert_null(sent_first(&b->sent));
    assert_int_equal(b->sent.spare_count, 1);
    assert_int_equal(b->pool.live, 0);
}

/* A connection has one record of its own: when the budget is used up it still gets on, one
 * transmission at a time. */
static void without_memory_one_transmission_can_be_in_flight(void **state)
{
    struct bench *b = *state;
    b->memory.fail_at = b->memory.takes + 1;
    assert_false(sent_reserve(&b->sent, 4));
    assert_true(sent_can_add(&b->sent));
    sent_add(&b->sent, START, START + 100, 1, at_ms(1));
    assert_false(sent_can_add(&b->sent));
    sent_check(&b->sent);
    sent_mark_lost(&b->sent, sent_first(&b->sent));
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(2));
    acknowledge(b, 100, 3);
    assert_true(sent_can_add(&b->sent));
    assert_int_equal(b->pool.live, 0);
}

static void acknowledgment_cuts_the_record_it_ends_in(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 1000, 1);
    acknowledge(b, 250, 11);
    assert_int_equal(b->delivery.acked_bytes, 250);
    assert_int_equal(b->delivery.newly_delivered_segments, 3);
    assert_int_equal(b->sent.pipe_segments, 7);
    assert_int_equal(sent_from(sent_first(&b->sent)), START + 250);
    assert_true(b->delivery.has_rtt);
    assert_int_equal(b->delivery.rtt_sent_at.ns, at_ms(1).ns);
}

/* R6298-06 */
static void retransmissions_give_no_sample(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 100, 1);
    sent_mark_lost(&b->sent, sent_first(&b->sent));
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(50));
    sent_check(&b->sent);
    assert_int_equal(b->sent.retransmitted_segments, 1);
    acknowledge(b, 100, 60);
    assert_false(b->delivery.has_rtt);
    assert_true(b->delivery.retransmission_acked);
    assert_true(b->delivery.newest_retransmitted);
    assert_int_equal(b->delivery.newest_sent_at.ns, at_ms(50).ns);
}

/* R6298-06: without SACK, what follows a retransmission may have been there long before. */
static void what_waited_behind_a_retransmission_is_no_sample(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 100, 1);
    send_text(b, 100, 100, 1);
    sent_mark_lost(&b->sent, sent_first(&b->sent));
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(50));
    acknowledge(b, 200, 60);
    assert_true(b->delivery.never_retransmitted_delivered);
    assert_false(b->delivery.has_rtt);
}

static void a_sample_of_what_lies_beyond_a_hole_says_so(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 100, 1);
    send_text(b, 100, 100, 1);
    sack(b, 100, 200, 31);
    assert_true(b->delivery.has_rtt && b->delivery.rtt_beyond_hole);
    b->delivery = (struct sent_delivery){0}; /* the next ACK */
    acknowledge(b, 200, 60);
    assert_true(b->delivery.has_rtt);
    assert_false(b->delivery.rtt_beyond_hole);
}

/* RFC 8985, 6.2 step 2 */
static void newest_of_equal_times_is_the_highest(void **state)
{
    struct bench *b = *state;
    send_text(b, 0, 100, 1);
    send_text(b, 100, 100, 1);
    sack(b, 100, 200, 10);
    acknowledge(b, 100, 10);
    assert_int_equal(b->delivery.newest_to, START + 200);
    assert_int_equal(b->delivery.lowest_once, START + 100);
    assert_int_equal(b->delivery.highest_once, START + 200);
}

static void without_spares_the_edge_is_drawn_inwards(void **state)
{
    struct bench *b = *state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(sent_reserve(&b->sent, 1));
        sent_add(&b->sent, START + i * 200, START + i * 200 + 200, 2, at_ms(1));
    }
    assert_int_equal(b->sent.spare_count, 0);
    sent_sack(&b->sent, START + 100, START + 500, MSS, &b->delivery, at_ms(2));
    sent_check(&b->sent);
    assert_int_equal(b->sent.sacked_bytes, 200);
    assert_ptr_equal(sent_cut(&b->sent, sent_first(&b->sent), START + 50, MSS),
                     sent_first(&b->sent));
    assert_int_equal(sent_first(&b->sent)->to, START + 200);
}

static void blocks_outside_of_what_was_sent_change_nothing(void **state)
{
    struct bench *b = *state;
    sack(b, 0, 100, 1);
    send_text(b, 1000, 100, 1);
    sack(b, 0, 1000, 2);
    sack(b, 1100, 5000, 2);
    sack(b, 1080, 1020, 2);
    sent_sack(&b->sent, 0, START, MSS, &b->delivery, at_ms(2));
    assert_int_equal(b->sent.sacked_bytes, 0);
    sent_sack(&b->sent, 0, UINT64_MAX, MSS, &b->delivery, at_ms(2));
    sent_check(&b->sent);
    assert_int_equal(b->sent.sacked_bytes, 100);
}

static void full_budget_is_told(void **state)
{
    struct bench *b = *state;
    b->memory.fail_at = b->memory.takes + 1;
    assert_false(sent_reserve(&b->sent, 100000));
    b->memory.fail_at = 0;
    assert_true(sent_reserve(&b->sent, 1));
}

static void restored_losses_are_in_the_order_of_time(void **state)
{
    struct bench *b = *state;
    for (uint64_t i = 0; i < 8; i++)
        send_text(b, i * 100, 100, (int64_t)i);
    for (struct sent_record *r = sent_first(&b->sent); r; r = sent_after(r)) {
        if (sent_from(r) % 3 != 0)
            sent_mark_lost(&b->sent, r);
    }
    sent_again(&b->sent, sent_first_lost(&b->sent), at_ms(20));
    uint64_t lost = b->sent.lost_bytes;
    assert_int_equal(b->sent.lost_total, lost + 100);
    sent_restore_lost(&b->sent);
    sent_check(&b->sent);
    assert_int_equal(b->sent.pipe_bytes, 800);
    assert_int_equal(b->sent.lost_total, 100);
    assert_int_equal(sent_newest(&b->sent)->sent_at.ns, at_ms(20).ns);
}

/* draft-cheng-iccrg-delivery-rate-estimation */
static void delivery_rate_is_measured_over_the_longer_interval(void **state)
{
    struct bench *b = *state;
    struct rate_sample rate;
    for (uint64_t i = 0; i < 10; i++)
        send_text(b, i * 100, 100, (int64_t)i * 10);
    acknowledge(b, 500, 140);
    sent_rate_sample(&b->sent, &b->delivery, duration_ms(20), &rate, at_ms(140));
    assert_int_equal(rate.delivered, 500);
    assert_int_equal(rate.interval.ns, duration_ms(140).ns);
    assert_int_equal(rate.rate, 500 * 1000 / 140);
    assert_false(rate.app_limited);
    sent_rate_sample(&b->sent, &b->delivery, duration_ms(500), &rate, at_ms(140));
    assert_int_equal(rate.delivered, 0);

    sent_mark_app_limited(&b->sent);
    send_text(b, 1000, 100, 150);
    b->delivery = (struct sent_delivery){0};
    acknowledge(b, 1100, 200);
    sent_rate_sample(&b->sent, &b->delivery, duration_ms(20), &rate, at_ms(200));
    assert_true(rate.app_limited);
    assert_int_equal(b->sent.app_limited_until, 0);
}

/* CVE-2019-11478, CVE-2019-5599, CVE-2019-8460: the work for a block does not grow with what was
 * sent before, nor do the records grow without bound. */
static void alternating_one_byte_blocks_stay_cheap(void **state)
{
    struct bench *b = *state;
    enum { SEGMENTS = 2000, BLOCKS = 100000 };
    for (uint64_t i = 0; i < SEGMENTS; i++)
        send_text(b, 0 + i * MSS, MSS, (int64_t)i / 100);
    uint64_t most = 0;
    for (uint64_t i = 0; i < BLOCKS; i++) {
        uint64_t before = b->sent.touched;
        assert_true(sent_reserve(&b->sent, 4));
        sent_sack(&b->sent, START + 2 * i + 1, START + 2 * i + 2, MSS, &b->delivery, at_ms(50));
        uint64_t work = b->sent.touched - before;
        most = work > most ? work : most;
    }
    sent_check(&b->sent);
    assert_in_range(most, 0, 4);
    assert_in_range(b->sent.all.count, SEGMENTS, 2 * SEGMENTS + 64);
    assert_in_range(b->pool.live, SEGMENTS, 2 * SEGMENTS + 200);
}

/* One super-segment cannot become more records than the packets it was, and a few. */
static void floods_inside_of_super_segments_are_bounded(void **state)
{
    struct bench *b = *state;
    for (uint64_t i = 0; i < 20; i++)
        send_text(b, i * 64000, 64000, 1);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_true(sent_reserve(&b->sent, 4));
        sent_sack(&b->sent, START + 12 * i + 3, START + 12 * i + 4, MSS, &b->delivery, at_ms(50));
    }
    sent_check(&b->sent);
    assert_in_range(b->sent.all.count, 64, 2 * 20 * 640 + 64);
}

/* --- against a model of one byte each ------------------------------------ */

enum { SPAN = 3000 };
enum byte_state { NOT_SENT, FLYING, LOST_BYTE, SACKED_BYTE, ACKED };

struct model {
    enum byte_state byte[SPAN];
    bool again[SPAN];
    bool forgotten; /* SACKs were: merged records know less of their bytes */
    uint64_t una, nxt;
};

static uint64_t run_in_progress; /* 0: none */

/* Called after a failure too: tells which seed failed. */
static int tear_down_model(void **state)
{
    if (run_in_progress)
        print_message("the run with seed %llu failed\n", (unsigned long long)run_in_progress);
    return tear_down(state);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t count_bytes(const struct model *m, enum byte_state what)
{
    uint64_t n = 0;
    for (size_t i = 0; i < SPAN; i++)
        n += m->byte[i] == what;
    return n;
}

static void compare(const struct bench *b, const struct model *m)
{
    sent_check(&b->sent);
    assert_int_equal(b->sent.pipe_bytes, count_bytes(m, FLYING));
    assert_int_equal(b->sent.lost_bytes, count_bytes(m, LOST_BYTE));
    assert_int_equal(b->sent.sacked_bytes, count_bytes(m, SACKED_BYTE));
    for (const struct sent_record *r = sent_first(&b->sent); r; r = sent_after(r)) {
        static const enum byte_state state_of[] = {FLYING, LOST_BYTE, SACKED_BYTE};
        for (uint64_t i = sent_from(r) - START; i < r->to - START; i++)
            assert_int_equal(m->byte[i], state_of[r->state]);
    }
}

static void model_send(struct bench *b, struct model *m, uint64_t *seed, int64_t now)
{
    uint64_t length = 1 + next_random(seed) % 400;
    if (m->nxt + length > SPAN)
        return;
    assert_true(sent_reserve(&b->sent, 8));
    sent_add(&b->sent, START + m->nxt, START + m->nxt + length, (uint32_t)((length + 99) / 100),
             at_ms(now));
    for (uint64_t i = 0; i < length; i++)
        m->byte[m->nxt + i] = FLYING;
    m->nxt += length;
}

static void model_sack(struct bench *b, struct model *m, uint64_t *seed, int64_t now)
{
    if (m->una == m->nxt)
        return;
    uint64_t left = m->una + next_random(seed) % (m->nxt - m->una);
    uint64_t right = left + 1 + next_random(seed) % (m->nxt - left);
    struct sent_delivery d = {0};
    uint64_t news = 0;
    assert_true(sent_reserve(&b->sent, 8));
    sent_sack(&b->sent, START + left, START + right, MSS, &d, at_ms(now));
    for (uint64_t i = left; i < right; i++) {
        news += m->byte[i] != SACKED_BYTE;
        m->byte[i] = SACKED_BYTE;
    }
    assert_int_equal(d.newly_sacked_bytes, news);
}

static void model_acknowledge(struct bench *b, struct model *m, uint64_t *seed, int64_t now)
{
    uint64_t una = m->una + next_random(seed) % (m->nxt - m->una + 1) / 2;
    struct sent_delivery d = {0};
    uint64_t news = 0, left_pipe = 0;
    bool again = false;
    for (uint64_t i = m->una; i < una; i++) {
        news += m->byte[i] != SACKED_BYTE;
        left_pipe += m->byte[i] == FLYING;
        again |= m->byte[i] != SACKED_BYTE && m->again[i];
        m->byte[i] = ACKED;
    }
    sent_acknowledge(&b->sent, START + una, MSS, &d, at_ms(now));
    assert_int_equal(d.acked_bytes, una - m->una);
    assert_int_equal(d.newly_acked_bytes, news);
    assert_int_equal(d.left_pipe_bytes, left_pipe);
    assert_true(d.retransmission_acked == again || (m->forgotten && !again));
    m->una = una;
}

static void model_lose(struct bench *b, struct model *m, uint64_t *seed)
{
    struct sent_record *r = sent_oldest(&b->sent);
    for (uint64_t skip = next_random(seed) % 4; r && skip; skip--)
        r = sent_later(&b->sent, r);
    if (!r)
        return;
    for (uint64_t i = sent_from(r) - START; i < r->to - START; i++)
        m->byte[i] = LOST_BYTE;
    sent_mark_lost(&b->sent, r);
}

static void model_retransmit(struct bench *b, struct model *m, uint64_t *seed, int64_t now)
{
    struct sent_record *r = sent_first_lost(&b->sent);
    if (!r)
        return;
    uint64_t length = r->to - sent_from(r);
    uint64_t wanted = 1 + next_random(seed) % 150;
    assert_true(sent_reserve(&b->sent, 8));
    if (wanted < length)
        r = sent_cut(&b->sent, r, sent_from(r) + wanted, MSS);
    for (uint64_t i = sent_from(r) - START; i < r->to - START; i++) {
        m->byte[i] = FLYING;
        m->again[i] = true;
    }
    sent_again(&b->sent, r, at_ms(now));
}

static void model_turn(struct model *m, enum byte_state from, enum byte_state to)
{
    for (size_t i = 0; i < SPAN; i++) {
        if (m->byte[i] == from)
            m->byte[i] = to;
    }
}

static void model_rare(struct bench *b, struct model *m, uint64_t *seed)
{
    switch (next_random(seed) % 12) {
    case 0:
        sent_forget_sacks(&b->sent);
        m->forgotten = true;
        model_turn(m, SACKED_BYTE, LOST_BYTE);
        break;
    case 1:
        for (struct sent_record *record; (record = sent_oldest(&b->sent));)
            sent_mark_lost(&b->sent, record);
        model_turn(m, FLYING, LOST_BYTE);
        break;
    case 2:
        sent_restore_lost(&b->sent);
        model_turn(m, LOST_BYTE, FLYING);
        break;
    }
}

static void model_step(struct bench *b, struct model *m, uint64_t *seed, int64_t now)
{
    switch (next_random(seed) % 8) {
    case 0:
    case 1:
        model_send(b, m, seed, now);
        break;
    case 2:
    case 3:
        model_sack(b, m, seed, now);
        break;
    case 4:
        model_acknowledge(b, m, seed, now);
        break;
    case 5:
        model_lose(b, m, seed);
        break;
    case 6:
        model_retransmit(b, m, seed, now);
        break;
    case 7:
        model_rare(b, m, seed);
        break;
    }
}

static void random_operations_agree_with_the_model(void **state)
{
    struct bench *b = *state;
    for (uint64_t run = 1; run <= 120; run++) {
        static struct model m;
        uint64_t seed = run * UINT64_C(0x9E3779B97F4A7C15);
        run_in_progress = run;
        memset(&m, 0, sizeof m);
        sent_clear(&b->sent);
        sent_init(&b->sent, &b->pool);
        for (int64_t step = 0; step < 150; step++) {
            model_step(b, &m, &seed, step);
            compare(b, &m);
        }
    }
    run_in_progress = 0;
}

int main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(sack_cuts_a_super_segment_exactly),
        BENCH_TEST(sacked_neighbours_become_one),
        BENCH_TEST(sacked_text_is_kept_until_acknowledged),
        BENCH_TEST(acknowledgment_cuts_the_record_it_ends_in),
        BENCH_TEST(retransmissions_give_no_sample),
        BENCH_TEST(what_waited_behind_a_retransmission_is_no_sample),
        BENCH_TEST(a_sample_of_what_lies_beyond_a_hole_says_so),
        BENCH_TEST(newest_of_equal_times_is_the_highest),
        BENCH_TEST(without_memory_one_transmission_can_be_in_flight),
        BENCH_TEST(without_spares_the_edge_is_drawn_inwards),
        BENCH_TEST(blocks_outside_of_what_was_sent_change_nothing),
        BENCH_TEST(full_budget_is_told),
        BENCH_TEST(restored_losses_are_in_the_order_of_time),
        BENCH_TEST(delivery_rate_is_measured_over_the_longer_interval),
        BENCH_TEST(alternating_one_byte_blocks_stay_cheap),
        BENCH_TEST(floods_inside_of_super_segments_are_bounded),
        cmocka_unit_test_setup_teardown(random_operations_agree_with_the_model, set_up,
                                        tear_down_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
