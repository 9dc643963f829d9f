/* Unit tests of lexer.c: the words of packetdrill's language. */
#include "drill/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct lexer lexer;

static int begin(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct token first(const char *text)
{
    lexer_start(&lexer, text, &arena);
    return lexer_next(&lexer);
}

static void a_time_range_is_three_words(void **state)
{
    (void)state;
    struct token token = first("0...0.2");
    assert_int_equal(token.kind, TOKEN_INTEGER);
    assert_int_equal(lexer_next(&lexer).kind, TOKEN_ELLIPSIS);
    token = lexer_next(&lexer);
    assert_int_equal(token.kind, TOKEN_FLOAT);
    assert_true(token.number > 0.19 && token.number < 0.21);
    assert_int_equal(lexer_next(&lexer).kind, TOKEN_END);
}

static void a_sequence_range_is_numbers_and_a_colon(void **state)
{
    (void)state;
    assert_int_equal(first("1:1001(1000)").integer, 1);
    assert_int_equal(lexer_next(&lexer).character, ':');
    assert_int_equal(lexer_next(&lexer).integer, 1001);
    assert_int_equal(lexer_next(&lexer).character, '(');
}

static void digits_before_letters_are_a_word(void **state)
{
    (void)state;
    struct token token = first("12ab34cd");
    assert_int_equal(token.kind, TOKEN_WORD);
    assert_string_equal(token.text, "12ab34cd");
    assert_int_equal(first("0x10").kind, TOKEN_HEX);
    assert_int_equal(first("0x10").integer, 16);
    assert_int_equal(first("-1").integer, -1);
    assert_int_equal(first(".5").kind, TOKEN_FLOAT);
}

static void comments_of_all_kinds_are_skipped(void **state)
{
    (void)state;
    struct token token = first("// one\n/* two\n three */ # four\nword");
    assert_string_equal(token.text, "word");
    assert_int_equal(token.line, 4);
}

static void strings_resolve_escapes(void **state)
{
    (void)state;
    struct token token = first("\"a\\n\\x41\\\"\\0b\"");
    assert_int_equal(token.kind, TOKEN_STRING);
    assert_int_equal(token.length, 6);
    assert_memory_equal(token.text, "a\nA\"\0b", 6);
}

static void commands_code_and_options_are_one_word_each(void **state)
{
    (void)state;
    assert_string_equal(first("`sysctl -q a=1`").text, "sysctl -q a=1");
    assert_int_equal(lexer_next(&lexer).kind, TOKEN_END);
    assert_int_equal(first("%{ assert 1 }%").kind, TOKEN_CODE);
    struct token token = first("--name=\"a b\" next");
    assert_int_equal(token.kind, TOKEN_OPTION);
    assert_string_equal(token.text, "--name=\"a b\"");
}

static void what_does_not_end_is_bad(void **state)
{
    (void)state;
    assert_int_equal(first("\"abc").kind, TOKEN_BAD);
    assert_int_equal(first("`abc").kind, TOKEN_BAD);
    assert_int_equal(first("%{ abc").kind, TOKEN_BAD);
    assert_int_equal(first("/* abc").kind, TOKEN_BAD);
}

static void a_definition_stands_for_its_value(void **state)
{
    struct script_option define = {.name = "MSS", .value = "\"text\""};
    (void)state;
    lexer_start(&lexer, "MSS MSSX", &arena);
    lexer.defines = &define;
    struct token token = lexer_next(&lexer);
    assert_int_equal(token.kind, TOKEN_STRING);
    assert_string_equal(token.text, "text");
    assert_string_equal(lexer_next(&lexer).text, "MSSX");
}

static void flags_are_read_raw(void **state)
{
    (void)state;
    struct token token = first("FP.5 1:2(1)");
    assert_string_equal(lexer_raw(&lexer, &token), "FP.5");
    assert_int_equal(lexer_next(&lexer).integer, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_time_range_is_three_words, begin, end),
        cmocka_unit_test_setup_teardown(a_sequence_range_is_numbers_and_a_colon, begin, end),
        cmocka_unit_test_setup_teardown(digits_before_letters_are_a_word, begin, end),
        cmocka_unit_test_setup_teardown(comments_of_all_kinds_are_skipped, begin, end),
        cmocka_unit_test_setup_teardown(strings_resolve_escapes, begin, end),
        cmocka_unit_test_setup_teardown(commands_code_and_options_are_one_word_each, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_end_is_bad, begin, end),
        cmocka_unit_test_setup_teardown(a_definition_stands_for_its_value, begin, end),
        cmocka_unit_test_setup_teardown(flags_are_read_raw, begin, end),
    };
    return cmocka_run_group_tests_name("drill lexer", tests, NULL, NULL);
}
