/* The checksum against the plain sum of 16-bit words, at all lengths, alignments and splits. */
#define _GNU_SOURCE
#include "wire/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "guard.h"

/* RFC 1071, 1: word by word, the end-around carry at the end. */
static uint16_t naive_fold(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void fill(uint8_t *p, size_t len, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)random_u32(&random);
}

static void the_example_of_rfc_1071(void **state)
{
    (void)state;
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    struct checksum c = {0};
    checksum_add(&c, example, sizeof example);
    assert_int_equal(checksum_fold(&c), 0xddf2);
    assert_int_equal(checksum_finish(&c), 0x220d);
}

static void all_lengths_and_alignments_agree_with_the_plain_sum(void **state)
{
    (void)state;
    static uint8_t data[4096 + 16];
    fill(data, sizeof data, 20266);
    for (size_t at = 0; at < 16; at++)
        for (size_t len = 0; len <= 4096; len++) {
            uint16_t expected = (uint16_t)~naive_fold(data + at, len);
            assert_int_equal(checksum_of(data + at, len), expected);
        }
}

static void carries_are_not_lost(void **state)
{
    (void)state;
    static uint8_t ones[65535];
    memset(ones, 0xff, sizeof ones);
    for (size_t len = 0; len <= sizeof ones; len += len < 300 ? 1 : 317) {
        struct checksum c = {0};
        checksum_add(&c, ones, len);
        assert_int_equal(checksum_fold(&c), naive_fold(ones, len));
    }
}

static void nothing_behind_the_end_is_read(void **state)
{
    (void)state;
    struct guard g = guard_make();
    static uint8_t data[200];
    fill(data, sizeof data, 3);
    for (size_t len = 0; len <= sizeof data; len++) {
        struct bytes copy = guard_copy(&g, data, len);
        assert_int_equal(checksum_of(copy.data, len), (uint16_t)~naive_fold(data, len));
    }
    guard_free(&g);
}

/* gVisor 50d0c052b, RFC 1624 (sums combined at odd offsets): every split in three */
static void every_split_gives_the_same(void **state)
{
    (void)state;
    uint8_t data[150];
    fill(data, sizeof data, 20267);
    uint16_t expected = checksum_of(data, sizeof data);
    for (size_t first = 0; first <= sizeof data; first++)
        for (size_t second = first; second <= sizeof data; second++) {
            struct checksum c = {0};
            checksum_add(&c, data, first);
            checksum_add(&c, data + first, second - first);
            checksum_add(&c, data + second, sizeof data - second);
            assert_int_equal(checksum_finish(&c), expected);
        }
}

static void random_scatter_gives_the_same(void **state)
{
    (void)state;
    static uint8_t data[20000];
    uint64_t seed = 20268;
    struct random random;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    fill(data, sizeof data, seed);
    uint16_t expected = checksum_of(data, sizeof data);
    for (int i = 0; i < 300; i++) {
        struct checksum c = {0};
        size_t at = 0;
        while (at < sizeof data) {
            size_t len = random_below(&random, 700);
            if (len > sizeof data - at)
                len = sizeof data - at;
            checksum_add(&c, data + at, len);
            at += len;
        }
        assert_int_equal(checksum_finish(&c), expected);
    }
}

static void pseudo_headers_are_those_of_the_rfcs(void **state)
{
    (void)state;
    static const uint8_t ipv4[] = {198, 18, 0, 1, 198, 18, 0, 2, 0, 6, 0x12, 0x34};
    uint8_t ipv6[40] = {[0] = 0xfd, [15] = 1, [16] = 0xfd, [31] = 2, [33] = 1, [34] = 2, [39] = 58};
    struct address a = address_from_ipv4(ipv4), b = address_from_ipv4(ipv4 + 4);
    struct checksum c = {0};
    checksum_add_pseudo(&c, &a, &b, 6, 0x1234);
    assert_int_equal(checksum_fold(&c), naive_fold(ipv4, sizeof ipv4));
    a = address_from_ipv6(ipv6);
    b = address_from_ipv6(ipv6 + 16);
    c = (struct checksum){0};
    checksum_add_pseudo(&c, &a, &b, 58, 0x10200);
    assert_int_equal(checksum_fold(&c), naive_fold(ipv6, sizeof ipv6));
}

/* RFC 1624, 4 gives this example, where the older equation went wrong. */
static void an_update_equals_a_new_sum(void **state)
{
    (void)state;
    assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
    uint8_t data[20];
    fill(data, sizeof data, 5);
    for (unsigned to = 0; to <= 0xffff; to += 13) {
        uint16_t from = get_be16(data + 4);
        uint16_t field = checksum_of(data, sizeof data);
        put_be16(data + 4, (uint16_t)to);
        assert_int_equal(checksum_update(field, from, (uint16_t)to),
                         checksum_of(data, sizeof data));
    }
}

static void completing_fills_the_field(void **state)
{
    (void)state;
    uint8_t packet[60];
    fill(packet, sizeof packet, 6);
    put_be16(packet + 20 + 16, 0x1234);
    uint16_t expected = (uint16_t)~naive_fold(packet + 20, 40);
    checksum_complete(packet, sizeof packet, 20, 16);
    assert_int_equal(get_be16(packet + 36), expected);
}

/* R768-02 */
static void udp_sums_are_never_zero(void **state)
{
    (void)state;
    uint8_t datagram[10] = {0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0};
    checksum_complete(datagram, sizeof datagram, 0, 6);
    assert_int_equal(get_be16(datagram + 6), 0xffff);
    uint8_t segment[20] = {[0] = 0xff, [1] = 0xff};
    checksum_complete(segment, sizeof segment, 0, 16);
    assert_int_equal(get_be16(segment + 16), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_1071),
        cmocka_unit_test(all_lengths_and_alignments_agree_with_the_plain_sum),
        cmocka_unit_test(carries_are_not_lost),
        cmocka_unit_test(nothing_behind_the_end_is_read),
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(random_scatter_gives_the_same),
        cmocka_unit_test(pseudo_headers_are_those_of_the_rfcs),
        cmocka_unit_test(an_update_equals_a_new_sum),
        cmocka_unit_test(completing_fills_the_field),
        cmocka_unit_test(udp_sums_are_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
