/* TCP_INFO: STATUS (RFC 9293, 3.10.6) in the layout of linux/tcp.h, so that ss(8), packetdrill and
 * programs read true values. Called by sock_options. */
#ifndef TUNNY_SOCK_TCP_INFO_H
#define TUNNY_SOCK_TCP_INFO_H

#include <linux/tcp.h>
#include <stddef.h>

#include "tcp/tcp.h"

/* Older headers of the system end with tcpi_snd_wnd; what came later has its places here. */
struct tcp_info_newer {
    uint32_t rcv_wnd, rehash;
    uint16_t total_rto, total_rto_recoveries;
    uint32_t total_rto_time; /* ms */
    uint32_t received_ce;
    uint32_t delivered_bytes[3], received_bytes[3]; /* ECT(1), ECT(0), CE */
};
enum { TCP_INFO_OLDER = 232 };
_Static_assert(offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t) == TCP_INFO_OLDER,
               "the system's struct tcp_info");
struct tcp_info_whole {
    _Alignas(8) uint8_t older[TCP_INFO_OLDER];
    struct tcp_info_newer newer;
};
_Static_assert(offsetof(struct tcp_info_whole, newer.received_ce) == 248, "Linux's places");

/* Segments where Linux counts segments, microseconds where it counts time. */
void tcp_info_fill(const struct tcp_status *status, const struct tcp_settings *settings,
                   struct instant now, struct tcp_info *info);
void tcp_info_fill_whole(const struct tcp_status *status, const struct tcp_settings *settings,
                         struct instant now, struct tcp_info_whole *whole);
/* Linux's number for a state. */
uint8_t tcp_info_state(enum tcp_state state);

#endif
