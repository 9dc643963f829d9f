/* TCP's own figures of a connection; see tcp_figures.h. */
#include "common/tcp_figures.h"

#include <netinet/tcp.h>

struct tcp_figures tcp_figures_of(struct tunny *stack, int socket)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (socket < 0 || tunny_getsockopt(stack, socket, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        return (struct tcp_figures){0};
    return (struct tcp_figures){
        .known = 1,
        .rtt_us = info.tcpi_rtt,
        .rttvar_us = info.tcpi_rttvar,
        .cwnd_segments = info.tcpi_snd_cwnd,
        .retransmitted_segments = info.tcpi_total_retrans,
    };
}
