/* A sender's world for tests of loss recovery: a scoreboard, the recovery and a congestion control
 * that halves and remembers what it was told, moved by verbs in virtual time. Sequence numbers lie
 * around a wrap of their wire form. */
#ifndef TUNNY_TESTS_RECOVERY_WORLD_H
#define TUNNY_TESTS_RECOVERY_WORLD_H

#include "tcp/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS 1000u
/* The wire's numbers wrap within the fifth segment. */
#define START  (SEQ_FIRST_EPOCH + UINT32_MAX - 4499)
#define SEG(n) (START + (seqno)(n)*MSS)

struct world {
    struct memory memory;
    struct pool pool;
    struct sent sent;
    struct recovery recovery;
    struct cc cc;
    struct rtt rtt;
    struct tcp_tunables tunables;
    struct trace trace;
    struct recovery_scene scene;
    seqno una, nxt;
    struct instant now;
    bool sack;
    uint64_t unsent;
    uint32_t sent_new, sent_again; /* segments that the last pull let go */
};

/* What the congestion control was told. */
extern struct cc_ack last_ack;
extern struct cc_loss last_loss;
extern unsigned losses, timeouts, undos, recovered;
extern struct cc_ops halving;

struct ack {
    seqno una;            /* 0: as before */
    unsigned left, right; /* a SACK block in segments; both 0: none */
    seqno dsack_left, dsack_right;
    uint32_t ts_ecr; /* 0: none */
    bool ece;
    bool without_news; /* not a duplicate in RFC 5681's sense */
};

int world_set_up(void **state);
int world_tear_down(void **state);
void later(struct world *w, int64_t ms);
/* Our TSval: milliseconds. */
uint32_t clock_of(const struct world *w);
void send_new(struct world *w);
void send_lost(struct world *w);
/* Sends what congestion control lets go: lost text first, as output does. */
void pull(struct world *w);
void arrives_ack(struct world *w, const struct ack *ack);
void times_out(struct world *w);
unsigned traced(const struct world *w, enum event_id id);
/* Ten segments left at once; the answers come 40 ms later. */
void flight_of_ten(struct world *w);

#define ARRIVES(w, ...)  arrives_ack(w, &(struct ack){__VA_ARGS__})
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

#endif
