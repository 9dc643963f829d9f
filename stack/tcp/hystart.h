/* HyStart++ (RFC 9406): leaves slow start when the round-trip time rises, before packets are lost,
 * by way of Conservative Slow Start, which finds out whether the rise was more than jitter. A leaf:
 * it sees numbers acknowledged and round-trip times, and says how much of an ACK counts; it must
 * not know cwnd. */
#ifndef TUNNY_TCP_HYSTART_H
#define TUNNY_TCP_HYSTART_H

#include "base/seq.h"
#include "base/time.h"

enum hystart_phase {
    HYSTART_SLOW_START,
    HYSTART_CONSERVATIVE, /* CSS: a quarter of the growth, for at most five rounds */
    HYSTART_DONE,         /* congestion avoidance is to begin: ssthresh = cwnd */
};

struct hystart {
    enum hystart_phase phase;
    uint32_t samples;             /* rttSampleCount of this round */
    uint32_t conservative_rounds; /* rounds of CSS, the first counts though it is partial */
    seqno window_end;             /* the round ends when this is acknowledged */
    struct duration last_min, current_min; /* lastRoundMinRTT, currentRoundMinRTT */
    struct duration baseline;              /* cssBaselineMinRtt */
};

void hystart_init(struct hystart *hystart);
/* An ACK in slow start: SND.UNA and SND.NXT after it, and its round-trip time (negative: no
 * sample). */
void hystart_on_ack(struct hystart *hystart, seqno una, seqno nxt, struct duration rtt);
/* How many bytes cwnd may grow for `acked` bytes (RFC 9406, 4.2), of which at most `most` count
 * (4.3: L segments when not paced). */
uint64_t hystart_growth(const struct hystart *hystart, uint64_t acked, uint64_t most);

#endif
