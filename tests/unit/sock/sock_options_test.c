/* setsockopt() and getsockopt() at all levels (sock_options, sock_options_tcp, sock_options_ip). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/tcp.h>

#include "base/random.h"
#include "support/stack_world.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"

struct fixture {
    struct stack_world world;
    struct tunny *stack;
    int tcp, udp, tcp6;
};

static int set_up(void **state)
{
    static struct fixture f;
    world_open(&f.world, &(struct world_setup){0});
    f.stack = f.world.side[0].stack;
    f.tcp = tunny_socket(f.stack, AF_INET, SOCK_STREAM, 0);
    f.udp = tunny_socket(f.stack, AF_INET, SOCK_DGRAM, 0);
    f.tcp6 = tunny_socket(f.stack, AF_INET6, SOCK_STREAM, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    world_close(&f->world);
    return 0;
}

static int set(struct fixture *f, int socket, int level, int option, int value)
{
    return tunny_setsockopt(f->stack, socket, level, option, &value, sizeof value);
}

static int get(struct fixture *f, int socket, int level, int option)
{
    int value = -12345;
    socklen_t length = sizeof value;
    int r = tunny_getsockopt(f->stack, socket, level, option, &value, &length);
    assert_int_equal(length, sizeof value);
    return r < 0 ? r : value;
}

static void flags_are_kept(void **state)
{
    static const struct {
        int level, option;
    } flags[] = {{SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT},
                 {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_BROADCAST},
                 {SOL_SOCKET, SO_OOBINLINE}, {IPPROTO_TCP, TCP_NODELAY},
                 {IPPROTO_TCP, TCP_CORK},    {IPPROTO_TCP, TCP_QUICKACK},
                 {IPPROTO_TCP, TCP_INQ},     {IPPROTO_IP, IP_RECVERR}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        for (int on = 1; on >= 0; on--) {
            assert_int_equal(set(f, f->tcp, flags[i].level, flags[i].option, on), 0);
            assert_int_equal(get(f, f->tcp, flags[i].level, flags[i].option), on);
        }
    }
}

static void numbers_are_kept_within_bounds(void **state)
{
    static const struct {
        int level, option, least, most;
    } numbers[] = {
        {IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767}, {IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767},
        {IPPROTO_TCP, TCP_KEEPCNT, 1, 127},    {IPPROTO_TCP, TCP_SYNCNT, 1, 127},
        {IPPROTO_TCP, TCP_MAXSEG, 88, 32767},  {IPPROTO_IP, IP_TTL, 1, 255},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int level = numbers[i].level, option = numbers[i].option;
        assert_int_equal(set(f, f->tcp, level, option, numbers[i].least), 0);
        assert_int_equal(get(f, f->tcp, level, option), numbers[i].least);
        assert_int_equal(set(f, f->tcp, level, option, numbers[i].most), 0);
        assert_int_equal(get(f, f->tcp, level, option), numbers[i].most);
        assert_int_equal(set(f, f->tcp, level, option, numbers[i].most + 1), -EINVAL);
        assert_int_equal(set(f, f->tcp, level, option, -2), -EINVAL);
        assert_int_equal(get(f, f->tcp, level, option), numbers[i].most);
    }
    assert_int_equal(set(f, f->tcp, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000), 0);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    assert_int_equal(set(f, f->tcp, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), -EINVAL);
}

static void unset_numbers_show_the_tunables(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_KEEPINTVL), 75);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_KEEPCNT), 9);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_SYNCNT), 7);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_LINGER2), 60);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_MAXSEG), 536);
}

/* As Linux: twice what was asked for, within bounds. */
static void buffers_read_back_doubled(void **state)
{
    struct fixture *f = *state;
    const int sockets[] = {f->tcp, f->udp};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(set(f, sockets[i], SOL_SOCKET, SO_SNDBUF, 10000), 0);
        assert_int_equal(get(f, sockets[i], SOL_SOCKET, SO_SNDBUF), 20000);
        assert_int_equal(set(f, sockets[i], SOL_SOCKET, SO_RCVBUF, 10000), 0);
        assert_int_equal(get(f, sockets[i], SOL_SOCKET, SO_RCVBUF), 20000);
        assert_int_equal(set(f, sockets[i], SOL_SOCKET, SO_SNDBUF, 1), 0);
        assert_int_equal(get(f, sockets[i], SOL_SOCKET, SO_SNDBUF), 4608);
        assert_int_equal(set(f, sockets[i], SOL_SOCKET, SO_RCVBUF, 0), 0);
        assert_int_equal(get(f, sockets[i], SOL_SOCKET, SO_RCVBUF), 2304);
        assert_int_equal(set(f, sockets[i], SOL_SOCKET, SO_RCVBUF, -1), 0);
        assert_int_equal(get(f, sockets[i], SOL_SOCKET, SO_RCVBUF), 8388608);
    }
}

static void times_and_structs_are_kept(void **state)
{
    struct fixture *f = *state;
    struct timeval time = {.tv_sec = 3, .tv_usec = 250000}, back = {0};
    socklen_t length = sizeof back;
    assert_int_equal(
        tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
    assert_int_equal(tunny_getsockopt(f->stack, f->tcp, SOL_SOCKET, SO_SNDTIMEO, &back, &length),
                     0);
    assert_int_equal(back.tv_sec, 3);
    assert_int_equal(back.tv_usec, 250000);
    time.tv_usec = 1000000;
    assert_int_equal(
        tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), -EDOM);
    struct linger linger = {.l_onoff = 1, .l_linger = 7}, lingered = {0};
    length = sizeof lingered;
    assert_int_equal(
        tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(tunny_getsockopt(f->stack, f->tcp, SOL_SOCKET, SO_LINGER, &lingered, &length),
                     0);
    assert_int_equal(lingered.l_onoff, 1);
    assert_int_equal(lingered.l_linger, 7);
    uint64_t rate = 123456789, unbounded = 0;
    length = sizeof unbounded;
    assert_int_equal(
        tunny_getsockopt(f->stack, f->tcp, SOL_SOCKET, SO_MAX_PACING_RATE, &unbounded, &length), 0);
    assert_true(unbounded == UINT64_MAX);
    assert_int_equal(
        tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate), 0);
    assert_int_equal(
        tunny_getsockopt(f->stack, f->tcp, SOL_SOCKET, SO_MAX_PACING_RATE, &unbounded, &length), 0);
    assert_true(unbounded == rate);
}

/* R7413-04: only who asks for it: a listener's limit, a client's wish; nothing on a connection. */
static void fast_open_is_asked_for(void **state)
{
    struct fixture *f = *state;
    static const int all[] = {TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE};
    int ends[2];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(get(f, f->tcp, IPPROTO_TCP, all[i]), 0);
        assert_int_equal(set(f, f->tcp, IPPROTO_TCP, all[i], -1), -EINVAL);
        assert_int_equal(set(f, f->tcp, IPPROTO_TCP, all[i], 1), 0);
        assert_int_equal(get(f, f->tcp, IPPROTO_TCP, all[i]), 1);
        assert_int_equal(set(f, f->tcp, IPPROTO_TCP, all[i], 2), i == 0 ? 0 : -EINVAL);
    }
    assert_int_equal(tunny_listen(f->stack, f->tcp, 5), 0);
    assert_int_equal(set(f, f->tcp, IPPROTO_TCP, TCP_FASTOPEN, 7), 0);
    assert_int_equal(get(f, f->tcp, IPPROTO_TCP, TCP_FASTOPEN), 7);
    world_connect(&f->world, AF_INET, ends);
    assert_int_equal(set(f, ends[0], IPPROTO_TCP, TCP_FASTOPEN, 7), -EINVAL);
    assert_int_equal(tunny_set(f->stack, "tcp_fastopen", 0), 0);
    assert_int_equal(set(f, f->tcp6, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), -EOPNOTSUPP);
}

/* R7413-02: keys are 16 bytes, one or two. */
static void a_listener_may_have_keys_of_its_own(void **state)
{
    struct fixture *f = *state;
    uint8_t key[32] = {1, 2, 3}, back[32];
    socklen_t length = sizeof back;
    int s = f->tcp;
    assert_int_equal(tunny_getsockopt(f->stack, s, IPPROTO_TCP, TCP_FASTOPEN_KEY, back, &length),
                     0);
    assert_int_equal(length, 0);
    assert_int_equal(tunny_setsockopt(f->stack, s, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, 31),
                     -EINVAL);
    assert_int_equal(tunny_setsockopt(f->stack, s, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, 16), 0);
    assert_int_equal(tunny_listen(f->stack, s, 5), 0);
    assert_int_equal(tunny_setsockopt(f->stack, s, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, 32), 0);
    length = sizeof back;
    assert_int_equal(tunny_getsockopt(f->stack, s, IPPROTO_TCP, TCP_FASTOPEN_KEY, back, &length),
                     0);
    assert_int_equal(length, 32);
    assert_memory_equal(back, key, 32);
}

static void sockets_say_what_they_are(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, f->tcp, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(get(f, f->udp, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    assert_int_equal(get(f, f->tcp, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    assert_int_equal(get(f, f->udp, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
    assert_int_equal(get(f, f->tcp6, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    assert_int_equal(get(f, f->tcp, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(tunny_listen(f->stack, f->tcp, 1), 0);
    assert_int_equal(get(f, f->tcp, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

static void congestion_control_is_chosen_by_name(void **state)
{
    struct fixture *f = *state;
    char name[16];
    socklen_t length = sizeof name;
    assert_int_equal(tunny_setsockopt(f->stack, f->tcp, IPPROTO_TCP, TCP_CONGESTION, "nothing", 7),
                     -ENOENT);
    assert_int_equal(tunny_setsockopt(f->stack, f->tcp, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    assert_int_equal(tunny_getsockopt(f->stack, f->tcp, IPPROTO_TCP, TCP_CONGESTION, name, &length),
                     0);
    assert_string_equal(name, "reno");
    length = sizeof name;
    assert_int_equal(
        tunny_getsockopt(f->stack, f->tcp6, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
    assert_string_equal(name, tunny_congestion(0));
}

static void ip_options_act_on_their_family(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 0xb8;
    assert_int_equal(tunny_setsockopt(f->stack, f->udp, IPPROTO_IP, IP_TOS, &byte, 1), 0);
    assert_int_equal(get(f, f->udp, IPPROTO_IP, IP_TOS), 0xb8);
    /* RFC 3168, 6.1: the ECN bits of TCP's packets are not the user's */
    assert_int_equal(set(f, f->tcp, IPPROTO_IP, IP_TOS, 0x13), 0);
    assert_int_equal(get(f, f->tcp, IPPROTO_IP, IP_TOS), 0x10);
    assert_int_equal(set(f, f->tcp6, IPPROTO_IPV6, IPV6_TCLASS, 0x20), 0);
    assert_int_equal(get(f, f->tcp6, IPPROTO_IPV6, IPV6_TCLASS), 0x20);
    assert_int_equal(set(f, f->tcp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9), 0);
    assert_int_equal(get(f, f->tcp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 9);
    assert_int_equal(set(f, f->tcp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1), 0);
    assert_int_equal(get(f, f->tcp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
    assert_int_equal(set(f, f->tcp, IPPROTO_IPV6, IPV6_TCLASS, 0), -ENOPROTOOPT);
    assert_int_equal(set(f, f->tcp6, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert_int_equal(tunny_listen(f->stack, f->tcp6, 1), 0);
    assert_int_equal(set(f, f->tcp6, IPPROTO_IPV6, IPV6_V6ONLY, 0), -EINVAL);
}

static void unknown_options_are_refused(void **state)
{
    struct fixture *f = *state;
    int value = 0;
    assert_int_equal(set(f, f->tcp, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
    assert_int_equal(set(f, f->tcp, IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
    assert_int_equal(set(f, f->udp, IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
    assert_int_equal(set(f, f->tcp, 9999, 1, 1), -ENOPROTOOPT);
    assert_int_equal(get(f, f->tcp, IPPROTO_IP, 9999), -ENOPROTOOPT);
    assert_int_equal(set(f, 99, SOL_SOCKET, SO_KEEPALIVE, 1), -EBADF);
    assert_int_equal(tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_KEEPALIVE, &value, 3),
                     -EINVAL);
    assert_int_equal(tunny_setsockopt(f->stack, f->tcp, SOL_SOCKET, SO_KEEPALIVE, NULL, 4),
                     -EINVAL);
}

/* Buffer size option abuse: whatever is set, the stack lives and answers. */
static void no_value_does_harm(void **state)
{
    static const int values[] = {INT32_MIN, -1, 0, 1, 2, 255, 65536, INT32_MAX};
    static const int levels[] = {SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6};
    struct fixture *f = *state;
    struct random random;
    int ends[2];
    world_connect(&f->world, AF_INET6, ends);
    random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        int level = levels[random_below(&random, 4)], option = (int)random_below(&random, 75);
        int value = values[random_below(&random, 8)], socket = (int)random_below(&random, 4);
        uint8_t answer[600];
        socklen_t length = (socklen_t)random_below(&random, sizeof answer);
        tunny_setsockopt(f->stack, socket, level, option, &value,
                         (socklen_t)random_below(&random, 5));
        set(f, socket, level, option, value);
        tunny_getsockopt(f->stack, socket, level, option, answer, &length);
        if (i % 500 == 0)
            world_run(&f->world, duration_ms(1));
    }
    assert_int_equal(get(f, f->tcp, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
}

/* The other host's answer to the newest segment: "host unreachable", as a router would send it. */
static void answer_with_unreachable(struct fixture *f)
{
    struct device *wire = f->world.side[1].device;
    struct packet sent, error = {.count = 1};
    uint8_t bytes[128];
    int packets = 0;
    while (device_receive(wire, &sent, f->world.now) == 0)
        packets++;
    assert_int_equal(packets, 1);
    struct ipv4_header header = {.header_length = 20, .total_length = 56, .ttl = 64, .protocol = 1};
    assert_true(address_parse("10.0.0.2", &header.source));
    assert_true(address_parse("10.0.0.1", &header.destination));
    ipv4_build(&header, bytes);
    struct icmp_message message = {.type = ICMP_UNREACHABLE,
                                   .code = ICMP_HOST_UNREACHABLE,
                                   .body = bytes_part(sent.parts[0], 0, 28)};
    size_t length = icmp_build(&message, &header.source, &header.destination, bytes + 20, 108);
    error.parts[0] = (struct bytes){bytes, 20 + length};
    assert_int_equal(device_transmit(wire, &error, f->world.now), 0);
    assert_int_equal(tunny_run(f->stack), 0);
}

/* MUST-47, SHLD-20, SHLD-25 */
static void soft_errors_are_told_to_who_wants_them(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    world_connect(&f->world, AF_INET, ends);
    assert_int_equal(set(f, ends[0], IPPROTO_TCP, TCP_NODELAY, 1), 0);
    world_run(&f->world, duration_ms(300));
    for (int wanted = 0; wanted < 2; wanted++) {
        assert_int_equal(set(f, ends[0], IPPROTO_IP, IP_RECVERR, wanted), 0);
        assert_int_equal(tunny_send(f->stack, ends[0], "text", 4, 0), 4);
        answer_with_unreachable(f);
        assert_int_equal(get(f, ends[0], SOL_SOCKET, SO_ERROR), wanted ? EHOSTUNREACH : 0);
        assert_int_equal(get(f, ends[0], SOL_SOCKET, SO_ERROR), 0);
    }
    /* the connection goes on (MUST-56) */
    char text[8];
    assert_int_equal(tunny_recv(f->world.side[1].stack, ends[1], text, sizeof text, MSG_WAITALL),
                     8);
}

static void tcp_info_tells_the_truth(void **state)
{
    struct fixture *f = *state;
    struct tcp_info info;
    socklen_t length = sizeof info;
    int ends[2];
    assert_int_equal(tunny_getsockopt(f->stack, f->tcp, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, 7);
    world_connect(&f->world, AF_INET, ends);
    assert_int_equal(tunny_send(f->stack, ends[0], "0123456789", 10, 0), 10);
    world_run(&f->world, duration_ms(300));
    assert_int_equal(tunny_getsockopt(f->stack, ends[0], IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, 1);
    assert_int_equal(info.tcpi_snd_mss, 1448);
    assert_int_equal(info.tcpi_snd_cwnd, 10);
    assert_int_equal(info.tcpi_unacked, 0);
    assert_int_equal(info.tcpi_bytes_sent, 10);
    assert_int_equal(info.tcpi_data_segs_out, 1);
    assert_int_equal(info.tcpi_options & 7, 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(flags_are_kept),
        TEST(numbers_are_kept_within_bounds),
        TEST(unset_numbers_show_the_tunables),
        TEST(buffers_read_back_doubled),
        TEST(times_and_structs_are_kept),
        TEST(fast_open_is_asked_for),
        TEST(a_listener_may_have_keys_of_its_own),
        TEST(sockets_say_what_they_are),
        TEST(congestion_control_is_chosen_by_name),
        TEST(ip_options_act_on_their_family),
        TEST(unknown_options_are_refused),
        TEST(no_value_does_harm),
        TEST(soft_errors_are_told_to_who_wants_them),
        TEST(tcp_info_tells_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
