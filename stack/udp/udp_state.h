/* What a UDP socket and `struct udp` are inside this folder. Others see udp.h only. */
#ifndef TUNNY_UDP_UDP_STATE_H
#define TUNNY_UDP_UDP_STATE_H

#include "udp/udp.h"
#include "udp/udp_ports.h"

struct udp_socket {
    struct udp_binding binding; /* local and remote end */
    struct endpoint bound;      /* the local end before udp_connect() made it precise */
    struct udp *udp;
    struct list changed; /* in udp->changed while its readiness may have changed */
    int pending_error;   /* errno, 0: none */
    void *user;
    struct ring ring;    /* of records: struct udp_record and the text */
    uint64_t head, tail; /* positions in the ring */
    size_t limit;        /* bytes that records may take */
};

struct udp {
    struct memory *memory;
    struct trace *trace;
    struct pool sockets;
    struct udp_ports ports;
    struct list changed; /* of struct udp_socket */
};

#endif
