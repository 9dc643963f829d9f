/* One direction: script before netem, the bottleneck before the delay, down, recordings, what is
 * told. */
#include "dev/impair_direction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "impair_packets.h"

enum { MOST_LINES = 4096 };

static struct told {
    struct impair_watcher watcher;
    struct impair_log_line lines[MOST_LINES];
    enum impair_cause causes[MOST_LINES];
    unsigned count;
} told;

static void note(struct impair_watcher *watcher, const struct impair_verdict *verdict)
{
    struct told *t = (struct told *)(void *)watcher;
    assert_true(t->count < MOST_LINES);
    t->causes[t->count] = verdict->cause;
    t->lines[t->count++] = verdict->line;
}

static struct impair_specification spec;
static struct impair_direction direction;

static void opens(const char *text, struct impair_recording *recording)
{
    struct netem_notes notes = {0};
    told = (struct told){.watcher.fate = note};
    impair_specification_free(&spec);
    if (impair_specification_parse(text, &spec, &notes))
        print_error("%s\n", notes.error);
    assert_string_equal(notes.error, "");
    impair_specification_seed(&spec, 4711);
    assert_int_equal(
        impair_direction_open(&direction, IMPAIR_OUT, &spec, recording, &told.watcher, 1500), 0);
}

static void offers(const struct test_packet *packet, int64_t now)
{
    impair_direction_offer(&direction, test_bytes(packet), true, (struct instant){now});
}

/* The number of the packet that leaves now, 0 when there is none. */
static uint64_t leaves(int64_t now)
{
    struct netem_arrival out;
    return impair_direction_next(&direction, (struct instant){now}, &out) ? out.number : 0;
}

static void scripted_packets_take_no_draws(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 10, NULL);
    enum netem_outcome plain[200];
    opens("loss 50%", NULL);
    for (int i = 0; i < 200; i++) {
        offers(&packet, i);
        plain[i] = told.lines[i].fate.outcome;
        leaves(i);
    }
    impair_direction_close(&direction);
    opens("loss 50% drop 1-100", NULL);
    for (int i = 0; i < 300; i++) {
        offers(&packet, i);
        assert_int_equal(told.lines[i].number, i + 1);
        assert_int_equal(told.lines[i].fate.outcome, i < 100 ? NETEM_LOST : plain[i - 100]);
        leaves(i);
    }
    assert_int_equal(impair_direction_counts(&direction).packets, 300);
    assert_true(impair_direction_counts(&direction).lost > 150);
    impair_direction_close(&direction);
}

static void a_link_that_is_down_loses_all_that_comes(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 10, NULL);
    opens("delay 10ms; at 1s down; at 2s up", NULL);
    offers(&packet, 0);
    impair_direction_change(&direction, &spec.changes[0], INSTANT_ZERO);
    offers(&packet, 1);
    assert_int_equal(told.lines[1].fate.outcome, NETEM_LOST);
    assert_int_equal(leaves(10000000), 1); /* what was under way arrives */
    impair_direction_change(&direction, &spec.changes[1], INSTANT_ZERO);
    offers(&packet, 2);
    assert_int_equal(leaves(10000002), 3);
    impair_direction_close(&direction);
}

static void a_change_for_the_other_direction_changes_nothing(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 10, NULL);
    opens("at 1s in: down; at 2s in: loss 100%", NULL);
    impair_direction_change(&direction, &spec.changes[0], INSTANT_ZERO);
    impair_direction_change(&direction, &spec.changes[1], INSTANT_ZERO);
    offers(&packet, 0);
    assert_int_equal(leaves(0), 1);
    impair_direction_close(&direction);
}

/* 1000 bytes at 1 Mbyte/s take 1 ms, then 10 ms of delay. */
static void the_bottleneck_serialises_before_the_delay(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 960, NULL);
    assert_int_equal(packet.length, 1000);
    opens("delay 10ms rate 8mbit queue tail 2k", NULL);
    for (int i = 1; i <= 4; i++)
        offers(&packet, 0);
    /* One on the wire, two wait, the fourth is lost. */
    assert_int_equal(told.count, 1);
    assert_int_equal(told.lines[0].number, 4);
    assert_int_equal(told.lines[0].fate.outcome, NETEM_OVERLIMIT);
    assert_int_equal(impair_direction_deadline(&direction).ns, 1000000);
    assert_int_equal(leaves(5000000), 0);
    assert_int_equal(told.count, 4);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(told.lines[i].fate.due.ns, 10000000 + i * 1000000);
        assert_int_equal(impair_direction_deadline(&direction).ns, 10000000 + i * 1000000);
        assert_int_equal(leaves(10000000 + i * 1000000 - 1), 0);
        assert_int_equal(leaves(10000000 + i * 1000000), i);
    }
    assert_true(instant_is_never(impair_direction_deadline(&direction)));
    assert_int_equal(impair_direction_counts(&direction).overlimit, 1);
    impair_direction_close(&direction);
}

static void a_change_of_rate_is_the_bottlenecks(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 960, NULL);
    opens("rate 8mbit queue tail 2k; at 1s rate 80mbit", NULL);
    impair_direction_change(&direction, &spec.changes[0], INSTANT_ZERO);
    offers(&packet, 0);
    assert_int_equal(leaves(0), 0);
    assert_int_equal(impair_direction_deadline(&direction).ns, 100000);
    impair_direction_close(&direction);
}

static void a_clone_is_told_before_the_original(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 10, NULL);
    opens("duplicate 100%", NULL);
    offers(&packet, 0);
    assert_int_equal(told.count, 2);
    assert_true(told.lines[0].fate.clone);
    assert_false(told.lines[1].fate.clone);
    impair_direction_close(&direction);
}

/* Every packet's way through, as one number. */
static uint64_t digest_of_run(unsigned packets)
{
    struct test_packet packet = test_tcp(TCP_ACK, 200, NULL);
    struct netem_arrival out;
    uint64_t digest = 0;
    for (unsigned i = 0; i <= packets; i++) {
        struct instant now = i < packets ? (struct instant){(int64_t)i * 300000}
                                         : (struct instant){INT64_MAX - 1};
        if (i < packets)
            offers(&packet, now.ns);
        while (impair_direction_next(&direction, now, &out)) {
            struct checksum sum = {0};
            checksum_add(&sum, out.packet.data, out.packet.len);
            digest = digest * 31 + out.number * 65536 + checksum_fold(&sum);
            digest = digest * 31 + i;
        }
    }
    return digest;
}

/* What was told, by way of a file. */
static struct impair_recording recorded(void)
{
    char path[] = "/tmp/impair-direction-XXXXXX", text[128];
    struct impair_recording recording;
    size_t bad_line;
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    for (unsigned l = 0; l < told.count; l++) {
        impair_log_print(&told.lines[l], text, sizeof text);
        fprintf(file, "%s\n", text);
    }
    fclose(file);
    assert_int_equal(impair_recording_open(&recording, path, &bad_line), 0);
    unlink(path);
    return recording;
}

static void a_recording_repeats_every_fate(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "delay 20ms 15ms loss gemodel 2% 20% duplicate 5% corrupt 5% reorder 10% gap 3",
        "delay 5ms rate 4mbit queue codel 20k loss 3% drop 5,9,100-120",
        "rate 5mbit limit 20",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        opens(texts[i], NULL);
        uint64_t first = digest_of_run(1000);
        struct netem_counts counts = impair_direction_counts(&direction);
        impair_direction_close(&direction);
        struct impair_recording recording = recorded();
        opens("replay somewhere limit 100000", &recording);
        assert_true(digest_of_run(1000) == first);
        assert_true(impair_direction_counts(&direction).lost == counts.lost);
        assert_true(impair_direction_counts(&direction).packets == counts.packets);
        impair_direction_close(&direction);
        impair_recording_close(&recording);
    }
}

static void packets_that_a_recording_does_not_know_pass(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 10, NULL);
    struct impair_recording recording = {0};
    opens("replay somewhere", &recording);
    offers(&packet, 77);
    assert_int_equal(leaves(77), 1);
    impair_direction_close(&direction);
}

static int free_spec(void **state)
{
    (void)state;
    impair_specification_free(&spec);
    return 0;
}

static void every_loss_has_its_cause(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 960, NULL);
    opens("drop #1 rate 8mbit queue tail 1k limit 1; at 1s down", NULL);
    for (int i = 0; i < 4; i++)
        offers(&packet, 0);
    assert_int_equal(told.causes[0], IMPAIR_BY_SCRIPT);
    assert_int_equal(told.causes[1], IMPAIR_BY_FULL_QUEUE);
    impair_direction_change(&direction, &spec.changes[0], INSTANT_ZERO);
    offers(&packet, 0);
    assert_int_equal(told.causes[2], IMPAIR_BY_DOWN);
    assert_int_equal(leaves(10000000), 2);
    assert_int_equal(told.causes[3], IMPAIR_BY_NETEM);
    impair_direction_close(&direction);
}

static void what_is_under_way_is_counted(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 960, NULL);
    uint64_t bytes;
    opens("delay 1ms rate 8mbit queue tail 10k", NULL);
    for (int i = 0; i < 3; i++)
        offers(&packet, 0);
    assert_int_equal(impair_direction_held(&direction, &bytes), 3);
    assert_int_equal(bytes, 3000);
    assert_int_equal(leaves(2000000), 1);
    assert_int_equal(impair_direction_held(&direction, &bytes), 2);
    impair_direction_close(&direction);
}

static void a_direction_is_plain_only_without_anything_under_way(void **state)
{
    (void)state;
    static struct impair_specification next;
    struct netem_notes notes = {0};
    struct test_packet packet = test_tcp(TCP_ACK, 960, NULL);
    opens("delay 1ms", NULL);
    offers(&packet, 0);
    assert_int_equal(impair_specification_parse("", &next, &notes), 0);
    assert_false(impair_direction_is_plain(&direction));
    assert_int_equal(impair_direction_replace(&direction, &next.side[IMPAIR_OUT], INSTANT_ZERO), 0);
    assert_false(impair_direction_is_plain(&direction));
    assert_int_equal(leaves(1000000), 1);
    assert_true(impair_direction_is_plain(&direction));
    direction.down = true;
    assert_false(impair_direction_is_plain(&direction));
    impair_direction_close(&direction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripted_packets_take_no_draws),
        cmocka_unit_test(a_link_that_is_down_loses_all_that_comes),
        cmocka_unit_test(a_change_for_the_other_direction_changes_nothing),
        cmocka_unit_test(the_bottleneck_serialises_before_the_delay),
        cmocka_unit_test(a_change_of_rate_is_the_bottlenecks),
        cmocka_unit_test(a_clone_is_told_before_the_original),
        cmocka_unit_test(a_recording_repeats_every_fate),
        cmocka_unit_test(packets_that_a_recording_does_not_know_pass),
        cmocka_unit_test(every_loss_has_its_cause),
        cmocka_unit_test(what_is_under_way_is_counted),
        cmocka_unit_test(a_direction_is_plain_only_without_anything_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, free_spec);
}
