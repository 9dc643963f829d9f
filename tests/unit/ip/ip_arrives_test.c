/* The checks on what arrives: headers, addresses, options, extension headers, fragments on their
 * own. */
#include "support/ip_world.h"

#include "base/random.h"

static const uint8_t text[64] = {1, 2, 3};

/* R1122-01, IP version nibble */
static void only_versions_4_and_6_have_a_path(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p4, p6;
    PACKET4(&p4, text, sizeof text, .protocol = PROTOCOL_UDP);
    PACKET6(&p6, text, sizeof text, .protocol = PROTOCOL_UDP);
    for (unsigned version = 0; version < 16; version++) {
        struct wire_packet *p = version == 6 ? &p6 : &p4;
        p->bytes[0] = (uint8_t)(version << 4 | (p->bytes[0] & 15));
        if (version == 4 || version == 6) {
            assert_int_equal(world_feed(w, p), IP_DATAGRAM);
            world_assert_nothing_dropped(w);
        } else {
            assert_int_equal(world_feed(w, p), IP_NOTHING);
            assert_dropped(w, ip_bad_version);
        }
    }
    world_owes_nothing(w);
}

/* R1122-01 */
static void any_flipped_bit_of_an_ipv4_header_is_noticed(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    for (unsigned bit = 0; bit < 20 * 8; bit++) {
        p.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        p.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    world_owes_nothing(w);
}

/* IP total-length mismatch, Device-level frames */
static void the_total_length_is_trimmed_to_or_refused(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    size_t real = p.len;
    for (unsigned total = 0; total <= UINT16_MAX; total += total < 200 ? 1 : 97) {
        put_be16(p.bytes + 2, (uint16_t)total);
        mend4(&p);
        if (total < 20 || total > real) {
            assert_int_equal(world_feed(w, &p), IP_NOTHING);
            assert_dropped(w, ip_bad_total_length);
        } else {
            assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
            assert_int_equal(w->datagram.payload.len, total - 20);
            assert_int_equal(w->datagram.packet.len, total);
        }
    }
}

/* IP total-length mismatch */
static void the_payload_length_is_trimmed_to_or_refused(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    for (unsigned length = 0; length <= UINT16_MAX; length += length < 200 ? 1 : 97) {
        put_be16(p.bytes + 4, (uint16_t)length);
        if (length > sizeof text) {
            assert_int_equal(world_feed(w, &p), IP_NOTHING);
            assert_dropped(w, ip_bad_total_length);
        } else {
            assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
            assert_int_equal(w->datagram.payload.len, length);
        }
    }
}

/* Device-level frames */
static void every_shorter_piece_of_a_packet_is_refused(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    for (size_t length = 0; length < p.len; length++) {
        assert_int_equal(world_input(w, p.bytes, length), IP_NOTHING);
        if (length < 20)
            assert_dropped(w, ip_too_short);
        else
            assert_dropped(w, ip_bad_total_length);
    }
    PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
    for (size_t length = 0; length < p.len; length++) {
        assert_int_equal(world_input(w, p.bytes, length), IP_NOTHING);
        if (length < 40)
            assert_dropped(w, ip_too_short);
        else
            assert_dropped(w, ip_bad_total_length);
    }
}

/* IHL lies */
static void the_header_length_is_believed_within_the_packet_only(void **state)
{
    struct ip_world *w = *state;
    for (unsigned ihl = 0; ihl < 16; ihl++) {
        for (size_t payload = 0; payload <= 44; payload += 4) {
            struct wire_packet p;
            uint8_t nops[44];
            memset(nops, 1, sizeof nops);
            PACKET4(&p, nops, payload, .protocol = PROTOCOL_TCP);
            p.bytes[0] = (uint8_t)(0x40 | ihl);
            if (ihl * 4 <= p.len && ihl >= 5)
                mend4(&p);
            enum ip_verdict verdict = world_feed(w, &p);
            assert_int_equal(verdict, ihl >= 5 && ihl * 4 <= p.len ? IP_DATAGRAM : IP_NOTHING);
            if (verdict == IP_DATAGRAM)
                assert_int_equal(w->datagram.payload.len, p.len - ihl * 4);
        }
    }
}

/* R1122-02, MUST-63, Spoofed loopback/own source, SYN from unspecified source */
static void invalid_sources_are_dropped_without_an_answer(void **state)
{
    static const char *const bad4[] = {
        "127.0.0.1",     "127.255.255.255", "0.0.0.0",   "0.1.2.3",         "224.0.0.1",
        "239.255.255.1", "240.0.0.1",       "254.1.1.1", "255.255.255.255", "198.18.0.255",
    };
    static const char *const bad6[] = {
        "::", "::1", "ff02::1", "ff0e::5", "::ffff:198.18.0.2", "::ffff:198.18.0.1"};
    struct ip_world *w = *state;
    struct wire_packet p;
    for (size_t i = 0; i < sizeof bad4 / sizeof *bad4; i++) {
        PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .source = bad4[i]);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_bad_source);
    }
    for (size_t i = 0; i < sizeof bad6 / sizeof *bad6; i++) {
        struct address source = address_of(bad6[i]);
        PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_TCP);
        memcpy(p.bytes + 8, source.bytes, 16);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_bad_source);
    }
    world_owes_nothing(w);
}

/* MUST-63, Spoofed loopback/own source, Loop/deadlock by reply to self */
static void our_own_source_is_refused_from_outside_only(void **state)
{
    static const char *const ours[][2] = {{OURS4, OURS4}, {OTHER4, OURS4}};
    static const char *const ours6[][2] = {{OURS6, OURS6}, {OTHER6, OURS6}};
    struct ip_world *w = *state;
    for (size_t i = 0; i < 4; i++) {
        struct wire_packet p;
        if (i < 2)
            PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .source = ours[i][0],
                    .destination = ours[i][1]);
        else
            PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .source = ours6[i - 2][0],
                    .destination = ours6[i - 2][1]);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_source_is_ours);
        struct packet looped = {.parts = {{p.bytes, p.len}}, .count = 1};
        assert_int_equal(ip_input_loopback(w->ip, &looped, w->now, &w->datagram, &w->error),
                         IP_DATAGRAM);
    }
    world_owes_nothing(w);
}

/* R1122-02, MUST-57 */
static void destinations_are_ours_a_group_or_refused(void **state)
{
    static const struct {
        const char *destination;
        bool accepted, group;
    } cases[] = {
        {OURS4, true, false},
        {OTHER4, true, false},
        {"255.255.255.255", true, true},
        {"198.18.0.255", true, true},
        {"224.0.0.1", true, true},
        {"224.0.0.251", false, false},
        {"127.0.0.1", false, false},
        {NOBODY4, false, false},
        {"0.0.0.0", false, false},
        {OURS6, true, false},
        {"ff02::1", true, true},
        {"ff02::1:ff00:7", true, true},
        {"ff02::1:ff00:8", false, false},
        {"ff02::2", false, false},
        {"::1", false, false},
        {"::", false, false},
        {NOBODY6, false, false},
    };
    struct ip_world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_packet p;
        struct address destination = address_of(cases[i].destination);
        if (address_is_ipv4(&destination))
            PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP,
                    .destination = cases[i].destination);
        else
            PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_TCP,
                    .destination = cases[i].destination);
        if (cases[i].accepted) {
            assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
            assert_int_equal(w->datagram.to_group, cases[i].group);
        } else {
            assert_int_equal(world_feed(w, &p), IP_NOTHING);
            assert_dropped(w, ip_not_for_us);
        }
    }
    world_owes_nothing(w);
}

/* R1122-02 */
static void an_ipv4_address_inside_ipv6_is_nobody(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    struct address mapped = address_of(OURS4);
    PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_TCP);
    memcpy(p.bytes + 24, mapped.bytes, 16);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_not_for_us);
}

/* R1122-06 */
static void a_ttl_of_1_or_0_is_no_reason_to_refuse(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    for (uint8_t ttl = 0; ttl < 2; ttl++) {
        PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
        p.bytes[8] = ttl;
        mend4(&p);
        assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
        assert_int_equal(w->datagram.ttl, ttl);
        PACKET6(&p, text, sizeof text, .protocol = PROTOCOL_UDP);
        p.bytes[7] = ttl;
        assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    }
}

/* MUST-50, R1122-07, IP options */
static void options_are_ignored_whatever_their_kind_and_length(void **state)
{
    struct ip_world *w = *state;
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind == 131 || kind == 137)
            continue;
        for (unsigned length = 0; length <= 41; length++) {
            uint8_t options[40] = {(uint8_t)kind, (uint8_t)length, 4};
            struct wire_packet p;
            PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .options = options,
                    .options_length = sizeof options);
            assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
            assert_int_equal(w->datagram.payload.len, sizeof text);
            assert_memory_equal(w->datagram.payload.data, text, sizeof text);
        }
    }
    world_assert_nothing_dropped(w);
}

/* MUST-51, MUST-52, MUST-53, R1122-07 */
static void source_routes_are_refused_by_policy(void **state)
{
    struct ip_world *w = *state;
    for (unsigned nops = 0; nops <= 4; nops++) {
        for (unsigned kind = 131; kind <= 137; kind += 6) {
            uint8_t options[12] = {1, 1, 1, 1, 0, 0, 0};
            options[nops] = (uint8_t)kind;
            options[nops + 1] = 7;
            options[nops + 2] = 8;
            struct wire_packet p;
            PACKET4(&p, text, sizeof text, .protocol = PROTOCOL_TCP, .options = options,
                    .options_length = sizeof options);
            assert_int_equal(world_feed(w, &p), IP_NOTHING);
            assert_dropped(w, ip_source_route);
        }
    }
    world_owes_nothing(w);
}

/* An options header with one option in it, in front of UDP. */
static size_t options_header(uint8_t out[8], uint8_t option)
{
    memset(out, 0, 8);
    out[0] = PROTOCOL_UDP;
    out[2] = option;
    out[3] = 4;
    return 8;
}

/* R8200-03 */
static void unknown_options_are_treated_by_their_two_top_bits(void **state)
{
    static const uint8_t headers[] = {IPV6_HOP_BY_HOP, IPV6_DESTINATION_OPTIONS};
    struct ip_world *w = *state;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t payload[24] = {0};
        struct wire_packet p, answer;
        struct address source, destination;
        unsigned action = i / 2;
        options_header(payload, (uint8_t)(action << 6 | 0x1e));
        PACKET6(&p, payload, sizeof payload, .protocol = headers[i % 2]);
        assert_int_equal(world_feed(w, &p), action == 0 ? IP_DATAGRAM : IP_NOTHING);
        if (action > 0)
            assert_dropped(w, ip_extension_refused);
        if (action >= 2) {
            struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
            assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
            assert_int_equal(m.code, 2);
            assert_int_equal(m.rest, 42);
        }
        world_owes_nothing(w);
        /* To a group: action 10 is answered, from an address of ours; 11 is not. */
        PACKET6(&p, payload, sizeof payload, .protocol = headers[i % 2], .destination = "ff02::1");
        world_feed(w, &p);
        memset(w->trace.drops, 0, sizeof w->trace.drops);
        if (action == 2) {
            world_next_icmp(w, &answer, &source, &destination);
            struct address ours = address_of(OURS6);
            assert_memory_equal(&source, &ours, sizeof ours);
        }
        world_owes_nothing(w);
    }
}

/* R8200-03 */
static void a_misplaced_hop_by_hop_header_is_refused(void **state)
{
    struct ip_world *w = *state;
    uint8_t payload[32] = {IPV6_HOP_BY_HOP, 0, 1, 4};
    options_header(payload + 8, 1);
    struct wire_packet p, answer;
    struct address source, destination;
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_DESTINATION_OPTIONS);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_extension_refused);
    struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
    assert_int_equal(m.code, 1);
    assert_int_equal(m.rest, 40);
}

/* R8200-06, IPv6 routing header */
static void a_routing_header_with_segments_left_is_refused(void **state)
{
    struct ip_world *w = *state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t payload[32] = {PROTOCOL_UDP, 2, (uint8_t)type, 1};
        struct wire_packet p, answer;
        struct address source, destination;
        PACKET6(&p, payload, sizeof payload, .protocol = IPV6_ROUTING);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_extension_refused);
        struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
        assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
        assert_int_equal(m.code, 0);
        assert_int_equal(m.rest, 42);
        payload[3] = 0;
        PACKET6(&p, payload, sizeof payload, .protocol = IPV6_ROUTING);
        assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
        w->now = instant_add(w->now, duration_s(1)); /* within the limit of errors */
    }
}

/* Jumbogram / hop-by-hop */
static void a_jumbogram_is_dropped_or_complained_about(void **state)
{
    struct ip_world *w = *state;
    for (unsigned option_length = 0; option_length < 8; option_length++) {
        uint8_t payload[40] = {PROTOCOL_UDP, 0, 0xc2, (uint8_t)option_length, 0, 1, 0, 0};
        struct wire_packet p, answer;
        struct address source, destination;
        PACKET6(&p, payload, sizeof payload, .protocol = IPV6_HOP_BY_HOP);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_extension_refused);
        if (option_length <= 4) {
            struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
            assert_int_equal(m.code, 2);
            assert_int_equal(m.rest, 42);
        }
        world_owes_nothing(w);
        put_be16(p.bytes + 4, 0); /* as a jumbogram says */
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, ip_extension_refused);
        world_owes_nothing(w);
    }
}

/* IPv6 ext-header chain */
static void random_chains_of_extension_headers_end(void **state)
{
    static const uint8_t kinds[] = {0, 43, 44, 60, 17, 58, 59, 6};
    struct ip_world *w = *state;
    struct random random;
    static uint8_t payload[65535];
    random_seed(&random, 7);
    for (unsigned round = 0; round < 2000; round++) {
        size_t length = random_below(&random, round % 100 ? 600 : sizeof payload);
        for (size_t i = 0; i < length; i++)
            payload[i] = (uint8_t)(random_one_in(&random, 4) ? kinds[random_below(&random, 8)]
                                                             : random_below(&random, 3));
        struct wire_packet p;
        PACKET6(&p, payload, length, .protocol = kinds[random_below(&random, 8)]);
        world_feed(w, &p);
        world_drain(w);
    }
    /* The longest chain that can be written is not walked to its end. */
    memset(payload, 0, sizeof payload);
    for (size_t i = 0; i + 8 <= sizeof payload; i += 8)
        payload[i] = IPV6_DESTINATION_OPTIONS;
    struct wire_packet p;
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_DESTINATION_OPTIONS);
    memset(w->trace.drops, 0, sizeof w->trace.drops);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_extension_refused);
}

/* R8200-01 */
static void an_ipv6_fragment_of_odd_size_is_a_parameter_problem(void **state)
{
    struct ip_world *w = *state;
    for (size_t size = 0; size < 64; size++) {
        uint8_t payload[8 + 64] = {0};
        struct wire_packet p, answer;
        struct address source, destination;
        fragment_header6(payload, PROTOCOL_UDP, 8 * 64, true, (uint32_t)size);
        PACKET6(&p, payload, 8 + size, .protocol = IPV6_FRAGMENT);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        if (size == 0) {
            assert_dropped(w, fragment_bad_length);
        } else if (size % 8) {
            assert_dropped(w, fragment_bad_length);
            struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
            assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
            assert_int_equal(m.code, 0);
            assert_int_equal(m.rest, 4);
        }
        world_owes_nothing(w);
        w->now = instant_add(w->now, duration_ms(100));
    }
}

/* R8200-01, Ping of death */
static void an_ipv6_fragment_that_ends_too_late_is_a_parameter_problem(void **state)
{
    struct ip_world *w = *state;
    uint8_t payload[8 + 1480] = {0};
    struct wire_packet p, answer;
    struct address source, destination;
    fragment_header6(payload, PROTOCOL_UDP, 65528, false, 1);
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_FRAGMENT);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, fragment_too_big);
    struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
    assert_int_equal(m.code, 0);
    assert_int_equal(m.rest, 42);
}

/* Ping of death */
static void an_ipv4_fragment_that_ends_too_late_is_dropped(void **state)
{
    struct ip_world *w = *state;
    uint8_t payload[1480] = {0};
    struct wire_packet p;
    for (unsigned more = 0; more < 2; more++) {
        uint16_t flags = (uint16_t)(65528 / 8 | (more ? IPV4_MORE_FRAGMENTS : 0));
        PACKET4(&p, payload, sizeof payload, .protocol = PROTOCOL_ICMP, .flags_offset = flags);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        assert_dropped(w, fragment_too_big);
    }
    world_owes_nothing(w);
}

/* R7112-01, Tiny/evasive fragments */
static void an_ipv6_first_fragment_without_all_headers_is_refused(void **state)
{
    struct ip_world *w = *state;
    for (size_t size = 8; size <= 48; size += 8) {
        /* Destination options, then a TCP header of 32 bytes. */
        uint8_t payload[8 + 48] = {0};
        struct wire_packet p, answer;
        struct address source, destination;
        fragment_header6(payload, IPV6_DESTINATION_OPTIONS, 0, true, (uint32_t)size);
        payload[8] = PROTOCOL_TCP;
        payload[10] = 1;
        payload[11] = 4;
        payload[16 + 12] = 8 << 4;
        PACKET6(&p, payload, 8 + size, .protocol = IPV6_FRAGMENT);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        if (size >= 40) {
            world_assert_nothing_dropped(w);
        } else {
            assert_dropped(w, fragment_header_split);
            struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
            assert_int_equal(m.type, ICMPV6_PARAMETER_PROBLEM);
            assert_int_equal(m.code, 3);
            assert_int_equal(m.rest, 0);
        }
        world_owes_nothing(w);
    }
}

/* Tiny/evasive fragments */
static void ipv4_fragments_that_split_the_tcp_header_are_refused(void **state)
{
    struct ip_world *w = *state;
    uint8_t payload[64] = {[12] = 5 << 4};
    struct wire_packet p;
    for (size_t size = 8; size <= 40; size += 8) {
        PACKET4(&p, payload, size, .protocol = PROTOCOL_TCP, .id = (uint16_t)size,
                .flags_offset = IPV4_MORE_FRAGMENTS);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        if (size < 20)
            assert_dropped(w, fragment_header_split);
        else
            world_assert_nothing_dropped(w);
    }
    for (uint16_t offset = 8; offset < 32; offset += 8) {
        PACKET4(&p, payload, 16, .protocol = PROTOCOL_TCP, .id = 100,
                .flags_offset = (uint16_t)(offset / 8));
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        if (offset < 20)
            assert_dropped(w, fragment_header_split);
        else
            world_assert_nothing_dropped(w);
    }
    world_owes_nothing(w);
}

static void a_fragment_inside_a_fragment_is_refused(void **state)
{
    struct ip_world *w = *state;
    uint8_t payload[32] = {0};
    struct wire_packet p;
    fragment_header6(payload, IPV6_FRAGMENT, 0, false, 1);
    fragment_header6(payload + 8, PROTOCOL_UDP, 0, false, 2);
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_FRAGMENT);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, ip_extension_refused);
}

/* What became of a packet. */
struct outcome {
    enum ip_verdict verdict;
    struct ip_datagram datagram;
    uint64_t drops[DROP_REASONS], owed;
};

/* `before` arrives, then `p`; what the stack makes of the second. */
static void outcome_after(struct ip_world *w, const struct wire_packet *before,
                          const struct wire_packet *p, struct outcome *outcome)
{
    world_feed(w, before);
    world_drain(w);
    memset(w->trace.drops, 0, sizeof w->trace.drops);
    memset(outcome, 0, sizeof *outcome);
    w->now = instant_add(w->now, duration_s(1)); /* ICMP's limit is not what is tested */
    outcome->verdict = world_feed(w, p);
    outcome->datagram = w->datagram;
    memcpy(outcome->drops, w->trace.drops, sizeof outcome->drops);
    outcome->owed = world_drain(w);
    memset(w->trace.drops, 0, sizeof w->trace.drops);
}

static void assert_same_outcome(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_memory_equal(a->drops, b->drops, sizeof a->drops);
    assert_int_equal(a->owed, b->owed);
    if (a->verdict != IP_DATAGRAM)
        return;
    assert_true(address_equal(&a->datagram.source, &b->datagram.source));
    assert_true(address_equal(&a->datagram.destination, &b->datagram.destination));
    assert_int_equal(a->datagram.protocol, b->datagram.protocol);
    assert_int_equal(a->datagram.ttl, b->datagram.ttl);
    assert_int_equal(a->datagram.tos, b->datagram.tos);
    assert_int_equal(a->datagram.to_group, b->datagram.to_group);
    assert_int_equal(a->datagram.payload.len, b->datagram.payload.len);
    assert_int_equal(a->datagram.packet.len, b->datagram.packet.len);
}

/* Every packet that differs from `usual` in one bit of its first 60 bytes, with and without a right
 * IPv4 header checksum, one that is longer than it says, and one that is shorter. */
static void judged_the_same(struct ip_world *w, const struct wire_packet *usual,
                            const struct wire_packet *other)
{
    struct outcome expected, judged;
    struct ip_world *v = world_new(); /* fragments are kept: each world gets each of them once */
    for (unsigned bit = 0; bit < 60 * 8 * 2 + 2; bit++) {
        struct wire_packet p = *usual;
        if (bit < 60 * 8 * 2)
            p.bytes[bit / 16] ^= (uint8_t)(1U << bit / 2 % 8);
        else
            p.len = bit % 2 ? p.len + 3 : p.len - 3;
        if (bit % 2 && bit < 60 * 8 * 2 && p.bytes[0] >> 4 == 4 && (p.bytes[0] & 15) >= 5)
            mend4(&p);
        outcome_after(w, usual, &p, &expected);
        outcome_after(v, other, &p, &judged);
        assert_same_outcome(&expected, &judged);
    }
    world_free(v);
}

/* The short cut for a packet like the one before it lets nothing through, and refuses nothing, that
 * a packet with other addresses before it would not have. */
static void the_packet_before_changes_no_judgement(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet usual, other;
    PACKET4(&usual, text, sizeof text, .protocol = PROTOCOL_TCP, .tos = 0x42, .ttl = 7);
    PACKET4(&other, text, sizeof text, .protocol = PROTOCOL_TCP, .source = "198.18.0.9");
    judged_the_same(w, &usual, &other);
    PACKET6(&usual, text, sizeof text, .protocol = PROTOCOL_TCP, .tos = 0x42, .ttl = 7);
    judged_the_same(w, &usual, &other);
    /* A source that is refused, and a group, are never taken for good. */
    PACKET4(&usual, text, sizeof text, .protocol = PROTOCOL_TCP, .source = OURS4);
    judged_the_same(w, &usual, &other);
    PACKET4(&usual, text, sizeof text, .protocol = PROTOCOL_TCP, .destination = "198.18.0.255");
    judged_the_same(w, &usual, &other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_versions_4_and_6_have_a_path),
        TEST(any_flipped_bit_of_an_ipv4_header_is_noticed),
        TEST(the_total_length_is_trimmed_to_or_refused),
        TEST(the_payload_length_is_trimmed_to_or_refused),
        TEST(every_shorter_piece_of_a_packet_is_refused),
        TEST(the_header_length_is_believed_within_the_packet_only),
        TEST(invalid_sources_are_dropped_without_an_answer),
        TEST(our_own_source_is_refused_from_outside_only),
        TEST(destinations_are_ours_a_group_or_refused),
        TEST(an_ipv4_address_inside_ipv6_is_nobody),
        TEST(a_ttl_of_1_or_0_is_no_reason_to_refuse),
        TEST(options_are_ignored_whatever_their_kind_and_length),
        TEST(source_routes_are_refused_by_policy),
        TEST(unknown_options_are_treated_by_their_two_top_bits),
        TEST(a_misplaced_hop_by_hop_header_is_refused),
        TEST(a_routing_header_with_segments_left_is_refused),
        TEST(a_jumbogram_is_dropped_or_complained_about),
        TEST(random_chains_of_extension_headers_end),
        TEST(an_ipv6_fragment_of_odd_size_is_a_parameter_problem),
        TEST(an_ipv6_fragment_that_ends_too_late_is_a_parameter_problem),
        TEST(an_ipv4_fragment_that_ends_too_late_is_dropped),
        TEST(an_ipv6_first_fragment_without_all_headers_is_refused),
        TEST(ipv4_fragments_that_split_the_tcp_header_are_refused),
        TEST(a_fragment_inside_a_fragment_is_refused),
        TEST(the_packet_before_changes_no_judgement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
