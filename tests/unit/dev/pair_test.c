/* Two ends in memory: order, borrowed memory, full queues, super-segments, closing. */
#include "dev/pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct pair_config plain = {.mtu = 1500, .largest = 0, .queue = 3};
static const struct pair_config offload = {.mtu = 1500, .largest = 65535, .queue = 3};

static struct packet packet_of(const void *data, size_t len)
{
    return (struct packet){.parts = {{data, len}}, .count = 1};
}

static int sends(struct device *device, const char *text)
{
    struct packet p = packet_of(text, strlen(text) + 1);
    return device_transmit(device, &p, INSTANT_ZERO);
}

static const char *receives(struct device *device)
{
    struct packet p;
    if (device_receive(device, &p, INSTANT_ZERO) != 0)
        return NULL;
    assert_int_equal(p.count, 1);
    return (const char *)p.parts[0].data;
}

static void packets_arrive_in_order_both_ways(void **state)
{
    (void)state;
    struct device *d[2];
    assert_int_equal(pair_open(&plain, d), 0);
    for (unsigned round = 0; round < 10; round++) {
        assert_int_equal(sends(d[0], "one"), 0);
        assert_int_equal(sends(d[0], "two"), 0);
        assert_int_equal(sends(d[1], "back"), 0);
        assert_string_equal(receives(d[1]), "one");
        assert_string_equal(receives(d[1]), "two");
        assert_null(receives(d[1]));
        assert_string_equal(receives(d[0]), "back");
    }
    assert_int_equal(d[0]->transmitted, 20);
    assert_int_equal(d[1]->received, 20);
    device_close(d[0]);
    device_close(d[1]);
}

static void pieces_are_joined(void **state)
{
    (void)state;
    struct device *d[2];
    assert_int_equal(pair_open(&plain, d), 0);
    struct packet p = {.parts = {{(const uint8_t *)"ab", 2},
                                 {(const uint8_t *)"cd", 2},
                                 {(const uint8_t *)"e", 2}},
                       .count = 3};
    assert_int_equal(device_transmit(d[0], &p, INSTANT_ZERO), 0);
    assert_string_equal(receives(d[1]), "abcde");
    device_close(d[0]);
    device_close(d[1]);
}

/* The other end may fill its queue while the packet is looked at. */
static void a_packet_stays_until_the_next_call_on_its_device(void **state)
{
    (void)state;
    struct device *d[2];
    assert_int_equal(pair_open(&plain, d), 0);
    assert_int_equal(sends(d[0], "first"), 0);
    const char *first = receives(d[1]);
    assert_int_equal(sends(d[0], "a"), 0);
    assert_int_equal(sends(d[0], "b"), 0);
    assert_int_equal(sends(d[0], "c"), 0);
    assert_string_equal(first, "first");
    assert_string_equal(receives(d[1]), "a");
    device_close(d[0]);
    device_close(d[1]);
}

static void a_full_queue_takes_nothing(void **state)
{
    (void)state;
    struct device *d[2];
    assert_int_equal(pair_open(&plain, d), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(sends(d[0], "x"), 0);
    assert_int_equal(sends(d[0], "y"), -EAGAIN);
    assert_int_equal(d[0]->refused, 1);
    assert_string_equal(receives(d[1]), "x");
    assert_int_equal(sends(d[0], "y"), 0);
    device_close(d[0]);
    device_close(d[1]);
}

static void super_segments_stay_whole(void **state)
{
    (void)state;
    struct device *d[2];
    static const uint8_t data[65535] = {0x45};
    assert_int_equal(pair_open(&offload, d), 0);
    struct packet p = packet_of(data, sizeof data), q;
    p.gso_size = 1460;
    p.checksum = PACKET_CHECKSUM_PARTIAL;
    p.checksum_at = 20;
    p.checksum_offset = 16;
    p.header_length = 40;
    assert_int_equal(device_transmit(d[0], &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(d[1], &q, INSTANT_ZERO), 0);
    assert_int_equal(packet_length(&q), sizeof data);
    assert_int_equal(q.gso_size, 1460);
    assert_int_equal(q.checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(q.checksum_at, 20);
    assert_int_equal(q.checksum_offset, 16);
    assert_int_equal(q.header_length, 40);
    device_close(d[0]);
    device_close(d[1]);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    struct device *d[2];
    static const uint8_t data[2000];
    struct packet p = packet_of(data, 1501);
    assert_int_equal(pair_open(&plain, d), 0);
    assert_int_equal(device_transmit(d[0], &p, INSTANT_ZERO), -EMSGSIZE);
    p.gso_size = 1000; /* no super-segments on this pair */
    assert_int_equal(device_transmit(d[0], &p, INSTANT_ZERO), -EMSGSIZE);
    p = packet_of(data, 1500);
    assert_int_equal(device_transmit(d[0], &p, INSTANT_ZERO), 0);
    device_close(d[0]);
    device_close(d[1]);
}

static void features_are_what_was_asked_for(void **state)
{
    (void)state;
    struct device *d[2];
    assert_int_equal(pair_open(&plain, d), 0);
    assert_int_equal(d[0]->features.mtu, 1500);
    assert_int_equal(d[0]->features.largest_tcp4, 0);
    assert_false(d[0]->features.checksum);
    assert_int_equal(device_descriptor(d[0]), -1);
    assert_true(instant_is_never(device_deadline(d[0])));
    device_close(d[0]);
    device_close(d[1]);
    assert_int_equal(pair_open(&offload, d), 0);
    assert_int_equal(d[1]->features.largest_tcp6, 65535);
    assert_int_equal(d[1]->features.largest_udp, 65535);
    assert_true(d[1]->features.checksum);
    device_close(d[1]);
    device_close(d[0]);
}

static void a_closed_end_is_gone_for_the_other(void **state)
{
    (void)state;
    struct device *d[2];
    struct packet p;
    assert_int_equal(pair_open(&plain, d), 0);
    assert_int_equal(sends(d[0], "last"), 0);
    device_close(d[0]);
    assert_string_equal(receives(d[1]), "last");
    assert_int_equal(device_receive(d[1], &p, INSTANT_ZERO), -ENODEV);
    assert_int_equal(sends(d[1], "x"), -ENODEV);
    device_close(d[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_arrive_in_order_both_ways),
        cmocka_unit_test(pieces_are_joined),
        cmocka_unit_test(a_packet_stays_until_the_next_call_on_its_device),
        cmocka_unit_test(a_full_queue_takes_nothing),
        cmocka_unit_test(super_segments_stay_whole),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(features_are_what_was_asked_for),
        cmocka_unit_test(a_closed_end_is_gone_for_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
