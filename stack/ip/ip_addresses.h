/* What ip/ itself asks about addresses beyond ip.h. */
#ifndef TUNNY_IP_IP_ADDRESSES_H
#define TUNNY_IP_IP_ADDRESSES_H

#include "ip/ip_state.h"

/* A multicast group that every host is in: all hosts, all nodes, our solicited-node addresses (RFC
 * 1122, 3.2.3; RFC 4291, 2.8). No other group can be joined. */
bool ip_is_our_group(const struct ip *ip, const struct address *a);

#endif
