/* BBR's model of the path (the draft's "Updating Network Path Model Parameters"). See
 * cc_bbr_model.h. */
#include "tcp/cc_bbr_model.h"

enum {
    LOSS_THRESH_PERCENT = 2,
    /* Not the draft's: see bbr_is_inflight_too_high(). Too much by a quarter loses a fifth, by
     * Startup's gain two thirds. */
    LINK_LOSS_PERCENT = 15,
    LINK_LOSS_STARTUP_PERCENT = 30,
    QUEUE_SEEN_DIVISOR = 8, /* a round trip longer than the least by so much */
    QUEUE_SEEN_LEAST_US = 500,
    HEADROOM_PERCENT = 15,
    FULL_BW_ROUNDS = 3,
    MIN_PIPE_CWND_SEGMENTS = 4,
    EXTRA_ACKED_HALF_ROUNDS = 5, /* BBR.ExtraAckedFilterLen = 10 rounds, as two halves */
    SEND_QUANTUM_MAX = 65536,
    NS_PER_S = 1000000000,
};

/* What `rate`, at most BBR_BW_MAX, carries in `time`: below 2^44 * 2^63 / 2^29. */
static unsigned __int128 volume_of(uint64_t rate, struct duration time)
{
    uint64_t ns = time.ns > 0 ? (uint64_t)time.ns : 0;

    return (unsigned __int128)rate * ns / NS_PER_S;
}

/* --- volumes that the model allows --- */

uint64_t bbr_min_pipe_cwnd(const struct cc *cc)
{
    return (uint64_t)MIN_PIPE_CWND_SEGMENTS * cc->smss;
}

/* SetSendQuantum() */
static uint64_t send_quantum(const struct cc *cc)
{
    return bbr_greater(bbr_lesser(cc->pacing_rate / 1000, SEND_QUANTUM_MAX),
                       2 * (uint64_t)cc->smss);
}

/* BDPMultiple() */
uint64_t bbr_bdp_multiple(struct cc *cc, uint64_t bw, uint32_t gain)
{
    unsigned __int128 bdp = volume_of(bw, bbr_of(cc)->min_rtt);

    if (bbr_of(cc)->min_rtt.ns == INT64_MAX)
        return cc->initial_cwnd; /* no valid RTT samples yet */
    return bdp < CC_CWND_MAX ? bbr_percent_of((uint64_t)bdp, gain) : CC_CWND_MAX;
}

/* QuantizationBudget(), with TCP's offload budget of three quanta. */
uint64_t bbr_quantization_budget(struct cc *cc, uint64_t inflight_cap)
{
    inflight_cap = bbr_greater(inflight_cap, 3 * send_quantum(cc));
    inflight_cap = bbr_greater(inflight_cap, bbr_min_pipe_cwnd(cc));
    if (bbr_of(cc)->state == BBR_PROBE_BW_UP)
        inflight_cap += 2 * (uint64_t)cc->smss;
    return inflight_cap;
}

/* Inflight(1.0) at a bandwidth. */
uint64_t bbr_inflight(struct cc *cc, uint64_t bw)
{
    return bbr_quantization_budget(cc, bbr_bdp_multiple(cc, bw, 100));
}

/* TargetInflight(): our estimated BDP, unless congestion cut cwnd. */
uint64_t bbr_target_inflight(struct cc *cc)
{
    return bbr_lesser(bbr_bdp_multiple(cc, bbr_of(cc)->bw, 100), cc->cwnd);
}

/* InflightWithHeadroom() */
uint64_t bbr_inflight_with_headroom(struct cc *cc)
{
    uint64_t longterm = bbr_of(cc)->inflight_longterm;
    uint64_t headroom;

    if (longterm == BBR_INFINITE)
        return BBR_INFINITE;
    headroom = bbr_greater(bbr_percent_of(longterm, HEADROOM_PERCENT), cc->smss);
    return bbr_greater(longterm > headroom ? longterm - headroom : 0, bbr_min_pipe_cwnd(cc));
}

/* --- small parts of the model --- */

static bool is_probing_bw(const struct bbr *bbr)
{
    return bbr->state == BBR_STARTUP || bbr->state == BBR_PROBE_BW_REFILL ||
           bbr->state == BBR_PROBE_BW_UP;
}

void bbr_start_round(struct bbr *bbr)
{
    bbr->next_round_delivered = bbr->delivered;
}

void bbr_reset_congestion_signals(struct bbr *bbr)
{
    bbr->is_loss_in_round = bbr->is_mark_in_round = false;
    bbr->bw_latest = 0;
    bbr->rtt_latest = DURATION_FOREVER;
    bbr->inflight_latest = 0;
}

void bbr_reset_shortterm_model(struct bbr *bbr)
{
    bbr->bw_shortterm = BBR_INFINITE;
    bbr->inflight_shortterm = BBR_INFINITE;
}

void bbr_reset_full_bw(struct bbr *bbr)
{
    bbr->full_bw = 0;
    bbr->full_bw_count = 0;
    bbr->full_bw_now = false;
}

/* AdvanceMaxBwFilter(); a cycle without samples is no reason to forget. */
void bbr_advance_max_bw_filter(struct bbr *bbr)
{
    if (bbr->max_bw_filter[1] == 0)
        return;
    bbr->max_bw_filter[0] = bbr->max_bw_filter[1];
    bbr->max_bw_filter[1] = 0;
    bbr->max_bw = bbr->max_bw_filter[0];
}

/* --- the window and the state before a loss --- */

void bbr_save_cwnd(struct cc *cc)
{
    struct bbr *bbr = bbr_of(cc);

    if (!bbr->in_recovery && bbr->state != BBR_PROBE_RTT)
        bbr->prior_cwnd = cc->cwnd;
    else
        bbr->prior_cwnd = bbr_greater(bbr->prior_cwnd, cc->cwnd);
}

void bbr_restore_cwnd(struct cc *cc)
{
    cc_set_cwnd(cc, bbr_greater(cc->cwnd, bbr_of(cc)->prior_cwnd));
}

void bbr_save_state_upon_loss(struct cc *cc)
{
    struct bbr *bbr = bbr_of(cc);

    bbr_save_cwnd(cc);
    bbr->undo_to_state = false;
    bbr->undo_bw_shortterm = bbr->bw_shortterm;
    bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
    bbr->undo_inflight_longterm = bbr->inflight_longterm;
}

/* --- what an ACK says of the path --- */

/* MarkConnectionAppLimited() in ProbeRTT: what is sent in it says nothing of the bandwidth. */
static bool is_held_down(const struct bbr *bbr, const struct rate_sample *rs)
{
    return rs->prior_delivered >= bbr->quiet_from && rs->prior_delivered < bbr->quiet_to;
}

struct rate_sample bbr_sample(const struct bbr *bbr, const struct cc_ack *ack)
{
    struct rate_sample rs = ack->rate;

    if (rs.delivered == 0)
        return (struct rate_sample){.delivered = 0};
    rs.delivered = bbr_lesser(rs.delivered, CC_CWND_MAX);
    rs.rate = bbr_lesser(rs.rate, BBR_BW_MAX);
    rs.tx_in_flight = bbr_lesser(rs.tx_in_flight, CC_CWND_MAX);
    rs.lost = bbr_lesser(rs.lost, CC_CWND_MAX);
    rs.app_limited = rs.app_limited || is_held_down(bbr, &rs);
    return rs;
}

/* UpdateLatestDeliverySignals() */
void bbr_update_latest_delivery_signals(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    bbr->loss_round_start = false;
    bbr->bw_latest = bbr_greater(bbr->bw_latest, turn->rs.rate);
    bbr->inflight_latest = bbr_greater(bbr->inflight_latest, turn->rs.delivered);
    if (turn->ack->rtt.ns >= 0)
        bbr->rtt_latest = duration_min(bbr->rtt_latest, turn->ack->rtt);
    if (turn->rs.delivered > 0 && turn->rs.prior_delivered >= bbr->loss_round_delivered) {
        bbr->loss_round_delivered = bbr->delivered;
        bbr->loss_round_start = true;
    }
}

/* AdvanceLatestDeliverySignals() */
void bbr_advance_latest_delivery_signals(struct bbr_turn *turn)
{
    if (!turn->bbr->loss_round_start)
        return;
    turn->bbr->bw_latest = turn->rs.rate;
    turn->bbr->inflight_latest = turn->rs.delivered;
    turn->bbr->rtt_latest = turn->ack->rtt.ns >= 0 ? turn->ack->rtt : DURATION_FOREVER;
}

/* Every packet of this round waited somewhere. */
static bool is_queue_seen(const struct bbr *bbr)
{
    struct duration more = duration_max(duration_ns(bbr->min_rtt.ns / QUEUE_SEEN_DIVISOR),
                                        duration_us(QUEUE_SEEN_LEAST_US));

    return bbr->rtt_latest.ns > duration_add(bbr->min_rtt, more).ns;
}

/* The round lost packets, but no queue stood, and nearly what was sent arrived: less of it would
 * not have been lost. */
static bool is_loss_of_link(const struct bbr *bbr)
{
    return !bbr->is_mark_in_round && !is_queue_seen(bbr) &&
           bbr->bw_latest >= bbr_percent_of(bbr->bw, 100 - LINK_LOSS_PERCENT);
}

static void update_round(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    bbr->round_start = turn->rs.delivered > 0 &&
                       turn->rs.prior_delivered >= bbr->next_round_delivered;
    if (!bbr->round_start)
        return;
    bbr_start_round(bbr);
    bbr->round_count++;
    bbr->rounds_since_probe_up++;
}

static void update_max_bw(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    update_round(turn);
    if (turn->rs.rate == 0 || (turn->rs.rate < bbr->max_bw && turn->rs.app_limited))
        return;
    bbr->max_bw_filter[1] = bbr_greater(bbr->max_bw_filter[1], turn->rs.rate);
    bbr->max_bw = bbr_greater(bbr->max_bw_filter[0], bbr->max_bw_filter[1]);
}

/* InitLowerBounds() and LossLowerBounds(): not more drastic than CUBIC. */
static void lower_bounds_after_loss(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->bw_shortterm == BBR_INFINITE)
        bbr->bw_shortterm = bbr->max_bw;
    if (bbr->inflight_shortterm == BBR_INFINITE)
        bbr->inflight_shortterm = turn->cc->cwnd;
    bbr->bw_shortterm = bbr_greater(bbr->bw_latest,
                                    bbr_percent_of(bbr->bw_shortterm, BBR_BETA_PERCENT));
    bbr->inflight_shortterm = bbr_greater(
        bbr->inflight_latest, bbr_percent_of(bbr->inflight_shortterm, BBR_BETA_PERCENT));
}

void bbr_update_congestion_signals(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    update_max_bw(turn);
    if (!bbr->loss_round_start)
        return;
    if (bbr->is_loss_in_round && !is_probing_bw(bbr) && !is_loss_of_link(bbr))
        lower_bounds_after_loss(turn);
    bbr->is_loss_in_round = bbr->is_mark_in_round = false;
}

/* The windowed maximum over the last ten rounds (one in Startup): two halves that take turns. */
static void note_extra_acked(struct bbr *bbr, uint64_t extra)
{
    uint32_t half = bbr->full_bw_reached ? EXTRA_ACKED_HALF_ROUNDS : 1;

    if (bbr->round_start && bbr->round_count - bbr->extra_acked_round >= half) {
        bbr->extra_acked_round = bbr->round_count;
        bbr->extra_acked_filter[0] = bbr->extra_acked_filter[1];
        bbr->extra_acked_filter[1] = 0;
    }
    bbr->extra_acked_filter[1] = bbr_greater(bbr->extra_acked_filter[1], extra);
    bbr->extra_acked = bbr_greater(bbr->extra_acked_filter[0], bbr->extra_acked_filter[1]);
}

/* UpdateACKAggregation(): what came beyond the expected. */
void bbr_update_ack_aggregation(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;
    struct instant now = turn->ack->now;
    unsigned __int128 expected = volume_of(bbr->bw,
                                           instant_since(now, bbr->extra_acked_interval_start));

    if (bbr->extra_acked_delivered <= expected) {
        bbr->extra_acked_delivered = 0;
        bbr->extra_acked_interval_start = now;
        expected = 0;
    }
    bbr->extra_acked_delivered += bbr_lesser(turn->ack->delivered, CC_CWND_MAX);
    note_extra_acked(bbr,
                     bbr_lesser(bbr->extra_acked_delivered - (uint64_t)expected, turn->cc->cwnd));
}

/* CheckFullBWReached(): three rounds without growth by a quarter. */
void bbr_check_full_bw_reached(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->full_bw_now || !bbr->round_start || turn->rs.app_limited)
        return;
    if (turn->rs.rate >= bbr->full_bw + bbr->full_bw / 4) {
        bbr_reset_full_bw(bbr);
        bbr->full_bw = turn->rs.rate;
        return;
    }
    bbr->full_bw_count++;
    bbr->full_bw_now = bbr->full_bw_count >= FULL_BW_ROUNDS;
    if (bbr->full_bw_now)
        bbr->full_bw_reached = true;
}

bool bbr_is_inflight_too_high(const struct bbr_turn *turn)
{
    uint64_t lost = turn->rs.lost * 100, sent = turn->rs.tx_in_flight;
    uint64_t of_link = turn->bbr->state == BBR_STARTUP ? LINK_LOSS_STARTUP_PERCENT
                                                       : LINK_LOSS_PERCENT;

    return lost > sent * LOSS_THRESH_PERCENT && (lost > sent * of_link || is_queue_seen(turn->bbr));
}

/* NoteLoss() */
void bbr_note_loss(struct cc *cc)
{
    struct bbr *bbr = bbr_of(cc);

    if (!bbr->is_loss_in_round) {
        bbr->loss_round_delivered = bbr->delivered;
        bbr_save_state_upon_loss(cc);
    }
    bbr->is_loss_in_round = true;
}
