/* Unit tests of code_expr.c and code_values.c: Python's expressions as scripts use them. */
#include "drill/code_expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool lookup(void *context, const char *name, struct code_value *value)
{
    (void)context;
    if (strcmp(name, "cwnd") != 0)
        return false;
    *value = (struct code_value){.kind = CODE_INTEGER, .integer = 10, .number = 10};
    return true;
}

static struct code code_of(const char *text)
{
    return (struct code){.at = text, .arena = &arena, .lookup = lookup};
}

/* What the expression is worth, as text. */
static const char *worth(const char *text)
{
    struct code code = code_of(text);
    struct code_value value;
    if (!code_expression(&code, &value))
        return "error";
    return code_text(&arena, &value);
}

static void arithmetic_has_pythons_precedence(void **state)
{
    (void)state;
    assert_string_equal(worth("1 + 2 * 3"), "7");
    assert_string_equal(worth("(1 + 2) * 3"), "9");
    assert_string_equal(worth("7 // 2"), "3");
    assert_string_equal(worth("-7 // 2"), "-4");
    assert_string_equal(worth("-7 % 3"), "2");
    assert_string_equal(worth("7 / 2"), "3.5");
    assert_string_equal(worth("2 ** 10 - 1"), "1023");
    assert_string_equal(worth("-2 ** 2"), "-4");
    assert_string_equal(worth("1 << 4 | 1"), "17");
    assert_string_equal(worth("0xff & 0x0f"), "15");
}

static void comparisons_chain(void **state)
{
    (void)state;
    assert_string_equal(worth("1 < cwnd <= 10"), "1");
    assert_string_equal(worth("1 < cwnd < 10"), "0");
    assert_string_equal(worth("cwnd == 10.0"), "1");
    assert_string_equal(worth("cwnd in (9, 10)"), "1");
    assert_string_equal(worth("cwnd not in [9, 11]"), "1");
    assert_string_equal(worth("'a' == \"a\""), "1");
}

static void logic_stops_when_it_is_decided(void **state)
{
    (void)state;
    assert_string_equal(worth("1 == 2 and 1 / 0"), "0");
    assert_string_equal(worth("1 == 1 or unknown"), "1");
    assert_string_equal(worth("not 1 == 2"), "1");
    assert_string_equal(worth("0 or 0 and 1 or 5"), "5");
    assert_string_equal(worth("1 and 1 / 0"), "error");
}

static void functions_and_texts(void **state)
{
    (void)state;
    assert_string_equal(worth("abs(-3) + min(4, 2) + max([1, 5])"), "10");
    assert_string_equal(worth("f'cwnd {cwnd} {cwnd / 4:.1f} {{}}'"), "cwnd 10 2.5 {}");
    assert_string_equal(worth("f'{cwnd=}'"), "cwnd=10");
    assert_string_equal(worth("'%d of %s' % (cwnd, 'all')"), "10 of all");
    assert_string_equal(worth("(1,\n 2)"), "(1, 2)");
}

static void an_unknown_name_is_told(void **state)
{
    struct code code = code_of("tcpi_nothing == 1");
    struct code_value value;
    (void)state;
    assert_false(code_expression(&code, &value));
    assert_true(code.unsupported);
    assert_string_equal(code.error, "the name tcpi_nothing");
}

static void an_expression_ends_where_its_line_ends(void **state)
{
    struct code code = code_of("cwnd == 10\nassert");
    struct code_value value;
    (void)state;
    assert_true(code_expression(&code, &value));
    assert_int_equal(*code.at, '\n');
}

static void nesting_and_nonsense_are_errors(void **state)
{
    char deep[200];
    (void)state;
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_string_equal(worth(deep), "error");
    assert_string_equal(worth(""), "error");
    assert_string_equal(worth("1 +"), "error");
    assert_string_equal(worth("'abc"), "error");
    assert_string_equal(worth("9223372036854775807 + 1"), "error");
    assert_string_equal(worth("1 % 0"), "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(arithmetic_has_pythons_precedence, end),
        cmocka_unit_test_teardown(comparisons_chain, end),
        cmocka_unit_test_teardown(logic_stops_when_it_is_decided, end),
        cmocka_unit_test_teardown(functions_and_texts, end),
        cmocka_unit_test_teardown(an_unknown_name_is_told, end),
        cmocka_unit_test_teardown(an_expression_ends_where_its_line_ends, end),
        cmocka_unit_test_teardown(nesting_and_nonsense_are_errors, end),
    };
    return cmocka_run_group_tests_name("drill expressions", tests, NULL, NULL);
}
