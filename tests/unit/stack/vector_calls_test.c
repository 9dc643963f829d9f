/* writev() and readv() on sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "support/stack_world.h"

static char one[] = "abc", two[] = "defg";

static void a_stream_is_gathered_and_scattered(void **state)
{
    struct stack_world world;
    int ends[2];
    char first[2], second[5];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct iovec out[2] = {{one, 3}, {two, 4}}, in[2] = {{first, 2}, {second, 5}};
    assert_int_equal(tunny_writev(world.side[0].stack, ends[0], out, 2), 7);
    /* one segment: the first piece waited for the second */
    assert_int_equal(tunny_counter(world.side[0].stack, "TcpOutSegs"), 3);
    assert_int_equal(tunny_readv(world.side[1].stack, ends[1], in, 2), 7);
    assert_memory_equal(first, "ab", 2);
    assert_memory_equal(second, "cdefg", 5);
    assert_int_equal(tunny_writev(world.side[0].stack, ends[0], out, -1), -EINVAL);
    assert_int_equal(tunny_writev(world.side[0].stack, 99, out, 2), -EBADF);
    world_close(&world);
}

static void a_datagram_is_put_together_and_taken_apart(void **state)
{
    static char large[65508];
    struct stack_world world;
    char first[2], second[3], third[9];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    struct world_name name = world_name(1, AF_INET, 2000);
    int s = tunny_socket(a, AF_INET, SOCK_DGRAM, 0), r = tunny_socket(b, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(tunny_bind(b, r, (struct sockaddr *)&name.name, name.length), 0);
    assert_int_equal(tunny_connect(a, s, (struct sockaddr *)&name.name, name.length), 0);
    struct iovec out[2] = {{one, 3}, {two, 4}};
    struct iovec in[3] = {{first, 2}, {second, 3}, {third, 9}}, too_large = {large, sizeof large};
    assert_int_equal(tunny_writev(a, s, out, 2), 7);
    assert_int_equal(tunny_writev(a, s, out, 0), 0);
    assert_int_equal(tunny_readv(b, r, in, 3), 7);
    assert_memory_equal(first, "ab", 2);
    assert_memory_equal(second, "cde", 3);
    assert_memory_equal(third, "fg", 2);
    assert_int_equal(tunny_readv(b, r, in, 3), 0);
    assert_int_equal(tunny_writev(a, s, &too_large, 1), -EMSGSIZE);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_gathered_and_scattered),
        cmocka_unit_test(a_datagram_is_put_together_and_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
