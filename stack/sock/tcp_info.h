/* TCP_INFO: STATUS (RFC 9293, 3.10.6) in the layout of linux/tcp.h, so that ss(8), packetdrill and
 * programs read true values. Called by sock_options. */
#ifndef TUNNY_SOCK_TCP_INFO_H
#define TUNNY_SOCK_TCP_INFO_H

#include <linux/tcp.h>

#include "tcp/tcp.h"

/* Segments where Linux counts segments, microseconds where it counts time. */
void tcp_info_fill(const struct tcp_status *status, const struct tcp_settings *settings,
                   struct instant now, struct tcp_info *info);
/* Linux's number for a state. */
uint8_t tcp_info_state(enum tcp_state state);

#endif
