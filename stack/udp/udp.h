/* UDP (RFC 768; RFC 1122, 4.1): ports, queues of datagrams, ICMP errors to connected sockets. No
 * clock, no device. Called by sock/ and stack.c. */
#ifndef TUNNY_UDP_UDP_H
#define TUNNY_UDP_UDP_H

#include "base/list.h"
#include "base/memory.h"
#include "base/ring.h"
#include "base/siphash.h"
#include "trace/trace.h"
#include "wire/address.h"

enum { UDP_LARGEST = 65507 };

/* One socket's worth of UDP. */
struct udp_socket;

struct udp;

size_t udp_size(void);
int udp_init(struct udp *udp, struct memory *memory, struct trace *trace,
             const struct siphash_key *secret);
void udp_destroy(struct udp *udp);

/* -ENOBUFS when the budget is used up. */
int udp_open(struct udp *udp, struct udp_socket **socket);
void udp_close(struct udp *udp, struct udp_socket *socket);

/* Binds to `local`; port 0 chooses one (RFC 6056); an unspecified address means all of the family
 * (IPv6 unspecified: both families unless `v6only`). -EADDRINUSE unless all users of it set
 * `reuse`. */
struct udp_bind {
    struct endpoint local;
    bool any_address, v6only, reuse;
};
int udp_bind(struct udp *udp, struct udp_socket *socket, const struct udp_bind *bind);
/* Fixes the remote end; only its datagrams arrive from now on, and its ICMP errors are reported. */
int udp_connect(struct udp *udp, struct udp_socket *socket, const struct endpoint *local,
                const struct endpoint *remote);
void udp_disconnect(struct udp *udp, struct udp_socket *socket);

/* A datagram arrived (checksum still to be verified unless `trusted`): queues it. false: no socket
 * wants it (the caller lets ip refuse it). A full queue is the named drop udp_queue_full. */
struct udp_arrival {
    struct address source, destination;
    bool to_group, checksum_trusted;
    uint8_t tos, ttl;
    uint16_t gso_size;    /* > 0: cut the payload into datagrams of this size (USO) */
    struct bytes payload; /* UDP header and text */
};
bool udp_input(struct udp *udp, const struct udp_arrival *arrival);
/* An ICMP error about a datagram of this flow. */
void udp_error(struct udp *udp, const struct flow *flow, int errnum);

/* The oldest datagram: copies at most `size` bytes, drops it from the queue unless `peek`; returns
 * its full length (which may be more than `size`), or -EAGAIN, or the pending error as a negative
 * errno (cleared). `info` may be NULL. */
struct udp_info {
    struct endpoint source, destination;
    uint8_t tos, ttl;
};
int64_t udp_receive(struct udp_socket *socket, void *data, size_t size, bool peek,
                    struct udp_info *info);
/* Sets how many bytes of datagrams the queue may hold. */
void udp_set_queue_limit(struct udp_socket *socket, size_t bytes);

/* State for readiness and names. */
bool udp_is_readable(const struct udp_socket *socket);
int udp_pending_error(const struct udp_socket *socket);
int udp_take_error(struct udp_socket *socket);
size_t udp_queued(const struct udp_socket *socket); /* bytes of the first datagram (FIONREAD) */
const struct endpoint *udp_local(const struct udp_socket *socket);
const struct endpoint *udp_remote(const struct udp_socket *socket); /* port 0: not connected */

/* Writes the UDP header for this text, with its checksum in full (0 is sent as 0xffff). */
void udp_build_header(const struct flow *flow, struct bytes text, uint8_t header[8]);

/* The next socket whose readiness may have changed since it was last asked for, or NULL. `user` is
 * the owner's own pointer. */
struct udp_socket *udp_next_changed(struct udp *udp);
void udp_set_user(struct udp_socket *socket, void *user);
void *udp_user(const struct udp_socket *socket);

#endif
