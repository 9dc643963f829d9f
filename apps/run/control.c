/* See control.h. */
#define _GNU_SOURCE
#include "run/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "remote/passing.h"
#include "run/session.h"

/* The name is only seen when somebody listens: who finds that nobody does removes it. */
static int bind_and_show(struct control *control, const struct sockaddr_un *shown)
{
    struct sockaddr_un hidden;
    int result = control_hidden_address(&hidden);
    if (result < 0)
        return result;
    unlink(hidden.sun_path);
    control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->listener < 0 ||
        bind(control->listener, (const struct sockaddr *)&hidden, sizeof hidden) < 0 ||
        listen(control->listener, CONTROL_PEERS) < 0 ||
        rename(hidden.sun_path, shown->sun_path) < 0)
        return -errno;
    memcpy(control->path, shown->sun_path, sizeof control->path);
    return 0;
}

/* Private stacks that were killed: nobody asks for them by name. */
static void remove_abandoned(void *context, const char *name)
{
    int process = 0;
    (void)context;
    if (sscanf(name, "run-%d", &process) != 1 || process <= 0 || kill(process, 0) == 0 ||
        errno != ESRCH)
        return;
    int there = control_connect(name);
    if (there >= 0)
        close(there);
}

static int listen_at(struct control *control)
{
    struct sockaddr_un address;
    int result = control_address(control->name, &address);
    if (result < 0)
        return result;
    control_each_name(remove_abandoned, NULL);
    int other = control_connect(control->name);
    if (other >= 0) {
        close(other);
        return -EADDRINUSE;
    }
    result = bind_and_show(control, &address);
    if (result < 0)
        return result;
    return bridge_watch(control->bridge, control->listener, EPOLLIN, EVENT_CONTROL);
}

int control_open(struct control **control, struct bridge *bridge, const char *name)
{
    struct control *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->bridge = bridge;
    made->listener = made->namespaces[0] = made->namespaces[1] = -1;
    for (unsigned i = 0; i < CONTROL_PEERS; i++)
        made->peers[i] = -1;
    snprintf(made->name, sizeof made->name, "%s", name);
    int result = strlen(name) > CONTROL_NAME ? -EINVAL : listen_at(made);
    if (result < 0)
        control_close(made);
    else
        *control = made;
    return result;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    if (*control->path != '\0')
        unlink(control->path);
    if (control->listener >= 0)
        close(control->listener);
    for (unsigned i = 0; i < CONTROL_PEERS; i++)
        if (control->peers[i] >= 0)
            close(control->peers[i]);
    for (unsigned i = 0; i < 2; i++)
        if (control->namespaces[i] >= 0)
            close(control->namespaces[i]);
    free(control);
}

static void answer(int peer, int result, const int *descriptors, unsigned count)
{
    struct control_answer said = {.result = result};
    pass_send(peer, &said, sizeof said, descriptors, count);
}

static void answer_join(const struct control *control, int peer)
{
    struct control_answer said = {.result = control->namespaces[0] < 0 ? -EOPNOTSUPP : 0};
    memcpy(said.resolver, control->resolver, sizeof said.resolver);
    unsigned count = said.result < 0 ? 0 : control->namespaces[1] < 0 ? 1 : 2;
    pass_send(peer, &said, sizeof said, control->namespaces, count);
}

static void answer_with_text(int peer, int text)
{
    answer(peer, text < 0 ? text : 0, &text, text < 0 ? 0 : 1);
    if (text >= 0)
        close(text);
}

/* The memory's descriptor is the program's alone; the other two are in use here, too. */
static void answer_of_socket(struct control *control, int peer,
                             const struct control_request *request)
{
    struct bridge *bridge = control->bridge;
    struct control_answer said = {0};
    int descriptors[3];
    pthread_mutex_lock(&bridge->lock);
    said.result = rings_answer(bridge, peer, request->verb, &request->socket, &said.socket,
                               descriptors);
    unsigned count = said.result > 0 ? (unsigned)said.result : 0;
    pass_send(peer, &said, sizeof said, descriptors, count);
    if (count > 0)
        close(descriptors[0]);
    pthread_mutex_unlock(&bridge->lock);
}

static void answer_request(struct control *control, int peer, struct control_request *request,
                           int descriptor)
{
    request->name[sizeof request->name - 1] = '\0';
    switch (request->verb) {
    case CONTROL_JOIN:
        answer_join(control, peer);
        return;
    case CONTROL_BEGIN:
        answer(peer,
               descriptor < 0
                   ? -EINVAL
                   : session_start(control->bridge, descriptor, request->program, request->name),
               NULL, 0);
        return;
    case CONTROL_PROGRAMS:
        answer_with_text(peer, control_list_programs(control));
        return;
    case CONTROL_CONNECTIONS:
        answer_with_text(peer, control_list_connections(control));
        return;
    case CONTROL_DOWN:
        control->is_asked_to_end = true;
        answer(peer, 0, NULL, 0);
        return;
    case CONTROL_SOCKET:
    case CONTROL_BIND:
    case CONTROL_CONNECT:
    case CONTROL_LISTEN:
    case CONTROL_ACCEPT:
    case CONTROL_SHUT_RECEIVING:
    case CONTROL_LOCAL_NAME:
    case CONTROL_PEER_NAME:
    case CONTROL_SET_OPTION:
    case CONTROL_GET_OPTION:
        answer_of_socket(control, peer, request);
        return;
    }
    answer(peer, -EINVAL, NULL, 0);
}

static void accept_peers(struct control *control)
{
    int peer;
    while ((peer = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        unsigned place = 0;
        while (place < CONTROL_PEERS && control->peers[place] >= 0)
            place++;
        if (place == CONTROL_PEERS ||
            bridge_watch(control->bridge, peer, EPOLLIN, EVENT_CONTROL) < 0)
            close(peer);
        else
            control->peers[place] = peer;
    }
}

void control_serve(struct control *control)
{
    accept_peers(control);
    for (unsigned i = 0; i < CONTROL_PEERS; i++) {
        struct control_request request = {0};
        int descriptor = -1, got = 0;
        while (control->peers[i] >= 0 && got >= 0) {
            got = pass_receive(control->peers[i], &request, sizeof request, &descriptor, 1);
            if (got >= 0)
                answer_request(control, control->peers[i], &request, got > 0 ? descriptor : -1);
        }
        if (control->peers[i] >= 0 && got != -EAGAIN) {
            pthread_mutex_lock(&control->bridge->lock);
            rings_forget_owner(control->bridge, control->peers[i]);
            pthread_mutex_unlock(&control->bridge->lock);
            close(control->peers[i]);
            control->peers[i] = -1;
        }
    }
}
