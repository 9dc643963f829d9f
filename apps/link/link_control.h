/* The control socket of a running link, both ends of it: a request is one line, the answer is text
 * until the connection ends, beginning with "error: " when the request was wrong. */
#ifndef TUNNY_LINK_LINK_CONTROL_H
#define TUNNY_LINK_LINK_CONTROL_H

#include "tunny.h"

enum { CONTROL_CLIENTS = 8, CONTROL_REQUEST = 16384 };

struct link_control {
    int listener; /* -1: there is none */
    char path[108];
    struct control_client {
        int descriptor; /* -1: a free place */
        size_t length;
        char request[CONTROL_REQUEST];
    } clients[CONTROL_CLIENTS];
    int stop; /* somebody said so */
};

/* `path` NULL: no socket. A socket that nobody serves any more is replaced. 0, or a negative errno
 * (-EADDRINUSE: it is served). */
int link_control_open(struct link_control *control, const char *path);
void link_control_close(struct link_control *control);

/* Writes the descriptors to wait for, at most 1 + CONTROL_CLIENTS; returns how many. */
unsigned link_control_descriptors(const struct link_control *control, int *descriptors);
/* Takes connections and answers requests that are there. Does not block. */
void link_control_serve(struct link_control *control, struct tunny_link *link);
/* One request's answer. Sets *stop when the link is to end. */
void link_control_answer(const char *request, struct tunny_link *link, FILE *answer, int *stop);

/* A path, or "@NAME" for a name without a file. 0, or -ENAMETOOLONG. */
struct sockaddr_un;
int link_control_address(const char *path, struct sockaddr_un *address, unsigned *length);

/* tunny link ctl SOCKET WORD...: sends the words, prints the answer. An exit code. Blocks. */
int link_control_ask(int argc, char **argv);

#endif
