/* Media types by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/mime.h"

static void the_last_ending_decides_whatever_its_case(void **state)
{
    (void)state;
    assert_string_equal(mime_type("a/b.html"), "text/html; charset=utf-8");
    assert_string_equal(mime_type("B.JPG"), "image/jpeg");
    assert_string_equal(mime_type("x.tar.gz"), "application/gzip");
}

static void other_names_are_just_bytes(void **state)
{
    static const char *const names[] = {"", "a", "a.", ".html", "a.html/b", "a/.html", "a.unknown"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(mime_type(names[i]), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_ending_decides_whatever_its_case),
        cmocka_unit_test(other_names_are_just_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
