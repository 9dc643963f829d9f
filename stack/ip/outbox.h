/* The packets that ip itself owes (echo replies, ICMP errors, echo requests), oldest first, ready
 * for the wire, in one buffer of fixed size. It is refilled from the start whenever it has run
 * empty, which it does every turn of the loop. Called by ip_departs and ip; knows nothing about
 * what the packets say. */
#ifndef TUNNY_IP_OUTBOX_H
#define TUNNY_IP_OUTBOX_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { OUTBOX_SIZE = 256 * 1024 };

struct outbox {
    struct memory *memory;
    uint8_t *buffer; /* OUTBOX_SIZE bytes: records of a 4-byte length and a packet */
    size_t head;     /* the oldest record */
    size_t tail;     /* behind the newest */
    size_t
        limit; /* how far records may reach now: less than OUTBOX_SIZE while a scratch is in use */
};

/* 0 or -ENOMEM. */
int outbox_init(struct outbox *outbox, struct memory *memory);
void outbox_destroy(struct outbox *outbox);

/* `length` bytes at the far end to compose in, until outbox_end_scratch(); NULL: no room. */
uint8_t *outbox_scratch(struct outbox *outbox, size_t length);
void outbox_end_scratch(struct outbox *outbox);

/* Room to write one packet into; empty when there is none. outbox_commit() makes the first `length`
 * bytes of it the newest packet. */
struct room outbox_room(struct outbox *outbox);
void outbox_commit(struct outbox *outbox, size_t length);
/* Takes back what was committed since the tail stood here. */
void outbox_rewind(struct outbox *outbox, size_t tail);

/* Takes the oldest packet out; it stays readable until the next call. False: none. */
bool outbox_next(struct outbox *outbox, struct bytes *packet);

#endif
