/* The bottleneck queue: service at its rate, tail loss, CoDel (RFC 8289), marks (RFC 3168). */
#include "dev/impair_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/checksum.h"

static const struct impair_queue_config tail = {.kind = IMPAIR_QUEUE_TAIL, .bytes = 5000};

static bool offer(struct impair_queue *queue, uint64_t number, int64_t now, uint8_t ecn)
{
    uint8_t packet[1000] = {0x45, ecn, 1000 >> 8, 1000 & 255};
    put_be16(packet + 10, checksum_of(packet, 20));
    struct netem_arrival arrival = {
        .packet = {packet, sizeof packet}, .number = number, .verified = true};
    return impair_queue_offer(queue, &arrival, (struct instant){now});
}

static void packets_are_served_one_after_the_other(void **state)
{
    (void)state;
    struct impair_queue queue;
    struct netem_arrival out;
    struct instant came, at;
    assert_int_equal(impair_queue_open(&queue, &tail, 1000000, 1500), 0); /* 1 ms each */
    assert_true(instant_is_never(impair_queue_deadline(&queue)));
    assert_true(offer(&queue, 1, 10000, 0));
    assert_true(offer(&queue, 2, 20000, 0));
    assert_int_equal(impair_queue_next(&queue, (struct instant){1009999}, &out, &came, &at),
                     IMPAIR_QUEUE_IDLE);
    assert_int_equal(impair_queue_deadline(&queue).ns, 1010000);
    assert_int_equal(impair_queue_next(&queue, (struct instant){1010000}, &out, &came, &at),
                     IMPAIR_QUEUE_THROUGH);
    assert_int_equal(out.number, 1);
    assert_int_equal(came.ns, 10000);
    assert_int_equal(at.ns, 1010000);
    /* Asked late, it says when it had been. */
    assert_int_equal(impair_queue_next(&queue, (struct instant){9000000}, &out, &came, &at),
                     IMPAIR_QUEUE_THROUGH);
    assert_int_equal(out.number, 2);
    assert_int_equal(at.ns, 2010000);
    assert_true(out.verified);
    assert_int_equal(impair_queue_next(&queue, (struct instant){9000000}, &out, &came, &at),
                     IMPAIR_QUEUE_IDLE);
    impair_queue_close(&queue);
}

static void what_does_not_fit_is_lost(void **state)
{
    (void)state;
    struct impair_queue queue;
    struct netem_arrival out;
    struct instant came, at;
    assert_int_equal(impair_queue_open(&queue, &tail, 1000000, 1500), 0);
    for (uint64_t i = 1; i <= 5; i++)
        assert_true(offer(&queue, i, 0, 0));
    assert_false(offer(&queue, 6, 0, 0));
    /* What is on the wire is no longer in the queue. */
    assert_int_equal(impair_queue_next(&queue, INSTANT_ZERO, &out, &came, &at), IMPAIR_QUEUE_IDLE);
    assert_true(offer(&queue, 7, 0, 0));
    assert_false(offer(&queue, 8, 0, 0));
    impair_queue_close(&queue);
}

static void a_tail_queue_with_ecn_marks_from_half_on(void **state)
{
    (void)state;
    struct impair_queue_config config = {.kind = IMPAIR_QUEUE_TAIL, .bytes = 4000, .ecn = true};
    struct impair_queue queue;
    struct netem_arrival out;
    struct instant came, at;
    assert_int_equal(impair_queue_open(&queue, &config, 1000000, 1500), 0);
    assert_true(offer(&queue, 1, 0, 2));
    assert_true(offer(&queue, 2, 0, 2)); /* 2000 of 4000 */
    assert_true(offer(&queue, 3, 0, 0));
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(impair_queue_next(&queue, (struct instant){9000000}, &out, &came, &at),
                         IMPAIR_QUEUE_THROUGH);
        assert_int_equal(out.packet.data[1], i == 1 ? 2 : i == 2 ? 3 : 0);
        assert_int_equal(checksum_of(out.packet.data, 20), 0);
        assert_int_equal(out.verified, i != 2);
    }
    assert_int_equal(queue.marked, 1);
    impair_queue_close(&queue);
}

struct tally {
    unsigned through, dropped, marked;
    int64_t first_drop, worst_wait; /* worst: over the second half */
    int64_t drops_at[8];
};

/* A sender that offers one packet every `gap` for `span` to a link that takes 1 ms for each. */
static struct tally flood(const struct impair_queue_config *config, int64_t gap, int64_t span,
                          uint8_t ecn)
{
    struct impair_queue queue;
    struct netem_arrival out;
    struct instant came, at;
    struct tally tally = {0};
    assert_int_equal(impair_queue_open(&queue, config, 1000000, 1500), 0);
    for (int64_t now = 0; now < span; now += gap) {
        enum impair_queue_verdict verdict;
        offer(&queue, 1, now, ecn);
        while ((verdict = impair_queue_next(&queue, (struct instant){now}, &out, &came, &at)) !=
               IMPAIR_QUEUE_IDLE) {
            if (verdict == IMPAIR_QUEUE_DROPPED) {
                if (tally.dropped < 8)
                    tally.drops_at[tally.dropped] = at.ns;
                tally.dropped++;
                continue;
            }
            tally.through++;
            tally.marked += (out.packet.data[1] & 3) == 3;
            if (now > span / 2 && at.ns - came.ns > tally.worst_wait)
                tally.worst_wait = at.ns - came.ns;
        }
    }
    impair_queue_close(&queue);
    return tally;
}

static const struct impair_queue_config codel = {.kind = IMPAIR_QUEUE_CODEL, .bytes = 4000000};

static void codel_leaves_a_queue_alone_that_drains(void **state)
{
    (void)state;
    struct tally t = flood(&codel, 1000000, 3000000000, 0);
    assert_int_equal(t.dropped, 0);
    assert_in_range(t.through, 2990, 3000);
}

/* RFC 8289, 5.4: the distances shrink with the square root of the number of drops. */
static void codel_drops_ever_faster(void **state)
{
    (void)state;
    struct tally t = flood(&codel, 950000, 2000000000, 0);
    static const int64_t gaps[] = {100000000, 70710678, 57735026, 50000000};
    assert_true(t.dropped >= 5);
    assert_in_range(t.drops_at[0], 100000000, 250000000);
    for (int i = 0; i < 4; i++)
        assert_in_range(t.drops_at[i + 1] - t.drops_at[i], gaps[i] - 1100000, gaps[i] + 1100000);
}

static void codel_ends_with_a_shorter_wait_than_tail_loss(void **state)
{
    (void)state;
    const struct impair_queue_config deep = {.kind = IMPAIR_QUEUE_TAIL, .bytes = 4000000};
    struct tally with = flood(&codel, 950000, 20000000000, 0);
    struct tally without = flood(&deep, 950000, 20000000000, 0);
    assert_true(with.worst_wait * 4 < without.worst_wait);
    assert_int_equal(without.dropped, 0);
}

static void codel_with_ecn_marks_instead(void **state)
{
    (void)state;
    struct impair_queue_config marking = codel;
    marking.ecn = true;
    struct tally can = flood(&marking, 950000, 2000000000, 1);
    struct tally cannot = flood(&marking, 950000, 2000000000, 0);
    assert_int_equal(can.dropped, 0);
    assert_true(can.marked >= 5);
    assert_true(cannot.dropped >= 5);
    assert_int_equal(cannot.marked, 0);
}

static void a_trace_says_when_packets_leave(void **state)
{
    (void)state;
    static uint32_t ms[] = {2, 2, 10};
    const struct impair_trace trace = {.count = 3, .ms = ms};
    struct impair_queue_config config = {IMPAIR_QUEUE_TAIL, 100000, false, &trace};
    struct impair_queue queue;
    struct netem_arrival out;
    struct instant came, at;
    assert_int_equal(impair_queue_open(&queue, &config, 0, 1500), 0);
    /* The trace begins with the first call. */
    assert_int_equal(impair_queue_next(&queue, (struct instant){1000}, &out, &came, &at),
                     IMPAIR_QUEUE_IDLE);
    for (uint64_t i = 1; i <= 5; i++)
        assert_true(offer(&queue, i, 500000, 0));
    assert_int_equal(impair_queue_deadline(&queue).ns, 2001000);
    /* 1000 bytes each: three share the two chances at 2 ms, the fourth takes the one at 10 ms and
     * the fifth the rest of that and the next, in the second round. */
    static const int64_t expected[] = {2001000, 2001000, 2001000, 10001000, 12001000};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(impair_queue_next(&queue, (struct instant){99000000}, &out, &came, &at),
                         IMPAIR_QUEUE_THROUGH);
        assert_int_equal(out.number, i + 1);
        assert_int_equal(at.ns, expected[i]);
    }
    impair_queue_close(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_served_one_after_the_other),
        cmocka_unit_test(what_does_not_fit_is_lost),
        cmocka_unit_test(a_tail_queue_with_ecn_marks_from_half_on),
        cmocka_unit_test(codel_leaves_a_queue_alone_that_drains),
        cmocka_unit_test(codel_drops_ever_faster),
        cmocka_unit_test(codel_ends_with_a_shorter_wait_than_tail_loss),
        cmocka_unit_test(codel_with_ecn_marks_instead),
        cmocka_unit_test(a_trace_says_when_packets_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
