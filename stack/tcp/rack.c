/* RACK (RFC 8985, 6): the newest delivered transmission is remembered, and what was sent before it
 * is judged by its age. Called by recovery.c for each ACK and when the reordering or the
 * retransmission timer expires; it must not know the congestion window, nor what happens to what it
 * marks. */
#include "tcp/rack.h"

#include "tcp/losses.h"

enum {
    DSACK_FREE_RECOVERIES = 16, /* 4: how long a raised window lasts */
    TIMER_SLACK_MS = 2, /* Linux's least timer: an ACK that is about to come has the chance to */
    WAITING_LOOKED_AT = 32, /* records that are not yet due are looked at only so far */
};

void rack_init(struct rack *rack)
{
    *rack = (struct rack){.reo_wnd_mult = 1};
}

/* RACK_sent_after() */
static bool is_sent_after(struct instant a_at, seqno a_to, struct instant b_at, seqno b_to)
{
    return instant_before(b_at, a_at) || (a_at.ns == b_at.ns && a_to > b_to);
}

/* 6.2, step 2 (R8985-02): the acknowledgment of a retransmission may be that of the original. It is
 * if it came faster than any round trip, or echoes a time before the retransmission. Not RFC 8985:
 * the echo is asked only for what SND.UNA has passed, because an ACK of text beyond a hole echoes
 * the text in front of the hole (RFC 7323, 4.3), and would never count. */
static bool is_ambiguous(const struct rack_news *news)
{
    const struct sent_delivery *delivery = news->delivery;
    if (!delivery->newest_retransmitted)
        return false;
    if (instant_since(news->now, delivery->newest_sent_at).ns < news->min_rtt.ns)
        return true;
    return news->has_ts_ecr && delivery->newest_ts != 0 && delivery->newest_to <= news->una &&
           (int32_t)(news->ts_ecr - delivery->newest_ts) < 0;
}

/* What overtook others came sooner than they can: they are given the least round trip of those that
 * came in order. */
static void advance(struct rack *rack, struct instant sent_at, seqno to,
                    const struct rack_news *news)
{
    rack->rtt = duration_max(instant_since(news->now, sent_at), news->min_rtt);
    if (rack->to != 0 && !is_sent_after(sent_at, to, rack->sent_at, rack->to))
        return;
    rack->sent_at = sent_at;
    rack->to = to;
}

bool rack_on_delivery(struct rack *rack, const struct rack_news *news)
{
    const struct sent_delivery *delivery = news->delivery;
    if (delivery->has_newest && !is_ambiguous(news))
        advance(rack, delivery->newest_sent_at, delivery->newest_to, news);
    else if (delivery->has_rtt)
        advance(rack, delivery->rtt_sent_at, delivery->rtt_to, news);
    /* Step 3: something sent once arrived after something higher. */
    bool reordered = delivery->never_retransmitted_delivered && delivery->lowest_once != 0 &&
                     delivery->lowest_once < rack->fack;
    rack->fack = seq_max(rack->fack, news->highest_delivered);
    rack->reordering_seen |= reordered;
    return reordered;
}

void rack_on_ack(struct rack *rack, bool has_dsack, seqno una, seqno nxt)
{
    if (rack->dsack_round != 0 && una >= rack->dsack_round)
        rack->dsack_round = 0;
    /* Something was sent again for nothing: wait longer, once a round (R8985-04). */
    if (rack->dsack_round != 0 || !has_dsack)
        return;
    rack->dsack_round = nxt;
    if (rack->reo_wnd_mult < UINT8_MAX)
        rack->reo_wnd_mult++;
    rack->reo_wnd_persist = DSACK_FREE_RECOVERIES;
}

void rack_on_spurious(struct rack *rack, struct duration after, struct duration min_rtt)
{
    int64_t quarters;

    if (min_rtt.ns <= 0 || after.ns <= min_rtt.ns)
        return;
    quarters = (4 * (after.ns - min_rtt.ns) + min_rtt.ns - 1) / min_rtt.ns;
    if (quarters > rack->reo_wnd_mult)
        rack->reo_wnd_mult = (uint8_t)(quarters < UINT8_MAX ? quarters : UINT8_MAX);
    rack->reordering_seen = true;
    rack->reo_wnd_persist = DSACK_FREE_RECOVERIES;
}

void rack_on_recovery_end(struct rack *rack)
{
    if (rack->reo_wnd_persist > 0)
        rack->reo_wnd_persist--;
    if (rack->reo_wnd_persist == 0)
        rack->reo_wnd_mult = 1;
}

struct duration rack_reo_wnd(const struct rack *rack, const struct rack_facts *facts)
{
    /* RFC 8985, 6.2 step 4 (R8985-03): a path that never reordered is not waited for when other
     * signs of loss are there. */
    if (!rack->reordering_seen &&
        (facts->in_recovery || facts->sacked_segments >= facts->dup_threshold))
        return DURATION_ZERO;
    struct duration window = duration_times(facts->min_rtt, rack->reo_wnd_mult);
    return duration_min(duration_ns(window.ns / 4), facts->srtt);
}

static struct instant due_at(const struct rack *rack, const struct sent_record *record,
                             struct duration reo_wnd)
{
    return instant_add(record->sent_at, duration_add(rack->rtt, reo_wnd));
}

struct instant rack_mark_lost(const struct rack *rack, struct sent *sent, struct duration reo_wnd,
                              struct trace *trace, struct instant now)
{
    struct instant latest = INSTANT_ZERO;
    unsigned waiting = 0;
    if (rack->to == 0)
        return INSTANT_NEVER;
    /* Oldest transmission first: the first that was not sent before RACK's ends the walk. Those
     * that have to wait are looked at a bounded number of times, lest each ACK walk over all of
     * them. */
    for (struct sent_record *record = sent_oldest(sent), *next; record; record = next) {
        sent->touched++;
        if (!is_sent_after(rack->sent_at, rack->to, record->sent_at, record->to))
            break;
        next = sent_later(sent, record);
        struct instant due = due_at(rack, record, reo_wnd);
        if (instant_reached(due, now)) {
            losses_mark(sent, record, trace, "RACK: sent before what was delivered");
            continue;
        }
        latest = instant_max(latest, due);
        if (++waiting == WAITING_LOOKED_AT)
            break;
    }
    return waiting ? instant_add(latest, duration_ms(TIMER_SLACK_MS)) : INSTANT_NEVER;
}

void rack_mark_lost_on_timeout(const struct rack *rack, struct sent *sent, struct duration reo_wnd,
                               struct trace *trace, struct instant now)
{
    /* RFC 8985, 6.3 (R8985-06) */
    struct sent_record *first = sent_first(sent);
    if (first && first->state == SENT_OUTSTANDING)
        losses_mark(sent, first, trace, "timeout");
    for (struct sent_record *record; (record = sent_oldest(sent));) {
        if (!instant_reached(due_at(rack, record, reo_wnd), now))
            break;
        losses_mark(sent, record, trace, "timeout: older than a round trip");
    }
}
