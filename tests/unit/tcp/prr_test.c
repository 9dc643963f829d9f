/* Unit tests of prr.c: vectors for RFC 9937, 6. */
#include "tcp/prr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS 1000u

/* R9937-01 */
static void begins_with_nothing_delivered(void **state)
{
    (void)state;
    struct prr prr = {.delivered = 5, .out = 6, .recover_fs = 7};
    prr_begin(&prr, 20000, 0);
    assert_int_equal(prr.delivered, 0);
    assert_int_equal(prr.out, 0);
    assert_int_equal(prr.recover_fs, 20000);
}

/* R9937-03: twenty segments in flight, one lost, ssthresh half: one leaves for every two delivered.
 */
static void above_ssthresh_it_is_proportional(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 20 * MSS, 0);
    uint64_t sent[8];
    for (int i = 0; i < 8; i++) {
        struct prr_ack ack = {
            .delivered = MSS, .inflight = 18 * MSS, .ssthresh = 10 * MSS, .smss = MSS};
        sent[i] = prr_on_ack(&prr, &ack);
        if (sent[i] >= MSS)
            prr_on_sent(&prr, MSS);
    }
    static const uint64_t expected[8] = {1000, 0, 500, 1000, 500, 1000, 500, 1000};
    assert_memory_equal(sent, expected, sizeof expected);
}

/* R9937-03: CEIL, and a product of more than 64 bits. */
static void share_is_rounded_up_and_never_overflows(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 3, 0);
    prr_on_sent(&prr, 1);
    struct prr_ack ack = {.delivered = 1, .inflight = 11, .ssthresh = 10, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), 3);

    prr_begin(&prr, UINT64_C(1) << 40, 0);
    struct prr_ack large = {.delivered = UINT64_C(1) << 40,
                            .inflight = UINT64_MAX,
                            .ssthresh = UINT64_C(1) << 41,
                            .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &large), UINT64_C(1) << 41);
}

/* R9937-04 */
static void below_ssthresh_what_was_delivered_is_sent(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 20 * MSS, 0);
    struct prr_ack ack = {
        .delivered = 2 * MSS, .inflight = 5 * MSS, .ssthresh = 10 * MSS, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), 2 * MSS);
    prr_on_sent(&prr, 2 * MSS);
    ack.safe = true;
    assert_int_equal(prr_on_ack(&prr, &ack), 3 * MSS);
    prr_on_sent(&prr, 3 * MSS);
    ack.inflight = 9 * MSS;
    assert_int_equal(prr_on_ack(&prr, &ack), MSS);
}

/* R9937-04: what was not used before may be caught up. */
static void unused_share_is_caught_up(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 20 * MSS, 0);
    struct prr_ack ack = {
        .delivered = 4 * MSS, .inflight = 2 * MSS, .ssthresh = 10 * MSS, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), 4 * MSS);
    ack.delivered = MSS;
    assert_int_equal(prr_on_ack(&prr, &ack), 5 * MSS);
}

/* R9937-05 */
static void first_retransmission_is_forced(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 20 * MSS, 0);
    struct prr_ack ack = {.inflight = 19 * MSS, .ssthresh = 10 * MSS, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), MSS);
    ack.delivered = MSS / 2;
    assert_int_equal(prr_on_ack(&prr, &ack), MSS);
    prr_on_sent(&prr, MSS);
    assert_int_equal(prr_on_ack(&prr, &ack), 0);
}

/* R9937-03: whether each ACK is answered at once or many together, as much leaves. */
static void many_acks_in_one_turn_let_as_much_go(void **state)
{
    (void)state;
    struct prr each, together;
    uint64_t inflight = 60 * MSS, sum = 0, last = 0;
    prr_begin(&each, 60 * MSS, 0);
    prr_begin(&together, 60 * MSS, 0);
    for (int i = 1; i <= 30; i++) {
        struct prr_ack ack = {.delivered = MSS, .ssthresh = 42 * MSS, .smss = MSS};
        ack.inflight = inflight -= MSS;
        uint64_t count = prr_on_ack(&each, &ack) / MSS * MSS;
        prr_on_sent(&each, count);
        inflight += count;
        sum += count;
        ack.inflight = (uint64_t)(60 - i) * MSS;
        last = prr_on_ack(&together, &ack);
    }
    assert_int_equal(sum, 21 * MSS);
    assert_int_equal(last, sum);
}

/* Text that ACKs of the same turn let go before recovery began has a right to leave. */
static void what_was_due_before_is_in_flight(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 60 * MSS, 30 * MSS);
    struct prr_ack ack = {
        .delivered = 2 * MSS, .inflight = 28 * MSS, .ssthresh = 42 * MSS, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), 30 * MSS);
    prr_on_sent(&prr, 30 * MSS);
    assert_int_equal(prr.due, 0);
}

/* Sent more than its share (a probe): the difference does not wrap. */
static void share_that_was_overdrawn_is_nothing(void **state)
{
    (void)state;
    struct prr prr;
    prr_begin(&prr, 20 * MSS, 0);
    prr_on_sent(&prr, 10 * MSS);
    struct prr_ack ack = {
        .delivered = MSS, .inflight = 19 * MSS, .ssthresh = 10 * MSS, .smss = MSS};
    assert_int_equal(prr_on_ack(&prr, &ack), 0);
    prr_begin(&prr, 0, 0);
    assert_int_equal(prr.recover_fs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_nothing_delivered),
        cmocka_unit_test(above_ssthresh_it_is_proportional),
        cmocka_unit_test(share_is_rounded_up_and_never_overflows),
        cmocka_unit_test(below_ssthresh_what_was_delivered_is_sent),
        cmocka_unit_test(unused_share_is_caught_up),
        cmocka_unit_test(first_retransmission_is_forced),
        cmocka_unit_test(many_acks_in_one_turn_let_as_much_go),
        cmocka_unit_test(what_was_due_before_is_in_flight),
        cmocka_unit_test(share_that_was_overdrawn_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
