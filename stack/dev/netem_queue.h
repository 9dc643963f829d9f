/* The packets that one direction of an impaired link holds, with their bytes: a line in order of
 * time (almost every packet only joins its end), a heap for those that overtake, and a front for
 * those that leave before all others. All memory is taken when it is made; its untouched parts cost
 * nothing. Used by netem.c and the bottleneck queue; decides nothing. */
#ifndef TUNNY_DEV_NETEM_QUEUE_H
#define TUNNY_DEV_NETEM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/time.h"

enum { NETEM_QUEUE_NONE = UINT32_MAX };

struct netem_entry {
    struct instant due;
    uint64_t arrival; /* ties of `due` leave in this order */
    uint64_t number;  /* the packet's number on this link, from 1 */
    uint32_t length;  /* bytes */
    uint32_t next;    /* in the front or among the free */
    bool verified;    /* its checksum has been checked and is still right */
};

struct netem_queue {
    uint8_t *bytes; /* capacity times slot_size */
    struct netem_entry *entries;
    uint32_t *line; /* a ring of `capacity` */
    uint32_t *heap;
    size_t slot_size;
    uint32_t capacity;
    uint32_t line_head, line_count, heap_count, front, front_count;
    uint32_t free, used; /* used: entries that were ever taken */
    uint64_t arrivals;
    uint64_t bytes_held;
};

/* Room for `capacity` packets of at most `slot_size` bytes; fewer where they would take more than
 * 256 MiB. 0 or -ENOMEM. */
int netem_queue_open(struct netem_queue *queue, uint32_t capacity, size_t slot_size);
void netem_queue_close(struct netem_queue *queue);

/* An entry with a copy of the packet, not yet in any order; NETEM_QUEUE_NONE when all are taken.
 * Packets longer than slot_size are our mistake. */
uint32_t netem_queue_take(struct netem_queue *queue, struct bytes packet);
void netem_queue_give(struct netem_queue *queue, uint32_t entry);
uint8_t *netem_queue_bytes(const struct netem_queue *queue, uint32_t entry);

void netem_queue_insert(struct netem_queue *queue, uint32_t entry, struct instant due);
/* Before all others, also before those that came to the front earlier. */
void netem_queue_insert_front(struct netem_queue *queue, uint32_t entry, struct instant due);
/* The packet that leaves next, or NETEM_QUEUE_NONE. */
uint32_t netem_queue_first(const struct netem_queue *queue);
/* Takes it out of the order; its bytes stay until netem_queue_give(). */
uint32_t netem_queue_remove_first(struct netem_queue *queue);
/* Packets in order, not counting those only taken. */
uint32_t netem_queue_count(const struct netem_queue *queue);
/* The largest `due` in the queue; false when it is empty. */
bool netem_queue_latest(const struct netem_queue *queue, struct instant *latest);

#endif
