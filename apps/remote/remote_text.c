/* Text, readiness and waiting on this side of the shared memory; see remote.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "remote/remote_socket.h"

/* --- what the holder has said ------------------------------------------------------------------
 */

static int life(const struct tunny_remote_socket *s)
{
    return atomic_load_explicit(&s->page->life, memory_order_acquire);
}

/* A connection that is over without an error was closed by the peer, or taken away. */
int remote_error(const struct tunny_remote_socket *s)
{
    if (life(s) == RING_OVER) {
        int error = atomic_load_explicit(&s->page->error, memory_order_relaxed);
        return error > 0 ? -error : -EPIPE;
    }
    return s->remote->is_lost ? -ECONNRESET : 0;
}

void remote_wake_holder(const struct tunny_remote_socket *s)
{
    eventfd_write(s->wake_holder, 1);
}

/* --- waiting -----------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes what has woken us away, so that the descriptor is readable only for what comes later, and
 * sees whether the holder is there. Waits for one of the two, `timeout_ms` at most; how many. */
static int take_wake(struct tunny_remote_socket *s, int timeout_ms)
{
    struct pollfd wakers[2] = {{.fd = s->wake_me, .events = POLLIN}, {.fd = s->remote->control}};
    eventfd_t count;
    int got = poll(wakers, 2, timeout_ms);
    if (got < 0)
        return -errno;
    if (wakers[1].revents)
        s->remote->is_lost = true;
    if (wakers[0].revents)
        eventfd_read(s->wake_me, &count);
    return got;
}

int remote_sleep(struct tunny_remote_socket *s, int *timeout_ms)
{
    int64_t began = now_ms();
    if (s->remote->is_lost)
        return -ECONNRESET;
    int got = take_wake(s, *timeout_ms);
    if (got <= 0)
        return got < 0 ? got : -EAGAIN;
    int64_t left = *timeout_ms - (now_ms() - began);
    if (*timeout_ms >= 0)
        *timeout_ms = left > 0 ? (int)left : 0;
    return 0;
}

static int ready_now(const struct tunny_remote_socket *s)
{
    struct iovec pieces[2];
    int bits = 0;
    bool at_end = ring_is_at_end(&s->in);
    if (life(s) == RING_LISTENING)
        return POLLIN;
    if (remote_error(s) < 0)
        return POLLIN | POLLOUT | POLLERR | POLLHUP;
    if (ring_text(&s->in, 1, pieces) != 0 || at_end)
        bits |= POLLIN;
    if (life(s) == RING_OPEN && !s->is_ended && ring_room(&s->out, 1, pieces) != 0)
        bits |= POLLOUT;
    if (at_end && s->is_ended)
        bits |= POLLHUP;
    return bits;
}

/* The same; and whoever brings what of `events` is not among it is to wake us. News that are no
 * text wake the reader, so one always sleeps as such. */
static int ready_or_asleep(struct tunny_remote_socket *s, int events)
{
    int missing = events & ~ready_now(s);
    if (missing & POLLOUT)
        ring_fall_asleep_writing(&s->out);
    ring_fall_asleep_reading(&s->in);
    return ready_now(s);
}

int tunny_remote_ready(struct tunny_remote_socket *s, int events)
{
    take_wake(s, 0);
    return ready_or_asleep(s, events);
}

int tunny_remote_descriptor(const struct tunny_remote_socket *s)
{
    return s->wake_me;
}

int tunny_remote_wait(struct tunny_remote_socket *s, int events, int timeout_ms)
{
    int wanted = events | POLLERR | POLLHUP;
    for (;;) {
        int bits = ready_now(s);
        if (!(bits & wanted))
            bits = ready_or_asleep(s, events);
        if (bits & wanted)
            return bits;
        int result = remote_sleep(s, &timeout_ms);
        if (result == -EAGAIN)
            return 0;
        if (result < 0 && result != -ECONNRESET)
            return result;
    }
}

/* --- SEND --------------------------------------------------------------------------------------
 */

/* Why nothing can be sent, or 0. */
static int cannot_send(const struct tunny_remote_socket *s)
{
    int error = remote_error(s);
    if (error < 0)
        return error;
    if (s->is_ended)
        return -EPIPE;
    return life(s) == RING_FRESH || life(s) == RING_LISTENING ? -ENOTCONN : 0;
}

ssize_t tunny_remote_send_lend(struct tunny_remote_socket *s, size_t length, struct iovec pieces[2])
{
    int error = cannot_send(s);
    if (error < 0)
        return error;
    if (life(s) == RING_CONNECTING)
        return -EAGAIN;
    ssize_t room = ring_room(&s->out, length, pieces);
    return room == 0 && length > 0 ? -EAGAIN : room;
}

void tunny_remote_send_done(struct tunny_remote_socket *s, size_t length)
{
    if (ring_written(&s->out, length))
        remote_wake_holder(s);
}

static ssize_t send_some(struct tunny_remote_socket *s, const uint8_t *data, size_t length)
{
    struct iovec pieces[2];
    ssize_t room = tunny_remote_send_lend(s, length, pieces);
    if (room <= 0)
        return room;
    memcpy(pieces[0].iov_base, data, pieces[0].iov_len);
    memcpy(pieces[1].iov_base, data + pieces[0].iov_len, pieces[1].iov_len);
    tunny_remote_send_done(s, (size_t)room);
    return room;
}

ssize_t tunny_remote_send(struct tunny_remote_socket *s, const void *data, size_t length, int flags)
{
    size_t done = 0;
    ssize_t result = 0;
    if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL))
        return -EOPNOTSUPP;
    while (done < length) {
        result = send_some(s, (const uint8_t *)data + done, length - done);
        if (result == -EAGAIN && !(flags & MSG_DONTWAIT))
            result = tunny_remote_wait(s, POLLOUT, -1) < 0 ? -EINTR : 0;
        if (result < 0)
            break;
        done += (size_t)result;
    }
    return done > 0 || length == 0 ? (ssize_t)done : result;
}

int remote_finish(struct tunny_remote_socket *s)
{
    int error = cannot_send(s);
    if (error == -ENOTCONN || s->is_ended)
        return error == -ENOTCONN ? error : 0;
    s->is_ended = true;
    if (ring_finish(&s->out))
        remote_wake_holder(s);
    return 0;
}

/* --- RECEIVE -----------------------------------------------------------------------------------
 */

ssize_t tunny_remote_recv_lend(struct tunny_remote_socket *s, size_t length, struct iovec pieces[2])
{
    int error = remote_error(s);
    bool at_end = ring_is_at_end(&s->in);
    ssize_t there = ring_text(&s->in, length, pieces);
    if (there != 0 || at_end || length == 0)
        return there;
    if (error < 0)
        return error == -EPIPE ? 0 : error;
    return life(s) == RING_FRESH || life(s) == RING_LISTENING ? -ENOTCONN : -EAGAIN;
}

void tunny_remote_recv_done(struct tunny_remote_socket *s, size_t length)
{
    if (ring_taken(&s->in, length))
        remote_wake_holder(s);
}

static ssize_t receive_some(struct tunny_remote_socket *s, uint8_t *data, size_t length, bool peek)
{
    struct iovec pieces[2];
    ssize_t there = tunny_remote_recv_lend(s, length, pieces);
    if (there <= 0)
        return there;
    memcpy(data, pieces[0].iov_base, pieces[0].iov_len);
    memcpy(data + pieces[0].iov_len, pieces[1].iov_base, pieces[1].iov_len);
    if (!peek)
        tunny_remote_recv_done(s, (size_t)there);
    return there;
}

ssize_t tunny_remote_recv(struct tunny_remote_socket *s, void *data, size_t length, int flags)
{
    size_t done = 0;
    ssize_t result = 0;
    bool all = (flags & MSG_WAITALL) && !(flags & MSG_PEEK);
    if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK | MSG_WAITALL))
        return -EOPNOTSUPP;
    while (done < length && (done == 0 || all)) {
        result = receive_some(s, (uint8_t *)data + done, length - done, flags & MSG_PEEK);
        if (result == 0)
            break;
        if (result == -EAGAIN && !(flags & MSG_DONTWAIT))
            result = tunny_remote_wait(s, POLLIN, -1) < 0 ? -EINTR : 0;
        if (result < 0)
            break;
        done += (size_t)result;
    }
    return done > 0 || length == 0 ? (ssize_t)done : result;
}
