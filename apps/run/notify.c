/* See notify.h. */
#define _GNU_SOURCE
#include "run/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/calls.h"
#include "run/task.h"

/* Linux 6.6: the answer wakes the caller on this processor, which is about to sleep. */
#define SET_FLAGS         SECCOMP_IOW(4, __u64)
#define FLAG_SYNC_WAKE_UP 1UL
#define STOP_SIGNAL       SIGURG

static const char *name_of(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SYS_socket, "socket"},
        {SYS_connect, "connect"},
        {SYS_bind, "bind"},
        {SYS_listen, "listen"},
        {SYS_accept, "accept"},
        {SYS_accept4, "accept4"},
        {SYS_getsockname, "getsockname"},
        {SYS_getpeername, "getpeername"},
        {SYS_setsockopt, "setsockopt"},
        {SYS_getsockopt, "getsockopt"},
        {SYS_shutdown, "shutdown"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "?";
}

static void tell(const struct call *call, int64_t result, const char *how)
{
    if (!call->session->bridge->is_verbose)
        return;
    char descriptor[16] = "";
    if (call->number != SYS_socket)
        snprintf(descriptor, sizeof descriptor, "%d%s", (int)call->arguments[0],
                 call->note[0] != '\0' ? ", " : "");
    fprintf(stderr, "tunny run: [%d] %s(%s%s) = %lld%s%s%s\n", (int)call->task,
            name_of(call->number), descriptor, call->note, (long long)(result < 0 ? -1 : result),
            result < 0 ? " " : "", result < 0 ? strerrorname_np((int)-result) : "", how);
}

/* 0, or -ENOENT: nobody waits for it any more. */
static int send_answer(const struct call *call, int64_t result, uint32_t flags)
{
    struct seccomp_notif_resp answer = {
        .id = call->id,
        .val = result < 0 ? 0 : result,
        .error = result < 0 ? (int32_t)result : 0,
        .flags = flags,
    };
    return ioctl(call->session->notify, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 ? -errno : 0;
}

/* The kernel takes an answer although a signal has already woken the caller, and then restarts the
 * call all the same. A call that must not be made twice gets the same answer when it comes again at
 * once. */
static bool may_be_lost(const struct call *call, int64_t result)
{
    return (call->number == SYS_connect && (result == 0 || result == -EINPROGRESS)) ||
           (call->number == SYS_bind && result == 0);
}

void notify_answer(struct call *call, struct channel *channel, int64_t result)
{
    int sent = send_answer(call, result, 0);
    tell(call, result, sent < 0 ? " (interrupted)" : "");
    if (channel == NULL || (sent == 0 && !may_be_lost(call, result)))
        return;
    channel->kept = (struct kept_answer){
        .valid = true,
        .was_sent = sent == 0,
        .when_ns = tunny_now_ns(call->session->bridge->stack),
        .task = call->task,
        .number = call->number,
        .instruction = call->instruction,
        .result = result,
    };
}

void notify_continue(struct call *call)
{
    send_answer(call, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int notify_give(struct call *call, int descriptor, bool close_on_exec)
{
    struct seccomp_notif_addfd gift = {
        .id = call->id,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (uint32_t)descriptor,
        .newfd_flags = close_on_exec ? O_CLOEXEC : 0,
    };
    int number = ioctl(call->session->notify, SECCOMP_IOCTL_NOTIF_ADDFD, &gift);
    int error = number < 0 ? -errno : 0;
    if (number >= 0) {
        tell(call, number, "");
        return number;
    }
    /* EMFILE and the like are the caller's to know. */
    if (error != -ENOENT && error != -EINPROGRESS)
        notify_answer(call, NULL, error);
    return error;
}

int notify_replace(struct call *call, int descriptor, int number)
{
    struct seccomp_notif_addfd gift = {
        .id = call->id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)descriptor,
        .newfd = (uint32_t)number,
    };
    return ioctl(call->session->notify, SECCOMP_IOCTL_NOTIF_ADDFD, &gift) < 0 ? -errno : 0;
}

bool notify_waits(const struct call *call)
{
    uint64_t id = call->id;
    return ioctl(call->session->notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* The kernel may know a longer struct than we do. */
union question {
    struct seccomp_notif notif;
    char room[512];
};

/* 1: a question; 0: none this time; -1: no process is left that could ask. */
static int receive(const struct session *session, union question *question)
{
    memset(question, 0, sizeof *question);
    if (ioctl(session->notify, SECCOMP_IOCTL_NOTIF_RECV, &question->notif) == 0)
        return 1;
    if (errno != ENOENT && errno != EINTR)
        return -1;
    struct pollfd over = {.fd = session->notify};
    return poll(&over, 1, 0) > 0 && (over.revents & POLLHUP) ? -1 : 0;
}

static void *serve(void *context)
{
    struct session *session = context;
    union question question;
    int got;
    while (!session->ended && (got = receive(session, &question)) >= 0) {
        if (got == 0)
            continue;
        struct call call = {
            .session = session,
            .id = question.notif.id,
            .task = (pid_t)question.notif.pid,
            .number = question.notif.data.nr,
            .instruction = question.notif.data.instruction_pointer,
            .duplicate = -1,
        };
        for (unsigned i = 0; i < 6; i++)
            call.arguments[i] = question.notif.data.args[i];
        calls_handle(&call);
    }
    task_forget_all();
    session->ended = true;
    bridge_wake(session->bridge);
    return NULL;
}

static void wake_only(int number)
{
    (void)number;
}

int notify_start(struct session *session)
{
    struct sigaction action = {.sa_handler = wake_only};
    sigset_t all, before;
    sigaction(STOP_SIGNAL, &action, NULL);
    ioctl(session->notify, SET_FLAGS, FLAG_SYNC_WAKE_UP);
    /* Signals are the loop's business, but for the one that stops the thread. */
    sigfillset(&all);
    sigdelset(&all, STOP_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&session->thread, NULL, serve, session);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

void notify_stop(struct session *session)
{
    session->ended = true;
    /* The signal may come just before the call in which the thread sleeps. */
    while (pthread_kill(session->thread, STOP_SIGNAL) == 0) {
        struct timespec soon = {.tv_nsec = 2000000}, until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += soon.tv_nsec;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        if (pthread_timedjoin_np(session->thread, NULL, &until) == 0)
            break;
    }
}
