/* tunny nc --join: the same over a stack that another process holds. Called by nc.c. */
#ifndef TUNNY_NC_NC_JOIN_H
#define TUNNY_NC_NC_JOIN_H

#include "nc/nc_peer.h"

struct nc_joining {
    const struct nc_settings *settings;
    const char *stack; /* its name */
    const char *host;  /* an address; NULL: listen */
    unsigned port;
    int half_closes;    /* the end of standard input closes our side */
    int ends_with_peer; /* the peer's end ends it, though standard input may go on */
    int keeps;          /* listening: then the next connection */
};

/* Connects or listens, and copies. The exit code, with a sentence when it is not 0. Blocks. */
int nc_join(const struct nc_joining *joining);

#endif
