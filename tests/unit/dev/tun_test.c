/* A real TUN device in a network namespace of the test's own: the kernel is 198.18.0.1, we are
 * 198.18.0.2. Skipped, with the reason printed, where neither may be made. */
#define _GNU_SOURCE
#include "dev/tun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/clock.h"
#include "namespace.h"

enum { PORT = 4000, UDP_SEGMENT_OPTION = 103, HEADERS = 28 };

static bool in_namespace;

static int enter(void **state)
{
    (void)state;
    in_namespace = namespace_enter();
    return 0;
}

static struct device *open_or_skip(const struct tun_config *config)
{
    struct device *device = NULL;
    char error[300] = "";
    if (!in_namespace)
        skip();
    int result = tun_open(config, &device, error, sizeof error);
    if (result == -EACCES || result == -ENOENT || result == -EPERM || result == -ENODEV) {
        printf("skipped: %s\n", error);
        skip();
    }
    if (result != 0)
        fail_msg("%s", error);
    return device;
}

static struct device *tun_up(enum tun_offload offload)
{
    struct device *device = open_or_skip(&(struct tun_config){.name = "t0", .offload = offload});
    assert_true(interface_up("t0", "198.18.0.1"));
    return device;
}

static int kernel_socket(void)
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "198.18.0.1", &in.sin_addr);
    struct timeval patience = {.tv_sec = 5};
    assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(bind(s, (struct sockaddr *)&in, sizeof in), 0);
    return s;
}

static void kernel_sends(int s, const void *text, size_t len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "198.18.0.2", &in.sin_addr);
    assert_int_equal(sendto(s, text, len, 0, (struct sockaddr *)&in, sizeof in), (ssize_t)len);
}

/* The next IPv4 packet that carries UDP; the kernel says other things on a new interface too. */
static struct packet next_udp(struct device *device)
{
    struct instant until = instant_add(clock_now(), duration_s(5));
    for (;;) {
        struct packet packet;
        int result = device_receive(device, &packet, clock_now());
        if (result == 0 && packet.parts[0].data[0] == 0x45 && packet.parts[0].data[9] == 17)
            return packet;
        if (result == 0)
            continue;
        assert_int_equal(result, -EAGAIN);
        if (instant_reached(until, clock_now()))
            fail_msg("no packet came within 5 s");
        int descriptor = device_descriptor(device);
        clock_wait(&descriptor, 1, until);
    }
}

static uint16_t sum_of(const uint8_t *data, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i += 2)
        sum += get_be16(data + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The headers of a datagram from us to the kernel, its checksum field left to `checksum`. */
static void udp_headers(uint8_t h[HEADERS], uint16_t payload, uint16_t checksum)
{
    static const uint8_t fixed[20] = {0x45, 0, 0,   0,  0, 0, 0x40, 0,  64, 17,
                                      0,    0, 198, 18, 0, 2, 198,  18, 0,  1};
    memcpy(h, fixed, sizeof fixed);
    put_be16(h + 2, (uint16_t)(HEADERS + payload));
    put_be16(h + 10, (uint16_t)~sum_of(h, 20, 0));
    put_be16(h + 20, PORT);
    put_be16(h + 22, PORT);
    put_be16(h + 24, (uint16_t)(8 + payload));
    put_be16(h + 26, checksum);
}

static void packets_of_the_kernel_arrive(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_NEVER);
    assert_string_equal(tun_name(device), "t0");
    assert_int_equal(device->features.mtu, 1500);
    assert_int_equal(device->features.largest_tcp4, 0);
    assert_false(device->features.checksum);
    int s = kernel_socket();
    kernel_sends(s, "hello", 5);
    struct packet p = next_udp(device);
    assert_int_equal(packet_length(&p), HEADERS + 5);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_IN_FULL);
    assert_memory_equal(p.parts[0].data + HEADERS, "hello", 5);
    close(s);
    device_close(device);
}

static void packets_in_pieces_reach_the_kernel(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_NEVER);
    int s = kernel_socket();
    uint8_t h[HEADERS], got[16];
    udp_headers(h, 6, 0); /* 0: no checksum */
    struct packet p = {
        .parts = {{h, HEADERS}, {(const uint8_t *)"abc", 3}, {(const uint8_t *)"def", 3}},
        .count = 3};
    assert_int_equal(device_transmit(device, &p, clock_now()), 0);
    assert_int_equal(recv(s, got, sizeof got, 0), 6);
    assert_memory_equal(got, "abcdef", 6);
    assert_int_equal(device->transmitted, 1);
    close(s);
    device_close(device);
}

static void super_segments_arrive_whole(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_IF_POSSIBLE);
    int s = kernel_socket(), size = 100;
    uint8_t text[1000] = {0};
    if (device->features.largest_udp == 0 ||
        setsockopt(s, IPPROTO_UDP, UDP_SEGMENT_OPTION, &size, sizeof size) != 0) {
        printf("skipped: this kernel has no UDP segmentation over TUN\n");
        close(s);
        device_close(device);
        skip();
    }
    kernel_sends(s, text, sizeof text);
    struct packet p = next_udp(device);
    assert_int_equal(packet_length(&p), HEADERS + sizeof text);
    assert_int_equal(p.gso_size, 100);
    assert_int_equal(p.header_length, HEADERS);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(device->lies, 0);
    close(s);
    device_close(device);
}

static void super_segments_are_cut_by_the_kernel(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_IF_POSSIBLE);
    if (device->features.largest_udp == 0) {
        printf("skipped: this kernel has no UDP segmentation over TUN\n");
        device_close(device);
        skip();
    }
    int s = kernel_socket();
    static const uint8_t text[5000];
    uint8_t h[HEADERS], got[2000];
    udp_headers(h, sizeof text, 0);
    put_be16(h + 26, sum_of(h + 12, 8, 17 + 8 + sizeof text));
    struct packet p = {.parts = {{h, HEADERS}, {text, sizeof text}},
                       .count = 2,
                       .gso_size = 1000,
                       .checksum = PACKET_CHECKSUM_PARTIAL,
                       .checksum_at = 20,
                       .checksum_offset = 6,
                       .header_length = HEADERS};
    assert_int_equal(device_transmit(device, &p, clock_now()), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(recv(s, got, sizeof got, 0), 1000);
    close(s);
    device_close(device);
}

static void too_large_a_packet_is_refused(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_NEVER);
    static const uint8_t large[1501] = {0x45};
    struct packet p = {.parts = {{large, sizeof large}}, .count = 1};
    assert_int_equal(device_transmit(device, &p, clock_now()), -EMSGSIZE);
    device_close(device);
}

static void an_interface_that_is_down_loses_packets(void **state)
{
    (void)state;
    struct device *device = tun_up(TUN_OFFLOAD_NEVER);
    uint8_t h[HEADERS];
    udp_headers(h, 0, 0);
    struct packet p = {.parts = {{h, HEADERS}}, .count = 1};
    assert_true(interface_flags("t0", 0));
    assert_int_equal(device_transmit(device, &p, clock_now()), 0);
    assert_int_equal(device->refused, 1);
    assert_true(interface_flags("t0", IFF_UP));
    assert_int_equal(device_transmit(device, &p, clock_now()), 0);
    assert_int_equal(device->transmitted, 1);
    device_close(device);
}

static void an_interface_in_use_is_busy(void **state)
{
    (void)state;
    struct device *first = tun_up(TUN_OFFLOAD_NEVER), *second = NULL;
    char error[300];
    assert_int_equal(tun_open(&(struct tun_config){.name = "t0"}, &second, error, sizeof error),
                     -EBUSY);
    assert_non_null(strstr(error, "has a user already"));
    assert_null(second);
    device_close(first);
}

static void another_kind_of_interface_is_named(void **state)
{
    (void)state;
    struct device *device = NULL;
    char error[300];
    device_close(open_or_skip(&(struct tun_config){.name = ""}));
    assert_int_equal(tun_open(&(struct tun_config){.name = "lo"}, &device, error, sizeof error),
                     -EINVAL);
    assert_non_null(strstr(error, "'lo' cannot be a TUN interface"));
}

static void a_long_name_is_refused(void **state)
{
    (void)state;
    struct device *device = NULL;
    char error[300];
    struct tun_config config = {.name = "sixteen_letters_"};
    assert_int_equal(tun_open(&config, &device, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "15 characters"));
}

/* A privilege that is missing is named, with what to do about it. */
static void without_the_right_the_error_says_what_to_do(void **state)
{
    (void)state;
    struct device *device = NULL;
    char error[400];
    if (!in_namespace || geteuid() != 0 || seteuid(65534) != 0) {
        printf("skipped: cannot become another user\n");
        skip();
    }
    int result = tun_open(&(struct tun_config){.name = "t1"}, &device, error, sizeof error);
    assert_int_equal(seteuid(0), 0);
    assert_true(result == -EACCES || result == -EPERM || result == -ENOENT);
    assert_non_null(strstr(error, "--device packet:IF"));
    assert_non_null(strstr(error, result == -ENOENT ? "mknod" : "user 65534"));
}

static void queues_share_an_interface(void **state)
{
    (void)state;
    struct tun_config config = {.name = "t0", .offload = TUN_OFFLOAD_NEVER, .queues = 2};
    struct device *first = open_or_skip(&config);
    struct device *second = open_or_skip(&config);
    assert_string_equal(tun_name(second), "t0");
    device_close(first);
    device_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_kernel_arrive),
        cmocka_unit_test(packets_in_pieces_reach_the_kernel),
        cmocka_unit_test(super_segments_arrive_whole),
        cmocka_unit_test(super_segments_are_cut_by_the_kernel),
        cmocka_unit_test(too_large_a_packet_is_refused),
        cmocka_unit_test(an_interface_that_is_down_loses_packets),
        cmocka_unit_test(an_interface_in_use_is_busy),
        cmocka_unit_test(another_kind_of_interface_is_named),
        cmocka_unit_test(a_long_name_is_refused),
        cmocka_unit_test(without_the_right_the_error_says_what_to_do),
        cmocka_unit_test(queues_share_an_interface),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
