/* Unit tests of undo.c: Eifel detection and D-SACK. */
#include "tcp/undo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define UNA (SEQ_FIRST_EPOCH + UINT32_MAX - 10)

static struct undo begun(uint32_t ts)
{
    struct undo undo;
    undo_begin(&undo, UNA);
    undo_on_retransmission(&undo, UNA, 2, ts);
    return undo;
}

/* R3522-01: also where timestamps wrap. */
static void earlier_echo_is_the_originals(void **state)
{
    (void)state;
    struct undo undo = begun(3);
    assert_true(undo_on_advance(&undo, UNA + 100, true, UINT32_MAX - 5));
    undo = begun(3);
    assert_false(undo_on_advance(&undo, UNA + 100, true, 3));
    undo = begun(3);
    assert_false(undo_on_advance(&undo, UNA + 100, false, 1));
}

/* R3522-01: the first acceptable ACK decides. */
static void later_acks_decide_nothing(void **state)
{
    (void)state;
    struct undo undo = begun(30);
    assert_false(undo_on_advance(&undo, UNA + 100, true, 30));
    assert_false(undo_on_advance(&undo, UNA + 200, true, 20));
}

/* R3522-02 */
static void first_timestamp_is_kept(void **state)
{
    (void)state;
    struct undo undo = begun(30);
    undo_on_retransmission(&undo, UNA, 1, 60);
    assert_int_equal(undo.retransmit_ts, 30);
    assert_false(undo_on_advance(&undo, UNA + 100, true, 50));
}

/* R3522-02: the hole at SND.UNA was sent again in an episode before; this one's first is another.
 */
static void what_was_sent_again_elsewhere_tells_nothing(void **state)
{
    (void)state;
    struct undo undo;
    undo_begin(&undo, UNA);
    undo_on_retransmission(&undo, UNA + 1000, 1, 30);
    assert_false(undo_on_advance(&undo, UNA + 100, true, 20));
}

/* R2883-03 */
static void all_must_be_reported_as_duplicates(void **state)
{
    (void)state;
    struct undo undo = begun(30);
    assert_false(undo_on_dsack(&undo, UNA, 2));
    assert_false(undo_on_dsack(&undo, UNA + 100, 1));
    assert_true(undo_on_dsack(&undo, UNA + 200, 1));
    assert_false(undo_on_dsack(&undo, UNA + 200, 1));
    undo = begun(30);
    assert_true(undo_on_dsack(&undo, UNA + 200, 5));
    undo_begin(&undo, UNA);
    assert_false(undo_on_dsack(&undo, UNA + 200, 5));
}

static void late_reports_count_for_one_more_window(void **state)
{
    (void)state;
    struct undo undo = begun(30);
    undo_on_recovery_end(&undo, UNA + 500);
    undo_on_retransmission(&undo, UNA, 7, 90);
    assert_int_equal(undo.unreported, 2);
    assert_false(undo_on_advance(&undo, UNA + 500, true, 1));
    assert_true(undo_on_dsack(&undo, UNA + 100, 2));

    undo = begun(30);
    undo_on_recovery_end(&undo, UNA + 500);
    assert_false(undo_on_advance(&undo, UNA + 501, false, 0));
    assert_false(undo_on_dsack(&undo, UNA + 100, 2));
    undo_on_retransmission(&undo, UNA, 1, 1);
    assert_false(undo.watching);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_echo_is_the_originals),
        cmocka_unit_test(later_acks_decide_nothing),
        cmocka_unit_test(first_timestamp_is_kept),
        cmocka_unit_test(what_was_sent_again_elsewhere_tells_nothing),
        cmocka_unit_test(all_must_be_reported_as_duplicates),
        cmocka_unit_test(late_reports_count_for_one_more_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
