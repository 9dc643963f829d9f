/* The fate log: its lines, files, reading on by direction. */
#include "dev/impair_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void lines_read_back(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "out 17 delayed 20000000",
        "in 1 lost 0",
        "out 3 at-once 0",
        "in 18446744073709551615 overlimit 0",
        "out 4 delayed -500 clone marked bit 133",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct impair_log_line line;
        char text[128];
        assert_int_equal(impair_log_read(lines[i], &line), 0);
        impair_log_print(&line, text, sizeof text);
        assert_string_equal(text, lines[i]);
    }
}

static void a_line_says_all_of_a_fate(void **state)
{
    (void)state;
    struct impair_log_line line;
    assert_int_equal(impair_log_read("in 4 delayed -500 clone marked bit 133\n", &line), 0);
    assert_int_equal(line.direction, IMPAIR_IN);
    assert_int_equal(line.number, 4);
    assert_int_equal(line.fate.outcome, NETEM_DELAYED);
    assert_int_equal(line.fate.due.ns, -500);
    assert_true(line.fate.clone && line.fate.marked && line.fate.corrupted);
    assert_int_equal(line.fate.bit, 133);
}

static void wrong_lines_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "out",
                                        "up 1 lost 0",
                                        "out x lost 0",
                                        "out 1 gone 0",
                                        "out 1 lost",
                                        "out 1 lost x",
                                        "out 1 lost 0 twice",
                                        "out 1 delayed 0 bit",
                                        "out 1 lost 9999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct impair_log_line line;
        assert_int_equal(impair_log_read(wrong[i], &line), -EINVAL);
    }
}

static int open_text(const char *content, struct impair_recording *recording, size_t *bad_line)
{
    char path[] = "/tmp/impair-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
    int rc = impair_recording_open(recording, path, bad_line);
    unlink(path);
    return rc;
}

static void each_direction_reads_on_by_itself(void **state)
{
    (void)state;
    struct impair_recording recording;
    size_t bad_line;
    assert_int_equal(open_text("# out: limit 1000\n"
                               "out 1 delayed 5 clone\nin 1 lost 0\nout 1 delayed 6\n\n"
                               "out 3 lost 0\nin 2 delayed 9\n",
                               &recording, &bad_line),
                     0);
    assert_int_equal(recording.count, 5);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 1)->fate.due.ns, 5);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 1)->fate.due.ns, 6);
    assert_null(impair_recording_next(&recording, IMPAIR_OUT, 1));
    assert_null(impair_recording_next(&recording, IMPAIR_OUT, 2));
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 3)->fate.outcome, NETEM_LOST);
    assert_null(impair_recording_next(&recording, IMPAIR_OUT, 4));
    assert_int_equal(impair_recording_next(&recording, IMPAIR_IN, 2)->fate.due.ns, 9);
    impair_recording_close(&recording);
}

/* Behind a bottleneck a packet that did not fit is told of before those that wait. */
static void lines_may_come_in_any_order(void **state)
{
    (void)state;
    struct impair_recording recording;
    size_t bad_line;
    assert_int_equal(open_text("out 3 lost 0\nout 1 delayed 7\nin 1 lost 0\nout 2 delayed 9\n"
                               "out 2 delayed 8 clone\n",
                               &recording, &bad_line),
                     0);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 1)->fate.due.ns, 7);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 2)->fate.due.ns, 8);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 2)->fate.due.ns, 9);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_OUT, 3)->fate.outcome, NETEM_LOST);
    assert_int_equal(impair_recording_next(&recording, IMPAIR_IN, 1)->fate.outcome, NETEM_LOST);
    impair_recording_close(&recording);
}

static void long_recordings_fit(void **state)
{
    (void)state;
    enum { LINES = 1000, WIDTH = 16 };
    struct impair_recording recording;
    size_t bad_line;
    char *content = malloc(LINES * WIDTH + 1);
    assert_non_null(content);
    for (unsigned i = 0; i < LINES; i++)
        snprintf(content + i * WIDTH, WIDTH + 1, "out %04u lost 0\n", (i + 1) % 10000u);
    assert_int_equal(open_text(content, &recording, &bad_line), 0);
    assert_int_equal(recording.count, LINES);
    assert_int_equal(recording.lines[LINES - 1].number, LINES);
    impair_recording_close(&recording);
    free(content);
}

static void the_wrong_line_is_named(void **state)
{
    (void)state;
    struct impair_recording recording;
    size_t bad_line;
    assert_int_equal(open_text("# one\nout 1 lost 0\nout one lost 0\n", &recording, &bad_line),
                     -EINVAL);
    assert_int_equal(bad_line, 3);
    assert_null(recording.lines);
}

static void a_missing_file_says_so(void **state)
{
    (void)state;
    struct impair_recording recording;
    size_t bad_line;
    assert_int_equal(impair_recording_open(&recording, "/nowhere/at/all", &bad_line), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_read_back),
        cmocka_unit_test(a_line_says_all_of_a_fate),
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(each_direction_reads_on_by_itself),
        cmocka_unit_test(lines_may_come_in_any_order),
        cmocka_unit_test(long_recordings_fit),
        cmocka_unit_test(the_wrong_line_is_named),
        cmocka_unit_test(a_missing_file_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
