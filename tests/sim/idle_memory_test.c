/* What a connection costs in which nothing happens, by the stack's own account: its place, its
 * picture, its socket, and its share of all tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/stack_world.h"
#include "tcp/tcp_demux.h"

enum { CONNECTIONS = 4000, IDLE_MOST = 512 };

static void an_idle_connection_costs_at_most_512_bytes(void **state)
{
    struct stack_world world;
    size_t before[2];
    (void)state;
    world_open(&world, &(struct world_setup){
                           .memory = 64u << 20, .setting = "tcp_sleep_after_ms", .value = 0});
    struct world_name name = world_name(1, AF_INET, 80);
    struct tunny *client = world.side[0].stack, *server = world.side[1].stack;
    int listener = world_listen(&world, 1, AF_INET, 80);
    for (int i = 0; i < 2; i++)
        before[i] = world.side[i].stack->memory.used;
    for (int i = 0; i < CONNECTIONS; i++) {
        int socket = tunny_socket(client, AF_INET, SOCK_STREAM, 0);
        assert_int_equal(
            tunny_connect(client, socket, (const struct sockaddr *)&name.name, name.length), 0);
        world_run(&world, duration_ms(1));
        assert_true(tunny_accept(server, listener, NULL, NULL, SOCK_NONBLOCK) >= 0);
    }
    world_run(&world, duration_s(1));
    for (int i = 0; i < 2; i++) {
        struct tunny *stack = world.side[i].stack;
        assert_int_equal(stack->tcp->asleep, CONNECTIONS);
        assert_in_range(stack->memory.used - before[i], 0, (size_t)CONNECTIONS * IDLE_MOST);
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_costs_at_most_512_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
