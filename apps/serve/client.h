/* One connection of the server: reads a request, sends the answer, and so on while it is kept
 * alive. It never blocks; it works until it would have to wait or had its share. Called by the
 * server's loop. */
#ifndef TUNNY_SERVE_CLIENT_H
#define TUNNY_SERVE_CLIENT_H

#include "serve/access_log.h"
#include "serve/reply.h"
#include "socket.h"

enum client_state {
    CLIENT_READING,   /* a head, or waiting for one */
    CLIENT_SENDING,   /* an answer */
    CLIENT_LINGERING, /* has sent its last; reads until the other side closes, so that no reset eats
                         the answer */
};

enum client_outcome {
    CLIENT_WAITS,   /* until its socket changes */
    CLIENT_GOES_ON, /* had its share; call again */
    CLIENT_ENDS,
};

struct client_settings {
    struct site site;
    struct access_log log;
    int64_t idle_ns;  /* for a head to be whole, counted from the last answer */
    int64_t stall_ns; /* without a byte taken by the other side */
};

struct client {
    int socket;
    enum client_state state;
    int64_t deadline_ns; /* of the stack's clock: the connection is ended then */
    int is_queued;       /* the server's: it stands in the queue of those that can work */
    struct client *next; /* the server's */
    struct sockaddr_storage peer;
    struct http_request request;
    struct reply reply;
    int64_t started_ns;
    size_t head_sent;
    uint64_t body_sent;
    size_t filled, searched; /* bytes in `input`; those known to hold no head's end */
    char input[REQUEST_HEAD_MOST];
};

void client_start(struct client *client, int socket, const struct client_settings *settings,
                  int64_t now_ns);
enum client_outcome client_work(struct client *client, struct tunny *stack,
                                const struct client_settings *settings);
/* Its time is over: logs what was under way. The caller ends it. */
void client_time_out(struct client *client, const struct client_settings *settings, int64_t now_ns);
/* Closes the socket and gives back the answer's resources. */
void client_end(struct client *client, struct tunny *stack);

#endif
