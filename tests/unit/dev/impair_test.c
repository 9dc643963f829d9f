/* The impairing device over one end of a pair: both directions, super-segments, time, a full inner
 * device, schedules, events, logs and seeds. */
#include "dev/impair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/pair.h"
#include "impair_packets.h"

static struct device *near_end, *inner_end, *far_end;
static char error[256];

static int opens_over(const char *text, const struct pair_config *pair, struct trace *trace)
{
    struct device *ends[2];
    assert_int_equal(pair_open(pair, ends), 0);
    inner_end = ends[0];
    far_end = ends[1];
    error[0] = '\0';
    int rc = impair_open(&(struct impair_config){text, 42}, ends[0], trace, &near_end, error,
                         sizeof error);
    if (rc) {
        device_close(ends[0]);
        device_close(ends[1]);
    }
    return rc;
}

static void opens(const char *text)
{
    int rc = opens_over(text, &(struct pair_config){1500, 65535, 600}, NULL);
    if (rc)
        print_error("'%s': %s\n", text, error);
    assert_int_equal(rc, 0);
}

static void closes(void)
{
    device_close(near_end);
    device_close(far_end);
}

static int sends(struct device *device, const struct test_packet *packet, int64_t now)
{
    struct packet p = {.parts = {test_bytes(packet)}, .count = 1};
    return device_transmit(device, &p, (struct instant){now});
}

static unsigned receives(struct device *device, int64_t now)
{
    struct packet p;
    unsigned count = 0;
    while (device_receive(device, &p, (struct instant){now}) == 0)
        count++;
    return count;
}

static void a_plain_link_changes_nothing(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct packet p;
    opens("");
    assert_int_equal(near_end->features.mtu, 1500);
    assert_int_equal(near_end->features.largest_tcp4, 65535);
    assert_true(near_end->features.checksum);
    assert_int_equal(device_descriptor(near_end), -1);
    assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(device_receive(far_end, &p, INSTANT_ZERO), 0);
    assert_memory_equal(p.parts[0].data, packet.bytes, packet.length);
    assert_int_equal(sends(far_end, &packet, 0), 0);
    assert_int_equal(device_receive(near_end, &p, INSTANT_ZERO), 0);
    assert_memory_equal(p.parts[0].data, packet.bytes, packet.length);
    assert_int_equal(device_receive(near_end, &p, INSTANT_ZERO), -EAGAIN);
    assert_true(instant_is_never(device_deadline(near_end)));
    closes();
}

static void each_direction_has_its_delay(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    opens("out: delay 20ms ; in: delay 5ms");
    assert_int_equal(sends(near_end, &packet, 1000), 0);
    assert_int_equal(sends(far_end, &packet, 1000), 0);
    assert_int_equal(receives(near_end, 1000), 0);
    assert_int_equal(device_deadline(near_end).ns, 5001000);
    assert_int_equal(receives(near_end, 5000999), 0);
    assert_int_equal(receives(near_end, 5001000), 1);
    assert_int_equal(device_deadline(near_end).ns, 20001000);
    assert_int_equal(receives(far_end, 20001000), 0);
    /* What leaves is moved by receive() as well as by transmit(). */
    assert_int_equal(receives(near_end, 20001000), 0);
    assert_int_equal(receives(far_end, 20001000), 1);
    closes();
}

static void transmit_moves_what_is_due_too(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    opens("delay 20ms");
    assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(sends(near_end, &packet, 20000000), 0);
    assert_int_equal(receives(far_end, 20000000), 1);
    closes();
}

static struct packet super_of(const struct test_packet *packet, uint16_t gso_size)
{
    return (struct packet){.parts = {test_bytes(packet)},
                           .count = 1,
                           .gso_size = gso_size,
                           .header_length = 40,
                           .checksum = PACKET_CHECKSUM_PARTIAL,
                           .checksum_at = 20,
                           .checksum_offset = 16};
}

/* 1400 bytes in wire packets of 300, 300, 300, 300 and 200. */
static void assert_wire_packets(struct device *device, unsigned count)
{
    struct packet p;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(device_receive(device, &p, INSTANT_ZERO), 0);
        assert_int_equal(p.gso_size, 0);
        assert_int_equal(p.checksum, PACKET_CHECKSUM_IN_FULL);
        assert_int_equal(packet_length(&p), i < 4 ? 340 : 240);
        assert_true(test_checksum_is_right(p.parts[0]));
        assert_int_equal(get_be32(p.parts[0].data + 24), i * 300);
    }
    assert_int_equal(device_receive(device, &p, INSTANT_ZERO), -EAGAIN);
}

static void super_segments_are_cut_on_the_way_out(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK | TCP_PSH, 1400, NULL);
    struct packet super = super_of(&packet, 300);
    opens("");
    assert_int_equal(device_transmit(near_end, &super, INSTANT_ZERO), 0);
    assert_wire_packets(far_end, 5);
    assert_int_equal(impair_counts(near_end, 0).packets, 5);
    closes();
}

static void super_segments_are_cut_on_the_way_in(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK | TCP_PSH, 1400, NULL);
    struct packet super = super_of(&packet, 300);
    opens("");
    assert_int_equal(device_transmit(far_end, &super, INSTANT_ZERO), 0);
    assert_wire_packets(near_end, 5);
    assert_int_equal(impair_counts(near_end, 1).packets, 5);
    closes();
}

static void loss_is_drawn_for_each_wire_packet(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 1400, NULL);
    struct packet super = super_of(&packet, 300);
    opens("drop 2,4");
    assert_int_equal(device_transmit(near_end, &super, INSTANT_ZERO), 0);
    assert_int_equal(receives(far_end, 0), 3);
    assert_int_equal(impair_counts(near_end, 0).lost, 2);
    closes();
}

static void a_partial_checksum_is_completed(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct packet p = super_of(&packet, 0), got;
    struct checksum pseudo = {0};
    struct address a = address_from_ipv4_u32(0xc6120001), b = address_from_ipv4_u32(0xc6120002);
    checksum_add_pseudo(&pseudo, &a, &b, PROTOCOL_TCP, 120);
    put_be16(packet.bytes + 36, checksum_fold(&pseudo));
    p.parts[0] = test_bytes(&packet);
    opens("");
    assert_int_equal(device_transmit(near_end, &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(far_end, &got, INSTANT_ZERO), 0);
    assert_true(test_checksum_is_right(got.parts[0]));
    assert_int_equal(device_transmit(far_end, &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(near_end, &got, INSTANT_ZERO), 0);
    assert_true(test_checksum_is_right(got.parts[0]));
    p.checksum_at = 130;
    assert_int_equal(device_transmit(near_end, &p, INSTANT_ZERO), -EMSGSIZE);
    closes();
}

static void what_is_longer_than_the_mtu_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[1501] = {0x45};
    struct packet p = {.parts = {{bytes, sizeof bytes}}, .count = 1};
    opens("");
    assert_int_equal(device_transmit(near_end, &p, INSTANT_ZERO), -EMSGSIZE);
    p.count = 0;
    assert_int_equal(device_transmit(near_end, &p, INSTANT_ZERO), -EMSGSIZE);
    closes();
}

static void a_damaged_packet_is_not_called_verified(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct packet p = {
        .parts = {test_bytes(&packet)}, .count = 1, .checksum = PACKET_CHECKSUM_VERIFIED};
    struct packet got;
    opens("delay 0");
    assert_int_equal(device_transmit(far_end, &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(near_end, &got, INSTANT_ZERO), 0);
    assert_int_equal(got.checksum, PACKET_CHECKSUM_VERIFIED);
    closes();
    opens("corrupt 100%");
    assert_int_equal(device_transmit(far_end, &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(near_end, &got, INSTANT_ZERO), 0);
    assert_int_equal(got.checksum, PACKET_CHECKSUM_IN_FULL);
    assert_memory_not_equal(got.parts[0].data, packet.bytes, packet.length);
    closes();
}

static void nothing_is_lost_when_the_inner_device_is_full(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    assert_int_equal(opens_over("", &(struct pair_config){1500, 0, 2}, NULL), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(device_deadline(near_end).ns, 1000000);
    assert_int_equal(receives(far_end, 0), 2);
    assert_int_equal(receives(near_end, 1000000), 0);
    assert_int_equal(receives(far_end, 1000000), 2);
    assert_int_equal(receives(near_end, 2000000), 0);
    assert_int_equal(receives(far_end, 2000000), 1);
    assert_true(instant_is_never(device_deadline(near_end)));
    closes();
}

static void a_device_that_is_gone_is_said_to_be(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct packet p;
    opens("delay 1ms");
    device_close(far_end);
    assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(device_receive(near_end, &p, (struct instant){1000000}), -ENODEV);
    assert_int_equal(sends(near_end, &packet, 1000000), -ENODEV);
    device_close(near_end);
}

static int refuse_what_is_not_ipv4(struct device *device, const struct packet *packet,
                                   struct instant now)
{
    (void)now;
    if (packet->parts[0].data[0] >> 4 != 4)
        return -EINVAL;
    device->transmitted++;
    return 0;
}

/* A TUN refuses a packet whose version was damaged: it is lost, and the device goes on. */
static void a_damaged_packet_that_is_refused_is_lost(void **state)
{
    (void)state;
    struct test_packet good = test_tcp(TCP_ACK, 100, NULL), damaged = good;
    damaged.bytes[0] ^= 0x80;
    opens("delay 1ms");
    const struct device_ops *as_it_was = inner_end->ops;
    struct device_ops ops = *as_it_was;
    ops.transmit = refuse_what_is_not_ipv4;
    inner_end->ops = &ops;
    assert_int_equal(sends(near_end, &damaged, 0), 0);
    assert_int_equal(receives(near_end, 2000000), 0);
    assert_int_equal(sends(near_end, &good, 2000000), 0);
    assert_int_equal(receives(near_end, 4000000), 0);
    assert_int_equal(inner_end->transmitted, 1);
    inner_end->ops = as_it_was;
    closes();
}

static void the_schedule_counts_from_the_first_call(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    static const struct {
        int64_t at;
        unsigned arrive;
    } steps[] = {
        {9000000000, 1}, {10999999999, 1}, {11000000000, 0}, {12999999999, 0}, {13000000000, 1}};
    opens("at 2s down ; at 4s up");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(sends(near_end, &packet, steps[i].at), 0);
        assert_int_equal(receives(far_end, steps[i].at), steps[i].arrive);
    }
    closes();
}

static void a_change_applies_to_its_direction(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    opens("at 1s forward loss 100%");
    assert_int_equal(receives(near_end, 0), 0);
    assert_int_equal(sends(near_end, &packet, 2000000000), 0);
    assert_int_equal(sends(far_end, &packet, 2000000000), 0);
    assert_int_equal(receives(far_end, 2000000000), 0);
    assert_int_equal(receives(near_end, 2000000000), 1);
    closes();
}

struct seen {
    struct trace_sink sink;
    unsigned impaired, dropped;
    const char *fate;
    struct duration delay;
};

static void on_event(struct trace_sink *sink, const struct trace_record *record)
{
    struct seen *seen = (struct seen *)(void *)sink;
    if (record->id == EVENT_impaired) {
        const struct event_impaired *event = record->fields;
        seen->impaired++;
        seen->fate = event->fate;
        seen->delay = event->delay;
    }
    seen->dropped += record->id == EVENT_dropped;
}

static void fates_are_told_as_events(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct trace trace = {0};
    struct seen seen = {.sink.event = on_event};
    trace_subscribe(&trace, &seen.sink);
    assert_int_equal(opens_over("delay 7ms drop #2", &(struct pair_config){1500, 0, 9}, &trace), 0);
    assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(seen.impaired, 1);
    assert_string_equal(seen.fate, "delayed");
    assert_int_equal(seen.delay.ns, 7000000);
    assert_int_equal(seen.dropped, 0);
    assert_int_equal(sends(near_end, &packet, 0), 0);
    assert_int_equal(seen.impaired, 2);
    assert_string_equal(seen.fate, "lost");
    assert_int_equal(seen.dropped, 1);
    assert_int_equal(trace.drops[DROP_impaired_lost], 1);
    closes();
}

static void a_device_that_lies_about_offload_is_noticed(void **state)
{
    (void)state;
    struct trace trace = {0};
    uint8_t junk[200] = {0x45};
    struct packet p = {
        .parts = {{junk, sizeof junk}}, .count = 1, .gso_size = 50, .header_length = 40};
    assert_int_equal(opens_over("", &(struct pair_config){1500, 65535, 9}, &trace), 0);
    assert_int_equal(device_transmit(far_end, &p, INSTANT_ZERO), 0);
    assert_int_equal(receives(near_end, 0), 0);
    assert_int_equal(trace.drops[DROP_device_offload_lies], 1);
    assert_int_equal(device_transmit(near_end, &p, INSTANT_ZERO), -EMSGSIZE);
    closes();
}

static void the_text_with_seeds_repeats_every_fate(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    char text[4096];
    unsigned first, second;
    opens("loss 30% delay 1ms");
    assert_true(impair_specification_of(near_end, text, sizeof text) < sizeof text);
    for (int i = 0; i < 500; i++)
        assert_int_equal(sends(near_end, &packet, 0), 0);
    first = receives(near_end, 1000000) + receives(far_end, 1000000);
    closes();
    assert_int_equal(opens_over(text, &(struct pair_config){1500, 0, 4096}, NULL), 0);
    for (int i = 0; i < 500; i++)
        assert_int_equal(sends(near_end, &packet, 0), 0);
    second = receives(near_end, 1000000) + receives(far_end, 1000000);
    assert_int_equal(first, second);
    assert_in_range(first, 300, 400);
    closes();
}

static void a_log_can_be_replayed(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    char path[] = "/tmp/impair-test-XXXXXX", text[256];
    bool lost[300];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, "loss 30%%; log %s", path);
    opens(text);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(sends(near_end, &packet, i), 0);
        lost[i] = receives(far_end, i) == 0;
    }
    closes();
    snprintf(text, sizeof text, "replay %s", path);
    opens(text);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(sends(near_end, &packet, i), 0);
        assert_int_equal(receives(far_end, i), lost[i] ? 0 : 1);
    }
    closes();
    unlink(path);
}

static void counts_are_per_direction(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    opens("out: duplicate 100% ; in: delay 10ms reorder 100% gap 2 corrupt 100%");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sends(near_end, &packet, 0), 0);
        assert_int_equal(sends(far_end, &packet, 0), 0);
    }
    assert_int_equal(receives(near_end, 0), 2);
    assert_int_equal(receives(near_end, 10000000), 2);
    assert_int_equal(receives(far_end, 0), 8);
    struct netem_counts out = impair_counts(near_end, 0), in = impair_counts(near_end, 1);
    assert_int_equal(out.packets, 4);
    assert_int_equal(out.duplicated, 4);
    assert_int_equal(out.delayed, 0);
    assert_int_equal(in.reordered, 2);
    assert_int_equal(in.delayed, 2);
    assert_int_equal(in.corrupted, 4);
    assert_int_equal(near_end->received, 4);
    assert_int_equal(near_end->transmitted, 4);
    closes();
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"delay soon", "delay: 'soon' is no time like 20ms, 1.5s, 300us or 100ns"},
        {"replay /nowhere/at/all", "replay: '/nowhere/at/all' cannot be read"},
        {"replay /etc/passwd", "replay: '/etc/passwd', line 1 is no fate"},
        {"log /nowhere/at/all", "log: '/nowhere/at/all' cannot be written"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(opens_over(wrong[i].text, &(struct pair_config){1500, 0, 9}, NULL),
                         -EINVAL);
        assert_string_equal(error, wrong[i].error);
    }
}

static void warnings_are_kept(void **state)
{
    (void)state;
    opens("loss 10% 25%");
    assert_non_null(strstr(impair_warnings(near_end), "correlation"));
    closes();
    opens("loss 10%");
    assert_string_equal(impair_warnings(near_end), "");
    closes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_link_changes_nothing),
        cmocka_unit_test(each_direction_has_its_delay),
        cmocka_unit_test(transmit_moves_what_is_due_too),
        cmocka_unit_test(super_segments_are_cut_on_the_way_out),
        cmocka_unit_test(super_segments_are_cut_on_the_way_in),
        cmocka_unit_test(loss_is_drawn_for_each_wire_packet),
        cmocka_unit_test(a_partial_checksum_is_completed),
        cmocka_unit_test(what_is_longer_than_the_mtu_is_refused),
        cmocka_unit_test(a_damaged_packet_is_not_called_verified),
        cmocka_unit_test(nothing_is_lost_when_the_inner_device_is_full),
        cmocka_unit_test(a_device_that_is_gone_is_said_to_be),
        cmocka_unit_test(a_damaged_packet_that_is_refused_is_lost),
        cmocka_unit_test(the_schedule_counts_from_the_first_call),
        cmocka_unit_test(a_change_applies_to_its_direction),
        cmocka_unit_test(fates_are_told_as_events),
        cmocka_unit_test(a_device_that_lies_about_offload_is_noticed),
        cmocka_unit_test(the_text_with_seeds_repeats_every_fate),
        cmocka_unit_test(a_log_can_be_replayed),
        cmocka_unit_test(counts_are_per_direction),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(warnings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
