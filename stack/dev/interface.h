/* Sets an interface of the kernel up: its addresses, MTU and queue, by rtnetlink(7), in the network
 * namespace of the calling thread. Called when the ends of a cable are opened. */
#ifndef TUNNY_DEV_INTERFACE_H
#define TUNNY_DEV_INTERFACE_H

#include "wire/address.h"

enum interface_kind {
    INTERFACE_NONE,     /* there is no such interface */
    INTERFACE_ETHERNET, /* a veth, say */
    INTERFACE_OTHER,    /* a TUN, say */
};

enum interface_kind interface_kind(const char *name);

struct interface_config {
    const char *name;
    const struct prefix *addresses; /* the kernel's own, on this interface */
    unsigned address_count;
    uint32_t mtu;   /* bytes; 0: as it is */
    uint32_t queue; /* packets (txqueuelen); 0: as it is */
};

/* All that, IPv6 without duplicate address detection and without an address of its own making, and
 * up. 0, or a negative errno with one sentence in `error`. Blocks shortly. */
int interface_set_up(const struct interface_config *config, char *error, size_t error_size);

#endif
