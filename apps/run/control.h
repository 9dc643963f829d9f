/* The socket by which other processes of the same user find a supervisor: to run programs on its
 * stack, to see its connections, to end it. It lies in the user's run-time folder under the stack's
 * name. Called by run.c and up.c (the serving side) and by the commands that ask. */
#ifndef TUNNY_RUN_CONTROL_H
#define TUNNY_RUN_CONTROL_H

#include "run/bridge.h"

enum { CONTROL_NAME = 32, CONTROL_PEERS = 32 };

enum control_verb {
    CONTROL_JOIN = 1, /* answered with the namespaces' descriptors: network, then perhaps user */
    CONTROL_BEGIN,    /* with a notification descriptor: the program may begin */
    CONTROL_PROGRAMS, /* answered with a file of text, as the next */
    CONTROL_CONNECTIONS,
    CONTROL_DOWN,
};

struct control_request {
    enum control_verb verb;
    int program;   /* BEGIN: its process */
    char name[64]; /* and its name */
};

struct control_answer {
    int result;        /* 0 or a negative errno */
    char resolver[64]; /* JOIN: the name server inside; "": the system's */
};

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

/* A name that may stand in a path. */
bool control_name_is_good(const char *name);

/* Listens under the name; its bridge's loop then says EVENT_CONTROL. 0 and *control (on the heap);
 * -EADDRINUSE: another supervisor has the name; -EINVAL; other negative errnos. */
int control_open(struct control **control, struct bridge *bridge, const char *name);
/* NULL is ignored. */
void control_close(struct control *control);
/* Answers those who have asked. */
void control_serve(struct control *control);

/* --- the asking side ----------------------------------------------------------------------------
 */

/* Connects to the supervisor of that name. The socket; -ENOENT: there is none. */
int control_connect(const char *name);
/* Asks and waits for the answer. The number of descriptors that came with it, or a negative errno.
 */
int control_ask(int socket, const struct control_request *request, const int *descriptor,
                struct control_answer *answer, int *descriptors, unsigned most);
/* Calls `each` for each supervisor that is there. */
void control_each(void (*each)(void *context, const char *name), void *context);

/* The texts of control_list.c: a descriptor of a file in memory, or a negative errno. */
int control_list_programs(const struct control *control);
int control_list_connections(const struct control *control);

#endif
