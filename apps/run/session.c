/* See session.h. */
#define _GNU_SOURCE
#include "run/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/notify.h"
#include "run/task.h"

int session_start(struct bridge *bridge, int notify, pid_t program, const char *name)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        close(notify);
        return -ENOMEM;
    }
    session->bridge = bridge;
    session->notify = notify;
    session->program = program;
    snprintf(session->name, sizeof session->name, "%s", name);
    if (*bridge->network == '\0')
        task_network(program, bridge->network, sizeof bridge->network);
    /* Without any event asked for, epoll tells of the end. */
    int result = bridge_watch(bridge, notify, 0, EVENT_SESSION);
    if (result == 0)
        result = notify_start(session);
    if (result < 0) {
        close(notify);
        free(session);
        return result;
    }
    session->next = bridge->sessions;
    bridge->sessions = session;
    return 0;
}

/* Calls that are held have no caller any more. */
static void drop_calls(struct bridge *bridge, const struct session *session)
{
    for (struct channel *c = bridge->channels.first; c != NULL; c = c->next) {
        struct call **place = &c->held;
        while (*place != NULL) {
            struct call *held = *place;
            if (held->session != session) {
                place = &held->next;
                continue;
            }
            *place = held->next;
            free(held);
        }
    }
}

static void end(struct session *session)
{
    struct bridge *bridge = session->bridge;
    notify_stop(session);
    pthread_mutex_lock(&bridge->lock);
    drop_calls(bridge, session);
    pthread_mutex_unlock(&bridge->lock);
    close(session->notify);
    free(session);
}

static bool is_over(const struct session *session)
{
    struct pollfd entry = {.fd = session->notify};
    return session->ended || (poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP));
}

void sessions_reap(struct bridge *bridge)
{
    struct session **place = &bridge->sessions;
    while (*place != NULL) {
        struct session *session = *place;
        if (!is_over(session)) {
            place = &session->next;
            continue;
        }
        *place = session->next;
        end(session);
    }
}

void sessions_end(struct bridge *bridge)
{
    while (bridge->sessions != NULL) {
        struct session *session = bridge->sessions;
        bridge->sessions = session->next;
        end(session);
    }
}
