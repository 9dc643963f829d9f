/* See loop.h. */
#define _GNU_SOURCE
#include "run/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "run/calls.h"
#include "run/inner.h"
#include "run/pipe.h"

enum {
    EVENTS = 256,
    TURNS = 4, /* of a thread that handled a call: both ends of a handshake may be ours */
};

static const int64_t queue_ns = 2000000; /* how soon a queue that was full is tried again */

/* --- what happened ------------------------------------------------------------------------------
 */

static void note_pipe(struct bridge *bridge, uint64_t id, uint32_t events)
{
    struct channel *channel = channel_by_id(&bridge->channels, id);
    if (channel == NULL)
        return;
    channel->readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    channel->writable |= (events & (EPOLLOUT | EPOLLERR)) != 0;
    channel->hung_up |= (events & EPOLLHUP) != 0;
    channel->has_end |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    channel_mark_dirty(&bridge->channels, channel);
}

/* The bits for the caller. */
static int note(struct bridge *bridge, const struct epoll_event *event)
{
    eventfd_t drained;
    switch (event->data.u64) {
    case EVENT_STACK:
        return 0;
    case EVENT_SESSION:
        return 1 << EVENT_SESSION;
    case EVENT_WAKE:
        eventfd_read(bridge->wake, &drained);
        return 0;
    case EVENT_INNER:
        inner_read(bridge);
        return 0;
    case EVENT_SIGNAL:
        return 1 << EVENT_SIGNAL;
    case EVENT_CONTROL:
        return 1 << EVENT_CONTROL;
    default:
        if (event->data.u64 & rings_event) {
            rings_note(bridge, event->data.u64);
            return 0;
        }
        note_pipe(bridge, event->data.u64, event->events);
        return 0;
    }
}

/* --- what follows from it -----------------------------------------------------------------------
 */

static void note_changes(struct bridge *bridge)
{
    int socket;
    while ((socket = tunny_next_changed(bridge->stack)) >= 0) {
        struct channel *channel = channel_by_socket(&bridge->channels, socket);
        if (channel == NULL)
            rings_changed(bridge, socket);
        else if (channel->state == CHANNEL_CONNECTING)
            calls_connect_progress(bridge, channel);
        else if (channel->state == CHANNEL_LISTENING)
            calls_accept_progress(bridge, channel);
        else
            channel_mark_dirty(&bridge->channels, channel);
    }
}

/* Each of those that wait now has one turn. */
static void pump_all(struct bridge *bridge)
{
    struct channel *channel;
    for (unsigned left = bridge->channels.dirty_count; left > 0; left--)
        if ((channel = channel_next_dirty(&bridge->channels)) != NULL)
            pipe_pump(bridge, channel);
}

static void retry_queues(struct bridge *bridge)
{
    struct channel *next;
    bridge->has_waiting = false;
    for (struct channel *c = bridge->channels.listeners; c != NULL; c = next) {
        next = c->next_listener;
        calls_accept_progress(bridge, c);
    }
}

/* The packets that wait may be SYNs for a listener that the program has closed: it is to refuse
 * them. Not at each turn: a look costs a system call a listener. */
static void look_after_listeners(struct bridge *bridge)
{
    int64_t now = tunny_now_ns(bridge->stack);
    if (bridge->channels.listeners == NULL || now < bridge->next_listeners_ns)
        return;
    bridge->next_listeners_ns = now + BRIDGE_LISTENERS_NS;
    calls_drop_closed_listeners(bridge, NULL);
}

/* Sockets that were closed without ever having been connected tell nobody. False: it is gone. */
static bool survives(struct bridge *bridge, struct channel *channel)
{
    bool is_silent = channel->state == CHANNEL_FRESH || channel->state == CHANNEL_LISTENING ||
                     channel->state == CHANNEL_DEAD ||
                     (channel->state == CHANNEL_CONNECTING && channel->pipe < 0);
    if (!channel->named || !is_silent || channel_is_alive(&bridge->channels, channel))
        return true;
    if (channel->state == CHANNEL_CONNECTING)
        pipe_abort(bridge, channel);
    else
        channel_free(bridge, channel);
    return false;
}

static void sweep(struct bridge *bridge)
{
    int64_t now = tunny_now_ns(bridge->stack);
    struct channel *next;
    if (now < bridge->next_sweep_ns)
        return;
    bridge->next_sweep_ns = bridge->channels.count > 0 ? now + BRIDGE_SWEEP_NS : INT64_MAX;
    for (struct channel *c = bridge->channels.first; c != NULL; c = next) {
        next = c->next;
        if (!survives(bridge, c) || c->held == NULL)
            continue;
        int64_t expires = calls_expire(bridge, c, now);
        if (expires < bridge->next_sweep_ns)
            bridge->next_sweep_ns = expires;
    }
}

static int act(struct bridge *bridge)
{
    look_after_listeners(bridge);
    int result = tunny_run(bridge->stack);
    note_changes(bridge);
    pump_all(bridge);
    rings_pump(bridge);
    if (bridge->has_waiting)
        retry_queues(bridge);
    if (bridge->inner >= 0)
        inner_write(bridge);
    sweep(bridge);
    return result;
}

/* --- waiting ------------------------------------------------------------------------------------
 */

/* By when there is something to do that no descriptor tells; not before `now`. */
static int64_t next_turn_ns(const struct bridge *bridge, int64_t now)
{
    int64_t until = tunny_deadline_ns(bridge->stack);
    if (bridge->next_sweep_ns < until)
        until = bridge->next_sweep_ns;
    if (bridge->has_waiting && now + queue_ns < until)
        until = now + queue_ns;
    if (bridge->channels.dirty != NULL || bridge->rings.dirty != NULL || until < now)
        return now;
    return until;
}

static struct timespec patience(struct bridge *bridge, int timeout_ms)
{
    int64_t now = tunny_now_ns(bridge->stack);
    int64_t until = next_turn_ns(bridge, now);
    if (timeout_ms >= 0 && now + (int64_t)timeout_ms * 1000000 < until)
        until = now + (int64_t)timeout_ms * 1000000;
    if (until - now > INT64_C(86400000000000))
        until = now + INT64_C(86400000000000);
    bridge->sleeps_until_ns = until;
    int64_t left = until - now;
    return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

void loop_after_call(struct bridge *bridge)
{
    int64_t now = tunny_now_ns(bridge->stack);
    int result = 0;
    for (unsigned i = 0; i < TURNS && result >= 0 && next_turn_ns(bridge, now) <= now; i++)
        result = act(bridge);
    if (result < 0 || next_turn_ns(bridge, now) < bridge->sleeps_until_ns)
        bridge_wake(bridge);
}

int loop_turn(struct bridge *bridge, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int bits = 0;
    pthread_mutex_lock(&bridge->lock);
    struct timespec left = patience(bridge, timeout_ms);
    pthread_mutex_unlock(&bridge->lock);
    int count = epoll_pwait2(bridge->epoll, events, EVENTS, &left, NULL);
    pthread_mutex_lock(&bridge->lock);
    bridge->sleeps_until_ns = INT64_MIN;
    for (int i = 0; i < count; i++)
        bits |= note(bridge, &events[i]);
    int result = act(bridge);
    pthread_mutex_unlock(&bridge->lock);
    return result < 0 ? result : bits;
}

bool loop_is_ending(struct bridge *bridge)
{
    pthread_mutex_lock(&bridge->lock);
    bool ending = bridge->channels.dirty != NULL || rings_are_ending(bridge) ||
                  tunny_unacknowledged(bridge->stack) > 0;
    for (struct channel *c = bridge->channels.first; c != NULL && !ending; c = c->next)
        ending = c->state == CHANNEL_ENDING;
    pthread_mutex_unlock(&bridge->lock);
    return ending;
}
