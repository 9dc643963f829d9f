/* The table of sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "support/stack_world.h"

static void numbers_begin_at_the_lowest_free_one(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    for (int i = 0; i < 2000; i++)
        assert_int_equal(tunny_socket(stack, AF_INET, SOCK_STREAM, 0), i);
    assert_int_equal(tunny_close(stack, 1500), 0);
    assert_int_equal(tunny_close(stack, 3), 0);
    assert_int_equal(tunny_socket(stack, AF_INET6, SOCK_DGRAM, 0), 3);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_STREAM, 0), 1500);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_STREAM, 0), 2000);
    world_close(&world);
}

static void what_is_no_socket_is_refused(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_socket(stack, AF_UNIX, SOCK_STREAM, 0), -EAFNOSUPPORT);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_DGRAM, IPPROTO_TCP), -EPROTONOSUPPORT);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP), 0);
    assert_int_equal(tunny_fcntl(stack, 0, 3, 0) & 04000, 04000); /* F_GETFL, O_NONBLOCK */
    world_close(&world);
}

/* Whichever allocation fails, the call says so, and nothing is lost (world_close() checks). */
static void a_full_budget_is_told(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 12; at++) {
        struct stack_world world;
        world_open(&world, &(struct world_setup){0});
        struct tunny *stack = world.side[0].stack;
        stack->memory.fail_at = stack->memory.takes + at;
        for (int i = 0; i < 200; i++) {
            int s = tunny_socket(stack, AF_INET, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
            assert_true(s >= 0 || s == -ENOBUFS);
            if (s < 0)
                continue;
            struct world_name name = world_name(0, AF_INET, (uint16_t)(1000 + i));
            int r = tunny_bind(stack, s, (struct sockaddr *)&name.name, name.length);
            assert_true(r == 0 || r == -ENOBUFS);
        }
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_begin_at_the_lowest_free_one),
        cmocka_unit_test(what_is_no_socket_is_refused),
        cmocka_unit_test(a_full_budget_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
