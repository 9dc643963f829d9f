/* Text that is read to its place (landing.c) arrives as if it had been copied there, whatever else
 * is read to the same place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/random.h"
#include "support/stack_world.h"

enum { FLOWS = 3, BYTES = 3000000, PIECE = 100000, PORT = 7000 };

static struct stack_world world;
static struct random draws;
static int senders[FLOWS], receivers[FLOWS], datagrams[2];

/* The byte of a flow at a position of its stream. */
static uint8_t byte_at(int flow, size_t position)
{
    uint64_t x = (position / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(2 * flow + 1);
    return (uint8_t)(x >> (position % 8 * 8));
}

static void send_some(int flow, size_t *sent)
{
    static uint8_t text[PIECE];
    size_t length = 1 + random_below(&draws, PIECE);
    if (length > BYTES - *sent)
        length = BYTES - *sent;
    for (size_t i = 0; i < length; i++)
        text[i] = byte_at(flow, *sent + i);
    ssize_t n = tunny_send(world.side[0].stack, senders[flow], text, length, MSG_DONTWAIT);
    if (n > 0)
        *sent += (size_t)n;
}

static void receive_some(int flow, size_t *received)
{
    static uint8_t text[PIECE];
    size_t length = 1 + random_below(&draws, PIECE);
    ssize_t n = tunny_recv(world.side[1].stack, receivers[flow], text, length, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        if (text[i] != byte_at(flow, *received + (size_t)i))
            fail_msg("flow %d: byte %zu is another one", flow, *received + (size_t)i);
    if (n > 0)
        *received += (size_t)n;
}

/* A datagram now and then: it must not be taken for text, nor harm it. */
static void exchange_datagram(void)
{
    uint8_t there[300], here[300];
    struct world_name name = world_name(1, AF_INET, PORT);
    memset(there, (int)random_below(&draws, 256), sizeof there);
    assert_int_equal(tunny_sendto(world.side[0].stack, datagrams[0], there, sizeof there,
                                  MSG_DONTWAIT, (struct sockaddr *)&name.name, name.length),
                     sizeof there);
    world_run(&world, duration_ms(20));
    ssize_t n = tunny_recv(world.side[1].stack, datagrams[1], here, sizeof here, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) /* perhaps an earlier one: each has bytes of one value */
        assert_int_equal(here[i], here[0]);
}

static void open_world(const struct world_setup *setup, int family)
{
    struct world_name name = world_name(1, AF_INET, PORT);
    random_seed(&draws, setup->seed);
    world_open(&world, setup);
    for (int i = 0; i < FLOWS; i++) {
        int ends[2];
        world_connect(&world, family, ends);
        senders[i] = ends[0];
        receivers[i] = ends[1];
    }
    for (int i = 0; i < 2; i++)
        datagrams[i] = tunny_socket(world.side[i].stack, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(
        tunny_bind(world.side[1].stack, datagrams[1], (struct sockaddr *)&name.name, name.length),
        0);
}

static void all_arrives(int family, uint32_t largest, const char *impair, uint64_t seed)
{
    size_t sent[FLOWS] = {0}, received[FLOWS] = {0}, arrived = 0;
    print_message("family %d, largest %u, \"%s\", seed %d\n", family, largest, impair, (int)seed);
    open_world(&(struct world_setup){.lands = true,
                                     .largest = largest,
                                     .impair = {*impair ? impair : NULL, NULL},
                                     .seed = seed},
               family);
    for (unsigned turn = 0; arrived < (size_t)FLOWS * BYTES; turn++) {
        int flow = (int)random_below(&draws, FLOWS);
        if (turn > 200000)
            fail_msg("%zu bytes of %zu arrived", arrived, (size_t)FLOWS * BYTES);
        send_some(flow, &sent[flow]);
        world_run(&world, duration_ms((int)random_below(&draws, 4)));
        if (turn % 50 == 0)
            exchange_datagram();
        arrived = 0;
        for (int i = 0; i < FLOWS; i++) {
            if (random_below(&draws, 2))
                receive_some(i, &received[i]);
            arrived += received[i];
        }
    }
    assert_true(world_landed > 100);
    world_close(&world);
}

static void every_byte_arrives(void **state)
{
    static const char *const impairs[] = {"", "out: delay 1ms loss 2% reorder 5% 50% duplicate 2%",
                                          "out: corrupt 2% delay 1ms 1ms"};
    static const uint32_t largest[] = {0, PACKET_LARGEST};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 2; j++)
            for (uint64_t seed = 1; seed <= 2; seed++)
                all_arrives(seed % 2 ? AF_INET : AF_INET6, largest[j], impairs[i], seed);
}

/* What ends the connection is read to its storage: the text that the user has not taken stays. */
static void a_reset_lands(void **state)
{
    static uint8_t text[PIECE];
    struct linger at_once = {.l_onoff = 1};
    (void)state;
    open_world(&(struct world_setup){.lands = true,
                                     .largest = PACKET_LARGEST,
                                     .setting = "tcp_rmem_default",
                                     .value = 1 << 20,
                                     .seed = 1},
               AF_INET);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tunny_send(world.side[0].stack, senders[0], text, PIECE, 0), PIECE);
    assert_int_equal(tunny_recv(world.side[1].stack, receivers[0], text, PIECE, MSG_WAITALL),
                     PIECE);
    assert_int_equal(tunny_send(world.side[0].stack, senders[0], text, PIECE, 0), PIECE);
    world_run(&world, duration_ms(10));
    uint64_t before = world_landed;
    assert_true(before > 0);
    assert_int_equal(tunny_setsockopt(world.side[0].stack, senders[0], SOL_SOCKET, SO_LINGER,
                                      &at_once, sizeof at_once),
                     0);
    assert_int_equal(tunny_close(world.side[0].stack, senders[0]), 0);
    world_run(&world, duration_ms(10));
    assert_true(world_landed > before);
    ssize_t n, left = 4 * PIECE;
    for (; (n = tunny_recv(world.side[1].stack, receivers[0], text, PIECE, 0)) > 0; left -= n)
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(text[i], 'x');
    assert_int_equal(left, 0);
    assert_int_equal(n, -ECONNRESET);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives),
        cmocka_unit_test(a_reset_lands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
