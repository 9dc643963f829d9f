/* The asking side of ping, through ip.h: one host asks another. */
#include "support/ip_world.h"

#include <errno.h>

/* Two hosts: packets of `from` go to `to` with the addresses as they are; `to` must have them. */
static struct ip_world *peer_of(const struct ip_world *w)
{
    struct ip_world *peer = world_new();
    struct ip_config config = {.address_count = 2, .mtu = WORLD_MTU, .secret = {8, 9}};
    assert_true(prefix_parse(PEER4 "/24", &config.addresses[0]));
    assert_true(prefix_parse(PEER6 "/64", &config.addresses[1]));
    ip_destroy(peer->ip);
    assert_int_equal(ip_init(peer->ip, &config, &peer->memory, &peer->trace), 0);
    peer->now = w->now;
    return peer;
}

static void carry(struct ip_world *from, struct ip_world *to)
{
    static struct wire_packet p;
    while (world_next(from, &p))
        world_feed(to, &p);
}

/* R1122-10, R4443-04: small and fragmented, both families. */
static void a_reply_brings_the_data_back(void **state)
{
    struct ip_world *w = *state, *peer = peer_of(w);
    static uint8_t data[20000];
    static const size_t sizes[] = {0, 1, 56, 1472, 1473, 20000};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i + i / 256);
    for (unsigned i = 0; i < 12; i++) {
        struct address destination = address_of(i & 1 ? PEER6 : PEER4);
        struct ip_echo_reply reply;
        struct ip_error error;
        bool is_error;
        size_t length = sizes[i / 2];
        assert_int_equal(ip_send_echo(w->ip, &destination, 77, (uint16_t)i,
                                      (struct bytes){data, length}, 20, w->now),
                         0);
        carry(w, peer);
        carry(peer, w);
        assert_true(ip_take_echo_reply(w->ip, &reply, &error, &is_error));
        assert_false(is_error);
        assert_int_equal(reply.id, 77);
        assert_int_equal(reply.sequence, i);
        assert_int_equal(reply.ttl, 64);
        assert_memory_equal(&reply.source, &destination, sizeof destination);
        assert_int_equal(reply.length, length);
        assert_int_equal(reply.data.len, length);
        assert_memory_equal(reply.data.data, data, length);
        assert_false(ip_take_echo_reply(w->ip, &reply, &error, &is_error));
    }
    world_assert_nothing_dropped(w);
    world_free(peer);
}

static enum ip_verdict reply_arrives(struct ip_world *w, const char *from, uint16_t id,
                                     uint16_t sequence, size_t length)
{
    static struct wire_packet p;
    static uint8_t bytes[WORLD_PACKET], data[60000];
    struct address source = address_of(from), destination = address_of(OURS4);
    struct icmp_message m = {ICMP_ECHO_REPLY, 0, (uint32_t)id << 16 | sequence, {data, length}};
    size_t n = icmp_build(&m, &source, &destination, bytes, sizeof bytes);
    PACKET4(&p, bytes, n, .protocol = PROTOCOL_ICMP, .source = from);
    return world_feed(w, &p);
}

static int ask(struct ip_world *w, const char *whom)
{
    struct address destination = address_of(whom);
    int result = ip_send_echo(w->ip, &destination, 77, 1, (struct bytes){NULL, 0}, 0, w->now);
    world_drain(w);
    return result;
}

static void replies_that_nobody_asked_for_are_dropped(void **state)
{
    struct ip_world *w = *state;
    reply_arrives(w, PEER4, 0, 1, 10);
    assert_dropped(w, icmp_ignored);
    assert_int_equal(ask(w, PEER4), 0);
    reply_arrives(w, PEER4, 78, 1, 10);
    assert_dropped(w, icmp_ignored);
    reply_arrives(w, "198.18.0.3", 77, 1, 10);
    assert_dropped(w, icmp_ignored);
    reply_arrives(w, PEER4, 77, 1, 10);
    world_assert_nothing_dropped(w);
}

/* A flood of replies takes no more than the queue and its room. */
static void the_queue_is_bounded(void **state)
{
    struct ip_world *w = *state;
    struct ip_echo_reply reply;
    struct ip_error error;
    bool is_error;
    ask(w, PEER4);
    for (unsigned round = 0; round < 3; round++) {
        for (uint16_t i = 0; i < 20; i++)
            reply_arrives(w, PEER4, 77, i, 10);
        assert_dropped_times(w, icmp_ignored, 4);
        for (uint16_t i = 0; i < 16; i++) {
            assert_true(ip_take_echo_reply(w->ip, &reply, &error, &is_error));
            assert_int_equal(reply.sequence, i);
        }
        reply_arrives(w, PEER4, 77, 1, 40000);
        reply_arrives(w, PEER4, 77, 2, 40000);
        assert_dropped(w, icmp_ignored);
        assert_true(ip_take_echo_reply(w->ip, &reply, &error, &is_error));
        assert_int_equal(reply.length, 40000);
    }
}

/* An error from `router` about our request. */
static void error_arrives(struct ip_world *w, uint8_t type, uint8_t code, uint32_t rest,
                          uint16_t id)
{
    static struct wire_packet p, quoted;
    uint8_t request[8] = {ICMP_ECHO_REQUEST}, bytes[200];
    struct address source = address_of("198.18.0.254"), destination = address_of(OURS4);
    put_be16(request + 4, id);
    PACKET4(&quoted, request, sizeof request, .protocol = PROTOCOL_ICMP, .source = OURS4,
            .destination = PEER4);
    struct icmp_message m = {type, code, rest, {quoted.bytes, quoted.len}};
    size_t n = icmp_build(&m, &source, &destination, bytes, sizeof bytes);
    PACKET4(&p, bytes, n, .protocol = PROTOCOL_ICMP, .source = "198.18.0.254");
    assert_int_equal(world_feed(w, &p), IP_NOTHING);
}

static void errors_about_requests_come_back_too(void **state)
{
    struct ip_world *w = *state;
    struct ip_echo_reply reply;
    struct ip_error error;
    bool is_error;
    ask(w, PEER4);
    error_arrives(w, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0, 77);
    assert_true(ip_take_echo_reply(w->ip, &reply, &error, &is_error));
    assert_true(is_error);
    assert_int_equal(error.errnum, EHOSTUNREACH);
    assert_int_equal(error.transport.len, 8);
    assert_int_equal(get_be16(error.transport.data + 4), 77);
    error_arrives(w, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0, 78);
    assert_dropped(w, icmp_quote_unmatched);
    ask(w, "198.18.0.3");
    error_arrives(w, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0, 77);
    assert_dropped(w, icmp_quote_unmatched);
}

/* R1191-01: the next large request is cut smaller. Forged PTB / PMTU collapse: only for what was
 * asked. */
static void fragmentation_needed_lowers_the_path_mtu(void **state)
{
    struct ip_world *w = *state;
    struct address peer = address_of(PEER4);
    error_arrives(w, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, 1000, 77);
    assert_dropped(w, icmp_quote_unmatched);
    assert_int_equal(ip_path_mtu(w->ip, &peer, w->now), WORLD_MTU);
    ask(w, PEER4);
    error_arrives(w, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, 1000, 77);
    assert_int_equal(ip_path_mtu(w->ip, &peer, w->now), 1000);
    assert_int_equal(w->trace.events[EVENT_path_mtu_reduced], 1);
}

static void what_cannot_be_sent_says_why(void **state)
{
    struct ip_world *w = *state;
    static uint8_t large[65536];
    struct address destination = address_of(PEER4);
    struct bytes too_large = {large, 65508};
    assert_int_equal(ip_send_echo(w->ip, &destination, 1, 1, too_large, 0, w->now), -EMSGSIZE);
    too_large.len = 65507;
    assert_int_equal(ip_send_echo(w->ip, &destination, 1, 1, too_large, 0, w->now), 0);
    int result = 0;
    for (unsigned i = 0; i < 10 && result == 0; i++)
        result = ip_send_echo(w->ip, &destination, 1, 1, too_large, 0, w->now);
    assert_int_equal(result, -ENOBUFS);
    /* Memory for the outbox alone. */
    struct ip_world *little = world_new_with(0, 256 * 1024);
    assert_int_equal(ask(little, PEER4), -ENOBUFS);
    world_free(little);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reply_brings_the_data_back),
        TEST(replies_that_nobody_asked_for_are_dropped),
        TEST(the_queue_is_bounded),
        TEST(errors_about_requests_come_back_too),
        TEST(fragmentation_needed_lowers_the_path_mtu),
        TEST(what_cannot_be_sent_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
