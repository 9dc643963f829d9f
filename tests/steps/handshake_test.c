/* How connections begin (RFC 9293, 3.5 and 3.10.1): passive, active and simultaneous opens,
 * refusals, retries, and what rides on a SYN. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

/* MUST-14, MUST-67, SHLD-5, MAY-3: RFC 9293, 3.5, Figure 6, seen from TCP B. */
static void a_passive_open_takes_three_segments(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    assert_true(last_sent()->header.options.has_mss);
    assert_int_equal(last_sent()->header.options.mss, 1460);
    assert_state(TCP_SYN_RECEIVED);
    assert_false(tcp_can_accept(steps->listener));
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    assert_nothing_sent();
    assert_ptr_equal(tcp_next_changed(steps->tcp), steps);
    assert_true(tcp_can_accept(steps->listener));
    assert_non_null(tcp_accept(steps->listener, steps));
}

/* MUST-14, MUST-67, SHLD-5, MAY-3 */
static void an_active_open_takes_three_segments(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    assert_int_equal(last_sent()->flags, SYN);
    assert_int_equal(last_sent()->header.options.mss, 1460);
    assert_int_equal(last_sent()->header.ack.u32, 0);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    assert_state(TCP_ESTABLISHED);
}

/* MUST-67: 60 bytes of headers with IPv6; MUST-15: 1220 without the option. */
static void ipv6_has_larger_headers(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.ipv6 = true});
    arrives(.seq = 0, .flags = SYN);
    assert_int_equal(last_sent()->header.options.mss, 1440);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    steps->tcb = tcp_accept(steps->listener, steps);
    forget_sent();
    user_sends(3000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 1220);
}

/* MUST-10: Figure 7, at five values of the peer's ISS. */
static void a_simultaneous_open_makes_one_connection(void **state)
{
    static const uint32_t starts[] = {1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        steps_open(&(struct steps_config){.irs = starts[i]});
        reach(TCP_SYN_SENT);
        arrives(.seq = 0, .flags = SYN, .mss = 1000);
        assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
        assert_state(TCP_SYN_RECEIVED);
        arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
        assert_state(TCP_ESTABLISHED);
        assert_int_equal(steps->tcp->connections, 1);
        user_sends(10);
        steps_close();
    }
}

/* MUST-10, Simultaneous-open confusion: the SYN-ACK of a crossing pair may be lost. */
static void a_simultaneous_open_is_completed_by_an_ack_too(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .flags = SYN);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* MUST-10, Simultaneous-open confusion: our SYN-ACK is sent again when nothing comes back. */
static void a_simultaneous_open_repeats_its_syn_ack(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    passes_ms(3000);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 0, .flags = SYN); /* and so does the peer's SYN */
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    assert_state(TCP_SYN_RECEIVED);
}

/* MUST-11 */
static void a_passive_open_that_is_reset_is_never_heard_of(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_RECEIVED);
    arrives(.seq = 1, .flags = RST);
    assert_state(TCP_CLOSED);
    assert_int_equal(steps->tcp->connections, 0);
    assert_false(tcp_can_accept(steps->listener));
    assert_null(tcp_next_changed(steps->tcp));
    steps->tcb = NULL;
    reach(TCP_ESTABLISHED); /* the listener is as it was */
}

/* MUST-11: a simultaneous open that is reset was refused. */
static void an_active_open_that_is_reset_was_refused(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .flags = SYN);
    assert_state(TCP_SYN_RECEIVED);
    arrives(.seq = 1, .flags = RST);
    assert_int_equal(tcp_take_error(steps->tcb), ECONNREFUSED);
}

/* MUST-11, 9293-U-23: the sequence number of a refusal is 0 and is not compared. */
static void a_refusal_reaches_the_user(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 123456, .ack = 1, .flags = RST | ACK);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_send(steps->tcb, "x", 1, 0, steps->now), -ECONNREFUSED);
    assert_int_equal(tcp_send(steps->tcb, "x", 1, 0, steps->now), -EPIPE);
    assert_nothing_sent();
}

/* MUST-22, MUST-23, MUST-19: doubled gaps, trouble is told, the end comes after 3 minutes and more.
 */
static void syns_to_nobody_back_off_and_end_after_three_minutes(void **state)
{
    int64_t start, gap = 1000;
    (void)state;
    steps_open(&plain);
    start = now_ms();
    reach(TCP_SYN_SENT);
    for (int i = 0; i < 7; i++) {
        passes_ms(gap - 1);
        assert_nothing_sent();
        passes_ms(1);
        assert_sent(.flags = SYN, .seq = 0);
        assert_int_equal(last_sent()->header.seq.u32, (uint32_t)steps->tcb->snd.iss);
        gap = gap < 60000 ? 2 * gap : 120000;
        assert_int_equal(tcp_take_soft_error(steps->tcb), i == 2 ? ETIMEDOUT : 0);
    }
    passes_ms(119000);
    assert_state(TCP_SYN_SENT);
    assert_true(now_ms() - start >= 180000);
    passes_ms(30000);
    assert_state(TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
    assert_nothing_sent();
}

/* SYN-ACK amplification: one SYN of 40 bytes draws at most six answers, then nothing. */
static void a_half_open_connection_is_forgotten_after_six_syn_acks(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_RECEIVED);
    passes_ms(600000);
    assert_int_equal(unseen(), 5);
    assert_state(TCP_CLOSED);
    assert_int_equal(steps->tcp->connections, 0);
    assert_false(tcp_can_accept(steps->listener));
}

static void a_syn_that_comes_again_is_answered_again(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_RECEIVED);
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    assert_state(TCP_SYN_RECEIVED);
    assert_int_equal(steps->tcp->connections, 1);
}

/* Data in SYN,ACK / SYN: text on a SYN is not taken, and comes again. */
static void text_on_a_syn_is_delivered_once(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .len = 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(user_reads(100), 10);
    assert_int_equal(user_reads(100), -EAGAIN);
}

/* Data in SYN,ACK / SYN: dropped consistently, so that it comes again. */
static void text_on_a_syn_ack_is_delivered_once(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .len = 5);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1);
    assert_int_equal(user_reads(100), -EAGAIN);
    arrives(.seq = 1, .ack = 1, .flags = ACK | FIN, .len = 5);
    assert_sent(.flags = ACK, .seq = 1, .ack = 7);
    assert_int_equal(user_reads(100), 5);
    assert_int_equal(user_reads(100), 0);
}

static void text_and_fin_may_ride_on_the_last_ack(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_RECEIVED);
    arrives(.seq = 1, .ack = 1, .flags = ACK | FIN, .len = 7);
    assert_sent(.flags = ACK, .seq = 1, .ack = 9);
    assert_state(TCP_CLOSE_WAIT);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(user_reads(100), 7);
    assert_int_equal(user_reads(100), 0);
}

/* MUST-41, MUST-42 */
static void listening_disturbs_nothing_and_is_disturbed_by_nothing(void **state)
{
    struct tcp_claim claim;
    struct tcp_listener *second;
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    claim = (struct tcp_claim){.local = steps->flow.local};
    assert_int_equal(tcp_open_passive(steps->tcp, &claim, settings(), 5, &second, &second), 0);
    assert_int_equal(tcp_open_passive(steps->tcp, &claim, settings(), 5, &second, &second),
                     -EADDRINUSE);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK);
    assert_state(TCP_ESTABLISHED);
    tcp_close_listener(second, steps->now);
    assert_state(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 5);
    assert_int_equal(user_reads(5), 5);
}

/* MUST-43 */
static void a_listener_with_an_address_hears_that_address_only(void **state)
{
    (void)state;
    steps_open(&plain);
    steps->flow.local.address.bytes[15]++;
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = RST | ACK, .seq = 0, .ack = 1);
    assert_int_equal(steps->tcp->connections, 0);
}

/* MUST-46 */
static void nobody_opens_to_a_group_or_to_nobody(void **state)
{
    static const uint32_t wrong[] = {0xffffffff, 0xe0000001, 0xefffffff, 0};
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1}, none[16] = {0};
    struct tcp_settings chosen;
    struct tcb *tcb;
    (void)state;
    steps_open(&plain);
    tcp_default_settings(steps->tcp, &chosen);
    for (size_t i = 0; i < 6; i++) {
        struct flow flow = {.local = {steps->flow.local.address, 5}, .remote.port = 80};
        flow.remote.address = i < 4    ? address_from_ipv4_u32(wrong[i])
                              : i == 4 ? address_from_ipv6(all_nodes)
                                       : address_from_ipv6(none);
        assert_int_equal(tcp_open_active(steps->tcp, &flow, &chosen, 0, NULL, &tcb, steps->now),
                         -ENETUNREACH);
    }
    lets_send();
    assert_nothing_sent();
}

/* MUST-57 */
static void a_segment_to_a_group_is_ignored(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .to_group = true);
    assert_dropped(DROP_tcp_to_group);
    arrives(.seq = 0, .ack = 5, .flags = ACK, .to_group = true);
    assert_nothing_sent();
    assert_int_equal(steps->tcp->connections, 0);
}

/* MUST-3: any one bit of a segment. */
static void a_bad_checksum_has_no_effect(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .bad_checksum = true);
    assert_dropped(DROP_tcp_bad_checksum);
    reach(TCP_ESTABLISHED);
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10, .bad_checksum = true);
    assert_dropped(DROP_tcp_bad_checksum);
    arrives(.seq = 1, .flags = RST, .bad_checksum = true);
    assert_nothing_sent();
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(user_reads(10), -EAGAIN);
}

/* LAND: to an open, a closed and a connecting port. */
static void a_syn_from_itself_is_dropped_once(void **state)
{
    (void)state;
    steps_open(&plain);
    steps->flow.remote = steps->flow.local;
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_tcp_land);
    steps->flow.local.port = steps->flow.remote.port = 81;
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_tcp_land);
    assert_nothing_sent();
    assert_int_equal(steps->tcp->connections, 0);
}

/* SYN from unspecified source */
static void port_zero_is_no_port(void **state)
{
    (void)state;
    steps_open(&plain);
    steps->flow.remote.port = 0;
    arrives(.seq = 0, .flags = SYN);
    assert_dropped(DROP_tcp_port_zero);
    assert_nothing_sent();
}

/* Split handshake: a server that answers by ACK and SYN is handled as RFC 9293 has it: the ACK
 * alone is no answer, the SYN makes a simultaneous open. */
static void a_split_handshake_is_a_simultaneous_open(void **state)
{
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .ack = 1, .flags = ACK);
    assert_dropped(DROP_syn_sent_no_syn);
    assert_nothing_sent();
    arrives(.seq = 0, .flags = SYN);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
}

/* RST in LISTEN / listener reuse */
static void a_flood_of_resets_does_not_move_a_listener(void **state)
{
    (void)state;
    steps_open(&plain);
    for (uint32_t i = 0; i < 1000; i++)
        arrives(.seq = i * 7919, .ack = i, .flags = i % 2 ? RST : RST | ACK);
    assert_nothing_sent();
    assert_int_equal(drop_count(listen_reset), 1000);
    reach(TCP_ESTABLISHED);
}

/* Nil state before handshake end: a reset, an ICMP error and an abort at every step. */
static void nothing_breaks_a_half_made_connection(void **state)
{
    static const enum tcp_state early[] = {TCP_SYN_SENT, TCP_SYN_RECEIVED};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        steps_open(&plain);
        reach(early[i]);
        icmp_arrives(.seq = 0, .type = 3, .code = 1, .errnum = EHOSTUNREACH);
        assert_state(early[i]);
        icmp_arrives(.seq = 0, .type = 3, .code = 4, .errnum = EMSGSIZE, .mtu = 576);
        assert_state(early[i]);
        tcp_abort(steps->tcb, steps->now);
        lets_send();
        assert_int_equal(steps->tcp->connections, 0);
        steps->tcb = NULL;
        steps_close();
    }
}

/* SYN-RECEIVED bad ACK: 9293-U-12 at every edge: the reset stands at SEG.ACK, the state stays. */
static void a_bad_ack_in_syn_received_is_reset_and_forgotten(void **state)
{
    static const uint32_t wrong[] = {UINT32_MAX, 0, 2, 0x7fffffff, 0x80000001, 0xc0000000};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        steps_open(&plain);
        reach(TCP_SYN_RECEIVED);
        arrives(.seq = 1, .ack = wrong[i], .flags = ACK, .len = 5);
        assert_sent(.flags = RST, .seq = wrong[i]);
        assert_state(TCP_SYN_RECEIVED);
        arrives(.seq = 1, .ack = 1, .flags = ACK);
        assert_state(TCP_ESTABLISHED);
        steps_close();
    }
}

/* SYN-SENT odd segment: all flags, ACKs around ours: only four ways lead out of it. */
static void nothing_odd_leads_out_of_syn_sent(void **state)
{
    static const uint32_t acks[] = {UINT32_MAX, 0, 1, 2, 0x80000000, 0x80000001};
    (void)state;
    for (unsigned flags = 0; flags < 64; flags++)
        for (size_t i = 0; i < sizeof acks / sizeof acks[0]; i++) {
            bool good = flags & ACK && acks[i] == 1;
            enum tcp_state to = TCP_SYN_SENT;
            steps_open(&plain);
            reach(TCP_SYN_SENT);
            arrives(.seq = 0, .ack = acks[i], .flags = flags);
            if (flags & RST)
                to = good ? TCP_CLOSED : TCP_SYN_SENT;
            else if (flags & SYN && (good || !(flags & ACK)))
                to = good ? TCP_ESTABLISHED : TCP_SYN_RECEIVED;
            if (state_now() != to && !(flags & FIN && flags & SYN))
                fail_msg("flags %x ack %x: %s", flags, acks[i], tcp_state_name(state_now()));
            tcp_check(steps->tcb);
            steps_close();
        }
}

/* Not RFC 7323, 5.2 (R7323-20): a reset that no connection sends carries no timestamp, as Linux's.
 */
static void a_reset_of_closed_carries_no_timestamp(void **state)
{
    (void)state;
    steps_open(&plain);
    steps->flow.local.port = 81;
    arrives(.seq = 0, .flags = SYN, .ts_val = 99);
    assert_sent(.flags = RST | ACK, .seq = 0, .ack = 1);
    assert_false(last_sent()->header.options.has_timestamps);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_passive_open_takes_three_segments),
        TEST(an_active_open_takes_three_segments),
        TEST(ipv6_has_larger_headers),
        TEST(a_simultaneous_open_makes_one_connection),
        TEST(a_simultaneous_open_is_completed_by_an_ack_too),
        TEST(a_simultaneous_open_repeats_its_syn_ack),
        TEST(a_passive_open_that_is_reset_is_never_heard_of),
        TEST(an_active_open_that_is_reset_was_refused),
        TEST(a_refusal_reaches_the_user),
        TEST(syns_to_nobody_back_off_and_end_after_three_minutes),
        TEST(a_half_open_connection_is_forgotten_after_six_syn_acks),
        TEST(a_syn_that_comes_again_is_answered_again),
        TEST(text_on_a_syn_is_delivered_once),
        TEST(text_on_a_syn_ack_is_delivered_once),
        TEST(text_and_fin_may_ride_on_the_last_ack),
        TEST(listening_disturbs_nothing_and_is_disturbed_by_nothing),
        TEST(a_listener_with_an_address_hears_that_address_only),
        TEST(nobody_opens_to_a_group_or_to_nobody),
        TEST(a_segment_to_a_group_is_ignored),
        TEST(a_bad_checksum_has_no_effect),
        TEST(a_syn_from_itself_is_dropped_once),
        TEST(port_zero_is_no_port),
        TEST(a_split_handshake_is_a_simultaneous_open),
        TEST(a_flood_of_resets_does_not_move_a_listener),
        TEST(nothing_breaks_a_half_made_connection),
        TEST(a_bad_ack_in_syn_received_is_reset_and_forgotten),
        TEST(nothing_odd_leads_out_of_syn_sent),
        TEST(a_reset_of_closed_carries_no_timestamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
