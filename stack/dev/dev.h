/* What the stack asks of a device that carries IP packets, super-segments included. A device never
 * interprets what it carries (the packet device resolves neighbours below IP). Devices can wrap one
 * another: capture and impair are devices around a device. Implemented in this folder; called by
 * stack.c and the simulator only. */
#ifndef TUNNY_DEV_DEV_H
#define TUNNY_DEV_DEV_H

#include <stdbool.h>

#include "base/time.h"
#include "wire/packet.h"

struct device;

struct device_ops {
    /* The next packet that is there: 0, and *packet borrows memory until the next call of any kind
     * on this device. -EAGAIN: none now. -ENODEV, -EIO ...: the device is gone. Never blocks. */
    int (*receive)(struct device *device, struct packet *packet, struct instant now);
    /* Hands one packet over; its memory is free again on return. 0; -EAGAIN: the device's queue is
     * full (nothing taken); -EMSGSIZE; -EINVAL: it makes no sense to the device; -ENODEV, -EIO.
     * Never blocks. */
    int (*transmit)(struct device *device, const struct packet *packet, struct instant now);
    /* When the device itself wants receive() called again although no packet came (a delay line),
     * or INSTANT_NEVER. */
    struct instant (*deadline)(const struct device *device);
    /* A file descriptor that is readable when receive() may succeed; -1 when there is none. */
    int (*descriptor)(const struct device *device);
    void (*close)(struct device *device);
};

enum { DEVICE_LINK_ROOM = 16 };

struct device_features {
    uint32_t mtu;                        /* largest IP packet on the wire, bytes */
    uint32_t largest_tcp4, largest_tcp6; /* largest TCP super-segment as an IP packet, or 0: none */
    uint32_t largest_udp;                /* largest UDP super-segment (USO), or 0 */
    bool checksum;                       /* transmit() completes PACKET_CHECKSUM_PARTIAL */
};

struct device {
    const struct device_ops *ops;
    struct device_features features;
    uint64_t received, transmitted, refused; /* packets; refused: transmit() said -EAGAIN */
    bool lands; /* it reads the next packet to `landing` where that is not NULL: there are
                   DEVICE_LINK_ROOM bytes in front and PACKET_LARGEST + 1 behind */
    uint8_t *landing;
    uint64_t lies; /* packets whose offload facts contradicted them: receive() skipped them, and
                      whoever drives the device counts the growth as DROP_device_offload_lies */
};

static inline int device_receive(struct device *d, struct packet *p, struct instant now)
{
    return d->ops->receive(d, p, now);
}

static inline int device_transmit(struct device *d, const struct packet *p, struct instant now)
{
    return d->ops->transmit(d, p, now);
}

static inline struct instant device_deadline(const struct device *d)
{
    return d->ops->deadline(d);
}

static inline int device_descriptor(const struct device *d)
{
    return d->ops->descriptor(d);
}

static inline void device_close(struct device *d)
{
    d->ops->close(d);
}

#endif
