/* Grids: a connection of the stack and the oracle's model of it, fed with the same segments and
 * compared after each: the state, the answer with its numbers, SND.UNA, SND.NXT, SND.WND, RCV.NXT,
 * TS.Recent, the text delivered and urgent news. What left no trace (the oracle says so) is not
 * built anew: so it is also shown that it left none. For tests/steps/grid_*_test.c. */
#ifndef TUNNY_TESTS_GRID_H
#define TUNNY_TESTS_GRID_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/oracle.h"
#include "support/tcp_steps.h"

struct grid_start {
    const char *name;
    enum tcp_state state;
    bool active;        /* by an active OPEN; SYN-RECEIVED: a simultaneous one */
    bool in_flight;     /* 100 bytes of ours are unacknowledged */
    bool hole;          /* text is held beyond a hole of 5 bytes, and was reported by SACK */
    bool closed_window; /* our receive window is used up */
    bool sack;          /* the peer offers it */
    uint32_t ts;        /* the peer's TSval of the handshake; 0: no timestamps */
    uint32_t iss, irs;
};

/* What the stack is by design: every policy of the oracle but `syn_ack_text_is_left` would be false
 * in a stack of RFC 9293's bare words. */
extern const struct oracle_policy grid_policy;
/* The five values around which sequence numbers are tested. */
extern const uint32_t grid_edges[5];

extern struct oracle grid_oracle;
extern unsigned long grid_cases, grid_built;

/* Builds the connection, or leaves it as it is when it still stands at this start. */
void grid_stands_at(const struct grid_start *start);
/* Always anew. */
void grid_begins(const struct grid_start *start);
/* Both are given the segment; false: they disagree, which is told and counted. */
bool grid_arrives_(const struct step_segment *segment);
#define grid_arrives(...) grid_arrives_(&(struct step_segment){__VA_ARGS__})
/* The user closes; what leaves is believed. */
void grid_user_closes(void);
/* Closes, tells how many cases there were, and fails the test if there was a disagreement. */
void grid_ends(const char *what);

#endif
