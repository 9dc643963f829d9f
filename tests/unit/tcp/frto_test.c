/* Unit tests of frto.c: RFC 5682, 2.1 and 3.1, step by step. */
#include "tcp/frto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define UNA (SEQ_FIRST_EPOCH + UINT32_MAX - 10)
#define END (UNA + 1000)

#define SAYS(frto, ...) frto_on_ack(frto, &(struct frto_ack){__VA_ARGS__})

static struct frto begun(void)
{
    struct frto frto;
    frto_begin(&frto, END);
    return frto;
}

static struct frto at_step_3(void)
{
    struct frto frto = begun();
    assert_int_equal(SAYS(&frto, .una = UNA + 100, .advanced = true, .unsent = 5000),
                     FRTO_SEND_NEW_TEXT);
    return frto;
}

/* R5682-01 */
static void second_advance_over_unsent_again_text_is_spurious(void **state)
{
    (void)state;
    struct frto frto = at_step_3();
    assert_int_equal(
        SAYS(&frto, .una = UNA + 200, .advanced = true, .lowest_once = UNA + 200, .unsent = 1),
        FRTO_SPURIOUS);
    assert_int_equal(frto.step, FRTO_OFF);
}

/* R5682-01 */
static void duplicate_in_either_step_is_genuine(void **state)
{
    (void)state;
    struct frto frto = begun();
    assert_int_equal(SAYS(&frto, .una = UNA, .duplicate = true, .unsent = 1), FRTO_GENUINE);
    frto = at_step_3();
    assert_int_equal(SAYS(&frto, .una = UNA + 100, .duplicate = true), FRTO_GENUINE);
}

/* R5682-01: step 2a, and nothing new to send. */
static void it_cannot_be_told_without_old_or_new_text(void **state)
{
    (void)state;
    struct frto frto = begun();
    assert_int_equal(SAYS(&frto, .una = END, .advanced = true, .unsent = 1), FRTO_GENUINE);
    frto = begun();
    assert_int_equal(SAYS(&frto, .una = UNA + 100, .advanced = true, .unsent = 0), FRTO_GENUINE);
}

/* R5682-02 */
static void sack_of_the_original_decides_without_an_advance(void **state)
{
    (void)state;
    struct frto frto = begun();
    assert_int_equal(SAYS(&frto, .una = UNA, .duplicate = true, .sack = true, .new_sacks = true,
                          .lowest_once = UNA + 300, .unsent = 1),
                     FRTO_NOTHING_YET);
    frto = at_step_3();
    assert_int_equal(SAYS(&frto, .una = UNA + 100, .duplicate = true, .sack = true,
                          .new_sacks = true, .lowest_once = UNA + 300),
                     FRTO_SPURIOUS);
    frto = at_step_3();
    assert_int_equal(SAYS(&frto, .una = UNA + 100, .duplicate = true, .sack = true,
                          .new_sacks = true, .lowest_once = END + 100),
                     FRTO_GENUINE);
}

static void acks_without_news_change_nothing(void **state)
{
    (void)state;
    struct frto frto = at_step_3();
    assert_int_equal(SAYS(&frto, .una = UNA + 100), FRTO_NOTHING_YET);
    assert_int_equal(frto.step, FRTO_SECOND_ACK);
    frto_stop(&frto);
    assert_int_equal(SAYS(&frto, .una = UNA + 200, .advanced = true), FRTO_NOTHING_YET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_advance_over_unsent_again_text_is_spurious),
        cmocka_unit_test(duplicate_in_either_step_is_genuine),
        cmocka_unit_test(it_cannot_be_told_without_old_or_new_text),
        cmocka_unit_test(sack_of_the_original_decides_without_an_advance),
        cmocka_unit_test(acks_without_news_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
