/* Unit tests of virtual_host.c through tunny.h: time and packets only when told. */
#include "sim/virtual_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "socket.h"

static struct tunny *stack;

static int make(void **state)
{
    char error[200];
    struct tunny_config config = {.addresses = "192.0.2.1/24", .seed = 7, .memory = 16 << 20};
    (void)state;
    return tunny_create_virtual(&config, &stack, error, sizeof error);
}

static int destroy(void **state)
{
    (void)state;
    tunny_destroy(stack);
    return 0;
}

/* connect() from here to 192.0.2.2:80, without waiting. */
static void begin_open(void)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(80)};
    there.sin_addr.s_addr = htonl(0xc0000202);
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(s >= 0);
    assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&there, sizeof there),
                     -EINPROGRESS);
}

static void nothing_is_there_at_first(void **state)
{
    struct tunny_virtual_packet packet;
    (void)state;
    assert_true(virtual_host_is(stack));
    assert_int_equal(tunny_now_ns(stack), 0);
    assert_int_equal(tunny_virtual_collect(stack, &packet), -EAGAIN);
}

static void a_packet_is_kept_until_it_is_collected(void **state)
{
    struct tunny_virtual_packet packet;
    (void)state;
    begin_open();
    assert_int_equal(tunny_virtual_collect(stack, &packet), 0);
    assert_int_equal(packet.data[0], 0x45);
    assert_int_equal(packet.data[20 + 13], 2); /* SYN */
    assert_int_equal(packet.when_ns, 0);
    assert_int_equal(tunny_virtual_collect(stack, &packet), -EAGAIN);
}

static void time_moves_when_told_and_timers_act_on_the_way(void **state)
{
    struct tunny_virtual_packet packet;
    (void)state;
    begin_open();
    assert_int_equal(tunny_virtual_collect(stack, &packet), 0);
    assert_int_equal(tunny_virtual_deadline_ns(stack), INT64_C(1000000000));
    assert_int_equal(tunny_virtual_advance(stack, INT64_C(4000000000)), 0);
    assert_int_equal(tunny_now_ns(stack), INT64_C(4000000000));
    /* R6298-09: the SYN again at 1 s and 3 s. */
    assert_int_equal(tunny_virtual_collect(stack, &packet), 0);
    assert_int_equal(packet.when_ns, INT64_C(1000000000));
    assert_int_equal(tunny_virtual_collect(stack, &packet), 0);
    assert_int_equal(packet.when_ns, INT64_C(3000000000));
}

static void what_arrives_is_answered_at_once(void **state)
{
    /* A UDP datagram to a port that nobody has: 192.0.2.2:9 to 192.0.2.1:9, no checksum. */
    uint8_t datagram[28] = {0x45, 0, 0,   28, 0, 0, 0, 0, 64, 17, 0xf6, 0xcd, 192, 0,
                            2,    2, 192, 0,  2, 1, 0, 9, 0,  9,  0,    8,    0,   0};
    struct tunny_virtual_packet packet;
    (void)state;
    assert_int_equal(tunny_virtual_inject(stack, datagram, sizeof datagram), 0);
    assert_int_equal(tunny_virtual_collect(stack, &packet), 0);
    assert_int_equal(packet.data[9], 1);  /* ICMP */
    assert_int_equal(packet.data[20], 3); /* unreachable */
    assert_int_equal(packet.data[21], 3); /* port */
}

static void lengths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_int_equal(tunny_virtual_inject(stack, "", 0), -EMSGSIZE);
    assert_int_equal(tunny_virtual_inject(stack, "", 70000), -EMSGSIZE);
}

static void a_blocking_call_never_waits(void **state)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(80)};
    (void)state;
    there.sin_addr.s_addr = htonl(0xc0000202);
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(tunny_connect(stack, s, (struct sockaddr *)&there, sizeof there), -EDEADLK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_there_at_first, make, destroy),
        cmocka_unit_test_setup_teardown(a_packet_is_kept_until_it_is_collected, make, destroy),
        cmocka_unit_test_setup_teardown(time_moves_when_told_and_timers_act_on_the_way, make,
                                        destroy),
        cmocka_unit_test_setup_teardown(what_arrives_is_answered_at_once, make, destroy),
        cmocka_unit_test_setup_teardown(lengths_that_cannot_be_are_refused, make, destroy),
        cmocka_unit_test_setup_teardown(a_blocking_call_never_waits, make, destroy),
    };
    return cmocka_run_group_tests_name("virtual host", tests, NULL, NULL);
}
