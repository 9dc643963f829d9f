/* Traces of a link's capacity: reading them, and the times at which packets leave. */
#include "dev/impair_trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MS = 1000000 };

static struct impair_trace *trace;
static struct impair_trace_cursor cursor;
static size_t bad_line;

static int reads(const char *text)
{
    char path[] = "/tmp/tunny-trace.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    impair_trace_free(trace);
    trace = NULL;
    int rc = impair_trace_read(path, &trace, &bad_line);
    unlink(path);
    return rc;
}

static void starts(const char *text)
{
    assert_int_equal(reads(text), 0);
    impair_trace_start(&cursor, trace, (struct instant){7});
}

/* When a packet of this length that is there since `ms` has left, in milliseconds. */
static int64_t sent(int64_t ms, uint32_t length)
{
    struct instant from = {7 + ms * MS};
    struct instant first = impair_trace_next(&cursor, from);
    struct instant last = impair_trace_send(&cursor, from, length);
    assert_true(first.ns <= last.ns && first.ns >= from.ns);
    assert_int_equal((last.ns - 7) % MS, 0);
    return (last.ns - 7) / MS;
}

static void files_are_read(void **state)
{
    (void)state;
    assert_int_equal(reads("# measured\n0\n0\n\n5\r\n12\n"), 0);
    assert_int_equal(trace->count, 4);
    assert_int_equal(trace->ms[3], 12);
}

static void what_is_no_trace_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
    } wrong[] = {{"1\nx\n", 2}, {"1\n-2\n", 2}, {"5\n4\n", 2}, {"1\n2\n99999999999\n", 3},
                 {"1 2\n", 1},  {"", 0},        {"0\n0\n", 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(reads(wrong[i].text), -EINVAL);
        assert_int_equal(bad_line, wrong[i].line);
    }
    assert_int_equal(impair_trace_read("/nonexistent/x", &trace, &bad_line), -ENOENT);
}

static void a_packet_takes_the_next_chance(void **state)
{
    (void)state;
    starts("2\n3\n9\n");
    assert_int_equal(sent(0, 1500), 2);
    assert_int_equal(sent(0, 1500), 3);
    /* The one at 9 ms is the last of the file; then it begins again. */
    assert_int_equal(sent(4, 1500), 9);
    assert_int_equal(sent(4, 1500), 11);
}

static void small_packets_share_a_chance_and_large_ones_take_several(void **state)
{
    (void)state;
    starts("2\n3\n4\n5\n9\n");
    assert_int_equal(sent(0, 500), 2);
    assert_int_equal(sent(0, 1000), 2);
    assert_int_equal(sent(0, 3000), 4);
    assert_int_equal(sent(0, 100), 5);
}

static void a_chance_that_nobody_takes_is_gone(void **state)
{
    (void)state;
    starts("2\n3\n9\n");
    assert_int_equal(sent(0, 100), 2);
    /* The rest of that at 2 ms is lost for a packet that comes later. */
    assert_int_equal(sent(3, 1500), 3);
    assert_int_equal(sent(8, 1500), 9);
}

static void hours_without_packets_are_skipped(void **state)
{
    (void)state;
    starts("1\n10\n");
    assert_int_equal(sent(10000000000, 1500), 10000000000);
    assert_int_equal(sent(10000000000, 1500), 10000000001);
    starts("0\n10\n");
    /* The last of one round and the first of the next come at the same time. */
    assert_int_equal(sent(30, 1500), 30);
    assert_int_equal(sent(30, 1500), 30);
    assert_int_equal(sent(30, 1500), 40);
}

static int frees(void **state)
{
    (void)state;
    impair_trace_free(trace);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(what_is_no_trace_is_refused_with_its_line),
        cmocka_unit_test(a_packet_takes_the_next_chance),
        cmocka_unit_test(small_packets_share_a_chance_and_large_ones_take_several),
        cmocka_unit_test(a_chance_that_nobody_takes_is_gone),
        cmocka_unit_test(hours_without_packets_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, frees);
}
