/* Which Ethernet address an IP packet goes to: a bounded table of neighbours, resolved by ARP (RFC
 * 826) and Neighbor Discovery (RFC 4861, 7.2, 7.3), a few packets kept for each while it is asked
 * for, and the answers for our own addresses. Called by packet_socket.c; pulls, never sends: all
 * time is the caller's. Router discovery and redirects are not done here: gateways are configured.
 */
#ifndef TUNNY_DEV_NEIGHBOUR_H
#define TUNNY_DEV_NEIGHBOUR_H

#include "base/time.h"
#include "dev/neighbour_message.h"
#include "wire/packet.h"

enum {
    NEIGHBOUR_ENTRIES = 64,
    NEIGHBOUR_ADDRESSES = 16, /* of ours */
    NEIGHBOUR_HELD = 56,      /* packets kept, all neighbours together */
    NEIGHBOUR_HELD_EACH = 48, /* a datagram of 64 KB in fragments of 1500 bytes is 45 */
    NEIGHBOUR_ANSWERS = 8,    /* owed at one time; further questions are not answered */
};

struct neighbour_config {
    struct ethernet_address ethernet; /* ours */
    const struct prefix *addresses;   /* ours; copied; at most NEIGHBOUR_ADDRESSES */
    unsigned address_count;
    struct address gateway4, gateway6; /* unspecified: none */
};

struct neighbours;

/* NULL: no memory. About 1 MiB for kept packets, most of it untouched. */
struct neighbours *neighbours_new(const struct neighbour_config *config);
void neighbours_free(struct neighbours *n);

/* Where the packet goes. 0 and *to; -EINPROGRESS: it is being asked for, and a copy of the packet
 * will come out of neighbour_next() unless nobody answers; -ENETUNREACH: neither on the link nor is
 * there a gateway, or we have no address of its family; -EINVAL: no IP packet. */
int neighbour_resolve(struct neighbours *n, const struct packet *packet, struct instant now,
                      struct ethernet_address *to);

/* A frame arrived. True when it was a message between neighbours (perhaps an invalid one): then it
 * is none of IP's business. */
bool neighbour_frame_arrived(struct neighbours *n, struct bytes frame, struct instant now);

/* The next frame to send: Ethernet header and packet, borrowed until the next call; false: none
 * now. */
bool neighbour_next(struct neighbours *n, struct instant now, uint8_t header[ETHERNET_HEADER],
                    struct packet *packet);

/* When neighbour_next() should be asked again. */
struct instant neighbour_deadline(const struct neighbours *n);

struct neighbour_counts {
    uint64_t invalid;    /* messages that broke a rule of RFC 826 or RFC 4861 */
    uint64_t unanswered; /* neighbours that were asked for in vain */
    uint64_t discarded;  /* kept packets that were given up or had to make room */
};
struct neighbour_counts neighbour_counts(const struct neighbours *n);

#endif
