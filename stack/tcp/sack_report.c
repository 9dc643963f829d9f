/* What our ACKs say in their SACK option (RFC 2018, 4; RFC 2883, 4). See sack_report.h. */
#include "tcp/sack_report.h"

#include <stdbool.h>
#include <string.h>

/* Leaves one position for each range that is held beyond `next`. */
static void clean(struct sack_report *report, const struct ranges *held, seqno next)
{
    seqno starts[SACK_REPORT_REMEMBERED], to;
    uint16_t fresh = 0;
    uint8_t kept = 0;

    for (uint8_t i = 0; i < report->count; i++) {
        uint8_t same = 0;
        if (report->recent[i] < next || !ranges_find(held, report->recent[i], &starts[kept], &to))
            continue;
        while (starts[same] != starts[kept])
            same++;
        if (same == kept)
            report->recent[kept++] = report->recent[i];
        fresh |= (uint16_t)(((unsigned)report->fresh >> i & 1u) << same);
    }
    report->count = kept;
    report->fresh = fresh;
}

void sack_report_kept(struct sack_report *report, const struct ranges *held, seqno at)
{
    size_t keep;

    if (report->count == SACK_REPORT_REMEMBERED)
        clean(report, held, 0);
    keep = report->count;
    if (keep == SACK_REPORT_REMEMBERED)
        keep--;
    memmove(report->recent + 1, report->recent, keep * sizeof report->recent[0]);
    report->recent[0] = at;
    report->fresh = (uint16_t)((unsigned)report->fresh << 1 | 1u);
    report->count = (uint8_t)(keep + 1);
    clean(report, held, 0);
}

bool sack_report_is_behind(const struct sack_report *report)
{
    return report->fresh != 0;
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

/* The blocks of an ACK that is being made. */
struct listing {
    struct sack_span *blocks;
    unsigned count, most;
    unsigned enclosing; /* the range around a duplicate stands here, if there is one */
};

/* The remembered ranges that were not reported yet, or those that were. */
static void list_recent(struct sack_report *report, const struct ranges *held, bool fresh,
                        struct listing *listing)
{
    for (uint8_t i = 0; i < report->count; i++) {
        seqno from, to;
        if (((unsigned)report->fresh >> i & 1u) != (fresh ? 1u : 0u) ||
            !ranges_find(held, report->recent[i], &from, &to))
            continue;
        if (!is_listed(listing->blocks + listing->enclosing, listing->count - listing->enclosing,
                       from)) {
            if (listing->count == listing->most)
                return;
            listing->blocks[listing->count++] = (struct sack_span){from, to};
        }
        report->fresh &= (uint16_t) ~(1u << i);
    }
}

unsigned sack_report_blocks(struct sack_report *report, const struct ranges *held, seqno next,
                            unsigned most, struct sack_span *blocks)
{
    struct listing listing = {.blocks = blocks, .most = most};
    seqno from, to;

    if (report->has_duplicate && most > 0)
        blocks[listing.count++] = (struct sack_span){report->duplicate_from, report->duplicate_to};
    listing.enclosing = listing.count;
    /* RFC 2883, 4.1: a duplicate above RCV.NXT is followed by the range that encloses it. */
    if (report->has_duplicate && report->duplicate_from >= next && listing.count < most &&
        ranges_find(held, report->duplicate_from, &from, &to))
        blocks[listing.count++] = (struct sack_span){from, to};
    clean(report, held, next);
    list_recent(report, held, true, &listing);
    list_recent(report, held, false, &listing);
    /* Held, but not remembered: while there is room (R2018-03, R2018-05). */
    for (; listing.count < most && ranges_at_or_after(held, next, &from, &to); next = to)
        if (!is_listed(blocks + listing.enclosing, listing.count - listing.enclosing, from))
            blocks[listing.count++] = (struct sack_span){from, to};
    return listing.count;
}

void sack_report_sent(struct sack_report *report)
{
    report->has_duplicate = false;
}
