/* connect() of a program; see calls.h. A blocking one is held until T is up, and only then are A
 * and S joined; a non-blocking one joins them at once and keeps A busy meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "run/calls.h"
#include "run/loop.h"
#include "run/notify.h"
#include "run/pipe.h"

/* As Linux: any address means this host. */
static void mean_this_host(struct sockaddr_storage *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address;
    if (address->ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
}

/* T's own word: 0 or -EISCONN, -EINPROGRESS or -EALREADY, or why not. */
static int handshake(struct bridge *bridge, const struct channel *channel)
{
    return tunny_connect(bridge->stack, channel->socket, (const struct sockaddr *)&channel->peer,
                         channel->peer_length);
}

static bool is_under_way(int result)
{
    return result == -EALREADY || result == -EINPROGRESS;
}

static bool is_up(int result)
{
    return result == 0 || result == -EISCONN;
}

static void fail(struct bridge *bridge, struct channel *channel, int error)
{
    if (channel->pipe < 0) {
        /* A is as it was: the program may try again. */
        channel->state = CHANNEL_FRESH;
        channel->error = channel->held == NULL || channel->held->number != SYS_connect ? -error : 0;
        calls_release(channel, SYS_connect, 0, error);
        calls_retry_options(channel);
        return;
    }
    /* The junk that S leaves unread makes A fail. */
    channel->error = -error;
    pipe_bury(bridge, channel);
}

/* How a blocking call goes on once the handshake has begun. */
static void begin_blocking(struct call *call, struct channel *channel, int result)
{
    struct bridge *bridge = call->session->bridge;
    if (is_under_way(result)) {
        channel->state = CHANNEL_CONNECTING;
        calls_hold(call, channel, SO_SNDTIMEO);
        return;
    }
    if (is_up(result)) {
        result = pipe_join(bridge, channel, call->duplicate);
        if (result < 0) {
            notify_answer(call, NULL, result);
            pipe_abort(bridge, channel);
            return;
        }
        channel->state = CHANNEL_OPEN;
        channel->told = true;
    }
    notify_answer(call, channel, result);
}

/* And one that does not block: as with Linux it is told of the end by poll() only. */
static void begin_non_blocking(struct call *call, struct channel *channel, int result)
{
    struct bridge *bridge = call->session->bridge;
    int joined = pipe_join(bridge, channel, call->duplicate);
    if (joined < 0) {
        pipe_bury(bridge, channel);
        notify_answer(call, channel, joined);
        return;
    }
    if (is_up(result)) {
        channel->state = CHANNEL_OPEN;
    } else {
        channel->state = CHANNEL_CONNECTING;
        pipe_stuff(channel, call->duplicate);
        if (!is_under_way(result))
            fail(bridge, channel, result);
    }
    notify_answer(call, channel, -EINPROGRESS);
}

static void begin(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    calls_drop_closed_listeners(bridge, &channel->peer);
    int result = handshake(bridge, channel);
    if (result != -EINPROGRESS) {
        notify_answer(call, channel, result);
        return;
    }
    channel->told = false;
    channel->error = 0;
    /* When the other end is on this stack, too, that is all it takes. */
    loop_after_call(bridge);
    result = handshake(bridge, channel);
    if (calls_would_block(call))
        begin_blocking(call, channel, result);
    else
        begin_non_blocking(call, channel, result);
}

/* connect() while it is under way: one more waits, or the one that was interrupted. */
static void again(struct call *call, struct channel *channel)
{
    if (calls_would_block(call) && channel->pipe < 0)
        calls_hold(call, channel, SO_SNDTIMEO);
    else
        notify_answer(call, channel, -EALREADY);
}

static void on_open(struct call *call, struct channel *channel)
{
    int result = channel->told ? -EISCONN : 0;
    channel->told = true;
    notify_answer(call, channel, result);
}

/* The old A cannot be used again: the program gets another under the same number, with the same T,
 * and the call begins anew. */
static void renew(struct call *call, struct channel *channel)
{
    struct bridge *bridge = call->session->bridge;
    struct channel *fresh = channel_new(&bridge->channels, channel->family);
    int flags = calls_would_block(call) ? 0 : SOCK_NONBLOCK;
    int end = fresh == NULL ? -ENOMEM : calls_make_end(bridge, fresh, flags);
    int result = end < 0 ? end : notify_replace(call, end, (int)call->arguments[0]);
    if (result < 0) {
        if (end >= 0)
            close(end);
        if (fresh != NULL)
            channel_free(bridge, fresh);
        notify_answer(call, NULL, result);
        return;
    }
    fresh->holder = call->task;
    fresh->descriptor = (int)call->arguments[0];
    memcpy(fresh->options, channel->options, sizeof fresh->options);
    fresh->option_count = channel->option_count;
    channel_set_socket(&bridge->channels, fresh, channel->socket);
    channel->socket = -1;
    channel_free(bridge, channel);
    close(call->duplicate);
    call->duplicate = end;
    program_connect(call, fresh);
}

static void on_dead(struct call *call, struct channel *channel)
{
    int error = channel->error;
    if (channel->told || channel->socket < 0 || !channel->named) {
        notify_answer(call, channel, -EISCONN);
        return;
    }
    /* As Linux: the failure is told once by this call, too, in other words if SO_ERROR has told it
     * already. */
    if (!channel->failure_told) {
        channel->error = 0;
        channel->failure_told = true;
        notify_answer(call, channel, error != 0 ? -error : -ECONNABORTED);
        return;
    }
    renew(call, channel);
}

/* connect() to AF_UNSPEC: T is reset, and a new socket but for its options. A is as well while it
 * has not been joined with an S and does not listen; else the program gets another. */
static void dissolve(struct call *call, struct channel *channel,
                     const struct sockaddr_storage *address, socklen_t length)
{
    struct bridge *bridge = call->session->bridge;
    bool is_joined = channel->state != CHANNEL_FRESH &&
                     !(channel->state == CHANNEL_CONNECTING && channel->pipe < 0);
    int result = channel->socket < 0 ? calls_make_socket(bridge, channel) : 0;
    if (result == 0)
        result = tunny_connect(bridge->stack, channel->socket, (const struct sockaddr *)address,
                               length);
    if (result < 0) {
        notify_answer(call, channel, result);
        return;
    }
    calls_release(channel, SYS_accept, SYS_accept4, -EINVAL);
    calls_release(channel, SYS_connect, 0, -ECONNABORTED);
    if (is_joined) {
        renew(call, channel);
        return;
    }
    channel->state = CHANNEL_FRESH;
    channel->error = 0;
    notify_answer(call, channel, 0);
}

void program_connect(struct call *call, struct channel *channel)
{
    struct sockaddr_storage address;
    socklen_t length;
    char text[ENDPOINT_TEXT];
    int result = calls_read_address(call, &address, &length);
    if (result < 0) {
        notify_answer(call, channel, result);
        return;
    }
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
        snprintf(call->note, sizeof call->note, "%s", endpoint_text(&address, text));
    if (address.ss_family == AF_UNSPEC && length >= sizeof address.ss_family) {
        dissolve(call, channel, &address, length);
        return;
    }
    switch (channel->state) {
    case CHANNEL_FRESH:
        mean_this_host(&address);
        channel->peer = address;
        channel->peer_length = length;
        begin(call, channel);
        return;
    case CHANNEL_CONNECTING:
        again(call, channel);
        return;
    case CHANNEL_LISTENING:
        notify_answer(call, channel, -EISCONN);
        return;
    case CHANNEL_OPEN:
    case CHANNEL_ENDING:
        on_open(call, channel);
        return;
    case CHANNEL_DEAD:
        on_dead(call, channel);
        return;
    }
}

/* --- the end of the handshake ------------------------------------------------------------------
 */

static void succeed(struct bridge *bridge, struct channel *channel)
{
    channel->state = CHANNEL_OPEN;
    if (channel->pipe >= 0) {
        pipe_unstuff(bridge, channel);
        channel_mark_dirty(&bridge->channels, channel);
        return;
    }
    int duplicate = pipe_find(bridge, channel);
    int result = duplicate < 0 ? duplicate : pipe_join(bridge, channel, duplicate);
    if (duplicate >= 0)
        close(duplicate);
    if (result < 0) {
        calls_release(channel, SYS_connect, 0, result);
        pipe_abort(bridge, channel);
        return;
    }
    channel->told = channel->held != NULL;
    calls_release(channel, SYS_connect, 0, 0);
    calls_retry_options(channel);
    channel_mark_dirty(&bridge->channels, channel);
}

void calls_connect_progress(struct bridge *bridge, struct channel *channel)
{
    int result = handshake(bridge, channel);
    if (is_under_way(result))
        return;
    if (is_up(result))
        succeed(bridge, channel);
    else
        fail(bridge, channel, result);
}
