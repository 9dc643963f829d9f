/* STATUS in Linux's units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sock/tcp_info.h"

/* The numbers of Linux's include/net/tcp_states.h. */
static void states_have_their_numbers(void **state)
{
    static const uint8_t numbers[TCP_STATES] = {
        [TCP_ESTABLISHED] = 1, [TCP_SYN_SENT] = 2,  [TCP_SYN_RECEIVED] = 3, [TCP_FIN_WAIT_1] = 4,
        [TCP_FIN_WAIT_2] = 5,  [TCP_TIME_WAIT] = 6, [TCP_CLOSED] = 7,       [TCP_CLOSE_WAIT] = 8,
        [TCP_LAST_ACK] = 9,    [TCP_LISTEN] = 10,   [TCP_CLOSING] = 11,
    };
    (void)state;
    for (int i = 0; i < TCP_STATES; i++)
        assert_int_equal(tcp_info_state((enum tcp_state)i), numbers[i]);
}

static void units_are_those_of_linux(void **state)
{
    struct tcp_status status = {
        .state = TCP_ESTABLISHED,
        .mss = 1448,
        .cwnd = 14480,
        .ssthresh = UINT64_MAX / 2,
        .delivered = 1449,
        .srtt = duration_ms(20),
        .rto = duration_ms(220),
        .unsent = 77,
        .window_scaling = true,
        .snd_wscale = 8,
        .rcv_wscale = 14,
        .last_text_sent = {INT64_C(1000000000)},
        .last_text_received = INSTANT_NEVER,
    };
    struct tcp_settings settings = {.max_pacing_rate = 0};
    struct tcp_info info;
    (void)state;
    tcp_info_fill(&status, &settings, (struct instant){INT64_C(1234000000)}, &info);
    assert_int_equal(info.tcpi_snd_cwnd, 10);
    assert_int_equal(info.tcpi_snd_ssthresh, INT32_MAX);
    assert_int_equal(info.tcpi_delivered, 2);
    assert_int_equal(info.tcpi_rtt, 20000);
    assert_int_equal(info.tcpi_rto, 220000);
    assert_int_equal(info.tcpi_notsent_bytes, 77);
    assert_int_equal(info.tcpi_snd_wscale, 8);
    assert_int_equal(info.tcpi_rcv_wscale, 14);
    assert_int_equal(info.tcpi_options, TCPI_OPT_WSCALE);
    assert_int_equal(info.tcpi_last_data_sent, 234);
    assert_int_equal(info.tcpi_last_data_recv, 0);
    assert_true(info.tcpi_max_pacing_rate == UINT64_MAX);
}

/* A connection that never was: no division by an MSS of 0. */
static void nothing_is_all_zeros(void **state)
{
    struct tcp_status status = {.state = TCP_CLOSED};
    struct tcp_settings settings = {.max_pacing_rate = 1000};
    struct tcp_info info;
    (void)state;
    tcp_info_fill(&status, &settings, INSTANT_ZERO, &info);
    assert_int_equal(info.tcpi_state, 7);
    assert_int_equal(info.tcpi_snd_cwnd, 0);
    assert_int_equal(info.tcpi_snd_ssthresh, 0);
    assert_int_equal(info.tcpi_max_pacing_rate, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_their_numbers),
        cmocka_unit_test(units_are_those_of_linux),
        cmocka_unit_test(nothing_is_all_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
