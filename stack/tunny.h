/* Tunny: a TCP/IP stack in user space. This is one of the two public headers: make a stack over a
 * device, run it, watch it. The other is socket.h. A stack belongs to one thread at a time; several
 * stacks may live in one process. Nothing here aborts the process; every failure is a negative
 * errno and one sentence. */
#ifndef TUNNY_H
#define TUNNY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TUNNY_API __attribute__((visibility("default")))
#else
#define TUNNY_API
#endif

#define TUNNY_VERSION "0.1.0"

struct tunny;

/* What a stack is made of. Zero every field that you do not set: zero means the default. */
struct tunny_config {
    /* "tun" or "tun:NAME" (default "tun:tunny0"); "packet:INTERFACE" (AF_PACKET on an Ethernet
     * interface). */
    const char *device;
    /* The stack's own addresses, "198.18.0.2/24", "fd00:7475:6e::2/64", separated by commas.
     * Default: these two with the kernel at .1 and ::1 on the other side. */
    const char *addresses;
    /* Only for packet devices: the routers; "" none. */
    const char *gateways;
    int loopback;             /* 1: 127.0.0.0/8 and ::1 are the stack itself, too */
    uint32_t mtu;             /* bytes; 0: the device's */
    int no_offload;           /* 1: no super-segments, full checksums (as on a plain wire) */
    const char *congestion;   /* congestion control; NULL: the first of tunny_congestion() */
    const char *capture;      /* pcapng file, "-" for standard output; NULL: none */
    const char *capture_note; /* e.g. the command line; into the capture's header */
    const char *impair;       /* netem specification, see tunny(1); NULL: none */
    uint64_t seed;            /* of impairments and jitter; 0: one is made up (see tunny_seed()) */
    uint64_t memory; /* budget in bytes; 0: 512 MiB (address space; only what is used is touched) */
    const char *resolver; /* name server "ADDRESS" or "ADDRESS:PORT"; NULL: from /etc/resolv.conf */
    const char *const *settings; /* "name=value" tunables, NULL-terminated; NULL: none */
    FILE *trace;                 /* events as text lines go here; NULL: nowhere */
    int trace_level; /* 0 every segment, 1 decisions, 2 connections' lives, 3 problems */
    int trace_json;  /* 1: JSON lines instead */
};

/* Makes a stack. 0 and *stack; else a negative errno and a sentence for the user in `error`
 * (EACCES, EPERM, ENOENT, EBUSY, EINVAL, ENOMEM, ENODEV ...). Does not block. */
TUNNY_API int tunny_create(const struct tunny_config *config, struct tunny **stack, char *error,
                           size_t error_size);

/* Resets what is still open, flushes captures, gives everything back. NULL is ignored. */
TUNNY_API void tunny_destroy(struct tunny *stack);

/* Lets connections that were closed end in an orderly way (FINs answered): runs the stack until
 * none is left or `timeout_ms` passed. 0, or -ETIMEDOUT. Blocks. */
TUNNY_API int tunny_drain(struct tunny *stack, int timeout_ms);

/* Connections that were closed and whose text or FIN the peer has not acknowledged yet. */
TUNNY_API unsigned tunny_unacknowledged(const struct tunny *stack);

/* --- running it inside somebody else's event loop ---------------------------------------- */

/* Blocking calls of socket.h run the stack by themselves. An application with a loop of its own
 * polls this descriptor for reading, for at most tunny_timeout_ms(), and then calls tunny_run(). */
TUNNY_API int tunny_descriptor(const struct tunny *stack);
/* Milliseconds until the stack has something to do by itself; -1: nothing. Never negative
 * otherwise. */
TUNNY_API int tunny_timeout_ms(const struct tunny *stack);
/* One turn: reads everything that is there, lets due timers act, sends everything that may be sent.
 * 0, or the device's failure as a negative errno. Does not block. */
TUNNY_API int tunny_run(struct tunny *stack);
/* The same as a point of the stack's clock, for loops that wait more finely; INT64_MAX: never. */
TUNNY_API int64_t tunny_deadline_ns(const struct tunny *stack);
/* The stack's clock, nanoseconds (CLOCK_MONOTONIC on real devices). */
TUNNY_API int64_t tunny_now_ns(const struct tunny *stack);

/* --- watching it ------------------------------------------------------------------------- */

/* The standard counters (SNMP, TcpExt names) and every named drop: calls `each` for each of them.
 */
TUNNY_API void tunny_counters(const struct tunny *stack,
                              void (*each)(void *context, const char *name, uint64_t value,
                                           const char *sentence),
                              void *context);
/* One of them by name ("TcpRetransSegs", "drop.paws"); 0 when there is none of that name. */
TUNNY_API uint64_t tunny_counter(const struct tunny *stack, const char *name);
/* What an impaired link did, direction 0 out, 1 in. */
struct tunny_impair_counts {
    uint64_t packets, lost, duplicated, reordered, corrupted, delayed, overlimit, ecn_marked;
};
TUNNY_API struct tunny_impair_counts tunny_impair_counts(const struct tunny *stack,
                                                         unsigned direction);
/* The seed in use: print it, so that a run can be repeated. */
TUNNY_API uint64_t tunny_seed(const struct tunny *stack);
/* Bytes of the budget in use and at most so far. */
TUNNY_API void tunny_memory(const struct tunny *stack, uint64_t *used, uint64_t *peak);
/* The device's interface name. */
TUNNY_API const char *tunny_interface(const struct tunny *stack);

/* Tunables by name. 0, -ENOENT, -ERANGE. */
TUNNY_API int tunny_set(struct tunny *stack, const char *name, int64_t value);
TUNNY_API int tunny_get(const struct tunny *stack, const char *name, int64_t *value);
/* The tunables that exist: index 0, 1, ... until 0 is returned. */
struct tunny_tunable {
    const char *name, *unit, *sentence;
    int64_t fallback, least, most;
};
TUNNY_API int tunny_tunable(unsigned index, struct tunny_tunable *tunable);
/* The congestion control algorithms' names: index 0, 1, ...; NULL at the end. */
TUNNY_API const char *tunny_congestion(unsigned index);
/* "tunny 0.1.0". */
TUNNY_API const char *tunny_version(void);

/* --- echo requests (ping) ---------------------------------------------------------------- */

struct tunny_echo {
    int family;          /* AF_INET or AF_INET6 */
    uint8_t address[16]; /* whom; network order, 4 or 16 bytes */
    uint16_t id, sequence;
    uint8_t ttl;
    uint32_t length; /* bytes of data */
    int error;       /* replies: 0, or the errno of an ICMP error that came instead, and: */
    uint8_t icmp_type, icmp_code, reporter[16]; /* its type, its code, who sent it */
    int damaged; /* replies: the data is not what was sent (data is byte i = i mod 256) */
};
/* Owes one echo request and sends it with the next turn. 0, -ENETUNREACH, -EMSGSIZE, -ENOBUFS. Does
 * not block. */
TUNNY_API int tunny_echo_send(struct tunny *stack, const struct tunny_echo *request);
/* The oldest reply: 0, or -EAGAIN. Does not block. */
TUNNY_API int tunny_echo_receive(struct tunny *stack, struct tunny_echo *reply);

/* --- a guest: somebody else behind the same addresses -------------------------------------- */

/* Another IP host (a network namespace behind a TUN, say) may share the stack's addresses: what no
 * socket here takes is the guest's. These are UDP datagrams to ports that nobody here has bound,
 * replies to echo requests that nobody here sent, and ICMP errors about either; never TCP. From now
 * on they are kept for tunny_guest_receive() (the oldest are, when it is not called) instead of
 * being refused. */
TUNNY_API void tunny_guest_attach(struct tunny *stack);
/* Sends one whole IP packet of the guest's as it is. 0; -EINVAL (no packet, or not from one of our
 * addresses), -EPROTONOSUPPORT (TCP: the guest has to use our sockets), -ENETUNREACH (to ourselves
 * or to a loopback address), -EMSGSIZE (above the device's MTU), -ENOBUFS. Does not block. */
TUNNY_API int tunny_guest_send(struct tunny *stack, const void *packet, size_t length);
/* The oldest packet for the guest, with complete checksums, longer than the MTU when it was put
 * together from fragments: its length, or -EAGAIN; -EMSGSIZE (longer than `size`: dropped). */
TUNNY_API int tunny_guest_receive(struct tunny *stack, void *packet, size_t size);

/* --- a virtual host: no device, no waiting ----------------------------------------------- */

/* A stack whose device is memory and whose clock, which begins at 0, moves only when told: for
 * scripts, tests and lessons. config->device is not looked at; with no_offload every packet is one
 * wire packet, else a TCP super-segment may come out as one. The same seed gives the same ISNs,
 * ports and timestamps. Calls of socket.h never wait: one that would is ended by -EDEADLK, so use
 * non-blocking sockets. Errors as tunny_create(). */
TUNNY_API int tunny_create_virtual(const struct tunny_config *config, struct tunny **stack,
                                   char *error, size_t error_size);
/* One IP packet arrives now, however long (a super-segment counts as one), and everything that
 * follows from it at once happens. 0; -EMSGSIZE (0 or over 65535 bytes), -EOPNOTSUPP (not
 * virtual). */
TUNNY_API int tunny_virtual_inject(struct tunny *stack, const void *packet, size_t length);
/* What the stack has sent, the oldest packet first. */
struct tunny_virtual_packet {
    const uint8_t *data; /* with complete checksums; valid until the next call on this stack */
    size_t length;
    uint16_t segment; /* payload bytes of each wire packet of a super-segment; 0: one packet */
    int64_t when_ns;
};
/* 0, or -EAGAIN: there is no packet; -EOPNOTSUPP. */
TUNNY_API int tunny_virtual_collect(struct tunny *stack, struct tunny_virtual_packet *packet);
/* When the stack has something to do by itself, in nanoseconds of its clock; INT64_MAX: never. */
TUNNY_API int64_t tunny_virtual_deadline_ns(const struct tunny *stack);
/* Moves the clock on to `until_ns`, letting each timer on the way act at its time. 0;
 * -EOPNOTSUPP. */
TUNNY_API int tunny_virtual_advance(struct tunny *stack, int64_t until_ns);

/* --- a cable between other people's interfaces ------------------------------------------- */

/* Joins two or more interfaces of the kernel in user space, with the impairments of config->impair
 * above on everybody's packets. The ends stand on two sides; near to far is "forward". Several ends
 * of a side share one queue each way (a bottleneck) and are a switch among themselves, by address.
 * A link belongs to one thread at a time. */
struct tunny_link;

enum { TUNNY_LINK_ENDS = 16 };
enum { TUNNY_FORWARD = 1, TUNNY_BACKWARD = 2, TUNNY_BOTH = 3 }; /* directions */

/* Zero every field that you do not set. */
struct tunny_link_config {
    /* "[NAMESPACE/][tun:|packet:]INTERFACE[=ADDRESS/LENGTH,...]". A TUN that does not exist is
     * made, set up, and gone again with the link. packet: an Ethernet interface, which must exist,
     * by AF_PACKET; the default where there is one of that name. With addresses, the kernel gets
     * these on the interface, which is set up. */
    const char *const *ends;
    unsigned end_count;  /* 2 to TUNNY_LINK_ENDS */
    unsigned far_count;  /* how many of them, the last, are the far side; 0: one */
    const char *impair;  /* both directions: "forward: ...; backward: ...; at 5s down"; or NULL */
    const char *forward; /* one direction, instead; or NULL */
    const char *backward;
    uint64_t seed;       /* 0: one is made up */
    int offload;         /* 1: super-segments, cut where the engine has something to decide */
    uint32_t mtu;        /* of interfaces that are made or get addresses; 0: as they are */
    const char *capture; /* pcapng file with the verdict on each packet, "-": standard output */
    const char *capture_note;
    const char *log, *replay; /* files of fates, written and read; NULL: none */
};
/* 0 and *link; or a negative errno and a sentence in `error`. Does not block. */
TUNNY_API int tunny_link_create(const struct tunny_link_config *config, struct tunny_link **link,
                                char *error, size_t error_size);
/* NULL is ignored. Closes what is written; -EIO: not all of it could be. */
TUNNY_API int tunny_link_destroy(struct tunny_link *link);
/* Carries packets until one of the descriptors is readable. 0; -ENODEV ...: an interface is gone,
 * `error` says which. Blocks. */
TUNNY_API int tunny_link_run(struct tunny_link *link, const int *descriptors, unsigned count,
                             char *error, size_t error_size);
/* Other impairments from now on, for the directions named; with TUNNY_BOTH the text may speak of
 * each by itself. What is under way arrives as decided. 0; -EINVAL and a sentence; -EBUSY during a
 * replay. */
TUNNY_API int tunny_link_set(struct tunny_link *link, unsigned directions, const char *impair,
                             char *error, size_t error_size);
/* Cuts the link: what comes is lost, what is under way arrives; and mends it. */
TUNNY_API void tunny_link_down(struct tunny_link *link, unsigned directions);
TUNNY_API void tunny_link_up(struct tunny_link *link, unsigned directions);

/* What happened in one direction (TUNNY_FORWARD or TUNNY_BACKWARD). */
struct tunny_link_figures {
    struct tunny_impair_counts impaired; /* of wire packets */
    uint64_t bytes;                      /* of IP packets that came */
    uint64_t held, held_bytes;           /* under way now */
    uint64_t unsent; /* not taken by an interface: its queue was full, or the packet too long */
    uint64_t local;  /* packets between ends of one side */
    uint64_t late;   /* packets that left later than they were to, by nanoseconds in all and most */
    int64_t late_total_ns, late_most_ns;
    int is_down;
};
TUNNY_API struct tunny_link_figures tunny_link_figures(const struct tunny_link *link,
                                                       unsigned direction);
/* One end; -ENOENT: there is none of this index. Counts are calls, a super-segment is one. */
struct tunny_link_end {
    const char *name; /* as configured, without addresses */
    int is_far;
    uint64_t received, transmitted, refused;
};
TUNNY_API int tunny_link_end(const struct tunny_link *link, unsigned index,
                             struct tunny_link_end *end);
/* The impairments of one direction, its seed included: this text repeats every fate. Always
 * terminated; returns the length that was wanted. */
TUNNY_API size_t tunny_link_impair(const struct tunny_link *link, unsigned direction, char *text,
                                   size_t size);
/* Where netem does something else than one would think, a line each; "" when nowhere. */
TUNNY_API const char *tunny_link_warnings(const struct tunny_link *link, unsigned direction);
TUNNY_API uint64_t tunny_link_seed(const struct tunny_link *link);
/* Nanoseconds since it was made. */
TUNNY_API int64_t tunny_link_age_ns(const struct tunny_link *link);

/* The kernel's own netem on what it sends out of "[NAMESPACE/]INTERFACE", by a specification of
 * netem's words, or by the part for TUNNY_FORWARD or TUNNY_BACKWARD of one for both directions (0:
 * it is for one). NULL: the interface's own qdisc again. Until then the kernel's TCP sends no
 * super-segments there (gso_max_segs 1), so that each wire packet has a fate of its own. 0 and the
 * warnings in `text`, a line each; or a negative errno and a sentence in `text`: -ENOENT, this
 * kernel has no netem; -EINVAL, a wrong specification or more than netem can do; -ENODEV; -EPERM.
 * Blocks shortly. */
TUNNY_API int tunny_netem(const char *interface, const char *specification, unsigned direction,
                          char *text, size_t text_size);

/* --- worlds: hosts, links and routers, one virtual clock ---------------------------------- */

/* A world made out of a text (tunny-sim(1) has its words): whole stacks joined by impaired links,
 * flows between them. Nothing is real but the stacks' own code; the same text and seed give the
 * same results to the byte. Takes no device, no time and no privilege. */
struct tunny_world;

struct tunny_world_config {
    const char *scenario; /* the text; must live as long as the world */
    uint64_t seed;        /* 0: as the scenario says, else 1 */
    int64_t until_ns;     /* when to end; 0: as the scenario says, else when all flows have */
    const char *capture;  /* pcapng file of all that enters a link; NULL: none */
    const char *capture_directory; /* a pcapng file for each host goes here; NULL: none */
    const char *note;              /* into the captures' headers; NULL: nothing */
    int check;       /* 1: the invariants are looked at after every step, and after the
                        last flow connections and memory must be gone */
    FILE *trace;     /* all hosts' events; NULL: nowhere */
    int trace_level; /* as in struct tunny_config */
};

/* 0 and *world; -EINVAL with a sentence that names the line in `error`; -ENOMEM; what opening a
 * capture says. The strings of *config must live as long as the world. */
TUNNY_API int tunny_world_create(const struct tunny_world_config *config,
                                 struct tunny_world **world, char *error, size_t error_size);
/* Runs it to its end. 0; -EPROTO: an invariant was broken, see tunny_world_failure(). */
TUNNY_API int tunny_world_run(struct tunny_world *world);
/* The first invariant that was broken, in a sentence that begins with its name; "" when none. */
TUNNY_API const char *tunny_world_failure(const struct tunny_world *world);
/* NULL is ignored. 0, or -EIO when a capture could not be written in full. */
TUNNY_API int tunny_world_destroy(struct tunny_world *world);

/* One user of a flow. */
struct tunny_world_side {
    const char *host;
    uint64_t sent, received; /* bytes that the stack took, and gave */
    int finished;            /* 1: has closed, or failed */
    int error;               /* 0, or why it failed: a negative errno */
    int left;                /* 1: the scenario made it go before its time */
    uint64_t retransmitted;  /* segments that it sent again */
    uint64_t spurious;       /* of those, how many the peer reported as not needed (RFC 2883) */
    uint64_t timeouts;       /* retransmission timeouts */
    uint64_t rtt_samples, rtt_p50_us, rtt_p95_us, rtt_p99_us;
};

struct tunny_world_flow {
    const char *name, *congestion; /* as the scenario says; the default where it says nothing */
    uint64_t size, reply;          /* bytes that client and server are to send */
    int64_t start_ns, took_ns;     /* took: until both sides had finished, or until now */
    uint64_t goodput;              /* bits a second of text, both directions */
    struct tunny_world_side client, server;
};

TUNNY_API unsigned tunny_world_flows(const struct tunny_world *world);
/* 1, or 0 when there is no such flow. Texts live as long as the world. */
TUNNY_API int tunny_world_flow(const struct tunny_world *world, unsigned index,
                               struct tunny_world_flow *flow);

struct tunny_world_totals {
    uint64_t seed;
    int64_t now_ns;
    uint64_t packets; /* that hosts sent */
    uint64_t lost;    /* by links, for any reason */
    uint64_t marked;  /* by links: ECN */
    uint64_t steps;   /* of the simulator */
    unsigned hosts;   /* and routers */
};
TUNNY_API struct tunny_world_totals tunny_world_totals(const struct tunny_world *world);

#ifdef __cplusplus
}
#endif
#endif
