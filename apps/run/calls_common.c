/* What the functions of the calls share; see calls.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "run/calls.h"
#include "run/notify.h"
#include "run/task.h"

int64_t calls_timeout_ns(struct bridge *bridge, const struct channel *channel, int option)
{
    struct timeval time = {0};
    socklen_t length = sizeof time;
    if (tunny_getsockopt(bridge->stack, channel->socket, SOL_SOCKET, option, &time, &length) < 0)
        return 0;
    return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
    const void *any = address;
    return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)any)->sin6_port
                                          : ((const struct sockaddr_in *)any)->sin_port;
}

static bool listens_there(struct bridge *bridge, const struct channel *listener,
                          const struct sockaddr_storage *there)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    return tunny_getsockname(bridge->stack, listener->socket, (struct sockaddr *)&own, &length) <
               0 ||
           port_of(&own) == port_of(there);
}

void calls_drop_closed_listeners(struct bridge *bridge, const struct sockaddr_storage *there)
{
    struct channel *next;
    for (struct channel *c = bridge->channels.listeners; c != NULL; c = next) {
        next = c->next_listener;
        if ((there == NULL || listens_there(bridge, c, there)) &&
            !channel_is_alive(&bridge->channels, c))
            channel_free(bridge, c);
    }
}

void calls_drop_closed(struct bridge *bridge, const struct channel *except)
{
    struct channel *next;
    for (struct channel *c = bridge->channels.first; c != NULL; c = next) {
        next = c->next;
        bool may_be_gone = c->state == CHANNEL_FRESH || c->state == CHANNEL_LISTENING;
        if (may_be_gone && c != except && !channel_is_alive(&bridge->channels, c))
            channel_free(bridge, c);
    }
}

/* A call that a signal has ended is not waited for any more; the same thread may be back. */
static void drop_abandoned(struct channel *channel)
{
    struct call **place = &channel->held;
    while (*place != NULL) {
        struct call *held = *place;
        if (notify_waits(held)) {
            place = &held->next;
            continue;
        }
        *place = held->next;
        free(held);
    }
}

void calls_hold(struct call *call, struct channel *channel, int timeout_option)
{
    struct bridge *bridge = call->session->bridge;
    struct call *held = malloc(sizeof *held);
    if (held == NULL) {
        notify_answer(call, NULL, -ENOMEM);
        return;
    }
    drop_abandoned(channel);
    *held = *call;
    held->duplicate = -1;
    held->next = NULL;
    int64_t timeout = calls_timeout_ns(bridge, channel, timeout_option);
    held->deadline_ns = timeout > 0 ? tunny_now_ns(bridge->stack) + timeout : 0;
    if (timeout > 0)
        bridge_sweep_by(bridge, held->deadline_ns);
    struct call **place = &channel->held;
    while (*place != NULL)
        place = &(*place)->next;
    *place = held;
}

void calls_release(struct channel *channel, int number, int other, int64_t result)
{
    struct call **place = &channel->held;
    while (*place != NULL) {
        struct call *held = *place;
        if (held->number != number && held->number != other) {
            place = &held->next;
            continue;
        }
        *place = held->next;
        notify_answer(held, channel, result);
        free(held);
    }
}

/* What a call says whose time is over, as Linux does. */
static int64_t timed_out(const struct call *call)
{
    return call->number == SYS_connect ? -EINPROGRESS : -EAGAIN;
}

int64_t calls_expire(struct bridge *bridge, struct channel *channel, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    struct call **place = &channel->held;
    (void)bridge;
    drop_abandoned(channel);
    while (*place != NULL) {
        struct call *held = *place;
        if (held->deadline_ns == 0 || held->deadline_ns > now_ns) {
            if (held->deadline_ns != 0 && held->deadline_ns < next)
                next = held->deadline_ns;
            place = &held->next;
            continue;
        }
        *place = held->next;
        notify_answer(held, channel, timed_out(held));
        free(held);
    }
    return next;
}

int calls_read_address(struct call *call, struct sockaddr_storage *address, socklen_t *length)
{
    uint64_t said = call->arguments[2] & UINT32_MAX;
    *address = (struct sockaddr_storage){0};
    if (said > sizeof *address)
        return -EINVAL;
    *length = (socklen_t)said;
    return task_read(call->task, call->arguments[1], address, (size_t)said);
}

int calls_write_address(struct call *call, unsigned at, const struct sockaddr_storage *address,
                        socklen_t length)
{
    int room;
    if (call->arguments[at] == 0)
        return 0;
    if (task_read(call->task, call->arguments[at + 1], &room, sizeof room) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    size_t copied = (size_t)room < length ? (size_t)room : length;
    if (task_write(call->task, call->arguments[at], address, copied) < 0)
        return -EFAULT;
    return task_write(call->task, call->arguments[at + 1], &length, sizeof length);
}

bool calls_would_block(const struct call *call)
{
    int flags = fcntl(call->duplicate, F_GETFL);
    return flags >= 0 && !(flags & O_NONBLOCK);
}
