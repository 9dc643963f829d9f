/* One TCP and a peer that the test plays by hand, so that a test reads like RFC 9293:
 * reach(TCP_ESTABLISHED); arrives(.seq = 1, .ack = 1, .flags = FIN | ACK);
 * assert_state(TCP_CLOSE_WAIT); assert_sent(.flags = ACK, .ack = 2). Numbers are relative: the
 * peer's to IRS, ours to ISS. A failing test prints the story of its steps. Virtual time. */
#ifndef TUNNY_TESTS_TCP_STEPS_H
#define TUNNY_TESTS_TCP_STEPS_H

#include "tcp/tcp_demux.h"

enum { FIN = TCP_FIN, SYN = TCP_SYN, RST = TCP_RST, PSH = TCP_PSH, ACK = TCP_ACK, URG = TCP_URG };

/* A segment that the peer sends. */
struct step_segment {
    uint32_t seq, ack; /* relative to IRS and ISS */
    unsigned flags;
    uint16_t window; /* 0 stands for 10000; use zero_window */
    bool zero_window;
    uint16_t urgent;
    uint32_t len;     /* bytes of text; byte i is pattern_at(seq + i) */
    const char *text; /* instead of the pattern */
    uint16_t mss;
    bool sack_permitted, window_scale, bad_checksum, corrupt_offset;
    uint8_t shift;
    uint32_t ts_val, ts_ecr; /* ts_val != 0: the option is there */
    uint32_t sack[8];        /* pairs, relative to ISS */
    unsigned sack_count;
    uint16_t gso_size;
    bool fast_open, fast_open_experiment; /* the option, with this cookie ... */
    uint8_t cookie_len;                   /* ... of so many bytes */
    const uint8_t *cookie;
    uint8_t tos;
    const uint8_t *raw_options; /* instead of all others: `raw_len` bytes, a multiple of 4 */
    unsigned raw_len;
    bool to_group;
};

/* A segment that came out. */
struct step_sent {
    uint32_t seq, ack; /* relative */
    unsigned flags;
    uint32_t len;
    uint16_t window;
    struct tcp_header header;
    struct instant at;
    uint8_t tos, ttl;
    uint16_t gso_size;
    uint8_t text[16]; /* the first bytes */
};

struct steps_config {
    uint32_t irs; /* the peer's ISS; default 2^32 - 1 */
    uint32_t mtu, largest;
    bool timestamps, sack, window_scale; /* the peer offers them */
    uint16_t peer_mss;                   /* 0: 1000 */
    size_t memory;
    uint32_t backlog;        /* 0: 10 */
    uint16_t peer_window;    /* of the SYN and the handshake's ACK; 0: 10000 */
    uint32_t receive_buffer; /* of the listener and the active open; 0: the default */
    struct instant start;    /* 0: one second */
    bool ipv6;
};

enum { STEPS_SENT = 256 };

struct steps {
    struct memory memory;
    struct trace trace;
    struct tcp *tcp;
    struct tcp_listener *listener;
    struct tcb *tcb;
    struct flow flow;
    struct instant now;
    struct steps_config config;
    struct step_sent sent[STEPS_SENT];
    unsigned sent_count, looked_at;
    struct trace_sink story;
    char lines[400][240];
    unsigned line_count;
    uint32_t ts;            /* the peer's clock */
    seqno told_edge;        /* the right edge of the window that the peer was told ... */
    uint64_t told_of;       /* ... by the connection of this number, ... */
    struct address told_by; /* ... from this address of ours */
};
extern struct steps *steps;

/* Starts a host with a listener on port 80; `reach` builds the connection. */
void steps_open(const struct steps_config *config);
void steps_close(void);
int steps_teardown(void **state); /* for cmocka: prints the story of a failed test, closes */

/* Brings a connection into this state as RFC 9293 would have it: SYN-SENT and simultaneous open
 * actively, all others passively. No unread text, nothing in flight; snd and rcv stand at 1 (2
 * behind a FIN). */
void reach(enum tcp_state state);

void arrives_(const struct step_segment *segment);
#define arrives(...) arrives_(&(struct step_segment){__VA_ARGS__})
/* Lets time pass and timers act. */
void passes_ms(int64_t ms);
/* Sends what is owed, without letting time pass. */
void lets_send(void);
/* What the user does. */
int64_t user_sends(uint32_t len);
int64_t user_sends_with(uint32_t len, unsigned flags); /* enum tcp_send_flags */
/* Reads up to `most` bytes, which must be pattern_at() of their place; what tcp_receive() said. */
int64_t user_reads(uint32_t most);
void user_closes(void);    /* shutdown(SHUT_WR) */
void user_goes_away(void); /* close(); `steps->tcb` is the stack's then */
/* The user changes a setting: settings()->no_delay = true; settings_changed(). */
struct tcp_settings *settings(void);
void settings_changed(void);
struct tcp_tunables *tunables(void);

/* An ICMP error that quotes the segment of ours at `seq` (relative to ISS). */
struct step_icmp {
    uint32_t seq;
    uint8_t type, code;
    int errnum;
    bool hard;
    uint32_t mtu;    /* > 0: Packet Too Big */
    unsigned quoted; /* bytes of the header quoted; 0: 8 */
};
bool icmp_arrives_(const struct step_icmp *icmp);
#define icmp_arrives(...) icmp_arrives_(&(struct step_icmp){__VA_ARGS__})

/* The next segment that came out has (at least) these properties. `flags` must be equal but for
 * PSH. */
struct step_expected {
    uint32_t seq, ack;
    unsigned flags;
    uint32_t len;
    bool any_seq, any_ack;
};
void assert_sent_(const struct step_expected *expected, const char *file, int line);
#define assert_sent(...) assert_sent_(&(struct step_expected){__VA_ARGS__}, __FILE__, __LINE__)
void assert_nothing_sent_(const char *file, int line);
#define assert_nothing_sent() assert_nothing_sent_(__FILE__, __LINE__)
const struct step_sent *last_sent(void);
/* The next segment that came out, whatever it is; fails the test when there is none. */
const struct step_sent *next_sent(void);
/* How many came out and were not looked at. */
unsigned unseen(void);
void forget_sent(void);
/* Milliseconds since the start of the test's clock. */
int64_t now_ms(void);
/* How often an event was told, or a drop counted. */
#define event_count(name) (steps->trace.events[EVENT_##name])
#define drop_count(name)  (steps->trace.drops[DROP_##name])
void assert_state_(enum tcp_state state, const char *file, int line);
#define assert_state(state) assert_state_((state), __FILE__, __LINE__)
void assert_dropped_(enum drop_reason reason, const char *file, int line);
/* The reason was counted since the last call of this macro or arrives(). */
#define assert_dropped(reason) assert_dropped_((reason), __FILE__, __LINE__)
/* The state now; CLOSED when the control block is gone. */
enum tcp_state state_now(void);
uint8_t pattern_at(uint64_t position);

#endif
