/* Unit tests of packet_build.c, packet_read.c, packet_text.c and match.c: what a script says, as
 * bytes and back. */
#include "drill/packet_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "drill/match.h"
#include "drill/parse.h"

static uint8_t bytes[PACKET_BYTES_MOST];
static struct arena arena;

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct packet_spec *spec_of(const char *line)
{
    struct script script;
    struct parse_error error;
    const char *text = arena_printf(&arena, "0 %s", line);
    assert_int_equal(parse_script(&script, "test", text, NULL, &arena, &error), PARSE_OK);
    return script.events->packet;
}

static struct seen_packet there_and_back(const char *line, bool ipv6)
{
    struct place from = {.ipv6 = ipv6, .address = {1, 2, 3, 4}, .port = 1000};
    struct place to = {.ipv6 = ipv6, .address = {5, 6, 7, 8}, .port = 2000};
    struct seen_packet seen;
    size_t length = packet_build(spec_of(line), &from, &to, bytes);
    assert_true(length > 0);
    packet_read(bytes, length, &seen);
    return seen;
}

static void comes_back_as_it_was_written(const char *line, bool ipv6)
{
    char text[PACKET_TEXT], difference[DIFFERENCE_TEXT];
    struct seen_packet seen = there_and_back(line, ipv6);
    assert_null(seen.fault);
    assert_string_equal(packet_text(&seen.spec, ipv6, text), line);
    assert_true(packet_matches(spec_of(line), &seen.spec, ipv6, difference));
}

static void tcp_comes_back_as_it_was_written(void **state)
{
    (void)state;
    comes_back_as_it_was_written("> FPU. 5:15(10) ack 7 win 300 urg 4", false);
    comes_back_as_it_was_written(
        "> S 0:0(0) win 65535 <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 8>", false);
    comes_back_as_it_was_written("> . 1:1(0) ack 1 win 5 <nop,nop,sack 1:2 3:4>", true);
    comes_back_as_it_was_written("> [ect0] P. 1:1001(1000) ack 1 win 5", true);
    comes_back_as_it_was_written("> S 0:0(0) win 5 <FO 0102030405060708,nop,nop>", false);
}

static void udp_and_icmp_come_back(void **state)
{
    (void)state;
    comes_back_as_it_was_written("> udp (101)", false);
    comes_back_as_it_was_written("> udp (0)", true);
    comes_back_as_it_was_written("> icmp echo_request id 7 (33)", false);
    comes_back_as_it_was_written("> icmp unreachable port_unreachable [udp (9)]", false);
    comes_back_as_it_was_written("> icmp unreachable frag_needed mtu 1200 [1:1001(1000)]", false);
}

static void a_changed_byte_is_a_fault(void **state)
{
    struct place from = {.port = 1}, to = {.port = 2};
    struct seen_packet seen;
    (void)state;
    size_t length = packet_build(spec_of("> P. 1:11(10) ack 1 win 5"), &from, &to, bytes);
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x40;
        packet_read(bytes, length, &seen);
        assert_non_null(seen.fault);
        bytes[i] ^= 0x40;
    }
}

static void no_cut_packet_reads_beyond_its_end(void **state)
{
    struct place from = {.port = 1}, to = {.port = 2};
    struct seen_packet seen;
    uint8_t exact[200];
    (void)state;
    size_t length = packet_build(spec_of("> . 1:1(0) ack 1 win 5 <nop,nop,sack 1:2>"), &from, &to,
                                 bytes);
    for (size_t i = 0; i < length; i++) {
        memcpy(exact + sizeof exact - i, bytes, i);
        packet_read(exact + sizeof exact - i, i, &seen);
        assert_non_null(seen.fault);
    }
}

static void a_difference_is_named_with_both_values(void **state)
{
    char difference[DIFFERENCE_TEXT];
    struct seen_packet seen = there_and_back("> P. 1:11(10) ack 7 win 300", false);
    (void)state;
    assert_false(
        packet_matches(spec_of("> P. 1:11(10) ack 8 win 300"), &seen.spec, false, difference));
    assert_string_equal(difference, "ack: expected 8, got 7");
    assert_false(packet_matches(spec_of("> . 1:11(10) ack 7"), &seen.spec, false, difference));
    assert_string_equal(difference, "flags: expected ., got P.");
    assert_false(
        packet_matches(spec_of("> P. 1:11(10) ack 7 <nop,nop>"), &seen.spec, false, difference));
    assert_false(packet_matches(spec_of("> udp (10)"), &seen.spec, false, difference));
    assert_true(
        packet_matches(spec_of("> P. 1:11(10) ack 7 <...>"), &seen.spec, false, difference));
}

static void too_many_options_do_not_fit(void **state)
{
    struct place from = {.port = 1}, to = {.port = 2};
    (void)state;
    assert_int_equal(packet_build(spec_of("> . 1:1(0) ack 1 <sack 1:2 3:4 5:6 7:8,TS val 1 ecr 1>"),
                                  &from, &to, bytes),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(tcp_comes_back_as_it_was_written, end),
        cmocka_unit_test_teardown(udp_and_icmp_come_back, end),
        cmocka_unit_test_teardown(a_changed_byte_is_a_fault, end),
        cmocka_unit_test_teardown(no_cut_packet_reads_beyond_its_end, end),
        cmocka_unit_test_teardown(a_difference_is_named_with_both_values, end),
        cmocka_unit_test_teardown(too_many_options_do_not_fit, end),
    };
    return cmocka_run_group_tests_name("drill packets", tests, NULL, NULL);
}
