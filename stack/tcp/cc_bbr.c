/* BBR version 3 (draft-ietf-ccwg-bbr; its section numbers are left out because they still move,
 * functions bear its names): models the path by its bandwidth and its round-trip time, paces at the
 * one, and keeps in flight what the two make. Here is the state machine and what it sets; the model
 * is cc_bbr_model.c's. Called through cc_ops; what it must not know: how a loss was found.
 *
 * Not the draft, throughout: a loss is judged by the in-flight volume of the newest segment
 * acknowledged with it, not by the lost segment's own, because the facts of an ACK do not hold the
 * latter; and TCP with and without SACK is judged alike. */
#include "tcp/cc_bbr_model.h"

enum {
    PACING_MARGIN_PERCENT = 1,
    STARTUP_FULL_LOSS_CNT = 6,
    DRAIN_ROUNDS = 3,
    MIN_RTT_FILTER_LEN_S = 10, /* BBR.ProbeRTTInterval too */
    PROBE_RTT_DURATION_MS = 200,
    PROBE_RTT_CWND_GAIN_PERCENT = 50,
    RENO_ROUNDS = 63,
    NS_PER_S = 1000000000,
};

/* The draft's table of control behavior, in percent. */
static const struct {
    uint32_t pacing, cwnd;
} gains[] = {
    [BBR_STARTUP] = {277, 200},
    [BBR_DRAIN] = {50, 200},
    [BBR_PROBE_BW_DOWN] = {90, 200},
    [BBR_PROBE_BW_CRUISE] = {100, 200},
    [BBR_PROBE_BW_REFILL] = {100, 200},
    [BBR_PROBE_BW_UP] = {125, 225},
    [BBR_PROBE_RTT] = {100, PROBE_RTT_CWND_GAIN_PERCENT},
};

/* A number that differs between flows and times, from facts that do: for spreading probes, not for
 * secrets. */
static uint64_t scatter(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) ^ b;

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* --- entering states --- */

static void enter_startup(struct bbr *bbr)
{
    bbr->state = BBR_STARTUP;
}

static void enter_drain(struct bbr *bbr)
{
    bbr->state = BBR_DRAIN;
    bbr->drain_start_round = bbr->round_count;
}

/* PickProbeWait(): 2 to 3 s, and 62 or 63 rounds. */
static void pick_probe_wait(struct bbr *bbr, struct instant now)
{
    uint64_t dice = scatter((uint64_t)now.ns, bbr->delivered ^ (uint64_t)bbr->min_rtt.ns);

    bbr->rounds_since_probe_up = (uint32_t)(dice & 1);
    bbr->bw_probe_wait = duration_add(duration_s(2), duration_us((int64_t)((dice >> 1) % 1000000)));
}

static void start_probe_bw_down(struct bbr *bbr, struct instant now)
{
    bbr_reset_congestion_signals(bbr);
    bbr->probe_up_acked_per_inc = BBR_INFINITE; /* not growing inflight_longterm */
    pick_probe_wait(bbr, now);
    bbr->cycle_stamp = now;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    bbr_start_round(bbr);
    bbr->state = BBR_PROBE_BW_DOWN;
}

static void start_probe_bw_cruise(struct bbr *bbr)
{
    bbr->state = BBR_PROBE_BW_CRUISE;
}

static void start_probe_bw_refill(struct bbr *bbr)
{
    bbr_reset_shortterm_model(bbr);
    bbr->bw_probe_up_rounds = 0;
    bbr->bw_probe_up_acked = 0;
    bbr->prev_probe_precautionary = false;
    bbr->ack_phase = BBR_ACKS_REFILLING;
    bbr_start_round(bbr);
    bbr->state = BBR_PROBE_BW_REFILL;
}

/* RaiseInflightLongtermSlope(): 1, 2, 4 ... segments a round. */
static void raise_inflight_longterm_slope(struct cc *cc)
{
    struct bbr *bbr = bbr_of(cc);
    uint64_t growth_this_round = UINT64_C(1) << bbr->bw_probe_up_rounds;

    bbr->bw_probe_up_rounds = (uint8_t)bbr_lesser(bbr->bw_probe_up_rounds + 1u, 30);
    bbr->probe_up_acked_per_inc = bbr_greater(cc->cwnd / growth_this_round, cc->smss);
}

static void start_probe_bw_up(struct cc *cc, uint64_t rate)
{
    struct bbr *bbr = bbr_of(cc);

    bbr->ack_phase = BBR_ACKS_PROBE_STARTING;
    bbr_start_round(bbr);
    bbr_reset_full_bw(bbr);
    bbr->full_bw = rate;
    bbr->state = BBR_PROBE_BW_UP;
    raise_inflight_longterm_slope(cc);
}

/* --- Startup and Drain --- */

/* CheckStartupHighLoss(): a round of fast recovery with more than 2 % lost in six places at least.
 */
static void check_startup_high_loss(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->full_bw_reached || !bbr->loss_round_start || !bbr->in_recovery ||
        bbr->loss_events < STARTUP_FULL_LOSS_CNT || !bbr_is_inflight_too_high(turn))
        return;
    bbr->undo_to_state = true;
    bbr->undo_state = BBR_STARTUP;
    bbr->full_bw_reached = true;
    bbr->inflight_longterm = bbr_greater(bbr_bdp_multiple(turn->cc, bbr->bw, 100),
                                         bbr->inflight_latest);
}

static void check_startup_done(struct bbr_turn *turn)
{
    if (turn->bbr->state != BBR_STARTUP)
        return;
    check_startup_high_loss(turn);
    if (turn->bbr->full_bw_reached)
        enter_drain(turn->bbr);
}

static void check_drain_done(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->state == BBR_DRAIN && (turn->ack->pipe <= bbr_inflight(turn->cc, bbr->bw) ||
                                    bbr->round_count > bbr->drain_start_round + DRAIN_ROUNDS))
        start_probe_bw_down(bbr, turn->ack->now);
}

/* --- ProbeBW --- */

/* HandleInflightTooHigh(), for what was in flight then. */
static void handle_inflight_too_high(struct cc *cc, const struct rate_sample *rs,
                                     struct instant now)
{
    struct bbr *bbr = bbr_of(cc);

    bbr->prev_probe_too_high = true;
    bbr->is_bw_probe_sample = false; /* only react once per bandwidth probe */
    if (!rs->app_limited)
        bbr->inflight_longterm = bbr_greater(
            rs->tx_in_flight, bbr_percent_of(bbr_target_inflight(cc), BBR_BETA_PERCENT));
    if (bbr->state == BBR_PROBE_BW_UP) {
        bbr->undo_to_state = true;
        bbr->undo_state = BBR_PROBE_BW_UP;
        start_probe_bw_down(bbr, now);
    }
}

/* HandleLostPacket(), once for all that this ACK showed to be lost. */
static void handle_losses(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (turn->ack->newly_lost == 0)
        return;
    bbr_note_loss(turn->cc);
    if (bbr->loss_events < UINT8_MAX)
        bbr->loss_events++;
    if (bbr->is_bw_probe_sample && bbr_is_inflight_too_high(turn))
        handle_inflight_too_high(turn->cc, &turn->rs, turn->ack->now);
}

/* ProbeInflightLongtermUpward() */
static void probe_inflight_longterm_upward(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (!turn->ack->cwnd_limited || turn->cc->cwnd < bbr->inflight_longterm)
        return; /* not fully using it, so don't grow it */
    bbr->bw_probe_up_acked += bbr_lesser(turn->ack->delivered, CC_CWND_MAX);
    if (bbr->bw_probe_up_acked >= bbr->probe_up_acked_per_inc) {
        uint64_t steps = bbr->bw_probe_up_acked / bbr->probe_up_acked_per_inc;
        bbr->bw_probe_up_acked -= steps * bbr->probe_up_acked_per_inc;
        bbr->inflight_longterm = bbr_lesser(bbr->inflight_longterm + steps * turn->cc->smss,
                                            CC_CWND_MAX);
    }
    if (bbr->round_start)
        raise_inflight_longterm_slope(turn->cc);
}

/* Loss rate is safe: adjust the upper bounds upward. */
static void raise_inflight_longterm(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->inflight_longterm == BBR_INFINITE)
        return;
    bbr->inflight_longterm = bbr_greater(bbr->inflight_longterm, turn->rs.tx_in_flight);
    if (bbr->state == BBR_PROBE_BW_UP)
        probe_inflight_longterm_upward(turn);
}

/* AdaptLongTermModel(); true when it decided on the next state. */
static bool adapt_long_term_model(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->ack_phase == BBR_ACKS_PROBE_STARTING && bbr->round_start)
        bbr->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
    if (bbr->ack_phase == BBR_ACKS_PROBE_STOPPING && bbr->round_start) {
        bbr->is_bw_probe_sample = false;
        bbr->ack_phase = BBR_ACKS_INIT;
        if (bbr_is_in_a_probe_bw_state(bbr) && !turn->rs.app_limited)
            bbr_advance_max_bw_filter(bbr);
        /* Precautionary bandwidth probing: it went well, so that the next may stay. */
        if (bbr_is_in_a_probe_bw_state(bbr) && bbr->prev_probe_precautionary &&
            !bbr->prev_probe_too_high) {
            start_probe_bw_refill(bbr);
            return true;
        }
    }
    if (!bbr_is_inflight_too_high(turn))
        raise_inflight_longterm(turn);
    return false;
}

/* IsTimeToProbeBW(): after 2 to 3 s, or after as many rounds as a Reno flow would need to grow by
 * as much. */
static bool is_time_to_probe_bw(const struct bbr_turn *turn)
{
    const struct bbr *bbr = turn->bbr;
    struct duration in_phase = instant_since(turn->ack->now, bbr->cycle_stamp);
    uint64_t rounds = bbr_lesser(bbr_target_inflight(turn->cc) / turn->cc->smss, RENO_ROUNDS);

    return in_phase.ns > bbr->bw_probe_wait.ns || bbr->rounds_since_probe_up >= rounds;
}

static bool is_time_to_cruise(const struct bbr_turn *turn)
{
    return turn->ack->pipe <= bbr_inflight_with_headroom(turn->cc) &&
           turn->ack->pipe <= bbr_inflight(turn->cc, turn->bbr->max_bw);
}

static bool is_time_to_go_down(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->prev_probe_too_high && turn->ack->pipe >= bbr->inflight_longterm) {
        bbr->prev_probe_precautionary = true;
        return true;
    }
    if (turn->ack->cwnd_limited && turn->cc->cwnd >= bbr->inflight_longterm) {
        bbr_reset_full_bw(bbr); /* bandwidth is limited by inflight_longterm */
        bbr->full_bw = turn->rs.rate;
        return false;
    }
    return bbr->full_bw_now;
}

/* UpdateProbeBWCyclePhase() */
static void update_probe_bw_cycle_phase(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (!bbr->full_bw_reached || adapt_long_term_model(turn))
        return;
    switch ((enum bbr_state)bbr->state) {
    case BBR_PROBE_BW_DOWN:
        if (is_time_to_probe_bw(turn))
            start_probe_bw_refill(bbr);
        else if (is_time_to_cruise(turn))
            start_probe_bw_cruise(bbr);
        return;
    case BBR_PROBE_BW_CRUISE:
        if (is_time_to_probe_bw(turn))
            start_probe_bw_refill(bbr);
        return;
    case BBR_PROBE_BW_REFILL:
        if (bbr->round_start) {
            bbr->is_bw_probe_sample = true;
            start_probe_bw_up(turn->cc, turn->rs.rate);
        }
        return;
    case BBR_PROBE_BW_UP:
        if (is_time_to_go_down(turn)) {
            bbr->prev_probe_too_high = false; /* no high loss (yet) */
            start_probe_bw_down(bbr, turn->ack->now);
        }
        return;
    case BBR_STARTUP:
    case BBR_DRAIN:
    case BBR_PROBE_RTT:
        return;
    }
}

/* --- ProbeRTT --- */

static void save_probe_rtt_cwnd(struct cc *cc)
{
    bbr_of(cc)->probe_rtt_cwnd = bbr_greater(
        bbr_bdp_multiple(cc, bbr_of(cc)->bw, PROBE_RTT_CWND_GAIN_PERCENT), bbr_min_pipe_cwnd(cc));
}

/* Not the draft: because a segment that overtook others took another way, which the others, and so
 * the pipe, are longer than, its round trip is no measure of the pipe. One per cent of such would
 * halve the BDP for good. */
static void update_min_rtt(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;
    struct duration rtt = turn->ack->rtt_in_order;

    bbr->min_rtt_expired = instant_since(turn->ack->now, bbr->min_rtt_stamp).ns >
                           duration_s(MIN_RTT_FILTER_LEN_S).ns;
    /* From what was known until now, before an inflated sample takes its place. */
    if (bbr->min_rtt_expired && bbr->state != BBR_PROBE_RTT)
        save_probe_rtt_cwnd(turn->cc);
    if (rtt.ns >= 0 && (rtt.ns < bbr->min_rtt.ns || bbr->min_rtt_expired)) {
        bbr->min_rtt = rtt;
        bbr->min_rtt_stamp = turn->ack->now;
    }
}

static void exit_probe_rtt(struct bbr *bbr, struct instant now)
{
    bbr_reset_shortterm_model(bbr);
    if (bbr->full_bw_reached) {
        start_probe_bw_down(bbr, now);
        start_probe_bw_cruise(bbr);
    } else {
        enter_startup(bbr);
    }
}

static void check_probe_rtt_done(struct cc *cc, struct instant now)
{
    struct bbr *bbr = bbr_of(cc);

    if (bbr->probe_rtt_done_stamp.ns == 0 || !instant_before(bbr->probe_rtt_done_stamp, now))
        return;
    bbr->min_rtt_stamp = now; /* schedules the next ProbeRTT */
    bbr_restore_cwnd(cc);
    exit_probe_rtt(bbr, now);
}

static void handle_probe_rtt(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    bbr->quiet_to = bbr->delivered + bbr_lesser(turn->ack->pipe, CC_CWND_MAX) + 1;
    if (bbr->probe_rtt_done_stamp.ns == 0) {
        if (turn->ack->pipe > bbr->probe_rtt_cwnd)
            return;
        bbr->probe_rtt_done_stamp = instant_add(turn->ack->now, duration_ms(PROBE_RTT_DURATION_MS));
        bbr->probe_rtt_round_done = false;
        bbr_start_round(bbr);
        return;
    }
    if (bbr->round_start)
        bbr->probe_rtt_round_done = true;
    if (bbr->probe_rtt_round_done)
        check_probe_rtt_done(turn->cc, turn->ack->now);
}

static void enter_probe_rtt(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    bbr_save_cwnd(turn->cc);
    bbr->state = BBR_PROBE_RTT;
    bbr->probe_rtt_done_stamp = INSTANT_ZERO;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    bbr->quiet_from = bbr->delivered;
    bbr_start_round(bbr);
}

static void check_probe_rtt(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    if (bbr->state != BBR_PROBE_RTT && bbr->min_rtt_expired && !bbr->idle_restart)
        enter_probe_rtt(turn);
    if (bbr->state == BBR_PROBE_RTT)
        handle_probe_rtt(turn);
    if (turn->rs.delivered > 0)
        bbr->idle_restart = false;
}

/* --- the control parameters --- */

/* InitPacingRate(): until bandwidth is known. */
static void init_pacing_rate(struct cc *cc, struct duration rtt)
{
    uint64_t ns = rtt.ns > 0 ? (uint64_t)rtt.ns : 1000000;
    uint64_t nominal = (uint64_t)((unsigned __int128)cc->cwnd * NS_PER_S / ns);

    cc->pacing_rate = bbr_greater(
        bbr_lesser(bbr_percent_of(nominal, gains[BBR_STARTUP].pacing), BBR_BW_MAX), 1);
}

/* SetPacingRateWithGain() */
static void set_pacing_rate(struct cc *cc, uint32_t gain)
{
    uint64_t rate = bbr_percent_of(bbr_percent_of(bbr_of(cc)->bw, gain),
                                   100 - PACING_MARGIN_PERCENT);

    if (rate > cc->pacing_rate || (bbr_of(cc)->full_bw_reached && bbr_of(cc)->bw > 0))
        cc->pacing_rate = bbr_greater(rate, 1); /* 0 would say: not paced */
}

/* UpdateMaxInflight() */
static uint64_t max_inflight(struct cc *cc)
{
    const struct bbr *bbr = bbr_of(cc);
    return bbr_quantization_budget(cc, bbr_bdp_multiple(cc, bbr->bw, gains[bbr->state].cwnd) +
                                           bbr->extra_acked);
}

/* BoundCwndForModel() and BoundCwndForProbeRTT(). */
static void bound_cwnd(struct cc *cc)
{
    const struct bbr *bbr = bbr_of(cc);
    uint64_t cap = BBR_INFINITE;

    if (bbr->state == BBR_PROBE_RTT || bbr->state == BBR_PROBE_BW_CRUISE)
        cap = bbr_inflight_with_headroom(cc);
    else if (bbr_is_in_a_probe_bw_state(bbr))
        cap = bbr->inflight_longterm;
    cap = bbr_lesser(cap, bbr->inflight_shortterm);
    if (bbr->state == BBR_PROBE_RTT)
        cap = bbr_lesser(cap, bbr->probe_rtt_cwnd);
    cap = bbr_greater(cap, bbr_min_pipe_cwnd(cc));
    cc_set_cwnd(cc, bbr_lesser(cc->cwnd, cap));
}

/* SetCwnd(). An ACK that delivers nothing can only lower it. */
static void set_cwnd(struct bbr_turn *turn)
{
    struct cc *cc = turn->cc;
    uint64_t delivered = bbr_lesser(turn->ack->delivered, CC_CWND_MAX);
    uint64_t most = max_inflight(cc);

    if (turn->bbr->full_bw_reached)
        cc_set_cwnd(cc, bbr_lesser(cc->cwnd + delivered, most));
    else if (cc->cwnd < most || turn->bbr->delivered < cc->initial_cwnd)
        cc_set_cwnd(cc, cc->cwnd + delivered);
    if (delivered > 0)
        cc_set_cwnd(cc, bbr_greater(cc->cwnd, bbr_min_pipe_cwnd(cc)));
    bound_cwnd(cc);
}

/* --- the hooks --- */

/* OnInit() */
static void bbr_init(struct cc *cc, struct instant now)
{
    struct bbr *bbr = bbr_of(cc);

    *bbr = (struct bbr){
        .min_rtt = DURATION_FOREVER,
        .rtt_latest = DURATION_FOREVER,
        .min_rtt_stamp = now,
        .extra_acked_interval_start = now,
        .inflight_longterm = BBR_INFINITE,
        .probe_up_acked_per_inc = BBR_INFINITE,
        .probe_rtt_cwnd = cc->initial_cwnd,
        .cycle_stamp = now,
        .ack_phase = BBR_ACKS_INIT,
    };
    bbr_reset_shortterm_model(bbr);
    init_pacing_rate(cc, DURATION_ZERO);
    enter_startup(bbr);
}

/* UpdateModelAndState() */
static void update_model_and_state(struct bbr_turn *turn)
{
    struct bbr *bbr = turn->bbr;

    handle_losses(turn);
    bbr_update_latest_delivery_signals(turn);
    bbr_update_congestion_signals(turn);
    bbr_update_ack_aggregation(turn);
    bbr_check_full_bw_reached(turn);
    check_startup_done(turn);
    if (bbr->loss_round_start)
        bbr->loss_events = 0;
    check_drain_done(turn);
    update_probe_bw_cycle_phase(turn);
    update_min_rtt(turn);
    check_probe_rtt(turn);
    bbr_advance_latest_delivery_signals(turn);
    bbr->bw = bbr_lesser(bbr->max_bw, bbr->bw_shortterm);
}

/* UpdateOnACK() */
static void bbr_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    struct bbr *bbr = bbr_of(cc);
    struct bbr_turn turn = {.cc = cc, .bbr = bbr, .ack = ack, .rs = bbr_sample(bbr, ack)};

    bbr->delivered = ack->delivered_total;
    if (!bbr->has_seen_rtt && ack->srtt.ns > 0) {
        bbr->has_seen_rtt = true;
        init_pacing_rate(cc, ack->srtt);
    }
    update_model_and_state(&turn);
    set_pacing_rate(cc, gains[bbr->state].pacing);
    set_cwnd(&turn);
}

/* OnEnterFastRecovery(). Not the draft: it says nothing of ECN; a mark counts as a loss of more
 * than is tolerated, because RFC 3168, 6.1.2, asks for the same answer to both. */
static void bbr_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    struct bbr *bbr = bbr_of(cc);
    struct rate_sample seen = {.tx_in_flight = bbr_lesser(loss->flight, CC_CWND_MAX)};

    if (loss->cause == CC_CAUSE_ECN) {
        bbr_note_loss(cc);
        bbr->is_mark_in_round = true;
        if (bbr->is_bw_probe_sample)
            handle_inflight_too_high(cc, &seen, loss->now);
        return;
    }
    bbr_save_state_upon_loss(cc);
    bbr->in_recovery = true;
}

static void bbr_on_recovered(struct cc *cc, struct instant now)
{
    (void)now;
    if (bbr_of(cc)->in_recovery)
        bbr_restore_cwnd(cc);
    bbr_of(cc)->in_recovery = false;
}

/* OnEnterRTO() */
static void bbr_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    (void)loss;
    bbr_save_state_upon_loss(cc);
    bbr_of(cc)->in_recovery = true;
    cc->cwnd = cc->smss;
}

/* HandleSpuriousLossDetection() */
static void bbr_on_undo(struct cc *cc, struct instant now)
{
    struct bbr *bbr = bbr_of(cc);

    (void)now;
    bbr_restore_cwnd(cc);
    bbr->in_recovery = false;
    bbr->is_loss_in_round = bbr->is_mark_in_round = false;
    bbr_reset_full_bw(bbr);
    bbr->bw_shortterm = bbr_greater(bbr->bw_shortterm, bbr->undo_bw_shortterm);
    bbr->inflight_shortterm = bbr_greater(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
    bbr->inflight_longterm = bbr_greater(bbr->inflight_longterm, bbr->undo_inflight_longterm);
    if (!bbr->undo_to_state || bbr->state == bbr->undo_state)
        return;
    bbr->undo_to_state = false;
    if (bbr->undo_state == BBR_STARTUP)
        bbr->full_bw_reached = false;
    if (bbr->state == BBR_PROBE_RTT)
        return;
    if (bbr->undo_state == BBR_STARTUP)
        enter_startup(bbr);
    else
        start_probe_bw_refill(bbr);
}

/* HandleRestartFromIdle(). Not RFC 5681, 4.1: cwnd stays, because pacing at the known bandwidth
 * sends no burst. */
static void bbr_on_idle(struct cc *cc, struct duration idle, struct duration rto,
                        struct instant now)
{
    struct bbr *bbr = bbr_of(cc);

    (void)idle;
    (void)rto;
    bbr->idle_restart = true;
    bbr->extra_acked_interval_start = now;
    if (bbr_is_in_a_probe_bw_state(bbr))
        set_pacing_rate(cc, 100);
    else if (bbr->state == BBR_PROBE_RTT)
        check_probe_rtt_done(cc, now);
}

const struct cc_ops cc_bbr = {
    .name = "bbr",
    .paced = true,
    .owns_recovery_window = true,
    .init = bbr_init,
    .on_ack = bbr_on_ack,
    .on_loss = bbr_on_loss,
    .on_recovered = bbr_on_recovered,
    .on_timeout = bbr_on_timeout,
    .on_undo = bbr_on_undo,
    .on_idle = bbr_on_idle,
};
