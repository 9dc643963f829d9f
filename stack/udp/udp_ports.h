/* Which UDP socket is bound to what, and which one a datagram is for (RFC 1122, 4.1.3). A leaf: it
 * knows bindings, neither queues nor packets. Called by udp only. */
#ifndef TUNNY_UDP_UDP_PORTS_H
#define TUNNY_UDP_UDP_PORTS_H

#include "base/list.h"
#include "base/siphash.h"
#include "wire/address.h"

enum {
    UDP_PORTS_BUCKETS = 1024,
    UDP_PORT_FIRST = 32768, /* of those that are given to sockets without a port of their own */
    UDP_PORT_LAST = 60999,
};

struct udp_binding {
    struct list node;       /* in the bucket of local.port; in none: not bound */
    struct endpoint local;  /* port 0: not bound; unspecified address: any of the family */
    struct endpoint remote; /* port 0: not connected */
    bool any_family;        /* local is IPv6 unspecified and means IPv4 too */
    bool reuse;
};

struct udp_ports {
    struct siphash_key key;
    uint64_t choices; /* how many ports have been chosen: makes each choice another */
    struct list buckets[UDP_PORTS_BUCKETS];
};

void udp_ports_init(struct udp_ports *ports, const struct siphash_key *key);

/* Binds as binding->local says; port 0 chooses a free one. 0, -EADDRINUSE (with the binding
 * unbound). */
int udp_ports_bind(struct udp_ports *ports, struct udp_binding *binding);
void udp_ports_unbind(struct udp_binding *binding);

/* The binding that a datagram to `flow->local` from `flow->remote` is for: the most precise one; of
 * equals the youngest. NULL: none. */
struct udp_binding *udp_ports_find(struct udp_ports *ports, const struct flow *flow);
/* A datagram for a group goes to every binding that wants it: the next one after `after` (NULL: the
 * first). */
struct udp_binding *udp_ports_next(struct udp_ports *ports, const struct flow *flow,
                                   struct udp_binding *after);
/* The connected binding with exactly these ends, or NULL. */
struct udp_binding *udp_ports_connected(struct udp_ports *ports, const struct flow *flow);

#endif
