/* A Linux TUN device (IFF_TUN | IFF_NO_PI), with IFF_VNET_HDR and TSO, USO and checksum offload
 * where the kernel offers them. read() and writev(), non-blocking; one packet (or super-segment) a
 * call. */
#ifndef TUNNY_DEV_TUN_H
#define TUNNY_DEV_TUN_H

#include "dev/dev.h"

enum tun_offload { TUN_OFFLOAD_IF_POSSIBLE, TUN_OFFLOAD_NEVER };

struct tun_config {
    const char *name; /* interface name; "" lets the kernel choose; at most 15 characters */
    enum tun_offload offload;
    unsigned queues; /* > 1: IFF_MULTI_QUEUE; this call opens one of them */
};

/* Opens (and creates, given the right) the interface. 0 and *device, or a negative errno with one
 * sentence for the user in `error` (EACCES, ENOENT, EPERM, EBUSY and EINVAL each say what to do).
 * The MTU is read from the interface. */
int tun_open(const struct tun_config *config, struct device **device, char *error,
             size_t error_size);

/* The interface's name. */
const char *tun_name(const struct device *device);

#endif
