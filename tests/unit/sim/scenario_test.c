/* Unit tests of scenario.c and scenario_words.c: what a text says, and which ones are refused. */
#include "sim/scenario.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct scenario scenario;
static char error[256];

static int tear_down(void **state)
{
    (void)state;
    scenario_free(&scenario);
    return 0;
}

static void accept(const char *text)
{
    int r = scenario_parse(text, &scenario, error, sizeof error);
    if (r)
        print_error("%s\n", error);
    assert_int_equal(r, 0);
}

static void refuse(const char *text, const char *reason)
{
    assert_int_equal(scenario_parse(text, &scenario, error, sizeof error), -EINVAL);
    if (strcmp(error, reason) != 0)
        print_error("%s\n", error);
    assert_string_equal(error, reason);
    scenario_free(&scenario);
}

static void a_world_is_read(void **state)
{
    (void)state;
    accept("seed 7\nuntil 1h\n# a remark\n"
           "host a offload all memory 4m mtu 9000 room 3 clock 2^32ms-5s set tcp_sack=0\n"
           "router r\n"
           "link up a r mtu 1400 forward: rate 10mbit queue codel 64k ecn; drop syn#1 # a remark\n"
           "flow f a > a size 10m reply 1k start 2s cc bbr ipv6 nodelay calls 5 pause 3ms\n");
    assert_int_equal(scenario.seed, 7);
    assert_int_equal(scenario.until.ns, INT64_C(3600000000000));
    const struct scenario_node *a = &scenario.nodes[0];
    assert_string_equal(a->name, "a");
    assert_int_equal(a->offload, SCENARIO_OFFLOAD_ALL);
    assert_int_equal(a->memory, 4 << 20);
    assert_int_equal(a->mtu, 9000);
    assert_int_equal(a->room, 3);
    assert_int_equal(a->clock.ns, INT64_C(4294962296000000));
    assert_string_equal(a->settings[0], "tcp_sack=0");
    assert_true(scenario.nodes[1].router);
    assert_int_equal(scenario.links[0].mtu, 1400);
    assert_string_equal(scenario.links[0].spec,
                        "forward: rate 10mbit queue codel 64k ecn; drop syn#1");
    const struct scenario_flow *f = &scenario.flows[0];
    assert_int_equal(f->size[0], 10 << 20);
    assert_int_equal(f->size[1], 1024);
    assert_int_equal(f->start.ns, 2000000000);
    assert_string_equal(f->congestion, "bbr");
    assert_true(f->ipv6 && f->no_delay && !f->cork);
    assert_int_equal(f->calls, 5);
    assert_int_equal(f->pause.ns, 3000000);
}

static void events_of_links_become_their_schedule(void **state)
{
    (void)state;
    accept("host a\nhost b\nlink l a b delay 5ms\nat 5s link l down\nat 1m link l up\n");
    assert_string_equal(scenario.links[0].spec, "delay 5ms; at 5s down; at 60s up");
}

static void other_events_are_put_in_order_of_time(void **state)
{
    (void)state;
    accept("host a\nhost b\nlink l a b\nat 9s restart b\nat 3s starve a 4\nat 5s replay l 20\n");
    assert_int_equal(scenario.event_count, 3);
    assert_int_equal(scenario.events[0].act, SCENARIO_STARVE);
    assert_int_equal(scenario.events[0].number, 4);
    assert_int_equal(scenario.events[1].act, SCENARIO_REPLAY);
    assert_int_equal(scenario.events[2].act, SCENARIO_RESTART);
    assert_int_equal(scenario.events[2].target, 1);
}

static void users_may_leave_before_their_time(void **state)
{
    (void)state;
    accept("host a\nflow f a > a abort client 3s close server 20ms\n");
    assert_int_equal(scenario.flows[0].leave[0], SCENARIO_ABORT);
    assert_int_equal(scenario.flows[0].leave_after[0].ns, 3000000000);
    assert_int_equal(scenario.flows[0].leave[1], SCENARIO_CLOSE);
    assert_int_equal(scenario.flows[0].leave_after[1].ns, 20000000);
}

static void flows_have_every_way_to_begin_and_to_end(void **state)
{
    (void)state;
    accept("host a\nflow f a > a fastopen zerocopy accept 2s usertimeout 9s deaf server 3s\n"
           "flow g a > a simultaneous\nat 5s reset g\nat 6s forge f 100\n");
    const struct scenario_flow *f = &scenario.flows[0], *g = &scenario.flows[1];
    assert_true(f->fast_open && f->zerocopy && !f->simultaneous);
    assert_int_equal(f->accept.ns, 2000000000);
    assert_int_equal(f->user_timeout.ns, INT64_C(9000000000));
    assert_int_equal(f->leave[1], SCENARIO_DEAF);
    assert_true(g->simultaneous);
    assert_int_equal(scenario.events[0].act, SCENARIO_RESET);
    assert_int_equal(scenario.events[0].target, 1);
    assert_int_equal(scenario.events[0].number, 0);
    assert_int_equal(scenario.events[1].target, 0);
    assert_int_equal(scenario.events[1].number, 100);
}

static void paths_may_be_unkind(void **state)
{
    (void)state;
    accept("host a\nrouter r bleach\nrouter s mark\nlink l a r mtu 1300 silent delay 1ms\n"
           "datagrams d a > a count 7 size 60k gap 1ms start 1s ipv6\n");
    assert_true(scenario.nodes[1].bleaches && !scenario.nodes[1].marks);
    assert_true(scenario.nodes[2].marks);
    assert_true(scenario.links[0].silent);
    assert_int_equal(scenario.links[0].mtu, 1300);
    assert_string_equal(scenario.links[0].spec, "delay 1ms");
    const struct scenario_datagrams *d = &scenario.datagrams[0];
    assert_int_equal(d->count, 7);
    assert_int_equal(d->size, 60 << 10);
    assert_int_equal(d->gap.ns, 1000000);
    assert_int_equal(d->start.ns, 1000000000);
    assert_true(d->ipv6);
}

static void clocks_begin_before_every_wrap(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } clocks[] = {
        {"host a clock 2^31us", INT64_C(2147483648000)},
        {"host a clock 2^32us-1s", INT64_C(4293967296000)},
        {"host a clock 2^31ms-20ms", INT64_C(2147483628000000)},
        {"host a clock 2d", INT64_C(172800000000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        accept(clocks[i].text);
        assert_int_equal(scenario.nodes[0].clock.ns, clocks[i].ns);
        scenario_free(&scenario);
    }
}

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    refuse("host a\nhast b\n",
           "line 2: 'hast': expected seed, until, host, router, link, flow, datagrams, at or "
           "hostile");
    refuse("host a\nhost a\n", "line 2: there are two of the name a");
    refuse("host\n", "line 1: a name is missing");
    refuse("host a>b\n", "line 1: 'a>b' is no name");
    refuse("host a offload some\n",
           "line 1: offload 'some': expected none, checksum, segments or all");
    refuse("host a mtu 70000\n",
           "line 1: mtu '70000': expected a number like 1000 or 64k, not too large");
    refuse("host a set x\n", "line 1: set 'x': expected NAME=VALUE");
    refuse("host a clock 2^33\n", "line 1: clock '2^33': expected a time like 100s or 2^32ms-5s");
    refuse("host a clock 2^31us-1h\n",
           "line 1: clock '2^31us-1h': expected a time like 100s or 2^32ms-5s");
    refuse("host a\nlink l a b\n", "line 2: there is no host or router b above this line");
    refuse("host a\nlink l a a\n", "line 2: a link joins two nodes");
    refuse("host a\nflow f a to a\n", "line 2: expected > between two hosts");
    refuse("host a\nrouter r\nflow f a > r\n", "line 3: r is a router");
    refuse("host a\nflow f a > a sise 3\n", "line 2: 'sise' is nothing that a flow has");
    refuse("host a\nflow f a > a chunk 0\n", "line 2: chunk and read are at least 1");
    refuse("host a\nflow f a > a abort both 3s\n",
           "line 2: abort: expected client or server, and a time");
    refuse("host a\nat noon restart a\n", "line 2: 'noon' is no time");
    refuse("host a\nat 5s explode a\n",
           "line 2: 'explode': expected link, restart, starve, replay, reset or forge");
    refuse("host a\nat 5s reset f\n", "line 2: there is no flow f above this line");
    refuse("host a\nat 5s starve a 0\n", "line 2: '0' is no number from 1");
    refuse("seed 1 2\n", "line 1: '2' is not known here");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_world_is_read),
        TEST(events_of_links_become_their_schedule),
        TEST(other_events_are_put_in_order_of_time),
        TEST(users_may_leave_before_their_time),
        TEST(flows_have_every_way_to_begin_and_to_end),
        TEST(paths_may_be_unkind),
        TEST(clocks_begin_before_every_wrap),
        TEST(mistakes_are_named_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
