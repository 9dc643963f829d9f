/* UDP sockets: arrival's checks, queues, errors, headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "udp/udp.h"

struct world {
    struct memory memory;
    struct trace trace;
    struct udp *udp;
    uint8_t *arrived;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct siphash_key key = {1, 2};
    *state = w;
    w->udp = malloc(udp_size());
    return memory_init(&w->memory, 8 << 20) || udp_init(w->udp, &w->memory, &w->trace, &key);
}

static int teardown(void **state)
{
    struct world *w = *state;
    udp_destroy(w->udp);
    int leaked = w->memory.used != 0;
    memory_destroy(&w->memory);
    free(w->arrived);
    free(w->udp);
    free(w);
    return leaked;
}

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(text, &e));
    return e;
}

static struct udp_socket *bound(struct world *w, const char *local)
{
    struct udp_socket *socket;
    struct udp_bind bind = {.local = at(local)};
    bind.any_address = address_is_unspecified(&bind.local.address);
    assert_int_equal(udp_open(w->udp, &socket), 0);
    assert_int_equal(udp_bind(w->udp, socket, &bind), 0);
    return socket;
}

static struct udp_socket *connected(struct world *w, const char *local, const char *remote)
{
    struct udp_socket *socket;
    struct endpoint l = at(local), r = at(remote);
    assert_int_equal(udp_open(w->udp, &socket), 0);
    assert_int_equal(udp_connect(w->udp, socket, &l, &r), 0);
    return socket;
}

/* A datagram on its way: what the tests damage before it arrives. */
struct datagram {
    struct udp_arrival arrival;
    size_t length;
    uint8_t bytes[66000];
};

static void make(struct datagram *d, const char *from, const char *to, const void *text,
                 size_t length)
{
    struct flow flow = {.local = at(from), .remote = at(to)};
    udp_build_header(&flow, (struct bytes){text, length}, d->bytes);
    if (length)
        memcpy(d->bytes + 8, text, length);
    d->length = 8 + length;
    d->arrival = (struct udp_arrival){
        .source = flow.local.address,
        .destination = flow.remote.address,
        .tos = 3,
        .ttl = 9,
    };
}

/* In a block of exactly its length. */
static bool feed(struct world *w, struct datagram *d)
{
    free(w->arrived);
    w->arrived = malloc(d->length ? d->length : 1);
    if (d->length)
        memcpy(w->arrived, d->bytes, d->length);
    d->arrival.payload = (struct bytes){w->arrived, d->length};
    return udp_input(w->udp, &d->arrival);
}

static bool say(struct world *w, const char *from, const char *to, const char *text)
{
    static struct datagram d;
    make(&d, from, to, text, strlen(text));
    return feed(w, &d);
}

static void assert_dropped_only(struct world *w, enum drop_reason reason)
{
    for (unsigned i = 0; i < DROP_REASONS; i++)
        assert_int_equal(w->trace.drops[i], i == reason ? 1 : 0);
    memset(w->trace.drops, 0, sizeof w->trace.drops);
}

static void assert_hears(struct udp_socket *socket, const char *text)
{
    char buffer[100];
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

#define P4 "198.18.0.2:1000"
#define L4 "198.18.0.1:53"
#define P6 "[fd00:7475:6e::2]:1000"
#define L6 "[fd00:7475:6e::1]:53"

/* R1122-14: whom it came from, and for which address of ours. */
static void a_datagram_arrives_with_its_ends(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53");
    struct udp_info info;
    char buffer[10];
    struct endpoint peer = at(P4), local = at(L4);
    assert_false(udp_is_readable(socket));
    assert_true(say(w, P4, L4, "hello"));
    assert_true(udp_is_readable(socket));
    assert_int_equal(udp_queued(socket), 5);
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, &info), 5);
    assert_memory_equal(buffer, "hello", 5);
    assert_memory_equal(&info.source.address, &peer.address, 16);
    assert_int_equal(info.source.port, 1000);
    assert_memory_equal(&info.destination.address, &local.address, 16);
    assert_int_equal(info.destination.port, 53);
    assert_int_equal(info.tos, 3);
    assert_int_equal(info.ttl, 9);
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), -EAGAIN);
    udp_close(w->udp, socket);
}

/* R768-01, UDP length lies */
static void the_length_is_trimmed_to_or_refused(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53");
    static struct datagram d;
    uint8_t text[100] = {7}, buffer[200];
    for (unsigned length = 0; length < 65536; length += length < 200 ? 1 : 89) {
        make(&d, P4, L4, text, sizeof text);
        put_be16(d.bytes + 4, (uint16_t)length);
        put_be16(d.bytes + 6, 0);
        assert_true(feed(w, &d));
        if (length < 8 || length > 108) {
            assert_dropped_only(w, DROP_udp_bad_length);
            assert_false(udp_is_readable(socket));
        } else {
            assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), length - 8);
        }
    }
    for (d.length = 0; d.length < 8; d.length++) {
        assert_true(feed(w, &d));
        assert_dropped_only(w, DROP_udp_bad_length);
    }
    udp_close(w->udp, socket);
}

/* R1122-13, UDP bad-checksum storm: silently dropped, and readiness does not change. */
static void any_flipped_bit_is_noticed(void **state)
{
    struct world *w = *state;
    static const char *const ends[][3] = {{"0.0.0.0:53", P4, L4}, {"[::]:53", P6, L6}};
    static struct datagram d;
    for (unsigned family = 0; family < 2; family++) {
        struct udp_socket *socket = bound(w, ends[family][0]);
        make(&d, ends[family][1], ends[family][2], "some text", 9);
        for (unsigned bit = 0; bit < d.length * 8; bit++) {
            if (bit / 8 >= 4 && bit / 8 < 6)
                continue; /* the length has a test of its own */
            d.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_true(feed(w, &d));
            assert_dropped_only(w, DROP_udp_bad_checksum);
            d.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        assert_false(udp_is_readable(socket));
        assert_null(udp_next_changed(w->udp));
        feed(w, &d);
        assert_hears(socket, "some text");
        udp_close(w->udp, socket);
    }
}

/* R1122-13: the addresses are covered too. */
static void a_datagram_for_somebody_else_is_noticed(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53");
    static struct datagram d;
    make(&d, P4, "198.18.0.3:53", "text", 4);
    d.arrival.destination = at(L4).address;
    assert_true(feed(w, &d));
    assert_dropped_only(w, DROP_udp_bad_checksum);
    udp_close(w->udp, socket);
}

/* R768-02, R8200-04, Checksum zero */
static void no_checksum_is_for_ipv4_only(void **state)
{
    struct world *w = *state;
    struct udp_socket *four = bound(w, "0.0.0.0:53"), *six = bound(w, L6);
    static struct datagram d;
    make(&d, P4, L4, "four", 4);
    put_be16(d.bytes + 6, 0);
    assert_true(feed(w, &d));
    assert_hears(four, "four");
    make(&d, P6, L6, "six", 3);
    put_be16(d.bytes + 6, 0);
    assert_true(feed(w, &d));
    assert_dropped_only(w, DROP_udp_no_checksum);
    assert_false(udp_is_readable(six));
    udp_close(w->udp, four);
    udp_close(w->udp, six);
}

/* R768-02, Checksum zero: a sum of 0 is sent as 0xffff, and taken as right. */
static void a_checksum_of_0_is_sent_as_ffff(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53");
    static struct datagram d;
    uint8_t text[2] = {0, 0};
    make(&d, P4, L4, text, 2);
    uint16_t sum = get_be16(d.bytes + 6);
    put_be16(text, sum); /* makes the sum of everything 0 */
    make(&d, P4, L4, text, 2);
    assert_int_equal(get_be16(d.bytes + 6), 0xffff);
    assert_true(feed(w, &d));
    assert_int_equal(udp_queued(socket), 2);
    udp_close(w->udp, socket);
}

/* The device vouches: the field may hold anything. */
static void a_trusted_checksum_is_not_verified(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L6);
    static struct datagram d;
    make(&d, P6, L6, "text", 4);
    d.arrival.checksum_trusted = true;
    put_be16(d.bytes + 6, 0x1234);
    assert_true(feed(w, &d));
    assert_hears(socket, "text");
    udp_close(w->udp, socket);
}

/* RST/ICMP reply loops: nobody can be answered at port 0. */
static void port_0_is_silent(void **state)
{
    struct world *w = *state;
    assert_true(say(w, "198.18.0.2:0", L4, "text"));
    assert_dropped_only(w, DROP_udp_port_zero);
    assert_true(say(w, P4, "198.18.0.1:0", "text"));
    assert_dropped_only(w, DROP_udp_port_zero);
}

/* R1122-11: the caller lets ip refuse it. */
static void nobody_wants_it(void **state)
{
    struct world *w = *state;
    assert_false(say(w, P4, L4, "text"));
    assert_dropped_only(w, DROP_udp_no_port);
    struct udp_socket *socket = connected(w, L4, "198.18.0.9:1000");
    assert_false(say(w, P4, L4, "text"));
    assert_dropped_only(w, DROP_udp_no_port);
    assert_true(say(w, "198.18.0.9:1000", L4, "text"));
    udp_close(w->udp, socket);
}

static void connecting_narrows_and_disconnecting_widens(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53");
    struct endpoint local = at(L4), remote = at(P4);
    assert_int_equal(udp_connect(w->udp, socket, &local, &remote), 0);
    assert_int_equal(udp_remote(socket)->port, 1000);
    assert_false(say(w, "198.18.0.3:1000", L4, "other"));
    assert_true(say(w, P4, L4, "mine"));
    assert_hears(socket, "mine");
    udp_disconnect(w->udp, socket);
    assert_int_equal(udp_remote(socket)->port, 0);
    assert_true(say(w, "198.18.0.3:1000", "198.18.0.7:53", "other"));
    assert_hears(socket, "other");
    udp_close(w->udp, socket);
    socket = connected(w, "198.18.0.1:0", P4);
    assert_in_range(udp_local(socket)->port, 32768, 60999);
    udp_close(w->udp, socket);
}

static void a_second_bind_or_a_taken_port_is_refused(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, "0.0.0.0:53"), *second;
    struct udp_bind bind = {.local = at(L4)};
    struct endpoint local = at(L4), nowhere = at("198.18.0.2:0");
    assert_int_equal(udp_bind(w->udp, socket, &bind), -EINVAL);
    assert_int_equal(udp_open(w->udp, &second), 0);
    assert_int_equal(udp_bind(w->udp, second, &bind), -EADDRINUSE);
    assert_int_equal(udp_connect(w->udp, second, &local, &nowhere), -EINVAL);
    udp_close(w->udp, socket);
    assert_int_equal(udp_bind(w->udp, second, &bind), 0);
    udp_close(w->udp, second);
}

static void one_socket_may_serve_both_families(void **state)
{
    struct world *w = *state;
    struct udp_socket *both = bound(w, "[::]:53"), *only6;
    struct udp_bind bind = {.local = at("[::]:54"), .any_address = true, .v6only = true};
    assert_int_equal(udp_open(w->udp, &only6), 0);
    assert_int_equal(udp_bind(w->udp, only6, &bind), 0);
    assert_true(say(w, P4, L4, "four"));
    assert_true(say(w, P6, L6, "six"));
    assert_hears(both, "four");
    assert_hears(both, "six");
    assert_false(say(w, P4, "198.18.0.1:54", "four"));
    udp_close(w->udp, both);
    udp_close(w->udp, only6);
}

/* R1122-15 */
static void an_icmp_error_reaches_the_connected_socket(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = connected(w, L4, P4), *open = bound(w, "0.0.0.0:54");
    struct flow flow = {.local = at(L4), .remote = at(P4)};
    char buffer[10];
    say(w, P4, L4, "text");
    while (udp_next_changed(w->udp))
        continue;
    udp_error(w->udp, &flow, ECONNREFUSED);
    assert_ptr_equal(udp_next_changed(w->udp), socket);
    assert_true(udp_is_readable(socket));
    assert_int_equal(udp_pending_error(socket), ECONNREFUSED);
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), -ECONNREFUSED);
    assert_int_equal(udp_pending_error(socket), 0);
    assert_hears(socket, "text");
    udp_error(w->udp, &flow, EHOSTUNREACH);
    assert_int_equal(udp_take_error(socket), EHOSTUNREACH);
    assert_int_equal(udp_take_error(socket), 0);
    /* About flows that are not connected. */
    memset(w->trace.drops, 0, sizeof w->trace.drops);
    flow.remote.port = 1001;
    udp_error(w->udp, &flow, ECONNREFUSED);
    assert_dropped_only(w, DROP_icmp_quote_unmatched);
    flow.local.port = 54;
    udp_error(w->udp, &flow, ECONNREFUSED);
    assert_dropped_only(w, DROP_icmp_quote_unmatched);
    assert_int_equal(udp_pending_error(open), 0);
    assert_int_equal(udp_pending_error(socket), 0);
    udp_close(w->udp, socket);
    udp_close(w->udp, open);
}

static void a_short_buffer_gets_the_beginning_and_the_full_length(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L4);
    char buffer[4] = "....";
    say(w, P4, L4, "abcdef");
    say(w, P4, L4, "next");
    assert_int_equal(udp_receive(socket, buffer, 2, true, NULL), 6);
    assert_memory_equal(buffer, "ab..", 4);
    assert_int_equal(udp_receive(socket, NULL, 0, true, NULL), 6);
    assert_int_equal(udp_receive(socket, buffer, 3, false, NULL), 6);
    assert_memory_equal(buffer, "abc.", 4);
    assert_hears(socket, "next");
    udp_close(w->udp, socket);
}

/* API edge: zero-length read/write. An empty datagram is one too. */
static void empty_datagrams_are_datagrams(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L4);
    char buffer[4];
    say(w, P4, L4, "");
    assert_true(udp_is_readable(socket));
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), 0);
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), -EAGAIN);
    udp_close(w->udp, socket);
}

static void a_full_queue_drops_the_newest(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L4);
    static struct datagram d;
    static uint8_t text[1400], buffer[65535];
    udp_set_queue_limit(socket, 16384);
    size_t arrived = 0;
    for (unsigned i = 0; i < 100; i++) {
        text[0] = (uint8_t)i;
        make(&d, P4, L4, text, sizeof text);
        assert_true(feed(w, &d));
        arrived = w->trace.events[EVENT_udp_arrived];
    }
    assert_in_range(arrived, 10, 11);
    assert_int_equal(w->trace.drops[DROP_udp_queue_full], 100 - arrived);
    for (unsigned i = 0; i < arrived; i++) {
        assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), sizeof text);
        assert_int_equal(buffer[0], i);
    }
    assert_false(udp_is_readable(socket));
    /* The largest datagram can be had with any limit. */
    udp_set_queue_limit(socket, 0);
    static uint8_t large[UDP_LARGEST];
    make(&d, P4, L4, large, sizeof large);
    assert_true(feed(w, &d));
    assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL), UDP_LARGEST);
    udp_close(w->udp, socket);
}

/* An idle socket costs its struct; what a burst took is given back. */
static void memory_follows_the_queue(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L4);
    static struct datagram d;
    static uint8_t text[60000];
    size_t idle = w->memory.used;
    make(&d, P4, L4, text, sizeof text);
    for (unsigned i = 0; i < 3; i++)
        feed(w, &d);
    assert_true(w->memory.used > idle + 180000);
    for (unsigned i = 0; i < 3; i++)
        udp_receive(socket, text, sizeof text, false, NULL);
    assert_int_equal(w->memory.used, idle);
    udp_close(w->udp, socket);
}

/* Out-of-memory paths: for every n the n-th request fails. */
static void failing_memory_costs_datagrams_only(void **state)
{
    struct world *w = *state;
    for (uint64_t fail = 1; fail < 12; fail++) {
        struct udp_socket *socket;
        w->memory.fail_at = w->memory.takes + fail;
        if (udp_open(w->udp, &socket) < 0) {
            assert_int_equal(fail, 1);
            continue;
        }
        struct udp_bind bind = {.local = at(L4)};
        assert_int_equal(udp_bind(w->udp, socket, &bind), 0);
        static struct datagram d;
        static uint8_t text[3000];
        make(&d, P4, L4, text, sizeof text);
        for (unsigned i = 0; i < 20; i++)
            assert_true(feed(w, &d));
        while (udp_receive(socket, text, sizeof text, false, NULL) >= 0)
            continue;
        say(w, P4, L4, "after");
        say(w, P4, L4, "after");
        assert_hears(socket, "after");
        udp_close(w->udp, socket);
    }
}

/* USO */
static void a_super_segment_is_many_datagrams(void **state)
{
    struct world *w = *state;
    struct udp_socket *socket = bound(w, L4);
    static struct datagram d;
    static uint8_t text[5000], buffer[2000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i / 1200);
    make(&d, P4, L4, text, sizeof text);
    d.arrival.gso_size = 1200;
    d.arrival.checksum_trusted = true;
    assert_true(feed(w, &d));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(udp_receive(socket, buffer, sizeof buffer, false, NULL),
                         i < 4 ? 1200 : 200);
        assert_int_equal(buffer[0], i);
        assert_int_equal(buffer[199], i);
    }
    assert_false(udp_is_readable(socket));
    udp_close(w->udp, socket);
}

/* RFC 1122, 4.1.1: every listener hears what is for a group; nobody answers when there is none. */
static void a_group_is_heard_by_all(void **state)
{
    struct world *w = *state;
    struct udp_socket *sockets[2];
    struct udp_bind bind = {.local = at("0.0.0.0:53"), .any_address = true, .reuse = true};
    static struct datagram d;
    make(&d, P4, "224.0.0.1:53", "all", 3);
    d.arrival.to_group = true;
    assert_false(feed(w, &d));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(udp_open(w->udp, &sockets[i]), 0);
        assert_int_equal(udp_bind(w->udp, sockets[i], &bind), 0);
    }
    assert_true(feed(w, &d));
    for (unsigned i = 0; i < 2; i++) {
        assert_hears(sockets[i], "all");
        udp_close(w->udp, sockets[i]);
    }
}

static void changed_sockets_are_told_once(void **state)
{
    struct world *w = *state;
    struct udp_socket *a = bound(w, L4), *b = bound(w, "198.18.0.1:54");
    int name;
    udp_set_user(b, &name);
    say(w, P4, "198.18.0.1:54", "1");
    say(w, P4, L4, "2");
    say(w, P4, "198.18.0.1:54", "3");
    assert_ptr_equal(udp_next_changed(w->udp), b);
    assert_ptr_equal(udp_user(b), &name);
    udp_close(w->udp, a); /* leaves the list */
    assert_null(udp_next_changed(w->udp));
    say(w, P4, "198.18.0.1:54", "4");
    assert_ptr_equal(udp_next_changed(w->udp), b);
    udp_close(w->udp, b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_datagram_arrives_with_its_ends),
        TEST(the_length_is_trimmed_to_or_refused),
        TEST(any_flipped_bit_is_noticed),
        TEST(a_datagram_for_somebody_else_is_noticed),
        TEST(no_checksum_is_for_ipv4_only),
        TEST(a_checksum_of_0_is_sent_as_ffff),
        TEST(a_trusted_checksum_is_not_verified),
        TEST(port_0_is_silent),
        TEST(nobody_wants_it),
        TEST(connecting_narrows_and_disconnecting_widens),
        TEST(a_second_bind_or_a_taken_port_is_refused),
        TEST(one_socket_may_serve_both_families),
        TEST(an_icmp_error_reaches_the_connected_socket),
        TEST(a_short_buffer_gets_the_beginning_and_the_full_length),
        TEST(empty_datagrams_are_datagrams),
        TEST(a_full_queue_drops_the_newest),
        TEST(memory_follows_the_queue),
        TEST(failing_memory_costs_datagrams_only),
        TEST(a_super_segment_is_many_datagrams),
        TEST(a_group_is_heard_by_all),
        TEST(changed_sockets_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
