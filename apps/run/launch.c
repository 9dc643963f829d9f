/* See launch.h. */
#define _GNU_SOURCE
#include "run/launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/message.h"
#include "remote/passing.h"
#include "run/filter.h"

enum { CANNOT_EXECUTE = 126, NOT_FOUND = 127 };

static const int caught[LAUNCH_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGQUIT};

void launch_remember_signals(struct launch_signals *signals)
{
    for (unsigned i = 0; i < LAUNCH_SIGNALS; i++)
        sigaction(caught[i], NULL, &signals->actions[i]);
    sigprocmask(SIG_SETMASK, NULL, &signals->mask);
}

static void restore_signals(const struct launch_signals *signals)
{
    for (unsigned i = 0; i < LAUNCH_SIGNALS; i++)
        sigaction(caught[i], &signals->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* --- the child ---------------------------------------------------------------------------------
 */

struct report {
    int result;
    char sentence[300];
};

static int prepare(const struct launch *launch, struct report *report, int descriptors[2])
{
    int result = launch->enter(launch->context, &descriptors[1], report->sentence,
                               sizeof report->sentence);
    if (result < 0)
        return result;
    descriptors[0] = filter_install();
    if (descriptors[0] < 0)
        snprintf(report->sentence, sizeof report->sentence, "the filter is refused: %s%s",
                 error_words(descriptors[0]),
                 descriptors[0] == -EBUSY ? " (a program on a stack cannot start another)" : "");
    return descriptors[0];
}

static void become_program(const struct launch *launch, int gate, pid_t parent)
{
    struct report report = {0};
    int descriptors[2] = {-1, -1};
    report.result = prepare(launch, &report, descriptors);
    unsigned count = report.result < 0 ? 0 : descriptors[1] < 0 ? 1 : 2;
    if (pass_send(gate, &report, sizeof report, descriptors, count) < 0 || report.result < 0)
        _exit(CANNOT_EXECUTE);
    char go;
    for (unsigned i = 0; i < count; i++)
        close(descriptors[i]);
    if (read(gate, &go, 1) != 1)
        _exit(CANNOT_EXECUTE);
    /* Nobody would answer its calls when we are killed: it ends with us. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CANNOT_EXECUTE);
    restore_signals(launch->signals);
    const char *place = "";
    int activated = activation_open(launch->activation, &place);
    if (activated < 0) {
        complain("cannot listen on %s: %s.", place, error_words(activated));
        _exit(CANNOT_EXECUTE);
    }
    execvp(launch->argv[0], launch->argv);
    int error = errno;
    complain("cannot run %s: %s.", launch->argv[0], error_words(error));
    _exit(error == ENOENT ? NOT_FOUND : CANNOT_EXECUTE);
}

/* One descriptor for each connection: as many as the system lets us have. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int launch(const struct launch *launch, struct launched *launched, char *error, size_t error_size)
{
    int ends[2], descriptors[2] = {-1, -1};
    struct report report = {0};
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_program(launch, ends[1], parent);
    }
    close(ends[1]);
    raise_limit();
    int got = child < 0 ? -errno : pass_receive(ends[0], &report, sizeof report, descriptors, 2);
    if (got < 0 || report.result < 0) {
        snprintf(error, error_size, "%s", report.sentence);
        if (child > 0)
            waitpid(child, NULL, 0);
        close(ends[0]);
        return got < 0 ? got : report.result;
    }
    *launched = (struct launched){
        .child = child,
        .gate = ends[0],
        .notify = descriptors[0],
        .link = got > 1 ? descriptors[1] : -1,
    };
    return 0;
}

void launch_begin(struct launched *launched)
{
    ssize_t written = write(launched->gate, "", 1);
    (void)written;
    close(launched->gate);
    launched->gate = -1;
}
