/* Counters, tunables and running a stack in a loop of one's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "support/stack_world.h"

struct seen {
    unsigned names, twice;
    uint64_t out_segments;
    char text[512][64];
};

static void see(void *context, const char *name, uint64_t value, const char *sentence)
{
    struct seen *seen = context;
    assert_true(*sentence != '\0');
    assert_true(seen->names < 512);
    for (unsigned i = 0; i < seen->names; i++)
        seen->twice += strcmp(seen->text[i], name) == 0;
    snprintf(seen->text[seen->names++], 64, "%s", name);
    if (strcmp(name, "TcpOutSegs") == 0)
        seen->out_segments = value;
}

static void counters_are_told_once_each(void **state)
{
    static struct seen seen;
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    tunny_counters(world.side[0].stack, see, &seen);
    assert_int_equal(seen.twice, 0);
    assert_true(seen.names > (unsigned)DROP_REASONS);
    assert_int_equal(seen.out_segments, 2);
    assert_int_equal(tunny_counter(world.side[0].stack, "TcpOutSegs"), 2);
    assert_int_equal(tunny_counter(world.side[0].stack, "TcpActiveOpens"), 1);
    assert_int_equal(tunny_counter(world.side[1].stack, "TcpPassiveOpens"), 1);
    assert_int_equal(tunny_counter(world.side[1].stack, "NoSuchThing"), 0);
    world_close(&world);
}

static void tunables_are_listed_and_bounded(void **state)
{
    struct stack_world world;
    struct tunny_tunable tunable;
    int64_t value;
    unsigned count = 0;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    for (; tunny_tunable(count, &tunable); count++) {
        assert_int_equal(tunny_get(stack, tunable.name, &value), 0);
        assert_true(value == tunable.fallback);
        assert_int_equal(tunny_set(stack, tunable.name, tunable.most + 1), -ERANGE);
        assert_int_equal(tunny_set(stack, tunable.name, tunable.least), 0);
        assert_int_equal(tunny_get(stack, tunable.name, &value), 0);
        assert_true(value == tunable.least);
    }
    assert_true(count > 30);
    assert_int_equal(tunny_set(stack, "no_such_thing", 1), -ENOENT);
    assert_string_equal(tunny_version(), "tunny " TUNNY_VERSION);
    world_close(&world);
}

static void the_timeout_is_rounded_up(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_timeout_ms(stack), -1);
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct world_name name = world_name(1, AF_INET, 80);
    assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&name.name, name.length),
                     -EINPROGRESS);
    assert_int_equal(tunny_timeout_ms(stack), 1000); /* the SYN's RTO */
    world.now = instant_add(world.now, duration_us(1));
    assert_int_equal(tunny_timeout_ms(stack), 1000);
    world.now = instant_add(world.now, duration_s(2));
    assert_int_equal(tunny_timeout_ms(stack), 0);
    world_close(&world);
}

static void draining_waits_for_the_last_fin(void **state)
{
    static uint8_t text[50000];
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){.impair = {"delay 100ms", NULL}});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_send(a, ends[0], text, sizeof text, 0), sizeof text);
    assert_int_equal(tunny_close(a, ends[0]), 0);
    /* the peer keeps its side open */
    int64_t before = world.now.ns;
    assert_int_equal(tunny_drain(a, 5000), -ETIMEDOUT);
    assert_int_equal(world.now.ns - before, INT64_C(5000000000));
    assert_int_equal(tunny_recv(b, ends[1], text, sizeof text, MSG_WAITALL), sizeof text);
    assert_int_equal(tunny_close(b, ends[1]), 0);
    assert_int_equal(tunny_drain(a, 5000), 0);
    assert_int_equal(tunny_drain(b, 5000), 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_told_once_each),
        cmocka_unit_test(tunables_are_listed_and_bounded),
        cmocka_unit_test(the_timeout_is_rounded_up),
        cmocka_unit_test(draining_waits_for_the_last_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
