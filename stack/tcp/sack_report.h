/* What our ACKs say in their SACK option (RFC 2018, 4; RFC 2883, 4): the range that the newest
 * segment belongs to first, then those reported before, newest first; a duplicate once, before all
 * of them. A leaf. */
#ifndef TUNNY_TCP_SACK_REPORT_H
#define TUNNY_TCP_SACK_REPORT_H

#include "base/ranges.h"
#include "base/seq.h"

enum { SACK_REPORT_REMEMBERED = 12 };

struct sack_report {
    /* A position inside each range, that of the newest segment first; bit n of `fresh`: range n has
     * grown since it was reported. */
    seqno recent[SACK_REPORT_REMEMBERED];
    uint16_t fresh;
    uint8_t count;
    bool has_duplicate;
    seqno duplicate_from, duplicate_to;
};

struct sack_span {
    seqno from, to;
};

/* A segment at `at` was kept beyond a hole, and is in `held` now. */
void sack_report_kept(struct sack_report *report, const struct ranges *held, seqno at);
/* [from, to) arrived although it had before: reported once, in the next ACK. */
void sack_report_duplicate(struct sack_report *report, seqno from, seqno to);
/* The blocks of the next ACK, at most `most`; returns how many. `next`: RCV.NXT. Ranges that were
 * not reported yet go first. */
unsigned sack_report_blocks(struct sack_report *report, const struct ranges *held, seqno next,
                            unsigned most, struct sack_span *blocks);
/* More segments came at once than one ACK can tell of: another one is due. Each of them would have
 * been answered by itself had they come one by one. */
bool sack_report_is_behind(const struct sack_report *report);
/* That ACK was sent: the duplicate need not be told again. */
void sack_report_sent(struct sack_report *report);

#endif
