/* Reading the host's small text files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev/host_files.h"

static void a_file_is_read_and_cut_behind_a_line(void **state)
{
    char path[] = "/tmp/tunny-hosts-XXXXXX", text[64];
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, "first\nsecond\n", 13), 13);
    assert_int_equal(host_file_read(path, text, sizeof text), 13);
    assert_string_equal(text, "first\nsecond\n");
    assert_int_equal(host_file_read(path, text, 10), 6);
    assert_string_equal(text, "first\n");
    close(file);
    unlink(path);
}

static void a_file_that_is_not_there_is_empty(void **state)
{
    char text[8] = "before";
    (void)state;
    assert_int_equal(host_file_read("/nowhere/at/all", text, sizeof text), -ENOENT);
    assert_string_equal(text, "");
    assert_int_equal(host_file_read("/tmp", text, sizeof text), -EIO);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_and_cut_behind_a_line),
        cmocka_unit_test(a_file_that_is_not_there_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
