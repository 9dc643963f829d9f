/* listen() and accept() of a program; see calls.h. Connections wait in A's own queue, which the
 * program can poll; who wants the peer's address gets the connection from there through us. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "run/calls.h"
#include "run/notify.h"
#include "run/pipe.h"

/* Two connections wait in T's queue at the least, and one more than was asked for in each, as with
 * Linux: A's takes those that are left. */
static int queue_of(int backlog)
{
    return backlog > 2 ? backlog - 2 : 0;
}

void program_listen(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    int backlog = (int)call->arguments[1];
    int result = -EINVAL;
    snprintf(call->note, sizeof call->note, "%d", backlog);
    /* Linux takes a negative number for a very large one. */
    if (backlog < 0 || backlog > 4096)
        backlog = 4096;
    if (channel->state == CHANNEL_FRESH || channel->state == CHANNEL_LISTENING)
        result = tunny_listen(bridge->stack, channel->socket, backlog);
    if (result == -EADDRINUSE) {
        calls_drop_closed(bridge, channel);
        result = tunny_listen(bridge->stack, channel->socket, backlog);
    }
    if (result == 0 && listen(call->duplicate, queue_of(backlog)) < 0)
        result = -errno;
    channel->backlog = backlog;
    channel->is_full = false;
    if (result == 0 && channel->state == CHANNEL_FRESH)
        channel_begin_listening(&bridge->channels, channel);
    notify_answer(call, channel, result);
}

/* --- accept ------------------------------------------------------------------------------------
 */

static bool is_waiting(int duplicate)
{
    struct pollfd entry = {.fd = duplicate, .events = POLLIN};
    return poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN);
}

/* The next of A's queue. Never blocks for long: another thread of the program may be faster
 * although the queue was not empty, and A may be a blocking socket. */
static int take(int duplicate, int flags)
{
    struct timeval before = {0}, moment = {.tv_usec = 1};
    socklen_t length = sizeof before;
    bool blocks = !(fcntl(duplicate, F_GETFL) & O_NONBLOCK);
    if (blocks) {
        if (!is_waiting(duplicate))
            return -EAGAIN;
        getsockopt(duplicate, SOL_SOCKET, SO_RCVTIMEO, &before, &length);
        setsockopt(duplicate, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    }
    int taken = accept4(duplicate, NULL, NULL, SOCK_CLOEXEC | (flags & SOCK_NONBLOCK));
    int error = errno;
    if (blocks)
        setsockopt(duplicate, SOL_SOCKET, SO_RCVTIMEO, &before, sizeof before);
    return taken < 0 ? -error : taken;
}

/* The caller went away with a signal: the connection goes back into the queue, as another S and
 * with what had come for it. */
static void put_back(struct bridge *bridge, struct channel *listener, struct channel *child,
                     int end)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(&bridge->channels, 'S', child->id, &name);
    char text[4096];
    int old = child->pipe, moved = -1;
    ssize_t got;
    /* The name of S has to be free for the new one. */
    close(old);
    child->pipe = -1;
    moved = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (moved < 0 || bind(moved, (const struct sockaddr *)&name, length) < 0)
        goto lost;
    length = channel_name(&bridge->channels, 'A', listener->id, &name);
    if (connect(moved, (const struct sockaddr *)&name, length) < 0)
        goto lost;
    child->pipe = moved;
    while ((got = recv(end, text, sizeof text, MSG_DONTWAIT)) > 0)
        if (send(moved, text, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) != got)
            goto lost;
    if (child->peer_ended)
        shutdown(moved, SHUT_WR);
    if (pipe_watch(bridge, child) < 0)
        goto lost;
    channel_forget_cookie(&bridge->channels, child);
    child->readable = child->writable = true;
    channel_mark_dirty(&bridge->channels, child);
    return;
lost:
    if (moved >= 0 && child->pipe != moved)
        close(moved);
    pipe_abort(bridge, child);
}

static void give(struct call *call, struct channel *listener, int end)
{
    struct bridge *bridge = call->session->bridge;
    int flags = call->number == SYS_accept4 ? (int)call->arguments[3] : 0;
    struct channel *child = channel_of(&bridge->channels, end);
    char text[ENDPOINT_TEXT];
    int result = -ECONNABORTED;
    if (child != NULL) {
        snprintf(call->note, sizeof call->note, "%s", endpoint_text(&child->peer, text));
        result = calls_write_address(call, 1, &child->peer, child->peer_length);
    }
    if (result < 0) {
        notify_answer(call, NULL, result);
        return;
    }
    child->holder = call->task;
    child->descriptor = notify_give(call, end, (flags & SOCK_CLOEXEC) != 0);
    if (child->descriptor < 0 && child->pipe >= 0)
        put_back(bridge, listener, child, end);
}

void program_accept(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    int flags = call->number == SYS_accept4 ? (int)call->arguments[3] : 0;
    if (channel->state != CHANNEL_LISTENING) {
        notify_answer(call, NULL, -EINVAL);
        return;
    }
    while (pipe_deliver(bridge, channel) == 0)
        ;
    int end = take(call->duplicate, flags);
    if (end == -EAGAIN && calls_would_block(call)) {
        calls_hold(call, channel, SO_RCVTIMEO);
        return;
    }
    if (end < 0) {
        notify_answer(call, NULL, end);
        return;
    }
    give(call, channel, end);
    close(end);
    while (pipe_deliver(bridge, channel) == 0)
        ;
}

/* --- what the loop tells ------------------------------------------------------------------------
 */

/* The first held accept() whose caller still waits, or NULL. */
static struct call *next_acceptor(struct channel *channel)
{
    while (channel->held != NULL) {
        struct call *held = channel->held;
        channel->held = held->next;
        if (notify_waits(held))
            return held;
        free(held);
    }
    return NULL;
}

static void hold_again(struct channel *channel, struct call *call)
{
    call->next = channel->held;
    channel->held = call;
}

/* Those who wait get what is in the queue, the longest waiting first. */
static void serve_acceptors(struct bridge *bridge, struct channel *channel)
{
    struct call *call = next_acceptor(channel);
    if (call == NULL)
        return;
    int duplicate = pipe_find(bridge, channel);
    while (call != NULL && duplicate >= 0) {
        int flags = call->number == SYS_accept4 ? (int)call->arguments[3] : 0;
        int end = take(duplicate, flags);
        if (end < 0)
            break;
        give(call, channel, end);
        close(end);
        free(call);
        call = next_acceptor(channel);
    }
    if (call != NULL)
        hold_again(channel, call);
    if (duplicate >= 0)
        close(duplicate);
}

void calls_accept_progress(struct bridge *bridge, struct channel *channel)
{
    int result;
    while ((result = pipe_deliver(bridge, channel)) == 0)
        ;
    if (result == -ECONNREFUSED) {
        /* A is gone, or no listener any more. */
        if (!channel_is_alive(&bridge->channels, channel))
            channel_free(bridge, channel);
        return;
    }
    if (channel->held != NULL)
        serve_acceptors(bridge, channel);
}
