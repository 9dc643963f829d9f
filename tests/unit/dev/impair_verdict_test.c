/* The sentences of verdicts: outcome, reason, mark, damage, second copies. */
#include "dev/impair_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void says(struct netem_fate fate, enum impair_cause cause, const char *expected)
{
    char text[IMPAIR_VERDICT_SIZE];
    struct impair_verdict verdict = {.line = {.direction = IMPAIR_OUT, .number = 17, .fate = fate},
                                     .cause = cause};
    assert_string_equal(impair_verdict_text(&verdict, text), expected);
}

static void every_outcome_has_a_sentence(void **state)
{
    (void)state;
    says((struct netem_fate){.due = {0}}, IMPAIR_BY_NETEM, "forward 17: passed");
    says((struct netem_fate){.due = {20500000}}, IMPAIR_BY_NETEM,
         "forward 17: delayed by 20.500 ms");
    says((struct netem_fate){.due = {-1000000}}, IMPAIR_BY_NETEM,
         "forward 17: overtook by 1.000 ms");
    says((struct netem_fate){.outcome = NETEM_AT_ONCE}, IMPAIR_BY_NETEM,
         "forward 17: reordered: sent at once, before those that wait");
    says((struct netem_fate){.clone = true, .marked = true, .corrupted = true, .bit = 133},
         IMPAIR_BY_NETEM, "forward 17, second copy: passed, marked CE, bit 133 turned over");
}

static void every_loss_has_a_reason(void **state)
{
    (void)state;
    struct netem_fate lost = {.outcome = NETEM_LOST}, over = {.outcome = NETEM_OVERLIMIT};
    says(lost, IMPAIR_BY_NETEM, "forward 17: lost: netem's loss");
    says(over, IMPAIR_BY_NETEM, "forward 17: lost: netem holds `limit` packets already");
    says(lost, IMPAIR_BY_SCRIPT, "forward 17: lost: its number is to be dropped");
    says(lost, IMPAIR_BY_DOWN, "forward 17: lost: the link is down");
    says(over, IMPAIR_BY_FULL_QUEUE, "forward 17: lost: the bottleneck's queue is full");
    says(over, IMPAIR_BY_CODEL, "forward 17: lost: CoDel keeps the queue short");
    says(lost, IMPAIR_BY_RECORDING, "forward 17: lost: as recorded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_a_sentence),
        cmocka_unit_test(every_loss_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
