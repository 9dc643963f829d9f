/* See filter.h. Each rule is a block that begins by comparing the call's number and falls through
 * to the next block when it does not apply; what no block wants is allowed. The kernel remembers
 * which numbers are always allowed, so that reading and writing cost nothing. */
#define _GNU_SOURCE
#include "run/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { HAS_X32 = 1 };
static const uint32_t native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
enum { HAS_X32 = 0 };
static const uint32_t native = AUDIT_ARCH_AARCH64;
#else
#error "the system call tables of this machine are not known here"
#endif

enum { X32_BIT = 0x40000000, MPTCP = 262, TYPE_MASK = 0xf };

struct builder {
    struct sock_filter *out;
    unsigned count;
};

static void emit(struct builder *b, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    b->out[b->count++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}

static void load(struct builder *b, size_t offset)
{
    emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low half of an argument; both machines are little-endian. */
static void load_argument(struct builder *b, unsigned index)
{
    load(b, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

static void load_argument_high(struct builder *b, unsigned index)
{
    load(b, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) + sizeof(uint32_t));
}

static void answer(struct builder *b, uint32_t what)
{
    emit(b, BPF_RET | BPF_K, what, 0, 0);
}

static void answer_errno(struct builder *b, int error)
{
    answer(b, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* The next `length` instructions are for this call only. */
static void rule_for(struct builder *b, long number, unsigned length)
{
    load(b, offsetof(struct seccomp_data, nr));
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (uint8_t)length);
}

static void refuse_other_machines(struct builder *b)
{
    load(b, offsetof(struct seccomp_data, arch));
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, native, 1, 0);
    answer_errno(b, ENOSYS);
    if (HAS_X32) {
        load(b, offsetof(struct seccomp_data, nr));
        emit(b, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1);
        answer_errno(b, ENOSYS);
    }
}

/* socket(AF_INET or AF_INET6, SOCK_STREAM, 0 or TCP or MPTCP) is ours. */
static void ask_for_stream_sockets(struct builder *b)
{
    rule_for(b, SYS_socket, 11);
    load_argument(b, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 8);
    load_argument(b, 1);
    emit(b, BPF_ALU | BPF_AND | BPF_K, TYPE_MASK, 0, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 0, 5);
    load_argument(b, 2);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 1, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, MPTCP, 0, 1);
    answer(b, SECCOMP_RET_USER_NOTIF);
}

/* accept() without a place for the address needs nothing that the kernel does not know. */
static void ask_for_accept(struct builder *b, long number)
{
    rule_for(b, number, 5);
    load_argument(b, 1);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
    load_argument_high(b, 1);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(b, SECCOMP_RET_USER_NOTIF);
}

static void ask_for(struct builder *b, long number)
{
    rule_for(b, number, 1);
    answer(b, SECCOMP_RET_USER_NOTIF);
}

/* Servers toggle the cork around each reply and quick ACKs around each request. Our end sees what
 * was written at once anyway: the answer is yes, without a switch of processes. */
static void grant_cork_and_quick_ack(struct builder *b)
{
    rule_for(b, SYS_setsockopt, 6);
    load_argument(b, 1);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 4);
    load_argument(b, 2);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, TCP_CORK, 1, 0);
    emit(b, BPF_JMP | BPF_JEQ | BPF_K, TCP_QUICKACK, 0, 1);
    answer_errno(b, 0);
}

/* sendto() and sendmsg() with MSG_FASTOPEN would connect without connect(). */
static void refuse_fast_open(struct builder *b)
{
    rule_for(b, SYS_sendto, 3);
    load_argument(b, 3);
    emit(b, BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
    answer_errno(b, EOPNOTSUPP);
    rule_for(b, SYS_sendmsg, 3);
    load_argument(b, 2);
    emit(b, BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
    answer_errno(b, EOPNOTSUPP);
}

unsigned filter_build(struct sock_filter out[FILTER_MOST])
{
    static const long asked[] = {SYS_connect,     SYS_bind,       SYS_listen,     SYS_getsockname,
                                 SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_shutdown};
    struct builder b = {.out = out};
    refuse_other_machines(&b);
    ask_for_stream_sockets(&b);
    grant_cork_and_quick_ack(&b);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        ask_for(&b, asked[i]);
    ask_for_accept(&b, SYS_accept);
    ask_for_accept(&b, SYS_accept4);
    refuse_fast_open(&b);
    /* A ring would make and connect sockets without a system call of its own. */
    rule_for(&b, SYS_io_uring_setup, 1);
    answer_errno(&b, ENOSYS);
    answer(&b, SECCOMP_RET_ALLOW);
    return b.count;
}

int filter_install(void)
{
    struct sock_filter instructions[FILTER_MOST];
    struct sock_fprog program = {.len = (unsigned short)filter_build(instructions),
                                 .filter = instructions};
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    /* Who may not administer this namespace gives up set-user-id programs instead. */
    if (listener < 0 && errno == EACCES) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return -errno;
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    }
    return listener < 0 ? -errno : (int)listener;
}
