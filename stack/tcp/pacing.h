/* When the next segment may leave, by the pacing rate. A leaf without a clock: earliest departure
 * time, as sch_fq has it, with a small allowance after idle. */
#ifndef TUNNY_TCP_PACING_H
#define TUNNY_TCP_PACING_H

#include "base/time.h"

struct pacing {
    struct instant next; /* nothing leaves before this */
};

/* cwnd / srtt times `percent` / 100, bytes a second; 0 when srtt is 0. */
uint64_t pacing_rate_of(uint64_t cwnd, struct duration srtt, uint32_t percent);
/* `bytes` left at `now` at `rate` bytes a second (0: not paced): moves `next`, by a second at most;
 * the first that leaves late brings its successor forward by up to half a gap. */
void pacing_sent(struct pacing *pacing, uint64_t bytes, uint64_t rate, struct instant now);
/* How many bytes a super-segment should have at most: what the rate carries in 1 ms, plus a share
 * that grows as min_rtt (0: not known) falls below a millisecond, at least `least` bytes, at most
 * `most` bytes, a multiple of `mss`, one `mss` at least. Not paced (rate 0): `most`. */
uint32_t pacing_burst(uint64_t rate, struct duration min_rtt, uint32_t mss, uint32_t least,
                      uint32_t most);

#endif
