/* ICMP messages that arrive (RFC 792; RFC 1122, 3.2.2; RFC 4443): echo requests are answered,
 * replies go to whoever asked, errors are handed up, everything else is ignored by name. Called by
 * ip only. */
#ifndef TUNNY_IP_ICMP_IN_H
#define TUNNY_IP_ICMP_IN_H

#include "ip/ip_state.h"

/* IP_ERROR fills *error; else IP_NOTHING. */
enum ip_verdict icmp_arrives(struct ip *ip, const struct ip_datagram *datagram,
                             struct ip_error *error);

#endif
