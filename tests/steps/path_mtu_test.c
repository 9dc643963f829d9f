/* The path carries less than was thought (RFC 1191, RFC 8201; RFC 5681, 3.1): what is cut smaller
 * is sent again, and no congestion is seen in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config wide = {.peer_mss = 1460, .peer_window = 60000};

/* R8201-03, R5681-19: the text that did not fit leaves again in smaller segments; the threshold
 * stays, the window shrinks with the segments only. */
static void a_smaller_path_is_no_congestion(void **state)
{
    uint64_t cwnd, ssthresh;
    uint32_t at = 1;
    (void)state;
    steps_open(&wide);
    reach(TCP_ESTABLISHED);
    user_sends(14600);
    assert_int_equal(unseen(), 10);
    forget_sent();
    cwnd = steps->tcb->cc.cwnd;
    ssthresh = steps->tcb->cc.ssthresh;
    assert_true(icmp_arrives(.seq = 1, .type = 3, .code = 4, .mtu = 1240));
    assert_int_equal(steps->tcb->cc.ssthresh, ssthresh);
    assert_int_equal(steps->tcb->cc.cwnd, cwnd * 1200 / 1460);
    assert_true(unseen() > 0);
    while (unseen() > 0) {
        const struct step_sent *sent = next_sent();
        assert_int_equal(sent->seq, at);
        assert_true(sent->len <= 1200);
        at += sent->len;
    }
    for (uint32_t ack = 1201; ack < 14601; ack += 1200)
        arrives(.seq = 1, .ack = ack, .flags = ACK, .window = 60000);
    arrives(.seq = 1, .ack = 14601, .flags = ACK, .window = 60000);
    assert_int_equal(steps->tcb->cc.ssthresh, ssthresh);
    assert_int_equal(steps->tcb->snd.una, steps->tcb->snd.nxt);
}

/* R5927-04, Forged PTB / PMTU collapse: while full segments get through, it may be forged; it
 * counts when a timeout shows that they do not. */
static void a_message_that_contradicts_progress_waits(void **state)
{
    (void)state;
    steps_open(&wide);
    reach(TCP_ESTABLISHED);
    user_sends(2920);
    arrives(.seq = 1, .ack = 2921, .flags = ACK, .window = 60000);
    user_sends(1460);
    forget_sent();
    assert_true(icmp_arrives(.seq = 2921, .type = 3, .code = 4, .mtu = 1240));
    assert_nothing_sent();
    arrives(.seq = 1, .ack = 4381, .flags = ACK, .window = 60000);
    user_sends(1460);
    assert_int_equal(last_sent()->len, 1460);
    assert_true(icmp_arrives(.seq = 4381, .type = 3, .code = 4, .mtu = 1240));
    forget_sent();
    passes_ms(1500);
    assert_true(unseen() > 0);
    assert_true(last_sent()->len <= 1200);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_smaller_path_is_no_congestion),
        TEST(a_message_that_contradicts_progress_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
