/* Who asks about which channel, and the hand-over to the call's own function; see calls.h. */
#define _GNU_SOURCE
#include "run/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/loop.h"
#include "run/notify.h"
#include "run/task.h"

enum { AT_ONCE_NS = 1000000 };

typedef void handler(struct call *call, struct channel *channel);

static handler *handler_of(int number)
{
    static const struct {
        int number;
        handler *handler;
    } handlers[] = {
        {SYS_bind, program_bind},
        {SYS_listen, program_listen},
        {SYS_accept, program_accept},
        {SYS_accept4, program_accept},
        {SYS_connect, program_connect},
        {SYS_shutdown, program_shutdown},
        {SYS_getsockname, program_getsockname},
        {SYS_getpeername, program_getpeername},
        {SYS_setsockopt, program_setsockopt},
        {SYS_getsockopt, program_getsockopt},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (handlers[i].number == number)
            return handlers[i].handler;
    return NULL;
}

/* connect() to where the channel was to go already: not, say, to AF_UNSPEC. */
static bool is_same_peer(struct call *call, const struct channel *channel)
{
    struct sockaddr_storage address;
    socklen_t length;
    return calls_read_address(call, &address, &length) == 0 &&
           address.ss_family == channel->peer.ss_family;
}

/* The same call again at once, when it could only be told that it was made already. */
static bool is_repeated(struct call *call, const struct channel *channel)
{
    int64_t age = tunny_now_ns(call->session->bridge->stack) - channel->kept.when_ns;
    if (age > AT_ONCE_NS)
        return false;
    if (call->number != SYS_connect)
        return true;
    return is_same_peer(call, channel) &&
           channel->state == (channel->kept.result == 0 ? CHANNEL_OPEN : CHANNEL_CONNECTING);
}

/* The answer that a signal was faster than, for the call that is restarted. */
static bool was_kept(struct call *call, struct channel *channel)
{
    struct kept_answer *kept = &channel->kept;
    if (!kept->valid || kept->task != call->task || kept->number != call->number ||
        kept->instruction != call->instruction)
        return false;
    kept->valid = false;
    if (kept->was_sent && !is_repeated(call, channel))
        return false;
    notify_answer(call, kept->was_sent ? NULL : channel, kept->result);
    return true;
}

static void handle_on_socket(struct call *call)
{
    struct bridge *bridge = call->session->bridge;
    handler *handle = handler_of(call->number);
    struct channel *channel = NULL;
    pthread_mutex_lock(&bridge->lock);
    if (handle != NULL)
        channel = channel_of(&bridge->channels, call->duplicate);
    if (channel == NULL) {
        notify_continue(call);
    } else {
        channel->holder = call->task;
        channel->descriptor = (int)call->arguments[0];
        if (!was_kept(call, channel))
            handle(call, channel);
        loop_after_call(bridge);
    }
    pthread_mutex_unlock(&bridge->lock);
}

void calls_handle(struct call *call)
{
    struct bridge *bridge = call->session->bridge;
    if (call->number == SYS_socket) {
        pthread_mutex_lock(&bridge->lock);
        program_socket(call);
        loop_after_call(bridge);
        pthread_mutex_unlock(&bridge->lock);
        return;
    }
    call->duplicate = task_descriptor(call->task, (int)call->arguments[0]);
    if (call->duplicate < 0) {
        notify_continue(call);
        return;
    }
    handle_on_socket(call);
    close(call->duplicate);
}
