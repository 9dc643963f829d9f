/* What recovery.c (ACKs, sending) and recovery_timeouts.c (timers) share, and nobody else uses:
 * entering fast recovery, the window by PRR, marks by time. */
#ifndef TUNNY_TCP_RECOVERY_PARTS_H
#define TUNNY_TCP_RECOVERY_PARTS_H

#include "tcp/recovery.h"

/* How long the retransmission timer, the reordering timer and an ACK need the same facts. */
struct moment {
    seqno una, nxt;
    uint32_t mss;
    struct instant now;
    uint64_t due;          /* see struct recovery_ack */
    uint64_t acked;        /* SND.UNA has just passed so much */
    uint64_t due_to_sacks; /* of it what SACKs, not ACKs, let go */
};

static inline uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* RFC 9937, 6.2 (R9937-06): what is outstanding, not SACKed and not lost, and what was sent again
 * since. */
uint64_t recovery_inflight(const struct recovery_scene *scene);
struct duration recovery_reo_wnd(const struct recovery_scene *scene);
/* Tells of a change of cwnd by one SMSS or more. */
void recovery_trace_cwnd(const struct recovery_scene *scene, uint64_t before, const char *because);
struct cc_loss recovery_loss_facts(const struct recovery_scene *scene, enum cc_cause cause,
                                   const struct moment *at);
void recovery_enter_fast(const struct recovery_scene *scene, const struct moment *at,
                         uint64_t recover_fs);
/* RFC 9937, 6.2: cwnd = inflight + SndCnt. */
void recovery_set_cwnd_by_prr(const struct recovery_scene *scene, uint64_t delivered, bool safe,
                              uint32_t mss);
/* RFC 2018, 8 (R2018-07): the receiver has thrown away what it reported. */
void recovery_forget_reneged(const struct recovery_scene *scene);
/* RACK: marks what is lost by now. */
void recovery_look_by_time(const struct recovery_scene *scene, struct instant now);

#endif
