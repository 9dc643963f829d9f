/* socket(), bind(), shutdown(), getsockname() and getpeername() of a program; see calls.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "run/calls.h"
#include "run/notify.h"
#include "run/pipe.h"

/* --- socket ------------------------------------------------------------------------------------
 */

/* A: it has a name of its own from the beginning, so that its end can be noticed. */
int calls_make_end(struct bridge *bridge, struct channel *channel, int flags)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(&bridge->channels, 'A', channel->id, &name);
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (flags & SOCK_NONBLOCK), 0);
    if (end < 0)
        return -errno;
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (bind(end, (const struct sockaddr *)&name, length) < 0 ||
        getsockopt(end, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0) {
        int error = errno;
        close(end);
        return -error;
    }
    channel->named = true;
    channel_set_cookie(&bridge->channels, channel, cookie);
    return end;
}

int calls_make_socket(struct bridge *bridge, struct channel *channel)
{
    int socket = tunny_socket(bridge->stack, channel->family, SOCK_STREAM | SOCK_NONBLOCK,
                              IPPROTO_TCP);
    if (socket < 0)
        return socket;
    /* A urgent byte is passed on as one; whether the program takes it in line is A's matter. */
    int off = 0;
    tunny_setsockopt(bridge->stack, socket, SOL_SOCKET, SO_OOBINLINE, &off, sizeof off);
    return channel_set_socket(&bridge->channels, channel, socket);
}

void program_socket(struct call *call)
{
    struct bridge *bridge = call->session->bridge;
    int family = (int)call->arguments[0], type = (int)call->arguments[1];
    snprintf(call->note, sizeof call->note, "%s, SOCK_STREAM",
             family == AF_INET ? "AF_INET" : "AF_INET6");
    struct channel *channel = channel_new(&bridge->channels, family);
    int result = channel == NULL ? -ENOMEM : calls_make_socket(bridge, channel);
    if (result == 0)
        result = calls_make_end(bridge, channel, type);
    if (result < 0) {
        if (channel != NULL)
            channel_free(bridge, channel);
        notify_answer(call, NULL, result);
        return;
    }
    bridge_sweep_by(bridge, tunny_now_ns(bridge->stack) + BRIDGE_SWEEP_NS);
    int end = result;
    channel->holder = call->task;
    channel->descriptor = notify_give(call, end, (type & SOCK_CLOEXEC) != 0);
    close(end);
    if (channel->descriptor < 0)
        channel_free(bridge, channel);
}

/* --- bind --------------------------------------------------------------------------------------
 */

void program_bind(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    struct sockaddr_storage address;
    socklen_t length;
    char text[ENDPOINT_TEXT];
    int result = calls_read_address(call, &address, &length);
    if (result == 0 && channel->state != CHANNEL_FRESH)
        result = -EINVAL;
    if (result == 0) {
        if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
            snprintf(call->note, sizeof call->note, "%s", endpoint_text(&address, text));
        /* bind() to AF_UNSPEC and 0.0.0.0 is an old way to say AF_INET (ip(7)). */
        if (address.ss_family == AF_UNSPEC && channel->family == AF_INET)
            address.ss_family = AF_INET;
        result = tunny_bind(bridge->stack, channel->socket, (const struct sockaddr *)&address,
                            length);
        if (result == -EADDRINUSE) {
            calls_drop_closed(bridge, channel);
            result = tunny_bind(bridge->stack, channel->socket, (const struct sockaddr *)&address,
                                length);
        }
    }
    notify_answer(call, channel, result);
}

/* --- shutdown ----------------------------------------------------------------------------------
 */

void program_shutdown(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    int how = (int)call->arguments[1];
    snprintf(call->note, sizeof call->note, "%d", how);
    switch (channel->state) {
    case CHANNEL_OPEN:
    case CHANNEL_ENDING:
        if (how == SHUT_RDWR)
            channel->both_shut = true;
        notify_continue(call);
        return;
    case CHANNEL_LISTENING:
        /* Whoever waits in accept() natively is woken by the kernel. */
        shutdown(call->duplicate, how);
        tunny_shutdown(bridge->stack, channel->socket, how);
        if (how != SHUT_WR) {
            channel_end_listening(&bridge->channels, channel);
            calls_release(channel, SYS_accept, SYS_accept4, -EINVAL);
        }
        notify_answer(call, channel, 0);
        return;
    case CHANNEL_CONNECTING:
        tunny_shutdown(bridge->stack, channel->socket, how);
        calls_release(channel, SYS_connect, 0, -ECONNABORTED);
        channel->error = 0;
        pipe_bury(bridge, channel);
        notify_answer(call, channel, 0);
        return;
    case CHANNEL_FRESH:
    case CHANNEL_DEAD:
        notify_answer(call, channel, -ENOTCONN);
        return;
    }
}

/* --- names -------------------------------------------------------------------------------------
 */

static void give_name(struct call *call, struct channel *channel, int result,
                      const struct sockaddr_storage *address, socklen_t length)
{
    char text[ENDPOINT_TEXT];
    if (result == 0) {
        snprintf(call->note, sizeof call->note, "%s", endpoint_text(address, text));
        result = calls_write_address(call, 1, address, length);
    }
    (void)channel;
    notify_answer(call, NULL, result);
}

void program_getsockname(struct call *call, struct channel *channel)
{
    struct sockaddr_storage address = channel->local;
    socklen_t length = sizeof address;
    int result = 0;
    if (channel->socket >= 0)
        result = tunny_getsockname(call->session->bridge->stack, channel->socket,
                                   (struct sockaddr *)&address, &length);
    else
        length = channel->local_length;
    give_name(call, channel, result, &address, length);
}

void program_getpeername(struct call *call, struct channel *channel)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int result = -ENOTCONN;
    if (channel->socket >= 0 && channel->state == CHANNEL_OPEN)
        result = tunny_getpeername(call->session->bridge->stack, channel->socket,
                                   (struct sockaddr *)&address, &length);
    give_name(call, channel, result, &address, length);
}
