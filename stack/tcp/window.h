/* The receive window (RFC 9293, 3.8.6): how much to offer, without ever taking back what was
 * offered (SHLD-14) and without silly windows (MUST-39), and how large the buffer should become. A
 * leaf. */
#ifndef TUNNY_TCP_WINDOW_H
#define TUNNY_TCP_WINDOW_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"

struct window {
    seqno edge;     /* RCV.NXT + RCV.WND as the peer was told it at most: never moves back */
    uint8_t shift;  /* our window scale; 0 until agreed on */
    uint32_t clamp; /* the largest window ever offered (TCP_WINDOW_CLAMP), bytes */
    /* Dynamic right-sizing: how much the user took in the current round trip. */
    seqno round_start_read;
    uint64_t most_taken; /* in any round trip before */
    struct instant round_start;
    struct duration rtt; /* the receiver's own estimate */
    seqno rtt_edge;      /* when RCV.NXT reaches it, one round trip has passed; 0: not measuring */
    struct instant rtt_start;
};

/* The shift for a buffer that may grow to `largest` bytes: clamp(log2 - 15, 0, 14) (as Linux). */
uint8_t window_scale_for(uint64_t largest);

void window_init(struct window *window, seqno next, uint32_t clamp);

/* The right edge that may be offered now: `free_space` bytes beyond RCV.NXT, but only in worthwhile
 * steps (at least min(mss, limit / 2) more than before), never less than before. */
seqno window_offer(const struct window *window, seqno next, uint32_t free_space, uint32_t limit,
                   uint32_t mss);

/* Turns an edge into the header's field and remembers what was promised. `syn`: never scaled
 * (R7323-02). */
enum window_form { WINDOW_PLAIN, WINDOW_OF_SYN };
uint16_t window_field(struct window *window, seqno next, seqno edge, enum window_form form);

/* How large the buffer limit should be after the user has taken text up to `read`: `limit` or more,
 * at most `largest`. Call on each read. */
uint32_t window_autotune(struct window *window, seqno read, uint32_t limit, uint32_t largest,
                         struct instant now);
/* Text arrived: measures the receiver's round trip by a window's worth of text (no timestamps
 * needed). */
void window_measure(struct window *window, seqno next, uint32_t wnd, struct instant now);
/* A round trip known from timestamps or the handshake. */
void window_set_rtt(struct window *window, struct duration rtt);

#endif
