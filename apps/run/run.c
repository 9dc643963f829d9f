/* tunny run: options, the stack, the program, signals both ways, the exit status. */
#define _GNU_SOURCE
#include "run/run.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/options.h"
#include "run/launch.h"
#include "run/loop.h"
#include "run/notify.h"
#include "run/task.h"

enum run_option { RUN_NO_LINK = 1 };

static const struct option run_longs[] = {
    {"no-link", no_argument, NULL, RUN_NO_LINK},
    {0},
};

static const struct command run_command = {
    .name = "tunny run",
    .usage = "tunny run [OPTION]... PROGRAM [ARGUMENT]...",
    .help =
        "Runs PROGRAM, whatever it is, with this stack in place of the kernel's TCP: static,\n"
        "multi-process and set-up by scripts alike. It sees a network namespace of its own;\n"
        "its UDP and ICMP pass through the stack, too.\n"
        "      --no-link         no interface in there: TCP only\n"
        "  -v, --verbose         one line for each call about a TCP socket; the trace with -vv\n"
        "Exit codes: PROGRAM's; 128 + N when signal N ended it; 126 it cannot be run, 127 it\n"
        "is not there; 2 usage, device or a missing right (\"tunny doctor\").\n",
    .shorts = "+",
    .longs = run_longs,
};

#define DEFAULT_ADDRESSES "198.18.0.2/24,fd00:7475:6e::2/64"

enum { LAST_TEXT_MS = 60000, DRAIN_MS = 100 };

struct run {
    struct options options;
    struct namespace_config place;
    struct launch_signals signals;
    struct launched launched;
    struct bridge *bridge;
    struct session session;
    int signal_descriptor;
    int status; /* of the program, as waitpid() has it */
    bool has_ended;
    bool is_verbose;
};

/* --- signals -----------------------------------------------------------------------------------
 */

static const int forwarded[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,
                                SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};

/* From here on signals come as data. Before any thread is started: all inherit the mask. */
static int catch_signals(struct run *run)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&set, forwarded[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    run->signal_descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signal_descriptor < 0)
        return -errno;
    return bridge_watch(run->bridge, run->signal_descriptor, EPOLLIN, EVENT_SIGNAL);
}

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
    while (read(run->signal_descriptor, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(run);
        else if (info.ssi_code <= 0 && !run->has_ended)
            kill(run->launched.child, (int)info.ssi_signo);
    }
}

/* --- the run ------------------------------------------------------------------------------------
 */

static uint32_t mtu_of(const char *interface)
{
    struct ifreq request = {.ifr_mtu = 0};
    int ask = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    int result = ioctl(ask, SIOCGIFMTU, &request);
    close(ask);
    return result < 0 ? 0 : (uint32_t)request.ifr_mtu;
}

static int enter_new_place(void *context, int *link, char *error, size_t error_size)
{
    const struct run *run = context;
    return namespace_make(&run->place, link, error, error_size);
}

static int start(struct run *run, char *const *argv)
{
    char error[300] = "";
    struct launch launch_it = {
        .argv = argv,
        .signals = &run->signals,
        .enter = enter_new_place,
        .context = run,
    };
    int result = launch(&launch_it, &run->launched, error, sizeof error);
    if (result < 0) {
        complain("%s.", *error != '\0' ? error : error_words(result));
        complain("\"tunny doctor\" shows what is missing and the command that mends it.");
        return result;
    }
    struct bridge *bridge = run->bridge;
    bridge->inner = run->launched.link;
    if (bridge->inner >= 0) {
        tunny_guest_attach(bridge->stack);
        bridge_watch(bridge, bridge->inner, EPOLLIN, EVENT_INNER);
    }
    task_network(run->launched.child, bridge->network, sizeof bridge->network);
    run->session = (struct session){
        .bridge = bridge,
        .notify = run->launched.notify,
        .program = run->launched.child,
    };
    bridge->sessions = &run->session;
    result = notify_start(&run->session);
    if (result == 0)
        launch_begin(&run->launched);
    return result;
}

/* The device's failure ends the run; the program sees its connections end. */
static int serve(struct run *run)
{
    while (!run->has_ended) {
        int bits = loop_turn(run->bridge, -1);
        if (bits < 0) {
            complain("the device failed: %s.", error_words(bits));
            kill(run->launched.child, SIGKILL);
            return bits;
        }
        if (bits & 1 << EVENT_SIGNAL)
            take_signals(run);
    }
    return 0;
}

static bool is_interrupted(const struct run *run)
{
    struct pollfd entry = {.fd = run->signal_descriptor, .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

/* What the program wrote before it ended is sent, as a kernel would. */
static void send_the_rest(struct run *run)
{
    struct bridge *bridge = run->bridge;
    int64_t until = tunny_now_ns(bridge->stack) + (int64_t)LAST_TEXT_MS * 1000000;
    int bits = loop_turn(bridge, 0);
    while (bits >= 0 && !(bits & 1 << EVENT_SIGNAL) && tunny_now_ns(bridge->stack) < until &&
           (loop_is_ending(bridge) || tunny_unacknowledged(bridge->stack) > 0))
        bits = loop_turn(bridge, DRAIN_MS);
}

static int run_program(struct run *run, char *const *argv)
{
    int result = catch_signals(run);
    if (result == 0)
        result = start(run, argv);
    if (result < 0)
        return EXIT_USAGE;
    result = serve(run);
    if (result == 0 && !is_interrupted(run))
        send_the_rest(run);
    notify_stop(&run->session);
    close(run->session.notify);
    return result < 0 ? EXIT_FAILED : EXIT_OK;
}

/* As the program ended, so do we: a shell says the same. */
static int hand_status_through(const struct run *run)
{
    if (WIFEXITED(run->status))
        return WEXITSTATUS(run->status);
    int number = WTERMSIG(run->status);
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

static int run_on_stack(struct run *run, char *const *argv)
{
    struct tunny *stack;
    int code = options_open_stack(&run->options, &stack);
    if (code != EXIT_OK)
        return code;
    run->place.mtu = mtu_of(tunny_interface(stack));
    run->bridge = calloc(1, sizeof *run->bridge);
    int result = run->bridge == NULL ? -ENOMEM : bridge_open(run->bridge, stack);
    if (result < 0) {
        complain("cannot start: %s.", error_words(result));
        code = EXIT_USAGE;
    } else {
        run->bridge->is_verbose = run->is_verbose;
        code = run_program(run, argv);
    }
    if (run->bridge != NULL)
        bridge_close(run->bridge);
    free(run->bridge);
    options_close_stack(&run->options, stack);
    return code;
}

int run_main(int argc, char **argv)
{
    struct run run = {.signal_descriptor = -1};
    int option;
    message_program(run_command.name);
    options_start(&run.options, argc, argv);
    while ((option = options_next(&run.options, &run_command, argc, argv)) >= 0)
        if (option == RUN_NO_LINK)
            run.place.has_no_link = 1;
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (optind == argc)
        return options_wrong("a program is missing");
    /* The first -v shows the calls, each further one is the trace's. */
    run.is_verbose = run.options.verbosity > 0;
    run.options.verbosity -= run.is_verbose;
    struct tunny_config *config = &run.options.config;
    config->loopback = 1;
    if (config->addresses == NULL)
        config->addresses = DEFAULT_ADDRESSES;
    run.place.addresses = config->addresses;
    run.place.resolver = config->resolver;
    launch_remember_signals(&run.signals);
    int code = run_on_stack(&run, argv + optind);
    return run.has_ended ? hand_status_through(&run) : code;
}
