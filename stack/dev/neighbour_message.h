/* The messages by which hosts on an Ethernet ask for each other's addresses, bytes <-> one struct
 * for both families: ARP (RFC 826) and Neighbor Solicitation and Advertisement (RFC
 * 4861, 4.3, 4.4, 7.1). Called by neighbour.c; no state, no time. */
#ifndef TUNNY_DEV_NEIGHBOUR_MESSAGE_H
#define TUNNY_DEV_NEIGHBOUR_MESSAGE_H

#include "base/bytes.h"
#include "wire/address.h"

enum { ETHERNET_ADDRESS = 6, ETHERNET_HEADER = 14, NEIGHBOUR_MESSAGE_LONGEST = 72 };
enum { ETHERNET_IPV4 = 0x0800, ETHERNET_ARP = 0x0806, ETHERNET_IPV6 = 0x86dd };

struct ethernet_address {
    uint8_t bytes[ETHERNET_ADDRESS];
};

enum neighbour_verdict {
    NEIGHBOUR_NO_MESSAGE, /* something else: IP's business */
    NEIGHBOUR_INVALID,    /* to be ignored silently (RFC 4861, 7.1) */
    NEIGHBOUR_ASKS,       /* ARP request, Neighbor Solicitation */
    NEIGHBOUR_TELLS,      /* ARP reply, Neighbor Advertisement */
};

struct neighbour_message {
    struct address about; /* ASKS: who is looked for; TELLS: whose address is told */
    struct address asker; /* ASKS: who asks; unspecified: it tests whether an address is free */
    struct address to;    /* TELLS: who is told; the IP destination, or ARP's target */
    struct ethernet_address ethernet; /* ASKS: the asker's; TELLS: that of `about` */
    bool has_ethernet;                /* the message itself names it */
    bool solicited, override;         /* TELLS: RFC 4861, 4.4; an ARP reply is both */
};

enum neighbour_verdict neighbour_message_parse(struct bytes frame,
                                               struct neighbour_message *message);

/* One message without the Ethernet header, which is `header`. */
struct neighbour_output {
    uint8_t header[ETHERNET_HEADER];
    uint8_t body[NEIGHBOUR_MESSAGE_LONGEST];
    size_t length; /* of the body */
};

/* Asks for `about` in the name of `asker`, everybody (`to` NULL) or one neighbour. */
void neighbour_build_question(struct neighbour_output *out, const struct address *asker,
                              const struct ethernet_address *ours, const struct address *about,
                              const struct ethernet_address *to);

/* Tells `asker` (unspecified, IPv6: everybody) at `to` that `about` is at `ours`. */
void neighbour_build_answer(struct neighbour_output *out, const struct address *about,
                            const struct ethernet_address *ours, const struct address *asker,
                            const struct ethernet_address *to);

/* The Ethernet header of a frame. */
void ethernet_build_header(uint8_t header[ETHERNET_HEADER], const struct ethernet_address *to,
                           const struct ethernet_address *from, uint16_t type);

/* Where packets to a group go (RFC 1112, 6.4; RFC 2464, 7); `group` is multicast. */
struct ethernet_address ethernet_of_group(const struct address *group);

/* ff02::1:ffxx:xxxx (RFC 4291, 2.7.1); `a` is IPv6. */
struct address address_solicited_node(const struct address *a);

#endif
