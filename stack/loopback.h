/* Packets from this host to itself: they never touch the device. A short queue of copies inside the
 * memory budget, oldest first. Called by stack.c (to take) and stack_send.c (to add). */
#ifndef TUNNY_LOOPBACK_H
#define TUNNY_LOOPBACK_H

#include "base/list.h"
#include "base/memory.h"
#include "wire/packet.h"

enum { LOOPBACK_PACKETS = 64 };

struct looped_packet {
    struct list link;
    size_t block; /* as asked for from the budget */
    struct packet packet;
    uint8_t bytes[];
};

struct loopback {
    struct memory *memory;
    struct list queue;
    unsigned count;
};

void loopback_init(struct loopback *loopback, struct memory *memory);
void loopback_destroy(struct loopback *loopback);

/* As many as it takes: empty it first. */
static inline bool loopback_is_full(const struct loopback *loopback)
{
    return loopback->count >= LOOPBACK_PACKETS;
}

/* Queues a copy. 0 or -ENOBUFS. */
int loopback_add(struct loopback *loopback, const struct packet *packet);
/* The oldest, taken out: loopback_free() it. NULL: none. */
struct looped_packet *loopback_take(struct loopback *loopback);
void loopback_free(struct loopback *loopback, struct looped_packet *looped);

#endif
