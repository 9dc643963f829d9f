/* The server's loop; see server.h. */
#include "serve/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "common/endpoint.h"
#include "common/stream.h"

static const int64_t sweep_ns = 500000000;

static int open_listener(struct server *server, int family, unsigned short port, int backlog)
{
    struct tunny *stack = server->stack;
    struct sockaddr_storage address = endpoint_any(family, port);
    int on = 1;
    int socket = tunny_socket(stack, family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    if (socket < 0)
        return socket;
    tunny_setsockopt(stack, socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        tunny_setsockopt(stack, socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    int result = tunny_bind(stack, socket, (const struct sockaddr *)&address,
                            endpoint_length(&address));
    if (result == 0 && server->fast_opens > 0)
        result = tunny_setsockopt(stack, socket, IPPROTO_TCP, TCP_FASTOPEN, &server->fast_opens,
                                  sizeof server->fast_opens);
    if (result == 0)
        result = tunny_listen(stack, socket, backlog);
    if (result < 0) {
        tunny_close(stack, socket);
        return result;
    }
    return socket;
}

int server_listen(struct server *server, unsigned short port, int backlog)
{
    static const int families[SERVER_LISTENERS] = {AF_INET, AF_INET6};
    int error = -EADDRNOTAVAIL;
    for (unsigned i = 0; i < SERVER_LISTENERS; i++) {
        int socket = open_listener(server, families[i], port, backlog);
        if (socket >= 0)
            server->listeners[server->listener_count++] = socket;
        else
            error = socket;
    }
    return server->listener_count > 0 ? 0 : error;
}

static void enqueue(struct server *server, struct client *client)
{
    if (client->is_queued)
        return;
    client->is_queued = 1;
    client->next = NULL;
    if (server->last != NULL)
        server->last->next = client;
    else
        server->first = client;
    server->last = client;
}

/* --- coming and going ----------------------------------------------------------------------- */

/* The place of a socket in the table. 0; -ENOMEM. */
static int make_room(struct server *server, unsigned socket)
{
    if (socket < server->room)
        return 0;
    unsigned room = server->room > 0 ? server->room : 64;
    while (room <= socket)
        room *= 2;
    struct client **clients = realloc(server->clients, room * sizeof(struct client *));
    if (clients == NULL)
        return -ENOMEM;
    for (unsigned i = server->room; i < room; i++)
        clients[i] = NULL;
    server->clients = clients;
    server->room = room;
    return 0;
}

static void add_client(struct server *server, int socket, const struct sockaddr_storage *peer)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL || make_room(server, (unsigned)socket) < 0) {
        free(client);
        tunny_close(server->stack, socket);
        return;
    }
    client_start(client, socket, &server->settings, tunny_now_ns(server->stack));
    client->peer = *peer;
    server->clients[socket] = client;
    server->count++;
    enqueue(server, client);
}

static void accept_all(struct server *server, int listener)
{
    for (;;) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        server->is_full = server->count >= server->most_clients;
        if (server->is_full)
            return;
        int socket = tunny_accept(server->stack, listener, (struct sockaddr *)&peer, &length,
                                  SOCK_NONBLOCK);
        if (socket == -ECONNABORTED)
            continue;
        if (socket < 0) {
            /* Out of descriptors or memory: when a client ends, it is tried again. */
            server->is_full = socket != -EAGAIN;
            return;
        }
        add_client(server, socket, &peer);
    }
}

/* The client must not be in the queue. */
static void remove_client(struct server *server, struct client *client)
{
    server->clients[client->socket] = NULL;
    server->count--;
    client_end(client, server->stack);
    free(client);
}

/* --- the loop ------------------------------------------------------------------------------- */

static void notice_changes(struct server *server)
{
    int socket;
    while ((socket = tunny_next_changed(server->stack)) >= 0) {
        for (unsigned i = 0; i < server->listener_count; i++)
            if (server->listeners[i] == socket)
                accept_all(server, socket);
        if ((unsigned)socket < server->room && server->clients[socket] != NULL)
            enqueue(server, server->clients[socket]);
    }
}

/* Each of those that stand in the queue now has one turn. */
static void give_turns(struct server *server)
{
    struct client *client = server->first;
    server->first = NULL;
    server->last = NULL;
    while (client != NULL) {
        struct client *next = client->next;
        client->is_queued = 0;
        switch (client_work(client, server->stack, &server->settings)) {
        case CLIENT_WAITS:
            break;
        case CLIENT_GOES_ON:
            enqueue(server, client);
            break;
        case CLIENT_ENDS:
            remove_client(server, client);
            break;
        }
        client = next;
    }
}

static void sweep(struct server *server)
{
    int64_t now = tunny_now_ns(server->stack);
    if (now < server->next_sweep_ns)
        return;
    server->next_sweep_ns = now + sweep_ns;
    for (unsigned i = 0; i < server->room && server->count > 0; i++) {
        struct client *client = server->clients[i];
        if (client == NULL || client->is_queued || client->deadline_ns > now)
            continue;
        client_time_out(client, &server->settings, now);
        remove_client(server, client);
    }
}

int server_run(struct server *server)
{
    int result = 0;
    while (result == 0) {
        notice_changes(server);
        give_turns(server);
        sweep(server);
        if (server->is_full && server->count < server->most_clients)
            for (unsigned i = 0; i < server->listener_count; i++)
                accept_all(server, server->listeners[i]);
        int timeout = server->count > 0 ? (int)(sweep_ns / 1000000) : -1;
        result = turn(server->stack, server->first != NULL ? 0 : timeout, -1, 0);
    }
    return result;
}

void server_end(struct server *server)
{
    for (unsigned i = 0; i < server->room; i++)
        if (server->clients[i] != NULL)
            remove_client(server, server->clients[i]);
    for (unsigned i = 0; i < server->listener_count; i++)
        tunny_close(server->stack, server->listeners[i]);
    free(server->clients);
    server->clients = NULL;
    server->room = 0;
    server->listener_count = 0;
}
