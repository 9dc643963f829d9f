/* Whole transfers of two stacks over netem's links in virtual time: that recovery needs no timeout
 * where SACK tells enough, sends nothing again for nothing, that BBR bears a link's own loss, and
 * that two flows share a bottleneck. Everything follows from the seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>

#include "support/stack_world.h"

#define TCP_CONGESTION_OPTION 13 /* linux/tcp.h does not go with tcp.h */

enum { FLOWS_MOST = 2, CHUNK = 65536 };

/* Clients on side 0 send `size` bytes each (0: without end); a server on side 1 reads. */
static struct run {
    struct stack_world world;
    int client[FLOWS_MOST], server[FLOWS_MOST], listener;
    unsigned flows, accepted, ended;
    uint64_t size, sent[FLOWS_MOST], received[FLOWS_MOST];
} run;

static int ecn = 2; /* the tunable tcp_ecn of both sides */

static void server_works(struct tunny *stack, void *context)
{
    static uint8_t buffer[CHUNK];
    (void)context;
    if (run.accepted < run.flows) {
        int r = tunny_accept(stack, run.listener, NULL, NULL, SOCK_NONBLOCK);
        if (r >= 0)
            run.server[run.accepted++] = r;
    }
    for (unsigned i = 0; i < run.accepted; i++) {
        ssize_t r;
        while ((r = tunny_recv(stack, run.server[i], buffer, sizeof buffer, 0)) > 0)
            run.received[i] += (uint64_t)r;
        if (r == 0 && run.server[i] >= 0) {
            tunny_close(stack, run.server[i]);
            run.server[i] = -1;
            run.ended++;
        }
    }
}

static void client_works(struct tunny *stack, void *context)
{
    static const uint8_t text[CHUNK];
    (void)context;
    for (unsigned i = 0; i < run.flows; i++) {
        uint64_t left = run.size ? run.size - run.sent[i] : CHUNK;
        ssize_t r = 0;
        while (left > 0 && (r = tunny_send(stack, run.client[i], text,
                                           left < CHUNK ? (size_t)left : CHUNK, 0)) > 0) {
            run.sent[i] += (uint64_t)r;
            left = run.size ? run.size - run.sent[i] : CHUNK;
        }
        if (left == 0 && run.client[i] >= 0) {
            tunny_shutdown(stack, run.client[i], SHUT_WR);
            run.size = run.sent[i];
        }
    }
}

static void begin(const char *cc, const char *link, uint64_t seed, unsigned flows, uint64_t size)
{
    struct world_setup setup = {.seed = seed,
                                .largest = 65535,
                                .queue = 8192,
                                .memory = 256u << 20,
                                .impair = {link, NULL}};
    struct world_name name = world_name(1, AF_INET, 80);

    run = (struct run){.flows = flows, .size = size};
    world_open(&run.world, &setup);
    run.listener = world_listen(&run.world, 1, AF_INET, 80);
    for (unsigned side = 0; side < 2; side++)
        assert_int_equal(tunny_set(run.world.side[side].stack, "tcp_ecn", ecn), 0);
    for (unsigned i = 0; i < flows; i++) {
        struct tunny *stack = run.world.side[0].stack;
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_int_equal(tunny_setsockopt(stack, s, IPPROTO_TCP, TCP_CONGESTION_OPTION, cc,
                                          (socklen_t)strlen(cc)),
                         0);
        assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&name.name, name.length),
                         -EINPROGRESS);
        run.client[i] = s;
    }
    run.world.side[0].application = client_works;
    run.world.side[1].application = server_works;
}

static uint64_t counter(const char *name)
{
    return tunny_counter(run.world.side[0].stack, name);
}

/* One transfer; the seconds it took. */
static double transfer(const char *cc, const char *link, uint64_t seed, uint64_t size)
{
    begin(cc, link, seed, 1, size);
    int64_t start = run.world.now.ns;
    while (run.ended < 1 && run.world.now.ns - start < INT64_C(1000000000000))
        world_run(&run.world, duration_ms(5));
    if (run.received[0] != size)
        fail_msg("%s over %s, seed %d: %llu of %llu", cc, link, (int)seed,
                 (unsigned long long)run.received[0], (unsigned long long)size);
    return (double)(run.world.now.ns - start) / 1e9;
}

/* Over each link: no timeout, and nothing is sent again that has arrived. */
static void recovers_cleanly(const char *cc, const char *const links[], size_t count, uint64_t seed,
                             uint64_t size)
{
    for (size_t i = 0; i < count; i++) {
        transfer(cc, links[i], seed, size);
        if (counter("TcpExtTCPTimeouts") || counter("TcpExtTCPDSACKRecv"))
            fail_msg("%s over %s, seed %d: %d timeouts, %d duplicates", cc, links[i], (int)seed,
                     (int)counter("TcpExtTCPTimeouts"), (int)counter("TcpExtTCPDSACKRecv"));
        world_close(&run.world);
    }
}

/* R8985-05, R2018-04: lost text, lost retransmissions and many holes at once need no timeout, and
 * nothing is sent again for nothing. */
static void bbr_recovers_without_timeouts_and_duplicates(void **state)
{
    static const char *const links[] = {
        "out: delay 1ms loss 1%; in: delay 1ms",
        "out: delay 1ms loss 10%; in: delay 1ms",
        "out: delay 10ms loss 3%; in: delay 10ms",
        "out: delay 10ms loss 3% rate 100mbit limit 1000; in: delay 10ms",
        "out: delay 50ms loss 1% rate 100mbit limit 2000; in: delay 50ms",
        "out: delay 10ms loss gemodel 1% 20% rate 100mbit limit 1000; in: delay 10ms",
        "out: delay 10ms 2ms rate 100mbit limit 1000; in: delay 10ms",
    };
    (void)state;
    recovers_cleanly("bbr", links, sizeof links / sizeof links[0], 1, 5000000);
}

static void cubic_recovers_without_timeouts_and_duplicates(void **state)
{
    static const char *const links[] = {
        "out: delay 1ms loss 0.1%; in: delay 1ms",
        "out: delay 10ms loss 0.1%; in: delay 10ms",
        "out: delay 10ms loss 1% rate 100mbit limit 1000; in: delay 10ms",
        "out: delay 10ms loss 3% rate 10mbit limit 400; in: delay 10ms",
        "out: delay 100ms loss 0.1% rate 100mbit limit 2000; in: delay 100ms",
        "out: delay 10ms reorder 1% 50% rate 100mbit limit 566; in: delay 10ms",
        "out: delay 50ms 10ms rate 100mbit limit 1366; in: delay 50ms",
    };
    (void)state;
    recovers_cleanly("cubic", links, sizeof links / sizeof links[0], 2, 2000000);
}

/* What the link damages does not slow BBR down: 20 MB take 1.7 s at 100 Mbit/s. */
static void bbr_fills_a_link_that_loses_packets(void **state)
{
    static const struct {
        const char *link;
        double most;
    } cases[] = {
        {"out: delay 10ms loss 1% rate 100mbit limit 1000; in: delay 10ms", 2.0},
        {"out: delay 10ms loss 3% rate 100mbit limit 1000; in: delay 10ms", 2.3},
        {"out: delay 10ms loss 10% rate 100mbit limit 1000; in: delay 10ms", 3.0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double seconds = transfer("bbr", cases[i].link, 3, 20000000);
        if (seconds > cases[i].most)
            fail_msg("%s: %.3f s", cases[i].link, seconds);
        world_close(&run.world);
    }
}

/* A tenth of the packets overtakes the others: few are sent again for that, and no time is lost. */
static void reordering_is_learnt(void **state)
{
    (void)state;
    double seconds = transfer("cubic",
                              "out: delay 10ms reorder 10% 50% rate 100mbit limit 566; in: delay "
                              "10ms",
                              1, 20000000);
    assert_true(seconds < 2.05);
    if (counter("TcpExtTCPDSACKRecv") >= 350)
        fail_msg("%d sent again for nothing", (int)counter("TcpExtTCPDSACKRecv"));
    world_close(&run.world);
}

/* Text and ACKs overtake: round trips of next to nothing are measured. They must make neither
 * RACK's patience nor BBR's path as short. */
static void overtaking_both_ways_is_survived(void **state)
{
    static const char *const algorithms[] = {"cubic", "bbr"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        double seconds = transfer(algorithms[i], "delay 20ms reorder 1% rate 100mbit", 1, 20000000);
        if (seconds > 3.5)
            fail_msg("%s: %f s", algorithms[i], seconds);
        world_close(&run.world);
    }
}

/* R9768-03: marks instead of losses: accurate ECN on both sides, and nothing is sent again. */
static void accurate_ecn_spares_retransmissions(void **state)
{
    static const char *const algorithms[] = {"cubic", "dctcp", "reno", "bbr"};
    (void)state;
    ecn = 3;
    for (size_t i = 0; i < 4; i++) {
        begin(algorithms[i], "out: delay 10ms rate 20mbit queue codel 1000000 ecn; in: delay 10ms",
              1, 1, 5000000);
        while (run.ended < 1 && run.world.now.ns < INT64_C(60000000000))
            world_run(&run.world, duration_ms(5));
        assert_int_equal(run.received[0], 5000000);
        assert_int_equal(counter("TcpExtTCPTimeouts"), 0);
        assert_true(run.world.side[0].stack->trace.events[EVENT_ecn_feedback] >= 3);
        if (counter("TcpRetransSegs") > 0)
            fail_msg("%s: %d sent again", algorithms[i], (int)counter("TcpRetransSegs"));
        world_close(&run.world);
    }
    ecn = 2;
}

/* (sum x)^2 / (n sum x^2) over two flows that begin together. */
static double jain_index(const char *cc, const char *link, int64_t seconds)
{
    begin(cc, link, 1, 2, 0);
    world_run(&run.world, duration_s(seconds / 3));
    double before[2] = {(double)run.received[0], (double)run.received[1]};
    world_run(&run.world, duration_s(seconds - seconds / 3));
    double x = (double)run.received[0] - before[0], y = (double)run.received[1] - before[1];
    world_close(&run.world);
    return (x + y) * (x + y) / (2 * (x * x + y * y));
}

/* Two flows of an algorithm share a bottleneck with a queue of one bandwidth-delay product. One
 * packet in ten thousand is lost besides: without chance in it a full queue hits the same flow
 * again and again (phase effects). */
static void two_flows_share_fairly(void **state)
{
    static const char *const algorithms[] = {"cubic", "reno", "bbr"};
    static const struct {
        const char *link;
        int64_t seconds;
    } cases[] = {
        {"out: delay 5ms loss 0.01% rate 10mbit limit 17; in: delay 5ms", 60},
        {"out: delay 25ms loss 0.01% rate 10mbit limit 83; in: delay 25ms", 120},
        {"out: delay 100ms loss 0.01% rate 10mbit limit 333; in: delay 100ms", 240},
    };
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        double index = jain_index(algorithms[i / 3], cases[i % 3].link, cases[i % 3].seconds);
        if (index < 0.95)
            fail_msg("%s, %s: %.3f", algorithms[i / 3], cases[i % 3].link, index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bbr_recovers_without_timeouts_and_duplicates),
        cmocka_unit_test(cubic_recovers_without_timeouts_and_duplicates),
        cmocka_unit_test(bbr_fills_a_link_that_loses_packets),
        cmocka_unit_test(reordering_is_learnt),
        cmocka_unit_test(overtaking_both_ways_is_survived),
        cmocka_unit_test(accurate_ecn_spares_retransmissions),
        cmocka_unit_test(two_flows_share_fairly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
