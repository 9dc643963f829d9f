/* Urgent text (RFC 9293, 3.8.5; RFC 6093), both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* MUST-30, MUST-62: the pointer stands behind the last urgent octet, counted from SEG.SEQ. */
static void the_pointer_stands_behind_the_urgent_text(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(10, TCP_SEND_URGENT);
    assert_sent(.flags = ACK | URG, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(last_sent()->header.urgent, 10);
    arrives(.seq = 1, .ack = 11, .flags = ACK);
    user_sends(10);
    assert_sent(.flags = ACK, .seq = 11, .ack = 1, .len = 10);
}

/* MUST-31: over many segments. */
static void urgent_text_may_be_long(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(5000, TCP_SEND_URGENT);
    for (uint32_t i = 0; i < 5; i++) {
        const struct step_sent *s = next_sent();
        assert_true(s->flags & URG);
        assert_int_equal(s->header.urgent, 5000 - 1000 * i);
    }
}

/* MUST-62: the pointer counts from each segment, which a device that cuts would not know. */
static void urgent_text_goes_in_no_super_segment(void **state)
{
    static const struct steps_config offload = {.largest = 60000};
    (void)state;
    steps_open(&offload);
    reach(TCP_ESTABLISHED);
    user_sends_with(3000, TCP_SEND_URGENT);
    for (uint32_t i = 0; i < 3; i++) {
        const struct step_sent *s = next_sent();
        assert_int_equal(s->len, 1000);
        assert_int_equal(s->header.urgent, 3000 - 1000 * i);
    }
    arrives(.seq = 1, .ack = 3001, .flags = ACK);
    user_sends(3000);
    assert_sent(.flags = ACK, .seq = 3001, .ack = 1, .len = 3000);
}

/* MUST-31: beyond 65535 the pointer says as much as it can. */
static void the_pointer_saturates(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .zero_window = true);
    user_sends_with(100000, TCP_SEND_URGENT);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_int_equal(next_sent()->header.urgent, 65535);
}

/* A retransmission carries it too. */
static void a_retransmission_is_as_urgent(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    user_sends_with(10, TCP_SEND_URGENT);
    forget_sent();
    passes_ms(3000);
    assert_sent(.flags = ACK | URG, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(last_sent()->header.urgent, 10);
}

/* MUST-32, 9293-U-22: told once for each advance, before the text is here. */
static void each_advance_is_told_once(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    while (tcp_next_changed(steps->tcp))
        ;
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 50);
    assert_true(tcp_readiness(steps->tcb) & TCP_URGENT);
    assert_int_equal(event_count(urgent_arrived), 1);
    assert_ptr_equal(tcp_next_changed(steps->tcp), steps);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 50);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 40);
    assert_int_equal(event_count(urgent_arrived), 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 60);
    assert_int_equal(event_count(urgent_arrived), 2);
}

/* MUST-33: reading stops at the mark, and the mark can be asked for. */
static void reading_stops_at_the_mark(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 50, .len = 100);
    assert_false(tcp_at_mark(steps->tcb));
    assert_int_equal(user_reads(100), 49);
    assert_true(tcp_at_mark(steps->tcb));
    assert_true(tcp_readiness(steps->tcb) & TCP_URGENT);
    assert_int_equal(user_reads(100), 51); /* in line: RFC 6093 */
    assert_false(tcp_at_mark(steps->tcb));
    assert_false(tcp_readiness(steps->tcb) & TCP_URGENT);
}

/* MUST-31, MUST-33: urgent mode lasts until that octet is read, however far it is. */
static void urgent_mode_lasts_until_the_octet_is_read(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 5000, .len = 1000);
    for (uint32_t i = 1; i < 5; i++) {
        assert_int_equal(user_reads(5000), 1000);
        assert_true(tcp_readiness(steps->tcb) & TCP_URGENT);
        arrives(.seq = 1 + 1000 * i, .ack = 1, .flags = ACK, .len = 1000);
    }
    assert_int_equal(user_reads(5000), 999);
    assert_true(tcp_at_mark(steps->tcb));
    assert_int_equal(user_reads(5000), 1);
    assert_false(tcp_readiness(steps->tcb) & TCP_URGENT);
}

/* MSG_OOB: the octet before the pointer, out of line. */
static void the_urgent_octet_can_be_had_out_of_line(void **state)
{
    uint8_t byte = 0;
    (void)state;
    steps_open(&plain);
    reach(TCP_ESTABLISHED);
    settings()->oob_inline = false;
    settings_changed();
    assert_int_equal(tcp_receive(steps->tcb, &byte, 1, TCP_RECEIVE_URGENT, steps->now), -EINVAL);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 5);
    assert_int_equal(tcp_receive(steps->tcb, &byte, 1, TCP_RECEIVE_URGENT, steps->now), -EAGAIN);
    arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = 5, .len = 10);
    assert_int_equal(tcp_receive(steps->tcb, &byte, 1, TCP_RECEIVE_URGENT, steps->now), 1);
    assert_int_equal(byte, pattern_at(5));
    assert_int_equal(user_reads(100), 4);
    assert_true(tcp_at_mark(steps->tcb));
}

/* Urgent OOB read, Urgent pointer underflow/overflow, splice/URG infinite loop: every pointer, on
 * text of every small length, hurts nobody. */
static void any_pointer_is_harmless(void **state)
{
    (void)state;
    for (uint32_t urgent = 0; urgent < 65536; urgent += urgent < 20 ? 1 : 6553)
        for (uint32_t len = 0; len < 4; len++)
            for (int in_line = 0; in_line < 2; in_line++) {
                uint32_t got = 0;
                steps_open(&plain);
                reach(TCP_ESTABLISHED);
                settings()->oob_inline = in_line;
                settings_changed();
                arrives(.seq = 1, .ack = 1, .flags = ACK | URG, .urgent = (uint16_t)urgent,
                        .len = len);
                for (int i = 0; i < 5; i++) {
                    int64_t n;
                    uint8_t byte;
                    (void)tcp_receive(steps->tcb, &byte, 1, TCP_RECEIVE_URGENT, steps->now);
                    n = tcp_receive(steps->tcb, &byte, 1, 0, steps->now);
                    got += n > 0;
                }
                assert_true(got <= len && got + 1 >= len);
                assert_state(TCP_ESTABLISHED);
                steps_close();
            }
}

/* 9293-U-15: behind the peer's FIN URG is ignored. */
static void after_a_fin_nothing_is_urgent(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_CLOSE_WAIT);
    arrives(.seq = 2, .ack = 1, .flags = ACK | URG, .urgent = 10);
    assert_false(tcp_readiness(steps->tcb) & TCP_URGENT);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pointer_stands_behind_the_urgent_text),
        TEST(urgent_text_may_be_long),
        TEST(urgent_text_goes_in_no_super_segment),
        TEST(the_pointer_saturates),
        TEST(a_retransmission_is_as_urgent),
        TEST(each_advance_is_told_once),
        TEST(reading_stops_at_the_mark),
        TEST(urgent_mode_lasts_until_the_octet_is_read),
        TEST(the_urgent_octet_can_be_had_out_of_line),
        TEST(any_pointer_is_harmless),
        TEST(after_a_fin_nothing_is_urgent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
