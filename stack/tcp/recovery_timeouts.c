/* Loss recovery when a timer expires: the retransmission timer (RFC 5681, 3.1; RFC 6298, 5), the
 * reordering timer (RFC 8985, 6.2), and a smaller path MTU, which is treated alike. Called by
 * tcp_timeout.c and tcp_icmp.c; like recovery.c it must not know segments, nor how anything is
 * sent. */
#include "tcp/losses.h"
#include "tcp/recovery_parts.h"

/* RFC 5681, 3.1, equation 4: for the first timeout of a segment only (R5681-03). */
static void collapse(const struct recovery_scene *scene, const struct moment *at)
{
    struct cc *cc = scene->cc;
    uint64_t before = cc->cwnd;
    if (scene->recovery->timeouts == 0) {
        struct cc_loss loss = recovery_loss_facts(scene, CC_CAUSE_LOSS, at);
        cc->ops->on_timeout(cc, &loss);
        undo_begin(&scene->recovery->undo, at->una);
    } else if (!cc->ops->owns_recovery_window) {
        cc->cwnd = at->mss;
    }
    recovery_trace_cwnd(scene, before, "timeout");
}

static void mark_on_timeout(const struct recovery_scene *scene, struct instant now)
{
    struct recovery *recovery = scene->recovery;
    bool by_time = scene->tunables->tcp_recovery && recovery->rack.to != 0;
    if (by_time)
        rack_mark_lost_on_timeout(&recovery->rack, scene->sent, recovery_reo_wnd(scene),
                                  scene->trace, now);
    else
        losses_mark_all(scene->sent, scene->trace, "timeout");
}

void recovery_watch_mtu_probe(struct recovery *recovery, seqno from, seqno to)
{
    recovery->mtu_probe.from = from;
    recovery->mtu_probe.to = to;
    recovery->mtu_probe.lost = false;
}

void recovery_forget_mtu_probe(struct recovery *recovery)
{
    recovery_watch_mtu_probe(recovery, 0, 0);
}

void recovery_on_path_mtu(struct recovery *recovery, seqno nxt)
{
    if (recovery->phase != RECOVERY_OPEN && recovery->phase != RECOVERY_DISORDER)
        return; /* an episode goes on, and ends as it would have */
    /* As after a timeout, but with the window as it is. */
    undo_cancel(&recovery->undo);
    frto_stop(&recovery->frto);
    recovery->phase = RECOVERY_LOSS;
    recovery->recover = nxt;
}

void recovery_on_timeout(const struct recovery_scene *scene, seqno una, seqno nxt, uint32_t mss,
                         struct instant now)
{
    struct recovery *recovery = scene->recovery;
    struct moment at = {.una = una, .nxt = nxt, .mss = mss, .now = now};
    const struct sent_record *first = sent_first(scene->sent);
    bool again = recovery->phase == RECOVERY_LOSS;
    if (first && recovery->timeouts == 0) {
        recovery->timed_out_sent_at = first->first_sent_at;
        recovery->timed_out_delay = duration_ns(-1);
    }
    recovery->timed_out_at = now;
    collapse(scene, &at);
    recovery->phase = RECOVERY_LOSS;
    recovery_forget_reneged(scene);
    mark_on_timeout(scene, now);
    recovery->timeouts++;
    /* RFC 6582, 4: so that duplicates of what is sent again start no fast retransmit (R6582-02). */
    recovery->recover = recovery->careful_until = recovery->cwr_end = nxt;
    recovery->duplicate_acks = 0;
    recovery->dups.credited = 0;
    recovery->limited_transmit = 0;
    recovery->counted_below = nxt;
    recovery->probe.end = 0;
    recovery->reorder_deadline = INSTANT_NEVER;
    frto_stop(&recovery->frto);
    /* RFC 5682, 2.1 step 1: not when a timeout is being recovered from already. */
    if (scene->tunables->tcp_frto && !again)
        frto_begin(&recovery->frto, nxt);
}

void recovery_on_reorder_timer(const struct recovery_scene *scene, seqno una, seqno nxt,
                               uint32_t mss, struct instant now)
{
    struct recovery *recovery = scene->recovery;
    struct moment at = {.una = una, .nxt = nxt, .mss = mss, .now = now};
    uint64_t lost_before = scene->sent->lost_total;
    uint64_t cwnd_before = scene->cc->cwnd;
    uint64_t allowed = recovery_allowance(recovery, scene->sent, scene->cc, scene->tunables);
    if (recovery->frto.step == FRTO_SECOND_ACK) {
        recovery->reorder_deadline = INSTANT_NEVER;
        return;
    }
    recovery_look_by_time(scene, now);
    if (scene->sent->lost_total == lost_before || recovery->phase == RECOVERY_LOSS)
        return;
    if (recovery->phase != RECOVERY_FAST) {
        recovery_enter_fast(scene, &at, less(nxt - una, scene->sent->sacked_bytes));
        if (recovery->phase == RECOVERY_FAST) /* else an MTU probe alone is lost */
            recovery_set_cwnd_by_prr(scene, 0, false, mss);
    } else if (!scene->cc->ops->owns_recovery_window) {
        /* What has just been taken as lost leaves the pipe; that alone lets no burst go (R8985-11).
         */
        scene->cc->cwnd = recovery_inflight(scene) + (allowed > mss ? allowed : mss);
    }
    recovery_trace_cwnd(scene, cwnd_before, "reordering timer");
}
