/* ICMP errors about segments of ours (RFC 9293, 3.9.2.2; RFC 5927; RFC 1191, 8201). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* ESTABLISHED with 3000 bytes in flight: 1 to 3001. */
static void in_flight(void)
{
    reach(TCP_ESTABLISHED);
    user_sends(3000);
    forget_sent();
}

/* MUST-47, MUST-54, MUST-56, SHLD-25, 9293-U-22: told, and nothing more. */
static void a_soft_error_is_told_and_the_connection_goes_on(void **state)
{
    static const struct {
        uint8_t type, code;
        int errnum;
    } errors[] = {{3, 0, ENETUNREACH},
                  {3, 1, EHOSTUNREACH},
                  {3, 5, EOPNOTSUPP},
                  {11, 0, EHOSTUNREACH},
                  {12, 0, EPROTO}};
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        steps_open(&plain);
        in_flight();
        assert_true(icmp_arrives(.seq = 1, .type = errors[i].type, .code = errors[i].code,
                                 .errnum = errors[i].errnum));
        assert_int_equal(event_count(soft_error), 1);
        assert_int_equal(tcp_take_soft_error(steps->tcb), errors[i].errnum);
        assert_int_equal(tcp_take_soft_error(steps->tcb), 0);
        assert_int_equal(tcp_take_error(steps->tcb), 0);
        assert_state(TCP_ESTABLISHED);
        arrives(.seq = 1, .ack = 3001, .flags = ACK);
        assert_int_equal(user_sends(10), 10);
        steps_close();
    }
}

/* SHLD-26, R5927-02, Off-path ICMP hard error: in synchronized states hard errors are soft. */
static void a_hard_error_does_not_end_a_connection(void **state)
{
    static const enum tcp_state states[] = {TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_FIN_WAIT_1,
                                            TCP_CLOSING, TCP_LAST_ACK};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        for (uint8_t code = 2; code <= 3; code++) {
            steps_open(&plain);
            reach(states[i]);
            user_sends(10);
            icmp_arrives(.seq = 1, .type = 3, .code = code, .errnum = ECONNREFUSED, .hard = true);
            assert_state(states[i]);
            assert_int_equal(tcp_take_error(steps->tcb), 0);
            steps_close();
        }
}

/* SHLD-26: while it is being opened a hard error ends it. */
static void a_hard_error_ends_an_open(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    icmp_arrives(.seq = 0, .type = 3, .code = 1, .errnum = EHOSTUNREACH);
    assert_state(TCP_SYN_SENT);
    icmp_arrives(.seq = 0, .type = 3, .code = 3, .errnum = ECONNREFUSED, .hard = true);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ECONNREFUSED);
    assert_nothing_sent();
}

/* MUST-22: and what was told last is the reason when nobody answers. */
static void an_open_that_times_out_gives_the_reason_that_was_told(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    icmp_arrives(.seq = 0, .type = 3, .code = 1, .errnum = EHOSTUNREACH);
    passes_ms(300 * 1000);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), EHOSTUNREACH);
}

/* R5927-01, MUST-54: only what is in flight is believed. */
static void a_sequence_number_that_is_not_in_flight_is_not_believed(void **state)
{
    static const uint32_t wrong[] = {0, 3001, 3002, 0x7fffffff, 0x80000000, UINT32_MAX};
    (void)state;
    steps_open(&plain);
    in_flight();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(icmp_arrives(.seq = wrong[i], .type = 3, .code = 1, .errnum = EHOSTUNREACH));
        assert_false(icmp_arrives(.seq = wrong[i], .type = 3, .code = 4, .mtu = 600));
    }
    assert_true(icmp_arrives(.seq = 3000, .type = 3, .code = 1, .errnum = EHOSTUNREACH));
    assert_int_equal(steps->tcb->path_mtu, 1500);
    assert_int_equal(event_count(soft_error), 1);
}

/* MUST-54, PMTU exception side channel: another flow, or too short a quotation. */
static void what_matches_no_connection_has_no_effect(void **state)
{
    size_t used;
    (void)state;
    steps_open(&plain);
    in_flight();
    used = steps->memory.used;
    for (unsigned quoted = 1; quoted < 8; quoted++)
        assert_false(
            icmp_arrives(.seq = 1, .type = 3, .code = 1, .errnum = EHOSTUNREACH, .quoted = quoted));
    for (uint16_t i = 1; i < 1000; i++) {
        steps->flow.remote.port = i;
        assert_false(icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 600));
    }
    assert_int_equal(event_count(soft_error), 0);
    assert_int_equal(steps->memory.used, used);
    assert_int_equal(steps->tcb->path_mtu, 1500);
}

/* MUST-16, RFC 1191: the first segments were too big: they go again smaller, and cwnd stays as
 * many segments. */
static void a_packet_too_big_makes_segments_smaller(void **state)
{
    uint64_t segments;
    (void)state;
    steps_open(&(struct steps_config){.peer_mss = 1460});
    in_flight();
    segments = steps->tcb->cc.cwnd / 1460;
    assert_true(icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 1000));
    assert_int_equal(steps->tcb->path_mtu, 1000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 960);
    assert_sent(.flags = ACK, .seq = 961, .ack = 1, .len = 500);
    assert_int_equal(steps->tcb->cc.cwnd / 960, segments);
    assert_int_equal(event_count(recovery_entered), 0);
}

/* Forged PTB / PMTU collapse: there is a floor, and nothing is ever raised. */
static void the_path_mtu_has_a_floor_and_is_never_raised(void **state)
{
    static const uint32_t mtus[] = {1, 67, 68, 296, 552, 575, 576};
    (void)state;
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        steps_open(&(struct steps_config){.peer_mss = 1460});
        in_flight();
        icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = mtus[i]);
        assert_int_equal(steps->tcb->path_mtu, 576);
        icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 1400);
        icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 65535);
        assert_int_equal(steps->tcb->path_mtu, 576);
        steps_close();
    }
}

/* R5927-04, Forged PTB: full packets got through: it waits for the lack of progress. */
static void a_packet_too_big_waits_while_there_is_progress(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.peer_mss = 1460});
    in_flight();
    arrives(.seq = 1, .ack = 3001, .flags = ACK);
    user_sends(3000);
    icmp_arrives(.seq = 3001, .type = 3, .code = 4, .mtu = 600);
    assert_int_equal(steps->tcb->path_mtu, 1500);
    arrives(.seq = 1, .ack = 6001, .flags = ACK);
    passes_ms(60000);
    assert_int_equal(steps->tcb->path_mtu, 1500); /* it was a lie */
    user_sends(3000);
    icmp_arrives(.seq = 6001, .type = 3, .code = 4, .mtu = 600);
    assert_int_equal(steps->tcb->path_mtu, 1500);
    passes_ms(5000);
    assert_int_equal(steps->tcb->path_mtu, 600);
}

/* R8201-01: IPv6's floor is 1280, and a message that tells of less is discarded. */
static void ipv6_has_a_floor_of_1280(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.ipv6 = true, .peer_mss = 1440});
    in_flight();
    icmp_arrives(.seq = 1, .type = 2, .code = 0, .mtu = 600);
    assert_int_equal(steps->tcb->path_mtu, 1500);
    icmp_arrives(.seq = 1, .type = 2, .code = 0, .mtu = 1280);
    assert_int_equal(steps->tcb->path_mtu, 1280);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 1220);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_soft_error_is_told_and_the_connection_goes_on),
        TEST(a_hard_error_does_not_end_a_connection),
        TEST(a_hard_error_ends_an_open),
        TEST(an_open_that_times_out_gives_the_reason_that_was_told),
        TEST(a_sequence_number_that_is_not_in_flight_is_not_believed),
        TEST(what_matches_no_connection_has_no_effect),
        TEST(a_packet_too_big_makes_segments_smaller),
        TEST(the_path_mtu_has_a_floor_and_is_never_raised),
        TEST(a_packet_too_big_waits_while_there_is_progress),
        TEST(ipv6_has_a_floor_of_1280),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
