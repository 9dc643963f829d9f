/* writev() and readv() on sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/tcp.h>

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

/* Else the text before would wait for more. */
static void an_empty_last_piece_holds_nothing_back(void **state)
{
    struct stack_world world;
    int ends[2];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct iovec out[3] = {{two, 0}, {one, 3}, {two, 0}};
    assert_int_equal(tunny_writev(world.side[0].stack, ends[0], out, 3), 3);
    assert_int_equal(tunny_counter(world.side[0].stack, "TcpOutSegs"), 3);
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

/* What TCP_CM_INQ said; -1: nothing. */
static int left_of(struct msghdr *message)
{
    int left;
    struct cmsghdr *told = CMSG_FIRSTHDR(message);
    if (!told)
        return -1;
    assert_int_equal(told->cmsg_level, IPPROTO_TCP);
    assert_int_equal(told->cmsg_type, TCP_CM_INQ);
    memcpy(&left, CMSG_DATA(told), sizeof left);
    return left;
}

static ssize_t receive_message(struct tunny *stack, int socket, size_t length, int flags, int *left)
{
    static char text[16];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec piece = {text, length};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t r = tunny_recvmsg(stack, socket, &message, flags);
    *left = r >= 0 ? left_of(&message) : -1;
    return r;
}

/* TCP_INQ (Linux): what is left, the end of the text as one. */
static void what_is_left_is_told_with_the_text(void **state)
{
    struct stack_world world;
    int ends[2], left, on = 1;
    char text[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    world_connect(&world, AF_INET, ends);
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    assert_int_equal(tunny_send(a, ends[0], "abcdefgh", 8, 0), 8);
    world_run(&world, duration_ms(1));
    assert_int_equal(receive_message(b, ends[1], 1, 0, &left), 1);
    assert_int_equal(left, -1); /* nobody asked */
    assert_int_equal(tunny_setsockopt(b, ends[1], IPPROTO_TCP, TCP_INQ, &on, sizeof on), 0);
    assert_int_equal(receive_message(b, ends[1], 2, 0, &left), 2);
    assert_int_equal(left, 5);
    assert_int_equal(receive_message(b, ends[1], 1, MSG_PEEK, &left), 1);
    assert_int_equal(left, 5);
    tunny_shutdown(a, ends[0], SHUT_WR);
    world_run(&world, duration_ms(300));
    assert_int_equal(receive_message(b, ends[1], 3, 0, &left), 3);
    assert_int_equal(left, 3);
    struct iovec piece = {text, 1};
    struct msghdr small = {.msg_iov = &piece, .msg_iovlen = 1};
    assert_int_equal(tunny_recvmsg(b, ends[1], &small, 0), 1);
    assert_int_equal(small.msg_flags, MSG_CTRUNC);
    assert_int_equal(receive_message(b, ends[1], 4, 0, &left), 1);
    assert_int_equal(left, 1);
    assert_int_equal(receive_message(b, ends[1], 4, 0, &left), 0);
    assert_int_equal(left, 1);
    assert_int_equal(tunny_recvmsg(b, 99, &small, 0), -EBADF);
    world_close(&world);
}

static void a_message_tells_where_a_datagram_came_from(void **state)
{
    struct stack_world world;
    struct sockaddr_in source = {.sin_family = AF_UNSPEC};
    char first[3], second[4];
    (void)state;
    world_open(&world, &(struct world_setup){0});
    struct tunny *a = world.side[0].stack, *b = world.side[1].stack;
    struct world_name name = world_name(1, AF_INET, 2000), from = world_name(0, AF_INET, 3000);
    int s = tunny_socket(a, AF_INET, SOCK_DGRAM, 0), r = tunny_socket(b, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(tunny_bind(b, r, (struct sockaddr *)&name.name, name.length), 0);
    assert_int_equal(tunny_bind(a, s, (struct sockaddr *)&from.name, from.length), 0);
    assert_int_equal(
        tunny_sendto(a, s, "abcdefg", 7, 0, (struct sockaddr *)&name.name, name.length), 7);
    struct iovec in[2] = {{first, 3}, {second, 4}};
    struct msghdr message = {
        .msg_name = &source, .msg_namelen = sizeof source, .msg_iov = in, .msg_iovlen = 2};
    assert_int_equal(tunny_recvmsg(b, r, &message, 0), 7);
    assert_memory_equal(first, "abc", 3);
    assert_memory_equal(second, "defg", 4);
    assert_int_equal(message.msg_namelen, sizeof source);
    assert_int_equal(ntohs(source.sin_port), 3000);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_gathered_and_scattered),
        cmocka_unit_test(an_empty_last_piece_holds_nothing_back),
        cmocka_unit_test(a_datagram_is_put_together_and_taken_apart),
        cmocka_unit_test(what_is_left_is_told_with_the_text),
        cmocka_unit_test(a_message_tells_where_a_datagram_came_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
