/* URLs that users type and servers send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "get/url.h"

static struct url parsed(const char *text)
{
    struct url url;
    const char *problem = "";
    if (url_parse(text, &url, &problem) != 0)
        fail_msg("%s: %s", text, problem);
    return url;
}

static void assert_url(const char *text, const char *host, unsigned port, const char *target)
{
    struct url url = parsed(text);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.target, target);
}

static void takes_urls_apart(void **state)
{
    (void)state;
    assert_url("http://Example.ORG/a/b?c=d#frag", "example.org", 80, "/a/b?c=d");
    assert_url("HTTP://10.0.0.1:8080", "10.0.0.1", 8080, "/");
    assert_url("http://h?x", "h", 80, "/?x");
    assert_url("http://h:/", "h", 80, "/");
    assert_url("http://[fd00:7475:6e::1]:81/x", "fd00:7475:6e::1", 81, "/x");
    assert_url("198.18.0.1:8000/file", "198.18.0.1", 8000, "/file");
    assert_url("localhost/http://x", "localhost", 80, "/http://x");
    assert_url("http://h/\xc3\xbc", "h", 80, "/%C3%BC");
    assert_url("http://h/a/./b/../c/..", "h", 80, "/a/");
    assert_url("http://h/../../x?../y", "h", 80, "/x?../y");
}

static void refuses_what_is_no_url(void **state)
{
    static const char *const wrong[] = {
        "",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:65536/",
        "http://h:x",
        "http://u:p@h/",
        "http://h /",
        "http://h/a b",
        "http://h/\x01",
        "http://[::",
        "http://[::1]x/",
        "http://[:::1]/",
        "http://[1.2.3.4]",
        "http://a\"b/",
        "http://h/\t",
        "http://\xff/",
    };
    struct url url;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *problem = NULL;
        if (url_parse(wrong[i], &url, &problem) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(problem);
    }
}

static void names_the_schemes_that_it_does_not_speak(void **state)
{
    struct url url;
    const char *problem;
    (void)state;
    assert_int_equal(url_parse("HTTPS://h/", &url, &problem), -EPROTONOSUPPORT);
    assert_string_equal(url.scheme, "https");
    assert_int_equal(url_parse("ftp://h/", &url, &problem), -EPROTONOSUPPORT);
}

static void refuses_what_is_too_long(void **state)
{
    char text[URL_TARGET + 64];
    struct url url;
    const char *problem;
    (void)state;
    for (size_t length = 200; length < sizeof text - 16; length += 61) {
        snprintf(text, sizeof text, "http://h/%0*d", (int)length, 0);
        int result = url_parse(text, &url, &problem);
        assert_int_equal(result, length > URL_TARGET - 6 ? -EINVAL : 0);
        snprintf(text, sizeof text, "http://%0*d/", (int)length, 0);
        assert_int_equal(url_parse(text, &url, &problem), length >= URL_HOST ? -EINVAL : 0);
    }
}

/* RFC 3986, 5.4: the examples that stay within http and the hierarchy. */
static void resolves_the_rfcs_examples(void **state)
{
    static const char *const examples[][2] = {
        {"g", "/b/c/g"},      {"./g", "/b/c/g"},
        {"g/", "/b/c/g/"},    {"/g", "/g"},
        {"?y", "/b/c/d;p?y"}, {"g?y", "/b/c/g?y"},
        {"#s", "/b/c/d;p?q"}, {"g#s", "/b/c/g"},
        {";x", "/b/c/;x"},    {"g;x=1/./y", "/b/c/g;x=1/y"},
        {"", "/b/c/d;p?q"},   {".", "/b/c/"},
        {"./", "/b/c/"},      {"..", "/b/"},
        {"../g", "/b/g"},     {"../..", "/"},
        {"../../g", "/g"},    {"../../../g", "/g"},
        {"/./g", "/g"},       {"/../g", "/g"},
        {"g.", "/b/c/g."},    {"..g", "/b/c/..g"},
        {"./../g", "/b/g"},   {"./g/.", "/b/c/g/"},
        {"g/../h", "/b/c/h"}, {"g?y/../x", "/b/c/g?y/../x"},
    };
    struct url base = parsed("http://a/b/c/d;p?q"), url;
    const char *problem = "";
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        assert_int_equal(url_resolve(&base, examples[i][0], &url, &problem), 0);
        if (strcmp(url.target, examples[i][1]) != 0)
            fail_msg("%s gave %s", examples[i][0], url.target);
        assert_true(url_same_server(&base, &url));
    }
}

static void resolves_other_hosts_and_schemes(void **state)
{
    struct url base = parsed("http://a:99/b"), url;
    const char *problem;
    (void)state;
    assert_int_equal(url_resolve(&base, "//other/x y", &url, &problem), 0);
    assert_string_equal(url.host, "other");
    assert_int_equal(url.port, 80);
    assert_string_equal(url.target, "/x%20y");
    assert_false(url_same_server(&base, &url));
    assert_int_equal(url_resolve(&base, "http://[::1]:5", &url, &problem), 0);
    assert_int_equal(url.is_ipv6, 1);
    assert_int_equal(url_resolve(&base, "https://a/", &url, &problem), -EPROTONOSUPPORT);
    assert_int_equal(url_resolve(&base, "http:g", &url, &problem), -EINVAL);
    assert_int_equal(url_resolve(&base, "a\r\nHost: evil", &url, &problem), -EINVAL);
}

static void names_the_server_as_the_host_field_wants_it(void **state)
{
    char text[URL_AUTHORITY];
    struct url plain = parsed("http://h/"), port = parsed("http://h:81/"),
               v6 = parsed("http://[::1]:81/");
    (void)state;
    assert_string_equal(url_authority(&plain, text), "h");
    assert_string_equal(url_authority(&port, text), "h:81");
    assert_string_equal(url_authority(&v6, text), "[::1]:81");
}

static void assert_name(const char *url, const char *expected)
{
    char name[URL_FILE_NAME];
    struct url parts = parsed(url);
    assert_string_equal(url_file_name(&parts, name), expected);
}

static void file_names_stay_in_the_folder(void **state)
{
    (void)state;
    assert_name("http://h/a/b.iso?x=/y", "b.iso");
    assert_name("http://h/", "index.html");
    assert_name("http://h/a%20b", "a b");
    assert_name("http://h/%2e%2e%2fetc%2fpasswd", "_._etc_passwd");
    assert_name("http://h/.bashrc", "_bashrc");
    assert_name("http://h/a%00b%0a%zz", "a_b_%zz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(names_the_schemes_that_it_does_not_speak),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(resolves_the_rfcs_examples),
        cmocka_unit_test(resolves_other_hosts_and_schemes),
        cmocka_unit_test(names_the_server_as_the_host_field_wants_it),
        cmocka_unit_test(file_names_stay_in_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
