/* The inside of a joined stack and its sockets: for remote.c and remote_text.c. */
#ifndef TUNNY_REMOTE_REMOTE_SOCKET_H
#define TUNNY_REMOTE_REMOTE_SOCKET_H

#include "remote/remote.h"
#include "remote/ring.h"

struct tunny_remote {
    int control;
    bool is_lost; /* its holder is gone */
    struct tunny_remote_socket *first;
};

struct tunny_remote_socket {
    struct tunny_remote *remote;
    struct tunny_remote_socket *previous, *next;
    uint32_t number, memory;
    int wake_me, wake_holder; /* eventfds */
    bool is_ended;            /* nothing more is sent */
    struct ring_page *page;
    struct ring_end out, in; /* out: to the stack */
};

void remote_wake_holder(const struct tunny_remote_socket *s);
/* Why the connection is over: 0 when it is not. */
int remote_error(const struct tunny_remote_socket *s);
/* Nothing more will be sent. 0, -ENOTCONN. */
int remote_finish(struct tunny_remote_socket *s);
/* Until something wakes, *timeout_ms at most, which becomes what is left of it. 0; -EAGAIN: it has
 * passed; -EINTR; -ECONNRESET: the holder is gone. */
int remote_sleep(struct tunny_remote_socket *s, int *timeout_ms);

#endif
