/* RACK: losses found by time (RFC 8985, 5 and 6). What was sent a little before something that has
 * been delivered, and is still missing a round trip and a reordering window later, is lost; so lost
 * retransmissions are found too. A leaf: it sees the scoreboard only. */
#ifndef TUNNY_TCP_RACK_H
#define TUNNY_TCP_RACK_H

#include "tcp/sent.h"
#include "trace/trace.h"

struct rack {
    struct instant sent_at; /* RACK.xmit_ts: of the most recently sent that was delivered */
    seqno to;               /* RACK.end_seq; 0: nothing was delivered yet */
    struct duration rtt;    /* RACK.rtt */
    seqno fack;             /* behind the highest number delivered ever */
    bool reordering_seen;
    uint8_t reo_wnd_mult, reo_wnd_persist;
    seqno dsack_round; /* 0: no D-SACK in this round */
};

struct rack_news {
    const struct sent_delivery *delivery;
    seqno una;               /* SND.UNA after the ACK */
    seqno highest_delivered; /* behind the highest number that is acknowledged or SACKed now */
    struct duration min_rtt; /* 0: not known */
    bool has_ts_ecr;
    uint32_t ts_ecr;
    struct instant now;
};

/* What the reordering window depends on. */
struct rack_facts {
    struct duration min_rtt, srtt;
    bool in_recovery; /* fast recovery or after a timeout */
    uint32_t sacked_segments, dup_threshold;
};

void rack_init(struct rack *rack);
/* 6.2, steps 1 to 3: takes in what an ACK delivered. true: the ACK shows reordering. */
bool rack_on_delivery(struct rack *rack, const struct rack_news *news);
/* 6.2, step 4: once for each ACK. */
void rack_on_ack(struct rack *rack, bool has_dsack, seqno una, seqno nxt);
/* A segment was sent again for nothing, and the ACK of its first transmission came `after` so long:
 * the window becomes as long as that asks for. Not RFC 8985, 6.2, which adds a quarter of a round
 * trip for each round with a D-SACK: when the delay is known it need not be groped for. */
void rack_on_spurious(struct rack *rack, struct duration after, struct duration min_rtt);
void rack_on_recovery_end(struct rack *rack);
struct duration rack_reo_wnd(const struct rack *rack, const struct rack_facts *facts);

/* 6.2, step 5: marks what is lost by now; returns when to look again, or INSTANT_NEVER. */
struct instant rack_mark_lost(const struct rack *rack, struct sent *sent, struct duration reo_wnd,
                              struct trace *trace, struct instant now);
/* 6.3: the retransmission timer expired: the first is lost, and whatever is old enough. */
void rack_mark_lost_on_timeout(const struct rack *rack, struct sent *sent, struct duration reo_wnd,
                               struct trace *trace, struct instant now);

#endif
