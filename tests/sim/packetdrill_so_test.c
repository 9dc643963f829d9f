/* A whole session through packetdrill's shared-object interface: the object is loaded as
 * packetdrill does, a connection is made, text goes both ways, a blocking call sleeps in a second
 * thread, time is virtual, the end is orderly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/so_session.h"

/* --- steps ---------------------------------------------------------------------------------- */

static int listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(SO_LOCAL_PORT)};
    int fd = so_host.socket(so_host.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd > 2);
    assert_int_equal(
        so_host.bind(so_host.userdata, fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(so_host.listen(so_host.userdata, fd, 1), 0);
    return fd;
}

static void handshake(void)
{
    so_local_seq = 0;
    so_arrives(FLAG_SYN, SO_REMOTE_ISS, 0);
    so_leaves(FLAG_SYN | FLAG_ACK, 0);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 0);
}

static int accepted(int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int connection = so_host.accept(so_host.userdata, fd, (struct sockaddr *)&peer, &length);
    assert_true(connection > 2);
    assert_int_equal(ntohs(peer.sin_port), SO_REMOTE_PORT);
    return connection;
}

static void close_both(int connection, int fd)
{
    assert_int_equal(so_host.close(so_host.userdata, connection), 0);
    so_leaves(FLAG_FIN | FLAG_ACK, 0);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
}

/* --- a call in a second thread -------------------------------------------------------------- */

struct blocked {
    int fd;
    bool reads; /* else accepts */
    int64_t result, ended_us;
    int error;
    atomic_bool done;
    pthread_t thread;
};

static void *run_blocked(void *context)
{
    struct blocked *blocked = context;
    char text[100];
    if (blocked->reads)
        blocked->result = so_host.read(so_host.userdata, blocked->fd, text, sizeof text);
    else
        blocked->result = so_host.accept(so_host.userdata, blocked->fd, NULL, NULL);
    blocked->error = errno;
    blocked->ended_us = so_now_us();
    atomic_store(&blocked->done, true);
    return NULL;
}

/* Whether its thread sleeps cannot be seen here, and need not be: whatever the order, the result is
 * the same. */
static void start(struct blocked *blocked)
{
    assert_int_equal(pthread_create(&blocked->thread, NULL, run_blocked, blocked), 0);
}

static void finish(struct blocked *blocked)
{
    assert_int_equal(pthread_join(blocked->thread, NULL), 0);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void fills_every_entry(void **state)
{
    (void)state;
    void *entries[33];
    memcpy(entries, &so_host, sizeof entries);
    for (size_t i = 0; i < 33; i++)
        assert_non_null(entries[i]);
}

static void text_goes_both_ways(void **state)
{
    (void)state;
    char text[100];
    int fd = listener();
    handshake();
    int connection = accepted(fd);
    so_arrives(FLAG_PSH | FLAG_ACK, SO_REMOTE_ISS + 1, 10);
    so_leaves(FLAG_ACK, 0);
    assert_int_equal(so_seen.spec.ack, SO_REMOTE_ISS + 11);
    assert_int_equal(so_host.read(so_host.userdata, connection, text, sizeof text), 10);
    struct iovec pieces[2] = {{text, 30}, {text + 30, 20}};
    assert_int_equal(so_host.writev(so_host.userdata, connection, pieces, 2), 50);
    so_leaves(FLAG_PSH | FLAG_ACK, 50);
    so_arrives(FLAG_FIN | FLAG_ACK, SO_REMOTE_ISS + 11, 0);
    so_leaves(FLAG_ACK, 0);
    assert_int_equal(so_host.recv(so_host.userdata, connection, text, sizeof text, 0), 0);
    close_both(connection, fd);
}

static void accept_sleeps_in_a_second_thread(void **state)
{
    (void)state;
    int fd = listener();
    struct blocked blocked = {.fd = fd};
    start(&blocked);
    assert_int_equal(so_host.usleep(so_host.userdata, 100000), 0);
    handshake();
    int64_t established_us = so_now_us();
    finish(&blocked);
    assert_true(blocked.result > 2);
    assert_true(blocked.ended_us <= established_us + 1);
    close_both((int)blocked.result, fd);
}

static void read_ends_in_a_second_thread_when_its_time_is_up(void **state)
{
    (void)state;
    struct timeval limit = {.tv_usec = 200000};
    int fd = listener();
    handshake();
    int connection = accepted(fd);
    assert_int_equal(so_host.setsockopt(so_host.userdata, connection, SOL_SOCKET, SO_RCVTIMEO,
                                        &limit, sizeof limit),
                     0);
    struct blocked blocked = {.fd = connection, .reads = true};
    start(&blocked);
    while (!atomic_load(&blocked.done)) {
        so_host.usleep(so_host.userdata, 250000);
        sched_yield();
    }
    finish(&blocked);
    assert_int_equal(blocked.result, -1);
    assert_int_equal(blocked.error, EAGAIN);
    close_both(connection, fd);
}

static void time_is_virtual(void **state)
{
    (void)state;
    int64_t before = so_now_us();
    assert_int_equal(so_host.usleep(so_host.userdata, 3600000000u), 0);
    int64_t passed = so_now_us() - before;
    assert_in_range(passed, 3600000020, 3600000022);
}

static void says_that_no_packet_will_come(void **state)
{
    (void)state;
    uint8_t bytes[100];
    size_t size = sizeof bytes;
    long long time_us;
    assert_int_equal(so_host.netdev_receive(so_host.userdata, bytes, &size, &time_us), 0);
    assert_int_equal(size, 0);
}

/* What nobody answers is sent again when the timer says so, and no second of that passes here. */
static void an_empty_queue_waits_for_the_next_timer(void **state)
{
    (void)state;
    int fd = listener();
    so_arrives(FLAG_SYN, SO_REMOTE_ISS, 0);
    int64_t first_us = so_leaves(FLAG_SYN | FLAG_ACK, 0);
    int64_t second_us = so_leaves(FLAG_SYN | FLAG_ACK, 0);
    int64_t third_us = so_leaves(FLAG_SYN | FLAG_ACK, 0);
    assert_in_range(second_us - first_us, 999000, 1001000);
    assert_in_range(third_us - second_us, 1999000, 2001000);
    assert_in_range(so_now_us(), third_us, third_us + 10);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
}

static void errors_are_minus_one_and_errno(void **state)
{
    (void)state;
    char text[10];
    int fd = listener();
    assert_int_equal(so_host.fcntl(so_host.userdata, fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(so_host.fcntl(so_host.userdata, fd, F_GETFL), O_RDWR | O_NONBLOCK);
    assert_int_equal(so_host.accept(so_host.userdata, fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(so_host.read(so_host.userdata, 999, text, sizeof text), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(so_host.close(so_host.userdata, 999), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
}

static void epoll_tells_an_edge_once(void **state)
{
    (void)state;
    int fd = listener(), epoll = so_host.epoll_create(so_host.userdata, 1);
    handshake();
    int connection = accepted(fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = connection}, told;
    struct pollfd polled = {.fd = connection, .events = POLLIN};
    assert_int_equal(so_host.epoll_ctl(so_host.userdata, epoll, EPOLL_CTL_ADD, connection, &event),
                     0);
    assert_int_equal(so_host.epoll_wait(so_host.userdata, epoll, &told, 1, 10), 0);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 10);
    so_leaves(FLAG_ACK, 0);
    assert_int_equal(so_host.epoll_wait(so_host.userdata, epoll, &told, 1, 0), 1);
    assert_int_equal(told.data.fd, connection);
    assert_int_equal(told.events, EPOLLIN);
    assert_int_equal(so_host.epoll_wait(so_host.userdata, epoll, &told, 1, 0), 0);
    assert_int_equal(so_host.poll(so_host.userdata, &polled, 1, 0), 1);
    assert_int_equal(polled.revents, POLLIN);
    assert_int_equal(so_host.close(so_host.userdata, epoll), 0);
    assert_int_equal(so_host.close(so_host.userdata, connection), 0);
    so_leaves(FLAG_RST | FLAG_ACK, 0);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
}

static void splice_moves_text_through_a_pipe(void **state)
{
    (void)state;
    int ends[2], fd = listener();
    handshake();
    int connection = accepted(fd);
    assert_int_equal(so_host.pipe(so_host.userdata, ends), 0);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 10);
    so_leaves(FLAG_ACK, 0);
    assert_int_equal(so_host.splice(so_host.userdata, connection, NULL, ends[1], NULL, 100, 0), 10);
    assert_int_equal(so_host.splice(so_host.userdata, ends[0], NULL, connection, NULL, 100, 0), 10);
    so_leaves(FLAG_PSH | FLAG_ACK, 10);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 11, 0);
    assert_int_equal(so_host.close(so_host.userdata, ends[0]), 0);
    assert_int_equal(so_host.close(so_host.userdata, ends[1]), 0);
    close_both(connection, fd);
}

static bool offers(uint8_t kind)
{
    for (unsigned i = 0; i < so_seen.spec.options_count; i++)
        if (so_seen.spec.options[i].kind == kind)
            return true;
    return false;
}

static void take_options_of_syn(const char *flags)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(SO_REMOTE_PORT)};
    memcpy(&address.sin_addr, so_there.address, 4);
    so_begin_with(flags);
    int fd = so_host.socket(so_host.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(
        so_host.connect(so_host.userdata, fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, EINPROGRESS);
    so_leaves(FLAG_SYN, 0);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
    so_host.free(so_host.userdata);
}

static void tunables_come_from_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/tunny-so-test.XXXXXX", path[SO_PATH_MOST], flags[SO_PATH_MOST];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/tcp_sack", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("0\n", file);
    fclose(file);
    snprintf(flags, sizeof flags, "sysctls=%s,seed=7", directory);
    take_options_of_syn(flags);
    bool with_file = offers(OPTION_SACK_OK);
    unlink(path);
    rmdir(directory);
    take_options_of_syn(NULL);
    assert_false(with_file);
    assert_true(offers(OPTION_SACK_OK));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fills_every_entry, so_begin, so_end),
        cmocka_unit_test_setup_teardown(text_goes_both_ways, so_begin, so_end),
        cmocka_unit_test_setup_teardown(accept_sleeps_in_a_second_thread, so_begin, so_end),
        cmocka_unit_test_setup_teardown(read_ends_in_a_second_thread_when_its_time_is_up, so_begin,
                                        so_end),
        cmocka_unit_test_setup_teardown(time_is_virtual, so_begin, so_end),
        cmocka_unit_test_setup_teardown(says_that_no_packet_will_come, so_begin, so_end),
        cmocka_unit_test_setup_teardown(an_empty_queue_waits_for_the_next_timer, so_begin, so_end),
        cmocka_unit_test_setup_teardown(errors_are_minus_one_and_errno, so_begin, so_end),
        cmocka_unit_test_setup_teardown(epoll_tells_an_edge_once, so_begin, so_end),
        cmocka_unit_test_setup_teardown(splice_moves_text_through_a_pipe, so_begin, so_end),
        cmocka_unit_test(tunables_come_from_files),
    };
    (void)argc;
    return so_session_ready(argv[0]) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
