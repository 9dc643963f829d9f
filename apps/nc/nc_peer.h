/* Whom nc talks to: connecting, listening, scanning ports. Called by nc.c; it must not know what is
 * said over the sockets that it makes. */
#ifndef TUNNY_NC_NC_PEER_H
#define TUNNY_NC_NC_PEER_H

#include "socket.h"

struct nc_settings {
    int is_udp;
    int broadcasts;
    int family;           /* AF_UNSPEC: both */
    int says;             /* sentences about what happens */
    unsigned source_port; /* 0: any */
    int64_t wait_ns;      /* 0: no limit */
};

/* Connects to the host's addresses one after the other. EXIT_OK and *socket, non-blocking; else a
 * sentence is printed and the exit code returned. Blocks. */
int nc_connect(struct tunny *stack, const struct nc_settings *settings, const char *host,
               unsigned port, int *socket);

/* The sockets of both families on one port; -1: none. */
struct nc_listener {
    int sockets[2];
};

/* EXIT_OK, or a sentence and the exit code. */
int nc_listen(struct tunny *stack, const struct nc_settings *settings, unsigned port,
              struct nc_listener *listener);
/* TCP: the next connection. UDP: the socket on which a datagram waits, with its sender as the fixed
 * peer. A socket (of UDP: no longer the listener's); -EINTR or another negative errno. Blocks. */
int nc_next_peer(struct tunny *stack, const struct nc_settings *settings,
                 struct nc_listener *listener);
void nc_listener_close(struct tunny *stack, struct nc_listener *listener);

/* Tries each port and prints those that are open. EXIT_OK when there was one. Blocks. */
int nc_scan(struct tunny *stack, const struct nc_settings *settings, const char *host,
            unsigned first, unsigned last);

/* Says what went wrong, unless it was a signal. The exit code. */
int nc_failed(const char *doing, int error);

#endif
