/* The ICMP messages that this host makes: errors, unless one of the rules forbids them (RFC
 * 1122, 3.2.2; RFC 4443, 2.4) or the limit is reached, and echoes. Called by ip_arrives, icmp_in
 * and ip. */
#ifndef TUNNY_IP_ICMP_OUT_H
#define TUNNY_IP_ICMP_OUT_H

#include "ip/ip_state.h"
#include "wire/icmp.h"

enum {
    ICMPV6_NO_PORT = 4, /* codes of Destination Unreachable */
    ICMPV6_REASSEMBLY_TIME_EXCEEDED = 1,
    ICMPV6_ERRONEOUS_FIELD = 0, /* codes of Parameter Problem */
    ICMPV6_UNKNOWN_NEXT_HEADER = 1,
    ICMPV6_UNKNOWN_OPTION = 2,
    ICMPV6_INCOMPLETE_HEADER_CHAIN = 3, /* RFC 7112, 5 */
};

struct icmp_complaint {
    uint8_t type, code;
    uint32_t rest;         /* the second word: a pointer */
    bool about_groups_too; /* RFC 4443, 2.4(e.3): even when the packet was for a group */
};

/* Owes an ICMP error about `packet`, which came from `source` to `destination`. */
void icmp_owe_error(struct ip *ip, const struct ip_datagram *about,
                    const struct icmp_complaint *complaint);

/* Owes a message: an echo request or reply. 0; -EMSGSIZE, -ENOBUFS (no room until the outbox has
 * been emptied). */
int icmp_owe_message(struct ip *ip, const struct ip_send *send, const struct icmp_message *message);

#endif
