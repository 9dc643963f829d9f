/* One host's TCP, the kernel's of this namespace or a stack of ours, behind the same few calls, so
 * that both ends of every measurement are the same program. Called by flow.c; it must not know what
 * is measured. One socket at a time has the attention of its process. */
#ifndef TUNNY_LAB_NET_H
#define TUNNY_LAB_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/dimension.h"

struct tunny;

struct net {
    struct tunny *stack; /* NULL: the kernel's */
    const char *congestion;
    uint64_t timeouts_before; /* ours: the stack's count when its last connection began */
};

/* Our stack over the TUN `interface` with this address ("198.18.16.2/24"), or the kernel's TCP as
 * it is. 0; a negative errno with a sentence in `error`. */
struct net_setup {
    enum stack_kind kind;
    const char *interface, *address, *congestion;
    const char *kernel_address; /* our stack's: of the kernel at the other side of its TUN */
    const char *capture;        /* our stack's packets, a pcapng file; NULL: none */
};
int net_open(struct net *net, const struct net_setup *setup, char *error, size_t error_size);
/* Lets what was closed end in order, at most a second. Blocks. */
void net_close(struct net *net);

/* Nanoseconds of CLOCK_MONOTONIC, the same on both stacks and in all processes. */
int64_t net_now_ns(void);

/* Sockets do not block; a negative errno says no. */
int net_listen(struct net *net, uint32_t address, uint16_t port);
int net_accept(struct net *net, int listener);
int net_connect(struct net *net, uint32_t address, uint16_t port);
ssize_t net_send(struct net *net, int socket, const void *data, size_t length);
ssize_t net_receive(struct net *net, int socket, void *data, size_t length);
void net_end_sending(struct net *net, int socket);
void net_close_socket(struct net *net, int socket);

/* Waits for `events` (poll's bits), at most until `until_ns`. The bits, 0 at the time, or a
 * negative errno. */
int net_wait(struct net *net, int socket, short events, int64_t until_ns);

/* TCP_INFO, as far as both stacks have it. */
struct net_figures {
    uint32_t srtt_us, min_rtt_us, cwnd, ssthresh, data_segments, retransmitted, spurious;
    int64_t timeouts; /* -1: this kernel does not tell */
};
int net_figures(struct net *net, int socket, struct net_figures *figures);

#endif
