/* What happens when time passes (RFC 9293, 3.10.8): retransmission (RFC 6298), tail loss probe and
 * reordering (RFC 8985), zero-window probe (3.8.6.1), delayed ACK (3.8.6.3), keep-alive (3.8.4),
 * user timeout, TIME-WAIT. The timers are deadlines in the control block; who drives the stack asks
 * for the earliest. Marks what is owed; sends nothing. */
#include <errno.h>

#include "base/check.h"
#include "tcp/tcb.h"

struct instant tcp_deadline(const struct tcb *tcb)
{
    struct instant earliest = INSTANT_NEVER;

    for (int i = 0; i < TCP_TIMERS; i++)
        earliest = instant_min(earliest, tcb->timer[i]);
    return earliest;
}

void tcp_set_timer(struct tcb *tcb, enum tcp_timer timer, struct instant when)
{
    tcb->timer[timer] = when;
}

static bool something_in_flight(const struct tcb *tcb)
{
    return tcb->snd.una < tcb->snd.nxt;
}

static bool something_unsent(const struct tcb *tcb)
{
    return tcb->snd.nxt < tcb->text.end || (tcb->fin_wanted && !tcb->fin_sent);
}

/* --- arming ------------------------------------------------------------------------------ */

static void arm_retransmission(struct tcb *tcb, struct instant now)
{
    if (!something_in_flight(tcb) || tcb->snd.wnd == 0) {
        tcp_stop_timer(tcb, TIMER_RETRANSMISSION);
        return;
    }
    /* RFC 6298, 5.1 and 5.3. */
    tcp_set_timer(tcb, TIMER_RETRANSMISSION,
                  instant_add(now, rtt_timeout(&tcb->rtt, &tcb->host->tunables)));
}

/* Negative: no probe may be sent as things are. */
static struct duration probe_timeout(struct tcb *tcb)
{
    struct recovery_scene scene = tcp_recovery_scene(tcb);

    if (!something_in_flight(tcb) || tcb->snd.wnd == 0)
        return duration_ns(-1);
    return recovery_probe_timeout(&scene, tcb->sack);
}

/* RFC 8985, 7.2 (R8985-07): from now, when text was sent or acknowledged, and never later than the
 * RTO. */
static void arm_tail_probe(struct tcb *tcb, struct instant now)
{
    struct duration timeout = probe_timeout(tcb);

    tcp_stop_timer(tcb, TIMER_TAIL_PROBE);
    if (timeout.ns >= 0)
        tcp_set_timer(tcb, TIMER_TAIL_PROBE,
                      instant_min(instant_add(now, timeout), tcb->timer[TIMER_RETRANSMISSION]));
}

/* RFC 9293, 3.8.6.1 (SHLD-29, 30): the first probe after one RTO, then twice as long each time. The
 * same timer overrides silly-window avoidance (3.8.6.2.1). With text in flight and an open window
 * the retransmission timer watches. */
static void arm_persist(struct tcb *tcb, struct instant now)
{
    struct duration interval;

    if (!(tcb->snd.wnd == 0 && (something_in_flight(tcb) || something_unsent(tcb))) &&
        !(something_unsent(tcb) && !something_in_flight(tcb))) {
        tcp_stop_timer(tcb, TIMER_PERSIST);
        return;
    }
    if (!instant_is_never(tcb->timer[TIMER_PERSIST]))
        return;
    interval = tcb->rtt.rto;
    for (int i = 0; i < tcb->probe_backoff; i++)
        interval = duration_times(interval, 2);
    interval = duration_min(interval, duration_ms(tcb->host->tunables.tcp_rto_max_ms));
    tcp_set_timer(tcb, TIMER_PERSIST, instant_add(now, interval));
}

/* MUST-21: the user's own limit, counted from the first transmission that got no answer. */
static void arm_user_timeout(struct tcb *tcb)
{
    if (tcb->settings.user_timeout_ms == 0 || instant_is_never(tcb->trouble_since))
        tcp_stop_timer(tcb, TIMER_USER);
    else
        tcp_set_timer(tcb, TIMER_USER,
                      instant_add(tcb->trouble_since, duration_ms(tcb->settings.user_timeout_ms)));
}

void tcp_arm_timers(struct tcb *tcb, struct instant now)
{
    if (!tcp_is_synchronized(tcb->state) || tcb->state == TCP_TIME_WAIT)
        return;
    arm_retransmission(tcb, now);
    arm_tail_probe(tcb, now);
    tcp_set_timer(tcb, TIMER_REORDERING, tcb->recovery.reorder_deadline);
    arm_persist(tcb, now);
    arm_user_timeout(tcb);
}

void tcp_arm_after_text(struct tcb *tcb, struct instant now)
{
    if (!tcp_is_synchronized(tcb->state))
        return; /* the SYN-ACK's timer watches over what left early */
    arm_tail_probe(tcb, now);
    arm_persist(tcb, now);
    arm_user_timeout(tcb);
}

void tcp_arm_after_no_news(struct tcb *tcb, struct instant now)
{
    if (!tcp_is_synchronized(tcb->state) || tcb->state == TCP_TIME_WAIT)
        return;
    if (instant_is_never(tcb->timer[TIMER_RETRANSMISSION]))
        arm_retransmission(tcb, now);
    if (probe_timeout(tcb).ns < 0)
        tcp_stop_timer(tcb, TIMER_TAIL_PROBE);
    tcp_set_timer(tcb, TIMER_REORDERING, tcb->recovery.reorder_deadline);
}

void tcp_start_time_wait(struct tcb *tcb, struct instant now)
{
    for (int i = 0; i < TCP_TIMERS; i++)
        if (i != TIMER_DELAYED_ACK)
            tcb->timer[i] = INSTANT_NEVER;
    tcp_set_timer(tcb, TIMER_TIME_WAIT,
                  instant_add(now, duration_s(tcb->host->tunables.tcp_time_wait)));
}

void tcp_restart_keep_alive(struct tcb *tcb, struct instant now)
{
    if (tcb->settings.keep_alive && tcp_is_synchronized(tcb->state) && tcb->state != TCP_TIME_WAIT)
        tcp_set_timer(tcb, TIMER_KEEP_ALIVE,
                      instant_add(now, duration_s(tcb->settings.keep_idle_s)));
    else
        tcp_stop_timer(tcb, TIMER_KEEP_ALIVE);
}

/* --- expiry ------------------------------------------------------------------------------ */

static void give_up(struct tcb *tcb, const char *timer)
{
    TRACE(tcb->host->trace, timed_out, .timer = timer, .retransmissions = tcb->retransmissions);
    tcp_fail(tcb, tcb->soft_error ? tcb->soft_error : ETIMEDOUT, "the peer did not answer");
}

void tcp_note_timeout(struct tcb *tcb, struct instant now)
{
    tcb->totals.timeouts++;
    if (!instant_is_never(tcb->rto_since))
        return;
    tcb->rto_since = now;
    tcb->totals.timeout_rows++;
}

void tcp_note_end_of_timeouts(struct tcb *tcb, struct instant now)
{
    if (instant_is_never(tcb->rto_since))
        return;
    tcb->totals.timeout_time = duration_add(tcb->totals.timeout_time,
                                            instant_since(now, tcb->rto_since));
    tcb->rto_since = INSTANT_NEVER;
}

/* RFC 9293, 3.8.3 (SHLD-9): the user is told of trouble when R1 is reached. */
static void advise_at_r1(struct tcb *tcb, int64_t retransmissions)
{
    if (retransmissions != tcb->host->tunables.tcp_retries1 || tcb->soft_error != 0)
        return;
    tcb->soft_error = ETIMEDOUT;
    tcp_note_change(tcb);
}

/* The ACK of the SYN-ACK is here already, and text is waited for (TCP_DEFER_ACCEPT): the SYN-ACK
 * goes again only at the end of the wait, to draw an ACK that is taken then. */
static bool waits_for_text(const struct tcb *tcb)
{
    return tcb->ack_deferred &&
           tcb->syn_transmissions + tcb->syn_waits < tcb->settings.deferred_timeouts;
}

/* The handshake: a SYN or SYN-ACK was not answered (MUST-22, 23). */
static void syn_timeout(struct tcb *tcb, struct instant now)
{
    uint32_t retries = tcb->settings.syn_retries;

    if (tcb->state == TCP_SYN_RECEIVED && tcb->passive)
        retries = (uint32_t)tcb->host->tunables.tcp_synack_retries;
    else if (retries == 0)
        retries = (uint32_t)tcb->host->tunables.tcp_syn_retries;
    if (waits_for_text(tcb)) {
        tcb->syn_waits++;
        rtt_back_off(&tcb->rtt);
        tcp_set_timer(tcb, TIMER_RETRANSMISSION,
                      instant_add(now, rtt_timeout(&tcb->rtt, &tcb->host->tunables)));
        return;
    }
    tcp_note_timeout(tcb, now);
    tcp_fast_open_timed_out(tcb, tcb->syn_transmissions,
                            tcb->syn_transmissions > retries ? TCP_GIVES_UP : TCP_GOES_ON, now);
    if (tcb->syn_transmissions > retries) {
        TRACE(tcb->host->trace, open_failed, .because = "no answer to the SYN");
        give_up(tcb, "SYN");
        return;
    }
    advise_at_r1(tcb, tcb->syn_transmissions);
    rtt_back_off(&tcb->rtt);
    tcb->syn_retransmitted = true;
    tcp_owe_syn(tcb, now);
}

/* RFC 6298, 5.4 to 5.6; RFC 9293, 3.8.3 (MUST-20): advice at R1, the end at R2. */
static void retransmission_timeout(struct tcb *tcb, struct instant now)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    struct recovery_scene scene = tcp_recovery_scene(tcb);
    int64_t r2 = tcb->user_gone ? tunables->tcp_orphan_retries : tunables->tcp_retries2;

    if (!something_in_flight(tcb))
        return;
    if (tcb->retransmissions >= r2 && tcb->settings.user_timeout_ms == 0) {
        give_up(tcb, "retransmission");
        return;
    }
    if (tcb->retransmissions < UINT8_MAX)
        tcb->retransmissions++;
    tcp_note_timeout(tcb, now);
    advise_at_r1(tcb, tcb->retransmissions);
    tcp_fast_open_timed_out(tcb, tcb->retransmissions, TCP_GOES_ON, now);
    if (tcb->pending_mtu)
        tcp_apply_path_mtu(tcb, tcb->pending_mtu,
                           now); /* RFC 5927, 7.2: no progress since it came */
    tcp_mtu_suspect_black_hole(tcb, now);
    recovery_on_timeout(&scene, tcb->snd.una, tcb->snd.nxt, tcb->mss, now);
    TRACE(tcb->host->trace, retransmission_timeout, .una = tcb->snd.una,
          .rto = rtt_timeout(&tcb->rtt, tunables), .times = tcb->retransmissions,
          .cwnd = tcb->cc.cwnd, .ssthresh = tcb->cc.ssthresh);
    rtt_back_off(&tcb->rtt);
    arm_retransmission(tcb, now);
    tcp_stop_timer(tcb, TIMER_TAIL_PROBE);
    tcp_set_timer(tcb, TIMER_REORDERING, tcb->recovery.reorder_deadline);
}

/* MUST-36, 37: probes for as long as they are answered; unanswered ones are limited like
 * retransmissions. */
static void persist_timeout(struct tcb *tcb, struct instant now)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    int64_t most = tcb->user_gone ? tunables->tcp_orphan_retries : tunables->tcp_retries2;

    if (tcb->probes >= most && tcb->settings.user_timeout_ms == 0) {
        give_up(tcb, "persist");
        return;
    }
    if (tcb->probes < UINT8_MAX)
        tcb->probes++;
    if (tcb->probe_backoff < 20)
        tcb->probe_backoff++;
    if (instant_is_never(tcb->trouble_since) && tcb->probes > 1)
        tcb->trouble_since = now;
    tcb->owed |= OWED_WINDOW_PROBE;
    arm_persist(tcb, now);
    arm_user_timeout(tcb);
}

/* RFC 9293, 3.8.4 (MUST-26): only while nothing is in flight and nothing has arrived for the whole
 * interval. */
static void keep_alive_timeout(struct tcb *tcb, struct instant now)
{
    struct duration idle = duration_s(tcb->settings.keep_idle_s);
    struct instant due = instant_add(tcb->last_arrival, idle);

    if (!tcb->settings.keep_alive)
        return;
    if (something_in_flight(tcb) || something_unsent(tcb)) {
        tcp_set_timer(tcb, TIMER_KEEP_ALIVE, instant_add(now, idle));
        return;
    }
    if (!instant_reached(due, now)) {
        tcp_set_timer(tcb, TIMER_KEEP_ALIVE, due);
        return;
    }
    if (tcb->keep_alives >= tcb->settings.keep_probes) { /* MUST-29: not after one */
        tcp_owe_final_reset(tcb);
        give_up(tcb, "keep-alive");
        return;
    }
    tcb->keep_alives++;
    tcb->owed |= OWED_KEEP_ALIVE;
    tcp_set_timer(tcb, TIMER_KEEP_ALIVE,
                  instant_add(now, duration_s(tcb->settings.keep_interval_s)));
}

static void reordering_timeout(struct tcb *tcb, struct instant now)
{
    struct recovery_scene scene = tcp_recovery_scene(tcb);

    recovery_on_reorder_timer(&scene, tcb->snd.una, tcb->snd.nxt, tcb->mss, now);
    tcp_mtu_look_for_loss(tcb, now);
    tcp_arm_timers(tcb, now);
}

static void expire(struct tcb *tcb, enum tcp_timer timer, struct instant now)
{
    switch (timer) {
    case TIMER_RETRANSMISSION:
        if (tcb->state == TCP_SYN_SENT || tcb->state == TCP_SYN_RECEIVED)
            syn_timeout(tcb, now);
        else if (instant_reached(tcb->timer[TIMER_TAIL_PROBE], now))
            arm_retransmission(tcb, now); /* RFC 8985, 7.2: the probe takes the RTO's place */
        else
            retransmission_timeout(tcb, now);
        break;
    case TIMER_TAIL_PROBE:
        tcb->owed |= OWED_TAIL_PROBE;
        break;
    case TIMER_REORDERING:
        reordering_timeout(tcb, now);
        break;
    case TIMER_PERSIST:
        persist_timeout(tcb, now);
        break;
    case TIMER_DELAYED_ACK:
        ack_policy_expired(&tcb->acks, &tcb->host->tunables);
        tcb->owed |= OWED_DELAYED_ACK;
        break;
    case TIMER_KEEP_ALIVE:
        keep_alive_timeout(tcb, now);
        break;
    case TIMER_USER: /* RFC 9293, 3.10.8: nothing is sent */
        give_up(tcb, "user");
        break;
    case TIMER_TIME_WAIT:
        tcp_fail(tcb, 0,
                 tcb->state == TCP_TIME_WAIT ? "2 MSL are over" : "FIN-WAIT-2 lasted too long");
        break;
    case TIMER_PACING:
    case TIMER_CORK:
        break; /* output looks again */
    case TCP_TIMERS:
        UNREACHABLE();
    }
}

void tcp_timeout(struct tcb *tcb, struct instant now)
{
    for (enum tcp_timer timer = 0; timer < TCP_TIMERS; timer++) {
        if (!instant_reached(tcb->timer[timer], now))
            continue;
        if (timer == TIMER_CORK) {
            tcb->snd.hold = 0;
            tcb->snd.more = false; /* it leaves after all: pushed */
        }
        tcp_stop_timer(tcb, timer);
        expire(tcb, timer, now);
    }
    tcp_touch(tcb);
}
