/* See bridge.h. */
#define _GNU_SOURCE
#include "run/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* The place has a name of its own among those of the S ends: no channel has number 0. */
static int open_meeting(struct bridge *bridge)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(&bridge->channels, 'S', 0, &name);
    bridge->meeting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bridge->meeting < 0 || bind(bridge->meeting, (const struct sockaddr *)&name, length) < 0 ||
        listen(bridge->meeting, 16) < 0)
        return -errno;
    return 0;
}

int bridge_open(struct bridge *bridge, struct tunny *stack)
{
    bridge->stack = stack;
    bridge->inner = bridge->meeting = bridge->channels.probe = -1;
    bridge->channels.next_id = EVENT_LAST;
    pthread_mutex_init(&bridge->lock, NULL);
    if (getrandom(&bridge->channels.nonce, sizeof bridge->channels.nonce, 0) < 0)
        return -errno;
    bridge->epoll = epoll_create1(EPOLL_CLOEXEC);
    bridge->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bridge->epoll < 0 || bridge->wake < 0)
        return -errno;
    int result = open_meeting(bridge);
    if (result == 0)
        result = bridge_watch(bridge, bridge->wake, EPOLLIN, EVENT_WAKE);
    if (result == 0)
        result = bridge_watch(bridge, tunny_descriptor(stack), EPOLLIN, EVENT_STACK);
    return result;
}

void bridge_close(struct bridge *bridge)
{
    while (bridge->channels.first != NULL)
        channel_free(bridge, bridge->channels.first);
    free(bridge->channels.by_socket);
    rings_close(bridge);
    if (bridge->inner >= 0)
        close(bridge->inner);
    if (bridge->channels.probe >= 0)
        close(bridge->channels.probe);
    close(bridge->meeting);
    close(bridge->wake);
    close(bridge->epoll);
}

int bridge_watch(struct bridge *bridge, int descriptor, uint32_t events, uint64_t what)
{
    struct epoll_event event = {.events = events, .data.u64 = what};
    return epoll_ctl(bridge->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

void bridge_sweep_by(struct bridge *bridge, int64_t when_ns)
{
    if (when_ns < bridge->next_sweep_ns)
        bridge->next_sweep_ns = when_ns;
}

void bridge_wake(struct bridge *bridge)
{
    eventfd_write(bridge->wake, 1);
}
