/* A cable between pairs in memory, in virtual time: where packets go, through what, what passes
 * whole, what is written down, what a live change does. */
#define _GNU_SOURCE
#include "dev/cable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/frame_socket.h"
#include "dev/pair.h"
#include "impair_packets.h"

enum { MS = 1000000 };

static struct cable *cable;
static struct device *hosts[CABLE_ENDS], *inner[CABLE_ENDS];
static unsigned ends;
static char error[512];

/* Hosts behind pairs; the last `far` on the far side. */
static int tries(unsigned count, unsigned far, struct cable_config config)
{
    static const struct siphash_key secret = {1, 2};
    ends = count;
    for (unsigned i = 0; i < count; i++) {
        struct device *both[2];
        assert_int_equal(pair_open(&(struct pair_config){1500, 65535, 600}, both), 0);
        hosts[i] = both[0];
        inner[i] = both[1];
    }
    config.devices = inner;
    config.count = count;
    config.far = far;
    config.seed = 42;
    config.secret = &secret;
    int rc = cable_open(&config, &cable, error, sizeof error);
    for (unsigned i = 0; rc && i < count; i++) {
        device_close(hosts[i]);
        device_close(inner[i]);
    }
    return rc;
}

static void opens(unsigned count, unsigned far, struct cable_config config)
{
    int rc = tries(count, far, config);
    if (rc)
        print_error("%s\n", error);
    assert_int_equal(rc, 0);
}

static void closes(void)
{
    assert_true(cable_close(cable));
    for (unsigned i = 0; i < ends; i++)
        device_close(hosts[i]);
}

static void turns(int64_t now)
{
    unsigned end;
    int rc = 1;
    while (rc == 1)
        rc = cable_turn(cable, (struct instant){now}, &end);
    assert_int_equal(rc, 0);
}

/* 198.18.0.FROM > 198.18.0.TO; the first byte of text tells packets apart. */
static struct test_packet datagram(uint8_t from, uint8_t to, uint8_t mark)
{
    struct test_packet p = test_tcp(TCP_ACK, 100, NULL);
    p.bytes[15] = from;
    p.bytes[19] = to;
    p.bytes[40] = mark;
    return p;
}

static void sends(unsigned host, struct test_packet packet, int64_t now)
{
    struct packet p = {.parts = {test_bytes(&packet)}, .count = 1};
    assert_int_equal(device_transmit(hosts[host], &p, (struct instant){now}), 0);
    turns(now);
}

/* How many packets have come to a host; *last is the last one's mark. */
static unsigned receives(unsigned host, int64_t now, uint8_t *last)
{
    struct packet p;
    unsigned count = 0;
    turns(now);
    while (device_receive(hosts[host], &p, (struct instant){now}) == 0) {
        if (last)
            *last = p.parts[0].data[40];
        count++;
    }
    return count;
}

static void each_direction_has_its_delay(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.each = {"delay 20ms", "delay 5ms"}});
    sends(0, datagram(1, 2, 7), 0);
    sends(1, datagram(2, 1, 8), 0);
    uint8_t mark = 0;
    assert_int_equal(cable_deadline(cable).ns, 5 * MS);
    assert_int_equal(receives(0, 5 * MS - 1, NULL), 0);
    assert_int_equal(receives(0, 5 * MS, &mark), 1);
    assert_int_equal(mark, 8);
    assert_int_equal(receives(1, 20 * MS - 1, NULL), 0);
    assert_int_equal(receives(1, 20 * MS, &mark), 1);
    assert_int_equal(mark, 7);
    closes();
}

static void one_specification_may_speak_of_both(void **state)
{
    (void)state;
    opens(2, 1,
          (struct cable_config){.impair = "forward: loss 100%; backward: delay 1ms; at 2s forward: "
                                          "loss 0%"});
    sends(0, datagram(1, 2, 0), 0);
    sends(1, datagram(2, 1, 0), 0);
    assert_int_equal(receives(1, 1 * MS, NULL), 0);
    assert_int_equal(receives(0, 1 * MS, NULL), 1);
    sends(0, datagram(1, 2, 0), 2000 * MS);
    assert_int_equal(receives(1, 2000 * MS, NULL), 1);
    closes();
}

static void what_is_due_is_handed_over_late_and_counted(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = "delay 1ms"});
    sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(receives(1, 3 * MS, NULL), 1);
    struct cable_figures f = cable_figures(cable, IMPAIR_OUT);
    assert_int_equal(f.late, 1);
    assert_int_equal(f.late_most.ns, 2 * MS);
    assert_int_equal(f.counts.delayed, 1);
    closes();
}

/* --- super-segments --------------------------------------------------------------------------- */

static struct packet super_segment(struct test_packet *p, size_t text)
{
    *p = test_tcp(TCP_ACK, text, NULL);
    return (struct packet){.parts = {test_bytes(p)},
                           .count = 1,
                           .gso_size = 100,
                           .header_length = 40,
                           .checksum = PACKET_CHECKSUM_PARTIAL,
                           .checksum_at = 20,
                           .checksum_offset = 16};
}

static void a_super_segment_passes_whole_where_nothing_is_decided(void **state)
{
    (void)state;
    struct test_packet bytes;
    struct packet super = super_segment(&bytes, 1000), got;
    opens(2, 1, (struct cable_config){.each = {"limit 5"}});
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    turns(0);
    assert_int_equal(device_receive(hosts[1], &got, INSTANT_ZERO), 0);
    assert_int_equal(got.gso_size, 100);
    assert_int_equal(packet_length(&got), 1040);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).counts.packets, 10);
    closes();
}

static void a_super_segment_is_cut_where_something_is_decided(void **state)
{
    (void)state;
    struct test_packet bytes;
    struct packet super = super_segment(&bytes, 1000), got;
    opens(2, 1, (struct cable_config){.each = {"drop #3,#10"}});
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    turns(0);
    unsigned count = 0;
    for (; device_receive(hosts[1], &got, INSTANT_ZERO) == 0; count++) {
        assert_int_equal(packet_length(&got), 140);
        assert_true(test_checksum_is_right(got.parts[0]));
    }
    assert_int_equal(count, 8);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).counts.lost, 2);
    closes();
}

static void a_super_segment_that_lies_about_itself_is_cut_or_lost(void **state)
{
    (void)state;
    struct test_packet bytes;
    struct packet super = super_segment(&bytes, 1000);
    super.checksum_offset = 4; /* no transport has its checksum there */
    opens(2, 1, (struct cable_config){.impair = ""});
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    assert_int_equal(receives(1, 0, NULL), 10);
    super.header_length = 30;
    bytes.bytes[9] = 99; /* and no transport that can be cut */
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    assert_int_equal(receives(1, 0, NULL), 0);
    closes();
}

static void packets_longer_than_the_mtu_are_counted(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = ""});
    inner[1]->features.mtu = 100;
    struct test_packet bytes;
    struct packet super = super_segment(&bytes, 1000);
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    assert_int_equal(receives(1, 0, NULL), 0);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).unsent, 1);
    closes();
}

/* --- more than two ends ----------------------------------------------------------------------- */

static void several_senders_share_one_queue(void **state)
{
    (void)state;
    /* 140 bytes at 140 kbyte/s take a millisecond. */
    opens(3, 1, (struct cable_config){.each = {"rate 1120kbit", "delay 1ms"}});
    sends(0, datagram(1, 3, 0), 0);
    sends(1, datagram(2, 3, 0), 0);
    assert_int_equal(receives(2, 1 * MS, NULL), 1);
    assert_int_equal(receives(2, 2 * MS - 1, NULL), 0);
    assert_int_equal(receives(2, 2 * MS, NULL), 1);
    closes();
}

static void a_side_is_a_switch_by_address(void **state)
{
    (void)state;
    opens(3, 1, (struct cable_config){.impair = "delay 1ms"});
    /* Nobody has heard of .1 yet: both ends of the near side get it. */
    sends(2, datagram(3, 1, 0), 0);
    assert_int_equal(receives(0, MS, NULL), 1);
    assert_int_equal(receives(1, MS, NULL), 1);
    sends(0, datagram(1, 3, 0), 2 * MS);
    sends(2, datagram(3, 1, 0), 2 * MS);
    assert_int_equal(receives(0, 3 * MS, NULL), 1);
    assert_int_equal(receives(1, 3 * MS, NULL), 0);
    closes();
}

static void neighbours_on_one_side_meet_no_fault(void **state)
{
    (void)state;
    opens(3, 1, (struct cable_config){.impair = "loss 100%"});
    sends(1, datagram(2, 3, 0), 0); /* .2 is known by this; .3 could have been here too */
    assert_int_equal(receives(0, 0, NULL), 1);
    sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(receives(1, 0, NULL), 1);
    assert_int_equal(receives(2, 0, NULL), 0);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).local, 1);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).counts.packets, 1);
    closes();
}

static void two_may_be_far(void **state)
{
    (void)state;
    opens(4, 2, (struct cable_config){.impair = "delay 1ms"});
    sends(3, datagram(4, 1, 0), 0);
    assert_int_equal(receives(2, 0, NULL), 1); /* .1 could be here */
    sends(0, datagram(1, 4, 0), MS);
    assert_int_equal(receives(3, 2 * MS, NULL), 1);
    assert_int_equal(receives(2, 2 * MS, NULL), 0);
    closes();
}

/* --- Ethernet --------------------------------------------------------------------------------- */

/* With the Ethernet header behind. */
static void sends_frame(unsigned host, const struct test_packet *packet, uint8_t to, uint16_t type)
{
    uint8_t frame[sizeof packet->bytes + FRAME_TRAILER];
    uint8_t header[FRAME_TRAILER] = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, (uint8_t)(host + 1)};
    put_be16(header + 12, type);
    memcpy(frame, packet->bytes, packet->length);
    memcpy(frame + packet->length, header, sizeof header);
    struct packet p = {.parts = {{frame, packet->length + FRAME_TRAILER}}, .count = 1};
    assert_int_equal(device_transmit(hosts[host], &p, INSTANT_ZERO), 0);
    turns(0);
}

static void arp_is_not_impaired(void **state)
{
    (void)state;
    struct test_packet packet = datagram(1, 2, 0);
    opens(2, 1, (struct cable_config){.impair = "loss 100%", .trailer = FRAME_TRAILER});
    sends_frame(0, &packet, 2, 0x0806);
    assert_int_equal(receives(1, 0, NULL), 1);
    sends_frame(0, &packet, 2, 0x0800);
    assert_int_equal(receives(1, 0, NULL), 0);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).local, 1);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).bytes, packet.length);
    closes();
}

static void frames_are_switched_by_their_own_addresses(void **state)
{
    (void)state;
    struct test_packet packet = datagram(1, 2, 0);
    opens(3, 1, (struct cable_config){.impair = "", .trailer = FRAME_TRAILER});
    sends_frame(1, &packet, 3, 0x0800); /* 02:..:02 is known by this */
    assert_int_equal(receives(2, 0, NULL), 1);
    assert_int_equal(receives(0, 0, NULL), 1); /* 02:..:03 could be here */
    sends_frame(2, &packet, 2, 0x0800);
    assert_int_equal(receives(0, 0, NULL), 0);
    assert_int_equal(receives(1, 0, NULL), 1);
    closes();
}

static void a_checksum_is_completed_without_the_ethernet_header(void **state)
{
    (void)state;
    struct test_packet packet = test_tcp(TCP_ACK, 100, NULL);
    struct packet got, p = {.parts = {{packet.bytes, packet.length + FRAME_TRAILER}},
                            .count = 1,
                            .checksum = PACKET_CHECKSUM_PARTIAL,
                            .checksum_at = 20,
                            .checksum_offset = 16};
    static const uint8_t header[FRAME_TRAILER] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    memcpy(packet.bytes + packet.length, header, sizeof header);
    struct checksum sum = {0};
    struct ipv4_header ip;
    assert_int_equal(ipv4_parse(test_bytes(&packet), &ip), IPV4_OK);
    checksum_add_pseudo(&sum, &ip.source, &ip.destination, PROTOCOL_TCP, 120);
    put_be16(packet.bytes + 36, (uint16_t)~checksum_finish(&sum));
    opens(2, 1, (struct cable_config){.impair = "delay 1us", .trailer = FRAME_TRAILER});
    assert_int_equal(device_transmit(hosts[0], &p, INSTANT_ZERO), 0);
    turns(0);
    turns(1000);
    assert_int_equal(device_receive(hosts[1], &got, INSTANT_ZERO), 0);
    assert_int_equal(got.parts[0].len, 140 + FRAME_TRAILER);
    assert_true(test_checksum_is_right((struct bytes){got.parts[0].data, 140}));
    closes();
}

static void a_broadcast_reaches_everybody(void **state)
{
    (void)state;
    uint8_t frame[60 + FRAME_TRAILER] = {0};
    memset(frame + 60, 0xff, 6);
    frame[60 + 11] = 1;
    put_be16(frame + 60 + 12, 0x0806);
    struct packet p = {.parts = {{frame, sizeof frame}}, .count = 1};
    opens(4, 1, (struct cable_config){.impair = "loss 100%", .trailer = FRAME_TRAILER});
    assert_int_equal(device_transmit(hosts[0], &p, INSTANT_ZERO), 0);
    assert_int_equal(receives(0, 0, NULL), 0);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(receives(i, 0, NULL), 1);
    closes();
}

static void the_ethernet_header_stays_with_every_piece(void **state)
{
    (void)state;
    struct test_packet bytes;
    struct packet super = super_segment(&bytes, 300), got;
    static const uint8_t header[FRAME_TRAILER] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    memcpy(bytes.bytes + bytes.length, header, sizeof header);
    super.parts[0].len += FRAME_TRAILER;
    opens(2, 1, (struct cable_config){.impair = "delay 1us", .trailer = FRAME_TRAILER});
    assert_int_equal(device_transmit(hosts[0], &super, INSTANT_ZERO), 0);
    turns(0);
    turns(1000);
    unsigned count = 0;
    for (; device_receive(hosts[1], &got, INSTANT_ZERO) == 0; count++) {
        struct bytes b = got.parts[0];
        assert_int_equal(b.len, 140 + FRAME_TRAILER);
        assert_true(test_checksum_is_right((struct bytes){b.data, 140}));
        assert_memory_equal(b.data + 140, header, sizeof header);
    }
    assert_int_equal(count, 3);
    closes();
}

/* --- live change ------------------------------------------------------------------------------ */

static int sets(unsigned directions, const char *text, int64_t now)
{
    return cable_set(cable, directions, text, (struct instant){now}, error, sizeof error);
}

static void a_change_leaves_alone_what_is_under_way(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = "delay 10ms"});
    sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(sets(1 << IMPAIR_OUT, "loss 100%", MS), 0);
    sends(0, datagram(1, 2, 0), MS);
    assert_int_equal(receives(1, 10 * MS, NULL), 1);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).counts.lost, 1);
    closes();
}

static void nothing_overtakes_after_a_change_to_a_plain_link(void **state)
{
    (void)state;
    uint8_t mark = 0;
    opens(2, 1, (struct cable_config){.impair = "delay 10ms"});
    sends(0, datagram(1, 2, 1), 0);
    assert_int_equal(sets(1 << IMPAIR_OUT, "", MS), 0);
    sends(0, datagram(1, 2, 2), 10 * MS);
    assert_int_equal(receives(1, 10 * MS, &mark), 2);
    assert_int_equal(mark, 2);
    closes();
}

static void the_bottleneck_may_come_and_go(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = "rate 1120kbit queue tail 10k"});
    for (int i = 0; i < 3; i++)
        sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).held, 3);
    assert_int_equal(sets(1 << IMPAIR_OUT, "delay 1ms", 0), 0);
    /* What waited goes at the speed that it had waited for. */
    assert_int_equal(receives(1, MS, NULL), 1);
    assert_int_equal(receives(1, 3 * MS, NULL), 2);
    assert_int_equal(sets(1 << IMPAIR_OUT, "rate 1120kbit queue tail 280", 3 * MS), 0);
    for (int i = 0; i < 4; i++)
        sends(0, datagram(1, 2, 0), 3 * MS);
    assert_int_equal(receives(1, 9 * MS, NULL), 3);
    closes();
}

static void a_script_counts_from_the_change(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = ""});
    for (int i = 0; i < 5; i++)
        sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(receives(1, 0, NULL), 5);
    assert_int_equal(sets(1 << IMPAIR_OUT, "drop #2", 0), 0);
    for (int i = 0; i < 5; i++)
        sends(0, datagram(1, 2, 0), 0);
    assert_int_equal(receives(1, 0, NULL), 4);
    closes();
}

static void a_schedule_counts_from_the_change(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = ""});
    turns(0);
    assert_int_equal(sets(3, "forward: delay 0; at 5ms forward: down", 100 * MS), 0);
    sends(0, datagram(1, 2, 0), 104 * MS);
    assert_int_equal(cable_deadline(cable).ns, 105 * MS);
    sends(0, datagram(1, 2, 0), 105 * MS);
    assert_int_equal(receives(1, 105 * MS, NULL), 1);
    assert_int_equal(cable_figures(cable, IMPAIR_OUT).state, CABLE_DOWN);
    closes();
}

static void the_seed_goes_on_where_none_is_named(void **state)
{
    (void)state;
    char before[256], after[256];
    opens(2, 1, (struct cable_config){.each = {"seed 77 loss 1%"}});
    cable_specification(cable, IMPAIR_OUT, before, sizeof before);
    assert_string_equal(before, "limit 1000 loss 1% seed 77");
    assert_int_equal(sets(1 << IMPAIR_OUT, "loss 2%", 0), 0);
    cable_specification(cable, IMPAIR_OUT, after, sizeof after);
    assert_string_equal(after, "limit 1000 loss 2% seed 77");
    closes();
}

static void a_wrong_change_changes_nothing(void **state)
{
    (void)state;
    char text[256];
    opens(2, 1, (struct cable_config){.each = {"delay 1ms seed 1", "seed 2"}});
    assert_int_equal(sets(3, "forward: delay 2ms; backward: loss 200%", 0), -EINVAL);
    assert_non_null(strstr(error, "200%"));
    assert_int_equal(sets(1 << IMPAIR_OUT, "log x", 0), -EINVAL);
    assert_int_equal(sets(1 << IMPAIR_OUT, "limit 65537", 0), -EINVAL);
    assert_int_equal(sets(1 << IMPAIR_OUT, "backward: loss 1%", 0), -EINVAL);
    cable_specification(cable, IMPAIR_OUT, text, sizeof text);
    assert_string_equal(text, "limit 1000 delay 1ms seed 1");
    closes();
}

static void a_cut_cable_loses_what_comes_and_keeps_what_is_under_way(void **state)
{
    (void)state;
    opens(2, 1, (struct cable_config){.impair = "delay 1ms"});
    sends(0, datagram(1, 2, 0), 0);
    cable_cut(cable, 1 << IMPAIR_OUT, CABLE_DOWN);
    sends(0, datagram(1, 2, 0), 0);
    sends(1, datagram(2, 1, 0), 0);
    assert_int_equal(receives(1, MS, NULL), 1);
    assert_int_equal(receives(0, MS, NULL), 1);
    cable_cut(cable, 1 << IMPAIR_OUT, CABLE_UP);
    sends(0, datagram(1, 2, 0), MS);
    assert_int_equal(receives(1, 2 * MS, NULL), 1);
    closes();
}

/* --- files ------------------------------------------------------------------------------------ */

static void temporary(char path[32])
{
    strcpy(path, "/tmp/tunny-cable.XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
}

static size_t read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t got = fread(text, 1, size - 1, file);
    text[got] = '\0';
    fclose(file);
    return got;
}

/* The marks that come through a lossy link, one byte each; returns how many. */
static unsigned passes_many(char marks[256])
{
    unsigned count = 0;
    for (unsigned i = 0; i < 100; i++) {
        uint8_t mark = 0;
        sends(0, datagram(1, 2, (uint8_t)(i + 1)), (int64_t)i * MS);
        if (receives(1, (int64_t)i * MS, &mark) > 0)
            marks[count++] = (char)mark;
    }
    return count;
}

static void a_log_can_be_replayed(void **state)
{
    (void)state;
    char path[32], text[16384], first[256] = "", second[256] = "";
    temporary(path);
    opens(2, 1, (struct cable_config){.impair = "loss 30%", .log = path});
    unsigned count = passes_many(first);
    closes();
    assert_in_range(count, 50, 90);
    read_file(path, text, sizeof text);
    assert_non_null(strstr(text, "# forward: limit 1000 loss 30%"));
    assert_non_null(strstr(text, "\nout 1 "));
    opens(2, 1, (struct cable_config){.impair = "", .replay = path});
    assert_int_equal(passes_many(second), count);
    assert_string_equal(first, second);
    assert_int_equal(sets(3, "loss 1%", 0), -EBUSY);
    closes();
    unlink(path);
}

static void the_capture_says_what_became_of_each_packet(void **state)
{
    (void)state;
    static char text[65536];
    char path[32];
    temporary(path);
    opens(2, 1,
          (struct cable_config){.each = {"drop #2 delay 20ms", "duplicate 100%"},
                                .capture = path,
                                .note = "the command line"});
    for (uint8_t i = 1; i <= 2; i++)
        sends(0, datagram(1, 2, i), 0);
    sends(1, datagram(2, 1, 3), 0);
    closes();
    size_t size = read_file(path, text, sizeof text);
    static const char *const told[] = {
        "the command line",
        "forward: limit 1000 delay 20ms",
        "forward 1: delayed by 20.000 ms",
        "forward 2: lost: its number is to be dropped",
        "backward 1: passed",
        "backward 1, second copy: passed",
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        assert_non_null(memmem(text, size, told[i], strlen(told[i])));
    unlink(path);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        struct cable_config config;
        const char *sentence;
    } wrong[] = {
        {{.each = {"loss"}}, "forward: loss: nothing follows"},
        {{.each = {NULL, "delay x"}}, "backward: delay: 'x' is no time"},
        {{.each = {"in: loss 1%"}}, "speaks of the other"},
        {{.impair = "", .log = "/nonexistent/x"}, "the log '/nonexistent/x' cannot be written"},
        {{.impair = "", .replay = "/nonexistent/x"}, "cannot be read"},
        {{.impair = "", .capture = "/nonexistent/x"}, "capture '/nonexistent/x' cannot be"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_true(tries(2, 1, wrong[i].config) < 0);
        if (!strstr(error, wrong[i].sentence))
            fail_msg("'%s' is not in '%s'", wrong[i].sentence, error);
    }
}

static void an_interface_that_is_gone_is_named(void **state)
{
    (void)state;
    unsigned end = 9;
    opens(2, 1, (struct cable_config){.impair = ""});
    device_close(hosts[1]);
    assert_int_equal(cable_turn(cable, INSTANT_ZERO, &end), -ENODEV);
    assert_int_equal(end, 1);
    ends = 1;
    closes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_direction_has_its_delay),
        cmocka_unit_test(one_specification_may_speak_of_both),
        cmocka_unit_test(what_is_due_is_handed_over_late_and_counted),
        cmocka_unit_test(a_super_segment_passes_whole_where_nothing_is_decided),
        cmocka_unit_test(a_super_segment_is_cut_where_something_is_decided),
        cmocka_unit_test(a_super_segment_that_lies_about_itself_is_cut_or_lost),
        cmocka_unit_test(packets_longer_than_the_mtu_are_counted),
        cmocka_unit_test(several_senders_share_one_queue),
        cmocka_unit_test(a_side_is_a_switch_by_address),
        cmocka_unit_test(neighbours_on_one_side_meet_no_fault),
        cmocka_unit_test(two_may_be_far),
        cmocka_unit_test(arp_is_not_impaired),
        cmocka_unit_test(frames_are_switched_by_their_own_addresses),
        cmocka_unit_test(a_checksum_is_completed_without_the_ethernet_header),
        cmocka_unit_test(a_broadcast_reaches_everybody),
        cmocka_unit_test(the_ethernet_header_stays_with_every_piece),
        cmocka_unit_test(a_change_leaves_alone_what_is_under_way),
        cmocka_unit_test(nothing_overtakes_after_a_change_to_a_plain_link),
        cmocka_unit_test(the_bottleneck_may_come_and_go),
        cmocka_unit_test(a_script_counts_from_the_change),
        cmocka_unit_test(a_schedule_counts_from_the_change),
        cmocka_unit_test(the_seed_goes_on_where_none_is_named),
        cmocka_unit_test(a_wrong_change_changes_nothing),
        cmocka_unit_test(a_cut_cable_loses_what_comes_and_keeps_what_is_under_way),
        cmocka_unit_test(a_log_can_be_replayed),
        cmocka_unit_test(the_capture_says_what_became_of_each_packet),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(an_interface_that_is_gone_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
