/* BSD's calls on UDP sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "support/stack_world.h"

static int bound(struct stack_world *world, unsigned index, int family, uint16_t port)
{
    struct tunny *stack = world->side[index].stack;
    struct world_name name = world_name(index, family, port);
    int s = tunny_socket(stack, family, SOCK_DGRAM, 0);
    assert_true(s >= 0);
    assert_int_equal(tunny_bind(stack, s, (struct sockaddr *)&name.name, name.length), 0);
    return s;
}

static ssize_t send_to(struct stack_world *world, int s, const void *data, size_t length,
                       struct world_name name)
{
    return tunny_sendto(world->side[0].stack, s, data, length, 0, (struct sockaddr *)&name.name,
                        name.length);
}

static void datagrams_of_every_size_arrive(void **state)
{
    static const size_t sizes[] = {0, 1, 1472, 1473, 2944, 9000, 65507};
    static uint8_t text[70000], back[70000];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    for (int v6 = 0; v6 < 2; v6++) {
        struct stack_world world;
        int family = v6 ? AF_INET6 : AF_INET;
        world_open(&world, &(struct world_setup){0});
        int s = bound(&world, 0, family, 1000), r = bound(&world, 1, family, 2000);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct sockaddr_storage from, expected = world_name(0, family, 1000).name;
            socklen_t length = sizeof from;
            assert_int_equal(send_to(&world, s, text, sizes[i], world_name(1, family, 2000)),
                             sizes[i]);
            memset(back, 0, sizeof back);
            memset(&from, 0, sizeof from);
            assert_int_equal(tunny_recvfrom(world.side[1].stack, r, back, sizeof back, 0,
                                            (struct sockaddr *)&from, &length),
                             sizes[i]);
            assert_memory_equal(back, text, sizes[i]);
            assert_memory_equal(&from, &expected, length);
        }
        assert_int_equal(send_to(&world, s, text, 65508, world_name(1, family, 2000)), -EMSGSIZE);
        world_close(&world);
    }
}

/* R1122-15 */
static void a_refusal_is_told_to_a_connected_socket(void **state)
{
    struct stack_world world;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    struct world_name nobody = world_name(1, AF_INET, 2000);
    int s = bound(&world, 0, AF_INET, 1000);
    assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&nobody.name, nobody.length), 0);
    assert_int_equal(tunny_send(stack, s, "text", 4, 0), 4);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ready(stack, s), POLLIN | POLLOUT | POLLERR);
    assert_int_equal(tunny_recv(stack, s, text, 4, 0), -ECONNREFUSED);
    assert_int_equal(tunny_recv(stack, s, text, 4, MSG_DONTWAIT), -EAGAIN);
    assert_int_equal(tunny_send(stack, s, "text", 4, 0), 4);
    world_run(&world, duration_ms(2000));
    assert_int_equal(tunny_send(stack, s, "text", 4, 0), -ECONNREFUSED);
    assert_int_equal(tunny_counter(world.side[1].stack, "drop.udp_no_port"), 2);
    world_close(&world);
}

static void broadcasts_must_be_allowed(void **state)
{
    struct stack_world world;
    int on = 1;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(2000)};
    int r = tunny_socket(b, AF_INET, SOCK_DGRAM, 0), s = tunny_socket(a, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(tunny_bind(b, r, (struct sockaddr *)&any, sizeof any), 0);
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(2000)};
    all.sin_addr.s_addr = htonl(0x0a0000ff);
    assert_int_equal(tunny_sendto(a, s, "text", 4, 0, (struct sockaddr *)&all, sizeof all),
                     -EACCES);
    assert_int_equal(tunny_setsockopt(a, s, SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
    assert_int_equal(tunny_sendto(a, s, "text", 4, 0, (struct sockaddr *)&all, sizeof all), 4);
    assert_int_equal(tunny_recv(b, r, text, 4, 0), 4);
    all.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    assert_int_equal(tunny_sendto(a, s, "text", 4, 0, (struct sockaddr *)&all, sizeof all), 4);
    assert_int_equal(tunny_recv(b, r, text, 4, 0), 4);
    world_close(&world);
}

static void a_short_buffer_cuts_the_datagram(void **state)
{
    struct stack_world world;
    char text[8];
    int queued = -1;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *b = world.side[1].stack;
    int s = bound(&world, 0, AF_INET, 1000), r = bound(&world, 1, AF_INET, 2000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_to(&world, s, "0123456789", 10, world_name(1, AF_INET, 2000)), 10);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ioctl(b, r, 0x541b, &queued), 0); /* FIONREAD */
    assert_int_equal(queued, 10);
    assert_int_equal(tunny_recv(b, r, text, 4, MSG_PEEK), 4);
    assert_int_equal(tunny_recv(b, r, text, 4, 0), 4);
    assert_int_equal(tunny_recv(b, r, text, 4, MSG_TRUNC), 10);
    assert_int_equal(tunny_recv(b, r, text, 8, 0), 8);
    assert_memory_equal(text, "01234567", 8);
    assert_int_equal(tunny_recv(b, r, text, 8, MSG_DONTWAIT), -EAGAIN);
    world_close(&world);
}

static void a_peer_can_be_fixed_and_released(void **state)
{
    struct stack_world world;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    int s = bound(&world, 0, AF_INET, 1000), r = bound(&world, 1, AF_INET, 2000);
    struct world_name other = world_name(0, AF_INET, 1001);
    assert_int_equal(tunny_send(a, s, "text", 4, 0), -EDESTADDRREQ);
    assert_int_equal(tunny_shutdown(a, s, SHUT_WR), -ENOTCONN);
    assert_int_equal(tunny_connect(b, r, (struct sockaddr *)&other.name, other.length), 0);
    assert_int_equal(send_to(&world, s, "text", 4, world_name(1, AF_INET, 2000)), 4);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_recv(b, r, text, 4, MSG_DONTWAIT), -EAGAIN);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_int_equal(tunny_connect(b, r, &none, sizeof none), 0);
    assert_int_equal(send_to(&world, s, "text", 4, world_name(1, AF_INET, 2000)), 4);
    assert_int_equal(tunny_recv(b, r, text, 4, 0), 4);
    world_close(&world);
}

static void a_full_device_holds_senders_back(void **state)
{
    static uint8_t text[60000];
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){.queue = 1});
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    int s = bound(&world, 0, AF_INET, 1000), r = bound(&world, 1, AF_INET, 2000), sent = 0;
    struct world_name there = world_name(1, AF_INET, 2000);
    while (tunny_sendto(a, s, text, 60000, MSG_DONTWAIT, (struct sockaddr *)&there.name,
                        there.length) == 60000)
        sent++;
    assert_in_range(sent, 1, 10);
    assert_int_equal(tunny_ready(a, s), 0);
    while (tunny_next_changed(a) >= 0)
        ;
    for (int i = 0; i < sent; i++)
        assert_int_equal(tunny_recv(b, r, text, sizeof text, 0), 60000);
    assert_int_equal(tunny_ready(a, s), POLLOUT);
    assert_int_equal(tunny_next_changed(a), s);
    /* and a blocking sender simply waits */
    for (int i = 0; i < 2 * sent; i++)
        assert_int_equal(send_to(&world, s, text, 60000, there), 60000);
    world_close(&world);
}

static void closing_lets_what_was_sent_go(void **state)
{
    struct stack_world world;
    static uint8_t text[5000];
    (void)state;
    world_open(&world, &(struct world_setup){.queue = 1});
    int s = bound(&world, 0, AF_INET, 1000), r = bound(&world, 1, AF_INET, 2000);
    assert_int_equal(send_to(&world, s, text, 5000, world_name(1, AF_INET, 2000)), 5000);
    assert_int_equal(tunny_close(world.side[0].stack, s), 0);
    assert_int_equal(tunny_recv(world.side[1].stack, r, text, sizeof text, 0), 5000);
    world_close(&world);
}

static void datagrams_to_ourselves_stay_here(void **state)
{
    struct stack_world world;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *a = world.side[0].stack;
    int s = bound(&world, 0, AF_INET, 1000), r = bound(&world, 0, AF_INET, 2000);
    assert_int_equal(send_to(&world, s, "text", 4, world_name(0, AF_INET, 2000)), 4);
    assert_int_equal(tunny_recv(a, r, text, 4, 0), 4);
    struct world_name nobody = world_name(0, AF_INET, 2001);
    assert_int_equal(tunny_connect(a, s, (struct sockaddr *)&nobody.name, nobody.length), 0);
    assert_int_equal(tunny_send(a, s, "text", 4, 0), 4);
    assert_int_equal(tunny_recv(a, s, text, 4, 0), -ECONNREFUSED);
    assert_int_equal(world.side[0].device->transmitted, 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_of_every_size_arrive),
        cmocka_unit_test(a_refusal_is_told_to_a_connected_socket),
        cmocka_unit_test(broadcasts_must_be_allowed),
        cmocka_unit_test(a_short_buffer_cuts_the_datagram),
        cmocka_unit_test(a_peer_can_be_fixed_and_released),
        cmocka_unit_test(a_full_device_holds_senders_back),
        cmocka_unit_test(closing_lets_what_was_sent_go),
        cmocka_unit_test(datagrams_to_ourselves_stay_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
