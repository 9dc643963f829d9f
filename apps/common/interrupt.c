/* Signals as bytes in a pipe; see interrupt.h. The handler calls async-signal-safe functions only.
 */
#define _GNU_SOURCE
#include "common/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int pipe_ends[2] = {-1, -1};
static volatile sig_atomic_t signal_that_came;
static volatile sig_atomic_t at_once;

static void on_signal(int number)
{
    if (at_once || signal_that_came != 0)
        _exit(128 + number);
    int saved = errno;
    signal_that_came = number;
    ssize_t written = write(pipe_ends[1], "", 1);
    (void)written;
    errno = saved;
}

int interrupt_setup(void)
{
    if (pipe_ends[0] < 0 && pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    struct sigaction action = {.sa_handler = on_signal};
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        if (sigaction(caught[i], &action, NULL) < 0)
            return -errno;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignored, NULL) < 0 || sigaction(SIGXFSZ, &ignored, NULL) < 0)
        return -errno;
    return 0;
}

int interrupt_descriptor(void)
{
    return pipe_ends[0];
}

int interrupt_signal(void)
{
    return signal_that_came;
}

void interrupt_mode(enum interrupt_mode mode)
{
    at_once = mode == INTERRUPT_AT_ONCE;
}
