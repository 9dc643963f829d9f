/* BBR's model of the path: its bandwidth, its round-trip time, how much it bears in flight
 * (draft-ietf-ccwg-bbr, in whose names all is written). A leaf under cc_bbr.c, which decides what
 * to do with it, and which shares the state below with it; tests, and whoever shows a connection's
 * inner life, may look. Bytes, and bytes a second; no function here sets cwnd except
 * bbr_restore_cwnd(). */
#ifndef TUNNY_TCP_CC_BBR_MODEL_H
#define TUNNY_TCP_CC_BBR_MODEL_H

#include "tcp/cc.h"

enum bbr_state {
    BBR_STARTUP,
    BBR_DRAIN,
    BBR_PROBE_BW_DOWN,
    BBR_PROBE_BW_CRUISE,
    BBR_PROBE_BW_REFILL,
    BBR_PROBE_BW_UP,
    BBR_PROBE_RTT,
};

enum bbr_ack_phase {
    BBR_ACKS_INIT,
    BBR_ACKS_REFILLING,
    BBR_ACKS_PROBE_STARTING,
    BBR_ACKS_PROBE_FEEDBACK,
    BBR_ACKS_PROBE_STOPPING,
};

#define BBR_INFINITE UINT64_MAX
/* More than any link: products with times stay within 128 bits, sums within 64. */
#define BBR_BW_MAX (UINT64_C(1) << 44)

enum { BBR_BETA_PERCENT = 70 };

/* Bytes, bytes a second, and base/time.h's units. */
struct bbr {
    /* The path: rates. */
    uint64_t max_bw_filter[2]; /* the maximum of the previous probing cycle and of this one */
    uint64_t max_bw, bw, bw_shortterm, bw_latest;
    uint64_t full_bw;
    /* The path: volumes. */
    uint64_t inflight_longterm, inflight_shortterm, inflight_latest;
    uint64_t extra_acked_filter[2]; /* two halves of the window of rounds */
    uint64_t extra_acked, extra_acked_delivered;
    struct instant extra_acked_interval_start;
    struct duration min_rtt; /* DURATION_FOREVER: none yet */
    struct instant min_rtt_stamp;
    struct duration rtt_latest; /* the least of this loss round; DURATION_FOREVER: none yet */
    /* Rounds, counted by `delivered`. */
    uint64_t delivered; /* the connection's, at the last ACK */
    uint64_t next_round_delivered, loss_round_delivered;
    uint32_t round_count, drain_start_round, rounds_since_probe_up, extra_acked_round;
    /* Probing for bandwidth. */
    uint64_t bw_probe_up_acked, probe_up_acked_per_inc;
    struct instant cycle_stamp;
    struct duration bw_probe_wait;
    /* Probing for the round-trip time. */
    struct instant probe_rtt_done_stamp; /* INSTANT_ZERO: not yet counting */
    uint64_t probe_rtt_cwnd;
    uint64_t quiet_from, quiet_to; /* samples sent at these `delivered` are held down by us */
    /* What an undo brings back. */
    uint64_t prior_cwnd, undo_bw_shortterm, undo_inflight_shortterm, undo_inflight_longterm;
    uint8_t state, ack_phase; /* enum bbr_state, enum bbr_ack_phase */
    uint8_t undo_state;       /* BBR_STARTUP or BBR_PROBE_BW_UP, when undo_to_state */
    uint8_t full_bw_count, bw_probe_up_rounds, loss_events;
    bool undo_to_state;
    bool round_start, loss_round_start, is_loss_in_round, is_mark_in_round;
    bool full_bw_reached, full_bw_now;
    bool is_bw_probe_sample, prev_probe_too_high, prev_probe_precautionary;
    bool min_rtt_expired, probe_rtt_round_done;
    bool idle_restart, in_recovery, has_seen_rtt;
};

/* One ACK. */
struct bbr_turn {
    struct cc *cc;
    struct bbr *bbr;
    const struct cc_ack *ack;
    struct rate_sample rs; /* delivered 0: none */
};

static inline struct bbr *bbr_of(struct cc *cc)
{
    return CC_PRIVATE(cc, struct bbr);
}

static inline uint64_t bbr_lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t bbr_greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* value * percent / 100; for values that are not BBR_INFINITE. */
static inline uint64_t bbr_percent_of(uint64_t value, uint32_t percent)
{
    return (uint64_t)((unsigned __int128)value * percent / 100);
}

static inline bool bbr_is_in_a_probe_bw_state(const struct bbr *bbr)
{
    return bbr->state >= BBR_PROBE_BW_DOWN && bbr->state <= BBR_PROBE_BW_UP;
}

/* What may be in flight: BBR.MinPipeCwnd; `gain` percent of what `bw` makes with min_rtt; that with
 * room for offload; 100 % of it; the BDP unless congestion cut cwnd; inflight_longterm less 15 %.
 */
uint64_t bbr_min_pipe_cwnd(const struct cc *cc);
uint64_t bbr_bdp_multiple(struct cc *cc, uint64_t bw, uint32_t gain);
uint64_t bbr_quantization_budget(struct cc *cc, uint64_t inflight_cap);
uint64_t bbr_inflight(struct cc *cc, uint64_t bw);
uint64_t bbr_target_inflight(struct cc *cc);
uint64_t bbr_inflight_with_headroom(struct cc *cc);

void bbr_start_round(struct bbr *bbr);
void bbr_reset_congestion_signals(struct bbr *bbr);
void bbr_reset_shortterm_model(struct bbr *bbr);
void bbr_reset_full_bw(struct bbr *bbr);
void bbr_advance_max_bw_filter(struct bbr *bbr);

/* The last good window, and the model, before a loss that may turn out to be none. */
void bbr_save_cwnd(struct cc *cc);
void bbr_restore_cwnd(struct cc *cc);
void bbr_save_state_upon_loss(struct cc *cc);
void bbr_note_loss(struct cc *cc);

/* This ACK's rate sample, within bounds; all of it 0 when there is none. */
struct rate_sample bbr_sample(const struct bbr *bbr, const struct cc_ack *ack);
/* More than 2 % lost of what was in flight, and not for want of a better link only. Not the draft,
 * which takes every such loss for congestion: on a link that damages packets it would shrink from
 * probe to probe and never find out what the link carries. Up to 15 % count as the link's own while
 * no queue is seen; where packets are lost for want of room, a queue stands before, or the probe's
 * excess of a quarter is lost. */
bool bbr_is_inflight_too_high(const struct bbr_turn *turn);
/* The steps of the draft's UpdateModelAndState() that concern the model, in their order. */
void bbr_update_latest_delivery_signals(struct bbr_turn *turn);
void bbr_update_congestion_signals(struct bbr_turn *turn);
void bbr_update_ack_aggregation(struct bbr_turn *turn);
void bbr_check_full_bw_reached(struct bbr_turn *turn);
void bbr_advance_latest_delivery_signals(struct bbr_turn *turn);

#endif
