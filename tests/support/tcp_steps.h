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
};

/* A segment that came out. */
struct step_sent {
    uint32_t seq, ack; /* relative */
    unsigned flags;
    uint32_t len;
    uint16_t window;
    struct tcp_header header;
    struct instant at;
};

struct steps_config {
    uint32_t irs; /* the peer's ISS; default 2^32 - 1 */
    uint32_t mtu, largest;
    bool timestamps, sack, window_scale; /* the peer offers them */
    uint16_t peer_mss;                   /* 0: 1000 */
    size_t memory;
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
    uint32_t ts; /* the peer's clock */
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
/* What the user does. */
int64_t user_sends(uint32_t len);
void user_closes(void);

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
void forget_sent(void);
void assert_state_(enum tcp_state state, const char *file, int line);
#define assert_state(state) assert_state_((state), __FILE__, __LINE__)
void assert_dropped_(enum drop_reason reason, const char *file, int line);
/* The reason was counted since the last call of this macro or arrives(). */
#define assert_dropped(reason) assert_dropped_((reason), __FILE__, __LINE__)
/* The state now; CLOSED when the control block is gone. */
enum tcp_state state_now(void);
uint8_t pattern_at(uint64_t position);

#endif
