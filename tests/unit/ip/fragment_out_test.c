/* Headers and fragments that go down. */
#include "support/ip_world.h"

#include <stdlib.h>

static uint8_t datagram[65535];
static uint8_t out[WORLD_PACKET];

static struct ip_send to_peer(unsigned family)
{
    return (struct ip_send){
        .source = address_of(family ? OURS6 : OURS4),
        .destination = address_of(family ? PEER6 : PEER4),
        .protocol = PROTOCOL_UDP,
        .ttl = 33,
        .tos = 0xb9,
        .may_fragment = true,
        .flow_label = 0x12345,
    };
}

static void the_header_says_what_it_was_told(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(0);
    struct ipv4_header header;
    struct ipv6_header header6;
    memset(out, 0, 100);
    send.may_fragment = false;
    assert_int_equal(ip_build_header(w->ip, &send, 80, out), 20);
    assert_int_equal(ipv4_parse((struct bytes){out, 100}, &header), IPV4_OK);
    assert_int_equal(header.total_length, 100);
    assert_int_equal(header.ttl, 33);
    assert_int_equal(header.tos, 0xb9);
    assert_int_equal(header.protocol, PROTOCOL_UDP);
    assert_memory_equal(&header.source, &send.source, sizeof send.source);
    assert_memory_equal(&header.destination, &send.destination, sizeof send.source);
    send = to_peer(1);
    assert_int_equal(ip_build_header(w->ip, &send, 60, out), 40);
    assert_int_equal(ipv6_parse((struct bytes){out, 100}, &header6), IPV6_OK);
    assert_int_equal(header6.payload_length, 60);
    assert_int_equal(header6.hop_limit, 33);
    assert_int_equal(header6.traffic_class, 0xb9);
    assert_int_equal(header6.flow_label, 0x12345);
    assert_int_equal(header6.next_header, PROTOCOL_UDP);
}

/* R1122-06 */
static void a_ttl_of_0_is_never_sent(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(0);
    send.ttl = 0;
    ip_build_header(w->ip, &send, 80, out);
    assert_int_equal(out[8], 64);
    send = to_peer(1);
    send.ttl = 0;
    ip_build_header(w->ip, &send, 80, out);
    assert_int_equal(out[7], 64);
}

/* R6864-01, R1191-01, PMTUD is not a panacea: who may not be fragmented has DF and an id without
 * meaning. */
static void packets_with_df_have_id_0(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(0);
    send.may_fragment = false;
    for (unsigned i = 0; i < 100; i++) {
        ip_build_header(w->ip, &send, 80, out);
        assert_int_equal(get_be16(out + 4), 0);
        assert_int_equal(get_be16(out + 6), IPV4_DONT_FRAGMENT);
        assert_int_equal(
            ip_build_fragment(w->ip, &send, 77, (struct bytes){datagram, 80}, 0, out, sizeof out),
            100);
        assert_int_equal(get_be16(out + 4), 0);
        assert_int_equal(get_be16(out + 6), IPV4_DONT_FRAGMENT);
    }
}

/* R6864-01: others have one that does not come again. */
static void packets_without_df_have_unique_ids(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(0);
    static bool seen[65536];
    for (unsigned i = 0; i < 10000; i++) {
        ip_build_header(w->ip, &send, 80, out);
        assert_int_equal(get_be16(out + 6), 0);
        assert_false(seen[get_be16(out + 4)]);
        seen[get_be16(out + 4)] = true;
    }
}

static void super_segments_have_headers_too(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(0);
    ip_build_header(w->ip, &send, 65515, out);
    assert_int_equal(get_be16(out + 2), 65535);
    send = to_peer(1);
    ip_build_header(w->ip, &send, 65535, out);
    assert_int_equal(get_be16(out + 4), 65535);
}

/* Sends the datagram in fragments to another host, which must get it whole. Returns how many there
 * were. */
static unsigned crosses(struct ip_world *from, struct ip_world *to, const struct ip_send *send,
                        size_t length, size_t mtu)
{
    uint32_t id = ip_fragment_id(from->ip, send);
    struct bytes text = {datagram, length};
    enum ip_verdict verdict = IP_NOTHING;
    for (unsigned index = 0;; index++) {
        size_t n = ip_build_fragment(from->ip, send, id, text, index, out, mtu);
        if (n == 0) {
            assert_int_equal(verdict, IP_DATAGRAM);
            assert_int_equal(to->datagram.payload.len, length);
            assert_memory_equal(to->datagram.payload.data, datagram, length);
            return index;
        }
        assert_true(n <= mtu);
        assert_int_equal(verdict, IP_NOTHING);
        verdict = world_input(to, out, n);
    }
}

/* R8200-05, R1122-04: cut by one, put together by another, for all lengths around the edges. */
static void what_is_cut_can_be_put_together(void **state)
{
    struct ip_world *w = *state, *other = world_new();
    for (size_t i = 0; i < sizeof datagram; i++)
        datagram[i] = (uint8_t)(i * 11 + i / 256);
    for (unsigned family = 0; family < 2; family++) {
        struct ip_send send = to_peer(family);
        send.destination = address_of(family ? OURS6 : OURS4);
        send.source = address_of(family ? PEER6 : PEER4);
        size_t fits = family ? 1460 : 1480, each = family ? 1448 : 1480;
        size_t longest = family ? 65535 : 65515;
        for (size_t length = 1400; length < 6100; length++) {
            unsigned count = crosses(w, other, &send, length, WORLD_MTU);
            assert_int_equal(count, length <= fits ? 1 : (length + each - 1) / each);
        }
        crosses(w, other, &send, longest, WORLD_MTU);
        /* RFC 1191: the path carries less from now on. */
        ip_reduce_path_mtu(w->ip, &send.destination, 1280, 1500, w->now);
        assert_int_equal(crosses(w, other, &send, 1261, 1280), 2);
        crosses(w, other, &send, longest, 1280);
    }
    world_assert_nothing_dropped(other);
    world_free(other);
}

/* IPv6 atomic fragments via PTB<1280 */
static void what_fits_has_no_fragment_header(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(1);
    ip_reduce_path_mtu(w->ip, &send.destination, 1000, 1500, w->now);
    struct bytes text = {datagram, 1460};
    assert_int_equal(ip_build_fragment(w->ip, &send, 1, text, 0, out, sizeof out), 1500);
    assert_int_equal(out[6], PROTOCOL_UDP);
    assert_int_equal(ip_build_fragment(w->ip, &send, 1, text, 1, out, sizeof out), 0);
}

/* R7739-01, Uninitialised bytes on wire */
static void fragment_headers_carry_the_id_and_nothing_else(void **state)
{
    struct ip_world *w = *state;
    struct ip_send send = to_peer(1);
    struct bytes text = {datagram, 3000};
    for (unsigned index = 0; index < 3; index++) {
        memset(out, 0xaa, 100);
        assert_true(ip_build_fragment(w->ip, &send, 0x01020304, text, index, out, sizeof out) > 0);
        assert_int_equal(out[6], IPV6_FRAGMENT);
        assert_int_equal(out[40], PROTOCOL_UDP);
        assert_int_equal(out[41], 0);
        assert_int_equal(get_be16(out + 42), index * 1448 + (index < 2));
        assert_int_equal(get_be32(out + 44), 0x01020304);
    }
}

static void too_little_room_writes_nothing(void **state)
{
    struct ip_world *w = *state;
    for (unsigned family = 0; family < 2; family++) {
        struct ip_send send = to_peer(family);
        uint8_t *small = malloc(1000);
        struct bytes whole = {datagram, 1000}, cut = {datagram, 3000};
        assert_int_equal(ip_build_fragment(w->ip, &send, 1, whole, 0, small, 1000), 0);
        assert_int_equal(ip_build_fragment(w->ip, &send, 1, cut, 0, small, 1000), 0);
        free(small);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_header_says_what_it_was_told),
        TEST(a_ttl_of_0_is_never_sent),
        TEST(packets_with_df_have_id_0),
        TEST(packets_without_df_have_unique_ids),
        TEST(super_segments_have_headers_too),
        TEST(what_is_cut_can_be_put_together),
        TEST(what_fits_has_no_fragment_header),
        TEST(fragment_headers_carry_the_id_and_nothing_else),
        TEST(too_little_room_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
