/* Unit tests of the parser: parse.c, parse_packet.c, parse_options.c, parse_call.c. */
#include "drill/parse.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct script script;
static struct parse_error error;

static int begin(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static enum parse_verdict parse(const char *text)
{
    return parse_script(&script, "test", text, NULL, &arena, &error);
}

/* The packet of a script of one line. */
static const struct packet_spec *packet(const char *text)
{
    assert_int_equal(parse(text), PARSE_OK);
    assert_int_equal(script.events->kind, EVENT_PACKET);
    return script.events->packet;
}

static void a_tcp_line_gives_all_its_fields(void **state)
{
    (void)state;
    const struct packet_spec *p = packet(
        "+.1 < [ect0] 40 > 50 FPU. 5:15(10) ack 7 win 300 urg 4 <mss 1460,nop,wscale 7>");
    assert_int_equal(p->direction, INBOUND);
    assert_int_equal(p->flags, FLAG_FIN | FLAG_PSH | FLAG_URG | FLAG_ACK);
    assert_int_equal(p->seq, 5);
    assert_int_equal(p->length, 10);
    assert_int_equal(p->ack, 7);
    assert_int_equal(p->window, 300);
    assert_int_equal(p->urgent, 4);
    assert_int_equal(p->source_port, 40);
    assert_int_equal(p->destination_port, 50);
    assert_int_equal(p->tos_check, TOS_ECN);
    assert_int_equal(p->tos, 2);
    assert_int_equal(p->options_count, 3);
    assert_int_equal(p->options[0].value, 1460);
    assert_int_equal(p->options[2].kind, OPTION_WSCALE);
}

static void what_is_not_said_is_known_to_be_unsaid(void **state)
{
    (void)state;
    const struct packet_spec *p = packet("* > . 1:1(0) ack 1 <...>");
    assert_int_equal(script.events->time_kind, TIME_ANY);
    assert_int_equal(p->window, -1);
    assert_int_equal(p->ttl, -1);
    assert_int_equal(p->tos_check, TOS_UNSAID);
    assert_true(p->any_options);
}

static void options_that_have_values(void **state)
{
    (void)state;
    const struct packet_spec *p = packet(
        "0 < . 1:1(0) ack 1 win 5 <TS val 8 ecr 9,sack 1:2 3:4,FO a1b2,md5 00ff>");
    assert_int_equal(p->options[0].value, 8);
    assert_int_equal(p->options[0].echo, 9);
    assert_int_equal(p->options[1].blocks, 2);
    assert_int_equal(p->options[1].block[1].right, 4);
    assert_int_equal(p->options[2].kind, OPTION_FAST_OPEN);
    assert_int_equal(p->options[2].length, 2);
    assert_int_equal(p->options[2].bytes[0], 0xa1);
    assert_int_equal(p->options[3].kind, OPTION_MD5);
}

static void accurate_ecn_writes_a_digit_among_the_flags(void **state)
{
    (void)state;
    assert_int_equal(packet("0 > S.5 0:0(0) ack 1")->flags,
                     FLAG_SYN | FLAG_ACK | FLAG_AE | FLAG_ECE);
    assert_int_equal(packet("0 > - 0:0(0)")->flags, 0);
    assert_int_equal(packet("0 > SEW 0:0(0)")->flags, FLAG_SYN | FLAG_ECE | FLAG_CWR);
}

static void udp_and_icmp_lines(void **state)
{
    (void)state;
    assert_int_equal(packet("0 < udp 5 > 6 (1000)")->length, 1000);
    const struct packet_spec *p = packet("0 < icmp unreachable frag_needed mtu 1200 [1:11(10)]");
    assert_int_equal(p->icmp_type, 3);
    assert_int_equal(p->icmp_code, 4);
    assert_int_equal(p->icmp_mtu, 1200);
    assert_true(p->quoted.said);
    assert_int_equal(p->quoted.protocol, IPPROTO_TCP);
    assert_int_equal(p->quoted.length, 10);
    assert_int_equal(
        packet("--ip_version=ipv6\n0 < icmp packet_too_big mtu 1280 [1:2(1)]")->icmp_type, 2);
}

static void times_are_absolute_relative_or_ranges(void **state)
{
    (void)state;
    assert_int_equal(parse("1.5 > . 1:1(0) ack 1\n+.25~+.5 > . 1:1(0) ack 1"), PARSE_OK);
    assert_int_equal(script.events->time_kind, TIME_ABSOLUTE);
    assert_int_equal(script.events->start_us, 1500000);
    assert_int_equal(script.events->next->time_kind, TIME_RELATIVE);
    assert_int_equal(script.events->next->start_us, 250000);
    assert_int_equal(script.events->next->stop_us, 500000);
    assert_true(script.events->next->range);
}

static void a_call_has_arguments_a_result_and_an_error(void **state)
{
    (void)state;
    assert_int_equal(parse("0.1...0.2 read(4, ..., 1000) = -1 EAGAIN (Try again)\n"
                           "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=0}], 1, 0) = 0"),
                     PARSE_OK);
    const struct call_spec *call = script.events->call;
    assert_string_equal(call->name, "read");
    assert_true(call->blocks);
    assert_int_equal(call->end_us, 200000);
    assert_int_equal(call->arguments->integer, 4);
    assert_int_equal(call->arguments->next->kind, EXPR_ELLIPSIS);
    assert_string_equal(call->error, "EAGAIN");
    const struct expr *one = script.events->next->call->arguments->first;
    assert_int_equal(one->kind, EXPR_STRUCT);
    assert_string_equal(one->first->next->name, "events");
    assert_int_equal(one->first->next->kind, EXPR_OR);
}

static void options_and_commands_come_first(void **state)
{
    (void)state;
    assert_int_equal(
        parse("--mtu=1400 --name=\"a b\"\n`sysctl -q a.b=1`\n0 `true`\n+0 %{ assert 1 }%"),
        PARSE_OK);
    assert_string_equal(script.options->name, "mtu");
    assert_string_equal(script.options->next->value, "a b");
    assert_string_equal(script.init_command, "sysctl -q a.b=1");
    assert_int_equal(script.events->kind, EVENT_COMMAND);
    assert_int_equal(script.events->next->kind, EVENT_CODE);
}

static void an_event_remembers_its_text(void **state)
{
    (void)state;
    assert_int_equal(parse("0 > . 1:1(0)\n   ack 1\n// said later\n+0 > . 1:1(0) ack 1"), PARSE_OK);
    assert_string_equal(script.events->text, "0 > . 1:1(0) ack 1");
}

static void wrong_lines_are_named(void **state)
{
    (void)state;
    assert_int_equal(parse("0 > . 1:1(0) ack 1\n+0 > Q 1:1(0)"), PARSE_WRONG);
    assert_int_equal(error.line, 2);
    assert_int_equal(parse("0 < . 1:3(1) ack 1"), PARSE_WRONG);
    assert_int_equal(parse("0 < . 1:1(0) ack 1 win 70000"), PARSE_WRONG);
    assert_int_equal(parse("0 close(3)"), PARSE_WRONG);
    assert_int_equal(parse(""), PARSE_WRONG);
}

static void unsupported_is_not_wrong(void **state)
{
    (void)state;
    assert_int_equal(parse("0 < ipv4 1.1.1.1 > 2.2.2.2: . 1:1(0) ack 1"), PARSE_UNSUPPORTED);
    assert_int_equal(parse("0 < gre: . 1:1(0) ack 1"), PARSE_UNSUPPORTED);
    assert_int_equal(parse("0 < . 1:1(0) ack 1 <mptcp 1>"), PARSE_UNSUPPORTED);
    assert_non_null(strstr(error.text, "mptcp"));
}

static void nesting_has_an_end(void **state)
{
    char text[4000] = "0 f(";
    (void)state;
    memset(text + 4, '[', 3000);
    assert_int_equal(parse(text), PARSE_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tcp_line_gives_all_its_fields, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_said_is_known_to_be_unsaid, begin, end),
        cmocka_unit_test_setup_teardown(options_that_have_values, begin, end),
        cmocka_unit_test_setup_teardown(accurate_ecn_writes_a_digit_among_the_flags, begin, end),
        cmocka_unit_test_setup_teardown(udp_and_icmp_lines, begin, end),
        cmocka_unit_test_setup_teardown(times_are_absolute_relative_or_ranges, begin, end),
        cmocka_unit_test_setup_teardown(a_call_has_arguments_a_result_and_an_error, begin, end),
        cmocka_unit_test_setup_teardown(options_and_commands_come_first, begin, end),
        cmocka_unit_test_setup_teardown(an_event_remembers_its_text, begin, end),
        cmocka_unit_test_setup_teardown(wrong_lines_are_named, begin, end),
        cmocka_unit_test_setup_teardown(unsupported_is_not_wrong, begin, end),
        cmocka_unit_test_setup_teardown(nesting_has_an_end, begin, end),
    };
    return cmocka_run_group_tests_name("drill parser", tests, NULL, NULL);
}
