/* Conditional requests against a file with an ETag and a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/conditional.h"

static const struct validators have = {.etag = "\"a,b\"", .modified = 784111777};
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static void etags_are_compared_whole(void **state)
{
    static const struct {
        const char *field;
        enum condition expected;
    } cases[] = {
        {"\"a,b\"", CONDITION_NOT_MODIFIED},
        {"W/\"a,b\"", CONDITION_NOT_MODIFIED},
        {"\"x\", \"a,b\"", CONDITION_NOT_MODIFIED},
        {"*", CONDITION_NOT_MODIFIED},
        {"\"x\"", CONDITION_GO},
        {"\"a\"", CONDITION_GO},
        {"a,b", CONDITION_GO},
        {"\"a,b", CONDITION_GO},
        {"\"x\",,W/\"a,b\"", CONDITION_NOT_MODIFIED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request = {0};
        snprintf(request.if_none_match, sizeof request.if_none_match, "%s", cases[i].field);
        if (condition_of(&request, &have) != cases[i].expected)
            fail_msg("%s", cases[i].field);
    }
}

static void if_match_needs_a_strong_one(void **state)
{
    struct http_request request = {.if_match = "\"a,b\""};
    (void)state;
    assert_int_equal(condition_of(&request, &have), CONDITION_GO);
    request = (struct http_request){.if_match = "W/\"a,b\""};
    assert_int_equal(condition_of(&request, &have), CONDITION_FAILED);
    request = (struct http_request){.if_match = "\"x\""};
    assert_int_equal(condition_of(&request, &have), CONDITION_FAILED);
}

static void dates_count_where_no_etag_is_named(void **state)
{
    struct http_request request = {.if_modified_since = SAME};
    (void)state;
    assert_int_equal(condition_of(&request, &have), CONDITION_NOT_MODIFIED);
    request = (struct http_request){.if_modified_since = BEFORE};
    assert_int_equal(condition_of(&request, &have), CONDITION_GO);
    request = (struct http_request){.if_modified_since = "yesterday"};
    assert_int_equal(condition_of(&request, &have), CONDITION_GO);
    request = (struct http_request){.if_modified_since = AFTER, .if_none_match = "\"x\""};
    assert_int_equal(condition_of(&request, &have), CONDITION_GO);
    request = (struct http_request){.if_unmodified_since = BEFORE};
    assert_int_equal(condition_of(&request, &have), CONDITION_FAILED);
    request = (struct http_request){.if_unmodified_since = SAME};
    assert_int_equal(condition_of(&request, &have), CONDITION_GO);
}

static void a_range_counts_only_for_the_same_file(void **state)
{
    struct http_request request = {0};
    (void)state;
    assert_true(condition_allows_range(&request, &have));
    request = (struct http_request){.if_range = "\"a,b\""};
    assert_true(condition_allows_range(&request, &have));
    request = (struct http_request){.if_range = SAME};
    assert_true(condition_allows_range(&request, &have));
    static const char *const others[] = {"\"x\"", "W/\"a,b\"", BEFORE, AFTER, "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(request.if_range, sizeof request.if_range, "%s", others[i]);
        assert_false(condition_allows_range(&request, &have));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(etags_are_compared_whole),
        cmocka_unit_test(if_match_needs_a_strong_one),
        cmocka_unit_test(dates_count_where_no_etag_is_named),
        cmocka_unit_test(a_range_counts_only_for_the_same_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
