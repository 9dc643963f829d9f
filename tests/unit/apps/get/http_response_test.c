/* Heads of responses, honest and hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "get/http_response.h"

static struct http_response response;

static int parse(const char *head)
{
    return http_response_parse(head, strlen(head), &response);
}

/* A response with these field lines. */
static int parse_fields(const char *fields)
{
    char head[8192];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", fields);
    return parse(head);
}

static void reads_an_ordinary_head(void **state)
{
    (void)state;
    assert_int_equal(parse_fields("Content-Length: 67108864\r\nETag: \"abc\"\r\n"
                                  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
                     0);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.minor_version, 1);
    assert_string_equal(response.reason, "OK");
    assert_true(response.has_length);
    assert_int_equal(response.length, 67108864);
    assert_string_equal(response.etag, "\"abc\"");
    assert_string_equal(response.last_modified, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(response.keeps_alive);
    assert_false(response.is_chunked);
}

static void reads_status_lines_with_and_without_a_reason(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.0 404 Not Found\r\n\r\n"), 0);
    assert_int_equal(response.status, 404);
    assert_string_equal(response.reason, "Not Found");
    assert_false(response.keeps_alive);
    assert_int_equal(parse("HTTP/1.1 200\r\n\r\n"), 0);
    assert_int_equal(parse("HTTP/1.1 200 \n\n"), 0);
    assert_string_equal(response.reason, "");
}

static void refuses_other_status_lines(void **state)
{
    static const char *const wrong[] = {
        "\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 600 x\r\n\r\n",
        "HTTP/1.1  200 x\r\n\r\n",
        "HTTP/1.x 200 x\r\n\r\n",
        "HTTP/1.1\t200 x\r\n\r\n",
        "http/1.1 200 x\r\n\r\n",
        "HTTP/1.1 2x0 x\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (parse(wrong[i]) != -EBADMSG)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(response.problem);
    }
}

static void refuses_lengths_and_codings_that_attackers_send(void **state)
{
    static const char *const wrong[] = {
        "Content-Length: -1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length:\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length : 3\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        " folded: x\r\n",
        "no colon\r\n",
        "X: a\rb\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (parse_fields(wrong[i]) != -EBADMSG)
            fail_msg("%s was taken", wrong[i]);
}

static void equal_lengths_count_once(void **state)
{
    (void)state;
    assert_int_equal(parse_fields("Content-Length: 3\r\nContent-Length: 3\r\n"), 0);
    assert_int_equal(response.length, 3);
}

/* RFC 9112, 6.3, 3 */
static void chunks_override_a_length_and_end_the_connection(void **state)
{
    (void)state;
    assert_int_equal(parse_fields("Content-Length: 3\r\nTransfer-Encoding: Chunked\r\n"), 0);
    assert_true(response.is_chunked);
    assert_false(response.has_length);
    assert_false(response.keeps_alive);
}

static void knows_when_the_connection_stays(void **state)
{
    (void)state;
    assert_int_equal(parse_fields("Connection: foo, Close\r\n"), 0);
    assert_false(response.keeps_alive);
    assert_int_equal(parse("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n"), 0);
    assert_true(response.keeps_alive);
}

static void reads_ranges(void **state)
{
    (void)state;
    assert_int_equal(parse_fields("Content-Range: bytes 5-9/10\r\n"), 0);
    assert_true(response.has_range && response.has_range_total);
    assert_int_equal(response.range_first, 5);
    assert_int_equal(response.range_last, 9);
    assert_int_equal(response.range_total, 10);
    assert_int_equal(parse_fields("Content-Range: bytes 5-9/*\r\n"), 0);
    assert_true(response.has_range && !response.has_range_total);
    assert_int_equal(parse_fields("Content-Range: bytes */10\r\n"), 0);
    assert_true(!response.has_range && response.has_range_total);
}

static void ranges_that_make_no_sense_count_as_absent(void **state)
{
    static const char *const wrong[] = {
        "bytes 9-5/10", "bytes 5-10/10", "pages 1-2/3", "bytes=1-2", "bytes 1/2", "bytes a-b/c", "",
        "bytes 1-2"};
    char field[64];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(field, sizeof field, "Content-Range: %s\r\n", wrong[i]);
        assert_int_equal(parse_fields(field), 0);
        assert_false(response.has_range || response.has_range_total);
    }
}

static void long_fields_are_dropped_or_refused_but_never_cut(void **state)
{
    char field[RESPONSE_LOCATION + 64];
    (void)state;
    snprintf(field, sizeof field, "ETag: \"%0*d\"\r\n", 300, 0);
    assert_int_equal(parse_fields(field), 0);
    assert_string_equal(response.etag, "");
    snprintf(field, sizeof field, "Location: /%0*d\r\n", RESPONSE_LOCATION, 0);
    assert_int_equal(parse_fields(field), -EBADMSG);
}

static void some_statuses_have_no_body(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 304 Not Modified\r\n\r\n"), 0);
    assert_false(http_response_has_body(&response));
    assert_int_equal(parse("HTTP/1.1 100 Continue\r\n\r\n"), 0);
    assert_false(http_response_has_body(&response));
    assert_int_equal(parse("HTTP/1.1 206 Partial\r\n\r\n"), 0);
    assert_true(http_response_has_body(&response));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_ordinary_head),
        cmocka_unit_test(reads_status_lines_with_and_without_a_reason),
        cmocka_unit_test(refuses_other_status_lines),
        cmocka_unit_test(refuses_lengths_and_codings_that_attackers_send),
        cmocka_unit_test(equal_lengths_count_once),
        cmocka_unit_test(chunks_override_a_length_and_end_the_connection),
        cmocka_unit_test(knows_when_the_connection_stays),
        cmocka_unit_test(reads_ranges),
        cmocka_unit_test(ranges_that_make_no_sense_count_as_absent),
        cmocka_unit_test(long_fields_are_dropped_or_refused_but_never_cut),
        cmocka_unit_test(some_statuses_have_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
