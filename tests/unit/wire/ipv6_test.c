/* The IPv6 header and the walk along its extension headers. */
#define _GNU_SOURCE
#include "wire/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "guard.h"
#include "wire/ipv4.h"

enum { SPACE = 4096 };

/* A packet that grows header by header. */
struct draft {
    uint8_t bytes[SPACE];
    size_t length;
    size_t next_at; /* where the number of the next header goes */
};

static void draft_start(struct draft *d)
{
    struct ipv6_header h = {.next_header = IPV6_NO_NEXT_HEADER, .hop_limit = 64};
    *d = (struct draft){.length = IPV6_HEADER_LENGTH, .next_at = 6};
    h.source.bytes[0] = h.destination.bytes[0] = 0xfd;
    ipv6_build(&h, d->bytes);
}

/* Appends an extension header with this body behind its first two bytes; the whole is padded with
 * zeros to a multiple of 8. */
static void draft_add(struct draft *d, uint8_t number, const char *body, size_t body_length)
{
    size_t length = (2 + body_length + 7) & ~(size_t)7;
    uint8_t *at = d->bytes + d->length;
    d->bytes[d->next_at] = number;
    at[0] = IPV6_NO_NEXT_HEADER;
    at[1] = (uint8_t)(length / 8 - 1);
    memcpy(at + 2, body, body_length);
    d->next_at = d->length;
    d->length += length;
}

static void draft_finish(struct draft *d, uint8_t protocol, size_t payload)
{
    d->bytes[d->next_at] = protocol;
    d->length += payload;
    put_be16(d->bytes + 4, (uint16_t)(d->length - IPV6_HEADER_LENGTH));
}

struct outcome {
    enum ipv6_walk walk;
    struct ipv6_extensions found;
    size_t pointer;
    bool to_multicast_too;
};

static struct outcome walk_bytes(struct bytes packet)
{
    struct ipv6_header h;
    struct outcome o;
    enum ipv6_fault fault = ipv6_parse(packet, &h);
    assert_true(fault == IPV6_OK || fault == IPV6_BAD_PAYLOAD_LENGTH);
    o.walk = ipv6_walk_extensions(packet, &h, &o.found, &o.pointer, &o.to_multicast_too);
    return o;
}

static struct outcome walk(const struct draft *d)
{
    struct guard g = guard_make();
    struct outcome o = walk_bytes(guard_copy(&g, d->bytes, d->length));
    guard_free(&g);
    return o;
}

static void building_and_reading_gives_the_same(void **state)
{
    (void)state;
    struct ipv6_header h = {
        .traffic_class = 0xb9,
        .flow_label = 0xabcde,
        .payload_length = 4,
        .next_header = 6,
        .hop_limit = 255,
        .source = {{0xfd, 1}},
        .destination = {{0xfd, 2}},
    };
    uint8_t bytes[IPV6_HEADER_LENGTH + 4] = {0}, again[IPV6_HEADER_LENGTH];
    struct ipv6_header read;
    ipv6_build(&h, bytes);
    assert_int_equal(get_be32(bytes), 0x6b9abcde);
    assert_int_equal(ipv6_parse((struct bytes){bytes, sizeof bytes}, &read), IPV6_OK);
    assert_int_equal(read.traffic_class, 0xb9);
    assert_int_equal(read.flow_label, 0xabcde);
    assert_int_equal(read.hop_limit, 255);
    ipv6_build(&read, again);
    assert_memory_equal(again, bytes, sizeof again);
}

static void lies_of_the_fixed_header_are_refused(void **state)
{
    (void)state;
    struct guard g = guard_make();
    struct draft d;
    struct ipv6_header h;
    draft_start(&d);
    draft_finish(&d, PROTOCOL_TCP, 20);
    for (size_t len = 0; len < d.length; len++)
        assert_int_equal(ipv6_parse(guard_copy(&g, d.bytes, len), &h),
                         len < 40 ? IPV6_TOO_SHORT : IPV6_BAD_PAYLOAD_LENGTH);
    assert_int_equal(ipv6_parse(guard_copy(&g, d.bytes, d.length), &h), IPV6_OK);
    d.bytes[0] = 0x45;
    assert_int_equal(ipv6_parse(guard_copy(&g, d.bytes, d.length), &h), IPV6_BAD_VERSION);
    guard_free(&g);
}

static void no_extensions_end_at_once(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_finish(&d, PROTOCOL_TCP, 20);
    struct outcome o = walk(&d);
    assert_int_equal(o.walk, IPV6_WALK_OK);
    assert_int_equal(o.found.protocol, PROTOCOL_TCP);
    assert_int_equal(o.found.offset, 40);
    assert_int_equal(o.found.protocol_field, 6);
    assert_false(o.found.fragment);
}

static void a_chain_is_followed_to_its_end(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_HOP_BY_HOP, "\x05\x02\0\0\x01\0", 6);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\x01\x08ppppppppp", 10);
    draft_add(&d, IPV6_ROUTING, "\x04\0\0\0\0\0", 6);
    draft_finish(&d, PROTOCOL_UDP, 8);
    struct outcome o = walk(&d);
    assert_int_equal(o.walk, IPV6_WALK_OK);
    assert_int_equal(o.found.protocol, PROTOCOL_UDP);
    assert_int_equal(o.found.offset, 40 + 8 + 16 + 8);
    assert_int_equal(o.found.protocol_field, 40 + 8 + 16);
}

static void the_walk_stops_behind_a_fragment_header(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\0\0\0\0\0\0", 6);
    draft_add(&d, IPV6_FRAGMENT, "\x05\xa9\x01\x02\x03\x04", 6);
    d.bytes[d.next_at + 1] = 0xff; /* reserved: not a length */
    draft_finish(&d, IPV6_DESTINATION_OPTIONS, 3);
    struct outcome o = walk(&d);
    assert_int_equal(o.walk, IPV6_WALK_OK);
    assert_true(o.found.fragment);
    assert_true(o.found.more_fragments);
    assert_int_equal(o.found.fragment_offset, 0x5a8);
    assert_int_equal(o.found.fragment_id, 0x01020304);
    assert_int_equal(o.found.fragment_header_at, 48);
    assert_int_equal(o.found.protocol, IPV6_DESTINATION_OPTIONS);
    assert_int_equal(o.found.protocol_field, 48);
    assert_int_equal(o.found.offset, 56);
}

/* R8200-03 */
static void hop_by_hop_is_only_first(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\0\0\0\0\0\0", 6);
    draft_add(&d, IPV6_HOP_BY_HOP, "\0\0\0\0\0\0", 6);
    draft_finish(&d, PROTOCOL_TCP, 20);
    struct outcome o = walk(&d);
    assert_int_equal(o.walk, IPV6_WALK_HOP_BY_HOP_MISPLACED);
    assert_int_equal(o.pointer, 40);
}

/* R8200-03: the option stands behind one byte of padding */
static void unknown_options_are_judged_by_their_two_high_bits(void **state)
{
    (void)state;
    static const enum ipv6_walk expected[4] = {
        IPV6_WALK_OK,
        IPV6_WALK_DROP,
        IPV6_WALK_OPTION_PROBLEM,
        IPV6_WALK_OPTION_PROBLEM,
    };
    for (int type = 2; type < 256; type++) {
        struct draft d;
        char body[6] = {0, (char)type, 1, 0, 0, 0};
        draft_start(&d);
        draft_add(&d, type % 2 ? IPV6_HOP_BY_HOP : IPV6_DESTINATION_OPTIONS, body, sizeof body);
        draft_finish(&d, PROTOCOL_TCP, 20);
        struct outcome o = walk(&d);
        assert_int_equal(o.walk, expected[type >> 6]);
        if (o.walk == IPV6_WALK_OPTION_PROBLEM) {
            assert_int_equal(o.pointer, 43);
            assert_int_equal(o.to_multicast_too, type >> 6 == 2);
        }
    }
}

/* CVE-2008-0352, CVE-2007-4567 */
static void a_jumbo_option_is_a_problem_that_is_told(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_HOP_BY_HOP, "\xc2\x04\0\x01\0\0", 6);
    draft_finish(&d, PROTOCOL_TCP, 0);
    struct outcome o = walk(&d);
    assert_int_equal(o.walk, IPV6_WALK_OPTION_PROBLEM);
    assert_int_equal(o.pointer, 42);
}

static void options_past_their_header_are_dropped(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\x01\x05\0\0\0\0", 6);
    draft_finish(&d, PROTOCOL_TCP, 20);
    assert_int_equal(walk(&d).walk, IPV6_WALK_DROP);
    draft_start(&d);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\0\0\0\0\0\x05", 6);
    draft_finish(&d, PROTOCOL_TCP, 20);
    assert_int_equal(walk(&d).walk, IPV6_WALK_DROP);
}

static void routing_with_segments_left_is_a_problem(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++) {
        struct draft d;
        char body[6] = {(char)type, 1};
        draft_start(&d);
        draft_add(&d, IPV6_ROUTING, body, sizeof body);
        draft_finish(&d, PROTOCOL_TCP, 20);
        struct outcome o = walk(&d);
        assert_int_equal(o.walk, IPV6_WALK_HEADER_PROBLEM);
        assert_int_equal(o.pointer, 42);
    }
}

static void at_most_eight_headers(void **state)
{
    (void)state;
    for (int count = 0; count <= 20; count++) {
        struct draft d;
        draft_start(&d);
        for (int i = 0; i < count; i++)
            draft_add(&d, IPV6_DESTINATION_OPTIONS, "\0\0\0\0\0\0", 6);
        draft_finish(&d, PROTOCOL_TCP, 20);
        assert_int_equal(walk(&d).walk, count <= 8 ? IPV6_WALK_OK : IPV6_WALK_DROP);
    }
}

static void a_chain_cut_anywhere_is_dropped(void **state)
{
    (void)state;
    struct guard g = guard_make();
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_HOP_BY_HOP, "\x01\x04\0\0\0\0", 6);
    draft_add(&d, IPV6_ROUTING, "\x04\0\0\0\0\0", 6);
    draft_add(&d, IPV6_FRAGMENT, "\0\0\0\0\0\x01", 6);
    draft_finish(&d, PROTOCOL_TCP, 0);
    for (size_t len = 40; len < d.length; len++)
        assert_int_equal(walk_bytes(guard_copy(&g, d.bytes, len)).walk, IPV6_WALK_DROP);
    assert_int_equal(walk_bytes(guard_copy(&g, d.bytes, d.length)).walk, IPV6_WALK_OK);
    guard_free(&g);
}

static void padding_behind_the_payload_is_not_read(void **state)
{
    (void)state;
    struct draft d;
    draft_start(&d);
    draft_add(&d, IPV6_DESTINATION_OPTIONS, "\0\0\0\0\0\0", 6);
    draft_finish(&d, PROTOCOL_TCP, 0);
    put_be16(d.bytes + 4, 4);
    assert_int_equal(walk(&d).walk, IPV6_WALK_DROP);
}

static void random_chains_stay_inside(void **state)
{
    (void)state;
    static const uint8_t numbers[] = {IPV6_HOP_BY_HOP, IPV6_ROUTING, IPV6_FRAGMENT,
                                      IPV6_DESTINATION_OPTIONS, PROTOCOL_TCP};
    uint64_t seed = 20269;
    struct random random;
    struct guard g = guard_make();
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 50000; i++) {
        struct draft d;
        draft_start(&d);
        size_t len = 40 + random_below(&random, 100);
        for (size_t at = 40; at < len; at++)
            d.bytes[at] = (uint8_t)random_below(&random, random_one_in(&random, 2) ? 4 : 256);
        for (size_t at = 40; at < len; at += 8)
            d.bytes[at] = numbers[random_below(&random, sizeof numbers)];
        d.bytes[6] = numbers[random_below(&random, sizeof numbers)];
        put_be16(d.bytes + 4, (uint16_t)random_below(&random, 120));
        struct outcome o = walk_bytes(guard_copy(&g, d.bytes, len));
        assert_true(o.found.offset <= len);
        assert_true(o.found.protocol_field < len);
        assert_true(o.pointer < len);
    }
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_and_reading_gives_the_same),
        cmocka_unit_test(lies_of_the_fixed_header_are_refused),
        cmocka_unit_test(no_extensions_end_at_once),
        cmocka_unit_test(a_chain_is_followed_to_its_end),
        cmocka_unit_test(the_walk_stops_behind_a_fragment_header),
        cmocka_unit_test(hop_by_hop_is_only_first),
        cmocka_unit_test(unknown_options_are_judged_by_their_two_high_bits),
        cmocka_unit_test(a_jumbo_option_is_a_problem_that_is_told),
        cmocka_unit_test(options_past_their_header_are_dropped),
        cmocka_unit_test(routing_with_segments_left_is_a_problem),
        cmocka_unit_test(at_most_eight_headers),
        cmocka_unit_test(a_chain_cut_anywhere_is_dropped),
        cmocka_unit_test(padding_behind_the_payload_is_not_read),
        cmocka_unit_test(random_chains_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
