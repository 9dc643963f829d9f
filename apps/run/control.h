/* The serving side of remote/control_socket.h. Called by run.c and up.c. */
#ifndef TUNNY_RUN_CONTROL_H
#define TUNNY_RUN_CONTROL_H

#include "remote/control_socket.h"
#include "run/bridge.h"

enum { CONTROL_PEERS = 256 };

struct control {
    struct bridge *bridge;
    char name[CONTROL_NAME + 1];
    char path[108];
    char addresses[256];
    char resolver[64];
    int listener;
    int peers[CONTROL_PEERS]; /* -1: free */
    int namespaces[2];        /* network, user; -1: none */
    bool is_asked_to_end;
};

/* Listens under the name; its bridge's loop then says EVENT_CONTROL. 0 and *control (on the heap);
 * -EADDRINUSE: another supervisor has the name; -EINVAL; other negative errnos. */
int control_open(struct control **control, struct bridge *bridge, const char *name);
/* NULL is ignored. */
void control_close(struct control *control);
/* Answers those who have asked. */
void control_serve(struct control *control);

/* The texts of control_list.c: a descriptor of a file in memory, or a negative errno. */
int control_list_programs(const struct control *control);
int control_list_connections(const struct control *control);

#endif
