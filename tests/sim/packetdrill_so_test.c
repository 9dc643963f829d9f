/* A whole session through packetdrill's shared-object interface: the object is loaded as
 * packetdrill does, a connection is made, text goes both ways, a blocking call sleeps in a second
 * thread, time is virtual, the end is orderly. The object lies in the build directory (two folders
 * above this program); TUNNY_PACKETDRILL_SO names another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
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

#include "drill/packet_bytes.h"
#include "drill/so/packetdrill_interface.h"

enum { LOCAL_PORT = 8080, REMOTE_PORT = 40000, PATH_MOST = 4096, REMOTE_ISS = 1000 };

static char object[PATH_MOST];
static void *handle;
static struct packetdrill_interface host;
static struct seen_packet seen;
static uint32_t local_seq; /* what the stack sends next */

static const struct place here = {.address = {192, 168, 0, 1}, .port = LOCAL_PORT};
static const struct place there = {.address = {192, 0, 2, 1}, .port = REMOTE_PORT};

/* --- steps ---------------------------------------------------------------------------------- */

static void begin_with(const char *flags)
{
    void (*init)(const char *, struct packetdrill_interface *);
    void *symbol = dlsym(handle, "packetdrill_interface_init");
    assert_non_null(symbol);
    memcpy(&init, &symbol, sizeof init);
    init(flags, &host);
}

static int begin(void **state)
{
    (void)state;
    begin_with(NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    host.free(host.userdata);
    return 0;
}

static void arrives(uint16_t flags, uint32_t seq, uint32_t length)
{
    static uint8_t bytes[PACKET_BYTES_MOST];
    struct packet_spec spec = {.direction = INBOUND,
                               .kind = PACKET_TCP,
                               .ttl = -1,
                               .flow_label = -1,
                               .flags = flags,
                               .seq = seq,
                               .ack = flags & FLAG_ACK ? local_seq : 0,
                               .length = length,
                               .window = 30000,
                               .icmp_mtu = -1};
    size_t size = packet_build(&spec, &there, &here, bytes);
    assert_true(size > 0);
    assert_int_equal(host.netdev_send(host.userdata, bytes, size), 0);
}

static int64_t leaves(uint16_t flags, uint32_t length)
{
    static uint8_t bytes[PACKET_BYTES_MOST];
    size_t size = sizeof bytes;
    long long time_us = -1;
    assert_int_equal(host.netdev_receive(host.userdata, bytes, &size, &time_us), 0);
    assert_true(size > 0);
    packet_read(bytes, size, &seen);
    assert_null(seen.fault);
    assert_int_equal(seen.spec.flags, flags);
    assert_int_equal(seen.spec.length, length);
    local_seq = seen.spec.seq + length + (flags & (FLAG_SYN | FLAG_FIN) ? 1 : 0);
    return time_us;
}

static int64_t now_us(void)
{
    struct timeval now;
    assert_int_equal(host.gettimeofday(host.userdata, &now, NULL), 0);
    return now.tv_sec * 1000000 + now.tv_usec;
}

static int listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(LOCAL_PORT)};
    int fd = host.socket(host.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd > 2);
    assert_int_equal(host.bind(host.userdata, fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(host.listen(host.userdata, fd, 1), 0);
    return fd;
}

static void handshake(void)
{
    local_seq = 0;
    arrives(FLAG_SYN, REMOTE_ISS, 0);
    leaves(FLAG_SYN | FLAG_ACK, 0);
    arrives(FLAG_ACK, REMOTE_ISS + 1, 0);
}

static int accepted(int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int connection = host.accept(host.userdata, fd, (struct sockaddr *)&peer, &length);
    assert_true(connection > 2);
    assert_int_equal(ntohs(peer.sin_port), REMOTE_PORT);
    return connection;
}

static void close_both(int connection, int fd)
{
    assert_int_equal(host.close(host.userdata, connection), 0);
    leaves(FLAG_FIN | FLAG_ACK, 0);
    assert_int_equal(host.close(host.userdata, fd), 0);
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
        blocked->result = host.read(host.userdata, blocked->fd, text, sizeof text);
    else
        blocked->result = host.accept(host.userdata, blocked->fd, NULL, NULL);
    blocked->error = errno;
    blocked->ended_us = now_us();
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
    memcpy(entries, &host, sizeof entries);
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
    arrives(FLAG_PSH | FLAG_ACK, REMOTE_ISS + 1, 10);
    leaves(FLAG_ACK, 0);
    assert_int_equal(seen.spec.ack, REMOTE_ISS + 11);
    assert_int_equal(host.read(host.userdata, connection, text, sizeof text), 10);
    struct iovec pieces[2] = {{text, 30}, {text + 30, 20}};
    assert_int_equal(host.writev(host.userdata, connection, pieces, 2), 50);
    leaves(FLAG_PSH | FLAG_ACK, 50);
    arrives(FLAG_FIN | FLAG_ACK, REMOTE_ISS + 11, 0);
    leaves(FLAG_ACK, 0);
    assert_int_equal(host.recv(host.userdata, connection, text, sizeof text, 0), 0);
    close_both(connection, fd);
}

static void accept_sleeps_in_a_second_thread(void **state)
{
    (void)state;
    int fd = listener();
    struct blocked blocked = {.fd = fd};
    start(&blocked);
    assert_int_equal(host.usleep(host.userdata, 100000), 0);
    handshake();
    int64_t established_us = now_us();
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
    assert_int_equal(
        host.setsockopt(host.userdata, connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit),
        0);
    struct blocked blocked = {.fd = connection, .reads = true};
    start(&blocked);
    while (!atomic_load(&blocked.done)) {
        host.usleep(host.userdata, 250000);
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
    int64_t before = now_us();
    assert_int_equal(host.usleep(host.userdata, 3600000000u), 0);
    int64_t passed = now_us() - before;
    assert_in_range(passed, 3600000020, 3600000022);
}

static void says_that_no_packet_will_come(void **state)
{
    (void)state;
    uint8_t bytes[100];
    size_t size = sizeof bytes;
    long long time_us;
    assert_int_equal(host.netdev_receive(host.userdata, bytes, &size, &time_us), 0);
    assert_int_equal(size, 0);
}

static void errors_are_minus_one_and_errno(void **state)
{
    (void)state;
    char text[10];
    int fd = listener();
    assert_int_equal(host.fcntl(host.userdata, fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(host.fcntl(host.userdata, fd, F_GETFL), O_RDWR | O_NONBLOCK);
    assert_int_equal(host.accept(host.userdata, fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(host.read(host.userdata, 999, text, sizeof text), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(host.close(host.userdata, 999), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(host.close(host.userdata, fd), 0);
}

static void epoll_tells_an_edge_once(void **state)
{
    (void)state;
    int fd = listener(), epoll = host.epoll_create(host.userdata, 1);
    handshake();
    int connection = accepted(fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = connection}, told;
    struct pollfd polled = {.fd = connection, .events = POLLIN};
    assert_int_equal(host.epoll_ctl(host.userdata, epoll, EPOLL_CTL_ADD, connection, &event), 0);
    assert_int_equal(host.epoll_wait(host.userdata, epoll, &told, 1, 10), 0);
    arrives(FLAG_ACK, REMOTE_ISS + 1, 10);
    leaves(FLAG_ACK, 0);
    assert_int_equal(host.epoll_wait(host.userdata, epoll, &told, 1, 0), 1);
    assert_int_equal(told.data.fd, connection);
    assert_int_equal(told.events, EPOLLIN);
    assert_int_equal(host.epoll_wait(host.userdata, epoll, &told, 1, 0), 0);
    assert_int_equal(host.poll(host.userdata, &polled, 1, 0), 1);
    assert_int_equal(polled.revents, POLLIN);
    assert_int_equal(host.close(host.userdata, epoll), 0);
    assert_int_equal(host.close(host.userdata, connection), 0);
    leaves(FLAG_RST | FLAG_ACK, 0);
    assert_int_equal(host.close(host.userdata, fd), 0);
}

static void splice_moves_text_through_a_pipe(void **state)
{
    (void)state;
    int ends[2], fd = listener();
    handshake();
    int connection = accepted(fd);
    assert_int_equal(host.pipe(host.userdata, ends), 0);
    arrives(FLAG_ACK, REMOTE_ISS + 1, 10);
    leaves(FLAG_ACK, 0);
    assert_int_equal(host.splice(host.userdata, connection, NULL, ends[1], NULL, 100, 0), 10);
    assert_int_equal(host.splice(host.userdata, ends[0], NULL, connection, NULL, 100, 0), 10);
    leaves(FLAG_PSH | FLAG_ACK, 10);
    arrives(FLAG_ACK, REMOTE_ISS + 11, 0);
    assert_int_equal(host.close(host.userdata, ends[0]), 0);
    assert_int_equal(host.close(host.userdata, ends[1]), 0);
    close_both(connection, fd);
}

static bool offers(uint8_t kind)
{
    for (unsigned i = 0; i < seen.spec.options_count; i++)
        if (seen.spec.options[i].kind == kind)
            return true;
    return false;
}

static void take_options_of_syn(const char *flags)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(REMOTE_PORT)};
    memcpy(&address.sin_addr, there.address, 4);
    begin_with(flags);
    int fd = host.socket(host.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(host.connect(host.userdata, fd, (struct sockaddr *)&address, sizeof address),
                     -1);
    assert_int_equal(errno, EINPROGRESS);
    leaves(FLAG_SYN, 0);
    assert_int_equal(host.close(host.userdata, fd), 0);
    host.free(host.userdata);
}

static void tunables_come_from_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/tunny-so-test.XXXXXX", path[PATH_MOST], flags[PATH_MOST];
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

static void find_object(const char *program)
{
    const char *named = getenv("TUNNY_PACKETDRILL_SO");
    const char *slash = strrchr(program, '/');
    int folder = slash != NULL ? (int)(slash - program) : 1;
    if (named != NULL)
        snprintf(object, sizeof object, "%s", named);
    else
        snprintf(object, sizeof object, "%.*s/../../libtunny-packetdrill.so", folder,
                 slash != NULL ? program : ".");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fills_every_entry, begin, end),
        cmocka_unit_test_setup_teardown(text_goes_both_ways, begin, end),
        cmocka_unit_test_setup_teardown(accept_sleeps_in_a_second_thread, begin, end),
        cmocka_unit_test_setup_teardown(read_ends_in_a_second_thread_when_its_time_is_up, begin,
                                        end),
        cmocka_unit_test_setup_teardown(time_is_virtual, begin, end),
        cmocka_unit_test_setup_teardown(says_that_no_packet_will_come, begin, end),
        cmocka_unit_test_setup_teardown(errors_are_minus_one_and_errno, begin, end),
        cmocka_unit_test_setup_teardown(epoll_tells_an_edge_once, begin, end),
        cmocka_unit_test_setup_teardown(splice_moves_text_through_a_pipe, begin, end),
        cmocka_unit_test(tunables_come_from_files),
    };
    (void)argc;
    find_object(argv[0]);
    handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dlclose(handle);
    return failed;
}
