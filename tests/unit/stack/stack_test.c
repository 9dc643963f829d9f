/* The loop: what it passes on, in which order, and how much of it in one turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "dev/pair.h"
#include "support/stack_world.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"

/* A packet from 10.0.0.2 to 10.0.0.1, handed to side 0. */
static void inject(struct stack_world *world, uint8_t protocol, struct bytes payload)
{
    uint8_t bytes[2048];
    struct ipv4_header header = {.header_length = 20,
                                 .total_length = (uint16_t)(20 + payload.len),
                                 .ttl = 64,
                                 .protocol = protocol};
    assert_true(address_parse("10.0.0.2", &header.source));
    assert_true(address_parse("10.0.0.1", &header.destination));
    ipv4_build(&header, bytes);
    memcpy(bytes + 20, payload.data, payload.len);
    struct packet packet = {.parts = {{bytes, 20 + payload.len}}, .count = 1};
    assert_int_equal(device_transmit(world->side[1].device, &packet, world->now), 0);
}

/* R1122-11 */
static void an_unknown_protocol_is_refused(void **state)
{
    static const uint8_t payload[16];
    struct stack_world world;
    struct packet reply;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    inject(&world, 253, (struct bytes){payload, sizeof payload});
    assert_int_equal(tunny_run(world.side[0].stack), 0);
    assert_int_equal(tunny_counter(world.side[0].stack, "drop.ip_unknown_protocol"), 1);
    assert_int_equal(device_receive(world.side[1].device, &reply, world.now), 0);
    assert_int_equal(reply.parts[0].data[20], ICMP_UNREACHABLE);
    assert_int_equal(reply.parts[0].data[21], ICMP_PROTOCOL_UNREACHABLE);
    world_close(&world);
}

/* "Fragmentation needed" about the first packet that side 0 has sent, from the other host. */
static void answer_too_big(struct stack_world *world, uint32_t mtu, uint32_t seq_offset)
{
    struct packet sent, more;
    uint8_t copy[64], message[128];
    assert_int_equal(device_receive(world->side[1].device, &sent, world->now), 0);
    memcpy(copy, sent.parts[0].data, 28);
    put_be32(copy + 24, get_be32(copy + 24) + seq_offset);
    while (device_receive(world->side[1].device, &more, world->now) == 0)
        ;
    struct icmp_message too_big = {.type = ICMP_UNREACHABLE,
                                   .code = ICMP_FRAGMENTATION_NEEDED,
                                   .rest = mtu,
                                   .body = {copy, 28}};
    struct address from, to;
    assert_true(address_parse("10.0.0.2", &from));
    assert_true(address_parse("10.0.0.1", &to));
    size_t length = icmp_build(&too_big, &from, &to, message, sizeof message);
    inject(world, PROTOCOL_ICMP, (struct bytes){message, length});
    assert_int_equal(tunny_run(world->side[0].stack), 0);
}

static int path_mtu(struct tunny *stack, int socket)
{
    int mtu = -1;
    socklen_t length = sizeof mtu;
    assert_int_equal(tunny_getsockopt(stack, socket, IPPROTO_IP, IP_MTU, &mtu, &length), 0);
    return mtu;
}

/* RFC 5927, 7; RFC 1191, 3 */
static void only_believable_packet_too_big_lowers_the_mtu(void **state)
{
    static uint8_t text[20000];
    static uint8_t back[20000];
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *stack = world.side[0].stack;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i / 3);
    assert_int_equal(tunny_send(stack, ends[0], text, sizeof text, MSG_DONTWAIT), sizeof text);
    answer_too_big(&world, 1000, 1 << 30); /* a sequence number that is not in flight */
    assert_int_equal(path_mtu(stack, ends[0]), 1500);
    assert_int_equal(tunny_send(stack, ends[0], text, 1, MSG_DONTWAIT), 1);
    world.now = instant_add(world.now, duration_s(1)); /* a retransmission is due */
    assert_int_equal(tunny_run(stack), 0);
    answer_too_big(&world, 1000, 0);
    assert_int_equal(path_mtu(stack, ends[0]), 1000);
    /* the text arrives in smaller segments */
    assert_int_equal(tunny_recv(world.side[1].stack, ends[1], back, sizeof back, MSG_WAITALL),
                     sizeof back);
    assert_memory_equal(back, text, sizeof text);
    world_close(&world);
}

/* Ten segments wait in the device of side 1, their receiver. */
static void world_with_a_burst(struct stack_world *world)
{
    static uint8_t text[14480];
    int ends[2];
    world_open(world, &(struct world_setup){0});
    world_connect(world, AF_INET, ends);
    world_run(world, duration_ms(300));
    assert_int_equal(tunny_send(world->side[0].stack, ends[0], text, sizeof text, MSG_DONTWAIT),
                     sizeof text);
}

/* MUST-58, MUST-59: all that is there is read before anything is sent: one ACK for a burst. */
static void a_burst_gets_few_acks(void **state)
{
    struct stack_world world;
    (void)state;
    world_with_a_burst(&world);
    uint64_t before = world.side[1].device->transmitted;
    assert_int_equal(tunny_run(world.side[1].stack), 0);
    assert_int_equal(world.side[1].device->transmitted - before, 1);
    world_close(&world);
}

/* RFC 5681, 4.2 (MAY-13): but what is behind a hole is acknowledged one by one. */
static void each_segment_behind_a_hole_gets_its_ack(void **state)
{
    struct stack_world world;
    struct packet lost;
    (void)state;
    world_with_a_burst(&world);
    struct device *device = world.side[1].device;
    assert_int_equal(device_receive(device, &lost, world.now), 0);
    uint64_t received = device->received, transmitted = device->transmitted;
    assert_int_equal(tunny_run(world.side[1].stack), 0);
    assert_true(device->received - received >= 9);
    assert_int_equal(device->transmitted - transmitted, device->received - received);
    world_close(&world);
}

/* Of packets with this payload a turn reads so many; the next turn reads the others. */
static void a_turn_reads(unsigned packets, struct bytes payload, uint64_t read)
{
    struct stack_world world;
    world_open(&world, &(struct world_setup){.queue = packets});
    struct tunny *stack = world.side[0].stack;
    for (unsigned i = 0; i < packets; i++)
        inject(&world, 253, payload);
    assert_int_equal(tunny_run(stack), 0);
    assert_int_equal(tunny_counter(stack, "drop.ip_unknown_protocol"), read);
    assert_int_equal(tunny_timeout_ms(stack), 0);
    assert_int_equal(tunny_run(stack), 0);
    assert_int_equal(tunny_counter(stack, "drop.ip_unknown_protocol"), packets);
    world_close(&world);
}

/* Queue starvation/livelock: however much arrives, a turn ends. */
static void a_turn_ends_under_a_flood(void **state)
{
    enum { MOST = STACK_READS_A_ROUND * STACK_ROUNDS_A_TURN };
    static const uint8_t payload[8];
    (void)state;
    a_turn_reads(MOST + 1000, (struct bytes){payload, sizeof payload}, MOST);
}

/* Whoever takes text gets it while it is still in the processor's cache. */
static void a_turn_ends_when_much_was_read(void **state)
{
    static const uint8_t payload[1480];
    (void)state;
    a_turn_reads(STACK_BYTES_A_TURN / 1500 + 100, (struct bytes){payload, sizeof payload},
                 (STACK_BYTES_A_TURN + 1499) / 1500);
}

/* A device that goes away ends blocking calls with its error. */
static void a_device_that_is_gone_is_told(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    tunny_destroy(world.side[1].stack);
    world.side[1].stack = NULL;
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_recv(stack, ends[0], text, 4, 0), -ECONNRESET); /* its goodbye */
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    struct world_name name = world_name(1, AF_INET, 80);
    assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&name.name, name.length), -ENODEV);
    assert_int_equal(tunny_run(stack), -ENODEV);
    tunny_destroy(stack);
}

/* MUST-2: with an offloading device the sum is partial, without it complete. */
static void checksums_are_left_to_devices_that_can(void **state)
{
    (void)state;
    for (uint32_t largest = 0; largest <= 65535; largest += 65535) {
        struct stack_world world;
        struct packet syn;
        world_open(&world, &(struct world_setup){.largest = largest});
        struct tunny *stack = world.side[0].stack;
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct world_name name = world_name(1, AF_INET, 80);
        assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&name.name, name.length),
                         -EINPROGRESS);
        assert_int_equal(device_receive(world.side[1].device, &syn, world.now), 0);
        assert_int_equal(syn.checksum, largest ? PACKET_CHECKSUM_PARTIAL : PACKET_CHECKSUM_IN_FULL);
        uint8_t bytes[128];
        size_t length = packet_flatten(&syn, bytes, sizeof bytes);
        if (largest)
            checksum_complete(bytes, length, syn.checksum_at, syn.checksum_offset);
        struct checksum sum = {0};
        struct address from = address_from_ipv4(bytes + 12), to = address_from_ipv4(bytes + 16);
        checksum_add_pseudo(&sum, &from, &to, PROTOCOL_TCP, (uint32_t)length - 20);
        checksum_add(&sum, bytes + 20, length - 20);
        assert_int_equal(checksum_finish(&sum), 0);
        world_close(&world);
    }
}

/* No loop may spin while a device is full, though connections have more to send. */
static void a_full_device_is_asked_now_and_then(void **state)
{
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){.queue = 1});
    world_connect(&world, AF_INET, ends);
    struct tunny *stack = world.side[0].stack;
    static uint8_t text[20000];
    world_run(&world, duration_s(1));
    assert_true(tunny_send(stack, ends[0], text, sizeof text, MSG_DONTWAIT) > 0);
    assert_int_equal(stack->output.pending.count, 1);
    assert_int_equal(stack_turn(stack), 0);
    assert_int_equal(stack_deadline(stack).ns, world.now.ns + 500000);
    world_run(&world, duration_s(1));
    assert_int_equal(stack->output.pending.count, 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_protocol_is_refused),
        cmocka_unit_test(only_believable_packet_too_big_lowers_the_mtu),
        cmocka_unit_test(a_burst_gets_few_acks),
        cmocka_unit_test(each_segment_behind_a_hole_gets_its_ack),
        cmocka_unit_test(a_turn_ends_under_a_flood),
        cmocka_unit_test(a_turn_ends_when_much_was_read),
        cmocka_unit_test(a_device_that_is_gone_is_told),
        cmocka_unit_test(checksums_are_left_to_devices_that_can),
        cmocka_unit_test(a_full_device_is_asked_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
