/* The table of channels; see channel.h. */
#define _GNU_SOURCE
#include "run/channel.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/table.h"
#include "run/bridge.h"

static unsigned bucket_of(uint64_t key)
{
    return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % CHANNEL_BUCKETS;
}

struct channel *channel_new(struct channels *channels, int family)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->id = ++channels->next_id;
    channel->family = family;
    channel->socket = channel->pipe = channel->descriptor = -1;
    struct channel **bucket = &channels->by_id[bucket_of(channel->id)];
    channel->next_by_id = *bucket;
    *bucket = channel;
    channel->previous = channels->last;
    if (channels->last != NULL)
        channels->last->next = channel;
    else
        channels->first = channel;
    channels->last = channel;
    channels->count++;
    return channel;
}

static void leave_list(struct channels *channels, struct channel *channel)
{
    if (channel->previous != NULL)
        channel->previous->next = channel->next;
    else
        channels->first = channel->next;
    if (channel->next != NULL)
        channel->next->previous = channel->previous;
    else
        channels->last = channel->previous;
}

static void leave_dirty(struct channels *channels, struct channel *channel)
{
    struct channel *before = NULL;
    for (struct channel *c = channels->dirty; c != NULL; before = c, c = c->next_dirty) {
        if (c != channel)
            continue;
        if (before != NULL)
            before->next_dirty = c->next_dirty;
        else
            channels->dirty = c->next_dirty;
        if (channels->last_dirty == c)
            channels->last_dirty = before;
        channels->dirty_count--;
        return;
    }
}

void channel_forget_cookie(struct channels *channels, struct channel *channel)
{
    if (channel->cookie == 0)
        return;
    struct channel **place = &channels->by_cookie[bucket_of(channel->cookie)];
    while (*place != channel)
        place = &(*place)->next_by_cookie;
    *place = channel->next_by_cookie;
    channel->cookie = 0;
}

static void leave_buckets(struct channels *channels, struct channel *channel)
{
    struct channel **place = &channels->by_id[bucket_of(channel->id)];
    while (*place != channel)
        place = &(*place)->next_by_id;
    *place = channel->next_by_id;
    channel_forget_cookie(channels, channel);
}

void channel_begin_listening(struct channels *channels, struct channel *channel)
{
    channel->state = CHANNEL_LISTENING;
    channel->previous_listener = NULL;
    channel->next_listener = channels->listeners;
    if (channels->listeners != NULL)
        channels->listeners->previous_listener = channel;
    channels->listeners = channel;
}

void channel_end_listening(struct channels *channels, struct channel *channel)
{
    channel->state = CHANNEL_FRESH;
    if (channel->previous_listener != NULL)
        channel->previous_listener->next_listener = channel->next_listener;
    else
        channels->listeners = channel->next_listener;
    if (channel->next_listener != NULL)
        channel->next_listener->previous_listener = channel->previous_listener;
}

void channel_free(struct bridge *bridge, struct channel *channel)
{
    struct channels *channels = &bridge->channels;
    if (channel->state == CHANNEL_LISTENING)
        channel_end_listening(channels, channel);
    leave_list(channels, channel);
    leave_buckets(channels, channel);
    if (channel->is_dirty)
        leave_dirty(channels, channel);
    if (channel->pipe >= 0)
        close(channel->pipe);
    if (channel->socket >= 0) {
        channels->by_socket[channel->socket] = NULL;
        tunny_close(bridge->stack, channel->socket);
    }
    if (channel->state == CHANNEL_DEAD && !channel->named)
        channels->dead--;
    while (channel->held != NULL) {
        struct call *held = channel->held;
        channel->held = held->next;
        free(held);
    }
    channels->count--;
    free(channel);
}

int channel_set_socket(struct channels *channels, struct channel *channel, int socket)
{
    struct channel **held = table_hold(channels->by_socket, &channels->sockets, (unsigned)socket,
                                       sizeof *held);
    if (held == NULL)
        return -ENOMEM;
    channels->by_socket = held;
    channel->socket = socket;
    channels->by_socket[socket] = channel;
    return 0;
}

void channel_set_cookie(struct channels *channels, struct channel *channel, uint64_t cookie)
{
    struct channel **bucket = &channels->by_cookie[bucket_of(cookie)];
    channel->cookie = cookie;
    channel->next_by_cookie = *bucket;
    *bucket = channel;
}

void channel_mark_dirty(struct channels *channels, struct channel *channel)
{
    if (channel->is_dirty)
        return;
    channel->is_dirty = true;
    channel->next_dirty = NULL;
    if (channels->last_dirty != NULL)
        channels->last_dirty->next_dirty = channel;
    else
        channels->dirty = channel;
    channels->last_dirty = channel;
    channels->dirty_count++;
}

struct channel *channel_next_dirty(struct channels *channels)
{
    struct channel *channel = channels->dirty;
    if (channel == NULL)
        return NULL;
    channels->dirty = channel->next_dirty;
    if (channels->dirty == NULL)
        channels->last_dirty = NULL;
    channel->is_dirty = false;
    channels->dirty_count--;
    return channel;
}

/* --- finding ---------------------------------------------------------------------------------- */

struct channel *channel_by_id(const struct channels *channels, uint64_t id)
{
    struct channel *channel = channels->by_id[bucket_of(id)];
    while (channel != NULL && channel->id != id)
        channel = channel->next_by_id;
    return channel;
}

struct channel *channel_by_cookie(const struct channels *channels, uint64_t cookie)
{
    struct channel *channel = channels->by_cookie[bucket_of(cookie)];
    while (channel != NULL && channel->cookie != cookie)
        channel = channel->next_by_cookie;
    return channel;
}

struct channel *channel_by_socket(const struct channels *channels, int socket)
{
    return (unsigned)socket < channels->sockets ? channels->by_socket[socket] : NULL;
}

/* A socket that the program took from its queue by itself is known by the name of the other end. */
static struct channel *by_peer_name(struct channels *channels, int duplicate)
{
    struct sockaddr_un name, wanted;
    socklen_t length = sizeof name;
    uint64_t id, nonce;
    char text[sizeof name.sun_path + 1] = "";
    if (getpeername(duplicate, (struct sockaddr *)&name, &length) < 0 ||
        length <= offsetof(struct sockaddr_un, sun_path) + 1 || name.sun_path[0] != '\0')
        return NULL;
    memcpy(text, name.sun_path + 1, length - offsetof(struct sockaddr_un, sun_path) - 1);
    if (sscanf(text, "tunny/%" SCNx64 "/S/%" SCNx64, &nonce, &id) != 2)
        return NULL;
    if (channel_name(channels, 'S', id, &wanted) != length || memcmp(&wanted, &name, length) != 0)
        return NULL;
    return channel_by_id(channels, id);
}

struct channel *channel_of(struct channels *channels, int duplicate)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    if (getsockopt(duplicate, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
        return NULL;
    struct channel *channel = channel_by_cookie(channels, cookie);
    if (channel != NULL)
        return channel;
    channel = by_peer_name(channels, duplicate);
    if (channel != NULL && channel->cookie == 0)
        channel_set_cookie(channels, channel, cookie);
    return channel;
}

/* --- names ------------------------------------------------------------------------------------ */

socklen_t channel_name(const struct channels *channels, char end, uint64_t id,
                       struct sockaddr_un *name)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(name->sun_path + 1, sizeof name->sun_path - 1,
                          "tunny/%" PRIx64 "/%c/%" PRIx64, channels->nonce, end, id);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

/* The name can be bound again as soon as its owner is gone. */
bool channel_is_alive(struct channels *channels, const struct channel *channel)
{
    struct sockaddr_un name;
    socklen_t length = channel_name(channels, 'A', channel->id, &name);
    if (channels->probe < 0)
        channels->probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (channels->probe < 0)
        return true;
    if (bind(channels->probe, (const struct sockaddr *)&name, length) < 0)
        return errno == EADDRINUSE;
    close(channels->probe);
    channels->probe = -1;
    return false;
}
