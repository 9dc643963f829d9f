/* What our ACKs say in their SACK option (RFC 2018, 4; RFC 2883, 4). See sack_report.h. */
#include "tcp/sack_report.h"

#include <stdbool.h>
#include <string.h>

void sack_report_kept(struct sack_report *report, seqno at)
{
    size_t keep = report->count;

    if (keep == SACK_REPORT_REMEMBERED)
        keep--;
    memmove(report->recent + 1, report->recent, keep * sizeof report->recent[0]);
    report->recent[0] = at;
    report->count = (uint8_t)(keep + 1);
}

void sack_report_duplicate(struct sack_report *report, seqno from, seqno to)
{
    report->has_duplicate = true;
    report->duplicate_from = from;
    report->duplicate_to = to;
}

static bool is_listed(const struct sack_span *blocks, unsigned count, seqno from)
{
    for (unsigned i = 0; i < count; i++)
        if (blocks[i].from == from)
            return true;
    return false;
}

unsigned sack_report_blocks(struct sack_report *report, const struct ranges *held, seqno next,
                            unsigned most, struct sack_span *blocks)
{
    unsigned count = 0, enclosing, first_range;
    uint8_t kept = 0;
    seqno from, to;

    if (report->has_duplicate && most > 0)
        blocks[count++] = (struct sack_span){report->duplicate_from, report->duplicate_to};
    enclosing = count;
    /* RFC 2883, 4.1: a duplicate above RCV.NXT is followed by the range that encloses it. */
    if (report->has_duplicate && report->duplicate_from >= next && count < most &&
        ranges_find(held, report->duplicate_from, &from, &to))
        blocks[count++] = (struct sack_span){from, to};
    first_range = count;

    for (uint8_t i = 0; i < report->count; i++) {
        seqno position = report->recent[i];
        if (position < next || !ranges_find(held, position, &from, &to))
            continue;
        if (is_listed(blocks + first_range, count - first_range, from))
            continue;
        /* The range around a duplicate is listed already, and stays remembered for the next ACK. */
        if (count < most && !is_listed(blocks + enclosing, first_range - enclosing, from))
            blocks[count++] = (struct sack_span){from, to};
        report->recent[kept++] = position;
    }
    report->count = kept;
    /* Held, but not remembered: while there is room (R2018-03, R2018-05). */
    for (; count < most && ranges_at_or_after(held, next, &from, &to); next = to)
        if (!is_listed(blocks + enclosing, count - enclosing, from))
            blocks[count++] = (struct sack_span){from, to};
    return count;
}

void sack_report_sent(struct sack_report *report)
{
    report->has_duplicate = false;
}
