/* How A and S come together, by connect() or by accept(); see pipe.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "run/pipe.h"

enum { JUNK = 4096, LIKELY_SEND_BUFFER = 212992 };

int pipe_watch(struct bridge *bridge, struct channel *channel)
{
    int on = 1;
    setsockopt(channel->pipe, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    channel->has_end = false;
    return bridge_watch(bridge, channel->pipe, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                        channel->id);
}

int pipe_join(struct bridge *bridge, struct channel *channel, int duplicate)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(&bridge->channels, 'S', 0, &name);
    if (connect(duplicate, (const struct sockaddr *)&name, length) < 0)
        return -errno;
    channel->pipe = accept4(bridge->meeting, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (channel->pipe < 0)
        return -errno;
    channel->writable = true;
    return pipe_watch(bridge, channel);
}

void pipe_stuff(struct channel *channel, int duplicate)
{
    static const char junk[JUNK];
    socklen_t length = sizeof channel->send_buffer;
    int least = 0;
    channel->send_buffer = LIKELY_SEND_BUFFER;
    getsockopt(duplicate, SOL_SOCKET, SO_SNDBUF, &channel->send_buffer, &length);
    setsockopt(duplicate, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    ssize_t sent;
    while ((sent = send(duplicate, junk, sizeof junk, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        channel->stuffed += (size_t)sent;
}

void pipe_unstuff(struct bridge *bridge, struct channel *channel)
{
    char junk[JUNK];
    int duplicate = pipe_find(bridge, channel);
    if (duplicate >= 0) {
        int half = channel->send_buffer / 2; /* the kernel doubles it (socket(7)) */
        setsockopt(duplicate, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
        close(duplicate);
    }
    while (channel->stuffed > 0) {
        size_t most = channel->stuffed < sizeof junk ? channel->stuffed : sizeof junk;
        ssize_t got = recv(channel->pipe, junk, most, MSG_DONTWAIT);
        if (got <= 0)
            break;
        channel->stuffed -= (size_t)got;
    }
    channel->stuffed = 0;
    channel->readable = true;
}

/* --- accept ------------------------------------------------------------------------------------
 */

/* A new S in A's queue. Its descriptor or a negative errno. */
static int enter_queue(struct bridge *bridge, const struct channel *listener,
                       const struct channel *child)
{
    struct sockaddr_un ours, theirs;
    socklen_t our_length = channel_name(&bridge->channels, 'S', child->id, &ours);
    socklen_t their_length = channel_name(&bridge->channels, 'A', listener->id, &theirs);
    int pipe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (pipe < 0)
        return -errno;
    if (bind(pipe, (const struct sockaddr *)&ours, our_length) == 0 &&
        connect(pipe, (const struct sockaddr *)&theirs, their_length) == 0)
        return pipe;
    int error = errno;
    close(pipe);
    return -error;
}

/* T of the child, which is waiting. */
static int take_socket(struct bridge *bridge, struct channel *listener, struct channel *child)
{
    child->peer_length = sizeof child->peer;
    int socket = tunny_accept(bridge->stack, listener->socket, (struct sockaddr *)&child->peer,
                              &child->peer_length, SOCK_NONBLOCK);
    if (socket < 0)
        return socket;
    int result = channel_set_socket(&bridge->channels, child, socket);
    if (result < 0)
        tunny_close(bridge->stack, socket);
    return result;
}

/* TCP completes no handshake that A's queue has no room for: as Linux, which drops a SYN and the
 * last ACK of a handshake while the accept queue is full. */
static void set_full(struct bridge *bridge, struct channel *listener, bool is_full)
{
    if (listener->is_full == is_full)
        return;
    listener->is_full = is_full;
    tunny_listen(bridge->stack, listener->socket, is_full ? 1 : listener->backlog);
}

int pipe_deliver(struct bridge *bridge, struct channel *listener)
{
    if (!(tunny_ready(bridge->stack, listener->socket) & POLLIN)) {
        set_full(bridge, listener, false);
        return -EAGAIN;
    }
    struct channel *child = channel_new(&bridge->channels, listener->family);
    if (child == NULL)
        return -ENOMEM;
    child->pipe = enter_queue(bridge, listener, child);
    set_full(bridge, listener, child->pipe == -EAGAIN);
    int result = child->pipe < 0 ? child->pipe : take_socket(bridge, listener, child);
    if (result >= 0)
        result = pipe_watch(bridge, child);
    if (result < 0) {
        child->state = CHANNEL_FRESH;
        channel_free(bridge, child);
        if (result == -EAGAIN || result == -EMFILE || result == -ENFILE || result == -ENOBUFS)
            bridge->has_waiting = true;
        return result;
    }
    child->state = CHANNEL_OPEN;
    child->told = true;
    child->writable = true;
    child->option_count = listener->option_count;
    for (unsigned i = 0; i < listener->option_count; i++)
        child->options[i] = listener->options[i];
    channel_mark_dirty(&bridge->channels, child);
    return 0;
}
