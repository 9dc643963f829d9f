/* Two TCPs joined by a hostile link, in virtual time: no sockets, no IP, no devices. Segments cross
 * as bytes, so headers are built and parsed as on a wire. Everything follows from one seed. For
 * tests of stack/tcp as a whole. */
#ifndef TUNNY_TESTS_TCP_LINK_H
#define TUNNY_TESTS_TCP_LINK_H

#include "base/random.h"
#include "tcp/tcp_demux.h"

enum { LINK_PACKETS = 4096 };

struct link_packet {
    struct instant at;
    uint64_t order;
    unsigned to; /* which host */
    uint16_t gso_size;
    size_t len;
    uint8_t *bytes; /* TCP header and text */
};

/* What the link does; permille of packets unless said otherwise. */
struct link_faults {
    unsigned loss, duplicate, reorder, corrupt;
    struct duration delay, jitter;
};

struct link_host {
    struct memory memory;
    struct trace trace;
    struct tcp *tcp;
    struct address address;
    uint64_t sent, arrived;
};

struct tcp_link {
    struct link_host host[2];
    struct link_faults faults;
    struct random random;
    struct instant now;
    struct link_packet packets[LINK_PACKETS];
    unsigned count;
    uint64_t order, lost;
    uint16_t forced_mss;
    bool check;              /* tcp_check() on every control block after every step */
    struct trace_sink story; /* prints every event when the environment has STORY=1 */
};

struct link_config {
    uint64_t seed;
    struct link_faults faults;
    uint32_t mtu, largest; /* largest: super-segments, 0 none */
    size_t memory;         /* 0: 64 MiB */
};

void link_open(struct tcp_link *link, const struct link_config *config);
void link_close(struct tcp_link *link);
/* One step: everything that is due now. false: nothing will ever happen again. */
bool link_step(struct tcp_link *link);
/* Steps until `until`. */
void link_run(struct tcp_link *link, struct duration span);
/* Sends what is owed, without letting time pass. */
void link_flush(struct tcp_link *link);
/* Connects host 0 to host 1's port 80 and steps until both are ESTABLISHED; fails the test after 10
 * minutes. */
void link_connect(struct tcp_link *link, struct tcb **client, struct tcb **server);
struct tcp_listener *link_listen(struct tcp_link *link, unsigned host, uint16_t port,
                                 uint32_t backlog);
struct tcb *link_open_active(struct tcp_link *link, unsigned host, uint16_t port);

#endif
