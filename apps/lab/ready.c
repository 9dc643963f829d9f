/* Ready experiments; see ready.h. `tunny lab --print NAME` shows one, to begin another with. */
#include "lab/ready.h"

#include <stddef.h>
#include <string.h>

static const char quick[] = "title   A quick look: loss and round-trip time\n"
                            "repeats 3\n"
                            "size    300K\n"
                            "loss    0 1% 3%\n"
                            "rtt     2ms 20ms 50ms\n"
                            "rate    20mbit\n"
                            "direction up\n"
                            "stack   kernel tunny\n"
                            "show    seconds retransmits\n"
                            "timeout 30s\n"
                            "[quick]\n"
                            "about   Our sender and the kernel's, each to a kernel's receiver.\n";

static const char loss[] = "title   Random loss\n"
                           "repeats 5\n"
                           "size    4M\n"
                           "loss    0 0.1% 0.3% 1% 3% 10%\n"
                           "rtt     20ms 100ms\n"
                           "rate    20mbit\n"
                           "direction up down\n"
                           "stack   kernel tunny\n"
                           "show    seconds retransmits\n"
                           "[loss]\n"
                           "about   Each packet of the data's direction is lost by itself.\n";

static const char rtt[] = "title   Round-trip time\n"
                          "repeats 5\n"
                          "size    4M\n"
                          "rtt     1ms 5ms 20ms 50ms 100ms 200ms\n"
                          "loss    0 1%\n"
                          "rate    20mbit\n"
                          "direction up down\n"
                          "stack   kernel tunny\n"
                          "show    seconds retransmits\n"
                          "[rtt]\n"
                          "about   The same transfer over longer and longer paths.\n";

static const char reordering[] =
    "title   Reordering, jitter, duplication\n"
    "repeats 5\n"
    "size    4M\n"
    "rtt     20ms 100ms\n"
    "rate    20mbit\n"
    "direction up down\n"
    "stack   kernel tunny\n"
    "show    seconds spurious\n"
    "[reordering]\n"
    "about   Some packets overtake all others that are under way.\n"
    "reorder 0 1% 10%\n"
    "[jitter]\n"
    "about   Each packet has a delay of its own and may overtake others.\n"
    "jitter  0 1ms 5ms\n"
    "[duplication]\n"
    "about   Some packets arrive twice.\n"
    "duplicate 0 1% 10%\n";

static const char bufferbloat[] =
    "title   Bufferbloat: what a long queue does to the round-trip time\n"
    "repeats 5\n"
    "rtt     20ms\n"
    "rate    10mbit\n"
    "queue   32K 64K 256K 1M codel:1M\n"
    "cc      cubic bbr\n"
    "direction up\n"
    "time    10s\n"
    "skip    2s\n"
    "stack   kernel tunny\n"
    "show    goodput_mbit rtt_p50_ms rtt_p99_ms retransmits\n"
    "[bufferbloat]\n"
    "about   A sender that always has something to send fills the queue at the bottleneck.\n";

static const char fairness[] =
    "title   Fairness between flows at one bottleneck\n"
    "repeats 5\n"
    "rtt     10ms 50ms 200ms\n"
    "rate    20mbit\n"
    "direction up\n"
    "time    20s\n"
    "skip    5s\n"
    "stack   kernel+kernel tunny+tunny tunny+kernel\n"
    "show    jain goodput_mbit retransmits\n"
    "[fairness]\n"
    "about   Two flows from the near side share one queue; Jain's index after the first seconds.\n";

static const char burst[] =
    "title   Losses that come in bursts (Gilbert and Elliott)\n"
    "repeats 5\n"
    "size    4M\n"
    "rtt     20ms 100ms\n"
    "rate    20mbit\n"
    "fault   none \"loss gemodel 0.2% 20%\" \"loss gemodel 0.5% 10%\" \"loss gemodel 1% 25%\"\n"
    "direction up down\n"
    "stack   kernel tunny\n"
    "show    seconds retransmits rtos\n"
    "[burst]\n"
    "about   In the bad state every packet is lost; the second number ends it.\n";

static const char wifi[] =
    "title   A link as over Wi-Fi\n"
    "repeats 5\n"
    "size    4M\n"
    "rtt     10ms 40ms\n"
    "rate    20mbit\n"
    "queue   256K\n"
    "fault   \"slot 800us 10ms loss gemodel 0.5% 40%\"\n"
    "cc      cubic bbr\n"
    "direction up down\n"
    "stack   kernel tunny\n"
    "show    seconds retransmits rtt_p99_ms\n"
    "[aggregation]\n"
    "about   Packets leave in clusters, as frames that a radio aggregates; losses in bursts.\n"
    "[rate-changes]\n"
    "about   The rate follows the distance to the access point, and for a moment there is none.\n"
    "schedule at 500ms data rate 6mbit; at 1s data rate 2mbit; at 1500ms down; at 1700ms up; "
    "at 2s data rate 12mbit; at 3s data rate 24mbit\n";

static const char short_flows[] =
    "title   Short flows: response times\n"
    "repeats 3\n"
    "requests 200\n"
    "size    10K 100K\n"
    "loss    0 1%\n"
    "rtt     20ms\n"
    "rate    50mbit\n"
    "direction up down\n"
    "stack   kernel tunny\n"
    "show    response_p50_ms response_p99_ms\n"
    "timeout 300s\n"
    "[short]\n"
    "about   Connections one after the other, each from connecting to the last byte.\n"
    "[short-p99]\n"
    "about   The same, compared by the slowest hundredth: what a lost tail costs.\n"
    "show    response_p99_ms response_p50_ms\n";

/* The whole grid of a release. Cells apart by how they are run: see scripts/recovery-page. */
static const char recovery[] =
    "title   Recovery and congestion control beside Linux\n"
    "repeats 5\n"
    "size    20M\n"
    "direction down up\n"
    "cc      cubic bbr\n"
    "stack   kernel tunny\n"
    "show    seconds spurious\n"
    "timeout 25min\n"
    "[loss]\n"
    "about   Little or no random loss.\n"
    "loss    0 0.1%\n"
    "rtt     2ms 20ms 100ms 200ms\n"
    "rate    100mbit unlimited\n"
    "[loss-slow]\n"
    "about   The same on a slow link.\n"
    "loss    0 0.1%\n"
    "rtt     2ms 20ms 100ms 200ms\n"
    "rate    10mbit\n"
    "[loss-bbr]\n"
    "about   Much random loss; BBR, ours of version 3 and Linux's of version 1.\n"
    "cc      bbr\n"
    "loss    1% 3% 10%\n"
    "rtt     2ms 20ms 100ms 200ms\n"
    "rate    100mbit unlimited\n"
    "[loss-bbr-slow]\n"
    "about   The same on a slow link.\n"
    "cc      bbr\n"
    "loss    1% 3% 10%\n"
    "rtt     2ms 20ms 100ms 200ms\n"
    "rate    10mbit\n"
    "[loss-cubic]\n"
    "about   Much random loss; CUBIC.\n"
    "cc      cubic\n"
    "loss    10% 3% 1%\n"
    "rtt     200ms 100ms 20ms 2ms\n"
    "rate    10mbit 100mbit unlimited\n"
    "[burst-bbr]\n"
    "about   Losses in bursts (Gilbert and Elliott); BBR.\n"
    "cc      bbr\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "fault   \"loss gemodel 0.2% 20%\" \"loss gemodel 1% 25%\"\n"
    "[burst-cubic]\n"
    "about   Losses in bursts (Gilbert and Elliott); CUBIC.\n"
    "cc      cubic\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "fault   \"loss gemodel 0.2% 20%\" \"loss gemodel 1% 25%\"\n"
    "[reordering]\n"
    "about   Packets that overtake all others that are under way.\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "reorder 1% 10%\n"
    "[jitter]\n"
    "about   Packets whose delays differ by up to 5 ms either way, and overtake each other.\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "jitter  5ms\n"
    "[duplication]\n"
    "about   Packets that arrive twice.\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "duplicate 1%\n"
    "[queues]\n"
    "about   Short and long queues at the bottleneck.\n"
    "rtt     20ms 100ms\n"
    "rate    100mbit\n"
    "queue   64K 256K 1M 4M\n"
    "[fairness]\n"
    "about   Two flows at one bottleneck.\n"
    "rtt     10ms 50ms 200ms\n"
    "rate    20mbit\n"
    "cc      cubic\n"
    "direction up\n"
    "time    60s\n"
    "skip    10s\n"
    "stack   kernel+kernel tunny+tunny tunny+kernel\n"
    "show    jain goodput_mbit retransmits\n"
    "[short]\n"
    "about   Response times of short flows, one after the other.\n"
    "size    10K 100K\n"
    "loss    1%\n"
    "rtt     20ms\n"
    "rate    100mbit\n"
    "cc      cubic\n"
    "requests 500\n"
    "show    response_p99_ms response_p50_ms\n";

static const struct ready experiments[] = {
    {"quick", quick},           {"loss", loss},   {"rtt", rtt},
    {"reordering", reordering}, {"burst", burst}, {"bufferbloat", bufferbloat},
    {"fairness", fairness},     {"wifi", wifi},   {"short", short_flows},
    {"recovery", recovery},
};
enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

const struct ready *ready_experiment(unsigned index)
{
    return index < EXPERIMENTS ? &experiments[index] : NULL;
}

const struct ready *ready_find(const char *name)
{
    for (unsigned i = 0; i < EXPERIMENTS; i++)
        if (strcmp(experiments[i].name, name) == 0)
            return &experiments[i];
    return NULL;
}
