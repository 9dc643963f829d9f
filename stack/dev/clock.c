/* Reads the real clock and sleeps, see clock.h. */
#define _GNU_SOURCE
#include "dev/clock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "base/check.h"

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct instant clock_now(void)
{
    return (struct instant){read_ns(CLOCK_MONOTONIC)};
}

int64_t clock_epoch_ns(void)
{
    return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

int clock_wait(const int *descriptors, unsigned count, struct instant until)
{
    struct pollfd polled[CLOCK_DESCRIPTORS];
    CHECK(count <= CLOCK_DESCRIPTORS);
    for (unsigned i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};

    struct timespec left = {0, 0};
    if (!instant_is_never(until)) {
        int64_t ns = instant_since(until, clock_now()).ns;
        if (ns > 0)
            left = (struct timespec){ns / 1000000000, ns % 1000000000};
    }
    if (ppoll(polled, count, instant_is_never(until) ? NULL : &left, NULL) >= 0)
        return 0;
    CHECK(errno == EINTR || errno == ENOMEM);
    return -EINTR;
}

bool clock_readable(int descriptor)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}
