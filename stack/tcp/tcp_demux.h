/* One host's TCP, private to tcp/: its connections by flow, its listeners and claims by port,
 * replies that belong to no connection. */
#ifndef TUNNY_TCP_TCP_DEMUX_H
#define TUNNY_TCP_TCP_DEMUX_H

#include "base/timer_heap.h"
#include "tcp/tcb.h"

enum { PORT_BUCKETS = 64, TCP_REPLIES = 64, TCP_BURST = 8 };

/* Pictures of sleeping control blocks come in sizes of so many steps. */
enum { PICTURE_STEP = 16, PICTURE_POOLS = 64, PICTURE_MOST = PICTURE_STEP * PICTURE_POOLS };

/* A connection's place in the table: what there is of it whether its control block is awake or
 * asleep. */
struct tcp_connection {
    struct tcp_connection *next; /* in its bucket */
    uint64_t hash;
    union {
        struct tcb *tcb;
        uint8_t *picture; /* `picture_size` bytes; see tcp_sleep.c */
    };
    struct timer_entry timer;
    struct list in_changed; /* in tcp.changed_asleep */
    bool asleep;
    uint8_t readiness; /* enum tcp_readiness, while it sleeps */
    uint16_t picture_size;
};

struct tcp_listener {
    struct list in_bucket, in_changed;
    struct list accept_queue; /* of struct tcb, through in_accept */
    struct tcp *tcp;
    struct tcp_claim claim;
    struct tcp_settings settings;
    void *user;
    uint32_t backlog, waiting, half_open;
    uint32_t fast_open_pending; /* opened by a SYN, handshake not complete; and resets */
    struct list fast_open_resets;
    struct fast_open_keys fast_open_keys; /* the user's; .count 0: the stack's own */
};

/* A pending Fast Open that was reset, and counts for a while nevertheless (RFC 7413, 5.1). */
struct tcp_fast_open_reset {
    struct list in_resets;
    struct instant until;
};

/* A port that a socket holds. */
struct tcp_port_claim {
    struct list in_bucket;
    struct tcp_claim claim;
};

/* A segment without a connection: a reset, or a SYN-ACK with a cookie. */
struct tcp_reply {
    struct flow flow;
    struct tcp_header header;
    uint8_t tos;
};

struct tcp {
    struct tcp_host host;
    struct siphash_key secret;
    uint32_t mtu, largest4, largest6;
    uint8_t ttl;
    struct pool tcb_pool, connection_pool, listener_pool, claim_pool, reset_pool;
    struct tcp_connection **buckets;
    struct tcb *latest; /* found last: the next segment is mostly for it again; or NULL */
    size_t bucket_count, connections;
    struct list listeners[PORT_BUCKETS], claims[PORT_BUCKETS];
    struct list changed_listeners;
    struct timer_heap timers;
    struct tcp_reply replies[TCP_REPLIES];
    unsigned reply_first, reply_count;
    uint16_t *port_counters; /* RFC 6056, algorithm 4's table */
    uint64_t port_salt;
    uint64_t last_number;
    seqno used_before; /* SND.NXT of the connection that the next one follows; 0: it follows none */
    unsigned burst;    /* segments in a row from the connection at the head of `ready` */

    /* Sleep (tcp_sleep.c). */
    struct pool picture_pools[PICTURE_POOLS];
    size_t asleep;
    struct tcb model; /* what pictures are the difference from */
    struct tcb view;  /* one who sleeps, as it was looked at last */
    struct list due;  /* were drowsy when this round of looks began */
    struct instant next_look;
    struct list changed_asleep; /* their readiness changed before they fell asleep */
};

/* --- tcp_table.c -------------------------------------------------------------- */

/* The connection with this flow; one that is over, and only waits for its user to go, is the last
 * choice. */
struct tcb *tcp_find(struct tcp *tcp, const struct flow *flow);
/* The same to look at: one that sleeps is not woken. */
const struct tcb *tcp_find_view(struct tcp *tcp, const struct flow *flow);
/* A new control block in the table, CLOSED, with its ISN; NULL: the budget is used up. */
struct tcb *tcp_new_connection(struct tcp *tcp, const struct flow *flow,
                               const struct tcp_settings *settings, uint32_t path_mtu,
                               struct instant now);
/* The connection with this flow in *tcb, awake; NULL: there is none. false: it sleeps, and there is
 * no memory to wake it. */
bool tcp_find_awake(struct tcp *tcp, const struct flow *flow, struct tcb **tcb);
/* Every connection: start with NULL. */
struct tcp_connection *tcp_each_connection(const struct tcp *tcp,
                                           const struct tcp_connection *after);
/* Out of the table and gone. */
void tcp_free_connection(struct tcp *tcp, struct tcb *tcb);
/* The same for what is left of it beside the control block. */
void tcp_free_place(struct tcp *tcp, struct tcp_connection *connection);
/* Whose events the trace tells of next. */
void tcp_set_subject(struct tcp *tcp, const struct tcb *tcb);
/* A header becomes a segment: sequence numbers are unwrapped, the window is scaled. */
void tcp_unwrap(const struct tcb *tcb, const struct tcp_header *header, struct bytes text,
                uint16_t gso_size, uint8_t tos, struct segment *seg);
/* Makes room for what the segment may need, and has it judged. */
void tcp_deliver(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, struct instant now);
/* Room for a reply, or NULL when too many wait. */
struct tcp_reply *tcp_new_reply(struct tcp *tcp, const struct flow *flow);

/* --- tcp_sleep.c ------------------------------------------------------------------------- */

void tcp_sleep_init(struct tcp *tcp);
void tcp_sleep_destroy(struct tcp *tcp);
/* One that sleeps, as it would be awake: a copy, until the next call. */
struct tcb *tcp_picture_of(struct tcp *tcp, struct tcp_connection *connection);
/* Forgets one that sleeps. */
void tcp_forget_asleep(struct tcp *tcp, struct tcp_connection *connection);

/* --- tcp_listen.c: 3.10.7.1 and 3.10.7.2 ------------------------------------------------- */

struct tcp_listener *tcp_find_listener(struct tcp *tcp, const struct flow *flow);
/* A segment for no connection and no listener. */
void tcp_closed_arrives(struct tcp *tcp, const struct flow *flow, const struct tcp_header *header,
                        uint32_t len, const char *because);
void tcp_listen_arrives(struct tcp_listener *listener, const struct flow *flow,
                        const struct tcp_header *header, const struct tcp_arrival *arrival,
                        struct instant now);
/* A child's handshake is complete: into the accept queue. */
void tcp_report_child(struct tcb *tcb);
bool tcp_accept_queue_is_full(const struct tcp_listener *listener);

/* --- tcp_fast_open.c --------------------------------------------------------------------- */

/* The SYN that made `tcb`, in SYN-RECEIVED: with a good cookie its text is taken and the connection
 * reported. */
void tcp_fast_open_syn_arrives(struct tcp_listener *listener, struct tcb *tcb,
                               const struct tcp_options *o, struct bytes text, struct instant now);
void tcp_fast_open_forget_resets(struct tcp_listener *listener);

/* --- tcp_ports.c: who may use which port; ISNs ------------------------------------------- */

seqno tcp_new_iss(const struct tcp *tcp, const struct flow *flow, struct instant now);
uint32_t tcp_timestamp_offset(const struct tcp *tcp, const struct flow *flow);
/* RFC 6437: the IPv6 flow label, 20 bits. */
uint32_t tcp_flow_label(const struct tcp *tcp, const struct flow *flow);
static inline unsigned tcp_port_bucket(uint16_t port)
{
    return port % PORT_BUCKETS;
}
/* `address` is one that a socket bound to `claim` would get segments for. */
bool tcp_claim_covers(const struct tcp_claim *claim, const struct address *address);

#endif
