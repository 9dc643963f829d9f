/* Losses found by counting (RFC 6675, 4; RFC 6582, 3.2), and the marking of losses for all modules.
 * Called by rack.c and recovery.c; it must not know the phase of recovery or the congestion window.
 */
#include "tcp/losses.h"

void losses_mark(struct sent *sent, struct sent_record *record, struct trace *trace,
                 const char *because)
{
    TRACE(trace, marked_lost, .seq = sent_from(record), .len = record->to - sent_from(record),
          .because = because);
    sent_mark_lost(sent, record);
}

void losses_mark_all(struct sent *sent, struct trace *trace, const char *because)
{
    for (struct sent_record *record; (record = sent_oldest(sent));)
        losses_mark(sent, record, trace, because);
}

void losses_mark_sent_before(struct sent *sent, struct instant when, struct trace *trace,
                             const char *because)
{
    for (struct sent_record *record; (record = sent_oldest(sent));) {
        if (!instant_before(record->sent_at, when))
            break;
        losses_mark(sent, record, trace, because);
    }
}

static bool is_candidate(const struct sent_record *record)
{
    return record->state == SENT_OUTSTANDING && record->transmissions == 1;
}

void losses_mark_head(struct sent *sent, uint32_t mss, struct trace *trace, const char *because)
{
    struct sent_record *head = sent_first(sent);
    if (!head || !is_candidate(head))
        return;
    if (head->to - sent_from(head) > mss)
        head = sent_cut(sent, head, sent_from(head) + mss, mss);
    losses_mark(sent, head, trace, because);
}

void losses_mark_below(struct sent *sent, seqno *treated, seqno below, struct trace *trace,
                       const char *because)
{
    if (below <= *treated)
        return;
    for (struct sent_record *record = sent_at_or_after(sent, *treated);
         record && sent_from(record) < below; record = sent_after(record)) {
        sent->touched++;
        if (is_candidate(record))
            losses_mark(sent, record, trace, because);
    }
    *treated = below;
}

seqno losses_edge(const struct sent *sent, uint32_t dup_threshold, uint32_t smss)
{
    uint64_t bytes = 0;
    uint32_t ranges = 0;
    /* Neighbours that are SACKed are one record, so each record is a range of its own. */
    for (const struct sent_record *record = sent_highest_sacked(sent); record;
         record = sent_sacked_below(record)) {
        bytes += record->to - sent_from(record);
        ranges++;
        if (ranges >= dup_threshold || bytes > (uint64_t)(dup_threshold - 1) * smss)
            return sent_from(record);
    }
    return 0;
}

uint32_t losses_threshold_after_reordering(uint32_t dup_threshold, uint64_t distance, uint32_t smss)
{
    enum { MOST = 300 };
    uint64_t segments = distance / smss + 1;
    if (segments > MOST)
        segments = MOST;
    return segments > dup_threshold ? (uint32_t)segments : dup_threshold;
}
