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

/* A clock that goes on by itself, as the real one does, and counts how often somebody sleeps. */
struct passing_time {
    int64_t now_ns;
    unsigned sleeps;
};

static struct instant time_passes(void *context)
{
    struct passing_time *time = context;
    time->now_ns += 100;
    return (struct instant){time->now_ns};
}

static int sleeps_until(void *context, const int *descriptors, unsigned count, struct instant until)
{
    struct passing_time *time = context;
    (void)descriptors;
    (void)count;
    time->sleeps++;
    if (time->now_ns < until.ns)
        time->now_ns = until.ns;
    return 0;
}

/* A stack in whose time a packet has just come. */
static void begin_at(struct tunny *stack, struct passing_time *time)
{
    *time = (struct passing_time){.now_ns = stack_now(stack).ns};
    stack->clock = (struct stack_clock){
        .now = time_passes, .wait = sleeps_until, .readable = seven_is_readable, .context = time};
    stack->last_packet.ns = time->now_ns;
}

static void busy_polling_looks_before_it_sleeps(void **state)
{
    struct stack_world world;
    struct passing_time time;
    (void)state;
    world_open(&world, &(struct world_setup){.setting = "busy_poll", .value = 50});
    struct tunny *stack = world.side[0].stack;
    struct stack_clock before = stack->clock;
    begin_at(stack, &time);
    int64_t began = time.now_ns;
    assert_int_equal(tunny_timeout_ms(stack), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(tunny_poll(stack, NULL, 0, 0), 0);
    assert_int_equal(time.sleeps, 0);
    assert_int_equal(tunny_poll(stack, NULL, 0, 1), 0);
    assert_int_equal(time.sleeps, 1);
    assert_in_range(time.now_ns - began, 1000000, 1100000);
    assert_int_not_equal(tunny_timeout_ms(stack), 0);
    stack->clock = before;
    world_close(&world);
}

static void without_busy_polling_it_sleeps_at_once(void **state)
{
    struct stack_world world;
    struct passing_time time;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    struct stack_clock before = stack->clock;
    begin_at(stack, &time);
    assert_int_not_equal(tunny_timeout_ms(stack), 0);
    int64_t began = time.now_ns;
    assert_int_equal(tunny_poll(stack, NULL, 0, 1), 0);
    assert_int_equal(time.sleeps, 1);
    assert_in_range(time.now_ns - began, 1000000, 1010000);
    stack->clock = before;
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll_waits_for_what_it_was_asked),
        cmocka_unit_test(poll_hands_the_clocks_error_on),
        cmocka_unit_test(another_descriptor_ends_the_wait),
        cmocka_unit_test(busy_polling_looks_before_it_sleeps),
        cmocka_unit_test(without_busy_polling_it_sleeps_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
