/* The server's loop: listeners, the table of clients by socket, whose turn it is, whose time is
 * over. Called by the command; it must not know of HTTP. */
#ifndef TUNNY_SERVE_SERVER_H
#define TUNNY_SERVE_SERVER_H

#include "serve/client.h"

enum { SERVER_LISTENERS = 2 };

struct server {
    struct tunny *stack;
    struct client_settings settings;
    unsigned most_clients;
    int fast_opens; /* so many may be pending (TCP_FASTOPEN); 0: none */
    int listeners[SERVER_LISTENERS];
    unsigned listener_count;
    int is_full;             /* connections wait in the backlog until a client ends */
    struct client **clients; /* by socket number */
    unsigned room, count;
    struct client *first, *last; /* the queue of those that can work */
    int64_t next_sweep_ns;
};

/* Listens on all addresses, IPv6 and IPv4, as far as the stack has them. 0; a negative errno when
 * there is none. */
int server_listen(struct server *server, unsigned short port, int backlog);
/* Serves until a signal comes: -EINTR; or the device fails: its errno. Blocks. */
int server_run(struct server *server);
/* Ends all connections. */
void server_end(struct server *server);

#endif
