/* ioctl() and fcntl() on sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <asm/ioctls.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/sockios.h>

#include "support/stack_world.h"

static int asked(struct tunny *stack, int socket, unsigned long request)
{
    int value = -1;
    int r = tunny_ioctl(stack, socket, request, &value);
    return r < 0 ? r : value;
}

static void buffers_tell_what_lies_in_them(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_send(a, ends[0], "0123456789", 10, 0), 10);
    assert_int_equal(asked(a, ends[0], SIOCOUTQ), 10);
    assert_int_equal(asked(a, ends[0], SIOCOUTQNSD), 0);
    assert_int_equal(tunny_send(a, ends[0], "012", 3, MSG_MORE), 3);
    assert_int_equal(asked(a, ends[0], SIOCOUTQ), 13);
    assert_int_equal(asked(a, ends[0], SIOCOUTQNSD), 3);
    world_run(&world, duration_ms(400));
    assert_int_equal(asked(a, ends[0], SIOCOUTQ), 0);
    assert_int_equal(asked(b, ends[1], FIONREAD), 13);
    assert_int_equal(tunny_recv(b, ends[1], text, 4, 0), 4);
    assert_int_equal(asked(b, ends[1], SIOCINQ), 9);
    assert_int_equal(asked(b, ends[1], SIOCATMARK), 0);
    assert_int_equal(asked(b, ends[1], 0x1234), -ENOTTY);
    int listener = world_listen(&world, 0, AF_INET, 90);
    assert_int_equal(asked(a, listener, SIOCINQ), -EINVAL);
    assert_int_equal(asked(a, 99, SIOCINQ), -EBADF);
    world_close(&world);
}

static void blocking_is_switched(void **state)
{
    struct stack_world world;
    int ends[2], on = 1;
    char text[4];
    enum { GETFL = 3, SETFL = 4, NONBLOCK = 04000, READ_WRITE = 2 };
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack;
    assert_int_equal(tunny_fcntl(a, ends[0], GETFL, 0), READ_WRITE);
    assert_int_equal(tunny_ioctl(a, ends[0], FIONBIO, &on), 0);
    assert_int_equal(tunny_fcntl(a, ends[0], GETFL, 0), READ_WRITE | NONBLOCK);
    assert_int_equal(tunny_recv(a, ends[0], text, 4, 0), -EAGAIN);
    assert_int_equal(tunny_fcntl(a, ends[0], SETFL, READ_WRITE), 0);
    /* now it waits; nobody will ever send: the world says so */
    assert_int_equal(tunny_recv(a, ends[0], text, 4, 0), -EDEADLK);
    assert_int_equal(tunny_fcntl(a, ends[0], 99, 0), -EINVAL);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_tell_what_lies_in_them),
        cmocka_unit_test(blocking_is_switched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
