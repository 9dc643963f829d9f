/* The limit of ICMP errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ip/icmp_limit.h"

static const struct siphash_key key = {5, 6};

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static struct address numbered(uint32_t n)
{
    return address_from_ipv4_u32(0xc6120000 + n);
}

/* R4443-02 */
static void one_destination_gets_a_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct icmp_limit limit;
    struct address a = numbered(1);
    icmp_limit_init(&limit, &key, 1);
    unsigned sent = 0;
    for (unsigned i = 0; i < 1000; i++)
        sent += icmp_limit_allows(&limit, &a, at_ms(5000));
    assert_int_equal(sent, ICMP_LIMIT_BURST_TO_ONE);
    for (int64_t ms = 5000; ms < 15000; ms++)
        sent += icmp_limit_allows(&limit, &a, at_ms(ms));
    assert_in_range(sent, ICMP_LIMIT_BURST_TO_ONE + 10 * ICMP_LIMIT_RATE_TO_ONE - 1,
                    ICMP_LIMIT_BURST_TO_ONE + 10 * ICMP_LIMIT_RATE_TO_ONE);
}

/* ICMP errors unlimited: also when sources are forged. */
static void all_together_get_a_rate(void **state)
{
    (void)state;
    struct icmp_limit limit;
    icmp_limit_init(&limit, &key, 1);
    unsigned sent = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        struct address a = numbered(i);
        sent += icmp_limit_allows(&limit, &a, at_ms(i / 100)); /* 10 s */
    }
    /* Random costs average 1; the buckets of 256 groups of destinations allow 5120 a second. */
    assert_in_range(sent, 9000, 12000);
}

static void idle_time_saves_no_more_than_the_burst(void **state)
{
    (void)state;
    struct icmp_limit limit;
    struct address a = numbered(1);
    icmp_limit_init(&limit, &key, 1);
    for (int64_t year = 0; year < 250; year += 50) {
        unsigned sent = 0;
        for (unsigned i = 0; i < 1000; i++)
            sent += icmp_limit_allows(&limit, &a, at_ms(year * 366 * 86400 * 1000));
        assert_int_equal(sent, ICMP_LIMIT_BURST_TO_ONE);
    }
}

/* One observer's share of what is left after `others` errors to other addresses, in the same
 * millisecond. */
static unsigned left_after(struct icmp_limit *limit, uint32_t others, int64_t ms)
{
    struct address observer = numbered(1);
    unsigned left = 0;
    for (uint32_t i = 0; i < others; i++) {
        struct address a = numbered(1000 + i);
        icmp_limit_allows(limit, &a, at_ms(ms));
    }
    for (unsigned i = 0; i < 100; i++)
        left += icmp_limit_allows(limit, &observer, at_ms(ms));
    return left;
}

/* SAD DNS ICMP limiter: 49 and 50 errors to forged sources cannot be told apart by what is left. */
static void what_is_left_in_the_shared_bucket_cannot_be_counted(void **state)
{
    (void)state;
    unsigned seen[2][2] = {{0}};
    for (uint64_t seed = 0; seed < 400; seed++) {
        for (unsigned more = 0; more < 2; more++) {
            struct icmp_limit limit;
            icmp_limit_init(&limit, &key, seed * 2 + more);
            seen[more][left_after(&limit, 49 + more, 1000) > 0]++;
        }
    }
    /* Both outcomes are seen in both cases, about equally often: one probe tells next to nothing.
     */
    for (unsigned more = 0; more < 2; more++) {
        assert_true(seen[more][0] > 80);
        assert_true(seen[more][1] > 80);
    }
}

/* SAD DNS ICMP limiter: a flood to one does not silence the errors to others. */
static void one_flood_leaves_the_others_their_errors(void **state)
{
    (void)state;
    struct icmp_limit limit;
    struct address flooded = numbered(7);
    icmp_limit_init(&limit, &key, 1);
    unsigned others = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        icmp_limit_allows(&limit, &flooded, at_ms(i));
        icmp_limit_allows(&limit, &flooded, at_ms(i));
        if (i % 100 == 0) {
            struct address other = numbered(10000 + i);
            others += icmp_limit_allows(&limit, &other, at_ms(i));
        }
    }
    assert_true(others >= 95); /* of 100; a few share the bucket of the flooded one */
}

static void a_whole_ipv6_subnet_is_one_destination(void **state)
{
    (void)state;
    struct icmp_limit limit;
    struct address a = {{0xfd, [8] = 1}};
    icmp_limit_init(&limit, &key, 1);
    unsigned sent = 0;
    for (unsigned i = 0; i < 200; i++) {
        a.bytes[15] = (uint8_t)i;
        sent += icmp_limit_allows(&limit, &a, at_ms(1000));
    }
    assert_int_equal(sent, ICMP_LIMIT_BURST_TO_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_destination_gets_a_burst_and_then_its_rate),
        cmocka_unit_test(all_together_get_a_rate),
        cmocka_unit_test(idle_time_saves_no_more_than_the_burst),
        cmocka_unit_test(what_is_left_in_the_shared_bucket_cannot_be_counted),
        cmocka_unit_test(one_flood_leaves_the_others_their_errors),
        cmocka_unit_test(a_whole_ipv6_subnet_is_one_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
