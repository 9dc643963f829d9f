/* Finding out what was lost, and how much may be sent while it is repaired: RACK-TLP (RFC 8985), duplicate
 * ACKs with SACK (RFC 6675) and without (RFC 6582), proportional rate reduction (RFC 9937), spurious
 * recovery found and undone (RFC 5682 F-RTO, RFC 3522 Eifel, D-SACK). A leaf above sent.h, rtt.h and cc.h:
 * it sees no connection, sends nothing, reads no clock; it marks records lost and sets cwnd. */
#ifndef TUNNY_TCP_RECOVERY_H
#define TUNNY_TCP_RECOVERY_H

#include "tcp/cc.h"
#include "tcp/rtt.h"
#include "tcp/sent.h"
#include "tcp/tunables.h"
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
    seqno recover;             /* the phase ends when SND.UNA reaches it (RFC 6582; RFC 6675 RecoveryPoint) */
    uint32_t duplicate_acks;   /* RFC 5681's count */
    uint32_t dup_threshold;    /* tcp_reordering, raised by reordering without RACK */
    /* PRR (RFC 9937). */
    uint64_t prr_delivered, prr_out, recover_fs;
    /* RACK (RFC 8985, 5.3): the most recently sent that was delivered. */
    struct instant rack_sent_at;
    seqno rack_to;
    struct duration rack_rtt;
    seqno rack_fack;           /* behind the highest number delivered ever */
    bool reordering_seen;
    uint8_t reo_wnd_mult, reo_wnd_persist;
    seqno dsack_round;         /* 0: none in this round */
    struct instant reorder_deadline; /* INSTANT_NEVER: nothing waits */
    /* TLP (RFC 8985, 7). */
    seqno tlp_end;             /* SND.NXT at the probe; 0: none outstanding */
    bool tlp_is_retransmission, tlp_rtt_seen;
    /* Undo. */
    seqno undo_marker;         /* SND.UNA at the reduction; 0: nothing to undo */
    uint32_t undo_retransmissions; /* of this episode, not yet reported as duplicates */
    bool retransmit_stamped;   /* Eifel: ts of the first retransmission is known */
    uint32_t retransmit_ts;
    bool frto;                 /* F-RTO is watching (RFC 5682) */
    uint8_t frto_step;
    seqno frto_nxt;            /* SND.NXT when new text was sent in step 2 */
    /* ECN. */
    seqno cwr_end;             /* no second reduction before SND.UNA reaches it */
    uint32_t limited_transmit; /* bytes sent on the first duplicate ACKs (R5681-18) */
    uint32_t timeouts;         /* consecutive retransmission timeouts */
    uint32_t fast_recoveries, spurious; /* counts for TCP_INFO and tests */
    uint32_t reordering_events;
};

/* What one ACK says beyond what `delivery` holds. */
struct recovery_ack {
    struct instant now;
    seqno una_before, una, nxt; /* SND.UNA before and after; SND.NXT (the highest ever sent) */
    bool duplicate;             /* RFC 5681's definition, or for SACK: carried new SACK news */
    bool sack;                  /* SACK was agreed on for this connection */
    bool has_dsack;
    seqno dsack_left, dsack_right;
    bool has_ts_ecr;            /* the ACK has a valid TSecr */
    uint32_t ts_ecr;
    bool ece;                   /* ECN echo on a connection that does ECN */
    bool cwnd_limited;
    uint32_t mss;
    uint64_t unsent;            /* bytes of new text that wait to be sent */
};

/* Everything the module works on, handed in together. */
struct recovery_scene {
    struct recovery *recovery;
    struct sent *sent;
    struct cc *cc;
    struct rtt *rtt;            /* sampled by the caller, before recovery_on_ack() */
    const struct tcp_tunables *tunables;
    struct trace *trace;
};

void recovery_init(struct recovery *recovery, const struct tcp_tunables *tunables);

/* An acceptable ACK arrived; sent_sack() and sent_acknowledge() were called for it. Detects losses, enters
 * and leaves recovery, undoes, and lets the congestion control act. */
void recovery_on_ack(const struct recovery_scene *scene, const struct recovery_ack *ack,
                     const struct sent_delivery *delivery);

/* The retransmission timer expired (RFC 6298, 5.4; RFC 8985, 6.3). The caller backs the RTO off. Afterwards
 * sent_first_lost() is what to send. */
void recovery_on_timeout(const struct recovery_scene *scene, seqno una, seqno nxt, uint32_t mss,
                         struct instant now);
/* reorder_deadline came (RFC 8985, 6.2 step 5). */
void recovery_on_reorder_timer(const struct recovery_scene *scene, seqno una, seqno nxt, uint32_t mss,
                               struct instant now);

/* Something was sent: `again` for retransmissions. `ts`: our TSval in it (Eifel). */
void recovery_on_sent(const struct recovery_scene *scene, uint32_t bytes, bool again, uint32_t ts);

/* How many bytes congestion control lets leave now (RFC 9937 in recovery; cwnd - pipe otherwise; with
 * limited transmit two segments more on the first duplicate ACKs). */
uint64_t recovery_allowance(const struct recovery_scene *scene, uint32_t mss);

/* When to send a tail loss probe: the time after `now`, counted from the last transmission (RFC 8985, 7.2);
 * negative when none is due (one is outstanding, no SACK, not OPEN or DISORDER, no text in flight). */
struct duration recovery_probe_timeout(const struct recovery_scene *scene, uint32_t mss,
                                       bool sack_agreed);
/* A probe left: new text or the last segment again. */
void recovery_on_probe(const struct recovery_scene *scene, seqno nxt, bool retransmission,
                       struct instant now);

#endif
