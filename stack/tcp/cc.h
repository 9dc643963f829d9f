/* Congestion control: facts in, cwnd out. An algorithm is one file with one struct cc_ops and one
 * line in cc.def. It sees struct cc and the facts it is given, nothing else: no connection, no
 * clock, no trace. Loss detection and recovery are recovery.c's, not an algorithm's. */
#ifndef TUNNY_TCP_CC_H
#define TUNNY_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seq.h"
#include "base/time.h"

/* One delivery-rate sample (draft-cheng-iccrg-delivery-rate-estimation). */
struct rate_sample {
    uint64_t delivered; /* bytes delivered over `interval`; 0: no sample */
    uint64_t
        prior_delivered; /* the connection's `delivered` when the newest acknowledged was sent */
    struct duration interval;
    uint64_t rate;         /* bytes a second */
    uint64_t tx_in_flight; /* bytes in flight when it was sent, itself included */
    uint64_t lost;         /* bytes lost between its sending and now */
    bool app_limited;
};

/* What one acceptable ACK says. Bytes unless said otherwise. */
struct cc_ack {
    struct instant now;
    seqno una, nxt;           /* after the ACK */
    uint64_t acked;           /* SND.UNA advanced by this much */
    uint64_t delivered;       /* newly acknowledged or newly SACKed */
    uint64_t delivered_total; /* since the connection began */
    uint64_t lost_total;
    uint64_t newly_lost;
    uint64_t flight_before;        /* in flight before this ACK */
    uint64_t pipe;                 /* in flight now (RFC 6675's pipe) */
    uint64_t ce_marked;            /* bytes reported as CE-marked (accurate ECN), of `delivered` */
    struct duration rtt;           /* this ACK's sample, not by the clock of timestamps, which is
                                    * coarse; negative: none */
    struct duration rtt_in_order;  /* the same, unless what it is of was SACKed: that may have
                                    * overtaken others on a shorter way */
    struct duration srtt, min_rtt; /* 0: not known yet */
    struct rate_sample rate;
    bool reordered;    /* the path is known to reorder: what is SACKed has only overtaken */
    bool cwnd_limited; /* the sender was held back by cwnd in this round: growth is allowed */
    bool in_recovery;  /* PRR rules cwnd (fast recovery, CWR), at this ACK's start or still; not
                        * after a timeout: slow start goes on then */
    bool ece;
};

/* Why the window must shrink. */
enum cc_cause { CC_CAUSE_LOSS, CC_CAUSE_ECN };

struct cc_loss {
    struct instant now;
    enum cc_cause cause;
    uint64_t flight; /* FlightSize (RFC 5681, 2) at this moment, limited transmit excluded */
    uint64_t lost;   /* bytes just taken as lost */
    struct duration srtt;
    seqno una, nxt;
};

struct cc;

struct cc_ops {
    const char *name; /* as in TCP_CONGESTION: "reno" */
    bool paced;       /* sets pacing_rate itself; else the sender derives it from cwnd / srtt */
    bool owns_recovery_window; /* a model-based algorithm: cwnd in recovery is its own, not PRR's */
    bool echoes_exactly; /* as a receiver it tells of each mark, not RFC 3168's way (RFC 8257) */
    void (*init)(struct cc *cc, struct instant now);
    void (*on_ack)(struct cc *cc, const struct cc_ack *ack);
    /* Fast recovery begins, or an ECN mark asks for a reduction: set ssthresh (cwnd follows it by
     * PRR). An ECN mark may put cwnd itself below ssthresh, down to 1 SMSS: min(cwnd, ssthresh) is
     * to follow. */
    void (*on_loss)(struct cc *cc, const struct cc_loss *loss);
    /* Recovery is complete. */
    void (*on_recovered)(struct cc *cc, struct instant now);
    /* The first retransmission timeout of a flight: set ssthresh and cwnd (1 SMSS). */
    void (*on_timeout)(struct cc *cc, const struct cc_loss *loss);
    /* The reduction was not justified: take it back (cwnd, ssthresh and own state as before it). */
    void (*on_undo)(struct cc *cc, struct instant now);
    /* The connection was idle for `idle` with nothing in flight (RFC 5681, 4.1; RFC 9438, 5.8). */
    void (*on_idle)(struct cc *cc, struct duration idle, struct duration rto, struct instant now);
};

enum { CC_PRIVATE_WORDS = 38 };
#define CC_SSTHRESH_INFINITE (UINT64_MAX / 2)
/* More than any window that window scaling can offer (RFC 7323, 2.3: 2^30), so that sums never
 * overflow. */
#define CC_CWND_MAX (UINT64_C(1) << 31)

struct cc {
    const struct cc_ops *ops;
    uint64_t cwnd, ssthresh; /* bytes; the RFC's names */
    uint64_t pacing_rate; /* bytes a second; 0: not paced. Of ops->paced, else kept by the sender */
    uint32_t smss;        /* sender maximum segment size, bytes */
    uint32_t initial_cwnd;               /* bytes */
    uint64_t prior_cwnd, prior_ssthresh; /* at the last reduction, for on_undo() */
    bool restart_after_idle;
    bool reduces_cwnd; /* CUBIC: ssthresh is a share of cwnd, not of what is in flight */
    uint64_t private[CC_PRIVATE_WORDS]; /* the algorithm's own struct: use CC_PRIVATE() */
};

/* The algorithm's own state inside struct cc: CC_PRIVATE(cc, struct cubic). */
#define CC_PRIVATE(cc, type)                                                                       \
    ({                                                                                             \
        _Static_assert(sizeof(type) <= sizeof(((struct cc *)0)->private),                          \
                       "private part too large");                                                  \
        (type *)(void *)(cc)->private;                                                             \
    })

#define CC_ALGORITHM(name) extern const struct cc_ops cc_##name;
#include "tcp/cc.def"
#undef CC_ALGORITHM

/* The algorithm of that name, or NULL. */
const struct cc_ops *cc_find(const char *name);
/* The names, one after another: index 0, 1 ...; NULL at the end. The first is the default. */
const char *cc_name(unsigned index);

/* Starts an algorithm on a new connection: cwnd = initial_segments (at least 1) segments, ssthresh
 * infinite (R5681-02), restart_after_idle set. When the SYN or SYN-ACK was lost the caller asks for
 * 1 (R5681-16, R6928-02). `smss` > 0. */
void cc_start(struct cc *cc, const struct cc_ops *ops, uint32_t smss, uint32_t initial_segments,
              struct instant now);
/* Changes the algorithm in mid-connection; cwnd and ssthresh stay. */
void cc_switch(struct cc *cc, const struct cc_ops *ops, struct instant now);
/* The path's segment size changed: cwnd and ssthresh are kept in segments (R5681-19), at least
 * one and two. */
void cc_set_smss(struct cc *cc, uint32_t smss);

/* RFC 5681 pieces that algorithms share. The bytes of this ACK that may count towards growth: none
 * in recovery, none when cwnd was not the limit (RFC 7661, 4.3; R9438-06), none of a duplicate;
 * else what is new. Not RFC 5681, 3.1: what is SACKed counts as well, with an ACK that advances
 * SND.UNA, and on a path that reorders with each, as Linux has it: else a window of which something
 * always overtakes something would hardly grow. */
uint64_t cc_countable(const struct cc_ack *ack);
/* Slow start with byte counting: returns what of `acked` is left over when ssthresh is reached. */
uint64_t cc_slow_start(struct cc *cc, uint64_t acked);
/* Congestion avoidance with byte counting (RFC 5681, 3.1; RFC 3465, 2.1): *counted gathers `acked`;
 * one SMSS more for each cwnd of them, so that one round trip gives one SMSS. */
void cc_congestion_avoidance(struct cc *cc, uint64_t *counted, uint64_t acked);
/* cwnd = bytes, within 1 SMSS and CC_CWND_MAX. */
void cc_set_cwnd(struct cc *cc, uint64_t bytes);
/* max(bytes, 2 SMSS): ssthresh after a reduction (RFC 5681, 3.1, equation 4). */
uint64_t cc_ssthresh_floor(const struct cc *cc, uint64_t bytes);
/* What was before the last reduction, which was not justified; for on_undo(). */
void cc_restore(struct cc *cc, struct instant now);
/* The reductions themselves, to `bytes` (RFC 5681, 3.1 and 3.2; RFC 3168, 6.1.2; RFC 9438, 4.6
 * and 4.8): for on_loss() and on_timeout(). What was before is remembered for cc_restore(). */
void cc_reduce(struct cc *cc, uint64_t bytes, enum cc_cause cause);
void cc_collapse(struct cc *cc, uint64_t bytes);
/* on_idle(): the restart window (RFC 5681, 4.1), or, with restart_after_idle unset, RFC 7661's
 * rule: the window is kept for five minutes, then halved down to initial_cwnd (R7661-01). */
void cc_restart(struct cc *cc, struct duration idle, struct duration rto, struct instant now);
static inline bool cc_in_slow_start(const struct cc *cc)
{
    return cc->cwnd < cc->ssthresh;
}

#endif
