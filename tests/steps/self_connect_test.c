/* A connection of an endpoint with itself, and two ends that do everything at once (RFC 9293, 3.5,
 * Figure 7; 3.6, Figure 13; A.2). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_link.h"
#include "support/tcp_steps.h"

static struct tcp_link link_;

/* What comes out goes in again, until nothing comes out; how much that was. */
static unsigned loops(void)
{
    struct tcp_emission out;
    uint8_t bytes[TCP_HEADER_LONGEST + 2000];
    unsigned count = 0;

    while (tcp_next(steps->tcp, &out, steps->now)) {
        size_t len = tcp_header_build(&out.header, bytes);
        struct tcp_arrival arrival = {.source = out.flow.local.address,
                                      .destination = out.flow.remote.address,
                                      .checksum_trusted = true};
        for (int k = 0; k < 2; k++) {
            memcpy(bytes + len, out.text[k].data ? out.text[k].data : bytes, out.text[k].len);
            len += out.text[k].len;
        }
        arrival.payload = (struct bytes){bytes, len};
        tcp_arrives(steps->tcp, &arrival, steps->now);
        tcp_check(steps->tcb);
        assert_true(++count < 1000);
    }
    return count;
}

static void time_passes_in_the_loop(int64_t ms)
{
    struct instant until = instant_add(steps->now, duration_ms(ms));

    loops();
    while (!instant_before(until, tcp_host_deadline(steps->tcp))) {
        steps->now = instant_max(steps->now, tcp_host_deadline(steps->tcp));
        tcp_run_timers(steps->tcp, steps->now);
        loops();
    }
    steps->now = until;
}

static void opens_to_itself(void)
{
    struct tcp_settings chosen;

    steps_open(&(struct steps_config){0});
    tcp_default_settings(steps->tcp, &chosen);
    steps->flow.local.port = 5000;
    steps->flow.remote = steps->flow.local;
    assert_int_equal(
        tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, steps, &steps->tcb, steps->now), 0);
}

/* Self-connect, 9293-U-21, MUST-10: one handshake, few segments. */
static void an_endpoint_may_connect_to_itself(void **state)
{
    (void)state;
    opens_to_itself();
    assert_true(loops() <= 4);
    assert_state(TCP_ESTABLISHED);
}

/* Self-connect: text goes round, and the number of segments is bounded. */
static void what_it_says_it_hears(void **state)
{
    uint8_t data[10000], back[10000];
    unsigned got = 0;
    (void)state;
    opens_to_itself();
    loops();
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = pattern_at(i);
    assert_int_equal(tcp_send(steps->tcb, data, sizeof data, TCP_SEND_PUSH, steps->now),
                     sizeof data);
    for (int i = 0; i < 50 && got < sizeof back; i++) {
        int64_t n;
        assert_true(loops() < 60);
        n = tcp_receive(steps->tcb, back + got, sizeof back - got, 0, steps->now);
        got += n > 0 ? (unsigned)n : 0;
        time_passes_in_the_loop(50);
    }
    assert_int_equal(got, sizeof back);
    assert_memory_equal(data, back, sizeof back);
}

/* Self-connect, 9293-U-21: closing ends it: FIN-WAIT-1, CLOSING, TIME-WAIT, nothing. */
static void it_can_be_closed(void **state)
{
    (void)state;
    opens_to_itself();
    loops();
    tcp_close(steps->tcb, steps->now);
    assert_true(loops() < 10);
    assert_state(TCP_TIME_WAIT);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    time_passes_in_the_loop(61000);
    assert_int_equal(steps->tcp->connections, 0);
}

/* Loop/deadlock by reply to self: an idle one is silent for a day, with keep-alive too. */
static void it_does_not_talk_to_itself_for_ever(void **state)
{
    uint32_t segments;
    (void)state;
    opens_to_itself();
    loops();
    settings()->keep_alive = true;
    settings()->keep_idle_s = 3600;
    tcp_settings_changed(steps->tcb, steps->now);
    segments = steps->tcb->totals.segments_out;
    time_passes_in_the_loop(24 * 3600 * 1000);
    assert_state(TCP_ESTABLISHED);
    assert_true(steps->tcb->totals.segments_out - segments <= 24 * 3);
}

/* Both ends open to one another at once, over links that lose, repeat and reorder. */
static void opens_both(uint64_t seed, struct tcb *ends[2])
{
    link_open(&link_, &(struct link_config){.seed = seed,
                                            .faults = {.loss = 200,
                                                       .duplicate = 100,
                                                       .reorder = 200,
                                                       .delay = duration_ms(20),
                                                       .jitter = duration_ms(30)}});
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_settings chosen;
        struct flow flow = {.local = {link_.host[i].address, 7000},
                            .remote = {link_.host[1 - i].address, 7000}};
        tcp_default_settings(link_.host[i].tcp, &chosen);
        assert_int_equal(
            tcp_open_active(link_.host[i].tcp, &flow, &chosen, 0, &link_, &ends[i], link_.now), 0);
    }
}

static bool both_are(struct tcb *const ends[2], enum tcp_state state)
{
    return tcp_state_of(ends[0]) == state && tcp_state_of(ends[1]) == state;
}

/* MUST-10, Simultaneous-open confusion: both reach ESTABLISHED, or neither. */
static void crossing_opens_make_one_connection_over_any_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct tcb *ends[2];
        opens_both(seed, ends);
        for (int i = 0; i < 100000 && !both_are(ends, TCP_ESTABLISHED); i++)
            if (!link_step(&link_))
                break;
        if (!both_are(ends, TCP_ESTABLISHED))
            fail_msg("seed %lu: %s and %s", (unsigned long)seed,
                     tcp_state_name(tcp_state_of(ends[0])), tcp_state_name(tcp_state_of(ends[1])));
        link_close(&link_);
    }
}

/* 9293-U-17, Simultaneous close race: both close at once, over any link: both end. */
static void crossing_closes_end_both_over_any_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct tcb *ends[2];
        opens_both(seed, ends);
        for (int i = 0; i < 100000 && !both_are(ends, TCP_ESTABLISHED); i++)
            if (!link_step(&link_))
                break;
        tcp_close(ends[0], link_.now);
        tcp_close(ends[1], link_.now);
        link_run(&link_, duration_s(1800));
        if (link_.host[0].tcp->connections + link_.host[1].tcp->connections != 0)
            fail_msg("seed %lu: connections are left", (unsigned long)seed);
        link_close(&link_);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_endpoint_may_connect_to_itself),
        TEST(what_it_says_it_hears),
        TEST(it_can_be_closed),
        TEST(it_does_not_talk_to_itself_for_ever),
        TEST(crossing_opens_make_one_connection_over_any_link),
        TEST(crossing_closes_end_both_over_any_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
