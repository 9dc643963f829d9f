/* See supervisor.h. */
#define _GNU_SOURCE
#include "run/supervisor.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "run/loop.h"
#include "run/session.h"
#include "run/task.h"

#define DEFAULT_ADDRESSES "198.18.0.2/24,fd00:7475:6e::2/64"

enum { LAST_TEXT_MS = 60000, DRAIN_MS = 100 };

void supervisor_prepare(struct supervisor *supervisor)
{
    struct options *options = supervisor->options;
    struct tunny_config *config = &options->config;
    /* The first -v shows the calls, each further one is the trace's. */
    supervisor->is_verbose = options->verbosity > 0;
    options->verbosity -= supervisor->is_verbose;
    config->loopback = 1;
    if (config->addresses == NULL)
        config->addresses = DEFAULT_ADDRESSES;
    supervisor->place.addresses = config->addresses;
    supervisor->place.resolver = config->resolver;
    supervisor->signal_descriptor = -1;
    launch_remember_signals(&supervisor->signals);
}

static uint32_t mtu_of(const char *interface)
{
    struct ifreq request = {.ifr_mtu = 0};
    int ask = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    int result = ioctl(ask, SIOCGIFMTU, &request);
    close(ask);
    return result < 0 ? 0 : (uint32_t)request.ifr_mtu;
}

/* Before any thread is started: all inherit the mask. */
static int catch_signals(struct supervisor *supervisor)
{
    static const int numbers[] = {SIGCHLD, SIGINT,  SIGQUIT, SIGTERM, SIGHUP,
                                  SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    supervisor->signal_descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (supervisor->signal_descriptor < 0)
        return -errno;
    return bridge_watch(supervisor->bridge, supervisor->signal_descriptor, EPOLLIN, EVENT_SIGNAL);
}

int supervisor_open(struct supervisor *supervisor)
{
    struct tunny *stack;
    int code = options_open_stack(supervisor->options, &stack);
    if (code != EXIT_OK)
        return code;
    supervisor->place.mtu = mtu_of(tunny_interface(stack));
    supervisor->bridge = calloc(1, sizeof *supervisor->bridge);
    int result = supervisor->bridge == NULL ? -ENOMEM : bridge_open(supervisor->bridge, stack);
    if (result == 0) {
        supervisor->bridge->is_verbose = supervisor->is_verbose;
        result = catch_signals(supervisor);
    }
    if (result == 0)
        return EXIT_OK;
    complain("cannot start: %s.", error_words(result));
    if (supervisor->bridge != NULL)
        supervisor_close(supervisor);
    else
        options_close_stack(supervisor->options, stack);
    return EXIT_USAGE;
}

void supervisor_close(struct supervisor *supervisor)
{
    struct tunny *stack = supervisor->bridge->stack;
    sessions_end(supervisor->bridge);
    bridge_close(supervisor->bridge);
    free(supervisor->bridge);
    supervisor->bridge = NULL;
    task_forget_all();
    if (supervisor->signal_descriptor >= 0)
        close(supervisor->signal_descriptor);
    options_close_stack(supervisor->options, stack);
    /* Last: while the name is there, so is the device's user. */
    control_close(supervisor->control);
    supervisor->control = NULL;
}

void supervisor_set_link(struct supervisor *supervisor, int link)
{
    struct bridge *bridge = supervisor->bridge;
    bridge->inner = link;
    if (link < 0)
        return;
    tunny_guest_attach(bridge->stack);
    bridge_watch(bridge, link, EPOLLIN, EVENT_INNER);
}

static int enter_new_place(void *context, int *link, char *error, size_t error_size)
{
    const struct supervisor *supervisor = context;
    return namespace_make(&supervisor->place, link, error, error_size);
}

int supervisor_launch(struct supervisor *supervisor, char *const *argv, struct launched *launched)
{
    char error[300] = "";
    struct launch how = {
        .argv = argv,
        .signals = &supervisor->signals,
        .activation = &supervisor->activation,
        .enter = enter_new_place,
        .context = supervisor,
    };
    int result = launch(&how, launched, error, sizeof error);
    if (result < 0) {
        complain("%s.", *error != '\0' ? error : error_words(result));
        complain("\"tunny doctor\" shows what is missing and the command that mends it.");
        return result;
    }
    supervisor_set_link(supervisor, launched->link);
    return 0;
}

void supervisor_send_the_rest(struct supervisor *supervisor)
{
    struct bridge *bridge = supervisor->bridge;
    int64_t until = tunny_now_ns(bridge->stack) + (int64_t)LAST_TEXT_MS * 1000000;
    int bits = loop_turn(bridge, 0);
    while (bits >= 0 && !(bits & 1 << EVENT_SIGNAL) && tunny_now_ns(bridge->stack) < until &&
           loop_is_ending(bridge))
        bits = loop_turn(bridge, DRAIN_MS);
}
