/* Keys from the kernel are full and never the same. */
#include "dev/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 6528, 3: the key of ISNs must not be guessable. Equal by chance: 2^-64. */
static void keys_differ_in_both_halves(void **state)
{
    (void)state;
    struct siphash_key a, b;
    assert_int_equal(secret_fill(&a), 0);
    assert_int_equal(secret_fill(&b), 0);
    assert_true(a.k0 != b.k0);
    assert_true(a.k1 != b.k1);
    assert_true(a.k0 != a.k1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_differ_in_both_halves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
