/* Text between S and T; see pipe.h. S is read only as far as T's send buffer has room, straight
 * into it, and T only as far as S takes it, straight from the receive buffer. */
#define _GNU_SOURCE
#include "run/pipe.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/stream.h"
#include "run/calls.h"
#include "run/task.h"

enum {
    CHUNK = 1 << 18, /* bytes asked for at a time */
    ROUNDS = 8,      /* then others have a turn */
    CENSUS_NS = 10000000,
};

enum progress { PROGRESS_WAITS, PROGRESS_GOES_ON, PROGRESS_GONE };

/* --- ends --------------------------------------------------------------------------------------
 */

static void close_pipe(struct channel *channel)
{
    if (channel->pipe >= 0)
        close(channel->pipe);
    channel->pipe = -1;
    channel->readable = channel->writable = channel->hung_up = false;
}

static void close_socket(struct bridge *bridge, struct channel *channel)
{
    channel->local_length = sizeof channel->local;
    if (tunny_getsockname(bridge->stack, channel->socket, (struct sockaddr *)&channel->local,
                          &channel->local_length) < 0)
        channel->local_length = 0;
    bridge->channels.by_socket[channel->socket] = NULL;
    tunny_close(bridge->stack, channel->socket);
    channel->socket = -1;
}

void pipe_bury(struct bridge *bridge, struct channel *channel)
{
    struct channels *channels = &bridge->channels;
    close_pipe(channel);
    if (channel->state == CHANNEL_DEAD)
        return;
    channel->state = CHANNEL_DEAD;
    if (channel->named)
        return;
    channels->dead++;
    struct channel *oldest = channels->first;
    while (channels->dead > CHANNEL_DEAD_MOST && oldest != NULL) {
        struct channel *next = oldest->next;
        if (oldest->state == CHANNEL_DEAD && !oldest->named && oldest != channel)
            channel_free(bridge, oldest);
        oldest = next;
    }
}

void pipe_abort(struct bridge *bridge, struct channel *channel)
{
    stream_end_by_reset(bridge->stack, channel->socket);
    channel_free(bridge, channel);
}

/* The program has closed A and T has all that was written to it. A may still be there when both
 * directions were shut down before. */
static void finish(struct bridge *bridge, struct channel *channel)
{
    bool surely_closed = !channel->peer_ended && !channel->both_shut;
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(channel->pipe, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == ECONNRESET) {
        /* RFC 1122, 4.2.2.13: it had not read everything. */
        pipe_abort(bridge, channel);
        return;
    }
    if (surely_closed || (channel->named && !channel_is_alive(&bridge->channels, channel))) {
        channel_free(bridge, channel);
        return;
    }
    close_socket(bridge, channel);
    pipe_bury(bridge, channel);
}

struct census {
    struct bridge *bridge;
    pid_t holder;
    int descriptor;
};

static int is_counted(void *context, int duplicate)
{
    const struct census *census = context;
    struct channel *channel = channel_of(&census->bridge->channels, duplicate);
    if (channel != NULL) {
        channel->holder = census->holder;
        channel->descriptor = census->descriptor;
        channel->seen = census->bridge->census;
    }
    return 0;
}

unsigned pipe_find_all(struct bridge *bridge)
{
    struct census census = {.bridge = bridge};
    bridge->census++;
    bridge->census_ns = tunny_now_ns(bridge->stack);
    task_search(bridge->network, is_counted, &census, &census.holder, &census.descriptor);
    return bridge->census;
}

/* Where the channel was seen last. */
static int look_there(struct bridge *bridge, const struct channel *channel)
{
    if (channel->descriptor < 0)
        return -ENOENT;
    int duplicate = task_descriptor(channel->holder, channel->descriptor);
    if (duplicate < 0 || channel_of(&bridge->channels, duplicate) == channel)
        return duplicate;
    close(duplicate);
    return -ENOENT;
}

/* Looking everywhere is slow: those that nobody has any more must not make it slow each time. */
int pipe_find(struct bridge *bridge, struct channel *channel)
{
    int64_t now = tunny_now_ns(bridge->stack);
    int duplicate = look_there(bridge, channel);
    if (duplicate >= 0 || now - bridge->census_ns < CENSUS_NS)
        return duplicate;
    if (pipe_find_all(bridge) != channel->seen)
        return -ENOENT;
    return look_there(bridge, channel);
}

void pipe_reset(struct bridge *bridge, struct channel *channel, int error)
{
    /* What S leaves unread is what makes A say ECONNRESET (unix(7)); if nothing is there, A has to
     * have written something. */
    int unread = 0;
    ioctl(channel->pipe, FIONREAD, &unread);
    if (unread == 0 && !channel->program_ended) {
        int duplicate = pipe_find(bridge, channel);
        if (duplicate >= 0) {
            ssize_t sent = send(duplicate, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            (void)sent;
            close(duplicate);
        }
    }
    channel->error = error;
    pipe_bury(bridge, channel);
}

/* --- from the program to the stack --------------------------------------------------------------
 */

/* T takes no more text; whether that is the end is what receiving will say. */
static enum progress cannot_send(struct bridge *bridge, struct channel *channel, ssize_t error)
{
    if (error == -EAGAIN)
        return PROGRESS_WAITS;
    if (channel->state == CHANNEL_ENDING || error == -EPIPE) {
        channel_free(bridge, channel);
        return PROGRESS_GONE;
    }
    pipe_reset(bridge, channel, (int)-error);
    return PROGRESS_GONE;
}

/* Reading stops in front of an urgent byte, which then is the next one (unix(7); S takes it in
 * line). True: it was there, and was sent. */
static bool pass_urgent_out(struct bridge *bridge, struct channel *channel)
{
    int is_next = 0;
    char byte;
    if (ioctl(channel->pipe, SIOCATMARK, &is_next) < 0 || !is_next ||
        recv(channel->pipe, &byte, 1, MSG_DONTWAIT) != 1)
        return false;
    tunny_send(bridge->stack, channel->socket, &byte, 1, MSG_OOB);
    return true;
}

static enum progress end_of_program(struct bridge *bridge, struct channel *channel)
{
    channel->program_ended = true;
    channel->readable = false;
    if (!channel->hung_up) {
        tunny_shutdown(bridge->stack, channel->socket, SHUT_WR);
        return PROGRESS_WAITS;
    }
    finish(bridge, channel);
    return PROGRESS_GONE;
}

/* S has nothing to read: not now, or never more. */
static enum progress nothing_came(struct bridge *bridge, struct channel *channel)
{
    char byte;
    ssize_t got = recv(channel->pipe, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0)
        return PROGRESS_GOES_ON;
    if (got == 0)
        return end_of_program(bridge, channel);
    if (errno == ECONNRESET) {
        pipe_abort(bridge, channel);
        return PROGRESS_GONE;
    }
    channel->readable = errno == EINTR;
    return PROGRESS_WAITS;
}

/* T's buffer grows by what is lent: no more is asked for than S has. */
static enum progress pass_out(struct bridge *bridge, struct channel *channel)
{
    struct iovec pieces[2];
    int there = 0;
    if (ioctl(channel->pipe, FIONREAD, &there) < 0 || there <= 0)
        return nothing_came(bridge, channel);
    ssize_t room = tunny_send_lend(bridge->stack, channel->socket,
                                   there < CHUNK ? (size_t)there : (size_t)CHUNK, MSG_DONTWAIT,
                                   pieces);
    if (room < 0)
        return cannot_send(bridge, channel, room);
    if (pass_urgent_out(bridge, channel))
        return PROGRESS_GOES_ON;
    ssize_t got = readv(channel->pipe, pieces, pieces[1].iov_len > 0 ? 2 : 1);
    if (got <= 0)
        return nothing_came(bridge, channel);
    tunny_send_done(bridge->stack, channel->socket, (size_t)got, 0);
    /* What came since S was asked tells by itself; an end that was told already does not again. */
    channel->readable = got < there || channel->has_end;
    return channel->readable ? PROGRESS_GOES_ON : PROGRESS_WAITS;
}

/* --- from the stack to the program --------------------------------------------------------------
 */

/* When the text in front of it has been passed on, the urgent byte is the first one lent. */
static void pass_urgent_in(struct bridge *bridge, struct channel *channel)
{
    int is_next = 0;
    struct iovec pieces[2];
    tunny_ioctl(bridge->stack, channel->socket, SIOCATMARK, &is_next);
    if (!is_next || tunny_recv_lend(bridge->stack, channel->socket, 1, MSG_DONTWAIT, pieces) != 1)
        return;
    if (send(channel->pipe, pieces[0].iov_base, 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
        tunny_recv_done(bridge->stack, channel->socket, 1);
}

/* The peer's FIN. A HUP that follows may mean two half closes only. */
static enum progress end_of_peer(struct channel *channel)
{
    if (!channel->peer_ended)
        shutdown(channel->pipe, SHUT_WR);
    channel->peer_ended = true;
    return PROGRESS_WAITS;
}

static enum progress pass_in(struct bridge *bridge, struct channel *channel)
{
    struct iovec pieces[2];
    int ready = tunny_ready(bridge->stack, channel->socket);
    if (channel->peer_ended && !(ready & POLLERR))
        return PROGRESS_WAITS;
    if (ready & POLLPRI)
        pass_urgent_in(bridge, channel);
    ssize_t lent = tunny_recv_lend(bridge->stack, channel->socket, CHUNK, MSG_DONTWAIT, pieces);
    if (lent == -EAGAIN)
        return PROGRESS_WAITS;
    if (lent == 0)
        return end_of_peer(channel);
    if (lent < 0) {
        pipe_reset(bridge, channel, (int)-lent);
        return PROGRESS_GONE;
    }
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = pieces[1].iov_len > 0 ? 2 : 1};
    ssize_t sent = sendmsg(channel->pipe, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        tunny_recv_done(bridge->stack, channel->socket, (size_t)sent);
        return PROGRESS_GOES_ON;
    }
    channel->writable = false;
    /* The program reads no more: what comes is thrown away, unless it has closed altogether. */
    if (errno == EPIPE && !channel->hung_up)
        tunny_shutdown(bridge->stack, channel->socket, SHUT_RD);
    return PROGRESS_WAITS;
}

static enum progress pump_in(struct bridge *bridge, struct channel *channel)
{
    enum progress progress = PROGRESS_GOES_ON;
    /* An error is told to A although A is full: pass_in() finds it behind the text. */
    for (unsigned i = 0; i < ROUNDS && channel->writable && progress == PROGRESS_GOES_ON; i++)
        progress = pass_in(bridge, channel);
    return progress;
}

static enum progress pump_out(struct bridge *bridge, struct channel *channel)
{
    enum progress progress = PROGRESS_WAITS;
    if (channel->program_ended && !channel->hung_up)
        return progress;
    for (unsigned i = 0; i < ROUNDS && channel->readable; i++) {
        progress = pass_out(bridge, channel);
        if (progress != PROGRESS_GOES_ON)
            break;
    }
    return progress;
}

void pipe_pump(struct bridge *bridge, struct channel *channel)
{
    enum progress in = PROGRESS_WAITS, out;
    if (channel->state == CHANNEL_CONNECTING && channel->hung_up) {
        /* Closed while it connected. */
        pipe_abort(bridge, channel);
        return;
    }
    if (channel->state != CHANNEL_OPEN && channel->state != CHANNEL_ENDING)
        return;
    if (channel->hung_up)
        channel->state = CHANNEL_ENDING;
    if (channel->state == CHANNEL_OPEN)
        in = pump_in(bridge, channel);
    if (in == PROGRESS_GONE)
        return;
    out = pump_out(bridge, channel);
    if (out != PROGRESS_GONE && (in == PROGRESS_GOES_ON || out == PROGRESS_GOES_ON))
        channel_mark_dirty(&bridge->channels, channel);
}
