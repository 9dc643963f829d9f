/* SHA-256 against the vectors of FIPS 180-4's examples and against itself at every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/sha256.h"

static void assert_digest(const char *text, size_t times, const char *expected)
{
    struct sha256 sha;
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_TEXT];
    sha256_start(&sha);
    for (size_t i = 0; i < times; i++)
        sha256_add(&sha, text, strlen(text));
    sha256_end(&sha, digest);
    assert_string_equal(sha256_text(digest, hex), expected);
}

static void digests_the_published_examples(void **state)
{
    (void)state;
    assert_digest("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_digest("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void does_not_care_how_the_text_is_cut(void **state)
{
    unsigned char text[200], whole[SHA256_BYTES], cut[SHA256_BYTES];
    struct sha256 sha;
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7);
    for (size_t length = 0; length <= sizeof text; length++) {
        sha256_start(&sha);
        sha256_add(&sha, text, length);
        sha256_end(&sha, whole);
        for (size_t at = 0; at <= length; at++) {
            sha256_start(&sha);
            sha256_add(&sha, text, at);
            sha256_add(&sha, text + at, length - at);
            sha256_end(&sha, cut);
            assert_memory_equal(whole, cut, sizeof whole);
        }
    }
}

static void reads_64_digits_of_either_case_and_nothing_else(void **state)
{
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_TEXT + 1];
    (void)state;
    memset(text, 'A', 64);
    text[64] = '\0';
    assert_int_equal(sha256_parse(text, digest), 0);
    assert_int_equal(digest[31], 0xaa);
    text[5] = 'g';
    assert_true(sha256_parse(text, digest) < 0);
    text[5] = 'f';
    text[63] = '\0';
    assert_true(sha256_parse(text, digest) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_the_published_examples),
        cmocka_unit_test(does_not_care_how_the_text_is_cut),
        cmocka_unit_test(reads_64_digits_of_either_case_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
