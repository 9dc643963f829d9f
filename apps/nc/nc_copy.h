/* Copying between standard input and output and a socket, both ways at once, without letting a slow
 * side hold up the other or the stack. Called by nc.c. */
#ifndef TUNNY_NC_NC_COPY_H
#define TUNNY_NC_NC_COPY_H

#include "socket.h"

enum { NC_BLOCK = 65536 };

/* Bytes on their way. */
struct nc_block {
    size_t filled, taken;
    char data[NC_BLOCK];
};

struct nc_copy {
    struct tunny *stack;
    int sockets[2]; /* non-blocking; the second, -1: none, is listened to only */
    int is_udp;
    int sends;          /* 0: standard input is not read */
    int half_closes;    /* the end of standard input closes our side */
    int ends_with_peer; /* the peer's end ends it, though standard input may go on */
    int64_t wait_ns;    /* of silence; 0: no limit */
    /* What lasts from one connection to the next; the caller sets it to 1 at the start. */
    int input_is_open;
    /* Its own. */
    int peer_is_open, is_shut;
    int64_t end_ns;
    struct nc_block out, in;
};

/* Until both sides are at their end and all is acknowledged. 0; -ETIMEDOUT after the silence,
 * -EINTR after a signal, -ECONNRESET ... Blocks. */
int nc_copy_run(struct nc_copy *copy);

#endif
