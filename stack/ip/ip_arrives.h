/* The checks on what arrives, before anybody acts on it (RFC 1122, 3.2.1; RFC 8200, 3 and 4; RFC
 * 791, 3.1). Called by ip only. */
#ifndef TUNNY_IP_IP_ARRIVES_H
#define TUNNY_IP_IP_ARRIVES_H

#include "ip/ip_state.h"

enum ip_origin { IP_FROM_OUTSIDE, IP_FROM_OURSELVES };

/* A packet that passed. */
struct ip_arrival {
    struct ip_datagram datagram;
    bool ipv6;
    size_t
        protocol_field; /* IPv6: the octet that names datagram.protocol, from the packet's start */
    bool is_fragment;
    struct fragment fragment; /* set when is_fragment */
};

/* Reads and judges one packet. False: it was dropped by name, and an ICMP error is owed where one
 * is due. */
bool ip_arrives(struct ip *ip, struct bytes packet, enum ip_origin origin,
                struct ip_arrival *arrival);

/* Nearly every packet is a whole TCP segment without extras between the addresses of the packet
 * before it, so that its addresses need no second judgement. True: it is that and *datagram says
 * what ip_arrives() would; false: nothing was done, and ip_arrives() judges. */
bool ip_expected_arrives(struct ip *ip, struct bytes packet, struct ip_datagram *datagram);

/* The same for a packet that was put together from fragments: the addresses have been judged, and
 * it must not be a fragment again. */
bool ip_arrives_whole(struct ip *ip, struct bytes packet, struct ip_arrival *arrival);

/* Judges a fragment on its own, and keeps it out of reassembly when it is refused (false). */
bool ip_fragment_arrives(struct ip *ip, const struct ip_arrival *arrival);

#endif
