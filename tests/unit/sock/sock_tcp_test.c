/* BSD's calls on TCP sockets, with the answers that Linux gives. */
#define _GNU_SOURCE /* POLLRDHUP */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/tcp.h>

#include "support/stack_world.h"

static int call_connect(struct stack_world *world, int socket, uint16_t port)
{
    struct world_name name = world_name(1, AF_INET, port);
    return tunny_connect(world->side[0].stack, socket, (struct sockaddr *)&name.name, name.length);
}

static int error_of(struct tunny *stack, int socket)
{
    int error = -1;
    socklen_t length = sizeof error;
    assert_int_equal(tunny_getsockopt(stack, socket, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    return error;
}

/* --- OPEN ------------------------------------------------------------------------------------- */

static void a_handshake_is_told_step_by_step(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    world_listen(&world, 1, AF_INET, 80);
    assert_int_equal(call_connect(&world, s, 80), -EINPROGRESS);
    assert_int_equal(call_connect(&world, s, 80), -EALREADY);
    assert_int_equal(tunny_ready(stack, s), 0);
    char text[4];
    assert_int_equal(tunny_recv(stack, s, text, 4, 0), -EAGAIN);
    assert_int_equal(tunny_send(stack, s, "text", 4, 0), -EAGAIN);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ready(stack, s), POLLOUT);
    assert_int_equal(error_of(stack, s), 0);
    assert_int_equal(call_connect(&world, s, 80), 0);
    assert_int_equal(call_connect(&world, s, 80), -EISCONN);
    world_close(&world);
}

static void a_refusal_is_told_once(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(call_connect(&world, s, 81), -EINPROGRESS);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ready(stack, s), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    assert_int_equal(error_of(stack, s), ECONNREFUSED);
    assert_int_equal(error_of(stack, s), 0);
    /* the socket may be used again */
    assert_int_equal(call_connect(&world, s, 81), -ECONNABORTED);
    world_listen(&world, 1, AF_INET, 82);
    assert_int_equal(call_connect(&world, s, 82), -EINPROGRESS);
    world_run(&world, duration_ms(1));
    assert_int_equal(call_connect(&world, s, 82), 0);
    int blocking = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(call_connect(&world, blocking, 81), -ECONNREFUSED);
    world_close(&world);
}

/* MUST-46 */
static void no_connection_is_opened_to_groups(void **state)
{
    static const char *const wrong[] = {"255.255.255.255", "10.0.0.255", "224.0.0.1", "0.0.0.0"};
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(80)};
        struct address address;
        assert_true(address_parse(wrong[i], &address));
        memcpy(&name.sin_addr, address_ipv4_bytes(&address), 4);
        int r = tunny_connect(stack, s, (struct sockaddr *)&name, sizeof name);
        assert_true(r == -ENETUNREACH || r == -EACCES);
    }
    assert_int_equal(world.side[0].device->transmitted, 0);
    world_close(&world);
}

static void a_bound_port_is_used_and_taken(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    world_listen(&world, 1, AF_INET, 80);
    struct world_name own = world_name(0, AF_INET, 5000), foreign = world_name(1, AF_INET, 5001);
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    int other = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(tunny_bind(stack, s, (struct sockaddr *)&foreign.name, foreign.length),
                     -EADDRNOTAVAIL);
    assert_int_equal(tunny_bind(stack, s, (struct sockaddr *)&own.name, own.length), 0);
    assert_int_equal(tunny_bind(stack, s, (struct sockaddr *)&own.name, own.length), -EINVAL);
    assert_int_equal(tunny_bind(stack, other, (struct sockaddr *)&own.name, own.length),
                     -EADDRINUSE);
    assert_int_equal(call_connect(&world, s, 80), 0);
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    assert_int_equal(tunny_getsockname(stack, s, (struct sockaddr *)&name, &length), 0);
    assert_int_equal(ntohs(name.sin_port), 5000);
    length = sizeof name;
    assert_int_equal(tunny_getpeername(stack, s, (struct sockaddr *)&name, &length), 0);
    assert_int_equal(ntohs(name.sin_port), 80);
    assert_int_equal(tunny_getpeername(stack, other, (struct sockaddr *)&name, &length), -ENOTCONN);
    /* the port is free again with the socket */
    assert_int_equal(tunny_close(stack, s), 0);
    assert_int_equal(tunny_bind(stack, other, (struct sockaddr *)&own.name, own.length), 0);
    world_close(&world);
}

/* RFC 3493, 3.7 */
static void an_ipv6_listener_serves_ipv4_too(void **state)
{
    struct stack_world world;
    (void)state;
    for (int v6only = 0; v6only < 2; v6only++) {
        world_open(&world, &(struct world_setup){0});
        struct tunny *server = world.side[1].stack;
        int listener = tunny_socket(server, AF_INET6, SOCK_STREAM, 0);
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
        assert_int_equal(
            tunny_setsockopt(server, listener, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only),
            0);
        assert_int_equal(tunny_bind(server, listener, (struct sockaddr *)&any, sizeof any), 0);
        assert_int_equal(tunny_listen(server, listener, 1), 0);
        int s = tunny_socket(world.side[0].stack, AF_INET, SOCK_STREAM, 0);
        assert_int_equal(call_connect(&world, s, 80), v6only ? -ECONNREFUSED : 0);
        if (!v6only) {
            struct sockaddr_in6 peer;
            socklen_t length = sizeof peer;
            assert_true(tunny_accept(server, listener, (struct sockaddr *)&peer, &length, 0) >= 0);
            assert_true(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
        }
        world_close(&world);
    }
}

/* --- fresh sockets and listeners -------------------------------------------------------------- */

static void a_fresh_socket_is_a_closed_one(void **state)
{
    struct stack_world world;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(tunny_ready(stack, s), POLLOUT | POLLHUP);
    assert_int_equal(tunny_send(stack, s, "text", 4, 0), -EPIPE);
    assert_int_equal(tunny_recv(stack, s, text, 4, 0), -ENOTCONN);
    assert_int_equal(tunny_shutdown(stack, s, SHUT_WR), -ENOTCONN);
    assert_int_equal(tunny_accept(stack, s, NULL, NULL, 0), -EINVAL);
    assert_int_equal(tunny_close(stack, s), 0);
    assert_int_equal(tunny_close(stack, s), -EBADF);
    assert_int_equal(tunny_recv(stack, -1, text, 4, 0), -EBADF);
    world_close(&world);
}

static void a_listener_becomes_readable_and_can_be_shut(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *server = world.side[1].stack;
    int listener = world_listen(&world, 1, AF_INET, 80);
    assert_int_equal(tunny_ready(server, listener), 0);
    assert_int_equal(tunny_accept(server, listener, NULL, NULL, 0), -EAGAIN);
    assert_int_equal(call_connect(&world, listener, 80), -EBADF); /* of another stack */
    int s = tunny_socket(world.side[0].stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(call_connect(&world, s, 80), 0);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ready(server, listener), POLLIN);
    int c = tunny_accept(server, listener, NULL, NULL, 0);
    assert_true(c >= 0);
    assert_int_equal(tunny_ready(server, listener), 0);
    assert_int_equal(tunny_shutdown(server, listener, SHUT_RD), 0);
    assert_int_equal(tunny_accept(server, listener, NULL, NULL, 0), -EINVAL);
    /* MUST-41: the connection lives on */
    assert_int_equal(tunny_send(server, c, "text", 4, 0), 4);
    char text[4];
    assert_int_equal(tunny_recv(world.side[0].stack, s, text, 4, 0), 4);
    world_close(&world);
}

/* --- SEND, RECEIVE, CLOSE --------------------------------------------------------------------- */

static void half_a_connection_goes_on(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[8];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_shutdown(a, ends[0], SHUT_WR), 0);
    assert_int_equal(tunny_send(a, ends[0], "text", 4, 0), -EPIPE);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_ready(b, ends[1]), POLLIN | POLLOUT | POLLRDHUP);
    assert_int_equal(tunny_recv(b, ends[1], text, sizeof text, 0), 0);
    assert_int_equal(tunny_send(b, ends[1], "back", 4, 0), 4);
    assert_int_equal(tunny_recv(a, ends[0], text, sizeof text, 0), 4);
    assert_int_equal(tunny_shutdown(b, ends[1], SHUT_WR), 0);
    assert_int_equal(tunny_recv(a, ends[0], text, sizeof text, 0), 0);
    assert_int_equal(tunny_ready(b, ends[1]) & POLLHUP, POLLHUP);
    world_close(&world);
}

/* SHLD-3 */
static void closing_with_unread_text_resets(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[8];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_send(a, ends[0], "text", 4, 0), 4);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_close(b, ends[1]), 0);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_recv(a, ends[0], text, sizeof text, 0), -ECONNRESET);
    assert_int_equal(tunny_recv(a, ends[0], text, sizeof text, 0), 0);
    assert_int_equal(tunny_send(a, ends[0], "text", 4, 0), -EPIPE);
    world_close(&world);
}

static void linger_of_no_time_resets(void **state)
{
    struct stack_world world;
    int ends[2];
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack;
    assert_int_equal(tunny_setsockopt(a, ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
                     0);
    assert_int_equal(tunny_close(a, ends[0]), 0);
    world_run(&world, duration_ms(1));
    assert_int_equal(error_of(world.side[1].stack, ends[1]), ECONNRESET);
    world_close(&world);
}

static void linger_waits_until_the_text_has_arrived(void **state)
{
    struct stack_world world;
    int ends[2];
    struct linger linger = {.l_onoff = 1, .l_linger = 10};
    (void)state;
    world_open(&world, &(struct world_setup){.impair = {"delay 50ms", "delay 50ms"}});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack;
    assert_int_equal(tunny_setsockopt(a, ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
                     0);
    assert_int_equal(tunny_send(a, ends[0], "text", 4, 0), 4);
    int64_t before = world.now.ns;
    assert_int_equal(tunny_close(a, ends[0]), 0);
    assert_in_range(world.now.ns - before, 200000000, 300000000);
    world_close(&world);
}

/* The peer's window is closed: the time passes, and close() returns. */
static void linger_waits_no_longer_than_its_time(void **state)
{
    static char text[100000];
    struct stack_world world;
    int ends[2], least = 2304;
    struct linger linger = {.l_onoff = 1, .l_linger = 10};
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack;
    assert_int_equal(
        tunny_setsockopt(world.side[1].stack, ends[1], SOL_SOCKET, SO_RCVBUF, &least, sizeof least),
        0);
    assert_int_equal(tunny_setsockopt(a, ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
                     0);
    while (tunny_send(a, ends[0], text, sizeof text, MSG_DONTWAIT) > 0)
        world_run(&world, duration_ms(10));
    int64_t before = world.now.ns;
    assert_int_equal(tunny_close(a, ends[0]), 0);
    assert_int_equal(world.now.ns - before, INT64_C(10000000000));
    world_close(&world);
}

static void peeking_takes_nothing(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[8] = "";
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_send(a, ends[0], "abc", 3, 0), 3);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, MSG_PEEK), 3);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, MSG_PEEK), 3);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(tunny_recv(b, ends[1], NULL, 2, MSG_TRUNC), 2);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, 0), 1);
    assert_int_equal(text[0], 'c');
    /* a peek for more than will come ends with the stream */
    assert_int_equal(tunny_send(a, ends[0], "de", 2, 0), 2);
    assert_int_equal(tunny_shutdown(a, ends[0], SHUT_WR), 0);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_recv(b, ends[1], text, 8, MSG_PEEK | MSG_WAITALL), 2);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, MSG_WAITALL), 2);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, MSG_WAITALL), 0);
    world_close(&world);
}

/* API edge: zero-length read/write */
static void nothing_is_sent_and_received_at_once(void **state)
{
    struct stack_world world;
    int ends[2];
    char text[1];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack;
    assert_int_equal(tunny_send(a, ends[0], "", 0, 0), 0);
    assert_int_equal(tunny_recv(a, ends[0], text, 0, 0), 0);
    assert_int_equal(tunny_writev(a, ends[0], NULL, 0), 0);
    assert_int_equal(tunny_readv(a, ends[0], NULL, 0), 0);
    world_close(&world);
}

/* MUST-30, MUST-32, MUST-33 */
static void urgent_text_is_told_and_marked(void **state)
{
    struct stack_world world;
    int ends[2], mark = -1, off = 0;
    char text[8] = "";
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_setsockopt(b, ends[1], SOL_SOCKET, SO_OOBINLINE, &off, sizeof off), 0);
    assert_int_equal(tunny_send(a, ends[0], "ab!", 3, MSG_OOB), 3);
    assert_int_equal(tunny_send(a, ends[0], "cd", 2, 0), 2);
    world_run(&world, duration_ms(300));
    assert_int_equal(tunny_ready(b, ends[1]) & POLLPRI, POLLPRI);
    assert_int_equal(tunny_recv(b, ends[1], text, 8, 0), 2);
    assert_int_equal(tunny_ioctl(b, ends[1], 0x8905, &mark), 0); /* SIOCATMARK */
    assert_int_equal(mark, 1);
    assert_int_equal(tunny_recv(b, ends[1], text, 1, MSG_OOB), 1);
    assert_int_equal(text[0], '!');
    assert_int_equal(tunny_recv(b, ends[1], text, 8, 0), 2);
    assert_memory_equal(text, "cd", 2);
    world_close(&world);
}

/* --- Fast Open (RFC 7413) --------------------------------------------------------------------- */

static int64_t call_open_with(struct stack_world *world, int socket, const char *text)
{
    struct world_name name = world_name(1, AF_INET, 80);
    return tunny_sendto(world->side[0].stack, socket, text, strlen(text), MSG_FASTOPEN,
                        (struct sockaddr *)&name.name, name.length);
}

static int fast_listener(struct stack_world *world)
{
    int most = 5, listener = world_listen(world, 1, AF_INET, 80);
    struct tunny *stack = world->side[1].stack;
    assert_int_equal(tunny_set(stack, "tcp_fastopen", 3), 0);
    assert_int_equal(
        tunny_setsockopt(stack, listener, IPPROTO_TCP, TCP_FASTOPEN, &most, sizeof most), 0);
    return listener;
}

static void hears(struct stack_world *world, int listener, const char *text)
{
    char heard[64];
    struct tunny *stack = world->side[1].stack;
    int child = tunny_accept(stack, listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(child >= 0);
    assert_int_equal(tunny_recv(stack, child, heard, sizeof heard, 0), strlen(text));
    assert_memory_equal(heard, text, strlen(text));
    tunny_close(stack, child);
}

/* R7413-02, R7413-05: blocking: the first call learns a cookie, the others use it. */
static void text_is_sent_with_the_open(void **state)
{
    struct stack_world world;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int listener = fast_listener(&world);
    for (int i = 0; i < 3; i++) {
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
        assert_int_equal(call_open_with(&world, s, "hello"), 5);
        assert_int_equal(call_open_with(&world, s, "hello"), -EISCONN);
        world_run(&world, duration_ms(1));
        hears(&world, listener, "hello");
        tunny_close(stack, s);
        world_run(&world, duration_ms(300));
    }
    assert_int_equal(tunny_counter(stack, "TcpExtTCPFastOpenActive"), 2);
    assert_int_equal(tunny_counter(world.side[1].stack, "TcpExtTCPFastOpenPassive"), 2);
    int refused = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    tunny_close(world.side[1].stack, listener);
    assert_int_equal(call_open_with(&world, refused, "hello"), -ECONNREFUSED);
    world_close(&world);
}

/* R7413-02, R7413-05: TCP_FASTOPEN_CONNECT: connect() has nothing to wait for. */
static void the_first_send_connects(void **state)
{
    struct stack_world world;
    int on = 1;
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int listener = fast_listener(&world);
    for (int i = 0; i < 2; i++) {
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_int_equal(
            tunny_setsockopt(stack, s, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on), 0);
        assert_int_equal(call_connect(&world, s, 80), i == 0 ? -EINPROGRESS : 0);
        if (i == 0)
            world_run(&world, duration_ms(1));
        else
            assert_int_equal(call_connect(&world, s, 80), -EISCONN);
        assert_int_equal(tunny_ready(stack, s), POLLOUT);
        assert_int_equal(tunny_send(stack, s, "text", 4, 0), 4);
        world_run(&world, duration_ms(1));
        hears(&world, listener, "text");
        tunny_close(stack, s);
        world_run(&world, duration_ms(300));
    }
    assert_int_equal(tunny_counter(stack, "TcpExtTCPFastOpenActive"), 1);
    int unused = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    tunny_setsockopt(stack, unused, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
    assert_int_equal(call_connect(&world, unused, 80), 0);
    assert_int_equal(tunny_shutdown(stack, unused, SHUT_WR), 0); /* nobody has heard of it */
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_accept(world.side[1].stack, listener, NULL, NULL, 0), -EAGAIN);
    world_close(&world);
}

static void fast_open_needs_a_name(void **state)
{
    struct stack_world world;
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *stack = world.side[0].stack;
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(tunny_send(stack, s, "x", 1, MSG_FASTOPEN), -EDESTADDRREQ);
    assert_int_equal(tunny_sendto(stack, s, "x", 1, MSG_FASTOPEN, &nowhere, sizeof nowhere),
                     -EOPNOTSUPP);
    int listener = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(tunny_listen(stack, listener, 1), 0);
    assert_int_equal(call_open_with(&world, listener, "x"), -EISCONN);
    world_close(&world);
}

static void who_has_changed_is_told(void **state)
{
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *b = world.side[1].stack;
    while (tunny_next_changed(b) >= 0)
        ;
    assert_int_equal(tunny_send(world.side[0].stack, ends[0], "text", 4, 0), 4);
    world_run(&world, duration_ms(1));
    assert_int_equal(tunny_next_changed(b), ends[1]);
    assert_int_equal(tunny_next_changed(b), -EAGAIN);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_is_told_step_by_step),
        cmocka_unit_test(a_refusal_is_told_once),
        cmocka_unit_test(no_connection_is_opened_to_groups),
        cmocka_unit_test(a_bound_port_is_used_and_taken),
        cmocka_unit_test(an_ipv6_listener_serves_ipv4_too),
        cmocka_unit_test(a_fresh_socket_is_a_closed_one),
        cmocka_unit_test(a_listener_becomes_readable_and_can_be_shut),
        cmocka_unit_test(half_a_connection_goes_on),
        cmocka_unit_test(closing_with_unread_text_resets),
        cmocka_unit_test(linger_of_no_time_resets),
        cmocka_unit_test(linger_waits_until_the_text_has_arrived),
        cmocka_unit_test(linger_waits_no_longer_than_its_time),
        cmocka_unit_test(peeking_takes_nothing),
        cmocka_unit_test(nothing_is_sent_and_received_at_once),
        cmocka_unit_test(urgent_text_is_told_and_marked),
        cmocka_unit_test(text_is_sent_with_the_open),
        cmocka_unit_test(the_first_send_connects),
        cmocka_unit_test(fast_open_needs_a_name),
        cmocka_unit_test(who_has_changed_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
