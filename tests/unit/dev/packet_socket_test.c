/* A packet socket on one end of a veth pair, the kernel's stack on the other, in a network
 * namespace of the test's own: the kernel is 198.18.0.1 and fd00:7475:6e::1, we are .2 and ::2. The
 * kernel resolves us, we resolve the kernel. Skipped, with the reason printed, where that may not
 * be made. */
#define _GNU_SOURCE
#include "dev/packet_socket.h"

#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <cmocka.h>

#include "dev/clock.h"
#include "veth.h"
#include "wire/checksum.h"

enum { PORT = 4000, UDP_HEADER = 8, UDP_SEGMENT_OPTION = 103 };

static bool in_namespace;
static struct device *device;
static struct prefix addresses[2];

static int enter(void **state)
{
    (void)state;
    in_namespace = namespace_enter();
    return prefix_parse("198.18.0.2/24", &addresses[0]) &&
                   prefix_parse("fd00:7475:6e::2/64", &addresses[1])
               ? 0
               : -1;
}

static int open_device(const char *interface, bool offload, char *error, size_t size)
{
    struct packet_socket_config config = {
        .interface = interface, .addresses = addresses, .address_count = 2, .offload = offload};
    return packet_socket_open(&config, &device, error, size);
}

static void begin(bool offload)
{
    char error[300] = "";
    if (!in_namespace)
        skip();
    if (!veth_create("v0", "v1")) {
        printf("skipped: no veth pair can be made here\n");
        skip();
    }
    assert_true(interface_up("v1", "198.18.0.1"));
    assert_true(interface_add_ipv6("v1", "fd00:7475:6e::1"));
    assert_true(interface_flags("v0", IFF_UP));
    int result = open_device("v0", offload, error, sizeof error);
    if (result == -EPERM) {
        printf("skipped: %s\n", error);
        assert_true(veth_delete("v0"));
        skip();
    }
    if (result != 0)
        fail_msg("%s", error);
}

static void end(void)
{
    device_close(device);
    assert_true(veth_delete("v0"));
}

static int kernel_socket(const char *text)
{
    struct timeval patience = {.tv_sec = 5};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    bool ipv4 = inet_pton(AF_INET, text, &in.sin_addr) == 1;
    if (!ipv4)
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    int s = socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(ipv4 ? bind(s, (struct sockaddr *)&in, sizeof in)
                          : bind(s, (struct sockaddr *)&in6, sizeof in6),
                     0);
    return s;
}

static void kernel_sends(int s, const char *to, const void *text, size_t len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    ssize_t sent;
    if (inet_pton(AF_INET, to, &in.sin_addr) == 1)
        sent = sendto(s, text, len, 0, (struct sockaddr *)&in, sizeof in);
    else {
        assert_int_equal(inet_pton(AF_INET6, to, &in6.sin6_addr), 1);
        sent = sendto(s, text, len, 0, (struct sockaddr *)&in6, sizeof in6);
    }
    assert_int_equal(sent, (ssize_t)len);
}

static bool carries_udp(const struct packet *p)
{
    const uint8_t *ip = p->parts[0].data;
    return (ip[0] == 0x45 && ip[9] == 17) || (ip[0] >> 4 == 6 && ip[6] == 17);
}

/* The next packet that carries UDP, with neighbours answered meanwhile. */
static struct packet next_udp(void)
{
    struct instant until = instant_add(clock_now(), duration_s(5));
    for (;;) {
        struct packet packet;
        int result = device_receive(device, &packet, clock_now());
        if (result == 0 && carries_udp(&packet))
            return packet;
        if (result == 0)
            continue;
        assert_int_equal(result, -EAGAIN);
        if (instant_reached(until, clock_now()))
            fail_msg("no packet came within 5 s");
        int descriptor = device_descriptor(device);
        clock_wait(&descriptor, 1, instant_min(until, device_deadline(device)));
    }
}

/* A datagram from us to the kernel, its checksum complete. Returns its length. */
static size_t build_datagram(uint8_t *out, const char *from_text, const char *to_text,
                             const void *text, size_t len)
{
    struct address from, to;
    struct checksum sum = {.sum = 0};
    assert_true(address_parse(from_text, &from) && address_parse(to_text, &to));
    size_t headers = address_is_ipv4(&from) ? 20 : 40;
    uint8_t *udp = out + headers;
    uint16_t udp_length = (uint16_t)(UDP_HEADER + len);
    memset(out, 0, headers + UDP_HEADER);
    if (headers == 20) {
        out[0] = 0x45;
        put_be16(out + 2, (uint16_t)(headers + udp_length));
        out[8] = 64;
        out[9] = 17;
        memcpy(out + 12, address_ipv4_bytes(&from), 4);
        memcpy(out + 16, address_ipv4_bytes(&to), 4);
        put_be16(out + 10, checksum_of(out, 20));
    } else {
        out[0] = 0x60;
        put_be16(out + 4, udp_length);
        out[6] = 17;
        out[7] = 64;
        memcpy(out + 8, from.bytes, 16);
        memcpy(out + 24, to.bytes, 16);
    }
    put_be16(udp, PORT);
    put_be16(udp + 2, PORT);
    put_be16(udp + 4, udp_length);
    memcpy(udp + UDP_HEADER, text, len);
    checksum_add_pseudo(&sum, &from, &to, 17, udp_length);
    checksum_add(&sum, udp, udp_length);
    put_be16(udp + 6, checksum_finish(&sum));
    return headers + udp_length;
}

static void sends(const char *from, const char *to, const char *text)
{
    uint8_t datagram[200];
    size_t len = build_datagram(datagram, from, to, text, strlen(text));
    struct packet p = {.parts = {{datagram, len}}, .count = 1};
    assert_int_equal(device_transmit(device, &p, clock_now()), 0);
}

/* Receives, and so resolves, until the kernel's socket has something. */
static void kernel_gets(int s, const char *text)
{
    uint8_t got[100];
    struct instant until = instant_add(clock_now(), duration_s(5));
    int descriptors[2] = {s, device_descriptor(device)};
    for (;;) {
        struct packet p;
        while (device_receive(device, &p, clock_now()) == 0)
            ;
        ssize_t length = recv(s, got, sizeof got, MSG_DONTWAIT);
        if (length >= 0) {
            assert_int_equal(length, strlen(text));
            assert_memory_equal(got, text, strlen(text));
            return;
        }
        if (instant_reached(until, clock_now()))
            fail_msg("nothing reached the kernel within 5 s");
        clock_wait(descriptors, 2, instant_min(until, device_deadline(device)));
    }
}

static void the_kernel_finds_us(void **state)
{
    (void)state;
    const char *ends[][2] = {{"198.18.0.1", "198.18.0.2"}, {"fd00:7475:6e::1", "fd00:7475:6e::2"}};
    begin(true);
    for (unsigned i = 0; i < 2; i++) {
        int s = kernel_socket(ends[i][0]);
        kernel_sends(s, ends[i][1], "hello", 5);
        struct packet p = next_udp();
        size_t headers = (i == 0 ? 20 : 40) + UDP_HEADER;
        assert_int_equal(packet_length(&p), headers + 5);
        assert_memory_equal(p.parts[0].data + headers, "hello", 5);
        close(s);
    }
    end();
}

static void we_find_the_kernel(void **state)
{
    (void)state;
    const char *ends[][2] = {{"198.18.0.1", "198.18.0.2"}, {"fd00:7475:6e::1", "fd00:7475:6e::2"}};
    begin(false);
    assert_int_equal(device->features.mtu, 1500);
    assert_int_equal(device->features.largest_tcp4, 0);
    for (unsigned i = 0; i < 2; i++) {
        int s = kernel_socket(ends[i][0]);
        sends(ends[i][1], ends[i][0], "first"); /* waits for the kernel's address */
        kernel_gets(s, "first");
        sends(ends[i][1], ends[i][0], "second");
        kernel_gets(s, "second");
        close(s);
    }
    assert_int_equal(device->transmitted, 4);
    end();
}

/* A veth pair leaves checksums undone: they arrive as such, not as wrong ones. */
static void undone_checksums_are_told(void **state)
{
    (void)state;
    begin(false);
    int s = kernel_socket("198.18.0.1");
    kernel_sends(s, "198.18.0.2", "hello", 5);
    struct packet p = next_udp();
    assert_int_equal(p.checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(p.checksum_at, 20);
    assert_int_equal(p.checksum_offset, 6);
    assert_int_equal(device->lies, 0);
    close(s);
    end();
}

static void super_segments_arrive_whole(void **state)
{
    (void)state;
    static const uint8_t text[5000];
    int size = 1000;
    begin(true);
    assert_int_equal(device->features.largest_tcp4, PACKET_LARGEST);
    int s = kernel_socket("198.18.0.1");
    bool possible = setsockopt(s, IPPROTO_UDP, UDP_SEGMENT_OPTION, &size, sizeof size) == 0;
    if (possible) {
        kernel_sends(s, "198.18.0.2", text, sizeof text);
        struct packet p = next_udp();
        assert_int_equal(packet_length(&p), 28 + sizeof text);
        assert_int_equal(p.gso_size, 1000);
        assert_int_equal(p.header_length, 28);
    }
    close(s);
    end();
    if (!possible) {
        printf("skipped: this kernel has no UDP segmentation\n");
        skip();
    }
}

static void a_neighbour_that_does_not_exist_is_given_up(void **state)
{
    (void)state;
    begin(false);
    sends("198.18.0.2", "198.18.0.77", "hello");
    struct instant later = instant_add(clock_now(), duration_s(1));
    assert_true(instant_before(device_deadline(device), instant_add(later, duration_ms(1))));
    for (unsigned i = 0; i < 4; i++, later = instant_add(later, duration_s(1))) {
        struct packet p;
        while (device_receive(device, &p, later) == 0)
            ;
    }
    assert_true(instant_is_never(device_deadline(device)));
    end();
}

static void too_large_a_packet_is_refused(void **state)
{
    (void)state;
    static const uint8_t large[1501] = {0x45};
    struct packet p = {.parts = {{large, sizeof large}}, .count = 1};
    begin(false);
    assert_int_equal(device_transmit(device, &p, clock_now()), -EMSGSIZE);
    end();
}

static void an_interface_that_is_missing_is_named(void **state)
{
    (void)state;
    char error[300];
    begin(false);
    struct device *opened = device;
    assert_int_equal(open_device("nowhere", false, error, sizeof error), -ENODEV);
    assert_non_null(strstr(error, "there is no interface 'nowhere'"));
    assert_int_equal(open_device("lo", false, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "no Ethernet interface"));
    assert_int_equal(open_device("sixteen_letters_", false, error, sizeof error), -EINVAL);
    assert_ptr_equal(device, opened);
    end();
}

static void without_the_right_the_error_says_what_to_do(void **state)
{
    (void)state;
    char error[300];
    if (!in_namespace || geteuid() != 0 || seteuid(65534) != 0) {
        printf("skipped: cannot become another user\n");
        skip();
    }
    int result = open_device("lo", false, error, sizeof error);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(result, -EPERM);
    assert_non_null(strstr(error, "CAP_NET_RAW"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_finds_us),
        cmocka_unit_test(we_find_the_kernel),
        cmocka_unit_test(undone_checksums_are_told),
        cmocka_unit_test(super_segments_arrive_whole),
        cmocka_unit_test(a_neighbour_that_does_not_exist_is_given_up),
        cmocka_unit_test(too_large_a_packet_is_refused),
        cmocka_unit_test(an_interface_that_is_missing_is_named),
        cmocka_unit_test(without_the_right_the_error_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
