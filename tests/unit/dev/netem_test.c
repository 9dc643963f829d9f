/* The engine of an impaired link: the order of its draws, its loss models, reordering, doubling,
 * damage, rates, slots, limits and marks. Expected draws come from the generator alone, one by one.
 */
#include "dev/netem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/netem_parse.h"
#include "wire/checksum.h"

static const uint64_t seed = UINT64_C(0x6a09e667f3bcc908);

static struct netem_tables tables;

static struct netem_config configured(const char *text)
{
    struct netem_config config;
    struct netem_notes notes = {0};
    if (netem_parse(text, &tables, &config, &notes))
        print_error("'%s': %s\n", text, notes.error);
    assert_string_equal(notes.error, "");
    return config;
}

static struct netem opened(const char *text)
{
    struct netem netem;
    struct netem_config config = configured(text);
    assert_int_equal(netem_open(&netem, &config, seed, 0, 2048), 0);
    return netem;
}

static struct netem_random same_draws(void)
{
    struct netem_random random;
    netem_random_seed(&random, seed);
    return random;
}

/* An IPv4 packet of `length` bytes with this ECN field, whose last byte is its number. */
static uint8_t packet[2048];

static struct netem_arrival arrival_of(uint64_t number, size_t length, uint8_t ecn)
{
    memset(packet, 0, length);
    packet[0] = 0x45;
    packet[1] = ecn;
    put_be16(packet + 2, (uint16_t)length);
    put_be16(packet + 10, checksum_of(packet, 20));
    packet[length - 1] = (uint8_t)number;
    return (struct netem_arrival){.packet = {packet, length}, .number = number, .verified = true};
}

static struct netem_fate fate_of(struct netem *netem, uint64_t number, int64_t now)
{
    struct netem_fate fates[2];
    struct netem_arrival arrival = arrival_of(number, 100, 0);
    assert_int_equal(netem_enqueue(netem, &arrival, (struct instant){now}, fates), 1);
    return fates[0];
}

static unsigned drain(struct netem *netem, int64_t now)
{
    struct netem_arrival out;
    unsigned count = 0;
    while (netem_dequeue(netem, (struct instant){now}, &out))
        count++;
    return count;
}

/* How many of `packets` are lost, each drained at once. */
static unsigned losses(struct netem *netem, unsigned packets)
{
    unsigned lost = 0;
    for (unsigned i = 1; i <= packets; i++) {
        lost += fate_of(netem, i, i).outcome == NETEM_LOST;
        drain(netem, i);
    }
    return lost;
}

static double loss_percent(const char *text, unsigned packets)
{
    struct netem netem = opened(text);
    double percent = losses(&netem, packets) * 100.0 / packets;
    netem_close(&netem);
    return percent;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (value < expected - tolerance || value > expected + tolerance)
        print_error("%g is not within %g of %g\n", value, tolerance, expected);
    assert_true(value >= expected - tolerance && value <= expected + tolerance);
}

static void loss_takes_one_draw_a_packet(void **state)
{
    (void)state;
    struct netem netem = opened("loss 30%");
    struct netem_random random = same_draws();
    for (unsigned i = 1; i <= 1000; i++) {
        bool lost = netem.config.loss.probability >= netem_random_u32(&random);
        assert_int_equal(fate_of(&netem, i, i).outcome, lost ? NETEM_LOST : NETEM_DELAYED);
        drain(&netem, i);
    }
    netem_close(&netem);
}

/* duplicate, loss, corrupt, reorder, delay: in this order whatever the order of the words. */
static void draws_are_in_the_kernels_order(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms 2ms reorder 20% corrupt 30% loss 10% seed 1000000000");
    struct netem_random random = same_draws();
    const struct netem_config *c = &netem.config;
    for (unsigned i = 1; i <= 2000; i++) {
        int64_t now = (int64_t)i * 100000000;
        struct netem_fate fate = fate_of(&netem, i, now);
        if (c->loss.probability >= netem_random_u32(&random)) {
            assert_int_equal(fate.outcome, NETEM_LOST);
            continue;
        }
        assert_int_equal(fate.corrupted, c->corrupt.probability >= netem_random_u32(&random));
        if (c->reorder.probability >= netem_random_u32(&random)) {
            assert_int_equal(fate.outcome, NETEM_AT_ONCE);
        } else {
            assert_int_equal(fate.outcome, NETEM_DELAYED);
            assert_int_equal(fate.due.ns - now, 8000000 + netem_random_u32(&random) % 4000000);
        }
        drain(&netem, now + 50000000);
    }
    netem_close(&netem);
}

static void a_duplicate_draws_before_the_original(void **state)
{
    (void)state;
    struct netem netem = opened("duplicate 50% loss 20% delay 10ms 2ms");
    struct netem_random random = same_draws();
    const struct netem_config *c = &netem.config;
    for (unsigned i = 1; i <= 2000; i++) {
        struct netem_fate fates[2];
        struct instant now = {(int64_t)i * 100000000};
        struct netem_arrival arrival = arrival_of(i, 100, 0);
        unsigned copies = netem_enqueue(&netem, &arrival, now, fates);
        bool doubled = c->duplicate.probability >= netem_random_u32(&random);
        bool lost = c->loss.probability >= netem_random_u32(&random);
        assert_int_equal(copies, doubled && !lost ? 2 : 1);
        if (copies == 2) {
            assert_true(fates[1].clone);
            bool clone_lost = c->loss.probability >= netem_random_u32(&random);
            assert_int_equal(fates[1].outcome, clone_lost ? NETEM_LOST : NETEM_DELAYED);
            if (!clone_lost)
                assert_int_equal(fates[1].due.ns - now.ns,
                                 8000000 + netem_random_u32(&random) % 4000000);
        }
        assert_int_equal(fates[0].outcome, lost && !doubled ? NETEM_LOST : NETEM_DELAYED);
        if (fates[0].outcome == NETEM_DELAYED)
            assert_int_equal(fates[0].due.ns - now.ns,
                             8000000 + netem_random_u32(&random) % 4000000);
        drain(&netem, now.ns + 50000000);
    }
    netem_close(&netem);
}

/* As Linux 6.12 does: the two share their bytes until one of them is damaged. */
static void the_mark_of_a_clone_is_the_originals_too(void **state)
{
    (void)state;
    struct netem netem = opened("duplicate 100% loss 30% ecn corrupt 30% delay 10ms");
    unsigned passed_on = 0, kept = 0;
    for (unsigned i = 1; i <= 500; i++) {
        struct netem_fate fates[2];
        struct instant now = {(int64_t)i * 100000000};
        struct netem_arrival arrival = arrival_of(i, 100, 2);
        uint64_t marks = netem.counts.ecn_marked;
        assert_int_equal(netem_enqueue(&netem, &arrival, now, fates), 2);
        bool by_the_clone_only = netem.counts.ecn_marked == marks + 1 && fates[1].marked;
        if (by_the_clone_only && !fates[0].corrupted) {
            assert_true(fates[0].marked);
            passed_on++;
        }
        kept += by_the_clone_only && !fates[0].marked;
        drain(&netem, now.ns + 50000000);
    }
    assert_true(passed_on > 0);
    assert_true(kept > 0);
    netem_close(&netem);
}

static void one_draw_serves_the_4_state_model(void **state)
{
    (void)state;
    struct netem netem = opened("loss state 20% 30% 10% 40% 5%");
    struct netem_random random = same_draws();
    const struct netem_loss_state p = netem.config.state;
    unsigned at = 1;
    for (unsigned i = 1; i <= 5000; i++) {
        uint32_t draw = netem_random_u32(&random);
        if (at == 1)
            at = draw < p.p14 ? 4 : draw < p.p14 + p.p13 ? 3 : 1;
        else if (at == 2)
            at = draw < p.p23 ? 3 : 2;
        else if (at == 3)
            at = draw < p.p32 ? 2 : draw < p.p32 + p.p31 ? 1 : 3;
        else
            at = 1;
        assert_int_equal(fate_of(&netem, i, i).outcome == NETEM_LOST, at == 3 || at == 4);
        drain(&netem, i);
    }
    netem_close(&netem);
}

static void gilbert_and_elliot_take_two_draws_and_lose_by_the_old_state(void **state)
{
    (void)state;
    struct netem netem = opened("loss gemodel 10% 30% 80% 2%");
    struct netem_random random = same_draws();
    const struct netem_loss_gemodel m = netem.config.gemodel;
    bool bad = false;
    for (unsigned i = 1; i <= 5000; i++) {
        uint32_t move = netem_random_u32(&random), loss = netem_random_u32(&random);
        bool lost = bad ? loss > m.h : loss < m.k1;
        bad = bad ? !(move < m.r) : move < m.p;
        assert_int_equal(fate_of(&netem, i, i).outcome == NETEM_LOST, lost);
        drain(&netem, i);
    }
    netem_close(&netem);
}

/* (r (1-k) + p (1-h)) / (p + r) */
static void models_lose_what_theory_says(void **state)
{
    (void)state;
    assert_near(loss_percent("loss 3%", 200000), 3, .15);
    assert_near(loss_percent("loss gemodel 1% 20%", 200000), 4.76, .3);
    assert_near(loss_percent("loss gemodel 5% 20% 70% 1%", 200000), 14.8, .5);
    assert_near(loss_percent("loss state 1% 20%", 200000), 4.76, .3);
    assert_near(loss_percent("loss 100%", 1000), 100, 0);
    assert_near(loss_percent("loss 0%", 1000), 0, 0);
}

/* Measured on Linux 6.12, and by exact arithmetic over 200,000 draws. */
static void correlated_loss_is_wrong_as_in_the_kernel(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double percent, tolerance;
    } known[] = {
        {"loss 1% 10%", .024, .02}, {"loss 1% 25%", 0, .002},    {"loss 1% 50%", 0, .002},
        {"loss 5% 10%", 1.22, .1},  {"loss 5% 25%", .2, .05},    {"loss 5% 50%", .002, .01},
        {"loss 10% 10%", 5.6, .2},  {"loss 10% 25%", 1.75, .15}, {"loss 10% 50%", .1, .04},
        {"loss 20% 10%", 16.8, .4}, {"loss 20% 25%", 10.3, .3},  {"loss 20% 50%", 2.9, .2},
        {"loss 30% 10%", 27.8, .4}, {"loss 30% 25%", 23.3, .4},  {"loss 30% 50%", 13, .4},
        {"loss 50% 25%", 50, .5},   {"loss 70% 10%", 72, .5},    {"loss 70% 25%", 77, .5},
        {"loss 70% 50%", 87, .5},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_near(loss_percent(known[i].text, 200000), known[i].percent, known[i].tolerance);
}

static void small_seeds_lose_the_second_packet(void **state)
{
    (void)state;
    struct netem_config config = configured("loss 1%");
    for (uint64_t small = 1; small <= 3; small++) {
        struct netem netem;
        assert_int_equal(netem_open(&netem, &config, small, 0, 2048), 0);
        fate_of(&netem, 1, 1);
        assert_int_equal(fate_of(&netem, 2, 2).outcome == NETEM_LOST, small < 3);
        netem_close(&netem);
    }
}

static void every_fifth_packet_goes_at_once(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms reorder 100% gap 5");
    for (unsigned i = 1; i <= 50; i++)
        assert_int_equal(fate_of(&netem, i, i).outcome, i % 5 == 0 ? NETEM_AT_ONCE : NETEM_DELAYED);
    assert_int_equal(netem.counts.reordered, 10);
    netem_close(&netem);
}

static void packets_within_the_gap_are_not_drawn(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms reorder 50% gap 4");
    struct netem_random random = same_draws();
    unsigned since = 0;
    for (unsigned i = 1; i <= 1000; i++) {
        bool at_once = since >= 3 && netem.config.reorder.probability >= netem_random_u32(&random);
        assert_int_equal(fate_of(&netem, i, i).outcome, at_once ? NETEM_AT_ONCE : NETEM_DELAYED);
        since = at_once ? 0 : since + 1;
        if (i % 100 == 0)
            drain(&netem, INT64_MAX - 1);
    }
    netem_close(&netem);
}

static void a_reordered_packet_overtakes_those_that_are_due(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms reorder 100% gap 2");
    struct netem_arrival out;
    fate_of(&netem, 1, 0);
    fate_of(&netem, 2, 20000000);
    assert_int_equal(netem_deadline(&netem).ns, 0);
    assert_true(netem_dequeue(&netem, (struct instant){20000000}, &out));
    assert_int_equal(out.number, 2);
    assert_true(netem_dequeue(&netem, (struct instant){20000000}, &out));
    assert_int_equal(out.number, 1);
    netem_close(&netem);
}

static void a_packet_leaves_when_its_time_has_come_and_not_before(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms");
    struct netem_arrival out;
    fate_of(&netem, 7, 5);
    assert_int_equal(netem_deadline(&netem).ns, 10000005);
    assert_false(netem_dequeue(&netem, (struct instant){10000004}, &out));
    assert_true(netem_dequeue(&netem, (struct instant){10000005}, &out));
    assert_int_equal(out.number, 7);
    assert_int_equal(out.packet.len, 100);
    assert_int_equal(out.packet.data[99], 7);
    assert_true(out.verified);
    assert_true(instant_is_never(netem_deadline(&netem)));
    netem_close(&netem);
}

static void jitter_lies_in_the_half_open_interval(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10us 3us");
    int64_t least = INT64_MAX, most = 0;
    for (unsigned i = 1; i <= 200000; i++) {
        int64_t delay = fate_of(&netem, i, 0).due.ns;
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
        drain(&netem, 100000);
    }
    assert_int_equal(least, 7000);
    assert_int_equal(most, 12999);
    netem_close(&netem);
}

/* x = (j mod 8192) t, half a unit away from zero, / 8192 towards zero, + (j / 8192) t + latency. */
static void tables_are_scaled_in_integers(void **state)
{
    (void)state;
    struct netem netem = opened("delay 100ms 12345677ns distribution paretonormal");
    struct netem_random random = same_draws();
    const struct netem_table *table = netem.config.table;
    for (unsigned i = 1; i <= 1000; i++) {
        int64_t t = table->values[netem_random_u32(&random) % 4096];
        int64_t x = 12345677 % 8192 * t;
        x = (x >= 0 ? x + 4096 : x - 4096) / 8192;
        assert_int_equal(fate_of(&netem, i, 0).due.ns, x + 12345677 / 8192 * t + 100000000);
        drain(&netem, INT64_MAX - 1);
    }
    netem_close(&netem);
}

static void a_negative_delay_goes_ahead_of_others(void **state)
{
    (void)state;
    struct netem netem = opened("delay 1ms 100ms");
    bool negative = false;
    for (unsigned i = 1; i <= 100; i++)
        negative |= fate_of(&netem, i, 0).due.ns < 0;
    assert_true(negative);
    assert_int_equal(netem_deadline(&netem).ns, 0);
    int64_t last = INT64_MIN;
    struct netem_arrival out;
    while (netem_dequeue(&netem, (struct instant){INT64_MAX - 1}, &out)) {
        assert_true(netem.queue.entries[netem.held].due.ns >= last);
        last = netem.queue.entries[netem.held].due.ns;
    }
    netem_close(&netem);
}

static int64_t due_of(struct netem *netem, uint64_t number, size_t length, int64_t now)
{
    struct netem_fate fates[2];
    struct netem_arrival arrival = arrival_of(number, length, 0);
    assert_int_equal(netem_enqueue(netem, &arrival, (struct instant){now}, fates), 1);
    return fates[0].due.ns;
}

/* floor(L * 1e9 / rate), after what is queued. */
static void rates_are_exact_to_the_nanosecond(void **state)
{
    (void)state;
    struct netem netem = opened("rate 1mbit");
    assert_int_equal(due_of(&netem, 1, 1500, 0), 12000000);
    assert_int_equal(due_of(&netem, 2, 100, 0), 12800000);
    drain(&netem, 12800000);
    assert_int_equal(due_of(&netem, 3, 100, 13000000), 13800000);
    netem_close(&netem);
    netem = opened("rate 77777bit"); /* 9722 bytes/s */
    assert_int_equal(due_of(&netem, 1, 1000, 5), 5 + 1000000000000 / 9722);
    netem_close(&netem);
}

static void delay_comes_before_serialisation(void **state)
{
    (void)state;
    struct netem netem = opened("delay 5ms rate 1mbit");
    assert_int_equal(due_of(&netem, 1, 1250, 0), 15000000);
    assert_int_equal(due_of(&netem, 2, 1250, 1000000), 25000000);
    /* A packet that comes when the delay line is empty again waits for the delay alone. */
    drain(&netem, 25000000);
    assert_int_equal(due_of(&netem, 3, 1250, 25000000), 40000000);
    netem_close(&netem);
}

static void jitter_does_not_reorder_when_there_is_a_rate(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms 9ms rate 1gbit");
    int64_t last = 0;
    for (unsigned i = 1; i <= 900; i++) {
        int64_t due = due_of(&netem, i, 100, (int64_t)i * 1000);
        assert_true(due > last);
        last = due;
    }
    netem_close(&netem);
}

/* 50 bytes in cells of 48 with 5 more each: 106 bytes, as the manual page has it. */
static void cells_and_overheads_count(void **state)
{
    (void)state;
    struct netem netem = opened("rate 8kbit 0 48 5");
    assert_int_equal(due_of(&netem, 1, 50, 0), 106000000);
    netem_close(&netem);
    netem = opened("rate 8kbit -14");
    assert_int_equal(due_of(&netem, 1, 114, 0), 100000000);
    netem_close(&netem);
    netem = opened("rate 5kbit 20 100 5");
    assert_int_equal(due_of(&netem, 1, 100, 0), 210LL * 1000000000 / 625);
    netem_close(&netem);
}

/* As Linux 6.12 does, seen by make netem-exact: 64 bits without cells, 32 bits with them. */
static void a_negative_length_stops_the_link(void **state)
{
    (void)state;
    struct netem netem = opened("rate 8kbit -500");
    assert_int_equal(due_of(&netem, 1, 100, 7),
                     7 + (int64_t)((UINT64_C(0) - UINT64_C(400000000000)) / 1000));
    netem_close(&netem);
    netem = opened("rate 3114kbit -41 35 -7");
    assert_int_equal(due_of(&netem, 1, 32, 0), 122713352LL * 28 * 1000000000 / 389250);
    netem_close(&netem);
}

static void the_limit_counts_the_delay_line(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms limit 3");
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(fate_of(&netem, i, 0).outcome, NETEM_DELAYED);
    assert_int_equal(fate_of(&netem, 4, 0).outcome, NETEM_OVERLIMIT);
    assert_int_equal(drain(&netem, 10000000), 3);
    assert_int_equal(fate_of(&netem, 5, 10000000).outcome, NETEM_DELAYED);
    assert_int_equal(netem.counts.overlimit, 1);
    netem_close(&netem);
}

/* The original goes in behind its clone without being counted again. */
static void a_clone_may_exceed_the_limit_by_one(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms limit 3 duplicate 100%");
    struct netem_fate fates[2];
    struct netem_arrival arrival = arrival_of(1, 100, 0);
    assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 2);
    assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 2);
    assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 1);
    assert_int_equal(fates[0].outcome, NETEM_OVERLIMIT);
    assert_int_equal(drain(&netem, 10000000), 4);
    netem_close(&netem);
    netem = opened("delay 10ms limit 1 duplicate 100%");
    assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 2);
    assert_int_equal(drain(&netem, 10000000), 2);
    netem_close(&netem);
}

static void limit_0_loses_all(void **state)
{
    (void)state;
    struct netem netem = opened("limit 0");
    assert_int_equal(fate_of(&netem, 1, 0).outcome, NETEM_OVERLIMIT);
    netem_close(&netem);
}

static void loss_is_drawn_before_the_limit_and_delay_after(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms 2ms limit 1 loss 1%");
    struct netem_random random = same_draws();
    fate_of(&netem, 1, 0);
    netem_random_u32(&random);
    netem_random_u32(&random);
    assert_int_equal(fate_of(&netem, 2, 0).outcome, NETEM_OVERLIMIT);
    netem_random_u32(&random);
    assert_memory_equal(&netem.random, &random, sizeof random);
    netem_close(&netem);
}

static void a_packet_that_can_be_marked_is_not_lost(void **state)
{
    (void)state;
    static const struct {
        uint8_t before;
        bool lost;
    } fields[] = {{0, true}, {1, false}, {2, false}, {3, false}};
    struct netem netem = opened("loss 100% ecn");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct netem_fate fates[2];
        struct netem_arrival arrival = arrival_of(i, 100, fields[i].before), out;
        assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 1);
        assert_int_equal(fates[0].outcome == NETEM_LOST, fields[i].lost);
        assert_int_equal(netem_dequeue(&netem, INSTANT_ZERO, &out), !fields[i].lost);
        if (fields[i].lost)
            continue;
        assert_true(fates[0].marked);
        assert_int_equal(out.packet.data[1] & 3, 3);
        assert_int_equal(checksum_of(out.packet.data, 20), 0);
        assert_false(out.verified);
    }
    assert_int_equal(netem.counts.ecn_marked, 3);
    assert_int_equal(netem.counts.lost, 1);
    netem_close(&netem);
}

static void ipv6_is_marked_in_its_traffic_class(void **state)
{
    (void)state;
    uint8_t v6[40] = {0x60, 0x20};
    assert_true(netem_ecn_capable((struct bytes){v6, sizeof v6}));
    netem_ecn_mark(v6, sizeof v6);
    assert_int_equal(v6[0], 0x60);
    assert_int_equal(v6[1], 0x30);
    v6[1] = 0x0f;
    assert_false(netem_ecn_capable((struct bytes){v6, sizeof v6}));
    assert_false(netem_ecn_capable((struct bytes){v6, 1}));
}

static void one_bit_of_a_damaged_packet_differs(void **state)
{
    (void)state;
    struct netem netem = opened("corrupt 100%");
    for (unsigned i = 1; i <= 500; i++) {
        struct netem_fate fates[2];
        struct netem_arrival arrival = arrival_of(i, 64, 0), out;
        unsigned different = 0;
        assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 1);
        assert_true(fates[0].corrupted);
        assert_true(fates[0].bit < 64 * 8);
        assert_true(netem_dequeue(&netem, INSTANT_ZERO, &out));
        for (size_t b = 0; b < 64; b++)
            different += (unsigned)__builtin_popcount(out.packet.data[b] ^ packet[b]);
        assert_int_equal(different, 1);
        assert_int_equal(out.packet.data[fates[0].bit / 8] ^ packet[fates[0].bit / 8],
                         1 << fates[0].bit % 8);
        assert_false(out.verified);
    }
    netem_close(&netem);
}

static void only_one_copy_is_damaged_by_one_draw(void **state)
{
    (void)state;
    struct netem netem = opened("duplicate 100% corrupt 50%");
    unsigned original_only = 0;
    for (unsigned i = 1; i <= 200; i++) {
        struct netem_fate fates[2];
        struct netem_arrival arrival = arrival_of(i, 64, 0), out;
        assert_int_equal(netem_enqueue(&netem, &arrival, INSTANT_ZERO, fates), 2);
        assert_true(netem_dequeue(&netem, INSTANT_ZERO, &out)); /* the clone */
        assert_int_equal(memcmp(out.packet.data, packet, 64) != 0, fates[1].corrupted);
        assert_true(netem_dequeue(&netem, INSTANT_ZERO, &out));
        assert_int_equal(memcmp(out.packet.data, packet, 64) != 0, fates[0].corrupted);
        original_only += fates[0].corrupted && !fates[1].corrupted;
    }
    assert_in_range(original_only, 30, 70);
    netem_close(&netem);
}

/* Lets packets through at every deadline; when[i] of the i-th. */
static void depart(struct netem *netem, int64_t *when, unsigned count)
{
    struct netem_arrival out;
    unsigned have = 0;
    for (int64_t now = 0; have < count; now = netem_deadline(netem).ns) {
        while (have < count && netem_dequeue(netem, (struct instant){now}, &out))
            when[have++] = now;
    }
}

/* Measured on Linux: `slot 10ms 10ms packets 50` lets 50 through every 10.0 ms. */
static void slots_open_at_fixed_times(void **state)
{
    (void)state;
    struct netem netem = opened("slot 10ms 10ms packets 50");
    int64_t when[200];
    for (unsigned i = 1; i <= 200; i++)
        fate_of(&netem, i, 1);
    depart(&netem, when, 200);
    for (unsigned i = 50; i < 200; i++)
        assert_int_equal(when[i] - when[i - 50], 10000000);
    assert_int_equal(when[0], when[49]);
    netem_close(&netem);
}

/* Measured: `slot 5ms 15ms bytes 3000` lets 30 packets of 100 bytes through every 5 to 15 ms. */
static void slots_have_a_budget_of_bytes_and_random_gaps(void **state)
{
    (void)state;
    struct netem netem = opened("slot 5ms 15ms bytes 3000");
    int64_t when[600], least = INT64_MAX, most = 0;
    for (unsigned i = 1; i <= 600; i++)
        fate_of(&netem, i, 1);
    depart(&netem, when, 600);
    for (unsigned i = 30; i < 600; i += 30) {
        int64_t gap = when[i] - when[i - 1];
        assert_in_range(gap, 5000000, 14999999);
        assert_int_equal(when[i], when[i + 29]);
        least = gap < least ? gap : least;
        most = gap > most ? gap : most;
    }
    assert_true(most - least > 5000000);
    netem_close(&netem);
}

static void slots_from_a_table_take_draws(void **state)
{
    (void)state;
    struct netem netem = opened("slot distribution normal 10ms 1ms packets 1");
    struct netem_random random = same_draws();
    const struct netem_table *table = netem.config.slot.table;
    int64_t when[100], expected = 0;
    for (unsigned i = 1; i <= 100; i++)
        fate_of(&netem, i, 1);
    depart(&netem, when, 100);
    for (unsigned i = 0; i < 100; i++) {
        int64_t t = table->values[netem_random_u32(&random) % 4096];
        int64_t x = 1000000 % 8192 * t;
        x = (x >= 0 ? x + 4096 : x - 4096) / 8192;
        expected += x + 1000000 / 8192 * t + 10000000;
        assert_int_equal(when[i], expected);
    }
    netem_close(&netem);
}

static void the_same_seed_gives_the_same_fates(void **state)
{
    (void)state;
    static const char text[] = "delay 20ms 5ms 25% distribution normal loss 5% 10% duplicate 3% "
                               "corrupt 2% 20% reorder 10% 30% gap 3 rate 100mbit";
    struct netem a = opened(text), b = opened(text);
    for (unsigned i = 1; i <= 5000; i++) {
        struct netem_fate of_a[2], of_b[2];
        struct netem_arrival arrival = arrival_of(i, 40 + i % 1000, 0);
        struct instant now = {(int64_t)i * 100000};
        memset(of_a, 0, sizeof of_a);
        memset(of_b, 0, sizeof of_b);
        unsigned copies = netem_enqueue(&a, &arrival, now, of_a);
        assert_int_equal(netem_enqueue(&b, &arrival, now, of_b), copies);
        for (unsigned c = 0; c < copies; c++) {
            assert_int_equal(of_a[c].outcome, of_b[c].outcome);
            assert_int_equal(of_a[c].due.ns, of_b[c].due.ns);
            assert_int_equal(of_a[c].bit, of_b[c].bit);
        }
        assert_int_equal(drain(&a, now.ns), drain(&b, now.ns));
    }
    netem_close(&a);
    netem_close(&b);
}

static void a_change_keeps_what_is_queued_and_the_generator(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms loss 1%");
    struct netem_random random = same_draws();
    fate_of(&netem, 1, 0);
    netem_random_u32(&random);
    struct netem_config config = configured("delay 1ms loss 100%");
    netem_change(&netem, &config, INSTANT_ZERO);
    assert_int_equal(fate_of(&netem, 2, 0).outcome, NETEM_LOST);
    netem_random_u32(&random);
    assert_memory_equal(&netem.random, &random, sizeof random);
    assert_int_equal(netem_deadline(&netem).ns, 10000000);
    config = configured("seed 1234567890123");
    netem_change(&netem, &config, INSTANT_ZERO);
    netem_random_seed(&random, 1234567890123);
    assert_memory_equal(&netem.random, &random, sizeof random);
    netem_close(&netem);
}

static void a_new_loss_model_begins_in_its_first_state(void **state)
{
    (void)state;
    struct netem netem = opened("loss gemodel 100% 0%");
    fate_of(&netem, 1, 0);
    assert_int_equal(netem.loss_state, 2);
    struct netem_config config = configured("loss state 1%");
    netem_change(&netem, &config, INSTANT_ZERO);
    assert_int_equal(netem.loss_state, 1);
    netem_close(&netem);
}

static void decided_fates_draw_nothing(void **state)
{
    (void)state;
    struct netem netem = opened("delay 10ms 5ms loss 50%");
    struct netem_random random = same_draws();
    struct netem_arrival arrival = arrival_of(9, 100, 2), out;
    netem_enqueue_decided(&netem, &arrival, INSTANT_ZERO,
                          &(struct netem_fate){.outcome = NETEM_LOST});
    netem_enqueue_decided(&netem, &arrival, INSTANT_ZERO,
                          &(struct netem_fate){.due = {777}, .marked = true});
    assert_memory_equal(&netem.random, &random, sizeof random);
    assert_int_equal(netem_deadline(&netem).ns, 777);
    assert_true(netem_dequeue(&netem, (struct instant){777}, &out));
    assert_int_equal(out.packet.data[1] & 3, 3);
    assert_int_equal(netem.counts.packets, 2);
    assert_int_equal(netem.counts.lost, 1);
    assert_int_equal(netem.counts.ecn_marked, 1);
    netem_close(&netem);
}

static int free_tables(void **state)
{
    (void)state;
    netem_tables_free(&tables);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_takes_one_draw_a_packet),
        cmocka_unit_test(draws_are_in_the_kernels_order),
        cmocka_unit_test(a_duplicate_draws_before_the_original),
        cmocka_unit_test(the_mark_of_a_clone_is_the_originals_too),
        cmocka_unit_test(one_draw_serves_the_4_state_model),
        cmocka_unit_test(gilbert_and_elliot_take_two_draws_and_lose_by_the_old_state),
        cmocka_unit_test(models_lose_what_theory_says),
        cmocka_unit_test(correlated_loss_is_wrong_as_in_the_kernel),
        cmocka_unit_test(small_seeds_lose_the_second_packet),
        cmocka_unit_test(every_fifth_packet_goes_at_once),
        cmocka_unit_test(packets_within_the_gap_are_not_drawn),
        cmocka_unit_test(a_reordered_packet_overtakes_those_that_are_due),
        cmocka_unit_test(a_packet_leaves_when_its_time_has_come_and_not_before),
        cmocka_unit_test(jitter_lies_in_the_half_open_interval),
        cmocka_unit_test(tables_are_scaled_in_integers),
        cmocka_unit_test(a_negative_delay_goes_ahead_of_others),
        cmocka_unit_test(rates_are_exact_to_the_nanosecond),
        cmocka_unit_test(delay_comes_before_serialisation),
        cmocka_unit_test(jitter_does_not_reorder_when_there_is_a_rate),
        cmocka_unit_test(cells_and_overheads_count),
        cmocka_unit_test(a_negative_length_stops_the_link),
        cmocka_unit_test(the_limit_counts_the_delay_line),
        cmocka_unit_test(a_clone_may_exceed_the_limit_by_one),
        cmocka_unit_test(limit_0_loses_all),
        cmocka_unit_test(loss_is_drawn_before_the_limit_and_delay_after),
        cmocka_unit_test(a_packet_that_can_be_marked_is_not_lost),
        cmocka_unit_test(ipv6_is_marked_in_its_traffic_class),
        cmocka_unit_test(one_bit_of_a_damaged_packet_differs),
        cmocka_unit_test(only_one_copy_is_damaged_by_one_draw),
        cmocka_unit_test(slots_open_at_fixed_times),
        cmocka_unit_test(slots_have_a_budget_of_bytes_and_random_gaps),
        cmocka_unit_test(slots_from_a_table_take_draws),
        cmocka_unit_test(the_same_seed_gives_the_same_fates),
        cmocka_unit_test(a_change_keeps_what_is_queued_and_the_generator),
        cmocka_unit_test(a_new_loss_model_begins_in_its_first_state),
        cmocka_unit_test(decided_fates_draw_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, free_tables);
}
