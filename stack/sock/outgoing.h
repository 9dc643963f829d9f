/* Datagrams that sockets have sent and the loop has not yet pulled: each lies in one block of the
 * budget, its UDP header in front, oldest first. What a socket may have waiting is bounded by its
 * SO_SNDBUF. Called by sock_udp.c (to add) and, through sock.h, by the loop (to take). */
#ifndef TUNNY_SOCK_OUTGOING_H
#define TUNNY_SOCK_OUTGOING_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/memory.h"
#include "wire/address.h"

struct socket;

struct outgoing_datagram {
    struct list link;
    struct socket *owner; /* NULL: closed since */
    struct flow flow;
    uint8_t tos, ttl;
    size_t block;  /* bytes of the budget that it holds */
    size_t length; /* of `bytes`: UDP header and text */
    uint8_t bytes[];
};

struct outgoing {
    struct memory *memory;
    struct list queue;
};

void outgoing_init(struct outgoing *outgoing, struct memory *memory);
/* Drops what is left. */
void outgoing_destroy(struct outgoing *outgoing);

/* A copy of `text` behind its UDP header becomes the newest datagram. NULL: the budget is used up.
 */
struct outgoing_datagram *outgoing_add(struct outgoing *outgoing, struct socket *owner,
                                       const struct flow *flow, struct bytes text);
/* Bytes of the budget that a datagram with this much text holds. */
size_t outgoing_block(size_t text);

/* The oldest, or NULL; it stays until outgoing_drop(). */
struct outgoing_datagram *outgoing_first(const struct outgoing *outgoing);
void outgoing_drop(struct outgoing *outgoing, struct outgoing_datagram *datagram);

/* The owner goes away; what it has sent is sent nevertheless. */
void outgoing_disown(struct outgoing *outgoing, const struct socket *owner);

#endif
