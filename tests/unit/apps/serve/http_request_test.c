/* Heads of requests, honest and hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/http_request.h"

static struct http_request request;

static int parse(const char *head)
{
    return http_request_parse(head, strlen(head), &request);
}

static void assert_refused(const char *head, unsigned status)
{
    if (parse(head) != -EBADMSG || request.refused_with != status)
        fail_msg("%s: %u", head, request.refused_with);
}

static void reads_an_ordinary_request(void **state)
{
    (void)state;
    assert_int_equal(parse("GET /a?b HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\nIf-Range: \"e\"\r\n"
                           "If-None-Match: *\r\nIf-Modified-Since: x\r\n\r\n"),
                     0);
    assert_int_equal(request.method, METHOD_GET);
    assert_string_equal(request.target, "/a?b");
    assert_string_equal(request.range, "bytes=0-1");
    assert_string_equal(request.if_range, "\"e\"");
    assert_string_equal(request.if_none_match, "*");
    assert_string_equal(request.if_modified_since, "x");
    assert_true(request.keeps_alive);
    assert_false(request.has_body);
}

static void knows_the_methods(void **state)
{
    (void)state;
    assert_int_equal(parse("HEAD / HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(request.method, METHOD_HEAD);
    assert_int_equal(parse("DELETE / HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(request.method, METHOD_OTHER);
    assert_int_equal(parse("OPTIONS * HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(request.method, METHOD_OTHER);
    assert_int_equal(parse("get / HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(request.method, METHOD_UNKNOWN);
}

static void knows_when_the_connection_stays(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), 0);
    assert_false(request.keeps_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 0);
    assert_true(request.keeps_alive);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 0);
    assert_false(request.keeps_alive);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"), 0);
    assert_true(request.has_body);
    assert_false(request.keeps_alive);
}

static void takes_the_absolute_form_and_a_leading_empty_line(void **state)
{
    (void)state;
    assert_int_equal(parse("\r\nGET HTTP://h:80/x HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_string_equal(request.target, "/x");
    assert_int_equal(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_string_equal(request.target, "/");
}

static void refuses_what_is_no_request(void **state)
{
    (void)state;
    assert_refused("\r\n\r\n", 400);
    assert_refused("GET\r\n\r\n", 400);
    assert_refused("GET /\r\n\r\n", 400);
    assert_refused("GET  / HTTP/1.1\r\n\r\n", 400);
    assert_refused("G(T / HTTP/1.1\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1 \r\n\r\n", 400);
    assert_refused("GET / http/1.1\r\n\r\n", 400);
    assert_refused("GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    assert_refused("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    assert_refused("GET /\xc3 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    assert_refused("GET / HTTP/2.0\r\n\r\n", 505);
    assert_refused("GETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n\r\n", 501);
}

/* RFC 9112, 3.2 and 6.1 to 6.3: what request smuggling is made of. */
static void refuses_what_two_servers_may_read_differently(void **state)
{
    static const char *const fields[] = {
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "Host: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Host: h\r\nContent-Length: +1\r\n",
        "Host: h\r\nContent-Length : 1\r\n",
        "Host: h\r\n folded\r\n",
        "Host: h\r\nA\r\n",
        "Host: h\r\nA: b\rc\r\n",
    };
    char head[256];
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\n%s\r\n", fields[i]);
        assert_refused(head, 400);
        assert_false(request.keeps_alive);
    }
}

static void long_targets_and_fields(void **state)
{
    static char head[3 * REQUEST_TARGET];
    (void)state;
    snprintf(head, sizeof head, "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", REQUEST_TARGET, 0);
    assert_refused(head, 414);
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=%0*d-\r\n\r\n",
             REQUEST_FIELD, 0);
    assert_int_equal(parse(head), 0);
    assert_string_equal(request.range, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_ordinary_request),
        cmocka_unit_test(knows_the_methods),
        cmocka_unit_test(knows_when_the_connection_stays),
        cmocka_unit_test(takes_the_absolute_form_and_a_leading_empty_line),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(refuses_what_two_servers_may_read_differently),
        cmocka_unit_test(long_targets_and_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
