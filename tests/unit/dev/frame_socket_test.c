/* A packet socket that carries whole frames, on one end of a veth pair; the other end is a second
 * such socket. In a network namespace of the test's own; skipped, with the reason printed, where
 * that may not be made. */
#define _GNU_SOURCE
#include "dev/frame_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/clock.h"
#include "veth.h"

static bool in_namespace;
static struct device *left, *right;
static char error[300];

static int enter(void **state)
{
    (void)state;
    in_namespace = namespace_enter();
    return 0;
}

static void begin(void)
{
    if (!in_namespace)
        skip();
    if (!veth_create("v0", "v1")) {
        printf("skipped: no veth pair can be made here\n");
        skip();
    }
    assert_true(interface_flags("v0", IFF_UP) && interface_flags("v1", IFF_UP));
    if (frame_socket_open("v0", FRAME_NO_OFFLOAD, &left, error, sizeof error) ||
        frame_socket_open("v1", FRAME_OFFLOAD, &right, error, sizeof error))
        fail_msg("%s", error);
}

static void finish(void)
{
    device_close(left);
    device_close(right);
    assert_true(veth_delete("v0"));
}

/* The next frame of this type; others (the kernel's own IPv6) are passed over. */
static bool receives_until(struct device *device, uint16_t type, struct packet *packet,
                           struct instant until)
{
    int descriptor = device_descriptor(device);
    while (instant_before(clock_now(), until)) {
        if (device_receive(device, packet, clock_now()) != 0) {
            clock_wait(&descriptor, 1, until);
            continue;
        }
        struct bytes whole = packet->parts[0];
        if (get_be16(whole.data + whole.len - 2) == type)
            return true;
    }
    return false;
}

/* From left to right. The kernel loses without a word what is sent before it has noticed that the
 * link is there, which may take it a second: then it is sent again. */
static bool passes(const struct packet *sent, uint16_t type, struct packet *got)
{
    for (int tries = 0; tries < 100; tries++) {
        struct instant until = instant_add(clock_now(), duration_ms(100));
        assert_int_equal(device_transmit(left, sent, clock_now()), 0);
        if (receives_until(right, type, got, until))
            return true;
    }
    return false;
}

static const uint8_t header[FRAME_TRAILER] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7, 0x08, 0x00};

static void a_frame_for_anybody_comes_with_its_header_behind(void **state)
{
    (void)state;
    uint8_t frame[60 + FRAME_TRAILER] = {0x45, 0, 0, 60};
    struct packet got, sent = {.parts = {{frame, sizeof frame}}, .count = 1};
    memcpy(frame + 60, header, sizeof header);
    begin();
    assert_true(passes(&sent, 0x0800, &got));
    assert_int_equal(got.parts[0].len, sizeof frame);
    assert_memory_equal(got.parts[0].data, frame, sizeof frame);
    assert_true(left->transmitted > 0);
    finish();
}

static void padding_behind_a_short_packet_goes(void **state)
{
    (void)state;
    uint8_t frame[46 + FRAME_TRAILER] = {0x45, 0, 0, 28};
    struct packet got, sent = {.parts = {{frame, sizeof frame}}, .count = 1};
    memcpy(frame + 46, header, sizeof header);
    begin();
    assert_true(passes(&sent, 0x0800, &got));
    assert_int_equal(got.parts[0].len, 28 + FRAME_TRAILER);
    assert_memory_equal(got.parts[0].data + 28, header, sizeof header);
    finish();
}

static void a_packet_longer_than_the_mtu_is_refused(void **state)
{
    (void)state;
    static uint8_t frame[1501 + FRAME_TRAILER] = {0x45};
    struct packet sent = {.parts = {{frame, sizeof frame}}, .count = 1};
    begin();
    assert_int_equal(left->features.mtu, 1500);
    assert_false(left->features.checksum);
    assert_true(right->features.checksum);
    assert_int_equal(device_transmit(left, &sent, clock_now()), -EMSGSIZE);
    finish();
}

static void an_interface_that_goes_for_good_is_noticed(void **state)
{
    (void)state;
    struct instant until = instant_add(clock_now(), duration_s(10));
    struct packet packet;
    int descriptor, rc = 0;
    begin();
    /* Down and up again is nothing. */
    assert_true(interface_flags("v0", 0));
    do
        rc = device_receive(left, &packet, clock_now());
    while (rc == 0);
    assert_int_equal(rc, -EAGAIN);
    assert_true(interface_flags("v0", IFF_UP));
    assert_true(veth_delete("v1"));
    descriptor = device_descriptor(left);
    do {
        clock_wait(&descriptor, 1, instant_min(until, device_deadline(left)));
        rc = device_receive(left, &packet, clock_now());
    } while (rc != -ENODEV && instant_before(clock_now(), until));
    assert_int_equal(rc, -ENODEV);
    device_close(left);
    device_close(right);
}

static void what_is_no_ethernet_is_refused(void **state)
{
    (void)state;
    if (!in_namespace)
        skip();
    assert_true(frame_socket_open("lo", FRAME_OFFLOAD, &left, error, sizeof error) < 0);
    assert_string_equal(error, "'lo' is no Ethernet interface");
    assert_true(frame_socket_open("none", FRAME_OFFLOAD, &left, error, sizeof error) < 0);
    assert_string_equal(error, "there is no interface 'none' here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_for_anybody_comes_with_its_header_behind),
        cmocka_unit_test(padding_behind_a_short_packet_goes),
        cmocka_unit_test(a_packet_longer_than_the_mtu_is_refused),
        cmocka_unit_test(an_interface_that_goes_for_good_is_noticed),
        cmocka_unit_test(what_is_no_ethernet_is_refused),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
