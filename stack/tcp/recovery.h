/* Finding out what was lost, and how much may be sent while it is repaired: RACK-TLP (RFC 8985),
 * duplicate ACKs with SACK (RFC 6675) and without (RFC 6582), proportional rate reduction (RFC
 * 9937), spurious recovery found and undone (RFC 5682 F-RTO, RFC 3522 Eifel, D-SACK). A leaf above
 * sent.h, rtt.h and cc.h: it sees no connection, sends nothing, reads no clock; it marks records
 * lost and sets cwnd. */
#ifndef TUNNY_TCP_RECOVERY_H
#define TUNNY_TCP_RECOVERY_H

#include "tcp/cc.h"
#include "tcp/dup_acks.h"
#include "tcp/frto.h"
#include "tcp/prr.h"
#include "tcp/rack.h"
#include "tcp/rtt.h"
#include "tcp/sent.h"
#include "tcp/tail_probe.h"
#include "tcp/tunables.h"
#include "tcp/undo.h"
#include "trace/trace.h"

/* The order and meaning of TCP_INFO's tcpi_ca_state. */
enum recovery_phase {
    RECOVERY_OPEN,     /* nothing unusual */
    RECOVERY_DISORDER, /* duplicate ACKs or SACKs, nothing taken as lost */
    RECOVERY_CWR,      /* the window shrinks because of ECN (or another local reason) */
    RECOVERY_FAST,     /* fast recovery */
    RECOVERY_LOSS,     /* after a retransmission timeout */
};

struct recovery {
    enum recovery_phase phase;
    seqno recover;           /* the phase ends when SND.UNA reaches it (RFC 6675: RecoveryPoint) */
    seqno careful_until;     /* without SACK: RFC 6582's "recover" */
    uint32_t duplicate_acks; /* RFC 5681's count */
    uint32_t dup_threshold;  /* tcp_reordering, raised by reordering */
    struct dup_acks dups;    /* without SACK: what they have reported */
    seqno counted_below;     /* RFC 6675: records below were judged */
    uint64_t reduce_to;      /* bytes: what cwnd ends at in CWR and FAST: ssthresh */
    struct prr prr;
    struct rack rack;
    struct instant reorder_deadline; /* INSTANT_NEVER: nothing waits */
    struct tail_probe probe;
    struct undo undo;
    struct frto frto;
    struct instant timed_out_at;      /* the last retransmission timeout */
    struct instant timed_out_sent_at; /* when what timed out was sent first */
    struct duration timed_out_delay;  /* how long its acknowledgment took; negative: not here yet */
    seqno cwr_end;                    /* ECN: no second reduction before SND.UNA is beyond it */
    uint32_t limited_transmit;        /* bytes sent on the first duplicate ACKs (R5681-18) */
    uint32_t timeouts;                /* consecutive retransmission timeouts */
    uint32_t fast_recoveries, spurious; /* counts for TCP_INFO and tests */
    uint32_t reordering_events;
    uint64_t lost_reported; /* sent->lost_total at the last cc_ack */
    bool without_sack;
    struct {
        seqno from, to; /* text that a larger packet carries than is known to arrive; 0: none */
        bool lost;      /* it, and nothing else */
    } mtu_probe;
};

/* What one ACK says beyond what `delivery` holds. */
struct recovery_ack {
    struct instant now;
    seqno una_before, una, nxt; /* SND.UNA before and after; SND.NXT (the highest ever sent) */
    bool duplicate;             /* RFC 5681's definition, or for SACK: carried new SACK news */
    bool sack;                  /* SACK was agreed on for this connection */
    bool has_dsack;
    seqno dsack_left, dsack_right;
    bool has_ts_ecr; /* the ACK has a valid TSecr */
    uint32_t ts_ecr;
    bool ece;           /* it reports marks, on a connection that does ECN */
    uint64_t ce_marked; /* bytes of them, with accurate ECN */
    bool cwnd_limited;
    uint32_t mss;
    uint64_t unsent; /* bytes of new text that wait to be sent */
    /* Bytes that earlier ACKs let go and that have not left yet, because the ACKs of one turn are
     * answered together: in flight as far as reductions are concerned. */
    uint64_t due;
};

/* Everything the module works on, handed in together. */
struct recovery_scene {
    struct recovery *recovery;
    struct sent *sent;
    struct cc *cc;
    struct rtt *rtt; /* sampled by the caller, before recovery_on_ack() */
    const struct tcp_tunables *tunables;
    struct trace *trace;
};

void recovery_init(struct recovery *recovery, const struct tcp_tunables *tunables);

/* An acceptable ACK arrived; sent_sack() and sent_acknowledge() were called for it. Takes the rate
 * sample, detects losses, enters and leaves recovery, undoes, and lets the congestion control act.
 */
void recovery_on_ack(const struct recovery_scene *scene, const struct recovery_ack *ack,
                     const struct sent_delivery *delivery);

/* The retransmission timer expired (RFC 6298, 5.4; RFC 8985, 6.3). The caller backs the RTO off.
 * Afterwards sent_first_lost() is what to send. */
void recovery_on_timeout(const struct recovery_scene *scene, seqno una, seqno nxt, uint32_t mss,
                         struct instant now);
/* RFC 4821, 7.6.2: the loss of this text alone is no congestion: it goes again, the window stays,
 * and recovery->mtu_probe.lost says so. */
void recovery_watch_mtu_probe(struct recovery *recovery, seqno from, seqno to);
void recovery_forget_mtu_probe(struct recovery *recovery);
/* The path carries less than was thought: what is marked lost now was not lost to congestion. It
 * goes again without a reduction (RFC 8201, 5.4; R8201-03). */
void recovery_on_path_mtu(struct recovery *recovery, seqno nxt);
/* reorder_deadline came (RFC 8985, 6.2 step 5). */
void recovery_on_reorder_timer(const struct recovery_scene *scene, seqno una, seqno nxt,
                               uint32_t mss, struct instant now);

/* Something was sent, after sent_add() or sent_again(): `again` for retransmissions. `ts`: our
 * TSval in it (Eifel), 0 without timestamps. */
void recovery_on_sent(const struct recovery_scene *scene, uint32_t bytes, bool again, uint32_t ts);

/* How many bytes congestion control lets leave now (RFC 9937 in recovery; cwnd - pipe otherwise;
 * with limited transmit two segments more on the first duplicate ACKs). */
uint64_t recovery_allowance(const struct recovery *recovery, const struct sent *sent,
                            const struct cc *cc, const struct tcp_tunables *tunables);

/* When to send a tail loss probe: the time after `now`, counted from the last transmission (RFC
 * 8985, 7.2); negative when none is due (one is outstanding, no SACK, not OPEN or DISORDER, no text
 * in flight). */
struct duration recovery_probe_timeout(const struct recovery_scene *scene, bool sack_agreed);
/* A probe left: new text or the last segment again. */
void recovery_on_probe(const struct recovery_scene *scene, seqno nxt, bool retransmission);

#endif
