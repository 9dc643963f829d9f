/* Pings from stack to stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "support/stack_world.h"

static struct tunny_echo request_to(const char *text, uint32_t length)
{
    struct tunny_echo request = {.id = 7, .sequence = 3, .ttl = 64, .length = length};
    struct address address;
    assert_true(address_parse(text, &address));
    request.family = address_is_ipv4(&address) ? AF_INET : AF_INET6;
    if (address_is_ipv4(&address))
        memcpy(request.address, address_ipv4_bytes(&address), 4);
    else
        memcpy(request.address, address.bytes, 16);
    return request;
}

static void every_length_comes_back(void **state)
{
    static const uint32_t lengths[] = {0, 56, 1472, 1473, 9000, 65507};
    static const char *const hosts[] = {"10.0.0.2", "fd00::2", "10.0.0.1"};
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    for (size_t h = 0; h < sizeof hosts / sizeof hosts[0]; h++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct tunny_echo request = request_to(hosts[h], lengths[i]), reply;
            assert_int_equal(tunny_echo_receive(stack, &reply), -EAGAIN);
            assert_int_equal(tunny_echo_send(stack, &request), 0);
            world_run(&world, duration_ms(1));
            assert_int_equal(tunny_echo_receive(stack, &reply), 0);
            assert_int_equal(reply.error, 0);
            assert_int_equal(reply.length, lengths[i]);
            assert_int_equal(reply.sequence, 3);
            assert_int_equal(reply.id, 7);
            assert_int_equal(reply.damaged, 0);
            assert_memory_equal(reply.address, request.address, 16);
        }
    }
    world_close(&world);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny_echo request = request_to("10.0.0.2", 65508);
    assert_int_equal(tunny_echo_send(world.side[0].stack, &request), -EMSGSIZE);
    request.family = AF_UNIX;
    assert_int_equal(tunny_echo_send(world.side[0].stack, &request), -EAFNOSUPPORT);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
