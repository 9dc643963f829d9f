/* The kernel's netem by our specification: what is refused before the kernel is asked, and that the
 * kernel either takes it or is said to have none. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../dev/namespace.h"
#include "tunny.h"

static char text[2048];

static void more_than_netem_can_do_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *specification, *sentence;
    } wrong[] = {
        {"drop 3,7", "has no 'drop with a list'"},
        {"mask 5", "has no 'mask'"},
        {"rate 1mbit queue tail 5k", "has no 'queue'"},
        {"at 5s down", "has no 'at'"},
        {"log /tmp/x", "has no 'log or replay'"},
        {"backward: loss 1%", "speaks of the other"},
        {"loss 200%", "loss: '200%'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(tunny_netem("lo", wrong[i].specification, 0, text, sizeof text), -EINVAL);
        if (!strstr(text, wrong[i].sentence))
            fail_msg("'%s' is not in '%s'", wrong[i].sentence, text);
    }
    /* What the other direction asks for does not matter. */
    assert_int_equal(
        tunny_netem("no-such-one", "backward: mask 5", TUNNY_FORWARD, text, sizeof text), -ENODEV);
    assert_int_equal(tunny_netem("lo", "backward: mask 5", TUNNY_BACKWARD, text, sizeof text),
                     -EINVAL);
}

static void the_kernel_takes_it_or_has_none(void **state)
{
    (void)state;
    if (!namespace_enter())
        skip();
    int rc = tunny_netem("lo", "delay 10ms seed 3", 0, text, sizeof text);
    if (rc == -ENOENT)
        assert_non_null(strstr(text, "this kernel has no netem"));
    else
        assert_int_equal(rc, 0);
    if (rc == 0)
        assert_non_null(strstr(text, "seed:")); /* the warning */
    assert_int_equal(tunny_netem("lo", NULL, 0, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_true(tunny_netem("nowhere-at-all/lo", NULL, 0, text, sizeof text) < 0);
    assert_non_null(strstr(text, "no network namespace 'nowhere-at-all'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_netem_can_do_is_refused),
        cmocka_unit_test(the_kernel_takes_it_or_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
