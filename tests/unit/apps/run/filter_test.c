/* Unit tests of filter.c: its instructions, interpreted as the kernel would, say for each call what
 * becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "run/filter.h"

#if defined(__x86_64__)
static const uint32_t native = AUDIT_ARCH_X86_64;
#else
static const uint32_t native = AUDIT_ARCH_AARCH64;
#endif

/* The few instructions of classic BPF that a filter of ours has. */
static uint32_t interpret(const struct sock_filter *program, unsigned count,
                          const struct seccomp_data *data)
{
    uint32_t a = 0;
    for (unsigned at = 0; at < count; at++) {
        const struct sock_filter *i = &program[at];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k + 4 <= sizeof *data && i->k % 4 == 0);
            memcpy(&a, (const char *)data + i->k, sizeof a);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += a == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            at += a & i->k ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            fail_msg("unknown instruction %#x", i->code);
        }
    }
    fail_msg("no answer");
    return 0;
}

static uint32_t judge(const struct seccomp_data *data)
{
    struct sock_filter program[FILTER_MOST];
    unsigned count = filter_build(program);
    assert_true(count <= FILTER_MOST);
    return interpret(program, count, data);
}

#define JUDGE(number, ...)                                                                         \
    judge(&(struct seccomp_data){.nr = (number), .arch = native, .args = {__VA_ARGS__}})
#define REFUSED(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))

static void stream_sockets_are_asked_about(void **state)
{
    (void)state;
    static const uint64_t families[] = {AF_INET, AF_INET6}, protocols[] = {0, IPPROTO_TCP, 262};
    for (unsigned f = 0; f < 2; f++)
        for (unsigned p = 0; p < 3; p++)
            assert_int_equal(JUDGE(SYS_socket, families[f],
                                   (uint64_t)(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC),
                                   protocols[p]),
                             SECCOMP_RET_USER_NOTIF);
}

static void other_sockets_are_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(SYS_socket, AF_INET, SOCK_DGRAM, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(JUDGE(SYS_socket, AF_UNIX, SOCK_STREAM, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(JUDGE(SYS_socket, AF_NETLINK, SOCK_RAW, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(JUDGE(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP), SECCOMP_RET_ALLOW);
}

static void calls_on_sockets_are_asked_about(void **state)
{
    (void)state;
    static const int numbers[] = {SYS_connect,     SYS_bind,       SYS_listen,     SYS_getsockname,
                                  SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_shutdown};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(JUDGE(numbers[i], 3, 1, 2, 4096, 4), SECCOMP_RET_USER_NOTIF);
}

static void accept_is_asked_about_when_it_wants_an_address(void **state)
{
    (void)state;
    static const int numbers[] = {SYS_accept, SYS_accept4};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(JUDGE(numbers[i], 3, 0, 0, 0), SECCOMP_RET_ALLOW);
        assert_int_equal(JUDGE(numbers[i], 3, 4096, 8192, 0), SECCOMP_RET_USER_NOTIF);
        assert_int_equal(JUDGE(numbers[i], 3, UINT64_C(1) << 32, 8192, 0), SECCOMP_RET_USER_NOTIF);
    }
}

static void corks_and_quick_acks_are_granted_at_once(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(SYS_setsockopt, 3, IPPROTO_TCP, TCP_CORK, 4096, 4), REFUSED(0));
    assert_int_equal(JUDGE(SYS_setsockopt, 3, IPPROTO_TCP, TCP_QUICKACK, 4096, 4), REFUSED(0));
    assert_int_equal(JUDGE(SYS_setsockopt, 3, SOL_SOCKET, TCP_CORK, 4096, 4),
                     SECCOMP_RET_USER_NOTIF);
    assert_int_equal(JUDGE(SYS_getsockopt, 3, IPPROTO_TCP, TCP_CORK, 4096, 8192),
                     SECCOMP_RET_USER_NOTIF);
}

static void data_is_the_kernels(void **state)
{
    (void)state;
    static const int numbers[] = {SYS_read,    SYS_write,       SYS_sendto, SYS_recvfrom,
                                  SYS_sendmsg, SYS_epoll_pwait, SYS_close,  SYS_dup3,
                                  SYS_clone,   SYS_execve,      SYS_fcntl,  SYS_ppoll};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(JUDGE(numbers[i], 3, 4096, 10, 0), SECCOMP_RET_ALLOW);
}

static void what_goes_past_is_refused(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(SYS_io_uring_setup, 8, 4096), REFUSED(ENOSYS));
    assert_int_equal(JUDGE(SYS_sendto, 3, 4096, 10, MSG_FASTOPEN, 8192, 16), REFUSED(EOPNOTSUPP));
    assert_int_equal(JUDGE(SYS_sendmsg, 3, 4096, (uint64_t)(MSG_FASTOPEN | MSG_NOSIGNAL)),
                     REFUSED(EOPNOTSUPP));
    struct seccomp_data other = {.nr = 102, .arch = AUDIT_ARCH_I386};
    assert_int_equal(judge(&other), REFUSED(ENOSYS));
    struct seccomp_data x32 = {.nr = 0x40000000 | SYS_socket, .arch = native};
    if (native == AUDIT_ARCH_X86_64)
        assert_int_equal(judge(&x32), REFUSED(ENOSYS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_sockets_are_asked_about),
        cmocka_unit_test(other_sockets_are_the_kernels),
        cmocka_unit_test(calls_on_sockets_are_asked_about),
        cmocka_unit_test(accept_is_asked_about_when_it_wants_an_address),
        cmocka_unit_test(corks_and_quick_acks_are_granted_at_once),
        cmocka_unit_test(data_is_the_kernels),
        cmocka_unit_test(what_goes_past_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
