/* Reassembly: through ip_input(), as a peer sees it, and as a leaf where memory matters. */
#include "support/ip_world.h"

#include <stdlib.h>

#include "base/random.h"
#include "ip/fragments.h"

enum { UDP = PROTOCOL_UDP };

/* Byte i of every test datagram. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static const uint8_t *pattern_bytes(void)
{
    static uint8_t bytes[66000];
    for (size_t i = 0; i < sizeof bytes && bytes[sizeof bytes - 1] == 0; i++)
        bytes[i] = pattern(i);
    return bytes;
}

/* One fragment [from, to) of a datagram of the pattern. */
struct part {
    size_t from, to;
    bool last;
    uint8_t tos;
    uint32_t id;
    const char *source;
};

static enum ip_verdict part4(struct ip_world *w, const struct part *part)
{
    static struct wire_packet p;
    uint16_t flags = (uint16_t)(part->from / 8 | (part->last ? 0 : IPV4_MORE_FRAGMENTS));
    PACKET4(&p, pattern_bytes() + part->from, part->to - part->from, .protocol = UDP,
            .tos = part->tos, .id = (uint16_t)part->id, .flags_offset = flags,
            .source = part->source);
    return world_feed(w, &p);
}

static enum ip_verdict part6(struct ip_world *w, const struct part *part)
{
    static struct wire_packet p;
    static uint8_t payload[66000];
    fragment_header6(payload, UDP, part->from, !part->last, part->id);
    memcpy(payload + 8, pattern_bytes() + part->from, part->to - part->from);
    PACKET6(&p, payload, 8 + part->to - part->from, .protocol = IPV6_FRAGMENT, .tos = part->tos,
            .source = part->source);
    return world_feed(w, &p);
}

typedef enum ip_verdict send_part(struct ip_world *, const struct part *);
static send_part *const families[] = {part4, part6};

#define PART(w, family, first, end, ...)                                                           \
    (families[family]((w), &(struct part){.from = (first), .to = (end), __VA_ARGS__}))

static void assert_whole(const struct ip_world *w, size_t length)
{
    assert_int_equal(w->datagram.payload.len, length);
    assert_memory_equal(w->datagram.payload.data, pattern_bytes(), length);
}

/* R1122-04, R8200-05: also by far more than 576 and 1500 bytes. */
static void fragments_in_any_order_make_the_datagram(void **state)
{
    struct ip_world *w = *state;
    static const size_t sizes[] = {556, 576, 1500, 1501, 4000, 9000};
    struct random random;
    random_seed(&random, 1);
    for (unsigned round = 0; round < 200; round++) {
        unsigned family = round % 2;
        size_t size = sizes[round % 6], each = 8 + 8 * random_below(&random, 90);
        if (each < 80)
            each = 80;
        size_t count = (size + each - 1) / each, order[400];
        for (size_t i = 0; i < count; i++) {
            size_t j = random_below(&random, i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (size_t i = 0; i < count; i++) {
            size_t from = order[i] * each, to = from + each < size ? from + each : size;
            enum ip_verdict verdict = PART(w, family, from, to, .last = to == size, .id = round);
            assert_int_equal(verdict, i + 1 == count ? IP_DATAGRAM : IP_NOTHING);
        }
        assert_whole(w, size);
        assert_false(w->datagram.checksum_trusted);
        world_assert_nothing_dropped(w);
    }
    assert_true(instant_is_never(ip_deadline(w->ip)));
}

/* RFC 8200, 4.5: the packet is as if it had never been cut. */
static void the_headers_of_the_whole_are_mended(void **state)
{
    struct ip_world *w = *state;
    struct ipv4_header header;
    struct ipv6_header header6;
    PART(w, 0, 0, 800);
    assert_int_equal(PART(w, 0, 800, 1000, .last = true), IP_DATAGRAM);
    assert_int_equal(ipv4_parse(w->datagram.packet, &header), IPV4_OK);
    assert_int_equal(header.total_length, 1020);
    assert_int_equal(header.flags_offset, 0);
    PART(w, 1, 0, 800);
    assert_int_equal(PART(w, 1, 800, 1000, .last = true), IP_DATAGRAM);
    assert_int_equal(ipv6_parse(w->datagram.packet, &header6), IPV6_OK);
    assert_int_equal(header6.payload_length, 1000);
    assert_int_equal(header6.next_header, UDP);
}

/* RFC 8200, 4.5: what stands before the fragment header is kept, and names the next header anew. */
static void extension_headers_before_and_after_survive(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    uint8_t payload[8 + 8 + 8 + 24] = {IPV6_FRAGMENT, 0, 1, 4};
    fragment_header6(payload + 8, IPV6_DESTINATION_OPTIONS, 0, true, 5);
    payload[16] = UDP;
    payload[18] = 1;
    payload[19] = 4;
    PACKET6(&p, payload, sizeof payload, .protocol = IPV6_HOP_BY_HOP);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    uint8_t second[8 + 8 + 5] = {IPV6_FRAGMENT, 0, 1, 4};
    fragment_header6(second + 8, IPV6_DESTINATION_OPTIONS, 32, false, 5);
    PACKET6(&p, second, sizeof second, .protocol = IPV6_HOP_BY_HOP);
    assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
    assert_int_equal(w->datagram.protocol, UDP);
    assert_int_equal(w->datagram.payload.len, 24 + 5);
    assert_int_equal(w->datagram.packet.data[6], IPV6_HOP_BY_HOP);
    assert_int_equal(w->datagram.packet.data[40], IPV6_DESTINATION_OPTIONS);
}

/* IPv6 ext-header chain: headers that fill more than a packet of Ethernet are nobody's honest wish.
 */
static void too_long_a_header_before_fragments_is_refused(void **state)
{
    struct ip_world *w = *state;
    static struct wire_packet p;
    for (size_t units = 180; units < 200; units++) {
        static uint8_t payload[2048];
        size_t options = 8 * (units + 1);
        memset(payload, 0, sizeof payload);
        payload[0] = IPV6_FRAGMENT;
        payload[1] = (uint8_t)units;
        fragment_header6(payload + options, UDP, 0, true, (uint32_t)units);
        PACKET6(&p, payload, options + 8 + 80, .protocol = IPV6_HOP_BY_HOP);
        assert_int_equal(world_feed(w, &p), IP_NOTHING);
        if (40 + options + 8 > 1536) {
            assert_dropped(w, ip_extension_refused);
            continue;
        }
        world_assert_nothing_dropped(w);
        fragment_header6(payload + options, UDP, 80, false, (uint32_t)units);
        PACKET6(&p, payload, options + 8 + 5, .protocol = IPV6_HOP_BY_HOP);
        assert_int_equal(world_feed(w, &p), IP_DATAGRAM);
        assert_int_equal(w->datagram.payload.len, 85);
    }
}

/* R8200-01, Teardrop / overlap: head, tail, inside, around; both families drop the whole. */
static void overlaps_condemn_the_datagram(void **state)
{
    static const size_t overlaps[][2] = {{400, 600}, {464, 472}, {448, 512}, {504, 600},
                                         {0, 1000},  {456, 512}, {400, 456}, {456, 520}};
    struct ip_world *w = *state;
    uint32_t id = 0;
    for (unsigned family = 0; family < 2; family++) {
        for (size_t i = 0; i < sizeof overlaps / sizeof *overlaps; i++) {
            id++;
            PART(w, family, 448, 512, .id = id);
            /* The same bytes: identical data in another cut is an overlap all the same. */
            PART(w, family, overlaps[i][0], overlaps[i][1], .id = id);
            if (overlaps[i][0] == 448 && overlaps[i][1] == 512) {
                assert_dropped(w, fragment_duplicate);
                continue;
            }
            assert_dropped(w, fragment_overlap);
            /* RFC 5722, 4: also those that come later. */
            PART(w, family, 0, 448, .id = id);
            PART(w, family, 448, 512, .id = id);
            assert_int_equal(PART(w, family, 512, 600, .last = true, .id = id), IP_NOTHING);
            assert_dropped_times(w, fragment_overlap, 3);
        }
    }
    world_owes_nothing(w);
}

/* Teardrop / overlap */
static void the_same_place_with_other_bytes_is_an_overlap(void **state)
{
    struct ip_world *w = *state;
    struct wire_packet p;
    PART(w, 0, 448, 512);
    PACKET4(&p, pattern_bytes(), 64, .protocol = UDP,
            .flags_offset = 448 / 8 | IPV4_MORE_FRAGMENTS);
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
    assert_dropped(w, fragment_overlap);
}

/* RFC 8200, 4.5: a duplicate that the network made does no harm. */
static void exact_duplicates_are_ignored(void **state)
{
    struct ip_world *w = *state;
    for (unsigned family = 0; family < 2; family++) {
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(PART(w, family, 0, 3000), IP_NOTHING);
        assert_dropped_times(w, fragment_duplicate, 2);
        assert_int_equal(PART(w, family, 3000, 3100, .last = true), IP_DATAGRAM);
        assert_whole(w, 3100);
    }
}

static void contradicting_ends_condemn_the_datagram(void **state)
{
    struct ip_world *w = *state;
    for (unsigned family = 0; family < 2; family++) {
        PART(w, family, 800, 900, .last = true, .id = 1);
        PART(w, family, 400, 500, .last = true, .id = 1);
        assert_dropped(w, fragment_inconsistent);
        PART(w, family, 800, 900, .last = true, .id = 2);
        PART(w, family, 1600, 1608, .id = 2);
        assert_dropped(w, fragment_inconsistent);
        PART(w, family, 1600, 1608, .id = 3);
        PART(w, family, 800, 900, .last = true, .id = 3);
        assert_dropped(w, fragment_inconsistent);
    }
}

/* R8200-02 */
static void an_atomic_fragment_is_alone_in_the_world(void **state)
{
    struct ip_world *w = *state;
    PART(w, 1, 0, 400, .id = 9);
    assert_int_equal(PART(w, 1, 0, 333, .last = true, .id = 9), IP_DATAGRAM);
    assert_whole(w, 333);
    assert_int_equal(PART(w, 1, 400, 500, .last = true, .id = 9), IP_DATAGRAM);
    assert_whole(w, 500);
    world_assert_nothing_dropped(w);
}

/* RFC 791, 3.2; RFC 8200, 4.5 */
static void datagrams_of_other_ids_and_sources_do_not_mix(void **state)
{
    struct ip_world *w = *state;
    static const char *const others[] = {"198.18.0.3", "fd00:7475:6e::3"};
    for (unsigned family = 0; family < 2; family++) {
        PART(w, family, 0, 400, .id = 1);
        assert_int_equal(PART(w, family, 400, 500, .last = true, .id = 2), IP_NOTHING);
        assert_int_equal(PART(w, family, 400, 500, .last = true, .id = 1, .source = others[family]),
                         IP_NOTHING);
        assert_int_equal(PART(w, family, 400, 500, .last = true, .id = 1), IP_DATAGRAM);
        assert_int_equal(PART(w, family, 0, 400, .id = 2), IP_DATAGRAM);
    }
}

/* R3168-06 */
static void the_ecn_field_of_the_whole_follows_rfc_3168(void **state)
{
    enum { NOT_ECT = 0, ECT1 = 1, ECT0 = 2, CE = 3, DROPPED = 4 };
    static const uint8_t expected[4][4] = {
        [NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, DROPPED},
        [ECT1] = {NOT_ECT, ECT1, ECT1, CE},
        [ECT0] = {NOT_ECT, ECT1, ECT0, CE},
        [CE] = {DROPPED, CE, CE, CE},
    };
    struct ip_world *w = *state;
    for (unsigned i = 0; i < 32; i++) {
        uint8_t a = i & 3, b = i >> 2 & 3;
        unsigned family = i >> 4;
        PART(w, family, 0, 400, .id = i, .tos = a | 0xb8);
        enum ip_verdict verdict = PART(w, family, 400, 500, .last = true, .id = i, .tos = b);
        if (expected[a][b] == DROPPED) {
            assert_int_equal(verdict, IP_NOTHING);
            assert_dropped(w, fragment_inconsistent);
        } else {
            assert_int_equal(verdict, IP_DATAGRAM);
            assert_int_equal(w->datagram.tos, expected[a][b] | 0xb8);
        }
    }
}

/* Ping of death: in all orders of three pieces. */
static void a_header_that_makes_the_whole_too_long_is_noticed(void **state)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct ip_world *w = *state;
    static struct wire_packet parts[3];
    static const uint8_t nops[40] = {1, 1, 1, 1};
    /* Each fits by itself, but the first has the longest header. */
    for (uint16_t id = 0; id < 6; id++) {
        PACKET4(&parts[0], pattern_bytes(), 1400, .protocol = UDP, .id = id, .options = nops,
                .options_length = 40, .flags_offset = IPV4_MORE_FRAGMENTS);
        PACKET4(&parts[1], pattern_bytes(), 62600, .protocol = UDP, .id = id,
                .flags_offset = 1400 / 8 | IPV4_MORE_FRAGMENTS);
        PACKET4(&parts[2], pattern_bytes(), 1500, .protocol = UDP, .id = id,
                .flags_offset = 64000 / 8);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(world_feed(w, &parts[orders[id][i]]), IP_NOTHING);
        assert_dropped(w, fragment_too_big);
    }
}

/* Ping of death: the longest that is allowed. */
static void the_longest_datagram_of_each_family_is_put_together(void **state)
{
    struct ip_world *w = *state;
    static const size_t longest[] = {65515, 65535};
    for (unsigned family = 0; family < 2; family++) {
        for (size_t from = 0; from < 64000; from += 1280)
            PART(w, family, from, from + 1280);
        assert_int_equal(PART(w, family, 64000, longest[family], .last = true), IP_DATAGRAM);
        assert_whole(w, longest[family]);
    }
    world_assert_nothing_dropped(w);
}

/* R1122-04, R1122-05, R8200-01 */
static void after_60_seconds_it_is_given_up(void **state)
{
    struct ip_world *w = *state;
    for (unsigned i = 0; i < 4; i++) {
        unsigned family = i % 2;
        bool first_came = i < 2;
        struct instant start = w->now;
        size_t from = first_came ? 0 : 400;
        PART(w, family, from, from + 400, .id = i);
        w->now = instant_add(start, duration_s(30));
        PART(w, family, 800, 808, .id = i); /* does not start the time again */
        struct instant deadline = instant_add(start, duration_s(60));
        assert_int_equal(ip_deadline(w->ip).ns, deadline.ns);
        ip_timeout(w->ip, instant_back(deadline, duration_ns(1)));
        world_assert_nothing_dropped(w);
        w->now = deadline;
        ip_timeout(w->ip, deadline);
        assert_dropped(w, fragment_timeout);
        assert_true(instant_is_never(ip_deadline(w->ip)));
        if (first_came) {
            struct wire_packet answer;
            struct address source, destination, ours = address_of(family ? OURS6 : OURS4);
            struct icmp_message m = world_next_icmp(w, &answer, &source, &destination);
            assert_int_equal(m.type, family ? ICMPV6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED);
            assert_int_equal(m.code, 1);
            assert_memory_equal(&source, &ours, sizeof ours);
            size_t headers = family ? 48 : 20;
            assert_int_equal(m.body.len, headers + 400);
            assert_memory_equal(m.body.data + headers, pattern_bytes(), 400);
        }
        world_owes_nothing(w);
        assert_int_equal(PART(w, family, 0, 400, .id = i), IP_NOTHING);
        w->now = instant_add(w->now, duration_s(60));
        ip_timeout(w->ip, w->now);
        world_drain(w);
        memset(w->trace.drops, 0, sizeof w->trace.drops);
    }
}

static void a_condemned_datagram_expires_without_a_word(void **state)
{
    struct ip_world *w = *state;
    PART(w, 1, 0, 400);
    PART(w, 1, 392, 504);
    assert_dropped(w, fragment_overlap);
    w->now = instant_add(w->now, duration_s(60));
    ip_timeout(w->ip, w->now);
    world_assert_nothing_dropped(w);
    world_owes_nothing(w);
    PART(w, 1, 0, 400);
    assert_int_equal(PART(w, 1, 400, 500, .last = true), IP_DATAGRAM);
}

/* FragmentSmack, FreeBSD IP fragment exhaustion */
static void a_flood_stays_in_its_budget_and_good_traffic_passes(void **state)
{
    struct ip_world *w = *state;
    struct random random;
    size_t before = w->memory.used;
    random_seed(&random, 5);
    for (uint32_t i = 0; i < 100000; i++) {
        size_t from = 8 * (3 + random_below(&random, 8000));
        PART(w, i % 2, from, from + 8, .id = random_u32(&random) & 0xffff, .source = NULL);
        if (i % 1000 == 0)
            PART(w, 0, 0, 400, .id = 70000 + i, .source = "198.18.0.9");
        if (i % 1000 == 20)
            assert_int_equal(
                PART(w, 0, 400, 500, .last = true, .id = 70000 + i - 20, .source = "198.18.0.9"),
                IP_DATAGRAM);
    }
    /* Slabs are cut in whole blocks, so the budget may be passed by the last of them. */
    assert_true(w->memory.used - before <= 256 * 1024 + 32 * 1024);
    assert_true(w->trace.drops[DROP_fragment_budget] > 90000);
}

/* FragmentSmack: one datagram alone cannot take more than all of it. */
static void a_datagram_of_tiny_pieces_is_given_up_when_nothing_else_is_left(void **state)
{
    struct ip_world *w = *state;
    for (unsigned i = 0; i < 1000; i++)
        PART(w, 0, 24 + 16 * (size_t)i, 32 + 16 * (size_t)i);
    assert_true(w->trace.drops[DROP_fragment_budget] > 0);
    assert_int_equal(PART(w, 0, 0, 400, .id = 5), IP_NOTHING);
    assert_int_equal(PART(w, 0, 400, 500, .last = true, .id = 5), IP_DATAGRAM);
}

/* Fragment-list memory/lifetime bugs, Out-of-memory paths: the n-th request for memory fails, for
 * every n. */
static void failing_memory_costs_datagrams_only(void **state)
{
    (void)state;
    for (uint64_t fail = 1; fail < 60; fail++) {
        struct ip_world *w = world_new_with(0, 1 << 20);
        w->memory.fail_at = w->memory.takes + fail;
        struct random random;
        random_seed(&random, fail);
        for (unsigned i = 0; i < 200; i++) {
            size_t from = 24 * random_below(&random, 12);
            PART(w, i % 2, from, from + 24, .last = from == 24 * 11,
                 .id = (uint32_t)random_below(&random, 4));
            if (random_one_in(&random, 20)) {
                w->now = instant_add(w->now, duration_s(31));
                ip_timeout(w->ip, w->now);
            }
        }
        world_drain(w);
        PART(w, 0, 0, 400, .id = 77);
        assert_int_equal(PART(w, 0, 400, 500, .last = true, .id = 77), IP_DATAGRAM);
        world_free(w);
    }
}

/* Teardrop / overlap, Fragment-list memory/lifetime bugs: against a model that keeps bytes in an
 * array. */
static void random_fragments_agree_with_a_model(void **state)
{
    enum { UNITS = 16 };
    struct ip_world *w = *state;
    struct random random;
    random_seed(&random, 11);
    for (uint32_t id = 0; id < 3000; id++) {
        bool have[UNITS] = {false}, dead = false;
        size_t end = 0, received = 0;
        for (unsigned i = 0; i < 40; i++) {
            size_t from = random_below(&random, UNITS - 1);
            size_t to = from + 1 + random_below(&random, random_one_in(&random, 9) ? 9 : 2);
            if (to > UNITS)
                to = UNITS;
            if (from == 0 && to == UNITS)
                continue; /* would be no fragment */
            bool last = to == UNITS, touched = false, all = true;
            for (size_t k = from; k < to; k++) {
                touched |= have[k];
                all &= have[k];
            }
            if (all)
                continue; /* duplicate or overlap: has tests of its own */
            enum ip_verdict verdict = PART(w, id % 2, from * 24, to * 24, .last = last, .id = id);
            dead |= touched;
            if (!dead) {
                for (size_t k = from; k < to; k++)
                    have[k] = true;
                received += to - from;
                end = last ? to : end;
            }
            bool whole = !dead && end && received == end;
            assert_int_equal(verdict, whole ? IP_DATAGRAM : IP_NOTHING);
            if (whole) {
                assert_whole(w, UNITS * 24);
                break;
            }
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fragments_in_any_order_make_the_datagram),
        TEST(the_headers_of_the_whole_are_mended),
        TEST(extension_headers_before_and_after_survive),
        TEST(too_long_a_header_before_fragments_is_refused),
        TEST(overlaps_condemn_the_datagram),
        TEST(the_same_place_with_other_bytes_is_an_overlap),
        TEST(exact_duplicates_are_ignored),
        TEST(contradicting_ends_condemn_the_datagram),
        TEST(an_atomic_fragment_is_alone_in_the_world),
        TEST(datagrams_of_other_ids_and_sources_do_not_mix),
        TEST(the_ecn_field_of_the_whole_follows_rfc_3168),
        TEST(a_header_that_makes_the_whole_too_long_is_noticed),
        TEST(the_longest_datagram_of_each_family_is_put_together),
        TEST(after_60_seconds_it_is_given_up),
        TEST(a_condemned_datagram_expires_without_a_word),
        TEST(a_flood_stays_in_its_budget_and_good_traffic_passes),
        TEST(a_datagram_of_tiny_pieces_is_given_up_when_nothing_else_is_left),
        cmocka_unit_test(failing_memory_costs_datagrams_only),
        TEST(random_fragments_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
