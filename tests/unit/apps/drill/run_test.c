/* Unit tests of the interpreter, through run_script(): verdicts and what is said of them. */
#include "drill/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LISTEN                                                                                     \
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n"                      \
    "+0 listen(3, 1) = 0\n"
#define SYN_ARRIVES "+.1 < S 0:0(0) win 1000 <mss 1460>\n"
#define CONNECTED                                                                                  \
    LISTEN SYN_ARRIVES "+0 > S. 0:0(0) ack 1 <mss 1460>\n+.1 < . 1:1(0) ack 1 win 1000\n"          \
                       "+0 accept(3, ..., ...) = 4\n"

static struct run_report report;

static int forget(void **state)
{
    (void)state;
    run_report_free(&report);
    return 0;
}

static enum verdict run(const char *text)
{
    char path[] = "/tmp/drill_test_XXXXXX";
    int file = mkstemp(path);
    struct run_request request = {.path = path, .trace_level = 1, .seed = 1};
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    run_report_free(&report);
    run_script(&request, &report);
    unlink(path);
    return report.verdict;
}

static void what_is_expected_passes(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED), VERDICT_PASS);
}

static void a_wrong_value_is_named_beside_the_right_one(void **state)
{
    (void)state;
    assert_int_equal(run(LISTEN SYN_ARRIVES "+0 > S. 0:0(0) ack 2 <mss 1460>\n"), VERDICT_FAIL);
    assert_int_equal(report.line, 5);
    assert_non_null(strstr(report.reason, "ack: expected 2, got 1"));
    assert_non_null(strstr(report.story, "a SYN made a new connection"));
}

static void a_late_packet_is_told_with_its_time(void **state)
{
    (void)state;
    assert_int_equal(run(LISTEN SYN_ARRIVES "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
                                            "+.5 > S. 0:0(0) ack 1 <mss 1460>\n"),
                     VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "time: expected 0.600000, got 1.100000"));
}

static void an_eighth_of_the_time_is_tolerated(void **state)
{
    (void)state;
    assert_int_equal(run(LISTEN SYN_ARRIVES "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
                                            "+1.1 > S. 0:0(0) ack 1 <mss 1460>\n"),
                     VERDICT_PASS);
    assert_int_equal(run(LISTEN SYN_ARRIVES "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
                                            "+1.2 > S. 0:0(0) ack 1 <mss 1460>\n"),
                     VERDICT_FAIL);
}

static void a_packet_that_never_comes_fails(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED "+0 > . 1:1(0) ack 1\n"), VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "no packet"));
}

static void a_call_that_would_block_fails_unless_it_may(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED "+0 read(4, ..., 10) = 10\n"), VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "would block"));
    assert_int_equal(
        run(CONNECTED "+0...0.1 read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 9\n"),
        VERDICT_PASS);
    assert_int_equal(
        run(CONNECTED "+0...0.3 read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 9\n"),
        VERDICT_FAIL);
    assert_int_equal(run(CONNECTED "+0...0.3 read(4, ..., 10) = 10\n"), VERDICT_FAIL);
}

static void results_are_compared_with_their_errors(void **state)
{
    (void)state;
    assert_int_equal(run("0 close(9) = -1 EBADF (Bad file descriptor)\n"), VERDICT_PASS);
    assert_int_equal(run("0 close(9) = -1 EPIPE (Broken pipe)\n"), VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "-1 EBADF"));
}

static void an_assertion_that_fails_tells_its_values(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED "+0 %{ assert tcpi_snd_cwnd == 11, 'window' }%\n"),
                     VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "tcpi_snd_cwnd is 10: window"));
    assert_int_equal(
        run(CONNECTED "+0 %{ x = tcpi_snd_cwnd\nx += 1 }%\n+0 %{ assert x == 11; assert 1 }%\n"),
        VERDICT_PASS);
}

static void branches_of_code_run_as_python_has_it(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED "+0 %{\n"
                                   "n = 0\n"
                                   "if tcpi_state == TCP_LISTEN:\n"
                                   "    assert False\n"
                                   "elif tcpi_state == TCP_ESTABLISHED: n += 1; n += 1\n"
                                   "else:\n"
                                   "  assert False\n"
                                   "if n == 2:\n"
                                   "  if n == 3:\n"
                                   "    assert False\n"
                                   "  else:\n"
                                   "    n = 7\n"
                                   "assert n == 7, n\n"
                                   "}%\n"),
                     VERDICT_PASS);
    assert_int_equal(run(CONNECTED "+0 %{\nif True:\n  assert 1 == 2, 'here'\n}%\n"), VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "here"));
    assert_int_equal(run(CONNECTED "+0 %{\nelse:\n  n = 1\n}%\n"), VERDICT_FAIL);
    assert_non_null(strstr(report.reason, "no \"if\" before"));
}

static void a_shells_arithmetic_is_worked_out(void **state)
{
    (void)state;
    assert_int_equal(
        run("`sysctl -q net.ipv4.tcp_rmem=\"4096 131072 $((2*1024 * 1024))\"`\n" LISTEN SYN_ARRIVES
            "+0 > S. 0:0(0) ack 1 <mss 1460>\n"),
        VERDICT_PASS);
    assert_null(strstr(report.story, "ignored"));
    assert_int_equal(run("`sysctl -q net.ipv4.tcp_reordering=$((10-2*3))`\n" CONNECTED
                         "+0 %{ assert tcpi_reordering == 4, tcpi_reordering }%\n"),
                     VERDICT_PASS);
}

static void what_is_not_there_is_unsupported_by_name(void **state)
{
    (void)state;
    assert_int_equal(run("0 splice(3, 4) = 0\n"), VERDICT_UNSUPPORTED);
    assert_non_null(strstr(report.reason, "splice"));
    assert_int_equal(run(CONNECTED "+0 %{ import os }%\n"), VERDICT_UNSUPPORTED);
    assert_int_equal(run("`sysctl -q net.ipv4.tcp_congestion_control=nobody`\n" CONNECTED),
                     VERDICT_UNSUPPORTED);
}

static void settings_take_effect_and_unknown_ones_are_told(void **state)
{
    (void)state;
    assert_int_equal(
        run("`sysctl -q net.ipv4.tcp_initial_cwnd=3 net.ipv4.tcp_nothing=1`\n" CONNECTED
            "+0 %{ assert tcpi_snd_cwnd == 3 }%\n"),
        VERDICT_PASS);
    assert_non_null(strstr(report.story, "no setting tcp_nothing"));
}

static void packets_left_over_fail_when_asked(void **state)
{
    (void)state;
    assert_int_equal(run(LISTEN SYN_ARRIVES), VERDICT_PASS);
    assert_int_equal(run("--strict\n" LISTEN SYN_ARRIVES), VERDICT_FAIL);
}

static void the_same_script_tells_the_same_story(void **state)
{
    (void)state;
    assert_int_equal(run(CONNECTED "+0 write(4, ..., 500) = 500\n+0 > P. 1:501(500) ack 1\n"),
                     VERDICT_PASS);
    char *first = strdup(report.story);
    assert_int_equal(run(CONNECTED "+0 write(4, ..., 500) = 500\n+0 > P. 1:501(500) ack 1\n"),
                     VERDICT_PASS);
    assert_string_equal(report.story, first);
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_expected_passes, forget),
        cmocka_unit_test_teardown(a_wrong_value_is_named_beside_the_right_one, forget),
        cmocka_unit_test_teardown(a_late_packet_is_told_with_its_time, forget),
        cmocka_unit_test_teardown(an_eighth_of_the_time_is_tolerated, forget),
        cmocka_unit_test_teardown(a_packet_that_never_comes_fails, forget),
        cmocka_unit_test_teardown(a_call_that_would_block_fails_unless_it_may, forget),
        cmocka_unit_test_teardown(results_are_compared_with_their_errors, forget),
        cmocka_unit_test_teardown(an_assertion_that_fails_tells_its_values, forget),
        cmocka_unit_test_teardown(branches_of_code_run_as_python_has_it, forget),
        cmocka_unit_test_teardown(a_shells_arithmetic_is_worked_out, forget),
        cmocka_unit_test_teardown(what_is_not_there_is_unsupported_by_name, forget),
        cmocka_unit_test_teardown(settings_take_effect_and_unknown_ones_are_told, forget),
        cmocka_unit_test_teardown(packets_left_over_fail_when_asked, forget),
        cmocka_unit_test_teardown(the_same_script_tells_the_same_story, forget),
    };
    return cmocka_run_group_tests_name("drill", tests, NULL, NULL);
}
