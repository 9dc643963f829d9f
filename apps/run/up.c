/* tunny up: a stack with a name, for programs that come and go. */
#define _GNU_SOURCE
#include "run/up.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "remote/passing.h"
#include "run/loop.h"
#include "run/session.h"
#include "run/supervisor.h"
#include "run/task.h"

enum up_option { UP_FOREGROUND = 1, UP_NO_LINK };

static const struct option up_longs[] = {
    {"foreground", no_argument, NULL, UP_FOREGROUND},
    {"no-link", no_argument, NULL, UP_NO_LINK},
    {0},
};

static const struct command up_command = {
    .name = "tunny up",
    .usage = "tunny up [OPTION]... NAME",
    .help =
        "Makes a stack for programs that come and go: tunny run --join NAME PROGRAM. It runs\n"
        "in the background until \"tunny down NAME\"; \"tunny ps\" and \"tunny ss\" look into it.\n"
        "      --foreground      stay, until interrupted\n"
        "      --no-link         no interface in the programs' namespace: TCP only\n"
        "Exit codes: 0 it is up (or was, in the foreground), 2 usage, device or a missing\n"
        "right; 130, 143 interrupted.\n",
    .shorts = "",
    .longs = up_longs,
};

struct up {
    struct supervisor supervisor;
    const char *name;
    bool stays;
    int ready; /* writing a byte says that it is up; -1: nobody waits */
    int signal_number;
};

/* --- the place ----------------------------------------------------------------------------------
 */

struct place_report {
    int result;
    char sentence[300];
};

/* The child makes the namespaces and lives until we hold them. */
static void make_place(const struct namespace_config *config, int gate)
{
    struct place_report report = {0};
    int link = -1;
    char go;
    report.result = namespace_make(config, &link, report.sentence, sizeof report.sentence);
    pass_send(gate, &report, sizeof report, &link, link < 0 ? 0 : 1);
    ssize_t got = read(gate, &go, 1);
    _exit(got == 1 ? 0 : 1);
}

static int open_namespace(pid_t process, const char *kind)
{
    char path[64], ours[64] = "", theirs[64] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t our_length = readlink(path, ours, sizeof ours - 1);
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)process, kind);
    ssize_t their_length = readlink(path, theirs, sizeof theirs - 1);
    /* One that we are in ourselves need not be entered. */
    if (our_length < 0 || their_length < 0 || strcmp(ours, theirs) == 0)
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int hold_place(struct supervisor *supervisor)
{
    struct place_report report = {0};
    int ends[2], link = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        make_place(&supervisor->place, ends[1]);
    }
    close(ends[1]);
    int result = child < 0 ? -errno : pass_receive(ends[0], &report, sizeof report, &link, 1);
    if (result >= 0)
        result = report.result;
    if (result == 0) {
        struct control *control = supervisor->control;
        control->namespaces[0] = open_namespace(child, "net");
        control->namespaces[1] = open_namespace(child, "user");
        task_network(child, supervisor->bridge->network, sizeof supervisor->bridge->network);
        supervisor_set_link(supervisor, link);
        ssize_t written = write(ends[0], "", 1);
        (void)written;
    } else {
        complain("%s.", *report.sentence != '\0' ? report.sentence : error_words(result));
    }
    close(ends[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    return result;
}

/* --- serving ------------------------------------------------------------------------------------
 */

static void take_signals(struct up *up)
{
    struct signalfd_siginfo info;
    while (read(up->supervisor.signal_descriptor, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
            (info.ssi_signo == SIGHUP && up->stays))
            up->signal_number = (int)info.ssi_signo;
}

static int serve(struct up *up)
{
    struct supervisor *supervisor = &up->supervisor;
    while (up->signal_number == 0 && !supervisor->control->is_asked_to_end) {
        int bits = loop_turn(supervisor->bridge, -1);
        if (bits < 0) {
            complain("the device failed: %s.", error_words(bits));
            return EXIT_FAILED;
        }
        if (bits & 1 << EVENT_SIGNAL)
            take_signals(up);
        if (bits & 1 << EVENT_CONTROL)
            control_serve(supervisor->control);
        if (bits & 1 << EVENT_SESSION)
            sessions_reap(supervisor->bridge);
    }
    return up->signal_number != 0 && up->stays ? EXIT_SIGNAL + up->signal_number : EXIT_OK;
}

static void say_ready(struct up *up)
{
    if (up->ready < 0)
        return;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && nothing >= 0; i++)
        dup2(nothing, i);
    close(nothing);
    ssize_t written = write(up->ready, "", 1);
    (void)written;
    close(up->ready);
    up->ready = -1;
}

static int hold(struct up *up)
{
    struct supervisor *supervisor = &up->supervisor;
    int result = control_open(&supervisor->control, supervisor->bridge, up->name);
    if (result < 0) {
        complain("cannot hold a stack %s: %s.", up->name,
                 result == -EADDRINUSE ? "there is one" : error_words(result));
        return EXIT_USAGE;
    }
    struct control *control = supervisor->control;
    snprintf(control->addresses, sizeof control->addresses, "%s", supervisor->place.addresses);
    if (supervisor->place.resolver != NULL)
        snprintf(control->resolver, sizeof control->resolver, "%s", supervisor->place.resolver);
    if (hold_place(supervisor) < 0)
        return EXIT_USAGE;
    if (up->stays)
        fprintf(stderr, "%s is up on %s\n", up->name, tunny_interface(supervisor->bridge->stack));
    say_ready(up);
    return serve(up);
}

static int be_up(struct up *up)
{
    supervisor_prepare(&up->supervisor);
    int code = supervisor_open(&up->supervisor);
    if (code != EXIT_OK)
        return code;
    code = hold(up);
    supervisor_close(&up->supervisor);
    return code;
}

/* The parent waits until the stack is up, and says what became of it. */
static int be_up_in_background(struct up *up)
{
    int ends[2], status;
    char byte;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return EXIT_USAGE;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        close(ends[0]);
        up->ready = ends[1];
        return be_up(up);
    }
    close(ends[1]);
    ssize_t got = child < 0 ? -1 : read(ends[0], &byte, 1);
    close(ends[0]);
    if (got == 1)
        return EXIT_OK;
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
        return WEXITSTATUS(status);
    return EXIT_USAGE;
}

int up_main(int argc, char **argv)
{
    struct options options;
    struct up up = {.supervisor = {.options = &options}, .ready = -1};
    int option;
    message_program(up_command.name);
    options_start(&options, argc, argv);
    while ((option = options_next(&options, &up_command, argc, argv)) >= 0) {
        if (option == UP_FOREGROUND)
            up.stays = true;
        else
            up.supervisor.place.has_no_link = 1;
    }
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (argc - optind != 1 || !control_name_is_good(argv[optind]))
        return options_wrong("expected one name of letters, digits, _ and -, at most %d",
                             CONTROL_NAME);
    up.name = argv[optind];
    return up.stays ? be_up(&up) : be_up_in_background(&up);
}
