/* Unit tests of syn_cookie.c (RFC 4987, 3.6): what comes back, for how long, and only that. */
#include "tcp/syn_cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

static const struct siphash_key secret = {11, 13};
static struct flow flow;

static int setup(void **state)
{
    (void)state;
    flow = (struct flow){.local = {address_from_ipv4_u32(0xc6120002), 80},
                         .remote = {address_from_ipv4_u32(0xc6120001), 40000}};
    return 0;
}

static struct instant at_s(int64_t s)
{
    return instant_add(INSTANT_ZERO, duration_s(s));
}

static uint32_t make(uint32_t mss, struct instant now)
{
    return syn_cookie_make(&secret, &flow, 777, &(struct syn_cookie){.mss = mss}, now);
}

static bool check(uint32_t iss, uint32_t *mss, struct instant now)
{
    struct syn_cookie cookie = {0};
    bool good = syn_cookie_check(&secret, &flow, 777, iss, &cookie, now);

    *mss = cookie.mss;
    return good;
}

/* R4987-02 */
static void the_segment_size_comes_back_and_never_larger(void **state)
{
    (void)state;
    static const uint16_t usual[] = {536, 1220, 1440, 1460, 8960};
    uint32_t mss;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        assert_true(check(make(usual[i], at_s(1000)), &mss, at_s(1000)));
        assert_int_equal(mss, usual[i]);
    }
    for (uint32_t offered = 216; offered <= 65535; offered += 13) {
        assert_true(check(make(offered, at_s(1000)), &mss, at_s(1000)));
        assert_true(mss <= offered && mss >= offered / 8);
    }
}

static void a_tiny_offer_counts_as_the_least_of_the_table(void **state)
{
    (void)state;
    uint32_t mss;
    assert_true(check(make(0, at_s(1000)), &mss, at_s(1000)));
    assert_int_equal(mss, 216);
}

/* R4987-02 */
static void a_cookie_is_good_for_about_four_minutes(void **state)
{
    (void)state;
    uint32_t mss;
    uint32_t cookie = make(1460, at_s(1000)); /* tick 15: 960 to 1023 */
    for (int64_t s = 1000; s < 1216; s++)
        assert_true(check(cookie, &mss, at_s(s)));
    for (int64_t s = 1216; s < 1216 + 2048 - 256; s += 8)
        assert_false(check(cookie, &mss, at_s(s)));
}

/* R4987-02: the five bits of time come round after 2048 s; the hash does not. */
static void a_cookie_does_not_come_to_life_again(void **state)
{
    (void)state;
    uint32_t mss;
    uint32_t cookie = make(1460, at_s(1000));
    for (int64_t round = 1; round < 20; round++)
        assert_false(check(cookie, &mss, at_s(1000 + 2048 * round)));
}

static void a_cookie_from_the_future_is_none(void **state)
{
    (void)state;
    uint32_t mss;
    assert_false(check(make(1460, at_s(128)), &mss, at_s(10)));
}

/* R4987-02 */
static void every_part_of_the_flow_is_bound(void **state)
{
    (void)state;
    uint32_t mss, cookie = make(1460, at_s(1000));
    struct syn_cookie out = {0};
    struct siphash_key other = {11, 14};
    assert_true(check(cookie, &mss, at_s(1000)));
    assert_false(syn_cookie_check(&secret, &flow, 778, cookie, &out, at_s(1000)));
    assert_false(syn_cookie_check(&other, &flow, 777, cookie, &out, at_s(1000)));
    flow.remote.port++;
    assert_false(check(cookie, &mss, at_s(1000)));
    flow.remote.port--;
    flow.local.port++;
    assert_false(check(cookie, &mss, at_s(1000)));
    flow.local.port--;
    flow.remote.address.bytes[15]++;
    assert_false(check(cookie, &mss, at_s(1000)));
    flow.remote.address.bytes[15]--;
    flow.local.address.bytes[15]++;
    assert_false(check(cookie, &mss, at_s(1000)));
}

/* R4987-02: no bit can be changed: neither time, nor size, nor hash. */
static void every_bit_counts(void **state)
{
    (void)state;
    uint32_t mss, cookie = make(1460, at_s(1000));
    for (int bit = 0; bit < 32; bit++)
        assert_false(check(cookie ^ 1u << bit, &mss, at_s(1000)));
}

/* R4987-02, SYN-cookie misuse: a guess hits with 4 of 32 ticks and 2^-24. */
static void guesses_do_not_hit(void **state)
{
    (void)state;
    struct random random;
    uint32_t mss, hits = 0;
    random_seed(&random, 1);
    for (int i = 0; i < 200000; i++)
        hits += check(random_u32(&random), &mss, at_s(1000));
    assert_int_equal(hits, 0);
}

/* R4987-02 */
static void options_ride_on_the_timestamp(void **state)
{
    (void)state;
    for (unsigned scale = 0; scale <= 15; scale++)
        for (unsigned sack = 0; sack < 2; sack++) {
            struct syn_cookie in = {.sack = sack,
                                    .window_scaling = scale != 15,
                                    .window_scale = (uint8_t)(scale == 15 ? 0 : scale)};
            struct syn_cookie out = {0};
            syn_cookie_from_timestamp(syn_cookie_timestamp(123456, &in), &out);
            assert_int_equal(out.sack, in.sack);
            assert_int_equal(out.window_scaling, in.window_scaling);
            if (in.window_scaling)
                assert_int_equal(out.window_scale, in.window_scale);
        }
}

static void the_timestamp_stays_near_the_clock_and_behind_it(void **state)
{
    (void)state;
    struct syn_cookie cookie = {.sack = true, .window_scaling = true, .window_scale = 14};
    for (uint32_t clock = UINT32_MAX - 300; clock != 300; clock++) {
        uint32_t ts = syn_cookie_timestamp(clock, &cookie);
        assert_true((int32_t)(clock - ts) > 0);
        assert_true(clock - ts < 128);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_segment_size_comes_back_and_never_larger),
        TEST(a_tiny_offer_counts_as_the_least_of_the_table),
        TEST(a_cookie_is_good_for_about_four_minutes),
        TEST(a_cookie_does_not_come_to_life_again),
        TEST(a_cookie_from_the_future_is_none),
        TEST(every_part_of_the_flow_is_bound),
        TEST(every_bit_counts),
        TEST(guesses_do_not_hit),
        TEST(options_ride_on_the_timestamp),
        TEST(the_timestamp_stays_near_the_clock_and_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
