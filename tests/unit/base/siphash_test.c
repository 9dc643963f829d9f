/* SipHash-2-4 against the vectors of the paper's reference implementation. */
#include "base/siphash.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

static uint64_t of_first_numbers(size_t len)
{
    uint8_t data[64];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    return siphash(&key, data, len);
}

/* The paper's appendix A has length 15; the others are in the authors' table. */
static void published_vectors_come_out(void **state)
{
    (void)state;
    assert_int_equal(of_first_numbers(0), UINT64_C(0x726fdb47dd0e0e31));
    assert_int_equal(of_first_numbers(1), UINT64_C(0x74f839c593dc67fd));
    assert_int_equal(of_first_numbers(8), UINT64_C(0x93f5f5799a932462));
    assert_int_equal(of_first_numbers(15), UINT64_C(0xa129ca6149be45e5));
}

static void every_length_and_alignment_counts(void **state)
{
    (void)state;
    uint64_t seen[64];
    uint8_t data[80] = {0};
    for (size_t len = 0; len < 64; len++) {
        seen[len] = siphash(&key, data, len);
        for (size_t at = 1; at < 8; at++)
            assert_int_equal(siphash(&key, data + at, len), seen[len]);
        for (size_t shorter = 0; shorter < len; shorter++)
            assert_true(seen[shorter] != seen[len]);
    }
}

static void both_halves_of_the_key_count(void **state)
{
    (void)state;
    struct siphash_key first = key, second = key;
    first.k0 ^= 1;
    second.k1 ^= 1;
    uint64_t hash = siphash(&key, "tunny", 5);
    assert_true(siphash(&first, "tunny", 5) != hash);
    assert_true(siphash(&second, "tunny", 5) != hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_come_out),
        cmocka_unit_test(every_length_and_alignment_counts),
        cmocka_unit_test(both_halves_of_the_key_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
