/* What must not be guessed: initial sequence numbers, ports, flow labels (RFC 9293, 3.4.1; RFC
 * 6528; RFC 6056; RFC 6437). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};

static uint32_t iss_of(const struct flow *flow, int64_t us)
{
    return (uint32_t)tcp_new_iss(steps->tcp, flow, instant_add(INSTANT_ZERO, duration_us(us)));
}

/* MUST-8, SHLD-1, R6528-01: of one flow it follows a clock of 4 microseconds, across its wrap. */
static void the_isn_of_a_flow_follows_the_clock(void **state)
{
    static const int64_t later_us[] = {4, 400, 1000000, INT64_C(4) << 31, INT64_C(4) << 33};
    (void)state;
    steps_open(&plain);
    for (size_t i = 0; i < sizeof later_us / sizeof later_us[0]; i++)
        assert_int_equal(iss_of(&steps->flow, 1000 + later_us[i]) - iss_of(&steps->flow, 1000),
                         (uint32_t)(later_us[i] / 4));
}

/* MUST-8: as it is seen in SYNs. */
static void a_second_open_begins_behind_the_first(void **state)
{
    uint32_t first;
    (void)state;
    steps_open(&plain);
    reach(TCP_SYN_SENT);
    first = last_sent()->header.seq.u32;
    user_goes_away();
    passes_ms(1000);
    reach(TCP_SYN_SENT);
    assert_int_equal(last_sent()->header.seq.u32 - first, 250000);
}

/* SHLD-1, Weak ISN: over neighbouring flows the numbers are spread as chance has it. */
static void isns_of_other_flows_tell_nothing(void **state)
{
    unsigned buckets[256] = {0}, bits[32] = {0};
    uint32_t before = 0;
    double chi = 0;
    enum { N = 25600 };
    (void)state;
    steps_open(&plain);
    for (unsigned i = 0; i < N; i++) {
        struct flow flow = steps->flow;
        uint32_t iss;
        flow.remote.port = (uint16_t)(1024 + i);
        iss = iss_of(&flow, 1000);
        buckets[(iss - before) >> 24]++; /* the steps from one port to the next */
        for (int b = 0; b < 32; b++)
            bits[b] += iss >> b & 1;
        before = iss;
    }
    for (int i = 0; i < 256; i++)
        chi += ((double)buckets[i] - 100) * ((double)buckets[i] - 100) / 100;
    assert_true(chi > 160 && chi < 380); /* 255 degrees of freedom, 5 sigma */
    for (int b = 0; b < 32; b++)
        assert_true(bits[b] > N / 2 - 400 && bits[b] < N / 2 + 400);
}

/* MUST-9, R6528-02: another secret, other numbers. */
static void another_secret_gives_other_numbers(void **state)
{
    uint32_t iss, label;
    (void)state;
    steps_open(&plain);
    iss = iss_of(&steps->flow, 1000);
    label = tcp_flow_label(steps->tcp, &steps->flow);
    steps->tcp->secret.k1 ^= 1;
    assert_true(iss_of(&steps->flow, 1000) != iss);
    assert_true(tcp_flow_label(steps->tcp, &steps->flow) != label);
}

/* ISN at the wrap: a session at five ISSs and five IRSs. */
static void every_isn_works(void **state)
{
    static const uint32_t starts[] = {1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++) {
            int64_t us;
            steps_open(&(struct steps_config){.irs = starts[i], .sack = true, .timestamps = true});
            /* the clock that makes our ISS what it shall be */
            us = (int64_t)(uint32_t)(starts[k] - iss_of(&steps->flow, 0)) * 4;
            steps->now = instant_add(INSTANT_ZERO, duration_us(us));
            reach(TCP_ESTABLISHED);
            assert_int_equal((uint32_t)steps->tcb->snd.iss, starts[k]);
            user_sends(5000);
            arrives(.seq = 1, .ack = 2501, .flags = ACK, .len = 700, .ts_val = steps->ts);
            arrives(.seq = 1401, .ack = 5001, .flags = ACK, .len = 700, .ts_val = steps->ts);
            arrives(.seq = 701, .ack = 5001, .flags = ACK, .len = 700, .ts_val = steps->ts);
            assert_int_equal(user_reads(5000), 2100);
            assert_int_equal(send_buffer_held(&steps->tcb->text), 0);
            user_closes();
            arrives(.seq = 2101, .ack = 5002, .flags = ACK | FIN, .ts_val = steps->ts);
            assert_state(TCP_TIME_WAIT);
            assert_int_equal(user_reads(10), 0);
            steps_close();
        }
}

/* R6056-01, Source-port prediction: the whole range is used, evenly, and the ports to one
 * destination say nothing of those to another. */
static void ports_are_spread_over_the_whole_range(void **state)
{
    unsigned buckets[63] = {0};
    double chi = 0;
    enum { N = 31500 };
    (void)state;
    steps_open(&plain);
    for (unsigned i = 0; i < N; i++) {
        struct endpoint remote = {address_from_ipv4_u32(0xc6120000 + i), 80};
        uint16_t port = tcp_choose_port(steps->tcp, &steps->flow.local.address, &remote,
                                        steps->now);
        assert_true(port >= 1024);
        buckets[(port - 1024) / 1024]++;
    }
    for (int i = 0; i < 63; i++)
        chi += ((double)buckets[i] - N / 63) * ((double)buckets[i] - N / 63) / (N / 63);
    assert_true(chi > 20 && chi < 120); /* 62 degrees of freedom, 5 sigma */
}

/* R6056-01: to one destination the next port is near, but not the next. */
static void ports_to_one_destination_advance_by_random_steps(void **state)
{
    unsigned ones = 0;
    uint16_t before;
    (void)state;
    steps_open(&plain);
    before = tcp_choose_port(steps->tcp, &steps->flow.local.address, &steps->flow.remote,
                             steps->now);
    for (int i = 0; i < 1000; i++) {
        uint16_t port = tcp_choose_port(steps->tcp, &steps->flow.local.address, &steps->flow.remote,
                                        steps->now);
        assert_int_not_equal(port, before);
        ones += port == before + 1;
        before = port;
    }
    assert_true(ones < 300);
}

/* R6056-02, Ephemeral port exhaustion: none in use is given, TIME-WAIT included; and when all are
 * used the answer is no. */
static void a_port_in_use_is_not_given(void **state)
{
    struct tcp_settings chosen;
    static uint8_t given[65536];
    unsigned count = 0;
    uint16_t port;
    (void)state;
    steps_open(&(struct steps_config){.memory = 512u << 20});
    tcp_default_settings(steps->tcp, &chosen);
    while ((port = tcp_choose_port(steps->tcp, &steps->flow.local.address, &steps->flow.remote,
                                   steps->now)) != 0) {
        struct flow flow = {.local = {steps->flow.local.address, port},
                            .remote = steps->flow.remote};
        struct tcb *tcb;
        assert_false(given[port]);
        given[port] = 1;
        assert_int_equal(tcp_open_active(steps->tcp, &flow, &chosen, 0, NULL, &tcb, steps->now), 0);
        if (++count == 3000)
            break;
    }
    assert_int_equal(count, 3000);
}

/* R6056-02: exhaustion is found out at once. */
static void when_every_port_is_taken_the_answer_is_none(void **state)
{
    (void)state;
    steps_open(&(struct steps_config){.memory = 64u << 20});
    for (unsigned port = 1024; port <= 65535; port++) {
        struct tcp_claim claim = {.local = {steps->flow.local.address, (uint16_t)port}};
        assert_int_equal(tcp_claim_port(steps->tcp, &claim), 0);
    }
    assert_int_equal(
        tcp_choose_port(steps->tcp, &steps->flow.local.address, &steps->flow.remote, steps->now),
        0);
    tcp_release_claim(steps->tcp, &(struct tcp_claim){.local = {steps->flow.local.address, 5000}});
    assert_int_equal(
        tcp_choose_port(steps->tcp, &steps->flow.local.address, &steps->flow.remote, steps->now),
        5000);
}

/* MUST-43: claims: the same port at another address; wildcards; sharing by consent. */
static void ports_are_claimed_by_address(void **state)
{
    struct tcp_claim a = {.local = {address_from_ipv4_u32(0xc6120002), 700}};
    struct tcp_claim b = {.local = {address_from_ipv4_u32(0xc6120003), 700}};
    struct tcp_claim any = {.local = {address_from_ipv4_u32(0), 700}};
    (void)state;
    steps_open(&plain);
    assert_int_equal(tcp_claim_port(steps->tcp, &a), 0);
    assert_int_equal(tcp_claim_port(steps->tcp, &a), -EADDRINUSE);
    assert_int_equal(tcp_claim_port(steps->tcp, &b), 0);
    assert_int_equal(tcp_claim_port(steps->tcp, &any), -EADDRINUSE);
    tcp_release_claim(steps->tcp, &a);
    assert_int_equal(tcp_claim_port(steps->tcp, &any), -EADDRINUSE);
    tcp_release_claim(steps->tcp, &b);
    any.reuse_address = a.reuse_address = true;
    assert_int_equal(tcp_claim_port(steps->tcp, &any), 0);
    assert_int_equal(tcp_claim_port(steps->tcp, &a), 0);
}

/* Flow-label / hash key leak: 20 bits, evenly, one for each flow. */
static void flow_labels_are_spread(void **state)
{
    unsigned bits[20] = {0};
    (void)state;
    steps_open(&plain);
    for (uint16_t i = 0; i < 4000; i++) {
        struct flow flow = steps->flow;
        uint32_t label;
        flow.remote.port = i;
        label = tcp_flow_label(steps->tcp, &flow);
        assert_true(label < 1u << 20);
        assert_int_equal(label, tcp_flow_label(steps->tcp, &flow));
        for (int b = 0; b < 20; b++)
            bits[b] += label >> b & 1;
    }
    for (int b = 0; b < 20; b++)
        assert_true(bits[b] > 1800 && bits[b] < 2200);
}

/* Demux hash flooding: neighbouring flows do not gather in one chain. */
static void no_chain_of_the_table_is_long(void **state)
{
    struct tcp_settings chosen;
    unsigned longest = 0;
    (void)state;
    steps_open(&(struct steps_config){.memory = 256u << 20});
    tcp_default_settings(steps->tcp, &chosen);
    for (unsigned i = 0; i < 3000; i++) {
        struct flow flow = {.local = {steps->flow.local.address, 4096},
                            .remote = {address_from_ipv4_u32(0xc6120001 + i * 4096), 4096}};
        struct tcb *tcb;
        assert_int_equal(tcp_open_active(steps->tcp, &flow, &chosen, 0, NULL, &tcb, steps->now), 0);
    }
    for (size_t i = 0; i < steps->tcp->bucket_count; i++) {
        unsigned length = 0;
        for (const struct tcp_connection *c = steps->tcp->buckets[i]; c; c = c->next)
            length++;
        longest = length > longest ? length : longest;
    }
    assert_true(longest <= 10);
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_isn_of_a_flow_follows_the_clock),
        TEST(a_second_open_begins_behind_the_first),
        TEST(isns_of_other_flows_tell_nothing),
        TEST(another_secret_gives_other_numbers),
        TEST(every_isn_works),
        TEST(ports_are_spread_over_the_whole_range),
        TEST(ports_to_one_destination_advance_by_random_steps),
        TEST(a_port_in_use_is_not_given),
        TEST(when_every_port_is_taken_the_answer_is_none),
        TEST(ports_are_claimed_by_address),
        TEST(flow_labels_are_spread),
        TEST(no_chain_of_the_table_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
