/* Loss recovery: the phases of RFC 5681, 6675, 6582, 8985 and 3168, which leaf is asked when, and
 * what becomes of the congestion window (RFC 9937). tcp_ack.c calls it for each acceptable ACK,
 * tcp_timeout.c when a timer expires, tcp_output.c to know how much may leave. It must not know
 * segments, windows of the peer, or how anything is sent. */
#include "tcp/recovery.h"

#include "base/check.h"
#include "tcp/losses.h"
#include "tcp/recovery_parts.h"

/* One ACK being worked on. */
struct turn {
    const struct recovery_scene *scene;
    const struct recovery_ack *ack;
    const struct sent_delivery *delivery;
    struct recovery *recovery;
    struct sent *sent;
    struct cc *cc;
    bool advanced;       /* SND.UNA moved */
    bool was_reducing;   /* the ACK found us in FAST or CWR */
    bool sampled;        /* it measured a round trip */
    bool dsack_of_probe; /* it says that a tail loss probe was a duplicate */
    uint64_t delivered;  /* DeliveredData (RFC 9937, 6.2) */
    uint64_t cwnd_before, flight_before;
    uint64_t lost_again_before; /* sent->lost_again */
};

void recovery_init(struct recovery *recovery, const struct tcp_tunables *tunables)
{
    *recovery = (struct recovery){
        .phase = RECOVERY_OPEN,
        .dup_threshold = (uint32_t)tunables->tcp_reordering,
        .reorder_deadline = INSTANT_NEVER,
    };
    rack_init(&recovery->rack);
    tail_probe_init(&recovery->probe);
}

/* --- what all entrances share ------------------------------------------------------------ */

static bool is_reducing(const struct recovery *recovery)
{
    return recovery->phase == RECOVERY_FAST || recovery->phase == RECOVERY_CWR;
}

/* RFC 9937, 6.2 (R9937-06): what is outstanding, not SACKed and not lost, and what was sent again
 * since. Without SACK each duplicate ACK says that one segment has left the network. */
static uint64_t inflight(const struct recovery *recovery, const struct sent *sent)
{
    return less(sent->pipe_bytes, recovery->dups.credited);
}

uint64_t recovery_inflight(const struct recovery_scene *scene)
{
    return inflight(scene->recovery, scene->sent);
}

static struct rack_facts facts_of(const struct recovery_scene *scene)
{
    const struct recovery *recovery = scene->recovery;
    return (struct rack_facts){
        .min_rtt = scene->rtt->min,
        .srtt = scene->rtt->srtt,
        .in_recovery = recovery->phase == RECOVERY_FAST || recovery->phase == RECOVERY_LOSS,
        .sacked_segments = scene->sent->sacked_segments,
        .dup_threshold = recovery->dup_threshold,
    };
}

struct duration recovery_reo_wnd(const struct recovery_scene *scene)
{
    struct rack_facts facts = facts_of(scene);
    return rack_reo_wnd(&scene->recovery->rack, &facts);
}

void recovery_trace_cwnd(const struct recovery_scene *scene, uint64_t before, const char *because)
{
    uint64_t after = scene->cc->cwnd;
    if (less(after, before) >= scene->cc->smss || less(before, after) >= scene->cc->smss)
        TRACE(scene->trace, cwnd_changed, .cwnd = after, .ssthresh = scene->cc->ssthresh,
              .because = because);
}

struct cc_loss recovery_loss_facts(const struct recovery_scene *scene, enum cc_cause cause,
                                   const struct moment *at)
{
    /* RFC 5681, 3.2 step 2 (R5681-18): without what limited transmit sent or would have sent, two
     * segments at most (RFC 3042, 2). */
    uint64_t limited = scene->recovery->limited_transmit + at->due_to_sacks;
    uint64_t most = 2 * (uint64_t)at->mss;
    /* An ACK that covers much and tells of a loss stands for many: those before the loss was known
     * would each have let as much go as they acknowledged, up to cwnd. */
    uint64_t flight = at->nxt - at->una + at->due;
    if (flight < scene->cc->cwnd)
        flight = flight + at->acked < scene->cc->cwnd ? flight + at->acked : scene->cc->cwnd;
    return (struct cc_loss){
        .now = at->now,
        .cause = cause,
        .flight = less(flight, limited < most ? limited : most),
        .lost = less(scene->sent->lost_total, scene->recovery->lost_reported),
        .srtt = scene->rtt->srtt,
        .una = at->una,
        .nxt = at->nxt,
    };
}

/* The congestion control sets ssthresh; PRR takes cwnd there. */
static void reduce(const struct recovery_scene *scene, enum cc_cause cause, const struct moment *at,
                   uint64_t recover_fs, const char *because)
{
    struct recovery *recovery = scene->recovery;
    struct cc_loss loss = recovery_loss_facts(scene, cause, at);
    scene->cc->ops->on_loss(scene->cc, &loss);
    recovery->reduce_to = scene->cc->ssthresh;
    /* RFC 3168, 6.1.2: at the least ssthresh, marks take cwnd below it. */
    if (cause == CC_CAUSE_ECN && scene->cc->cwnd < scene->cc->ssthresh)
        recovery->reduce_to = scene->cc->cwnd;
    recovery->cwr_end = at->nxt;
    prr_begin(&recovery->prr, recover_fs + at->due, at->due);
    if (cause == CC_CAUSE_LOSS)
        TRACE(scene->trace, window_reduced, .cwnd = scene->cc->cwnd,
              .ssthresh = scene->cc->ssthresh, .because = because);
}

static bool only_the_mtu_probe_is_lost(const struct recovery_scene *scene)
{
    const struct recovery *recovery = scene->recovery;
    const struct sent_record *lost = sent_first_lost(scene->sent);
    return recovery->mtu_probe.to != 0 && recovery->phase < RECOVERY_CWR && lost &&
           sent_from(lost) == recovery->mtu_probe.from && lost->to == recovery->mtu_probe.to &&
           scene->sent->lost_bytes == lost->to - sent_from(lost);
}

void recovery_enter_fast(const struct recovery_scene *scene, const struct moment *at,
                         uint64_t recover_fs)
{
    struct recovery *recovery = scene->recovery;
    enum recovery_phase before = recovery->phase;
    if (only_the_mtu_probe_is_lost(scene)) {
        recovery->mtu_probe.lost = true;
        recovery_on_path_mtu(recovery, at->nxt);
        return;
    }
    /* RFC 3168, 6.1.2: the window was reduced for ECN within this round: not a second time. */
    if (before != RECOVERY_CWR)
        reduce(scene, CC_CAUSE_LOSS, at, recover_fs, "a segment was lost");
    if (before == RECOVERY_OPEN || before == RECOVERY_DISORDER)
        undo_begin(&recovery->undo, at->una);
    else
        undo_cancel(&recovery->undo);
    frto_stop(&recovery->frto);
    recovery->phase = RECOVERY_FAST;
    recovery->recover = recovery->careful_until = recovery->cwr_end = at->nxt;
    recovery->limited_transmit = 0;
    recovery->probe.end = 0;
    recovery->fast_recoveries++;
    TRACE(scene->trace, recovery_entered, .recover = at->nxt, .cwnd = scene->cc->cwnd,
          .ssthresh = scene->cc->ssthresh, .pipe = recovery_inflight(scene));
}

/* RFC 9937, 6.2: cwnd = inflight + SndCnt. */
void recovery_set_cwnd_by_prr(const struct recovery_scene *scene, uint64_t delivered, bool safe,
                              uint32_t mss)
{
    if (scene->cc->ops->owns_recovery_window)
        return;
    struct prr_ack ack = {
        .delivered = delivered,
        .inflight = recovery_inflight(scene),
        .ssthresh = scene->recovery->reduce_to,
        .smss = mss,
        .safe = safe,
    };
    uint64_t cwnd = ack.inflight + prr_on_ack(&scene->recovery->prr, &ack);
    scene->cc->cwnd = cwnd > mss ? cwnd : mss;
}

/* --- leaving ----------------------------------------------------------------------------- */

/* FAST, CWR or LOSS is over. */
static void leave(const struct recovery_scene *scene, const struct moment *at)
{
    struct recovery *recovery = scene->recovery;
    bool reducing = is_reducing(recovery);
    scene->cc->ops->on_recovered(scene->cc, at->now);
    /* RFC 9937, 6.4 (R9937-07). After a timeout slow start goes on instead. */
    if (reducing && !scene->cc->ops->owns_recovery_window)
        cc_set_cwnd(scene->cc, recovery->reduce_to); /* at least a segment, which may have grown */
    if (recovery->phase != RECOVERY_CWR)
        rack_on_recovery_end(&recovery->rack);
    undo_on_recovery_end(&recovery->undo, at->nxt);
    frto_stop(&recovery->frto);
    recovery->phase = RECOVERY_OPEN;
    recovery->dups.credited = 0;
    TRACE(scene->trace, recovery_left, .cwnd = scene->cc->cwnd, .ssthresh = scene->cc->ssthresh);
}

static struct moment moment_of(const struct turn *turn)
{
    const struct recovery_ack *ack = turn->ack;
    uint64_t sacked_before = less(turn->sent->sacked_bytes, turn->delivery->newly_sacked_bytes);
    return (struct moment){.una = ack->una,
                           .nxt = ack->nxt,
                           .mss = ack->mss,
                           .now = ack->now,
                           .due = ack->due,
                           .acked = ack->una - ack->una_before,
                           .due_to_sacks = ack->due < sacked_before ? ack->due : sacked_before};
}

/* --- undo -------------------------------------------------------------------------------- */

/* RFC 4015, 3.2 step 8 (R4015-03): what may leave at once is what is in flight and a little more;
 * slow start up to the old ssthresh gives back the rest. */
static void limit_burst(const struct turn *turn)
{
    struct cc *cc = turn->cc;
    uint64_t room = turn->delivery->acked_bytes < cc->initial_cwnd ? turn->delivery->acked_bytes
                                                                   : cc->initial_cwnd;
    uint64_t most = turn->sent->pipe_bytes + room;
    if (cc->cwnd > most)
        cc->cwnd = most > cc->smss ? most : cc->smss;
}

static void restore_window(const struct turn *turn, bool timeout)
{
    struct cc *cc = turn->cc;
    uint64_t cwnd = cc->cwnd, ssthresh = cc->ssthresh;
    cc->ops->on_undo(cc, turn->ack->now);
    /* Growth since then is not taken back. */
    cc->cwnd = cc->cwnd > cwnd ? cc->cwnd : cwnd;
    cc->ssthresh = cc->ssthresh > ssthresh ? cc->ssthresh : ssthresh;
    if (timeout && !cc->ops->owns_recovery_window)
        limit_burst(turn);
}

/* The episode was not needed (RFC 4015). Not RFC 4015, 1: spurious fast retransmits are undone too,
 * because D-SACK and timestamps tell as surely as for timeouts, and peers of this stack do so. */
static void take_back(struct turn *turn, const char *because)
{
    struct recovery *recovery = turn->recovery;
    bool timeout = recovery->phase == RECOVERY_LOSS;
    recovery->spurious++;
    sent_restore_lost(turn->sent);
    if (recovery->phase == RECOVERY_FAST || timeout) {
        struct moment at = moment_of(turn);
        leave(turn->scene, &at);
    }
    /* R4015-02: the ACK reports congestion as well: the reduction stands. */
    if (!turn->ack->ece)
        restore_window(turn, timeout);
    if (timeout && recovery->timed_out_delay.ns > 0)
        rtt_after_spurious_timeout(turn->scene->rtt, turn->scene->tunables,
                                   recovery->timed_out_delay);
    undo_cancel(&recovery->undo);
    TRACE(turn->scene->trace, undone, .because = because, .cwnd = turn->cc->cwnd,
          .ssthresh = turn->cc->ssthresh);
}

static uint32_t segments_of(uint64_t bytes, uint32_t mss)
{
    return (uint32_t)((bytes + mss - 1) / mss);
}

static bool dsack_proves(const struct turn *turn)
{
    const struct recovery_ack *ack = turn->ack;
    if (!ack->has_dsack || ack->dsack_left >= ack->dsack_right)
        return false;
    return undo_on_dsack(&turn->recovery->undo, ack->dsack_right,
                         segments_of(ack->dsack_right - ack->dsack_left, ack->mss));
}

static enum frto_verdict ask_frto(struct turn *turn)
{
    struct frto_ack ack = {
        .una = turn->ack->una,
        .advanced = turn->advanced,
        .duplicate = turn->ack->duplicate,
        .sack = turn->ack->sack,
        .lowest_once = turn->delivery->never_retransmitted_delivered ? turn->delivery->lowest_once
                                                                     : 0,
        .new_sacks = turn->delivery->newly_sacked_bytes > 0,
        .unsent = turn->ack->unsent,
    };
    return frto_on_ack(&turn->recovery->frto, &ack);
}

/* RFC 5682: the verdict on the timeout. */
static void watch_timeout(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    if (recovery->phase != RECOVERY_LOSS)
        return;
    bool was_holding = recovery->frto.step == FRTO_SECOND_ACK;
    switch (ask_frto(turn)) {
    case FRTO_NOTHING_YET:
        break;
    case FRTO_SEND_NEW_TEXT:
        /* 2.1 step 2b (R5682-01): new text leaves instead of what was taken as lost. */
        TRACE(turn->scene->trace, frto_step, .verdict = "open: new text is sent");
        sent_restore_lost(turn->sent);
        break;
    case FRTO_SPURIOUS:
        take_back(turn, "F-RTO: the original arrived");
        break;
    case FRTO_GENUINE:
        TRACE(turn->scene->trace, frto_step, .verdict = "the timeout was needed");
        if (was_holding)
            losses_mark_sent_before(turn->sent, recovery->timed_out_at, turn->scene->trace,
                                    "timeout: F-RTO found it genuine");
        break;
    }
}

static void look_for_undo(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    bool eifel = turn->advanced && undo_on_advance(&recovery->undo, turn->ack->una,
                                                   turn->ack->has_ts_ecr, turn->ack->ts_ecr);
    bool dsack = dsack_proves(turn);
    if (turn->advanced && recovery->phase == RECOVERY_LOSS && recovery->timed_out_delay.ns < 0)
        recovery->timed_out_delay = instant_since(turn->ack->now, recovery->timed_out_sent_at);
    if (eifel && recovery->phase == RECOVERY_FAST)
        rack_on_spurious(&recovery->rack, instant_since(turn->ack->now, recovery->undo.original),
                         facts_of(turn->scene).min_rtt);
    if (eifel)
        take_back(turn, "Eifel: the ACK echoes the original's time");
    else if (dsack)
        take_back(turn, "D-SACK: all that was sent again was a duplicate");
    else
        watch_timeout(turn);
}

/* --- counting ---------------------------------------------------------------------------- */

/* R9937-02: in recovery duplicate ACKs deliver RecoverFS at most, however many come. */
static uint64_t delivered_without_sack(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    uint64_t most = UINT64_MAX;
    if (turn->advanced)
        return dup_acks_settle(&recovery->dups, turn->delivery->acked_bytes, turn->ack->mss);
    if (!turn->ack->duplicate || recovery->phase == RECOVERY_LOSS)
        return 0;
    if (recovery->phase == RECOVERY_FAST)
        most = less(recovery->prr.recover_fs, recovery->prr.delivered);
    return dup_acks_credit(&recovery->dups, turn->sent->pipe_bytes, turn->ack->mss, most);
}

static void count(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    if (turn->advanced) {
        recovery->duplicate_acks = 0;
        recovery->timeouts = 0;
        if (!is_reducing(recovery))
            recovery->limited_transmit = 0;
    } else if (turn->ack->duplicate) {
        recovery->duplicate_acks++;
    }
    /* Signed change of SACKed bytes plus the advance of SND.UNA is what had not been delivered
     * before. */
    turn->delivered = turn->delivery->newly_acked_bytes + turn->delivery->newly_sacked_bytes;
    recovery->without_sack = !turn->ack->sack;
    if (recovery->without_sack)
        turn->delivered = delivered_without_sack(turn);
}

/* RFC 8985, 7.4: the answer to a probe. */
static void watch_probe(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    struct tail_probe_ack ack = {
        .una = turn->ack->una,
        .plain = !turn->advanced && turn->ack->duplicate &&
                 turn->delivery->newly_sacked_bytes == 0 && !turn->ack->has_dsack,
        .has_dsack = turn->ack->has_dsack,
        .dsack_right = turn->ack->dsack_right,
    };
    recovery->probe.sampled_since |= turn->sampled;
    turn->dsack_of_probe = ack.has_dsack && recovery->probe.end == ack.dsack_right;
    if (!tail_probe_on_ack(&recovery->probe, &ack) || recovery->phase > RECOVERY_DISORDER)
        return;
    /* One loss, repaired: one reduction, at once (R8985-09). */
    struct moment at = moment_of(turn);
    at.una = turn->ack->una_before;
    reduce(turn->scene, CC_CAUSE_LOSS, &at, turn->flight_before,
           "a tail loss probe repaired a loss");
    turn->cc->ops->on_recovered(turn->cc, at.now);
    if (!turn->cc->ops->owns_recovery_window && turn->cc->cwnd > recovery->reduce_to)
        turn->cc->cwnd = recovery->reduce_to;
    turn->was_reducing = true;
    undo_cancel(&recovery->undo);
}

static void take_in_delivery(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    const struct recovery_scene *scene = turn->scene;
    struct rack_news news = {
        .delivery = turn->delivery,
        .una = turn->ack->una,
        .highest_delivered = seq_max(turn->ack->una, turn->sent->highest_sacked),
        .min_rtt = facts_of(scene).min_rtt,
        .has_ts_ecr = turn->ack->has_ts_ecr,
        .ts_ecr = turn->ack->ts_ecr,
        .now = turn->ack->now,
    };
    uint64_t distance = less(recovery->rack.fack, turn->delivery->lowest_once);
    if (rack_on_delivery(&recovery->rack, &news)) {
        recovery->reordering_events++;
        recovery->dup_threshold = losses_threshold_after_reordering(recovery->dup_threshold,
                                                                    distance, turn->ack->mss);
        TRACE(scene->trace, reordering_seen, .reo_wnd = recovery_reo_wnd(scene));
    }
    /* A D-SACK for a tail loss probe is no sign of a reordering window that is too short. */
    rack_on_ack(&recovery->rack, turn->ack->has_dsack && !turn->dsack_of_probe, turn->ack->una,
                turn->ack->nxt);
}

/* --- detecting --------------------------------------------------------------------------- */

/* RFC 2018, 8 (R2018-07): the lowest outstanding byte is SACKed, so SND.UNA should be behind it:
 * the receiver has thrown away what it reported. */
void recovery_forget_reneged(const struct recovery_scene *scene)
{
    const struct sent_record *first = sent_first(scene->sent);
    if (!first || first->state != SENT_SACKED)
        return;
    TRACE(scene->trace, sack_reneged);
    sent_forget_sacks(scene->sent);
    undo_cancel(&scene->recovery->undo);
}

static void detect_without_sack(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    /* RFC 6582, 3.2 step 3: a partial ACK shows the next hole (R6582-01). */
    if (recovery->phase == RECOVERY_FAST && turn->advanced)
        losses_mark_head(turn->sent, turn->ack->mss, turn->scene->trace, "partial ACK");
    if (recovery->phase > RECOVERY_CWR || recovery->duplicate_acks < recovery->dup_threshold)
        return;
    /* 3.2 step 2: the careful variant (R6582-02): duplicates of what was sent before the last
     * recovery are no sign of loss. */
    if (turn->ack->una > recovery->careful_until)
        losses_mark_head(turn->sent, turn->ack->mss, turn->scene->trace, "duplicate ACKs");
}

/* RFC 6675, 4 and 5. */
static void detect_by_counting(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    struct trace *trace = turn->scene->trace;
    if (recovery->phase < RECOVERY_FAST && turn->sent->sacked_segments > 0 &&
        recovery->duplicate_acks >= recovery->dup_threshold)
        losses_mark_head(turn->sent, turn->ack->mss, trace, "duplicate ACKs");
    losses_mark_below(turn->sent, &recovery->counted_below,
                      losses_edge(turn->sent, recovery->dup_threshold, turn->ack->mss), trace,
                      "SACKs above it");
}

void recovery_look_by_time(const struct recovery_scene *scene, struct instant now)
{
    struct recovery *recovery = scene->recovery;
    recovery->reorder_deadline = rack_mark_lost(&recovery->rack, scene->sent,
                                                recovery_reo_wnd(scene), scene->trace, now);
}

static void detect(struct turn *turn)
{
    /* While F-RTO holds retransmissions back nothing is judged: the next ACK decides. */
    if (turn->recovery->frto.step == FRTO_SECOND_ACK)
        return;
    if (!turn->ack->sack)
        detect_without_sack(turn);
    else if (turn->scene->tunables->tcp_recovery)
        recovery_look_by_time(turn->scene, turn->ack->now);
    else
        detect_by_counting(turn);
}

/* RFC 8985, 9.3 (R8985-12): after a timeout there is no PRR; a retransmission that is lost again
 * asks for one more reduction. */
static bool lost_again(const struct turn *turn)
{
    return turn->sent->lost_again > turn->lost_again_before;
}

static bool must_enter_fast(const struct turn *turn)
{
    if (turn->sent->lost_segments == 0)
        return false;
    switch (turn->recovery->phase) {
    case RECOVERY_OPEN:
    case RECOVERY_DISORDER:
    case RECOVERY_CWR:
        return true;
    case RECOVERY_LOSS:
        return lost_again(turn);
    case RECOVERY_FAST:
        return false;
    }
    UNREACHABLE();
}

/* What was in flight before this ACK and may still be delivered (R9937-01). */
static uint64_t recover_fs_of(const struct turn *turn)
{
    const struct recovery *recovery = turn->recovery;
    uint64_t outstanding = turn->ack->nxt - turn->ack->una;
    return less(outstanding, turn->sent->sacked_bytes + recovery->dups.credited) + turn->delivered;
}

static void look_at_ecn(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    /* RFC 3168, 6.1.2: once for each window. */
    if (!turn->ack->ece || recovery->phase > RECOVERY_DISORDER ||
        turn->ack->una <= recovery->cwr_end)
        return;
    struct moment at = moment_of(turn);
    reduce(turn->scene, CC_CAUSE_ECN, &at, recover_fs_of(turn), "a mark");
    recovery->phase = RECOVERY_CWR;
    recovery->recover = at.nxt;
    recovery->probe.end = 0;
    undo_cancel(&recovery->undo);
    TRACE(turn->scene->trace, ecn_reduced, .cwnd = recovery->reduce_to);
}

/* Between OPEN and DISORDER. */
static void settle_phase(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    if (recovery->phase > RECOVERY_DISORDER)
        return;
    bool quiet = turn->sent->sacked_segments == 0 && recovery->duplicate_acks == 0;
    recovery->phase = quiet ? RECOVERY_OPEN : RECOVERY_DISORDER;
    if (quiet)
        recovery->dups.credited = 0;
}

static void finish_phase(struct turn *turn)
{
    struct recovery *recovery = turn->recovery;
    if (recovery->phase < RECOVERY_CWR || turn->ack->una < recovery->recover)
        return;
    struct moment at = moment_of(turn);
    leave(turn->scene, &at);
}

static void change_phase(struct turn *turn)
{
    finish_phase(turn);
    if (turn->advanced && turn->ack->sack)
        recovery_forget_reneged(turn->scene);
    turn->lost_again_before = turn->sent->lost_again;
    detect(turn);
    if (must_enter_fast(turn)) {
        struct moment at = moment_of(turn);
        recovery_enter_fast(turn->scene, &at, recover_fs_of(turn));
    } else if (turn->recovery->phase == RECOVERY_FAST && turn->cc->ops->owns_recovery_window &&
               lost_again(turn)) {
        struct moment at = moment_of(turn);
        reduce(turn->scene, CC_CAUSE_LOSS, &at, 0, "a retransmission was lost");
    }
    look_at_ecn(turn);
    settle_phase(turn);
}

/* --- the window -------------------------------------------------------------------------- */

static struct cc_ack facts_for_cc(const struct turn *turn)
{
    const struct recovery_ack *ack = turn->ack;
    const struct rtt *rtt = turn->scene->rtt;
    struct duration sample = turn->delivery->has_rtt ? rtt->latest : duration_ns(-1);
    return (struct cc_ack){
        .now = ack->now,
        .una = ack->una,
        .nxt = ack->nxt,
        .acked = ack->una - ack->una_before,
        .delivered = turn->delivered,
        .delivered_total = turn->sent->delivered,
        .lost_total = turn->sent->lost_total,
        .newly_lost = less(turn->sent->lost_total, turn->recovery->lost_reported),
        .flight_before = turn->flight_before,
        .pipe = turn->sent->pipe_bytes,
        .rtt = sample,
        .rtt_in_order = turn->delivery->rtt_beyond_hole ? duration_ns(-1) : sample,
        .srtt = rtt->srtt,
        .min_rtt = rtt->min,
        .reordered = turn->recovery->rack.reordering_seen,
        .cwnd_limited = ack->cwnd_limited,
        .in_recovery = turn->was_reducing || is_reducing(turn->recovery),
        .ece = ack->ece,
        .ce_marked = ack->ce_marked,
    };
}

static void let_one_leave(const struct turn *turn)
{
    uint64_t least = recovery_inflight(turn->scene) + turn->ack->mss;
    if (turn->cc->cwnd < least)
        turn->cc->cwnd = least;
}

static void let_cc_act(struct turn *turn)
{
    struct cc_ack facts = facts_for_cc(turn);
    uint64_t newly_lost = facts.newly_lost;
    bool slow_start = cc_in_slow_start(turn->cc);
    uint64_t ssthresh = turn->cc->ssthresh;
    sent_rate_sample(turn->sent, turn->delivery, facts.min_rtt, &facts.rate, facts.now);
    turn->recovery->lost_reported = turn->sent->lost_total;
    turn->cc->ops->on_ack(turn->cc, &facts);
    if (slow_start && !cc_in_slow_start(turn->cc))
        TRACE(turn->scene->trace, slow_start_left, .cwnd = turn->cc->cwnd,
              .ssthresh = turn->cc->ssthresh,
              .because = turn->cc->ssthresh == ssthresh ? "cwnd has reached ssthresh"
                                                        : "the round trip grew (HyStart++)");
    /* A duplicate ACK without news moves nothing, except that the first retransmission must leave.
     */
    if (is_reducing(turn->recovery) && (turn->delivered > 0 || turn->recovery->prr.out == 0))
        recovery_set_cwnd_by_prr(turn->scene, turn->delivered, turn->advanced && newly_lost == 0,
                                 turn->ack->mss);
    /* RFC 6582, 3.2 step 3 (R6582-01): a partial ACK lets the next hole leave at once. Not RFC
     * 9937, 6.2: because without SACK PRR cannot know how much has left the network, and might wait
     * for a timeout. */
    if (turn->recovery->phase == RECOVERY_FAST && turn->recovery->without_sack && turn->advanced &&
        !turn->cc->ops->owns_recovery_window)
        let_one_leave(turn);
    recovery_trace_cwnd(turn->scene, turn->cwnd_before,
                        is_reducing(turn->recovery) ? "proportional rate reduction" : "ACK");
}

void recovery_on_ack(const struct recovery_scene *scene, const struct recovery_ack *ack,
                     const struct sent_delivery *delivery)
{
    struct turn turn = {
        .scene = scene,
        .ack = ack,
        .delivery = delivery,
        .recovery = scene->recovery,
        .sent = scene->sent,
        .cc = scene->cc,
        .advanced = ack->una > ack->una_before,
        .was_reducing = is_reducing(scene->recovery),
        .cwnd_before = scene->cc->cwnd,
        .flight_before = scene->sent->pipe_bytes + delivery->left_pipe_bytes,
    };
    turn.sampled = delivery->has_rtt || (ack->has_ts_ecr && turn.advanced);
    count(&turn);
    watch_probe(&turn);
    if (ack->sack)
        take_in_delivery(&turn);
    look_for_undo(&turn);
    change_phase(&turn);
    let_cc_act(&turn);
}

/* --- sending ----------------------------------------------------------------------------- */

static void note_retransmission(const struct recovery_scene *scene, uint32_t bytes, uint32_t ts)
{
    struct sent_record *newest = sent_newest(scene->sent);
    if (!newest)
        return;
    newest->ts = ts;
    if (!scene->recovery->undo.retransmitted)
        scene->recovery->undo.original = newest->first_sent_at;
    if (scene->recovery->phase >= RECOVERY_FAST)
        undo_on_retransmission(&scene->recovery->undo, sent_from(newest),
                               segments_of(bytes, scene->cc->smss), ts);
}

void recovery_on_sent(const struct recovery_scene *scene, uint32_t bytes, bool again, uint32_t ts)
{
    struct recovery *recovery = scene->recovery;
    if (is_reducing(recovery))
        prr_on_sent(&recovery->prr, bytes);
    if (again)
        note_retransmission(scene, bytes, ts);
    else if (recovery->frto.step == FRTO_SECOND_ACK)
        recovery->frto.new_text += bytes;
    else if (recovery->phase == RECOVERY_DISORDER) {
        recovery->limited_transmit += bytes;
        TRACE(scene->trace, limited_transmit, .len = bytes);
    }
}

/* RFC 3042, 2 and RFC 5681, 3.2 step 1 (R5681-06): without SACK the first two duplicate ACKs each
 * let one segment go. With SACK the pipe itself makes room, for news only (R5681-17). */
static uint64_t limited_transmit_of(const struct recovery *recovery,
                                    const struct tcp_tunables *tunables, uint32_t mss)
{
    uint32_t duplicates = recovery->duplicate_acks < 2 ? recovery->duplicate_acks : 2;
    if (!recovery->without_sack || !tunables->tcp_limited_transmit)
        return 0;
    return (uint64_t)duplicates * mss;
}

uint64_t recovery_allowance(const struct recovery *recovery, const struct sent *sent,
                            const struct cc *cc, const struct tcp_tunables *tunables)
{
    uint32_t mss = cc->smss;
    uint64_t cwnd = cc->cwnd;
    uint64_t pipe = sent->pipe_bytes;
    switch (recovery->phase) {
    case RECOVERY_OPEN:
        break;
    case RECOVERY_DISORDER:
        cwnd += limited_transmit_of(recovery, tunables, mss);
        if (!tunables->tcp_limited_transmit)
            pipe += sent->sacked_bytes;
        break;
    case RECOVERY_CWR:
    case RECOVERY_FAST:
        pipe = inflight(recovery, sent);
        break;
    case RECOVERY_LOSS:
        /* RFC 5682, 2.1 step 2b: two segments of new text. */
        if (recovery->frto.step == FRTO_SECOND_ACK)
            return less(2 * (uint64_t)mss, recovery->frto.new_text);
        break;
    }
    return less(cwnd, pipe);
}

struct duration recovery_probe_timeout(const struct recovery_scene *scene, bool sack_agreed)
{
    enum { PROBES_ON = 3 };
    const struct recovery *recovery = scene->recovery;
    const struct sent *sent = scene->sent;
    /* RFC 8985, 7.2 and 7.3 (R8985-08, R8985-13) */
    if (!sack_agreed || scene->tunables->tcp_early_retrans < PROBES_ON ||
        recovery->phase > RECOVERY_CWR || recovery->probe.end != 0 ||
        !recovery->probe.sampled_since || sent->pipe_segments == 0 || sent->sacked_segments != 0)
        return duration_ns(-1);
    return tail_probe_timeout(scene->rtt, scene->tunables, sent->pipe_segments);
}

void recovery_on_probe(const struct recovery_scene *scene, seqno nxt, bool retransmission)
{
    tail_probe_on_sent(&scene->recovery->probe, nxt, retransmission);
}
