/* Two devices back to back in memory: what one transmits the other receives, at once and in order.
 * Super-segments stay whole unless `largest` says otherwise. For tests, simulation and benchmarks.
 */
#ifndef TUNNY_DEV_PAIR_H
#define TUNNY_DEV_PAIR_H

#include "dev/dev.h"

struct pair_config {
    uint32_t mtu;
    uint32_t largest; /* super-segment, bytes; 0: none, and checksums are asked for in full */
    uint32_t queue;   /* packets each way before transmit() says -EAGAIN */
};

/* 0 and both ends, or -ENOMEM. Each end is closed on its own; the other then transmits to -ENODEV,
 * and receives it after what was under way. A closed end must not be used by anybody. */
int pair_open(const struct pair_config *config, struct device *ends[2]);

#endif
