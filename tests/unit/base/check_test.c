/* CHECK: silent when it holds, one line and an abort when it does not. */
#define _GNU_SOURCE
#include "base/check.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dies.h"

static void holds(void *number)
{
    CHECK(*(int *)number == 1);
}

static void true_conditions_pass(void **state)
{
    (void)state;
    int one = 1;
    assert_false(dies_of_a_check(holds, &one));
}

static void false_conditions_abort(void **state)
{
    (void)state;
    int two = 2;
    assert_true(dies_of_a_check(holds, &two));
}

static void unreachable(void *unused)
{
    (void)unused;
    UNREACHABLE();
}

static void the_unreachable_aborts(void **state)
{
    (void)state;
    assert_true(dies_of_a_check(unreachable, NULL));
}

static void prints_where_and_what(void **state)
{
    (void)state;
    int ends[2];
    char line[256] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        check_failed("1 == 2", "some.c", 7, "some_function");
    }
    close(ends[1]);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_equal(line, "some.c:7: some_function: check failed: 1 == 2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_conditions_pass),
        cmocka_unit_test(false_conditions_abort),
        cmocka_unit_test(the_unreachable_aborts),
        cmocka_unit_test(prints_where_and_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
