/* The engine against the netem of Linux 6.12: the fates that it decided are recorded here, so that
 * they are compared also where that kernel cannot be run (make netem-exact compares thousands). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/fate_record.h"
#include "unit/dev/netem_fates.h"

static void all_fates_are_those_of_the_kernel(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof netem_fates / sizeof *netem_fates; i++) {
        const char *text = netem_fates[i];
        char complaint[FATE_COMPLAINT_SIZE] = "";
        struct fate_record record;
        assert_true(fate_record_read(&text, &record));
        assert_int_equal(record.packets, 40);
        if (!fate_record_agrees(&record, complaint))
            fail_msg("%s: %s", record.spec, complaint);
        fate_record_free(&record);
    }
}

/* The comparison itself: another seed, a packet less, another order, later, marked. */
static void a_difference_is_found(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "case 2 1 5 delay 1ms seed 7\n+1000000256 +1000000512 -1@1001000256 end",
        "case 2 1 5 delay 1ms seed 7\n+1000000256 +1000000512 -2@1001000512 -1@1001000512 end",
        "case 1 1 5 delay 1ms seed 7\n+1000000256 -1@1001020256 end",
        "case 1 1 5 delay 1ms seed 7\n+1000000256 -1@1000900256 end",
        "case 1 1 5 delay 1ms seed 7\n+1000000256 -1@1001000512e end",
        "case 1 1 5 delay 1ms seed 7\n+1000000256 -1@1001000512c end",
        "case 1 1 5 delay 1ms loss 100% seed 7\n+1000000256 -1@1001000512 end",
        "case 1 1 5 delay 1ms seed 7\n+1000000256 end",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = texts[i];
        char complaint[FATE_COMPLAINT_SIZE] = "";
        struct fate_record record;
        assert_true(fate_record_read(&text, &record));
        assert_false(fate_record_agrees(&record, complaint));
        assert_true(strlen(complaint) > 0);
        fate_record_free(&record);
    }
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    const char *text = "case 1 1 5 delay 1ms seed 7\n+1000 *2 end", *start = text;
    struct fate_record record;
    assert_false(fate_record_read(&text, &record));
    assert_ptr_equal(text, start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fates_are_those_of_the_kernel),
        cmocka_unit_test(a_difference_is_found),
        cmocka_unit_test(what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
