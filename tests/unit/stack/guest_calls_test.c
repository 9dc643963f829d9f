/* Unit tests of guest_calls.c, and of loopback addresses, through tunny.h: a virtual host whose
 * addresses somebody else shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "socket.h"
#include "stack.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"

static struct tunny *stack;
static uint8_t packet[2000], got[2000];

static int make(void **state)
{
    char error[200];
    struct tunny_config config = {
        .addresses = "192.0.2.1/24,fd00:7475:6e::2/64",
        .seed = 7,
        .memory = 16 << 20,
        .loopback = 1,
    };
    (void)state;
    return tunny_create_virtual(&config, &stack, error, sizeof error);
}

static int destroy(void **state)
{
    (void)state;
    tunny_destroy(stack);
    return 0;
}

/* An IPv4 packet with `length` bytes of transport in `packet`. Its length. */
static size_t build(uint32_t source, uint32_t destination, uint8_t protocol, const void *transport,
                    size_t length)
{
    struct ipv4_header header = {
        .total_length = (uint16_t)(IPV4_HEADER_LENGTH + length),
        .ttl = 64,
        .protocol = protocol,
        .source = address_from_ipv4_u32(source),
        .destination = address_from_ipv4_u32(destination),
    };
    ipv4_build(&header, packet);
    memcpy(packet + IPV4_HEADER_LENGTH, transport, length);
    return IPV4_HEADER_LENGTH + length;
}

enum { OURS = 0xc0000201, PEER = 0xc0000202, LOOPBACK = 0x7f000001 };

static const uint8_t datagram[12] = {0, 9, 0, 7, 0, 12, 0, 0, 't', 'e', 'x', 't'};

static size_t datagram_to_us(void)
{
    return build(PEER, OURS, PROTOCOL_UDP, datagram, sizeof datagram);
}

static void without_a_guest_a_datagram_is_refused(void **state)
{
    struct tunny_virtual_packet out;
    (void)state;
    assert_int_equal(tunny_virtual_inject(stack, packet, datagram_to_us()), 0);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), -EAGAIN);
    assert_int_equal(tunny_virtual_collect(stack, &out), 0);
    assert_int_equal(out.data[IPV4_HEADER_LENGTH], ICMP_UNREACHABLE);
}

static void what_no_socket_takes_is_the_guests(void **state)
{
    struct tunny_virtual_packet out;
    size_t length = datagram_to_us();
    (void)state;
    tunny_guest_attach(stack);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), length);
    assert_memory_equal(got, packet, length);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), -EAGAIN);
    assert_int_equal(tunny_virtual_collect(stack, &out), -EAGAIN);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_guest_receive(stack, got, 10), -EMSGSIZE);
}

static void what_a_socket_takes_is_not(void **state)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7)};
    (void)state;
    tunny_guest_attach(stack);
    int socket = tunny_socket(stack, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(tunny_bind(stack, socket, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(tunny_virtual_inject(stack, packet, datagram_to_us()), 0);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), -EAGAIN);
    assert_int_equal(tunny_recv(stack, socket, got, sizeof got, 0), 4);
}

static void echo_replies_and_errors_of_others_are_the_guests(void **state)
{
    uint8_t reply[8] = {ICMP_ECHO_REPLY, 0, 0, 0, 1, 2, 0, 1};
    uint8_t error[8 + IPV4_HEADER_LENGTH + 8] = {ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE};
    (void)state;
    tunny_guest_attach(stack);
    put_be16(reply + 2, checksum_of(reply, sizeof reply));
    size_t length = build(PEER, OURS, PROTOCOL_ICMP, reply, sizeof reply);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), length);

    build(OURS, PEER, PROTOCOL_UDP, datagram, 8);
    memcpy(error + 8, packet, IPV4_HEADER_LENGTH + 8);
    put_be16(error + 2, checksum_of(error, sizeof error));
    length = build(PEER, OURS, PROTOCOL_ICMP, error, sizeof error);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), length);
    assert_memory_equal(got, packet, length);
}

static void the_oldest_packets_are_kept(void **state)
{
    size_t length = datagram_to_us();
    (void)state;
    tunny_guest_attach(stack);
    for (unsigned i = 0; i < LOOPBACK_PACKETS + 5; i++)
        assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    for (unsigned i = 0; i < LOOPBACK_PACKETS; i++)
        assert_int_equal(tunny_guest_receive(stack, got, sizeof got), length);
    assert_int_equal(tunny_guest_receive(stack, got, sizeof got), -EAGAIN);
    assert_int_equal(tunny_counter(stack, "drop.udp_queue_full"), 5);
}

static void what_the_guest_sends_goes_out_as_it_is(void **state)
{
    struct tunny_virtual_packet out;
    size_t length = build(OURS, PEER, PROTOCOL_UDP, datagram, sizeof datagram);
    (void)state;
    assert_int_equal(tunny_guest_send(stack, packet, length), 0);
    assert_int_equal(tunny_virtual_collect(stack, &out), 0);
    assert_int_equal(out.length, length);
    assert_memory_equal(out.data, packet, length);
}

/* R1122-03 */
static void what_the_guest_must_not_send_is_refused(void **state)
{
    struct tunny_virtual_packet out;
    static const struct {
        uint32_t source, destination;
        uint8_t protocol;
        int error;
    } bad[] = {
        {PEER, OURS, PROTOCOL_UDP, -EINVAL},          {LOOPBACK, PEER, PROTOCOL_UDP, -EINVAL},
        {OURS, PEER, PROTOCOL_TCP, -EPROTONOSUPPORT}, {OURS, OURS, PROTOCOL_UDP, -ENETUNREACH},
        {OURS, LOOPBACK, PROTOCOL_UDP, -ENETUNREACH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t length = build(bad[i].source, bad[i].destination, bad[i].protocol, datagram,
                              sizeof datagram);
        assert_int_equal(tunny_guest_send(stack, packet, length), bad[i].error);
    }
    assert_int_equal(tunny_guest_send(stack, packet, 3), -EINVAL);
    static const uint8_t much[1600];
    size_t length = build(OURS, PEER, PROTOCOL_UDP, much, sizeof much);
    assert_int_equal(tunny_guest_send(stack, packet, length), -EMSGSIZE);
    assert_int_equal(tunny_virtual_collect(stack, &out), -EAGAIN);
}

/* --- loopback addresses ------------------------------------------------------------------------
 */

/* R1122-03: they work, and nothing of it is seen outside. */
static void a_loopback_connection_stays_inside(void **state)
{
    struct tunny_virtual_packet out;
    (void)state;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(80)};
    here.sin_addr.s_addr = htonl(LOOPBACK);
    int listener = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int client = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(tunny_bind(stack, listener, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(tunny_listen(stack, listener, 1), 0);
    assert_int_equal(tunny_connect(stack, client, (struct sockaddr *)&here, sizeof here),
                     -EINPROGRESS);
    tunny_virtual_advance(stack, 1000000);
    int server = tunny_accept(stack, listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(server >= 0);
    assert_int_equal(tunny_send(stack, client, "inside", 6, 0), 6);
    tunny_virtual_advance(stack, 2000000);
    assert_int_equal(tunny_recv(stack, server, got, sizeof got, 0), 6);
    assert_int_equal(tunny_virtual_collect(stack, &out), -EAGAIN);
}

/* R1122-03 */
static void a_loopback_address_neither_comes_in_nor_goes_out(void **state)
{
    struct tunny_virtual_packet out;
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    (void)state;
    uint64_t before = tunny_counter(stack, "drop.ip_not_for_us");
    size_t length = build(PEER, LOOPBACK, PROTOCOL_UDP, datagram, sizeof datagram);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_counter(stack, "drop.ip_not_for_us"), before + 1);
    length = build(LOOPBACK, OURS, PROTOCOL_UDP, datagram, sizeof datagram);
    assert_int_equal(tunny_virtual_inject(stack, packet, length), 0);
    assert_int_equal(tunny_counter(stack, "drop.ip_bad_source"), 1);

    here.sin_addr.s_addr = htonl(LOOPBACK);
    there.sin_addr.s_addr = htonl(PEER);
    there.sin_port = htons(80);
    int client = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(tunny_bind(stack, client, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(tunny_connect(stack, client, (struct sockaddr *)&there, sizeof there),
                     -EINVAL);
    assert_int_equal(tunny_virtual_collect(stack, &out), -EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_guest_a_datagram_is_refused),
        TEST(what_no_socket_takes_is_the_guests),
        TEST(what_a_socket_takes_is_not),
        TEST(echo_replies_and_errors_of_others_are_the_guests),
        TEST(the_oldest_packets_are_kept),
        TEST(what_the_guest_sends_goes_out_as_it_is),
        TEST(what_the_guest_must_not_send_is_refused),
        TEST(a_loopback_connection_stays_inside),
        TEST(a_loopback_address_neither_comes_in_nor_goes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
