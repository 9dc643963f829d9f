/* Scripted losses: lists, kinds of packets, masks. */
#include "dev/impair_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "impair_packets.h"

static const uint8_t not_tcp[40] = {0x45, 0, 0, 40};

static bool loses(const struct impair_script *script, struct impair_script_state *state)
{
    return impair_script_loses(script, state, (struct bytes){not_tcp, sizeof not_tcp});
}

static void numbers_and_ranges_are_lost(void **state)
{
    (void)state;
    struct impair_script script = {0};
    struct impair_script_state at = {0};
    assert_int_equal(impair_script_add(&script, "3,7,20-25"), 0);
    for (unsigned number = 1; number <= 40; number++) {
        bool expected = number == 3 || number == 7 || (number >= 20 && number <= 25);
        assert_int_equal(loses(&script, &at), expected);
    }
}

static void a_mask_is_a_picture_that_repeats(void **state)
{
    (void)state;
    struct impair_script script = {.has_mask = true, .mask = UINT64_C(0x8000000000000005)};
    struct impair_script_state at = {0};
    for (unsigned number = 1; number <= 128; number++) {
        unsigned bit = (number - 1) % 64;
        assert_int_equal(loses(&script, &at), bit == 0 || bit == 2 || bit == 63);
    }
}

static void packets_are_known_by_their_kind(void **state)
{
    (void)state;
    const struct tcp_options sack = {.sack_count = 1};
    const struct {
        struct test_packet packet;
        unsigned kinds;
    } known[] = {
        {test_tcp(TCP_SYN, 0, NULL), 1u << IMPAIR_SYN},
        {test_tcp(TCP_SYN | TCP_ACK, 0, NULL), 1u << IMPAIR_SYN},
        {test_tcp(TCP_ACK, 0, NULL), 1u << IMPAIR_ACK},
        {test_tcp(TCP_ACK, 0, &sack), 1u << IMPAIR_ACK | 1u << IMPAIR_SACK},
        {test_tcp(TCP_ACK | TCP_PSH, 5, NULL), 1u << IMPAIR_DATA},
        {test_tcp(TCP_ACK | TCP_FIN, 5, NULL), 1u << IMPAIR_DATA | 1u << IMPAIR_FIN},
        {test_tcp(TCP_ACK | TCP_FIN, 0, NULL), 1u << IMPAIR_FIN},
        {test_tcp(TCP_RST, 0, NULL), 1u << IMPAIR_RST},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(impair_kinds_of(test_bytes(&known[i].packet)),
                         known[i].kinds | 1u << IMPAIR_ANY);
}

static void what_is_not_tcp_is_any_packet(void **state)
{
    (void)state;
    uint8_t fragment[40] = {0x45, 0, 0, 40, 0, 0, 0, 1, 64, 6};
    uint8_t v6[60] = {0x60, 0, 0, 0, 0, 20, 6};
    put_be16(fragment + 10, checksum_of(fragment, 20));
    v6[40 + 12] = 5 << 4;
    v6[40 + 13] = TCP_SYN;
    assert_int_equal(impair_kinds_of((struct bytes){not_tcp, sizeof not_tcp}), 1);
    assert_int_equal(impair_kinds_of((struct bytes){fragment, sizeof fragment}), 1);
    assert_int_equal(impair_kinds_of((struct bytes){v6, 45}), 1);
    assert_int_equal(impair_kinds_of((struct bytes){v6, sizeof v6}), 1 | 1u << IMPAIR_SYN);
}

static void kinds_are_counted_each_by_itself(void **state)
{
    (void)state;
    struct impair_script script = {0};
    struct impair_script_state at = {0};
    struct test_packet syn = test_tcp(TCP_SYN, 0, NULL), data = test_tcp(TCP_ACK, 9, NULL);
    assert_int_equal(impair_script_add(&script, "syn#1,data#2-3"), 0);
    assert_true(impair_script_loses(&script, &at, test_bytes(&syn)));
    assert_false(impair_script_loses(&script, &at, test_bytes(&syn)));
    assert_false(impair_script_loses(&script, &at, test_bytes(&data)));
    assert_true(impair_script_loses(&script, &at, test_bytes(&data)));
    assert_true(impair_script_loses(&script, &at, test_bytes(&data)));
    assert_false(impair_script_loses(&script, &at, test_bytes(&data)));
}

static void wrong_lists_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "0",     "3,", ",3",    "5-3",
                                        "syn", "syn#",  "#",  "syn#0", "ack#-1",
                                        "3;4", "urg#1", "3-", "a#1",   "99999999999999999999",
                                        "1 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct impair_script script = {0};
        assert_int_equal(impair_script_add(&script, wrong[i]), -EINVAL);
    }
}

static void at_most_64_ranges_are_kept(void **state)
{
    (void)state;
    struct impair_script script = {0};
    for (int i = 0; i < IMPAIR_RANGES; i++)
        assert_int_equal(impair_script_add(&script, "#1"), 0);
    assert_int_equal(impair_script_add(&script, "#1"), -E2BIG);
}

static void a_probability_is_no_list(void **state)
{
    (void)state;
    assert_false(impair_script_is_list("3%"));
    assert_false(impair_script_is_list("3"));
    assert_false(impair_script_is_list("random"));
    assert_true(impair_script_is_list("3,4"));
    assert_true(impair_script_is_list("3-4"));
    assert_true(impair_script_is_list("#3"));
    assert_true(impair_script_is_list("syn#3"));
}

static void its_text_reads_back(void **state)
{
    (void)state;
    struct impair_script script = {.has_mask = true, .mask = 0x5};
    char text[256];
    assert_int_equal(impair_script_add(&script, "3,20-25,fin#1"), 0);
    assert_int_equal(impair_script_text(&script, text, sizeof text), 30);
    assert_string_equal(text, " drop #3,#20-25,fin#1 mask 0x5");
    assert_int_equal(impair_script_text(&(struct impair_script){0}, text, sizeof text), 0);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_ranges_are_lost),
        cmocka_unit_test(a_mask_is_a_picture_that_repeats),
        cmocka_unit_test(packets_are_known_by_their_kind),
        cmocka_unit_test(what_is_not_tcp_is_any_packet),
        cmocka_unit_test(kinds_are_counted_each_by_itself),
        cmocka_unit_test(wrong_lists_are_refused),
        cmocka_unit_test(at_most_64_ranges_are_kept),
        cmocka_unit_test(a_probability_is_no_list),
        cmocka_unit_test(its_text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
