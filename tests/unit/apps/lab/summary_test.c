/* Rows of a CSV, there and back, and what the runs of a cell come to beside the kernel's. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/chart.h"
#include "lab/page.h"
#include "lab/summary.h"
#include "lab/tables.h"

static struct grid grid;

static void parse(const char *text)
{
    char error[256];
    if (grid_parse(text, &grid, error, sizeof error) < 0)
        fail_msg("%s", error);
}

static struct record run_of(unsigned cell, uint64_t repeat, double seconds)
{
    struct record record;
    struct result result;
    struct cell at = section_cell(&grid.sections[0], cell);
    result_clear(&result);
    result.outcome = OUTCOME_DONE;
    result.metric[METRIC_SECONDS] = seconds;
    record_fill(&record, &at, repeat, &result);
    return record;
}

/* The whole of a file, in a buffer of the caller. */
static void read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void make_file(char path[64], const char *tail)
{
    snprintf(path, 64, "/tmp/tunny-lab-test-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    struct record record = run_of(0, 2, 1.25);
    record_write_header(file);
    record_write(file, &record);
    snprintf(record.result.note, NOTE_SIZE, "late, but there");
    record.result.outcome = OUTCOME_TIMEOUT;
    record_write(file, &record);
    fputs(tail, file);
    fclose(file);
}

static void a_row_reads_back_as_it_was(void **state)
{
    struct records records = {0};
    char path[64];
    long whole;
    (void)state;
    parse("seed 10\nfault \"loss gemodel 1% 20%\"");
    make_file(path, "");
    assert_int_equal(records_read(path, &records, &whole), 0);
    unlink(path);
    struct cell cell = section_cell(&grid.sections[0], 0);
    assert_int_equal(records.count, 2);
    const struct record *first = records_find(&records, &cell, 2);
    assert_ptr_equal(first, &records.list[0]);
    assert_null(records_find(&records, &cell, 1));
    assert_int_equal(first->seed, 11);
    assert_string_equal(first->values[DIMENSION_FAULT], "loss gemodel 1% 20%");
    assert_true(first->result.metric[METRIC_SECONDS] > 1.249);
    assert_true(isnan(first->result.metric[METRIC_RTOS]));
    assert_int_equal(records.list[1].result.outcome, OUTCOME_TIMEOUT);
    assert_string_equal(records.list[1].result.note, "late, but there");
    records_free(&records);
}

static void half_a_row_at_the_end_is_not_taken(void **state)
{
    struct records records = {0};
    char path[64], text[8192];
    long whole;
    (void)state;
    parse("");
    make_file(path, "grid,0,20ms,10mb");
    assert_int_equal(records_read(path, &records, &whole), 0);
    read_text(path, text, sizeof text);
    unlink(path);
    assert_int_equal(records.count, 2);
    assert_string_equal(text + whole, "grid,0,20ms,10mb");
    records_free(&records);
}

static void another_csv_is_refused(void **state)
{
    struct records records = {0};
    char path[64];
    long whole;
    (void)state;
    parse("");
    make_file(path, "grid,0\n");
    assert_int_equal(records_read(path, &records, &whole), -EINVAL);
    unlink(path);
    records_free(&records);
    assert_int_equal(records_read("/nonexistent/runs.csv", &records, &whole), -ENOENT);
}

/* Two links, kernel and ours, three runs each: ours takes half the time on the first, 1.5 times as
 * long on the second. */
static void summarize(struct summary *summary, struct records *records)
{
    static const double seconds[4][3] = {{2, 1.9, 2.1}, {1, 1.2, 0.9}, {4, 4, 4}, {6, 5, 7}};
    parse("loss 0 1%\nstack kernel tunny\nabout a < b & c\n");
    *records = (struct records){0};
    for (unsigned cell = 0; cell < 4; cell++)
        for (unsigned i = 0; i < 3; i++) {
            struct record record = run_of(cell, i + 1, seconds[cell][i]);
            assert_int_equal(records_add(records, &record), 0);
        }
    assert_int_equal(summary_make(summary, &grid, records), 0);
}

static void ours_is_compared_with_the_kernel_on_the_same_link(void **state)
{
    struct summary summary;
    struct records records;
    (void)state;
    summarize(&summary, &records);
    assert_int_equal(summary.count, 4);
    assert_int_equal(summary.cells[1].done, 3);
    assert_true(fabs(summary.cells[1].ratio - 0.5) < 1e-9);
    assert_true(fabs(summary.cells[3].ratio - 1.5) < 1e-9);
    assert_true(isnan(summary.cells[0].ratio));
    struct verdict verdict = summary_verdict(&summary, NULL);
    assert_int_equal(verdict.compared, 2);
    assert_int_equal(verdict.above, 1);
    assert_true(fabs(verdict.mean - sqrt(0.75)) < 1e-9);
    assert_ptr_equal(verdict.worst, &summary.cells[3]);
    summary_free(&summary);
    records_free(&records);
}

static void tables_and_page_show_medians_and_ratios(void **state)
{
    struct summary summary;
    struct records records;
    static char text[65536];
    const struct machine machine = {.command = "tunny lab x", .kernel = "K", .processors = "P"};
    (void)state;
    summarize(&summary, &records);
    FILE *file = fmemopen(text, sizeof text, "w");
    tables_write(file, &summary, &machine);
    fclose(file);
    assert_non_null(strstr(text, "| 1% | tunny | 6 (5-7) | - | - | - | **1.50** |"));
    assert_non_null(strstr(text, "2 cells compared"));
    file = fmemopen(text, sizeof text, "w");
    page_write(file, &summary, &machine);
    fclose(file);
    assert_non_null(strstr(text, "a &lt; b &amp; c"));
    assert_non_null(strstr(text, "<td class='bad'>1.50</td>"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_null(strstr(text, "http"));
    summary_free(&summary);
    records_free(&records);
}

static void scales_have_round_ticks_and_become_logarithmic(void **state)
{
    struct scale scale;
    (void)state;
    scale_make(&scale, 0.5, 3.1);
    assert_false(scale.is_logarithmic);
    assert_true(fabs(scale.high - 4) < 1e-9);
    assert_int_equal(scale.tick_count, 5);
    assert_true(fabs(scale_place(&scale, 1) - 0.25) < 1e-9);
    scale_make(&scale, 0.2, 50);
    assert_true(scale.is_logarithmic);
    assert_true(fabs(scale_place(&scale, 0.1)) < 1e-9);
    assert_true(fabs(scale_place(&scale, 1) - 1.0 / 3) < 1e-9);
    assert_int_equal(scale.tick_count, 4);
    scale_make(&scale, 0, 0);
    assert_true(fabs(scale_place(&scale, 0)) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_reads_back_as_it_was),
        cmocka_unit_test(half_a_row_at_the_end_is_not_taken),
        cmocka_unit_test(another_csv_is_refused),
        cmocka_unit_test(ours_is_compared_with_the_kernel_on_the_same_link),
        cmocka_unit_test(tables_and_page_show_medians_and_ratios),
        cmocka_unit_test(scales_have_round_ticks_and_become_logarithmic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
