/* The less trodden paths of packetdrill's shared-object interface: every entry once, IPv6 and UDP,
 * calls of the second thread that wait for packets (connect, send, recv, poll, epoll_wait), wrong
 * packets and packets that nobody expected. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h> /* linux/errqueue.h needs it */

#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "support/so_session.h"

enum { NO_DESCRIPTOR = 999 };

/* --- steps ---------------------------------------------------------------------------------- */

static int open_socket(int type)
{
    int fd = so_host.socket(so_host.userdata, so_here.ipv6 ? AF_INET6 : AF_INET, type, 0);
    assert_true(fd > 2);
    return fd;
}

static int bound_socket(int type)
{
    struct so_address address;
    int fd = open_socket(type);
    so_address_of(&so_here, &address);
    assert_int_equal(so_host.bind(so_host.userdata, fd, address.at, address.length), 0);
    return fd;
}

/* A connection that was accepted; its listener is closed. */
static int established(void)
{
    int fd = bound_socket(SOCK_STREAM);
    assert_int_equal(so_host.listen(so_host.userdata, fd, 1), 0);
    so_arrives(FLAG_SYN, SO_REMOTE_ISS, 0);
    so_leaves(FLAG_SYN | FLAG_ACK, 0);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 0);
    int connection = so_host.accept(so_host.userdata, fd, NULL, NULL);
    assert_true(connection > 2);
    assert_int_equal(so_host.close(so_host.userdata, fd), 0);
    return connection;
}

static void datagram_arrives(uint32_t length)
{
    struct packet_spec spec = {.direction = INBOUND,
                               .kind = PACKET_UDP,
                               .ttl = -1,
                               .flow_label = -1,
                               .length = length,
                               .window = -1,
                               .icmp_mtu = -1};
    so_arrives_spec(&spec);
}

static void datagram_leaves(uint32_t length)
{
    so_leaves_any();
    assert_int_equal(so_seen.spec.kind, PACKET_UDP);
    assert_int_equal(so_seen.spec.length, length);
    assert_int_equal(so_seen.to.port, SO_REMOTE_PORT);
}

/* --- a call in a second thread -------------------------------------------------------------- */

struct helper {
    int64_t (*call)(int fd);
    int fd;
    int64_t result;
    int error;
    int64_t ended_us;
    pthread_t thread;
};

static void *run_helper(void *context)
{
    struct helper *helper = context;
    helper->result = helper->call(helper->fd);
    helper->error = errno;
    helper->ended_us = so_now_us();
    return NULL;
}

/* Whether its thread sleeps yet cannot be seen here, and need not be: the result is the same. */
static void start(struct helper *helper)
{
    assert_int_equal(pthread_create(&helper->thread, NULL, run_helper, helper), 0);
}

static void finish(struct helper *helper, int64_t result)
{
    assert_int_equal(pthread_join(helper->thread, NULL), 0);
    assert_int_equal(helper->result, result);
}

static int64_t connects(int fd)
{
    struct so_address address;
    so_address_of(&so_there, &address);
    return so_host.connect(so_host.userdata, fd, address.at, address.length);
}

static int64_t sends_much(int fd)
{
    static uint8_t text[100000];
    return so_host.send(so_host.userdata, fd, text, sizeof text, 0);
}

static int64_t receives_all(int fd)
{
    uint8_t text[3000];
    return so_host.recv(so_host.userdata, fd, text, sizeof text, MSG_WAITALL);
}

static int64_t polls(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    int r = so_host.poll(so_host.userdata, &polled, 1, -1);
    return r == 1 ? polled.revents : r;
}

static int64_t polls_for_a_while(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return so_host.poll(so_host.userdata, &polled, 1, 200);
}

/* `fd` is an epoll. */
static int64_t waits_for_epoll(int fd)
{
    struct epoll_event told;
    int r = so_host.epoll_wait(so_host.userdata, fd, &told, 1, -1);
    return r == 1 ? (int64_t)told.events : r;
}

/* --- entries -------------------------------------------------------------------------------- */

static void no_descriptor_is_ebadf(int64_t result)
{
    assert_int_equal(result, -1);
    assert_int_equal(errno, EBADF);
    errno = 0;
}

static void calls_on_what_is_no_descriptor_fail(void **state)
{
    (void)state;
    const struct packetdrill_interface *h = &so_host;
    void *u = h->userdata;
    int fd = NO_DESCRIPTOR, value = 0;
    char text[4] = "";
    socklen_t length = sizeof value;
    struct iovec piece = {text, sizeof text};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct so_address address;
    struct epoll_event event = {.events = EPOLLIN};
    so_address_of(&so_here, &address);
    no_descriptor_is_ebadf(h->bind(u, fd, address.at, address.length));
    no_descriptor_is_ebadf(h->listen(u, fd, 1));
    no_descriptor_is_ebadf(h->accept(u, fd, NULL, NULL));
    no_descriptor_is_ebadf(h->connect(u, fd, address.at, address.length));
    no_descriptor_is_ebadf(h->read(u, fd, text, 1));
    no_descriptor_is_ebadf(h->readv(u, fd, &piece, 1));
    no_descriptor_is_ebadf(h->recv(u, fd, text, 1, 0));
    no_descriptor_is_ebadf(h->recvfrom(u, fd, text, 1, 0, NULL, NULL));
    no_descriptor_is_ebadf(h->recvmsg(u, fd, &message, 0));
    no_descriptor_is_ebadf(h->write(u, fd, text, 1));
    no_descriptor_is_ebadf(h->writev(u, fd, &piece, 1));
    no_descriptor_is_ebadf(h->send(u, fd, text, 1, 0));
    no_descriptor_is_ebadf(h->sendto(u, fd, text, 1, 0, NULL, 0));
    no_descriptor_is_ebadf(h->sendmsg(u, fd, &message, 0));
    no_descriptor_is_ebadf(h->fcntl(u, fd, F_GETFL));
    no_descriptor_is_ebadf(h->ioctl(u, fd, FIONREAD, &value));
    no_descriptor_is_ebadf(h->close(u, fd));
    no_descriptor_is_ebadf(h->shutdown(u, fd, SHUT_WR));
    no_descriptor_is_ebadf(h->getsockopt(u, fd, SOL_SOCKET, SO_ERROR, &value, &length));
    no_descriptor_is_ebadf(h->setsockopt(u, fd, SOL_SOCKET, SO_SNDBUF, &value, length));
    no_descriptor_is_ebadf(h->epoll_ctl(u, fd, EPOLL_CTL_ADD, fd, &event));
    no_descriptor_is_ebadf(h->epoll_wait(u, fd, &event, 1, 0));
    no_descriptor_is_ebadf(h->splice(u, fd, NULL, fd, NULL, 1, 0));
}

static void every_way_to_write_leaves_a_segment(void **state)
{
    (void)state;
    const struct packetdrill_interface *h = &so_host;
    void *u = h->userdata;
    char text[40] = "";
    struct iovec pieces[2] = {{text, 30}, {text, 10}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    int one = 1, fd = established();
    assert_int_equal(h->setsockopt(u, fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    assert_int_equal(h->write(u, fd, text, 10), 10);
    so_leaves(FLAG_PSH | FLAG_ACK, 10);
    assert_int_equal(h->writev(u, fd, pieces, 2), 40);
    so_leaves(FLAG_PSH | FLAG_ACK, 40);
    assert_int_equal(h->send(u, fd, text, 11, MSG_DONTWAIT), 11);
    so_leaves(FLAG_PSH | FLAG_ACK, 11);
    assert_int_equal(h->sendto(u, fd, text, 12, 0, NULL, 0), 12);
    so_leaves(FLAG_PSH | FLAG_ACK, 12);
    assert_int_equal(h->sendmsg(u, fd, &message, 0), 40);
    so_leaves(FLAG_PSH | FLAG_ACK, 40);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 0);
    assert_int_equal(h->shutdown(u, fd, SHUT_WR), 0);
    so_leaves(FLAG_FIN | FLAG_ACK, 0);
    assert_int_equal(h->write(u, fd, text, 1), -1);
    assert_int_equal(errno, EPIPE);
}

static void every_way_to_read_takes_text(void **state)
{
    (void)state;
    const struct packetdrill_interface *h = &so_host;
    void *u = h->userdata;
    char text[40];
    struct iovec pieces[2] = {{text, 3}, {text + 3, 7}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    int waiting = 0, fd = established();
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 50);
    so_leaves(FLAG_ACK, 0);
    assert_int_equal(h->ioctl(u, fd, FIONREAD, &waiting), 0);
    assert_int_equal(waiting, 50);
    assert_int_equal(h->read(u, fd, text, 10), 10);
    assert_int_equal(h->readv(u, fd, pieces, 2), 10);
    assert_int_equal(h->recv(u, fd, text, 10, MSG_PEEK), 10);
    assert_int_equal(h->recvfrom(u, fd, text, 10, 0, NULL, NULL), 10);
    assert_int_equal(h->recvmsg(u, fd, &message, 0), 10);
    assert_int_equal(h->recv(u, fd, text, 40, MSG_DONTWAIT), 10);
    assert_int_equal(h->recv(u, fd, text, 40, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void options_are_read_and_set(void **state)
{
    (void)state;
    const struct packetdrill_interface *h = &so_host;
    void *u = h->userdata;
    int value = 50000, on = 1, fd = established();
    socklen_t length = sizeof value;
    struct tcp_info info;
    assert_int_equal(h->setsockopt(u, fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value), 0);
    assert_int_equal(h->getsockopt(u, fd, SOL_SOCKET, SO_SNDBUF, &value, &length), 0);
    assert_int_equal(value, 100000);
    length = sizeof info;
    assert_int_equal(h->getsockopt(u, fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(h->ioctl(u, fd, FIONBIO, &on), 0);
    assert_int_equal(h->fcntl(u, fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

static void the_error_queue_tells_of_zerocopy(void **state)
{
    (void)state;
    const struct packetdrill_interface *h = &so_host;
    void *u = h->userdata;
    char text[100] = "", space[CMSG_SPACE(sizeof(struct sock_extended_err))];
    struct msghdr message = {.msg_control = space, .msg_controllen = sizeof space};
    struct sock_extended_err error;
    int one = 1, fd = established();
    assert_int_equal(h->setsockopt(u, fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one), 0);
    assert_int_equal(h->send(u, fd, text, sizeof text, MSG_ZEROCOPY), 100);
    so_leaves(FLAG_PSH | FLAG_ACK, 100);
    assert_int_equal(h->recvmsg(u, fd, &message, MSG_ERRQUEUE), -1);
    assert_int_equal(errno, EAGAIN);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 0);
    assert_int_equal(h->recvmsg(u, fd, &message, MSG_ERRQUEUE), 0);
    assert_int_equal(message.msg_flags, MSG_ERRQUEUE);
    assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_type, IP_RECVERR);
    memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof error);
    assert_int_equal(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    assert_int_equal(error.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
    assert_int_equal(error.ee_data, 0);
}

/* --- IPv6 and UDP --------------------------------------------------------------------------- */

static void ipv6_carries_a_session(void **state)
{
    (void)state;
    char text[100];
    so_use_ipv6();
    int fd = established();
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 100);
    so_leaves(FLAG_ACK, 0);
    assert_true(so_seen.from.ipv6);
    assert_memory_equal(so_seen.to.address, so_there.address, 16);
    assert_int_equal(so_host.read(so_host.userdata, fd, text, sizeof text), 100);
    assert_int_equal(so_host.write(so_host.userdata, fd, text, 20), 20);
    so_leaves(FLAG_PSH | FLAG_ACK, 20);
}

static void datagrams_go_both_ways(void **state)
{
    (void)state;
    char text[200] = "";
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    struct so_address address;
    int fd = bound_socket(SOCK_DGRAM);
    datagram_arrives(77);
    assert_int_equal(so_host.recvfrom(so_host.userdata, fd, text, sizeof text, 0,
                                      (struct sockaddr *)&from, &length),
                     77);
    assert_int_equal(ntohs(from.sin_port), SO_REMOTE_PORT);
    so_address_of(&so_there, &address);
    assert_int_equal(so_host.sendto(so_host.userdata, fd, text, 33, 0, address.at, address.length),
                     33);
    datagram_leaves(33);
    assert_int_equal(connects(fd), 0);
    struct iovec piece = {text, 44};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    assert_int_equal(so_host.sendmsg(so_host.userdata, fd, &message, 0), 44);
    datagram_leaves(44);
    datagram_arrives(50);
    assert_int_equal(so_host.recvmsg(so_host.userdata, fd, &message, 0), 44);
    assert_true(message.msg_flags & MSG_TRUNC);
}

static void datagrams_go_over_ipv6(void **state)
{
    (void)state;
    char text[200];
    so_use_ipv6();
    int fd = bound_socket(SOCK_DGRAM);
    datagram_arrives(77);
    assert_int_equal(so_host.read(so_host.userdata, fd, text, sizeof text), 77);
    assert_int_equal(connects(fd), 0);
    assert_int_equal(so_host.write(so_host.userdata, fd, text, 10), 10);
    datagram_leaves(10);
}

/* --- waiting in a second thread ------------------------------------------------------------- */

static void connect_sleeps_until_the_handshake(void **state)
{
    (void)state;
    struct helper helper = {.call = connects, .fd = open_socket(SOCK_STREAM)};
    start(&helper);
    /* The SYN leaves when the other thread has got that far: until then, no packet will come. */
    so_listen_to_stderr();
    uint8_t bytes[200];
    size_t size = 0;
    while (size == 0) {
        long long time_us;
        sched_yield();
        size = sizeof bytes;
        assert_int_equal(so_host.netdev_receive(so_host.userdata, bytes, &size, &time_us), 0);
    }
    so_said_to_stderr();
    packet_read(bytes, size, &so_seen);
    assert_int_equal(so_seen.spec.flags, FLAG_SYN);
    so_local_seq = so_seen.spec.seq + 1;
    so_here.port = so_seen.from.port;
    assert_int_equal(so_host.usleep(so_host.userdata, 50000), 0);
    so_arrives(FLAG_SYN | FLAG_ACK, SO_REMOTE_ISS, 0);
    int64_t established_us = so_now_us();
    so_leaves(FLAG_ACK, 0);
    finish(&helper, 0);
    assert_true(helper.ended_us <= established_us + 1);
}

static void connect_sleeps_until_the_refusal(void **state)
{
    (void)state;
    int fd = open_socket(SOCK_STREAM), one = 1;
    so_host.ioctl(so_host.userdata, fd, FIONBIO, &one);
    assert_int_equal(connects(fd), -1);
    assert_int_equal(errno, EINPROGRESS);
    so_leaves(FLAG_SYN, 0);
    so_here.port = so_seen.from.port;
    one = 0;
    so_host.ioctl(so_host.userdata, fd, FIONBIO, &one);
    struct helper helper = {.call = connects, .fd = fd};
    start(&helper);
    assert_int_equal(so_host.usleep(so_host.userdata, 50000), 0);
    so_arrives(FLAG_RST | FLAG_ACK, 0, 0);
    finish(&helper, -1);
    assert_int_equal(helper.error, ECONNREFUSED);
}

static void send_sleeps_until_there_is_room(void **state)
{
    (void)state;
    int room = 10000, fd = established();
    assert_int_equal(
        so_host.setsockopt(so_host.userdata, fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    struct helper helper = {.call = sends_much, .fd = fd};
    uint32_t first = so_local_seq;
    start(&helper);
    so_listen_to_stderr();
    while (so_local_seq - first < 100000) {
        uint8_t bytes[PACKET_BYTES_MOST];
        size_t size = sizeof bytes;
        long long time_us;
        assert_int_equal(so_host.netdev_receive(so_host.userdata, bytes, &size, &time_us), 0);
        if (size == 0) {
            sched_yield(); /* the other thread has not come that far */
            continue;
        }
        packet_read(bytes, size, &so_seen);
        assert_null(so_seen.fault);
        so_local_seq = so_seen.spec.seq + so_seen.spec.length;
        so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 0);
    }
    so_said_to_stderr();
    finish(&helper, 100000);
}

static void recv_sleeps_until_all_is_there(void **state)
{
    (void)state;
    struct helper helper = {.call = receives_all, .fd = established()};
    start(&helper);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(so_host.usleep(so_host.userdata, 10000), 0);
        so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1 + i * 1000, 1000);
        so_leaves(FLAG_ACK, 0);
    }
    finish(&helper, 3000);
}

static void poll_sleeps_until_text_arrives(void **state)
{
    (void)state;
    struct helper helper = {.call = polls, .fd = established()};
    start(&helper);
    assert_int_equal(so_host.usleep(so_host.userdata, 10000), 0);
    so_arrives(FLAG_ACK, SO_REMOTE_ISS + 1, 10);
    finish(&helper, POLLIN);
    so_leaves(FLAG_ACK, 0);
}

static void poll_gives_up_when_its_time_is_over(void **state)
{
    (void)state;
    struct helper helper = {.call = polls_for_a_while, .fd = established()};
    int64_t started_us = so_now_us();
    start(&helper);
    assert_int_equal(so_host.usleep(so_host.userdata, 100000), 0);
    /* The thread has begun by then, or begins later: only time ends this call. */
    while (pthread_tryjoin_np(helper.thread, NULL) != 0)
        assert_int_equal(so_host.usleep(so_host.userdata, 100000), 0);
    assert_int_equal(helper.result, 0);
    assert_true(helper.ended_us - started_us >= 200000);
}

static void epoll_sleeps_until_the_peer_is_done(void **state)
{
    (void)state;
    int fd = established(), epoll = so_host.epoll_create(so_host.userdata, 1);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    assert_int_equal(so_host.epoll_ctl(so_host.userdata, epoll, EPOLL_CTL_ADD, fd, &event), 0);
    struct helper helper = {.call = waits_for_epoll, .fd = epoll};
    start(&helper);
    assert_int_equal(so_host.usleep(so_host.userdata, 10000), 0);
    so_arrives(FLAG_FIN | FLAG_ACK, SO_REMOTE_ISS + 1, 0);
    finish(&helper, EPOLLIN | EPOLLRDHUP);
    so_leaves(FLAG_ACK, 0);
}

/* --- what is wrong, and what is too much ---------------------------------------------------- */

static void a_wrong_packet_is_told_and_withheld(void **state)
{
    (void)state;
    uint8_t bytes[200];
    size_t size = sizeof bytes;
    long long time_us;
    so_begin_with("impair=out: corrupt 100%,seed=3");
    int fd = bound_socket(SOCK_DGRAM);
    assert_int_equal(connects(fd), 0);
    assert_int_equal(so_host.write(so_host.userdata, fd, bytes, 20), 20);
    so_listen_to_stderr();
    assert_int_equal(so_host.netdev_receive(so_host.userdata, bytes, &size, &time_us), 0);
    const char *said = so_said_to_stderr();
    assert_int_equal(size, 0);
    assert_non_null(strstr(said, "a packet is wrong: its UDP checksum is wrong"));
    so_host.free(so_host.userdata);
}

static void what_nobody_expected_is_told_at_the_end(void **state)
{
    (void)state;
    so_begin_with(NULL);
    int fd = established();
    assert_int_equal(so_host.write(so_host.userdata, fd, "three", 5), 5);
    so_listen_to_stderr();
    so_host.free(so_host.userdata);
    const char *said = so_said_to_stderr();
    assert_non_null(strstr(said, "the script did not expect, at 1.0"));
    assert_non_null(strstr(said, "(5) ack 1001"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_on_what_is_no_descriptor_fail, so_begin, so_end),
        cmocka_unit_test_setup_teardown(every_way_to_write_leaves_a_segment, so_begin, so_end),
        cmocka_unit_test_setup_teardown(every_way_to_read_takes_text, so_begin, so_end),
        cmocka_unit_test_setup_teardown(options_are_read_and_set, so_begin, so_end),
        cmocka_unit_test_setup_teardown(the_error_queue_tells_of_zerocopy, so_begin, so_end),
        cmocka_unit_test_setup_teardown(ipv6_carries_a_session, so_begin, so_end),
        cmocka_unit_test_setup_teardown(datagrams_go_both_ways, so_begin, so_end),
        cmocka_unit_test_setup_teardown(datagrams_go_over_ipv6, so_begin, so_end),
        cmocka_unit_test_setup_teardown(connect_sleeps_until_the_handshake, so_begin, so_end),
        cmocka_unit_test_setup_teardown(connect_sleeps_until_the_refusal, so_begin, so_end),
        cmocka_unit_test_setup_teardown(send_sleeps_until_there_is_room, so_begin, so_end),
        cmocka_unit_test_setup_teardown(recv_sleeps_until_all_is_there, so_begin, so_end),
        cmocka_unit_test_setup_teardown(poll_sleeps_until_text_arrives, so_begin, so_end),
        cmocka_unit_test_setup_teardown(poll_gives_up_when_its_time_is_over, so_begin, so_end),
        cmocka_unit_test_setup_teardown(epoll_sleeps_until_the_peer_is_done, so_begin, so_end),
        cmocka_unit_test(a_wrong_packet_is_told_and_withheld),
        cmocka_unit_test(what_nobody_expected_is_told_at_the_end),
    };
    (void)argc;
    return so_session_ready(argv[0]) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
