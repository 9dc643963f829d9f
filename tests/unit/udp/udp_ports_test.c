/* Bindings: who may share a port, and who gets a datagram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "udp/udp_ports.h"

static struct udp_ports ports;
static const struct siphash_key key = {1, 2};

static int fresh(void **state)
{
    (void)state;
    udp_ports_init(&ports, &key);
    return 0;
}

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(text, &e));
    return e;
}

static struct flow flow_of(const char *local, const char *remote)
{
    return (struct flow){.local = at(local), .remote = at(remote)};
}

/* RFC 1122, 4.1.3.5-6: the most precise binding is meant. */
static void the_most_precise_binding_gets_the_datagram(void **state)
{
    (void)state;
    struct udp_binding both = {.local = at("[::]:53"), .any_family = true, .reuse = true};
    struct udp_binding any = {.local = at("0.0.0.0:53"), .reuse = true};
    struct udp_binding one = {.local = at("198.18.0.1:53"), .reuse = true};
    struct udp_binding connected = {
        .local = at("198.18.0.1:53"), .remote = at("198.18.0.2:1000"), .reuse = true};
    struct udp_binding *all[] = {&connected, &one, &any, &both};
    struct flow flow = flow_of("198.18.0.1:53", "198.18.0.2:1000");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(udp_ports_bind(&ports, all[i]), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_ptr_equal(udp_ports_find(&ports, &flow), all[i]);
        udp_ports_unbind(all[i]);
    }
    assert_null(udp_ports_find(&ports, &flow));
}

static void others_do_not_get_it(void **state)
{
    (void)state;
    struct udp_binding any4 = {.local = at("0.0.0.0:53")};
    struct udp_binding only6 = {.local = at("[::]:54")};
    struct udp_binding connected = {.local = at("198.18.0.1:55"), .remote = at("198.18.0.2:1000")};
    assert_int_equal(udp_ports_bind(&ports, &any4), 0);
    assert_int_equal(udp_ports_bind(&ports, &only6), 0);
    assert_int_equal(udp_ports_bind(&ports, &connected), 0);
    static const char *const wrong[][2] = {
        {"[fd00::1]:53", "[fd00::2]:9"},      {"198.18.0.1:1077", "198.18.0.2:9"},
        {"198.18.0.1:54", "198.18.0.2:9"},    {"198.18.0.1:55", "198.18.0.2:1001"},
        {"198.18.0.1:55", "198.18.0.3:1000"}, {"198.18.0.7:55", "198.18.0.2:1000"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct flow flow = flow_of(wrong[i][0], wrong[i][1]);
        assert_null(udp_ports_find(&ports, &flow));
    }
}

static void conflicts_are_refused_unless_all_reuse(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool any_family, conflict;
    } cases[] = {
        {"198.18.0.1:53", "198.18.0.1:53", false, true},
        {"198.18.0.1:53", "198.18.0.2:53", false, false},
        {"198.18.0.1:53", "198.18.0.1:54", false, false},
        {"0.0.0.0:53", "198.18.0.1:53", false, true},
        {"[::]:53", "198.18.0.1:53", false, false},
        {"[::]:53", "198.18.0.1:53", true, true},
        {"[::]:53", "0.0.0.0:53", true, true},
        {"[::]:53", "[fd00::1]:53", false, true},
        {"198.18.0.1:53", "198.18.0.1:1077", false, false}, /* the same bucket */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned order = 0; order < 2; order++) {
            for (unsigned reuse = 0; reuse < 4; reuse++) {
                struct udp_binding a = {.local = at(cases[i].first),
                                        .any_family = cases[i].any_family,
                                        .reuse = reuse & 1};
                struct udp_binding b = {.local = at(cases[i].second), .reuse = reuse & 2};
                int expected = cases[i].conflict && reuse != 3 ? -EADDRINUSE : 0;
                assert_int_equal(udp_ports_bind(&ports, order ? &b : &a), 0);
                assert_int_equal(udp_ports_bind(&ports, order ? &a : &b), expected);
                udp_ports_unbind(&a);
                udp_ports_unbind(&b);
            }
        }
    }
}

static void of_equal_bindings_the_youngest_is_meant(void **state)
{
    (void)state;
    struct udp_binding a = {.local = at("0.0.0.0:53"), .reuse = true}, b = a;
    struct flow flow = flow_of("198.18.0.1:53", "198.18.0.2:9");
    udp_ports_bind(&ports, &a);
    udp_ports_bind(&ports, &b);
    assert_ptr_equal(udp_ports_find(&ports, &flow), &b);
}

static void a_group_reaches_each_binding_once(void **state)
{
    (void)state;
    struct udp_binding a = {.local = at("0.0.0.0:53"), .reuse = true}, b = a;
    struct udp_binding other = {.local = at("0.0.0.0:1077")};
    struct flow flow = flow_of("224.0.0.1:53", "198.18.0.2:9");
    udp_ports_bind(&ports, &a);
    udp_ports_bind(&ports, &other);
    udp_ports_bind(&ports, &b);
    assert_ptr_equal(udp_ports_next(&ports, &flow, NULL), &a);
    assert_ptr_equal(udp_ports_next(&ports, &flow, &a), &b);
    assert_null(udp_ports_next(&ports, &flow, &b));
}

static void only_exactly_connected_ends_are_connected(void **state)
{
    (void)state;
    struct udp_binding a = {.local = at("198.18.0.1:53"), .remote = at("198.18.0.2:9")};
    struct flow flow = flow_of("198.18.0.1:53", "198.18.0.2:9");
    udp_ports_bind(&ports, &a);
    assert_ptr_equal(udp_ports_connected(&ports, &flow), &a);
    flow.remote.port = 10;
    assert_null(udp_ports_connected(&ports, &flow));
    flow = flow_of("198.18.0.7:53", "198.18.0.2:9");
    assert_null(udp_ports_connected(&ports, &flow));
}

/* Source-port prediction / tracking: RFC 6056, 3.3.1. */
static void chosen_ports_are_scattered_and_differ_by_key(void **state)
{
    (void)state;
    uint16_t chosen[2][200];
    unsigned steps = 0;
    for (unsigned k = 0; k < 2; k++) {
        struct siphash_key other = {k, 7};
        udp_ports_init(&ports, &other);
        for (unsigned i = 0; i < 200; i++) {
            struct udp_binding b = {.local = at("0.0.0.0:0")};
            assert_int_equal(udp_ports_bind(&ports, &b), 0);
            chosen[k][i] = b.local.port;
            assert_in_range(b.local.port, UDP_PORT_FIRST, UDP_PORT_LAST);
            steps += i > 0 && abs(chosen[k][i] - chosen[k][i - 1]) < 100;
            udp_ports_unbind(&b);
        }
    }
    assert_true(steps < 15);
    assert_memory_not_equal(chosen[0], chosen[1], sizeof chosen[0]);
}

/* Ephemeral port exhaustion: each port once, then a clean refusal; also for sockets that would
 * share. */
static void when_all_ports_are_taken_it_says_so(void **state)
{
    (void)state;
    enum { COUNT = UDP_PORT_LAST - UDP_PORT_FIRST + 1 };
    static struct udp_binding bindings[COUNT];
    static bool taken[65536];
    for (unsigned i = 0; i < COUNT; i++) {
        bindings[i].local = at("0.0.0.0:0");
        bindings[i].reuse = true;
        assert_int_equal(udp_ports_bind(&ports, &bindings[i]), 0);
        assert_false(taken[bindings[i].local.port]);
        taken[bindings[i].local.port] = true;
    }
    struct udp_binding more = {.local = at("0.0.0.0:0"), .reuse = true};
    assert_int_equal(udp_ports_bind(&ports, &more), -EADDRINUSE);
    assert_int_equal(more.local.port, 0);
    uint16_t freed = bindings[12345].local.port;
    udp_ports_unbind(&bindings[12345]);
    assert_int_equal(udp_ports_bind(&ports, &more), 0);
    assert_int_equal(more.local.port, freed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_most_precise_binding_gets_the_datagram, fresh),
        cmocka_unit_test_setup(others_do_not_get_it, fresh),
        cmocka_unit_test_setup(conflicts_are_refused_unless_all_reuse, fresh),
        cmocka_unit_test_setup(of_equal_bindings_the_youngest_is_meant, fresh),
        cmocka_unit_test_setup(a_group_reaches_each_binding_once, fresh),
        cmocka_unit_test_setup(only_exactly_connected_ends_are_connected, fresh),
        cmocka_unit_test_setup(chosen_ports_are_scattered_and_differ_by_key, fresh),
        cmocka_unit_test_setup(when_all_ports_are_taken_it_says_so, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
