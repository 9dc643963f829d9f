/* Where the next packet is read to: so that the text of the segment that is expected lies at once
 * where reassembly keeps it, and is not copied. Its headers then lie on the end of text that the
 * user has not read yet, which is put aside meanwhile. Called by stack.c, around each packet of a
 * device that can do it. */
#ifndef TUNNY_LANDING_H
#define TUNNY_LANDING_H

#include "dev/dev.h"
#include "tcp/tcp.h"

struct landing {
    uint8_t covered[TCP_LANDING_MARGIN]; /* what lay under the headers */
    uint8_t *ground;                     /* where it belongs; NULL: nothing is covered */
    uint8_t *elsewhere; /* PACKET_LARGEST bytes, for packets that must not lie where text belongs */
};

/* device_receive(), of a device that lands. Between it and landing_leave() the text of no
 * connection may be looked at. */
int landing_receive(struct landing *landing, struct device *device, const struct tcp *tcp,
                    struct packet *packet, struct instant now);
void landing_uncover(struct landing *landing);

/* The packet is not needed any more. */
static inline void landing_leave(struct landing *landing)
{
    if (landing->ground)
        landing_uncover(landing);
}

#endif
