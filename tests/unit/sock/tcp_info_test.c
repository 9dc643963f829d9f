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
        .totals.segments_delivered = 2,
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

/* Each field of the struct has its own fact. */
static void every_field_is_filled(void **state)
{
    struct tcp_status s = {
        .state = TCP_CLOSE_WAIT,
        .ca_phase = 3,
        .retransmissions = 4,
        .probes = 5,
        .backoff = 6,
        .sack = true,
        .timestamps = true,
        .ecn = true,
        .ecn_seen = true,
        .fast_open = true,
        .fast_open_failed = 2,
        .delivery_rate_app_limited = true,
        .rto = duration_us(101),
        .delayed_ack = duration_us(102),
        .mss = 1000,
        .receive_mss = 104,
        .unacked_segments = 105,
        .sacked_segments = 106,
        .lost_segments = 107,
        .retransmitted_segments = 108,
        .path_mtu = 109,
        .receive_limit = 110,
        .srtt = duration_us(111),
        .rttvar = duration_us(112),
        .ssthresh = 113000,
        .cwnd = 114000,
        .advertised_mss = 115,
        .reordering = 116,
        .receive_rtt = duration_us(117),
        .receive_space = 118,
        .pacing_rate = 119,
        .unsent = 120,
        .min_rtt = duration_us(121),
        .delivery_rate = 122,
        .delivered_ce = 123,
        .snd_wnd = 124,
        .rcv_wnd = 125,
        .totals = {.segments_retransmitted = 201,
                   .bytes_acked = 202,
                   .bytes_received = 203,
                   .segments_out = 204,
                   .segments_in = 205,
                   .data_segments_in = 206,
                   .data_segments_out = 207,
                   .segments_delivered = 211,
                   .bytes_sent = 1000,
                   .bytes_retransmitted = 212,
                   .dsack_duplicates = 213,
                   .reordering_seen = 214,
                   .segments_not_in_order = 215,
                   .timeouts = 216,
                   .timeout_rows = 217,
                   .timeout_time = duration_ms(218)},
        .busy = duration_us(208),
        .rwnd_limited = duration_us(209),
        .sndbuf_limited = duration_us(210),
        .ce_received = 219,
        .ecn_delivered = {0, 220, 221, 222},
        .ecn_received = {0, 223, 224, 225},
    };
    struct tcp_settings settings = {.max_pacing_rate = 226};
    struct tcp_info_whole whole;
    struct tcp_info i;
    (void)state;
    tcp_info_fill(&s, &settings, INSTANT_ZERO, &i);
    tcp_info_fill_whole(&s, &settings, INSTANT_ZERO, &whole);
    assert_memory_equal(whole.older, &i, TCP_INFO_OLDER);
    assert_int_equal(i.tcpi_state, 8);
    assert_int_equal(i.tcpi_ca_state, 3);
    assert_int_equal(i.tcpi_retransmits, 4);
    assert_int_equal(i.tcpi_probes, 5);
    assert_int_equal(i.tcpi_backoff, 6);
    assert_int_equal(i.tcpi_options, 1 | 2 | 8 | 16 | 32);
    assert_int_equal(i.tcpi_delivery_rate_app_limited, 1);
    assert_int_equal(i.tcpi_fastopen_client_fail, 2);
    assert_int_equal(i.tcpi_rto, 101);
    assert_int_equal(i.tcpi_ato, 102);
    assert_int_equal(i.tcpi_snd_mss, 1000);
    assert_int_equal(i.tcpi_rcv_mss, 104);
    assert_int_equal(i.tcpi_unacked, 105);
    assert_int_equal(i.tcpi_sacked, 106);
    assert_int_equal(i.tcpi_lost, 107);
    assert_int_equal(i.tcpi_retrans, 108);
    assert_int_equal(i.tcpi_fackets, 0);
    assert_int_equal(i.tcpi_last_ack_sent, 0);
    assert_int_equal(i.tcpi_pmtu, 109);
    assert_int_equal(i.tcpi_rcv_ssthresh, 110);
    assert_int_equal(i.tcpi_rtt, 111);
    assert_int_equal(i.tcpi_rttvar, 112);
    assert_int_equal(i.tcpi_snd_ssthresh, 113);
    assert_int_equal(i.tcpi_snd_cwnd, 114);
    assert_int_equal(i.tcpi_advmss, 115);
    assert_int_equal(i.tcpi_reordering, 116);
    assert_int_equal(i.tcpi_rcv_rtt, 117);
    assert_int_equal(i.tcpi_rcv_space, 118);
    assert_int_equal(i.tcpi_pacing_rate, 119);
    assert_int_equal(i.tcpi_notsent_bytes, 120);
    assert_int_equal(i.tcpi_min_rtt, 121);
    assert_int_equal(i.tcpi_delivery_rate, 122);
    assert_int_equal(i.tcpi_delivered_ce, 123);
    assert_int_equal(i.tcpi_snd_wnd, 124);
    assert_int_equal(i.tcpi_total_retrans, 201);
    assert_int_equal(i.tcpi_bytes_acked, 202);
    assert_int_equal(i.tcpi_bytes_received, 203);
    assert_int_equal(i.tcpi_segs_out, 204);
    assert_int_equal(i.tcpi_segs_in, 205);
    assert_int_equal(i.tcpi_data_segs_in, 206);
    assert_int_equal(i.tcpi_data_segs_out, 207);
    assert_int_equal(i.tcpi_busy_time, 208);
    assert_int_equal(i.tcpi_rwnd_limited, 209);
    assert_int_equal(i.tcpi_sndbuf_limited, 210);
    assert_int_equal(i.tcpi_delivered, 211);
    assert_int_equal(i.tcpi_bytes_sent, 1212);
    assert_int_equal(i.tcpi_bytes_retrans, 212);
    assert_int_equal(i.tcpi_dsack_dups, 213);
    assert_int_equal(i.tcpi_reord_seen, 214);
    assert_int_equal(i.tcpi_rcv_ooopack, 215);
    assert_int_equal(i.tcpi_max_pacing_rate, 226);
    assert_int_equal(whole.newer.rcv_wnd, 125);
    assert_int_equal(whole.newer.rehash, 0);
    assert_int_equal(whole.newer.total_rto, 216);
    assert_int_equal(whole.newer.total_rto_recoveries, 217);
    assert_int_equal(whole.newer.total_rto_time, 218);
    assert_int_equal(whole.newer.received_ce, 219);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(whole.newer.delivered_bytes[k], 220 + k);
        assert_int_equal(whole.newer.received_bytes[k], 223 + k);
    }
}

/* Linux's values for what was not measured or set. */
static void what_is_not_known_is_the_largest(void **state)
{
    struct tcp_status status = {.state = TCP_SYN_SENT};
    struct tcp_settings settings = {.max_pacing_rate = 0};
    struct tcp_info info;
    (void)state;
    tcp_info_fill(&status, &settings, INSTANT_ZERO, &info);
    assert_int_equal(info.tcpi_min_rtt, UINT32_MAX);
    assert_true(info.tcpi_pacing_rate == UINT64_MAX);
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
        cmocka_unit_test(every_field_is_filled),
        cmocka_unit_test(what_is_not_known_is_the_largest),
        cmocka_unit_test(nothing_is_all_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
