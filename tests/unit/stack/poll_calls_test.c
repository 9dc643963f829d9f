/* poll over sockets of one stack. */
#define _GNU_SOURCE /* POLLRDHUP */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "support/stack_world.h"

static void poll_waits_for_what_it_was_asked(void **state)
{
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){.impair = {"delay 30ms", NULL}});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    struct pollfd wanted[4] = {{.fd = ends[1], .events = POLLIN},
                               {.fd = -1, .events = POLLIN, .revents = 99},
                               {.fd = 77, .events = POLLIN},
                               {.fd = ends[1], .events = POLLRDNORM | POLLWRNORM}};
    assert_int_equal(tunny_poll(b, wanted, 2, 0), 0);
    int64_t before = world.now.ns;
    assert_int_equal(tunny_poll(b, wanted, 2, 20), 0);
    assert_int_equal(world.now.ns - before, 20000000);
    assert_int_equal(wanted[1].revents, 0);
    assert_int_equal(tunny_poll(b, wanted, 4, -1), 2);
    assert_int_equal(wanted[2].revents, POLLNVAL);
    assert_int_equal(wanted[3].revents, POLLWRNORM);
    assert_int_equal(tunny_send(a, ends[0], "text", 4, 0), 4);
    before = world.now.ns;
    assert_int_equal(tunny_poll(b, wanted, 1, -1), 1);
    assert_int_equal(wanted[0].revents, POLLIN);
    assert_int_equal(world.now.ns - before, 30000000);
    world_close(&world);
}

/* A world in which nothing will ever happen says so instead of hanging. */
static void poll_hands_the_clocks_error_on(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    int listener = world_listen(&world, 0, AF_INET, 80);
    struct pollfd wanted = {.fd = listener, .events = POLLIN};
    assert_int_equal(tunny_poll(world.side[0].stack, &wanted, 1, -1), -EDEADLK);
    world_close(&world);
}

static bool seven_is_readable(void *context, int descriptor)
{
    (void)context;
    return descriptor == 7;
}

static void another_descriptor_ends_the_wait(void **state)
{
    struct stack_world world;
    int ready = -1;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    stack->clock.readable = seven_is_readable;
    int64_t before = world.now.ns;
    assert_int_equal(tunny_poll_with(stack, NULL, 0, 1000, 7, &ready), 0);
    assert_int_equal(ready, 1);
    assert_int_equal(world.now.ns, before);
    assert_int_equal(tunny_poll_with(stack, NULL, 0, 1000, 8, &ready), 0);
    assert_int_equal(ready, 0);
    assert_int_equal(world.now.ns - before, 1000000000);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll_waits_for_what_it_was_asked),
        cmocka_unit_test(poll_hands_the_clocks_error_on),
        cmocka_unit_test(another_descriptor_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
