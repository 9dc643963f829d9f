/* tunny run: options, the program, signals both ways, the exit status. */
#define _GNU_SOURCE
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "run/join.h"
#include "run/loop.h"
#include "run/session.h"
#include "run/supervisor.h"

enum run_option { RUN_NO_LINK = 1, RUN_JOIN, RUN_LISTEN };

static const struct option run_longs[] = {
    {"no-link", no_argument, NULL, RUN_NO_LINK},
    {"join", required_argument, NULL, RUN_JOIN},
    {"listen", required_argument, NULL, RUN_LISTEN},
    {0},
};

static const struct command run_command = {
    .name = "tunny run",
    .usage = "tunny run [OPTION]... PROGRAM [ARGUMENT]...",
    .help =
        "Runs PROGRAM, whatever it is, with this stack in place of the kernel's TCP: static,\n"
        "multi-process and set-up by scripts alike. It sees a network namespace of its own;\n"
        "its UDP and ICMP pass through the stack, too.\n"
        "      --join NAME       on the stack that \"tunny up NAME\" has made, not a private\n"
        "                        one; options about the stack are that command's then\n"
        "      --listen PLACE    PROGRAM finds a listening socket for PORT or ADDRESS:PORT at\n"
        "                        descriptor 3, as LISTEN_FDS says; may be repeated\n"
        "      --no-link         no interface in there: TCP only\n"
        "  -v, --verbose         one line for each call about a TCP socket; the trace with -vv\n"
        "Exit codes: PROGRAM's; 128 + N when signal N ended it; 126 it cannot be run, 127 it\n"
        "is not there; 2 usage, device or a missing right (\"tunny doctor\").\n",
    .shorts = "+",
    .longs = run_longs,
};

struct run {
    struct supervisor supervisor;
    struct launched launched;
    int status; /* of the program, as waitpid() has it */
    bool has_ended;
};

static void reap(struct run *run)
{
    int status;
    pid_t gone;
    while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
        if (gone != run->launched.child)
            continue;
        run->status = status;
        run->has_ended = true;
    }
}

/* What a terminal sends goes to the program by itself. */
static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->supervisor.signal_descriptor, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(run);
        else if (info.ssi_code <= 0 && !run->has_ended)
            kill(run->launched.child, (int)info.ssi_signo);
    }
}

/* The device's failure ends the run; the program sees its connections end. */
static int serve(struct run *run)
{
    struct supervisor *supervisor = &run->supervisor;
    while (!run->has_ended) {
        int bits = loop_turn(supervisor->bridge, -1);
        if (bits < 0) {
            complain("the device failed: %s.", error_words(bits));
            kill(run->launched.child, SIGKILL);
            return bits;
        }
        if (bits & 1 << EVENT_SIGNAL)
            take_signals(run);
        if (bits & 1 << EVENT_CONTROL && supervisor->control != NULL)
            control_serve(supervisor->control);
        if (bits & 1 << EVENT_SESSION)
            sessions_reap(supervisor->bridge);
    }
    return 0;
}

static bool is_interrupted(const struct run *run)
{
    struct pollfd entry = {.fd = run->supervisor.signal_descriptor, .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

/* So that "tunny ps" finds it; where that cannot be, nothing else is missed. */
static void be_found(struct supervisor *supervisor)
{
    char name[CONTROL_NAME + 1];
    snprintf(name, sizeof name, "run-%d", (int)getpid());
    if (control_open(&supervisor->control, supervisor->bridge, name) < 0)
        return;
    snprintf(supervisor->control->addresses, sizeof supervisor->control->addresses, "%s",
             supervisor->place.addresses);
}

static int run_program(struct run *run, char *const *argv)
{
    struct supervisor *supervisor = &run->supervisor;
    if (supervisor_launch(supervisor, argv, &run->launched) < 0)
        return EXIT_USAGE;
    int result = session_start(supervisor->bridge, run->launched.notify, run->launched.child,
                               argv[0]);
    if (result < 0) {
        complain("cannot start: %s.", error_words(result));
        kill(run->launched.child, SIGKILL);
        return EXIT_USAGE;
    }
    be_found(supervisor);
    launch_begin(&run->launched);
    result = serve(run);
    if (result == 0 && !is_interrupted(run))
        supervisor_send_the_rest(supervisor);
    return result < 0 ? EXIT_FAILED : EXIT_OK;
}

static int run_on_own_stack(struct run *run, char *const *argv)
{
    supervisor_prepare(&run->supervisor);
    int code = supervisor_open(&run->supervisor);
    if (code != EXIT_OK)
        return code;
    code = run_program(run, argv);
    supervisor_close(&run->supervisor);
    return code;
}

int run_hand_status_through(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    int number = WTERMSIG(status);
    struct rlimit no_core = {0, 0};
    sigset_t set;
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    fflush(NULL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return EXIT_SIGNAL + number;
}

static int take_listen(struct activation *activation)
{
    if (!activation_is_good(optarg))
        return options_wrong("--listen %s: expected PORT or ADDRESS:PORT", optarg);
    if (activation->count == ACTIVATION_MOST)
        return options_wrong("--listen was given more than %d times", ACTIVATION_MOST);
    activation->places[activation->count++] = optarg;
    return EXIT_OK;
}

int run_main(int argc, char **argv)
{
    struct options options;
    struct run run = {.supervisor = {.options = &options}};
    const char *join = NULL;
    int option;
    message_program(run_command.name);
    options_start(&options, argc, argv);
    while ((option = options_next(&options, &run_command, argc, argv)) >= 0) {
        if (option == RUN_NO_LINK)
            run.supervisor.place.has_no_link = 1;
        else if (option == RUN_JOIN)
            join = optarg;
        else if (take_listen(&run.supervisor.activation) != EXIT_OK)
            return EXIT_USAGE;
    }
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (optind == argc)
        return options_wrong("a program is missing");
    if (join != NULL)
        return join_and_run(join, argv + optind, &run.supervisor.activation);
    int code = run_on_own_stack(&run, argv + optind);
    return run.has_ended ? run_hand_status_through(run.status) : code;
}
