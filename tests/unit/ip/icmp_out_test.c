/* ICMP errors: what is answered, how, and what is not. */
#include "support/ip_world.h"

#include "base/random.h"

static const uint8_t text[64] = {1, 2, 3};

/* R1122-11, R1122-09: protocol unreachable, quoting the packet unchanged. */
static void an_unknown_protocol_is_unreachable(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p, answer;
    struct address source, destination, ours = address_of(OTHER4), peer = address_of(PEER4);
    PACKET4(&p, text, sizeof text, .protocol = 253, .destination = OTHER4);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_unknown_protocol);
    struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMP_UNREACHABLE);
    assert_int_equal(m.code, ICMP_PROTOCOL_UNREACHABLE);
    assert_int_equal(m.rest, 0);
    assert_memory_equal(&source, &ours, sizeof ours);
    assert_memory_equal(&destination, &peer, sizeof peer);
    assert_int_equal(m.body.len, p.len);
    assert_memory_equal(m.body.data, p.bytes, p.len);
    world_owes_nothing(w);
}

/* R8200-07 */
static void an_unknown_next_header_is_pointed_at(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p, answer;
    struct address source, destination;
    PACKET6(&p, text, sizeof text, .protocol = 253);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_unknown_protocol);
    struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
    assert_int_equal(m.code, 1);
    assert_int_equal(m.rest, 6);
    uint8_t payload[24] = {IPV6_DESTINATION_OPTIONS, 0, 1, 4};
    payload[8] = 253;
    payload[10] = 1;
    payload[11] = 4;
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_HOP_BY_HOP);
    world_feed(w, &p);
    m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.rest, 48);
    assert_int_equal(m.body.data[m.rest], 253);
}

/* RFC 8200, 4.7 */
static void no_next_header_is_answered_by_nothing(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET6(&p, text, sizeof text, .protocol = IPV6_NO_NEXT_HEADER);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_unknown_protocol);
    world_owes_nothing(w);
}

/* Tunnel/encapsulation recursion */
static void packets_inside_packets_are_not_taken_apart(void **state)
{
    static const uint8_t tunnels[] = {4, 41};
    struct ip_world *w = *state;
    for (unsigned i = 0; i < 4; i++) {
        static struct wire_packet inner, p;
        struct wire_packet answer;
        struct address source, destination;
        PACKET4(&inner, text, sizeof text, .protocol = PROTOCOL_UDP);
        if (i < 2)
            PACKET4(&p, inner.bytes, inner.len, .protocol = tunnels[i]);
        else
            PACKET6(&p, inner.bytes, inner.len, .protocol = tunnels[i - 2]);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_tunnel);
        struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
        assert_int_equal(m.type, i < 2 ? ICMP_UNREACHABLE : ICMPV6_PARAMETER_PROBLEM);
        world_owes_nothing(w);
    }
}

/* R1122-11 */
static void a_closed_port_is_unreachable(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p, answer;
    struct address source, destination;
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    ip_refuse(w->ip, &w->datagram, IP_REFUSE_PORT, w->now);
    struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMP_UNREACHABLE);
    assert_int_equal(m.code, ICMP_PORT_UNREACHABLE);
    PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    ip_refuse(w->ip, &w->datagram, IP_REFUSE_PORT, w->now);
    m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMPV6_UNREACHABLE);
    assert_int_equal(m.code, 4);
    ip_refuse(w->ip, &w->datagram, IP_REFUSE_PROTOCOL, w->now);
    m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
    assert_int_equal(m.code, 1);
    assert_int_equal(m.rest, 6);
}

/* ICMP error generation overflow, R4443-01, R1122-09: the size of errors is bounded. */
static void quotations_are_cut(void **state)
{
    struct ip_world *w = *state;
    static uint8_t large[65000];
    static const uint8_t nops[40] = {1, 1};
    static struct wire_packet p;
    struct wire_packet answer;
    struct address source, destination;
    for (size_t length = 0; length < sizeof large; length += length < 1600 ? 13 : 9973) {
        PACKET4(&p, large, length, .protocol = 253, .options = nops, .options_length = 40);
        world_feed(w, &p);
        struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
        assert_true(answer.len <= 576);
        assert_int_equal(m.body.len, p.len < 548 ? p.len : 548);
        assert_memory_equal(m.body.data, p.bytes, m.body.len);
        PACKET6(&p, large, length, .protocol = 253);
        world_feed(w, &p);
        m = world_next_icmp(w, &answer, &source, &destination);
        assert_true(answer.len <= 1280);
        assert_int_equal(m.body.len, p.len < 1232 ? p.len : 1232);
        w->now = instant_add(w->now, duration_s(1));
    }
}

/* Feeds a packet that would deserve an error, but for what the case is about. */
static void stays_silent(struct ip_world *w, const struct wire_packet *p)
{
    if (world_feed(w, p) == IP_DATAGRAM)
        ip_refuse(w->ip, &w->datagram, IP_REFUSE_PORT, w->now);
    world_owes_nothing(w);
}

/* R1122-08, RST/ICMP reply loops */
static void no_error_about_groups_or_errors_or_later_fragments(void **state)
{
    static const char *const groups[] = {"255.255.255.255", "198.18.0.255", "224.0.0.1"};
    static const uint8_t errors[] = {3, 4, 5, 11, 12};
    struct ip_world *w = *state;
    struct wire_packet p;
    for (size_t i = 0; i < 3; i++) {
        PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP, .destination = groups[i]);
        stays_silent(w, &p);
        PACKET4(&p, text, sizeof text, .protocol = 253, .destination = groups[i]);
        stays_silent(w, &p);
    }
    /* Errors, whatever is wrong with them, are not even looked at for an answer. */
    for (size_t i = 0; i < sizeof errors; i++) {
        uint8_t message[36] = {errors[i]};
        PACKET4(&p, message, sizeof message, .protocol = PROTOCOL_ICMP);
        stays_silent(w, &p);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
    }
    /* As ip_refuse() would be asked for a fragment that is not the first, and for an ICMP error. */
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP, .flags_offset = 100);
    struct ip_datagram about = {.source = address_of(PEER4), .destination = address_of(OURS4)};
    about.packet = (struct bytes){p.bytes, p.len};
    ip_refuse(w->ip, &about, IP_REFUSE_PORT, w->now);
    world_owes_nothing(w);
    for (unsigned type = 0; type < 256; type++) {
        uint8_t message[8] = {(uint8_t)type};
        bool error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        PACKET4(&p, message, sizeof message, .protocol = PROTOCOL_ICMP);
        about.packet = (struct bytes){p.bytes, p.len};
        ip_refuse(w->ip, &about, IP_REFUSE_PORT, w->now);
        assert_int_equal(world_drain(w), error ? 0 : 1);
        w->now = instant_add(w->now, duration_s(1));
    }
    about.packet.len = 20; /* ICMP without a type */
    ip_refuse(w->ip, &about, IP_REFUSE_PORT, w->now);
    world_owes_nothing(w);
}

/* R4443-01 */
static void no_icmpv6_error_about_errors_redirects_or_groups(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET6(&p, text, sizeof text, .protocol = 253, .destination = "ff02::1");
    stays_silent(w, &p);
    PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_UDP, .destination = "ff02::1:ff00:1");
    stays_silent(w, &p);
    /* An option that asks for an answer, in front of an ICMPv6 message, and the same in a fragment.
     */
    for (unsigned type = 0; type < 256; type++) {
        uint8_t payload[24] = {PROTOCOL_ICMPV6, 0, 0x80, 4, 0, 0, 0, 0, (uint8_t)type};
        bool silent = type < 128 || type == ICMPV6_REDIRECT;
        PACKET6(&p, payload, sizeof payload, .protocol = IPV6_DESTINATION_OPTIONS);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_int_equal(world_drain(w), silent ? 0 : 1);
        uint8_t odd[8 + 13] = {[8] = (uint8_t)type};
        fragment_header6(odd, PROTOCOL_ICMPV6, 0, true, type);
        PACKET6(&p, odd, sizeof odd, .protocol = IPV6_FRAGMENT);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_int_equal(world_drain(w), silent ? 0 : 1);
        fragment_header6(odd, PROTOCOL_ICMPV6, 80, true, type);
        PACKET6(&p, odd, sizeof odd, .protocol = IPV6_FRAGMENT);
        stays_silent(w, &p);
        w->now = instant_add(w->now, duration_s(1));
    }
}

/* ICMP errors unlimited, R4443-02 */
static void a_flood_gets_few_errors(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    size_t answers = 0;
    PACKET4(&p, text, sizeof text, .protocol = 253);
    for (unsigned i = 0; i < 100000; i++) {
        world_feed(w, &p);
        answers += world_drain(w);
        if (i % 10 == 0)
            w->now = instant_add(w->now, duration_ms(1)); /* 10 s in all */
    }
    assert_in_range(answers, 20, 20 + 20 * 10);
    assert_int_equal(w->trace.events[EVENT_icmp_error_sent], answers);
    assert_int_equal(w->trace.events[EVENT_icmp_error_withheld], 100000 - answers);
}

/* R1122-10, R4443-04: what cannot be queued is a named drop, not a crash. */
static void answers_stop_when_nobody_takes_them(void **state)
{
    struct ip_world *w = *state;
    static uint8_t echo[60000] = {ICMP_ECHO_REQUEST};
    static struct wire_packet p;
    struct icmp_message request = {ICMP_ECHO_REQUEST, 0, 5, {echo + 8, sizeof echo - 8}};
    struct address source = address_of(PEER4), destination = address_of(OURS4);
    uint8_t *message = test_malloc(sizeof echo);
    size_t length = icmp_build(&request, &source, &destination, message, sizeof echo);
    assert_int_equal(length, sizeof echo);
    PACKET4(&p, message, length, .protocol = PROTOCOL_ICMP);
    for (unsigned i = 0; i < 5; i++)
        world_feed(w, &p);
    assert_true(w->trace.drops[DROP_icmp_unanswered] > 0);
    assert_true(w->trace.events[EVENT_echo_answered] > 0);
    assert_int_equal(world_drain(w), 41 * w->trace.events[EVENT_echo_answered]);
    memset(w->trace.events, 0, sizeof w->trace.events);
    world_feed(w, &p);
    assert_int_equal(w->trace.events[EVENT_echo_answered], 1);
    test_free(message);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_protocol_is_unreachable),
        TEST(an_unknown_next_header_is_pointed_at),
        TEST(no_next_header_is_answered_by_nothing),
        TEST(packets_inside_packets_are_not_taken_apart),
        TEST(a_closed_port_is_unreachable),
        TEST(quotations_are_cut),
        TEST(no_error_about_groups_or_errors_or_later_fragments),
        TEST(no_icmpv6_error_about_errors_redirects_or_groups),
        TEST(a_flood_gets_few_errors),
        TEST(answers_stop_when_nobody_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
