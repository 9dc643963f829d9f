/* Words, times, rates, sizes and percentages as tc reads them. */
#include "dev/netem_units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int64_t ns_of(const char *word)
{
    struct duration time = {-1};
    return netem_read_time(word, &time) == 0 ? time.ns : -1;
}

static void times_have_units(void **state)
{
    (void)state;
    assert_int_equal(ns_of("20ms"), 20000000);
    assert_int_equal(ns_of("1.5s"), 1500000000);
    assert_int_equal(ns_of("300us"), 300000);
    assert_int_equal(ns_of("300USECS"), 300000);
    assert_int_equal(ns_of("2secs"), 2000000000);
    assert_int_equal(ns_of("7msec"), 7000000);
    assert_int_equal(ns_of("100ns"), 100);
    assert_int_equal(ns_of("0"), 0);
}

static void a_bare_time_counts_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(ns_of("10"), 10);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "ms", "10m",    "10 ms", "-5ms", "inf",
                                        "nan", "1h", "1e300s", "10ms5", "0x10q"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(ns_of(wrong[i]), -1);
}

static void times_are_written_in_the_largest_whole_unit(void **state)
{
    (void)state;
    char text[NETEM_TIME_TEXT_SIZE];
    assert_string_equal(netem_time_text(duration_ms(1500), text), "1500ms");
    assert_string_equal(netem_time_text(duration_s(2), text), "2s");
    assert_string_equal(netem_time_text(duration_ns(1500), text), "1500ns");
    assert_string_equal(netem_time_text(duration_us(15), text), "15us");
    assert_string_equal(netem_time_text(DURATION_ZERO, text), "0ns");
}

static uint32_t probability_of(const char *word)
{
    double share = -1;
    assert_int_equal(netem_read_share(word, &share), 0);
    return netem_share_to_u32(share);
}

static void percentages_become_shares_of_2_to_the_32_less_1(void **state)
{
    (void)state;
    assert_int_equal(probability_of("0%"), 0);
    assert_int_equal(probability_of("100%"), UINT32_MAX);
    assert_int_equal(probability_of("100"), UINT32_MAX);
    assert_int_equal(probability_of("3%"), 128849019);   /* 128849018.85 */
    assert_int_equal(probability_of("0.5"), 21474836);   /* half a percent: 21474836.475 */
    assert_int_equal(probability_of("50%"), 2147483648); /* 2147483647.5, half to even */
}

static void what_is_no_percentage_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "%", "101%", "-1%", "3%%", "3 %", "x", "nan", "1e9"};
    double share;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(netem_read_share(wrong[i], &share), -EINVAL);
}

static uint64_t rate_of(const char *word)
{
    uint64_t rate = 0;
    assert_int_equal(netem_read_rate(word, 0, &rate), 0);
    return rate;
}

static void rates_are_bits_or_bytes_a_second(void **state)
{
    (void)state;
    assert_int_equal(rate_of("10mbit"), 1250000);
    assert_int_equal(rate_of("5kbit"), 625);
    assert_int_equal(rate_of("10"), 1);           /* 10 bit/s are shown as 8bit */
    assert_int_equal(rate_of("100kbps"), 100000); /* kilobytes */
    assert_int_equal(rate_of("1Gbit"), 125000000);
    assert_int_equal(rate_of("1kibit"), 128);
    assert_int_equal(rate_of("1mibps"), 1 << 20);
    assert_int_equal(rate_of("1.5tbit"), 187500000000);
}

static void a_share_of_a_speed_needs_a_speed(void **state)
{
    (void)state;
    uint64_t rate;
    assert_int_equal(netem_read_rate("50%", 1250000, &rate), 0);
    assert_int_equal(rate, 625000);
    assert_int_equal(netem_read_rate("50%", 0, &rate), -ENODEV);
    assert_int_equal(netem_read_rate("150%", 1250000, &rate), -EINVAL);
    assert_int_equal(netem_read_rate("10mbits", 0, &rate), -EINVAL);
}

static void sizes_count_in_1024(void **state)
{
    (void)state;
    uint32_t size;
    assert_int_equal(netem_read_size("1000", &size), 0);
    assert_int_equal(size, 1000);
    assert_int_equal(netem_read_size("10k", &size), 0);
    assert_int_equal(size, 10240);
    assert_int_equal(netem_read_size("1mb", &size), 0);
    assert_int_equal(size, 1 << 20);
    assert_int_equal(netem_read_size("8kbit", &size), 0);
    assert_int_equal(size, 1024);
    assert_int_equal(netem_read_size("5g", &size), -EINVAL);
    assert_int_equal(netem_read_size("k", &size), -EINVAL);
}

static void whole_numbers_are_decimal_or_hexadecimal(void **state)
{
    (void)state;
    uint64_t wide;
    int32_t narrow;
    assert_int_equal(netem_read_u64("18446744073709551615", &wide), 0);
    assert_true(wide == UINT64_MAX);
    assert_int_equal(netem_read_u64("0xdeadbeefcafe", &wide), 0);
    assert_true(wide == UINT64_C(0xdeadbeefcafe));
    assert_int_equal(netem_read_u64("010", &wide), 0);
    assert_true(wide == 10);
    assert_int_equal(netem_read_u64("18446744073709551616", &wide), -EINVAL);
    assert_int_equal(netem_read_u64("-1", &wide), -EINVAL);
    assert_int_equal(netem_read_u64("12x", &wide), -EINVAL);
    assert_int_equal(netem_read_s32("-14", &narrow), 0);
    assert_int_equal(narrow, -14);
    assert_int_equal(netem_read_s32("2147483648", &narrow), -EINVAL);
    assert_int_equal(netem_read_s32("--1", &narrow), -EINVAL);
}

static void words_come_one_by_one_with_one_in_sight(void **state)
{
    (void)state;
    const char text[] = "  delay\t20ms \n-5 x;rest";
    struct netem_words words;
    char word[NETEM_WORD_SIZE];
    netem_words_start(&words, text, strchr(text, ';'));
    assert_string_equal(words.next, "delay");
    assert_false(netem_words_number_follows(&words));
    assert_true(netem_words_take(&words, word));
    assert_string_equal(word, "delay");
    assert_true(netem_words_number_follows(&words));
    assert_true(netem_words_take(&words, word));
    assert_false(netem_words_number_follows(&words));
    assert_true(netem_words_signed_number_follows(&words));
    assert_true(netem_words_take(&words, word));
    assert_string_equal(word, "-5");
    assert_true(netem_words_take(&words, word));
    assert_string_equal(word, "x");
    assert_false(netem_words_take(&words, word));
    assert_string_equal(word, "");
}

static void a_word_without_end_is_cut_off(void **state)
{
    (void)state;
    char text[1000];
    struct netem_words words;
    memset(text, '7', sizeof text);
    netem_words_start(&words, text, text + sizeof text);
    assert_int_equal(strlen(words.next), NETEM_WORD_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(a_bare_time_counts_nanoseconds),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_written_in_the_largest_whole_unit),
        cmocka_unit_test(percentages_become_shares_of_2_to_the_32_less_1),
        cmocka_unit_test(what_is_no_percentage_is_refused),
        cmocka_unit_test(rates_are_bits_or_bytes_a_second),
        cmocka_unit_test(a_share_of_a_speed_needs_a_speed),
        cmocka_unit_test(sizes_count_in_1024),
        cmocka_unit_test(whole_numbers_are_decimal_or_hexadecimal),
        cmocka_unit_test(words_come_one_by_one_with_one_in_sight),
        cmocka_unit_test(a_word_without_end_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
