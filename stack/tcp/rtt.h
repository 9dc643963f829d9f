/* Round-trip times and the retransmission timeout (RFC 6298). A leaf: it sees no connection. */
#ifndef TUNNY_TCP_RTT_H
#define TUNNY_TCP_RTT_H

#include <stdbool.h>

#include "base/time.h"
#include "tcp/tunables.h"

struct rtt {
    struct duration srtt, rttvar; /* RFC 6298, 2; 0 before the first sample */
    struct duration rto;          /* without backoff, within its bounds */
    struct duration latest;       /* the last sample */
    struct duration min; /* the least of about 5 minutes (RFC 8985, 6.2 step 1); 0: none yet */
    struct duration min_of_half, min_of_half_before; /* its two halves */
    struct instant min_at;                           /* when the half that is being filled began */
    uint8_t backoff;                                 /* how many times rto is doubled (5.5) */
    bool sampled;
};

void rtt_init(struct rtt *rtt, const struct tcp_tunables *tunables);

/* A sample (2.2, 2.3), at least 1 us. `samples_per_round`: how many are expected in one round trip,
 * at least 1; the gains are divided by it (RFC 7323, appendix G), so that many samples do not
 * smooth more than one. Ends the backoff. */
void rtt_sample(struct rtt *rtt, const struct tcp_tunables *tunables, struct duration sample,
                uint32_t samples_per_round, struct instant now);

/* The same of a segment that was SACKed beyond a hole, which may have overtaken those in the hole,
 * or of an echoed timestamp, which ticks in milliseconds: neither says what the least is. */
void rtt_sample_rough(struct rtt *rtt, const struct tcp_tunables *tunables, struct duration sample,
                      uint32_t samples_per_round);

/* A timeout was spurious; `delay` is how long the acknowledgment took. RFC 4015, 3.2 step 9: srtt
 * is at least that and rttvar at least half of it, so that the same delay does not time out again.
 */
void rtt_after_spurious_timeout(struct rtt *rtt, const struct tcp_tunables *tunables,
                                struct duration delay);

/* rto with its backoff, at most tcp_rto_max_ms. */
struct duration rtt_timeout(const struct rtt *rtt, const struct tcp_tunables *tunables);
void rtt_back_off(struct rtt *rtt); /* 5.5; a sample ends it (5.7, R6298-09) */
/* 5.7: the SYN was sent again and no sample exists: rto becomes at least 3 s and is not doubled. */
void rtt_after_syn_timeout(struct rtt *rtt);

#endif
