/* Fast Open cookies: Linux's values, bound to both addresses, under keys that change. */
#include "tcp/fast_open_cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4, as the words' bytes stand in memory. */
static const uint8_t key_bytes[16] = {0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2,
                                      0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4, 0xd4};

static struct fast_open_keys known_keys(void)
{
    struct fast_open_keys keys;

    assert_true(fast_open_keys_read(&keys, (struct bytes){key_bytes, sizeof key_bytes}));
    return keys;
}

static const struct address client = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};
static const struct address server = {{[10] = 0xff, 0xff, 192, 168, 0, 1}};

/* R7413-02: the value that Linux gives with this key. */
static void a_cookie_is_that_of_linux(void **state)
{
    static const uint8_t expected[8] = {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb};
    struct fast_open_keys keys = known_keys();
    struct fast_open_cookie cookie;

    (void)state;
    fast_open_cookie_make(&keys, &client, &server, &cookie);
    assert_int_equal(cookie.length, 8);
    assert_memory_equal(cookie.bytes, expected, 8);
    assert_false(cookie.experiment);
}

/* R7413-02: a cookie for A is none for B, nor at another address of ours, nor in the other family.
 */
static void a_cookie_is_bound_to_both_addresses(void **state)
{
    static const struct address v6a = {{0xfd, 0, [15] = 1}}, v6b = {{0xfd, 0, [15] = 2}};
    struct fast_open_keys keys = known_keys();
    struct fast_open_cookie cookie;

    (void)state;
    fast_open_cookie_make(&keys, &client, &server, &cookie);
    assert_int_equal(fast_open_cookie_check(&keys, &client, &server, &cookie), FAST_OPEN_MATCH);
    assert_int_equal(fast_open_cookie_check(&keys, &server, &client, &cookie), FAST_OPEN_MISMATCH);
    assert_int_equal(fast_open_cookie_check(&keys, &client, &client, &cookie), FAST_OPEN_MISMATCH);
    assert_int_equal(fast_open_cookie_check(&keys, &v6a, &v6b, &cookie), FAST_OPEN_MISMATCH);
    fast_open_cookie_make(&keys, &v6a, &v6b, &cookie);
    assert_int_equal(fast_open_cookie_check(&keys, &v6a, &v6b, &cookie), FAST_OPEN_MATCH);
    assert_int_equal(fast_open_cookie_check(&keys, &v6b, &v6a, &cookie), FAST_OPEN_MISMATCH);
}

/* R7413-02: every bit counts, and the length. */
static void a_changed_cookie_is_none(void **state)
{
    struct fast_open_keys keys = known_keys();
    struct fast_open_cookie cookie;

    (void)state;
    fast_open_cookie_make(&keys, &client, &server, &cookie);
    for (int bit = 0; bit < 64; bit++) {
        struct fast_open_cookie changed = cookie;
        changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(fast_open_cookie_check(&keys, &client, &server, &changed),
                         FAST_OPEN_MISMATCH);
    }
    for (uint8_t length = 0; length <= 16; length++) {
        struct fast_open_cookie changed = cookie;
        changed.length = length;
        assert_int_equal(fast_open_cookie_check(&keys, &client, &server, &changed),
                         length == 8 ? FAST_OPEN_MATCH : FAST_OPEN_MISMATCH);
    }
}

/* R7413-02: rotation: cookies of the period before are good, of the one before that no more. */
static void keys_change_with_the_period(void **state)
{
    static const struct siphash_key secret = {1, 2}, other = {1, 3};
    struct fast_open_keys first, second, third, foreign;
    struct fast_open_cookie cookie;

    (void)state;
    fast_open_keys_of(&secret, 0, &first);
    fast_open_keys_of(&secret, 1, &second);
    fast_open_keys_of(&secret, 2, &third);
    fast_open_keys_of(&other, 0, &foreign);
    assert_int_equal(first.count, 1); /* there was nothing before it */
    fast_open_cookie_make(&first, &client, &server, &cookie);
    assert_int_equal(fast_open_cookie_check(&first, &client, &server, &cookie), FAST_OPEN_MATCH);
    assert_int_equal(fast_open_cookie_check(&second, &client, &server, &cookie),
                     FAST_OPEN_MATCH_OLD_KEY);
    assert_int_equal(fast_open_cookie_check(&third, &client, &server, &cookie), FAST_OPEN_MISMATCH);
    assert_int_equal(fast_open_cookie_check(&foreign, &client, &server, &cookie),
                     FAST_OPEN_MISMATCH);
}

static void keys_are_read_and_written_as_bytes(void **state)
{
    uint8_t two[32], out[32];
    struct fast_open_keys keys = {0};

    (void)state;
    for (size_t i = 0; i < sizeof two; i++)
        two[i] = (uint8_t)i;
    assert_true(fast_open_keys_read(&keys, (struct bytes){two, 32}));
    assert_int_equal(keys.count, 2);
    assert_true(keys.key[0].k0 == UINT64_C(0x0706050403020100));
    assert_int_equal(fast_open_keys_write(&keys, out), 32);
    assert_memory_equal(out, two, 32);
    assert_true(fast_open_keys_read(&keys, (struct bytes){two, 16}));
    assert_int_equal(fast_open_keys_write(&keys, out), 16);
    for (size_t length = 0; length < 32; length++)
        assert_int_equal(fast_open_keys_read(&keys, (struct bytes){two, length}), length == 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_is_that_of_linux),
        cmocka_unit_test(a_cookie_is_bound_to_both_addresses),
        cmocka_unit_test(a_changed_cookie_is_none),
        cmocka_unit_test(keys_change_with_the_period),
        cmocka_unit_test(keys_are_read_and_written_as_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
