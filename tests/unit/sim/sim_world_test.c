/* Unit tests of worlds through tunny.h: the same seed gives the same bytes, everything arrives over
 * every kind of way, and misfortunes end as they must. */
#include "sim/sim_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct tunny_world *world;
static char error[256];

static int tear_down(void **state)
{
    (void)state;
    tunny_world_destroy(world);
    world = NULL;
    return 0;
}

/* Runs a text with all invariants watched; they must hold. */
static void run(const char *text)
{
    struct tunny_world_config config = {.scenario = text, .check = 1};
    tunny_world_destroy(world);
    world = NULL;
    int r = tunny_world_create(&config, &world, error, sizeof error);
    if (r < 0)
        print_error("%s\n", error);
    assert_int_equal(r, 0);
    r = tunny_world_run(world);
    if (r < 0)
        print_error("%s\n", tunny_world_failure(world));
    assert_int_equal(r, 0);
}

static struct tunny_world_flow flow(unsigned index)
{
    struct tunny_world_flow f;
    assert_int_equal(tunny_world_flow(world, index, &f), 1);
    return f;
}

static void assert_complete(unsigned index)
{
    struct tunny_world_flow f = flow(index);
    assert_int_equal(f.client.error, 0);
    assert_int_equal(f.server.error, 0);
    assert_true(f.client.finished && f.server.finished);
    assert_int_equal(f.server.received, f.size);
    assert_int_equal(f.client.received, f.reply);
}

/* --- the same again --------------------------------------------------------------------------- */

/* The bytes of a file, malloc()ed. */
static char *contents(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    char *bytes = malloc(4 << 20);
    assert_non_null(file);
    *size = fread(bytes, 1, 4 << 20, file);
    fclose(file);
    return bytes;
}

static void run_into(const char *path, uint64_t seed)
{
    struct tunny_world_config config = {
        .scenario = "host a\nhost b offload all\nrouter r\n"
                    "link l a r delay 10ms 3ms loss 3%\nlink m r b rate 20mbit queue codel 50k\n"
                    "flow f a > b size 200k reply 50k\nflow g b > a size 100k cc bbr ipv6\n"
                    "hostile m b packets 50\n",
        .seed = seed,
        .capture = path,
    };
    assert_int_equal(tunny_world_create(&config, &world, error, sizeof error), 0);
    assert_int_equal(tunny_world_run(world), 0);
    assert_int_equal(tunny_world_destroy(world), 0);
    world = NULL;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    char paths[3][64], directory[] = "/tmp/tunny-sim-XXXXXX";
    char *bytes[3];
    size_t sizes[3];
    (void)state;
    assert_non_null(mkdtemp(directory));
    for (unsigned i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%u.pcapng", directory, i);
        run_into(paths[i], i < 2 ? 7 : 8);
        bytes[i] = contents(paths[i], &sizes[i]);
        unlink(paths[i]);
    }
    rmdir(directory);
    assert_true(sizes[0] > 300000);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    assert_true(sizes[0] != sizes[2] || memcmp(bytes[0], bytes[2], sizes[0]) != 0);
    for (unsigned i = 0; i < 3; i++)
        free(bytes[i]);
}

/* --- ways ------------------------------------------------------------------------------------- */

static void text_arrives_over_routers_in_both_families(void **state)
{
    (void)state;
    run("host a\nhost b\nrouter r\nrouter s\nlink x a r delay 5ms\nlink y r s delay 5ms\n"
        "link z s b delay 5ms\nflow f a > b size 300k reply 20k\nflow g b > a size 99k ipv6\n");
    assert_complete(0);
    assert_complete(1);
    /* No round trip is shorter than the way. */
    assert_true(flow(0).client.rtt_p50_us >= 29000);
}

static void a_host_reaches_itself(void **state)
{
    (void)state;
    run("host a\nflow f a > a size 100k reply 100k\n");
    assert_complete(0);
}

/* R1191-01, R8201-01: the router tells, the sender learns. */
static void a_smaller_link_between_routers_is_found_out(void **state)
{
    (void)state;
    run("host a offload all\nhost b\nrouter r\nrouter s\nlink x a r delay 5ms\n"
        "link y r s mtu 1300 delay 5ms\nlink z s b delay 5ms\n"
        "flow f a > b size 300k\nflow g a > b size 300k ipv6\n");
    assert_complete(0);
    assert_complete(1);
}

static void every_kind_of_device_carries_text(void **state)
{
    static const char *const offloads[] = {"none", "checksum", "segments", "all"};
    char text[256];
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        snprintf(text, sizeof text,
                 "host a offload %s\nhost b offload %s room 9\nlink l a b delay 1ms loss 1%%\n"
                 "flow f a > b size 400k reply 100k\n",
                 offloads[i / 4], offloads[i % 4]);
        run(text);
        assert_complete(0);
    }
}

/* The longest text of a segment that arrived at one of the hosts. */
static unsigned long longest_arrival(const char *text)
{
    struct tunny_world_config config = {.scenario = text};
    char *trace = NULL;
    size_t size;
    unsigned long longest = 0;
    config.trace = open_memstream(&trace, &size);
    assert_int_equal(tunny_world_create(&config, &world, error, sizeof error), 0);
    assert_int_equal(tunny_world_run(world), 0);
    fclose(config.trace);
    for (const char *at = trace; (at = strstr(at, "a segment arrived")) != NULL; at++) {
        unsigned long length = strtoul(strstr(at, "len=") + 4, NULL, 10);
        longest = length > longest ? length : longest;
    }
    free(trace);
    tunny_world_destroy(world);
    world = NULL;
    return longest;
}

static void packets_that_arrive_together_are_joined(void **state)
{
    (void)state;
    assert_int_equal(longest_arrival("host a offload segments\nhost b\nlink l a b delay 1ms\n"
                                     "flow f a > b size 1m\n"),
                     1448);
    assert_true(longest_arrival("host a offload segments\nhost b offload all\n"
                                "link l a b delay 1ms\nflow f a > b size 1m\n") > 10000);
    assert_true(longest_arrival("host a offload segments\nhost b offload all\n"
                                "link l a b delay 1ms\nflow f a > b size 1m ipv6\n") > 10000);
}

static void clocks_wrap_unnoticed(void **state)
{
    static const char *const wraps[] = {"2^31us", "2^32us", "2^31ms", "2^32ms"};
    char text[256];
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(text, sizeof text,
                 "host a clock %s-500ms set tcp_timestamps=2\nhost b clock %s-400ms\n"
                 "link l a b delay 20ms loss 2%%\nflow f a > b size 500k reply 300k\n",
                 wraps[i], wraps[i]);
        run(text);
        assert_complete(0);
    }
}

/* --- misfortunes ------------------------------------------------------------------------------ */

static void a_link_that_is_down_delays(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b delay 5ms\nflow f a > b size 10m\n"
        "at 100ms link l down\nat 20s link l up\n");
    assert_complete(0);
    assert_true(flow(0).took_ns > INT64_C(20000000000));
}

static void a_restart_is_told_to_the_other_side(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b rate 1mbit; delay 5ms\nflow f a > b size 10m reply 10m\n"
        "at 1s restart b\n");
    assert_int_equal(flow(0).server.error, -EHOSTDOWN);
    assert_int_equal(flow(0).client.error, -ECONNRESET);
}

static void nobody_listens_is_an_error_at_once(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b delay 5ms\nflow f a > b size 10 refused\n");
    assert_int_equal(flow(0).client.error, -ECONNREFUSED);
    assert_int_equal(flow(0).took_ns, 10000000);
}

static void an_abort_reaches_the_other_user(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b rate 1mbit; delay 5ms\n"
        "flow f a > b size 10m abort client 500ms\n");
    assert_true(flow(0).client.left);
    assert_int_equal(flow(0).server.error, -ECONNRESET);
}

static void old_packets_that_come_again_do_no_harm(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b delay 5ms loss 1%\nflow f a > b size 1m reply 1m\n"
        "at 30ms replay l 64\nat 90ms replay l 40\nat 20s replay l 64\n");
    assert_complete(0);
}

static void nonsense_harms_nobody_else(void **state)
{
    (void)state;
    run("host a\nhost b\nlink l a b delay 5ms\nflow f a > b size 1m reply 1m\n"
        "hostile m b packets 2000 gap 1ms\n");
    assert_complete(0);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void refuse(const char *text, const char *reason)
{
    struct tunny_world_config config = {.scenario = text};
    assert_true(tunny_world_create(&config, &world, error, sizeof error) < 0);
    assert_string_equal(error, reason);
}

static void worlds_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refuse("host a\nhost b\nflow f a > b\n", "flow f: there is no way from a to b");
    refuse("host a\nhost b\nhost c\nlink l a b\nlink m b c\nflow f a > c\n",
           "flow f: there is no way from a to c");
    refuse("host a set no_such=1\n", "host a: there is no setting \"no_such\"");
    refuse("host a\nhost b\nlink l a b log x\n",
           "link l: log and replay are nothing for a link of a world");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_same_seed_gives_the_same_bytes),
        TEST(text_arrives_over_routers_in_both_families),
        TEST(a_host_reaches_itself),
        TEST(a_smaller_link_between_routers_is_found_out),
        TEST(every_kind_of_device_carries_text),
        TEST(packets_that_arrive_together_are_joined),
        TEST(clocks_wrap_unnoticed),
        TEST(a_link_that_is_down_delays),
        TEST(a_restart_is_told_to_the_other_side),
        TEST(nobody_listens_is_an_error_at_once),
        TEST(an_abort_reaches_the_other_user),
        TEST(old_packets_that_come_again_do_no_harm),
        TEST(nonsense_harms_nobody_else),
        TEST(worlds_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
