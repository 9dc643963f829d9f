/* ICMP messages that arrive. */
#include "support/ip_world.h"

#include <errno.h>

/* A message from the peer, with a right checksum. */
static enum ip_verdict message4(struct ip_world *w, const struct icmp_message *message,
                                const char *to)
{
    static struct wire_packet p;
    static uint8_t bytes[WORLD_PACKET];
    struct address source = address_of(PEER4), destination = address_of(to);
    size_t length = icmp_build(message, &source, &destination, bytes, sizeof bytes);
    PACKET4(&p, bytes, length, .protocol = PROTOCOL_ICMP, .destination = to);
    return world_feed(w, &p);
}

static enum ip_verdict message6(struct ip_world *w, const struct icmp_message *message,
                                const char *to)
{
    static struct wire_packet p;
    static uint8_t bytes[WORLD_PACKET];
    struct address source = address_of(PEER6), destination = address_of(to);
    size_t length = icmp_build(message, &source, &destination, bytes, sizeof bytes);
    PACKET6(&p, bytes, length, .protocol = PROTOCOL_ICMPV6, .destination = to);
    return world_feed(w, &p);
}

/* R1122-10, R4443-04, R4443-05 */
static void an_echo_request_is_answered_with_its_data_from_where_it_was_sent(void **state)
{
    struct ip_world *w = *state;
    static uint8_t data[WORLD_MTU];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 3);
    for (size_t length = 0; length <= WORLD_MTU - 48; length++) {
        struct wire_packet answer;
        struct address source, destination, ours = address_of(OTHER4), peer = address_of(PEER4);
        struct icmp_message m = {ICMP_ECHO_REQUEST, 0, 0x12345678, {data, length}};
        assert_int_equal(message4(w, &m, OTHER4), IP_NOTHING);
        m = world_next_icmp(w, &answer, &source, &destination);
        assert_int_equal(m.type, ICMP_ECHO_REPLY);
        assert_int_equal(m.rest, 0x12345678);
        assert_int_equal(m.body.len, length);
        assert_memory_equal(m.body.data, data, length);
        assert_memory_equal(&source, &ours, sizeof ours);
        assert_memory_equal(&destination, &peer, sizeof peer);

        m = (struct icmp_message){ICMPV6_ECHO_REQUEST, 0, 0x12345678, {data, length}};
        ours = address_of(OTHER6);
        assert_int_equal(message6(w, &m, OTHER6), IP_NOTHING);
        m = world_next_icmp(w, &answer, &source, &destination);
        assert_int_equal(m.type, ICMPV6_ECHO_REPLY);
        assert_int_equal(m.rest, 0x12345678);
        assert_int_equal(m.body.len, length);
        assert_memory_equal(m.body.data, data, length);
        assert_memory_equal(&source, &ours, sizeof ours);
        world_owes_nothing(w);
    }
}

/* R1122-10, R4443-04: also those that came, and must go, in fragments. */
static void a_large_echo_is_answered_in_fragments(void **state)
{
    struct ip_world *w = *state;
    static uint8_t data[9000];
    for (unsigned family = 0; family < 2; family++) {
        static struct wire_packet p;
        struct icmp_message m = {
            family ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST, 0, 7, {data, sizeof data}};
        assert_int_equal(family ? message6(w, &m, OURS6) : message4(w, &m, OURS4), IP_NOTHING);
        size_t count = 0;
        while (world_next(w, &p)) {
            assert_true(p.len <= WORLD_MTU);
            count++;
        }
        assert_int_equal(count, 7);
    }
    world_assert_nothing_dropped(w);
}

/* R1122-10 */
static void an_echo_request_to_a_group_is_not_answered(void **state)
{
    struct ip_world *w = *state;
    struct icmp_message m = {.type = ICMP_ECHO_REQUEST};
    message4(w, &m, "255.255.255.255");
    assert_dropped(w, icmp_to_multicast);
    message4(w, &m, "198.18.0.255");
    assert_dropped(w, icmp_to_multicast);
    message4(w, &m, "224.0.0.1");
    assert_dropped(w, icmp_to_multicast);
    m.type = ICMPV6_ECHO_REQUEST;
    message6(w, &m, "ff02::1");
    assert_dropped(w, icmp_to_multicast);
    world_owes_nothing(w);
}

/* ICMP payload sizes */
static void short_and_damaged_messages_are_dropped(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    uint8_t message[64] = {ICMP_ECHO_REQUEST};
    for (size_t length = 0; length < 8; length++) {
        PACKET4(&p, message, length, .protocol = PROTOCOL_ICMP);
        world_feed(w, &p);
        assert_dropped(w, icmp_too_short);
        PACKET6(&p, message, length, .protocol = PROTOCOL_ICMPV6);
        world_feed(w, &p);
        assert_dropped(w, icmp_too_short);
    }
    for (size_t length = 8; length < sizeof message; length++) {
        PACKET4(&p, message, length, .protocol = PROTOCOL_ICMP);
        world_feed(w, &p);
        assert_dropped(w, icmp_bad_checksum);
        PACKET6(&p, message, length, .protocol = PROTOCOL_ICMPV6);
        world_feed(w, &p);
        assert_dropped(w, icmp_bad_checksum);
    }
    world_owes_nothing(w);
}

/* R4443-04: without the pseudo-header in the sum the message is damaged. */
static void an_icmpv6_checksum_covers_the_pseudo_header(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    uint8_t message[8];
    struct icmp_message m = {.type = ICMPV6_ECHO_REQUEST};
    struct address source = address_of(PEER4), destination = address_of(OURS4);
    icmp_build(&m, &source, &destination, message, sizeof message);
    PACKET6(&p, message, sizeof message, .protocol = PROTOCOL_ICMPV6);
    world_feed(w, &p);
    assert_dropped(w, icmp_bad_checksum);
}

/* A packet of ours to the peer, as an error would quote it. */
static size_t quote(struct wire_packet *p, unsigned family, uint8_t protocol)
{
    static const uint8_t transport[16] = {0x9c, 0x40, 0, 80, 0xde, 0xad, 0xbe, 0xef};
    if (family)
        PACKET6(p, transport, sizeof transport, .protocol = protocol, .source = OURS6,
                .destination = PEER6);
    else
        PACKET4(p, transport, sizeof transport, .protocol = protocol, .source = OURS4,
                .destination = PEER4);
    return p->len;
}

static enum ip_verdict error_arrives(struct ip_world *w, unsigned family, uint8_t type,
                                     uint8_t code, uint32_t rest)
{
    struct wire_packet quoted;
    size_t length = quote(&quoted, family, PROTOCOL_TCP);
    struct icmp_message m = {type, code, rest, {quoted.bytes, length}};
    return family ? message6(w, &m, OURS6) : message4(w, &m, OURS4);
}

/* MUST-54: the error carries the connection that it is about. MUST-56: and whether it is soft. */
static void errors_go_up_with_the_flow_that_they_quote(void **state)
{
    static const struct {
        unsigned family;
        uint8_t type, code;
        int errnum;
        bool hard;
    } cases[] = {
        {0, 3, 0, ENETUNREACH, false},   {0, 3, 1, EHOSTUNREACH, false},
        {0, 3, 2, ENOPROTOOPT, true},    {0, 3, 3, ECONNREFUSED, true},
        {0, 3, 4, EMSGSIZE, false},      {0, 3, 5, EOPNOTSUPP, false},
        {0, 3, 13, EACCES, true},        {0, 3, 99, EHOSTUNREACH, false},
        {0, 11, 0, EHOSTUNREACH, false}, {0, 12, 0, EPROTO, false},
        {1, 1, 0, ENETUNREACH, false},   {1, 1, 1, EACCES, true},
        {1, 1, 3, EHOSTUNREACH, false},  {1, 1, 4, ECONNREFUSED, true},
        {1, 2, 0, EMSGSIZE, false},      {1, 3, 0, EHOSTUNREACH, false},
        {1, 4, 1, EPROTO, false},        {1, 1, 99, EHOSTUNREACH, false},
    };
    struct ip_world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned family = cases[i].family;
        struct address ours = address_of(family ? OURS6 : OURS4);
        struct address peer = address_of(family ? PEER6 : PEER4);
        assert_int_equal(error_arrives(w, family, cases[i].type, cases[i].code, 0), IP_ERROR);
        assert_int_equal(w->error.errnum, cases[i].errnum);
        assert_int_equal(w->error.hard, cases[i].hard);
        assert_int_equal(w->error.ipv6, family);
        assert_int_equal(w->error.protocol, PROTOCOL_TCP);
        assert_memory_equal(&w->error.flow.local.address, &ours, sizeof ours);
        assert_memory_equal(&w->error.flow.remote.address, &peer, sizeof peer);
        assert_int_equal(w->error.flow.local.port, 40000);
        assert_int_equal(w->error.flow.remote.port, 80);
        assert_int_equal(get_be32(w->error.transport.data + 4), 0xdeadbeef);
    }
    world_assert_nothing_dropped(w);
}

/* R1191-01, R1191-03, R8201-02: the MTU of the next hop, unjudged. */
static void packet_too_big_tells_the_mtu(void **state)
{
    struct ip_world *w = *state;
    assert_int_equal(error_arrives(w, 0, 3, 4, 0xffff0000 | 1400), IP_ERROR);
    assert_int_equal(w->error.mtu, 1400);
    /* R1191-03: no number: the next plateau below the quoted packet's length, which is small. */
    assert_int_equal(error_arrives(w, 0, 3, 4, 0), IP_ERROR);
    assert_int_equal(w->error.mtu, 576);
    assert_int_equal(error_arrives(w, 1, 2, 0, 70000), IP_ERROR);
    assert_int_equal(w->error.mtu, 70000);
    assert_int_equal(error_arrives(w, 0, 3, 1, 1400), IP_ERROR);
    assert_int_equal(w->error.mtu, 0);
    /* PMTU exception side channel: nothing was learnt by that. */
    struct address peer = address_of(PEER4);
    assert_int_equal(ip_path_mtu(w->ip, &peer, w->now), WORLD_MTU);
}

/* MUST-54, Off-path ICMP hard error */
static void errors_about_what_was_never_ours_are_dropped(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet quoted;
    for (unsigned family = 0; family < 2; family++) {
        struct icmp_message m = {.type = family ? 1 : 3, .code = 1};
        size_t length = quote(&quoted, family, PROTOCOL_TCP);
        /* Not from us; cut too short; to another address of ours than the quoted one; no protocol
         * of ours. */
        quoted.bytes[family ? 23 : 15] ^= 0x40;
        m.body = (struct bytes){quoted.bytes, length};
        assert_int_equal(family ? message6(w, &m, OURS6) : message4(w, &m, OURS4), IP_NOTHING);
        assert_dropped(w, icmp_quote_unmatched);
        quoted.bytes[family ? 23 : 15] ^= 0x40;
        for (size_t cut = 0; cut < (family ? 48U : 28U); cut++) {
            m.body.len = cut;
            assert_int_equal(family ? message6(w, &m, OURS6) : message4(w, &m, OURS4), IP_NOTHING);
            assert_dropped(w, icmp_quote_unmatched);
        }
        m.body.len = length;
        assert_int_equal(family ? message6(w, &m, OTHER6) : message4(w, &m, OTHER4), IP_NOTHING);
        assert_dropped(w, icmp_quote_unmatched);
        assert_int_equal(family ? message6(w, &m, "ff02::1") : message4(w, &m, "224.0.0.1"),
                         IP_NOTHING);
        assert_dropped(w, icmp_quote_unmatched);
        quote(&quoted, family, 253);
        assert_int_equal(family ? message6(w, &m, OURS6) : message4(w, &m, OURS4), IP_NOTHING);
        assert_dropped(w, icmp_quote_unmatched);
    }
    world_owes_nothing(w);
}

/* MUST-55, R5927-03, Source quench throttling */
static void source_quench_is_silently_discarded(void **state)
{
    struct ip_world *w = *state;
    assert_int_equal(error_arrives(w, 0, ICMP_SOURCE_QUENCH, 0, 0), IP_NOTHING);
    assert_dropped(w, icmp_source_quench);
    world_owes_nothing(w);
}

/* R1122-12, R4861-02, ICMP redirect hijack, Neighbor/RA attacks */
static void redirects_and_neighbour_discovery_change_nothing(void **state)
{
    struct ip_world *w = *state;
    struct address nobody = address_of(NOBODY4), source, source_after;
    assert_true(ip_choose_source(w->ip, &nobody, &source));
    assert_int_equal(error_arrives(w, 0, ICMP_REDIRECT, 1, 0xc6120063), IP_NOTHING);
    assert_dropped(w, icmp_redirect_ignored);
    assert_int_equal(error_arrives(w, 1, ICMPV6_REDIRECT, 0, 0), IP_NOTHING);
    assert_dropped(w, icmp_redirect_ignored);
    for (uint8_t type = ICMPV6_ROUTER_SOLICITATION; type < ICMPV6_REDIRECT; type++) {
        uint8_t options[32] = {0}; /* with options of length 0 */
        struct icmp_message m = {type, 0, 0x40000000, {options, sizeof options}};
        message6(w, &m, OURS6);
        assert_dropped(w, icmp_ignored);
        message6(w, &m, "ff02::1");
        assert_dropped(w, icmp_ignored);
    }
    assert_true(ip_choose_source(w->ip, &nobody, &source_after));
    assert_memory_equal(&source, &source_after, sizeof source);
    assert_int_equal(ip_path_mtu(w->ip, &nobody, w->now), WORLD_MTU);
    world_owes_nothing(w);
}

/* R4443-03, R1122-09 */
static void unknown_messages_are_dropped_but_unknown_icmpv6_errors_go_up(void **state)
{
    struct ip_world *w = *state;
    for (unsigned type = 0; type < 256; type++) {
        bool error = type < 128;
        bool known = type == 128 || type == 129 || type == 137 || type == 2;
        if (!known) {
            assert_int_equal(error_arrives(w, 1, (uint8_t)type, 0, 0),
                             error ? IP_ERROR : IP_NOTHING);
            if (error)
                world_assert_nothing_dropped(w);
            else
                assert_dropped(w, icmp_ignored);
        }
        known = type == 0 || type == 3 || type == 4 || type == 5 || type == 8 || type == 11 ||
                type == 12;
        if (!known) {
            assert_int_equal(error_arrives(w, 0, (uint8_t)type, 0, 0), IP_NOTHING);
            assert_dropped(w, icmp_ignored);
        }
    }
    assert_int_equal(error_arrives(w, 1, 100, 0, 0), IP_ERROR);
    assert_int_equal(w->error.errnum, EPROTO);
    assert_false(w->error.hard);
    world_owes_nothing(w);
}

static void icmp_of_the_other_family_is_an_unknown_protocol(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    uint8_t message[16] = {ICMPV6_ECHO_REQUEST};
    PACKET4(&p, message, sizeof message, .protocol = PROTOCOL_ICMPV6);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_unknown_protocol);
    PACKET6(&p, message, sizeof message, .protocol = PROTOCOL_ICMP);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_unknown_protocol);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_echo_request_is_answered_with_its_data_from_where_it_was_sent),
        TEST(a_large_echo_is_answered_in_fragments),
        TEST(an_echo_request_to_a_group_is_not_answered),
        TEST(short_and_damaged_messages_are_dropped),
        TEST(an_icmpv6_checksum_covers_the_pseudo_header),
        TEST(errors_go_up_with_the_flow_that_they_quote),
        TEST(packet_too_big_tells_the_mtu),
        TEST(errors_about_what_was_never_ours_are_dropped),
        TEST(source_quench_is_silently_discarded),
        TEST(redirects_and_neighbour_discovery_change_nothing),
        TEST(unknown_messages_are_dropped_but_unknown_icmpv6_errors_go_up),
        TEST(icmp_of_the_other_family_is_an_unknown_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
