/* The socket by which other processes of the same user find a stack that is up: to run programs on
 * it, to use its sockets, to see its connections, to end it. It lies in the user's run-time folder
 * under the stack's name. Here is what is said over it, and the asking side; run/control.h
 * answers. */
#ifndef TUNNY_REMOTE_CONTROL_SOCKET_H
#define TUNNY_REMOTE_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

enum { CONTROL_NAME = 32 };

enum control_verb {
    CONTROL_JOIN = 1, /* answered with the namespaces' descriptors: network, then perhaps user */
    CONTROL_BEGIN,    /* with a notification descriptor: the program may begin */
    CONTROL_PROGRAMS, /* answered with a file of text, as the next */
    CONTROL_CONNECTIONS,
    CONTROL_DOWN,
    /* Sockets of the stack for the asking process (remote.h); they end with this connection. */
    CONTROL_SOCKET, /* answered with a socket's number, its memory, and what wakes it and us */
    CONTROL_BIND,
    CONTROL_CONNECT, /* begins to */
    CONTROL_LISTEN,
    CONTROL_ACCEPT, /* answered as SOCKET, with the peer's address; -EAGAIN: none now */
    CONTROL_SHUT_RECEIVING,
    CONTROL_LOCAL_NAME,
    CONTROL_PEER_NAME,
    CONTROL_SET_OPTION,
    CONTROL_GET_OPTION,
};

/* What a socket is asked or answers. */
struct control_socket {
    uint32_t number;
    int32_t family;        /* SOCKET */
    uint32_t memory;       /* SOCKET, ACCEPT: bytes of each ring (remote/ring.h); LISTEN: backlog */
    int32_t level, option; /* SET_OPTION, GET_OPTION */
    uint32_t length;       /* of bytes */
    uint8_t bytes[512];    /* an address or an option's value */
};

struct control_request {
    enum control_verb verb;
    int program;   /* BEGIN: its process */
    char name[64]; /* and its name */
    struct control_socket socket;
};

struct control_answer {
    int result;        /* 0 or a negative errno */
    char resolver[64]; /* JOIN: the name server inside; "": the system's */
    struct control_socket socket;
};

/* A name that may stand in a path. */
bool control_name_is_good(const char *name);
/* Where the socket of that name lies: 0; -EINVAL; -EPERM: the folder is somebody else's. */
int control_address(const char *name, struct sockaddr_un *address);
/* Where this process binds before it shows itself. */
int control_hidden_address(struct sockaddr_un *address);
/* Calls `each` for each name that lies there, whether somebody listens or not. */
void control_each_name(void (*each)(void *context, const char *name), void *context);

/* Connects to the supervisor of that name. The socket; -ENOENT: there is none. */
int control_connect(const char *name);
/* Asks and waits for the answer. The number of descriptors that came with it, or a negative errno.
 */
int control_ask(int socket, const struct control_request *request, const int *descriptor,
                struct control_answer *answer, int *descriptors, unsigned most);
/* Calls `each` for each supervisor that is there. */
void control_each(void (*each)(void *context, const char *name), void *context);

#endif
