/* The queue of packets to ourselves, see loopback.h. */
#include "loopback.h"

#include <errno.h>

void loopback_init(struct loopback *loopback, struct memory *memory)
{
    *loopback = (struct loopback){.memory = memory};
    list_init(&loopback->queue);
}

void loopback_destroy(struct loopback *loopback)
{
    struct looped_packet *looped;
    while ((looped = loopback_take(loopback)))
        loopback_free(loopback, looped);
}

int loopback_add(struct loopback *loopback, const struct packet *packet)
{
    size_t length = packet_length(packet);
    size_t block = sizeof(struct looped_packet) + length;
    struct looped_packet *looped = memory_take(loopback->memory, block);
    if (!looped)
        return -ENOBUFS;
    looped->link = (struct list){NULL, NULL};
    looped->block = block;
    looped->packet = *packet;
    packet_flatten(packet, looped->bytes, length);
    looped->packet.parts[0] = (struct bytes){looped->bytes, length};
    looped->packet.count = 1;
    list_append(&loopback->queue, &looped->link);
    loopback->count++;
    return 0;
}

struct looped_packet *loopback_take(struct loopback *loopback)
{
    struct list *first = list_first(&loopback->queue);
    if (!first)
        return NULL;
    list_remove(first);
    loopback->count--;
    return LIST_ENTRY(first, struct looped_packet, link);
}

void loopback_free(struct loopback *loopback, struct looped_packet *looped)
{
    memory_give(loopback->memory, looped, looped->block);
}
