/* TCP's own figures of a connection, from TCP_INFO. Called by the commands that show them. */
#ifndef TUNNY_COMMON_TCP_FIGURES_H
#define TUNNY_COMMON_TCP_FIGURES_H

#include "socket.h"

struct tcp_figures {
    int known; /* 0: there was no connection to ask */
    uint32_t rtt_us, rttvar_us, cwnd_segments, retransmitted_segments;
};

/* Asks the connection; what cannot be had stays unknown. Does not block. */
struct tcp_figures tcp_figures_of(struct tunny *stack, int socket);

#endif
