/* HTTP's lines, fields, lists, numbers and dates, and what a terminal must not see. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/http_date.h"
#include "common/http_fields.h"
#include "common/message.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static int field_of(const char *text, struct http_field *field)
{
    struct span rest = span_of(text);
    return http_take_field(&rest, field);
}

static void the_head_ends_at_the_empty_line_however_it_trickles_in(void **state)
{
    static const char *const heads[] = {"GET / HTTP/1.1\r\nA: b\r\n\r\n", "x\n\n", "x\r\ny\n\r\n"};
    (void)state;
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
        size_t whole = strlen(heads[h]), searched = 0;
        for (size_t have = 0; have < whole; have++) {
            assert_int_equal(http_head_length(heads[h], have, searched), 0);
            searched = have;
        }
        assert_int_equal(http_head_length(heads[h], whole, searched), whole);
        assert_int_equal(http_head_length(heads[h], whole, 0), whole);
    }
}

static void a_field_is_a_token_a_colon_and_a_trimmed_value(void **state)
{
    struct http_field field;
    (void)state;
    assert_int_equal(field_of("Content-Type: \t text/plain \t\r\n", &field), 1);
    assert_true(span_is(field.name, "content-type"));
    assert_true(span_is(field.value, "text/plain"));
    assert_int_equal(field_of("A:\r\n", &field), 1);
    assert_int_equal(field.value.length, 0);
    assert_int_equal(field_of("\r\n", &field), 0);
}

static void what_is_no_field_is_refused(void **state)
{
    static const char *const wrong[] = {"A\r\n",      "A : b\r\n",      " A: b\r\n",
                                        "\tfolded\n", ": b\r\n",        "A\x01: b\r\n",
                                        "A: b\x7f\n", "A: b\rc: d\r\n", "A: no end"};
    struct http_field field;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(field_of(wrong[i], &field), -EBADMSG);
    struct span rest = {"A: b\0c\r\n", 8};
    assert_int_equal(http_take_field(&rest, &field), -EBADMSG);
}

static void lists_are_searched_by_whole_words(void **state)
{
    (void)state;
    assert_true(http_list_has(span_of("keep-alive, Close"), "close"));
    assert_true(http_list_has(span_of(" ,,close ,"), "close"));
    assert_false(http_list_has(span_of("closed, disclose"), "close"));
    assert_false(http_list_has(span_of(""), "close"));
}

static void numbers_stay_below_2_to_the_63(void **state)
{
    uint64_t number = 0;
    (void)state;
    assert_int_equal(http_number(span_of("9223372036854775807"), &number), 0);
    assert_true(number == INT64_MAX);
    static const char *const wrong[] = {
        "", "9223372036854775808", "99999999999999999999", "+1", "-1", "1 ", "0x10", "1,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(http_number(span_of(wrong[i]), &number), -EBADMSG);
}

static void dates_are_written_and_read_back(void **state)
{
    char text[HTTP_DATE_TEXT];
    time_t when = 0;
    (void)state;
    assert_string_equal(http_date_text(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT");
    for (time_t t = 0; t < 4000000000; t += 12345678) {
        assert_int_equal(http_date_parse(span_of(http_date_text(t, text)), &when), 0);
        assert_int_equal(when, t);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 0a:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
    };
    time_t when;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(http_date_parse(span_of(wrong[i]), &when), -EBADMSG);
}

static void nothing_that_a_terminal_obeys_is_printed(void **state)
{
    char out[32];
    (void)state;
    assert_string_equal(message_quote("a\x1b[1m\"\xc2", 7, out, sizeof out), "a\\x1b[1m\\x22\\xc2");
    message_quote("\n\n\n\n\n\n\n\n\n\n\n\n", 12, out, sizeof out);
    assert_true(strlen(out) < sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_ends_at_the_empty_line_however_it_trickles_in),
        cmocka_unit_test(a_field_is_a_token_a_colon_and_a_trimmed_value),
        cmocka_unit_test(what_is_no_field_is_refused),
        cmocka_unit_test(lists_are_searched_by_whole_words),
        cmocka_unit_test(numbers_stay_below_2_to_the_63),
        cmocka_unit_test(dates_are_written_and_read_back),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(nothing_that_a_terminal_obeys_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
