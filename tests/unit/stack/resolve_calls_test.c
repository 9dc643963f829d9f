/* tunny_resolve() against a name server on the other stack, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/bytes.h"
#include "support/stack_world.h"

/* What the server does with questions. */
struct name_server {
    int udp, listener, connection;
    unsigned questions; /* over UDP */
    unsigned ignore;    /* so many at first */
    bool forged_first;  /* an answer with another id goes before */
    bool cut;           /* over UDP: answers are truncated */
    uint16_t code;      /* RCODE */
    unsigned over_tcp;
};

/* The answer to one question: 192.0.2.7 or 2001:db8::7, or what the server was told to say. */
static size_t answer(const struct name_server *server, const uint8_t *question, size_t length,
                     bool cut, uint8_t *out, size_t size)
{
    static const uint8_t v4[4] = {192, 0, 2, 7};
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    bool aaaa = get_be16(question + length - 4) == 28;
    struct builder b = builder_over(out, size);
    builder_copy(&b, question, length);
    put_be16(out + 2, (uint16_t)(0x8180 | server->code | (cut ? 0x0200 : 0)));
    if (cut || server->code)
        return builder_length(&b);
    put_be16(out + 6, 1);
    builder_u16(&b, 0xc00c);
    builder_u16(&b, aaaa ? 28 : 1);
    builder_u16(&b, 1);
    builder_u32(&b, 60);
    builder_u16(&b, aaaa ? 16 : 4);
    builder_copy(&b, aaaa ? v6 : v4, aaaa ? 16 : 4);
    return builder_length(&b);
}

static void serve_udp(struct tunny *stack, struct name_server *server)
{
    uint8_t question[512], reply[512];
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    ssize_t length;
    while ((length = tunny_recvfrom(stack, server->udp, question, sizeof question, 0,
                                    (struct sockaddr *)&from, &size)) > 0) {
        if (server->questions++ < server->ignore)
            continue;
        size_t n = answer(server, question, (size_t)length, server->cut, reply, sizeof reply);
        if (server->forged_first) {
            reply[0] ^= 1;
            reply[n - 1] = 66;
            tunny_sendto(stack, server->udp, reply, n, 0, (struct sockaddr *)&from, size);
            n = answer(server, question, (size_t)length, server->cut, reply, sizeof reply);
        }
        tunny_sendto(stack, server->udp, reply, n, 0, (struct sockaddr *)&from, size);
    }
}

static void serve_tcp(struct tunny *stack, struct name_server *server)
{
    uint8_t question[512], reply[512];
    if (server->connection < 0)
        server->connection = tunny_accept(stack, server->listener, NULL, NULL, SOCK_NONBLOCK);
    if (server->connection < 0)
        return;
    ssize_t length = tunny_recv(stack, server->connection, question, sizeof question, MSG_PEEK);
    if (length == 0) {
        tunny_close(stack, server->connection);
        server->connection = -1;
    }
    if (length < 2 || length < 2 + get_be16(question))
        return;
    tunny_recv(stack, server->connection, question, sizeof question, 0);
    size_t n = answer(server, question + 2, (size_t)length - 2, false, reply + 2, 500);
    put_be16(reply, (uint16_t)n);
    tunny_send(stack, server->connection, reply, n + 2, 0);
    server->over_tcp++;
}

static void serve(struct tunny *stack, void *context)
{
    serve_udp(stack, context);
    serve_tcp(stack, context);
}

static void open_world(struct stack_world *world, struct name_server *server)
{
    struct world_name name = world_name(1, AF_INET, 53);
    world_open(world, &(struct world_setup){.resolver = "10.0.0.2"});
    struct tunny *stack = world->side[1].stack;
    server->udp = tunny_socket(stack, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(tunny_bind(stack, server->udp, (struct sockaddr *)&name.name, name.length), 0);
    server->listener = world_listen(world, 1, AF_INET, 53);
    server->connection = -1;
    world->side[1].application = serve;
    world->side[1].context = server;
}

static void assert_both_addresses(const struct sockaddr_storage *found)
{
    const struct sockaddr_in6 *v6 = (const void *)&found[0];
    const struct sockaddr_in *v4 = (const void *)&found[1];
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(v6->sin6_port, htons(80));
    assert_int_equal(v6->sin6_addr.s6_addr[15], 7);
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(v4->sin_port, htons(80));
    assert_int_equal(v4->sin_addr.s_addr, htonl(0xc0000207));
}

static void both_families_are_asked(void **state)
{
    struct stack_world world;
    struct name_server server = {0};
    struct sockaddr_storage found[4];
    (void)state;
    open_world(&world, &server);
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_resolve(stack, "example.org", 80, found, 4, 5000), 2);
    assert_both_addresses(found);
    assert_int_equal(server.questions, 2);
    assert_int_equal(tunny_resolve(stack, "example.org", 80, found, 1, 5000), 1);
    assert_int_equal(tunny_socket(stack, AF_INET, SOCK_STREAM, 0), 0); /* no socket is left */
    world_close(&world);
}

static void a_lost_question_is_asked_again(void **state)
{
    struct stack_world world;
    struct name_server server = {.ignore = 3};
    struct sockaddr_storage found[4];
    (void)state;
    open_world(&world, &server);
    assert_int_equal(tunny_resolve(world.side[0].stack, "example.org", 80, found, 4, 10000), 2);
    assert_int_equal(server.questions, 5);
    world_close(&world);
}

/* RFC 5452, 9.1 */
static void a_forged_answer_is_passed_over(void **state)
{
    struct stack_world world;
    struct name_server server = {.forged_first = true};
    struct sockaddr_storage found[4];
    (void)state;
    open_world(&world, &server);
    assert_int_equal(tunny_resolve(world.side[0].stack, "example.org", 80, found, 4, 5000), 2);
    assert_both_addresses(found);
    world_close(&world);
}

/* RFC 1123, 6.1.3.2 */
static void a_cut_answer_is_asked_for_over_tcp(void **state)
{
    struct stack_world world;
    struct name_server server = {.cut = true};
    struct sockaddr_storage found[4];
    (void)state;
    open_world(&world, &server);
    assert_int_equal(tunny_resolve(world.side[0].stack, "example.org", 80, found, 4, 20000), 2);
    assert_both_addresses(found);
    assert_int_equal(server.over_tcp, 2);
    world_close(&world);
}

static void failures_are_told_apart(void **state)
{
    struct stack_world world;
    struct name_server server = {.code = 3};
    struct sockaddr_storage found[4];
    (void)state;
    open_world(&world, &server);
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_resolve(stack, "nobody.example.org", 80, found, 4, 5000), -ENOENT);
    assert_int_equal(tunny_resolve(stack, "not a name", 80, found, 4, 5000), -EINVAL);
    server.code = 2;
    assert_int_equal(tunny_resolve(stack, "example.org", 80, found, 4, 5000), -ETIMEDOUT);
    server.ignore = UINT32_MAX;
    int64_t before = world.now.ns;
    assert_int_equal(tunny_resolve(stack, "example.org", 80, found, 4, 5000), -ETIMEDOUT);
    assert_in_range(world.now.ns - before, 4900000000, 5000000000);
    world_close(&world);
}

static void literal_addresses_need_no_server(void **state)
{
    struct stack_world world;
    struct sockaddr_storage found[4];
    (void)state;
    world_open(&world, &(struct world_setup){.resolver = "10.0.0.2"});
    struct tunny *stack = world.side[0].stack;
    assert_int_equal(tunny_resolve(stack, "192.0.2.1", 80, found, 4, 0), 1);
    assert_int_equal(found[0].ss_family, AF_INET);
    assert_int_equal(tunny_resolve(stack, "[2001:db8::1]", 80, found, 4, 0), 1);
    assert_int_equal(found[0].ss_family, AF_INET6);
    assert_int_equal(world.side[0].device->transmitted, 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_asked),
        cmocka_unit_test(a_lost_question_is_asked_again),
        cmocka_unit_test(a_forged_answer_is_passed_over),
        cmocka_unit_test(a_cut_answer_is_asked_for_over_tcp),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(literal_addresses_need_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
