/* The spine: making a host's ip/, facts of the device, and packets that nobody could have foreseen.
 */
#include "support/ip_world.h"

#include <errno.h>
#include <stdlib.h>

#include "base/random.h"

static int init_with(const char *const *prefixes, uint32_t mtu, size_t memory_size)
{
    struct memory memory;
    struct trace trace = {0};
    struct ip_config config = {.mtu = mtu};
    for (; prefixes[config.address_count]; config.address_count++)
        assert_true(
            prefix_parse(prefixes[config.address_count], &config.addresses[config.address_count]));
    struct ip *ip = malloc(ip_size());
    assert_int_equal(memory_init(&memory, memory_size), 0);
    int result = ip_init(ip, &config, &memory, &trace);
    if (result == 0)
        ip_destroy(ip);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
    free(ip);
    return result;
}

/* R1122-03: an address that must not be on a wire cannot be given to a host. */
static void unusable_addresses_and_mtus_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"0.0.0.0/8",   "127.0.0.1/8",        "224.0.0.1/24",
                                      "240.0.0.1/8", "255.255.255.255/32", "::/128",
                                      "::1/128",     "ff02::1/16"};
    static const char *const none[] = {NULL};
    static const char *const good4[] = {"198.18.0.1/24", NULL};
    static const char *const good6[] = {"fd00::1/64", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *one[] = {bad[i], NULL};
        assert_int_equal(init_with(one, 1500, 1 << 20), -EINVAL);
    }
    assert_int_equal(init_with(none, 1500, 1 << 20), -EINVAL);
    assert_int_equal(init_with(good4, 575, 1 << 20), -EINVAL);
    assert_int_equal(init_with(good4, 576, 1 << 20), 0);
    assert_int_equal(init_with(good6, 1279, 1 << 20), -EINVAL);
    assert_int_equal(init_with(good6, 1280, 1 << 20), 0);
    assert_int_equal(init_with(good4, 1500, 1 << 12), -ENOMEM);
}

static void a_datagram_goes_up_as_it_came(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    uint8_t text[8] = {1, 2, 3};
    struct address ours = address_of(OURS4), peer = address_of(PEER4);
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .tos = 0x2a, .ttl = 5);
    p.len += 10; /* padding of a link */
    assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    assert_memory_equal(&w->datagram.source, &peer, sizeof peer);
    assert_memory_equal(&w->datagram.destination, &ours, sizeof ours);
    assert_int_equal(w->datagram.protocol, PROTOCOL_TCP);
    assert_int_equal(w->datagram.tos, 0x2a);
    assert_int_equal(w->datagram.ttl, 5);
    assert_false(w->datagram.to_group);
    assert_false(w->datagram.checksum_trusted);
    assert_int_equal(w->datagram.gso_size, 0);
    assert_int_equal(w->datagram.payload.len, 8);
    assert_memory_equal(w->datagram.payload.data, text, 8);
    assert_int_equal(w->datagram.packet.len, 28);
}

/* A super-segment is as long as its length field can say; the device's word about it goes up. */
static void super_segments_and_their_facts_go_up(void **state)
{
    struct ip_world *w = *state;
    static uint8_t text[65515];
    static struct wire_packet p;
    for (unsigned family = 0; family < 2; family++) {
        if (family)
            PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_TCP);
        else
            PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP);
        struct packet packet = {.parts = {{p.bytes, p.len}}, .count = 1, .gso_size = 1448};
        for (unsigned i = 0; i < 3; i++) {
            packet.checksum = (enum packet_checksum)i;
            assert_int_equal(ip_input(w->ip, &packet, w->now, &w->datagram, &w->error),
                             IP_DATAGRAM);
            assert_int_equal(w->datagram.payload.len, sizeof text);
            assert_int_equal(w->datagram.gso_size, 1448);
            assert_int_equal(w->datagram.checksum_trusted,
                             packet.checksum != PACKET_CHECKSUM_IN_FULL);
        }
    }
}

/* MUST-57, LAND: whoever reads a trace sees which packet was refused. */
static void drops_are_told_with_their_flow(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    struct address peer = address_of(PEER4);
    PACKET4(&p, NULL, 0, .protocol = PROTOCOL_TCP, .destination = NOBODY4);
    world_feed(w, &p);
    assert_dropped(w, ip_not_for_us);
    assert_non_null(w->trace.subject.flow);
    assert_memory_equal(&w->trace.subject.flow->remote.address, &peer, sizeof peer);
    world_input(w, "x", 1);
    assert_null(w->trace.subject.flow);
}

/* Loop/deadlock by reply to self: everything that we send, sent back to us, dies out. */
static void our_own_packets_back_to_us_make_no_storm(void **state)
{
    struct ip_world *w = *state;
    struct random random;
    static struct wire_packet p;
    random_seed(&random, 3);
    for (unsigned i = 0; i < 500; i++) {
        uint8_t text[64] = {[0] = i % 2 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST};
        if (i % 2)
            PACKET6(&p, text, sizeof text, .protocol = (uint8_t)random_below(&random, 256));
        else
            PACKET4(&p, text, sizeof text, .protocol = (uint8_t)random_below(&random, 256));
        world_feed(w, &p);
        unsigned rounds = 0;
        while (world_next(w, &p)) {
            assert_true(++rounds < 3);
            world_feed(w, &p);
        }
        w->now = instant_add(w->now, duration_ms(200));
    }
}

/* Makes a packet that is likely to get far, then damages it. */
static void random_packet(struct random *random, struct wire_packet *p)
{
    static const uint8_t protocols[] = {1, 6, 17, 58, 0, 43, 44, 60, 59, 4, 41, 253};
    uint8_t payload[700];
    size_t length = random_below(random, sizeof payload);
    for (size_t i = 0; i < length; i++)
        payload[i] = (uint8_t)(random_one_in(random, 2) ? 0 : random_u32(random));
    uint8_t protocol = protocols[random_below(random, sizeof protocols)];
    uint16_t flags = (uint16_t)(random_one_in(random, 2)
                                    ? 0
                                    : random_below(random, 40) |
                                          (random_one_in(random, 2) ? IPV4_MORE_FRAGMENTS : 0));
    if (random_one_in(random, 2))
        PACKET4(p, payload, length, .protocol = protocol, .flags_offset = flags,
                .id = (uint16_t)random_below(random, 4));
    else
        PACKET6(p, payload, length, .protocol = protocol);
    for (uint64_t k = random_below(random, 3); k > 0; k--)
        p->bytes[random_below(random, p->len)] = (uint8_t)random_u32(random);
    if (p->bytes[0] >> 4 == 4 && (p->bytes[0] & 15U) * 4 <= p->len)
        mend4(p);
}

/* ICMP payload sizes, Teardrop / overlap, IPv6 ext-header chain: nothing that a peer can write does
 * harm. */
static void random_packets_do_no_harm(void **state)
{
    struct ip_world *w = *state;
    struct random random;
    static struct wire_packet p;
    random_seed(&random, 99);
    for (unsigned i = 0; i < 30000; i++) {
        random_packet(&random, &p);
        uint64_t drops = 0;
        memset(w->trace.drops, 0, sizeof w->trace.drops);
        if (world_feed(w, &p) == IP_DATAGRAM)
            ip_refuse(w->ip, &w->datagram, IP_REFUSE_PROTOCOL, w->now);
        for (unsigned k = 0; k < DROP_REASONS; k++)
            drops += k == DROP_fragment_budget ? 0 : w->trace.drops[k];
        assert_true(drops <= 1); /* one packet, one reason */
        world_drain(w);
        if (i % 100 == 0) {
            w->now = instant_add(w->now, duration_s(1));
            ip_timeout(w->ip, w->now);
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unusable_addresses_and_mtus_are_refused),
        TEST(a_datagram_goes_up_as_it_came),
        TEST(super_segments_and_their_facts_go_up),
        TEST(drops_are_told_with_their_flow),
        TEST(our_own_packets_back_to_us_make_no_storm),
        TEST(random_packets_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
