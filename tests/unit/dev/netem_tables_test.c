/* Distribution tables: the computed ones against values of the published ones, files, errors. */
#include "dev/netem_tables.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct netem_table *find(struct netem_tables *tables, const char *name)
{
    const struct netem_table *table = NULL;
    assert_int_equal(netem_tables_find(tables, name, &table), 0);
    return table;
}

/* The first, and a sum that any other value changes, of the tables that iproute2 ships. */
static void assert_published(const char *name, const int16_t first[8], int16_t last, long long sum)
{
    struct netem_tables tables = {0};
    const struct netem_table *table = find(&tables, name);
    long long weighted = 0;
    assert_int_equal(table->size, 4096);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(table->values[i], first[i]);
    for (unsigned i = 0; i < table->size; i++)
        weighted += (long long)(i + 1) * table->values[i];
    assert_int_equal(table->values[4095], last);
    assert_true(weighted == sum);
    netem_tables_free(&tables);
}

static void computed_tables_are_the_published_ones(void **state)
{
    (void)state;
    assert_published(
        "normal", (const int16_t[]){-32768, -28307, -26871, -25967, -25298, -24765, -24320, -23937},
        28858, 38718192955);
    assert_published("pareto",
                     (const int16_t[]){-5461, -5460, -5460, -5459, -5458, -5457, -5456, -5455},
                     32767, 22904699865);
    assert_published(
        "paretonormal",
        (const int16_t[]){-12305, -11171, -10812, -10586, -10418, -10284, -10172, -10075}, 31789,
        26857509890);
}

static void uniform_is_even_and_centred(void **state)
{
    (void)state;
    struct netem_tables tables = {0};
    const struct netem_table *table = find(&tables, "uniform");
    long sum = 0;
    for (unsigned i = 0; i < table->size; i++)
        sum += table->values[i];
    assert_int_equal(sum, 0);
    assert_int_equal(table->values[0], -8190);
    assert_int_equal(table->values[4095], 8190);
    assert_int_equal(table->values[2048] - table->values[2047], 4);
    netem_tables_free(&tables);
}

static void a_table_is_made_once(void **state)
{
    (void)state;
    struct netem_tables tables = {0};
    const struct netem_table *first = find(&tables, "uniform");
    find(&tables, "pareto");
    assert_ptr_equal(find(&tables, "uniform"), first);
    netem_tables_free(&tables);
    assert_null(tables.first);
}

struct own_file {
    char directory[64], path[96];
};

static struct own_file write_file(const char *content)
{
    struct own_file own = {.directory = "/tmp/netem-tables-XXXXXX"};
    assert_non_null(mkdtemp(own.directory));
    snprintf(own.path, sizeof own.path, "%s/own.dist", own.directory);
    FILE *file = fopen(own.path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return own;
}

static void remove_file(const struct own_file *own)
{
    unlink(own->path);
    rmdir(own->directory);
}

static void a_name_with_a_slash_is_a_file(void **state)
{
    (void)state;
    struct own_file own = write_file("# mine\n -8192 0\n\n 100 # half\n");
    struct netem_tables tables = {0};
    const struct netem_table *table = find(&tables, own.path);
    assert_int_equal(table->size, 3);
    assert_int_equal(table->values[0], -8192);
    assert_int_equal(table->values[2], 100);
    netem_tables_free(&tables);
    remove_file(&own);
}

static void tc_lib_dir_says_where_other_names_are(void **state)
{
    (void)state;
    struct own_file own = write_file("1 2 3\n");
    struct netem_tables tables = {0};
    const struct netem_table *table;
    setenv("TC_LIB_DIR", own.directory, 1);
    assert_int_equal(find(&tables, "own")->size, 3);
    assert_int_equal(netem_tables_find(&tables, "other", &table), -ENOENT);
    unsetenv("TC_LIB_DIR");
    netem_tables_free(&tables);
    remove_file(&own);
}

static void a_file_that_is_no_table_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "# nothing\n", "1 two 3\n", "40000\n", "-32769\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct own_file own = write_file(wrong[i]);
        struct netem_tables tables = {0};
        const struct netem_table *table;
        assert_int_equal(netem_tables_find(&tables, own.path, &table), -EINVAL);
        assert_null(tables.first);
        remove_file(&own);
    }
}

static void more_than_16384_values_are_refused(void **state)
{
    (void)state;
    char *content = calloc(1, 2 * 16385 + 1);
    assert_non_null(content);
    for (size_t i = 0; i < 16385; i++)
        memcpy(content + 2 * i, i % 100 == 99 ? "1\n" : "1 ", 2);
    struct own_file own = write_file(content);
    struct netem_tables tables = {0};
    const struct netem_table *table;
    assert_int_equal(netem_tables_find(&tables, own.path, &table), -EINVAL);
    remove_file(&own);
    free(content);
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct netem_tables tables = {0};
    const struct netem_table *table;
    assert_int_equal(netem_tables_find(&tables, "/nowhere/at/all.dist", &table), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computed_tables_are_the_published_ones),
        cmocka_unit_test(uniform_is_even_and_centred),
        cmocka_unit_test(a_table_is_made_once),
        cmocka_unit_test(a_name_with_a_slash_is_a_file),
        cmocka_unit_test(tc_lib_dir_says_where_other_names_are),
        cmocka_unit_test(a_file_that_is_no_table_is_refused),
        cmocka_unit_test(more_than_16384_values_are_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
