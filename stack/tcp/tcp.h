/* One host's TCP: the six user calls of RFC 9293, 3.9.1, segments in, segments out, time. No
 * callbacks, no threads, no clock, no file descriptors: facts go in, what is owed comes out when
 * asked for. Called by sock/ and stack.c. */
#ifndef TUNNY_TCP_TCP_H
#define TUNNY_TCP_TCP_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "base/time.h"
#include "tcp/fast_open_cookie.h"
#include "tcp/tunables.h"
#include "trace/trace.h"
#include "wire/address.h"
#include "wire/tcp_header.h"

/* RFC 9293, 3.3.2. The order matters: states from ESTABLISHED on are synchronized. */
enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};
enum { TCP_STATES = TCP_TIME_WAIT + 1 };
const char *tcp_state_name(enum tcp_state state); /* "SYN-RECEIVED" */

struct tcp;
struct tcb;
struct tcp_connection;
struct tcp_listener;

struct cc_ops;

/* What a user may choose for one connection; a listener's children inherit its settings. */
struct tcp_settings {
    const struct cc_ops *cc; /* never NULL */
    uint32_t send_buffer,
        receive_buffer; /* bytes; as SO_SNDBUF and SO_RCVBUF read back (doubled) */
    bool send_buffer_fixed, receive_buffer_fixed; /* set by the user: no autotuning */
    bool no_delay;                                /* TCP_NODELAY: no Nagle (MUST-17) */
    bool cork;                                    /* TCP_CORK */
    bool quick_ack;                               /* TCP_QUICKACK */
    bool keep_alive;                              /* SO_KEEPALIVE (MUST-24, 25) */
    bool oob_inline;                              /* SO_OOBINLINE; on by default (RFC 6093) */
    bool linger;                                  /* SO_LINGER: with 0 s close() aborts */
    uint32_t linger_s;
    uint32_t keep_idle_s, keep_interval_s, keep_probes;
    uint32_t user_timeout_ms;    /* TCP_USER_TIMEOUT; 0: by tcp_retries2 (MUST-21) */
    uint32_t max_segment;        /* TCP_MAXSEG; 0: by the path */
    uint32_t not_sent_low_water; /* TCP_NOTSENT_LOWAT */
    uint32_t window_clamp;       /* TCP_WINDOW_CLAMP; 0: none */
    uint32_t syn_retries;        /* TCP_SYNCNT; 0: tcp_syn_retries */
    uint32_t fin_wait_2_s;       /* TCP_LINGER2; 0: tcp_fin_timeout */
    uint32_t receive_low_water;  /* SO_RCVLOWAT; at least 1 */
    uint64_t max_pacing_rate;    /* SO_MAX_PACING_RATE; 0: none */
    /* Fast Open (RFC 7413). A client asks for it by MSG_FASTOPEN or TCP_FASTOPEN_CONNECT; with the
     * latter the SYN waits for the first text, when a cookie is known. A listener that may have
     * `fast_open_queue` (TCP_FASTOPEN) of them pending takes text from SYNs; 0: none. */
    bool fast_open, fast_open_waits, fast_open_no_cookie;
    /* TCP_DEFER_ACCEPT: children of a listener wait for text, for so many timeouts. */
    uint8_t deferred_timeouts;
    uint32_t fast_open_queue;
    uint8_t tos, ttl; /* IP_TOS (ECN bits are the stack's), IP_TTL */
};

struct tcp_config {
    struct memory *memory;
    struct trace *trace;
    struct siphash_key secret;        /* from getrandom(2); ISNs, ports, offsets, cookies, table */
    uint32_t mtu, largest4, largest6; /* of the device: packet; super-segments (0: none) */
    uint8_t ttl;
};

size_t tcp_size(void);
/* 0 or -ENOMEM. The tunables may be changed at any time through tcp_tunables(). */
int tcp_init(struct tcp *tcp, const struct tcp_config *config);
/* Forgets every connection without a word to anybody. */
void tcp_destroy(struct tcp *tcp);
struct tcp_tunables *tcp_tunables(struct tcp *tcp);
void tcp_default_settings(const struct tcp *tcp, struct tcp_settings *settings);

/* --- sleep ------------------------------------------------------------------------------- */

/* A connection without anything to do is put to sleep: its control block goes away and a small
 * picture of it stays. Whoever keeps a connection over a turn keeps this, and asks for the control
 * block when it is needed; that stays valid until tcp_put_to_sleep(). */
struct tcp_connection *tcp_connection_of(const struct tcb *tcb);
/* NULL: it sleeps, and there is no memory to wake it. */
struct tcb *tcp_awake(struct tcp *tcp, struct tcp_connection *connection);
/* To look at only: one that sleeps is not woken. Valid until the next call of tcp_awake(),
 * tcp_view() or tcp_each(). */
const struct tcb *tcp_view(struct tcp *tcp, struct tcp_connection *connection);
bool tcp_sleeps(const struct tcp_connection *connection);
/* Its user goes away, and there is no memory to wake it for an orderly CLOSE: ABORT (3.10.5). */
void tcp_forsake(struct tcp *tcp, struct tcp_connection *connection);
/* At the end of a turn: who has had nothing to do for a while (tcp_sleep_after_ms) sleeps. A
 * bounded number of connections is looked at. */
void tcp_put_to_sleep(struct tcp *tcp, struct instant now);
/* When tcp_put_to_sleep() has something to do next. */
struct instant tcp_sleep_deadline(const struct tcp *tcp);

/* --- user calls (RFC 9293, 3.9.1); none of them blocks ----------------------------------- */

/* A port that is free for `local` (towards `remote`, when that is known), by RFC 6056 algorithm 3
 * with a keyed hash; 0: all are in use. */
uint16_t tcp_choose_port(struct tcp *tcp, const struct address *local,
                         const struct endpoint *remote, struct instant now);

/* Ports that are bound but neither connected nor listening are claimed here, so that two sockets do
 * not get the same one. */
struct tcp_claim {
    struct endpoint local; /* unspecified address: all of the family (both, for :: unless v6only) */
    bool v6only, reuse_address, reuse_port;
};
/* 0 or -EADDRINUSE. tcp_release_claim() undoes it; a claim outlives the connections it was used
 * for. */
int tcp_claim_port(struct tcp *tcp, const struct tcp_claim *claim);
void tcp_release_claim(struct tcp *tcp, const struct tcp_claim *claim);

/* Active OPEN (3.10.1). `flow` is complete; `path_mtu`: bytes of a packet, at least 576 (1280 with
 * IPv6), or 0: the device's. 0 and *tcb; -EADDRNOTAVAIL (the flow exists already),
 * -ENOBUFS, -ENETUNREACH or -EACCES (group or unspecified address: MUST-46). */
int tcp_open_active(struct tcp *tcp, const struct flow *flow, const struct tcp_settings *settings,
                    uint32_t path_mtu, void *user, struct tcb **tcb, struct instant now);
/* tcp_fastopen allows it for clients. */
bool tcp_fast_open_client_is_enabled(const struct tcp *tcp);
/* The SYN waits for the first text: the user may write, although nothing was sent yet. */
bool tcp_fast_open_waits(const struct tcb *tcb);
/* Passive OPEN: listens on claim->local. -EADDRINUSE, -ENOBUFS. */
int tcp_open_passive(struct tcp *tcp, const struct tcp_claim *claim,
                     const struct tcp_settings *settings, uint32_t backlog, void *user,
                     struct tcp_listener **listener);
void tcp_set_backlog(struct tcp_listener *listener, uint32_t backlog);
/* The next connection that completed its handshake, now the caller's; NULL: none. */
struct tcb *tcp_accept(struct tcp_listener *listener, void *user);
/* How many wait for tcp_accept(). */
uint32_t tcp_accept_queue_length(const struct tcp_listener *listener);
bool tcp_can_accept(const struct tcp_listener *listener);
/* Stops listening; connections not yet accepted are reset. */
void tcp_close_listener(struct tcp_listener *listener, struct instant now);
struct tcp_settings *tcp_listener_settings(struct tcp_listener *listener);
/* Keys of this listener alone, instead of the stack's own, which change by themselves. */
void tcp_set_fast_open_keys(struct tcp_listener *listener, const struct fast_open_keys *keys);

/* SEND (3.10.2). Returns bytes taken, which may be fewer than `len`; -EAGAIN (no room, or not yet
 * open), -EPIPE (closed for sending), -ENOBUFS, or the connection's error, once. */
enum tcp_send_flags {
    TCP_SEND_PUSH = 1, /* what this call adds is pushed (MAY-15); the default of the socket layer */
    TCP_SEND_MORE = 2, /* MSG_MORE: hold a last small segment back */
    TCP_SEND_URGENT = 4,     /* the last byte is urgent (3.8.5) */
    TCP_SEND_RECORD_END = 8, /* MSG_EOR: what follows goes into another segment */
};
int64_t tcp_send(struct tcb *tcb, const void *data, size_t len, unsigned flags, struct instant now);
/* Behind the last byte of text that was given to SEND, and behind the last one acknowledged. */
seqno tcp_text_end(const struct tcb *tcb);
seqno tcp_text_acknowledged(const struct tcb *tcb);
/* Zero-copy SEND: room in the send buffer, then tcp_send_commit(). Same errors. */
int64_t tcp_send_rooms(struct tcb *tcb, size_t len, struct room rooms[2], struct instant now);
int64_t tcp_send_commit(struct tcb *tcb, size_t len, unsigned flags, struct instant now);

/* RECEIVE (3.10.3). Returns bytes copied; 0: the peer has closed and everything was read; -EAGAIN:
 * nothing there; or the connection's error, once, after all text that arrived before it. */
enum tcp_receive_flags {
    TCP_RECEIVE_PEEK = 1,
    TCP_RECEIVE_URGENT = 2,  /* MSG_OOB: the urgent byte; -EINVAL: none, -EAGAIN: not here yet */
    TCP_RECEIVE_DISCARD = 4, /* MSG_TRUNC: take without copying */
};
int64_t tcp_receive(struct tcb *tcb, void *data, size_t len, unsigned flags, struct instant now);
/* Zero-copy RECEIVE: the text where it lies; tcp_receive_done() takes it. Same results. */
int64_t tcp_receive_pieces(struct tcb *tcb, size_t len, struct bytes pieces[2]);
void tcp_receive_done(struct tcb *tcb, size_t len, struct instant now);
/* The next byte to read is the urgent mark (MUST-33). */
bool tcp_at_mark(const struct tcb *tcb);

/* CLOSE (3.10.4) of our sending side only: shutdown(SHUT_WR). 0 or -ENOTCONN. */
int tcp_shutdown_send(struct tcb *tcb, struct instant now);
/* shutdown(SHUT_RD): what arrives is acknowledged and thrown away. */
int tcp_shutdown_receive(struct tcb *tcb, struct instant now);
/* CLOSE by a user who goes away: the control block is the stack's from now on, and freed by it in
 * the end. Unread text, or linger with 0 s, makes it an ABORT (SHLD-3). */
void tcp_close(struct tcb *tcb, struct instant now);
/* ABORT (3.10.5), and the user goes away. */
void tcp_abort(struct tcb *tcb, struct instant now);

/* STATUS (3.10.6). */
struct tcp_totals {
    /* As Linux counts: bytes_acked with our SYN (of an active open) and FIN, bytes_received with
     * the peer's FIN. bytes_sent: the first time. */
    uint64_t bytes_sent, bytes_retransmitted, bytes_acked, bytes_received;
    uint32_t segments_not_in_order, segments_delivered;
    uint32_t segments_in, segments_out, data_segments_in, data_segments_out;
    uint32_t segments_retransmitted, dsack_duplicates, reordering_seen;
    uint32_t timeouts, timeout_rows; /* also of SYNs; rows: one after another without an answer */
    struct duration timeout_time;    /* in such rows */
};
struct tcp_status {
    enum tcp_state state;
    struct flow flow;
    uint8_t ca_phase; /* enum recovery_phase */
    uint8_t backoff, retransmissions, probes;
    bool sack, timestamps, ecn, ecn_seen, window_scaling;
    bool peer_is_done;        /* its FIN arrived, and all text before it */
    bool fast_open;           /* text on a SYN was acknowledged, by the peer or by us */
    uint8_t fast_open_failed; /* enum fast_open_outcome */
    uint8_t snd_wscale, rcv_wscale;
    uint32_t mss, receive_mss, advertised_mss, path_mtu;
    uint64_t cwnd, ssthresh, pipe; /* bytes */
    uint64_t snd_wnd, rcv_wnd;
    uint64_t unsent, unacked, unread; /* bytes */
    uint32_t pipe_segments, sacked_segments, lost_segments, retransmitted_segments;
    uint32_t unacked_segments;
    struct duration busy, rwnd_limited, sndbuf_limited; /* with text to send; of that, held back */
    struct duration rto, srtt, rttvar, min_rtt, receive_rtt, delayed_ack;
    uint64_t pacing_rate, delivery_rate; /* bytes a second; 0: none */
    bool delivery_rate_app_limited;
    uint64_t delivered;
    uint64_t delivered_ce; /* segments of ours that met congestion (RFC 3168, RFC 9768) */
    struct instant last_text_sent, last_text_received, last_ack_received;
    uint32_t receive_space; /* the most that the user took in a round trip */
    uint32_t receive_limit; /* the largest window that may be offered now */
    uint32_t reordering;
    uint64_t ce_received;                       /* RFC 9768: packets; the rest: text bytes, */
    uint64_t ecn_received[4], ecn_delivered[4]; /* by the IP-ECN field */
    const char *cc;
    const char *waiting_for; /* why nothing is being sent; static */
    struct tcp_totals totals;
};
void tcp_status(const struct tcb *tcb, struct tcp_status *status, struct instant now);
enum tcp_state tcp_state_of(const struct tcb *tcb);
const struct flow *tcp_flow_of(const struct tcb *tcb);

/* Readiness, as poll(2) has it. */
enum tcp_readiness {
    TCP_READABLE = 1, /* text (at least the low-water mark), end of text, or an error */
    TCP_WRITABLE = 2,
    TCP_URGENT = 4,
    TCP_PEER_CLOSED = 8, /* POLLRDHUP */
    TCP_HANGUP = 16,     /* both directions are over */
    TCP_ERROR = 32,
};
unsigned tcp_readiness(const struct tcb *tcb);
unsigned tcp_connection_readiness(const struct tcp_connection *connection);
/* Takes the pending error (SO_ERROR): a positive errno or 0. */
int tcp_take_error(struct tcb *tcb);
int tcp_take_soft_error(struct tcb *tcb);
/* The settings, to be changed in place; tcp_settings_changed() makes the change felt (a cork that
 * is pulled, new timers, another congestion control ...). */
struct tcp_settings *tcp_settings_of(struct tcb *tcb);
const struct tcp_settings *tcp_settings_seen(const struct tcb *tcb);
void tcp_settings_changed(struct tcb *tcb, struct instant now);
/* TCP_NODELAY was set: what a cork or MSG_MORE holds back leaves now (as Linux). */
void tcp_push_held(struct tcb *tcb);
void *tcp_user(const struct tcb *tcb);

/* Connections and listeners whose readiness may have changed since they were last asked for: the
 * user pointer of the next one, or NULL. */
void *tcp_next_changed(struct tcp *tcp);

/* Every connection, for `ss`-like lists: start with NULL; order without meaning. One that sleeps is
 * shown as tcp_view() does. */
struct tcb *tcp_each(struct tcp *tcp, const struct tcb *after);

/* --- segments and time ------------------------------------------------------------------- */

/* What ip says of an arriving segment. */
struct tcp_arrival {
    struct address source, destination;
    uint8_t tos, ttl;
    bool to_group, checksum_trusted;
    uint16_t gso_size;
    uint32_t path_mtu;    /* towards the source, for a connection that this segment opens */
    struct bytes payload; /* TCP header and text */
};
/* SEGMENT ARRIVES (3.10.7). Sends nothing, blocks never. */
void tcp_arrives(struct tcp *tcp, const struct tcp_arrival *arrival, struct instant now);

/* ICMP told of an error about a segment of ours (RFC 5927): `transport` is the quoted header, at
 * least 8 bytes. `mtu` > 0 for Packet Too Big. false: no such connection, or the quoted sequence
 * number is not in flight. */
struct tcp_icmp {
    struct flow flow;
    uint8_t type, code;
    int errnum;
    bool hard, too_big;
    uint32_t mtu;
    struct bytes transport;
};
bool tcp_icmp_arrives(struct tcp *tcp, const struct tcp_icmp *icmp, struct instant now);

/* One segment to send. */
struct tcp_emission {
    struct flow flow;
    struct tcp_header header; /* checksum not filled in */
    struct bytes text[2];     /* borrowed until the next call on tcp */
    uint16_t gso_size;        /* > 0: a super-segment, this much text in each wire segment */
    uint8_t tos, ttl;
    uint32_t flow_label;
};
/* The next segment that any connection, or TCP itself, has to send; false: none now. Ask until it
 * says no after all input that is there was read (MUST-58, 59), or when tcp_answers_first(). */
bool tcp_next(struct tcp *tcp, struct tcp_emission *out, struct instant now);
/* Whether a segment came whose ACK must leave before the next one is looked at: it was out of
 * order, came twice or filled a hole (RFC 5681, 4.2). Each such ACK tells of one segment, which
 * senders count and time; one for several makes Linux's BBR send bursts. Until the next tcp_next().
 */
bool tcp_answers_first(const struct tcp *tcp);
/* Where the text of the segment that comes next should be read to so that it need not be copied:
 * the storage behind RCV.NXT, in one piece, of the connection of the segment before, with
 * `*headers` bytes of IP and TCP headers in front. len 0: nobody expects text, or its place is too
 * near an end of the storage. Read there, anything may lie in the room; the TCP_LANDING_MARGIN
 * bytes in front of it are text that the user has not read, and must be as before when the next
 * call is made. */
enum { TCP_LANDING_MARGIN = 128 };
struct room tcp_landing(const struct tcp *tcp, size_t *headers);
/* false: tcp_next() would find nothing. */
bool tcp_may_have_segments(const struct tcp *tcp);

/* When tcp_run_timers() has something to do next. */
struct instant tcp_host_deadline(const struct tcp *tcp);
void tcp_run_timers(struct tcp *tcp, struct instant now);

#endif
