/* See join.h. The program is our child, so that signals and status pass through us; its calls are
 * answered by the holder of the stack, who gets the notification descriptor. */
#define _GNU_SOURCE
#include "run/join.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "remote/control_socket.h"
#include "run/launch.h"
#include "run/run.h"

struct joining {
    int namespaces[2];
    unsigned count;
    struct control_answer answer;
};

/* In the child. Its own mount namespace has the resolver file; where it stands stays the same. */
static int enter(void *context, int *link, char *error, size_t error_size)
{
    const struct joining *joining = context;
    *link = -1;
    if ((joining->count > 1 && setns(joining->namespaces[1], CLONE_NEWUSER) < 0) ||
        setns(joining->namespaces[0], CLONE_NEWNET) < 0 || unshare(CLONE_NEWNS) < 0) {
        int result = -errno;
        snprintf(error, error_size, "the stack's namespace cannot be entered: %s",
                 error_words(result));
        return result;
    }
    const char *resolver = joining->answer.resolver;
    int result = namespace_set_resolver(*resolver != '\0' ? resolver : NULL);
    if (result < 0)
        snprintf(error, error_size, "/etc/resolv.conf cannot be replaced: %s", error_words(result));
    return result;
}

static const int forwarded[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH};

static void wanted_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(set, forwarded[i]);
}

/* The program's status. */
static int wait_for(pid_t child)
{
    sigset_t set;
    siginfo_t info;
    int status;
    wanted_signals(&set);
    while (waitpid(child, &status, WNOHANG) == 0)
        if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && info.si_code <= 0)
            kill(child, info.si_signo);
    return status;
}

/* Lets the holder of the stack serve the program. */
static int hand_over(int there, const struct launched *launched, const char *name)
{
    struct control_request request = {.verb = CONTROL_BEGIN, .program = launched->child};
    struct control_answer answer = {0};
    snprintf(request.name, sizeof request.name, "%s", name);
    return control_ask(there, &request, &launched->notify, &answer, NULL, 0);
}

static int run_there(int there, struct joining *joining, char *const *argv,
                     const struct activation *activation)
{
    char error[300] = "";
    struct launch_signals signals;
    struct launched launched;
    struct launch how = {.argv = argv,
                         .signals = &signals,
                         .activation = activation,
                         .enter = enter,
                         .context = joining};
    sigset_t set;
    launch_remember_signals(&signals);
    wanted_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int result = launch(&how, &launched, error, sizeof error);
    if (result < 0) {
        complain("%s.", *error != '\0' ? error : error_words(result));
        return EXIT_USAGE;
    }
    result = hand_over(there, &launched, argv[0]);
    close(launched.notify);
    close(there);
    if (result < 0) {
        complain("the stack does not serve the program: %s.", error_words(result));
        kill(launched.child, SIGKILL);
        return EXIT_USAGE;
    }
    launch_begin(&launched);
    return run_hand_status_through(wait_for(launched.child));
}

int join_and_run(const char *name, char *const *argv, const struct activation *activation)
{
    struct control_request request = {.verb = CONTROL_JOIN};
    struct joining joining = {.namespaces = {-1, -1}};
    int there = control_connect(name);
    if (there < 0) {
        complain("there is no stack %s: %s. \"tunny up %s\" makes one.", name, error_words(there),
                 name);
        return EXIT_USAGE;
    }
    int got = control_ask(there, &request, NULL, &joining.answer, joining.namespaces, 2);
    if (got <= 0) {
        complain("%s cannot be joined: %s.", name, error_words(got < 0 ? got : -EPROTO));
        close(there);
        return EXIT_USAGE;
    }
    joining.count = (unsigned)got;
    joining.answer.resolver[sizeof joining.answer.resolver - 1] = '\0';
    return run_there(there, &joining, argv, activation);
}
