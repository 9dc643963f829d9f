/* What ip/ itself asks about outgoing fragments beyond ip.h. */
#ifndef TUNNY_IP_FRAGMENT_OUT_H
#define TUNNY_IP_FRAGMENT_OUT_H

#include "ip/ip.h"

/* The longest datagram (transport header and text) that one IP packet can stand for, bytes. */
size_t fragment_largest_datagram(const struct ip_send *send);

/* How many packets ip_build_fragment() makes of a datagram of `length` bytes: 1 when it fits the
 * path. */
unsigned fragment_count(const struct ip *ip, const struct ip_send *send, size_t length);

#endif
