/* Without SACK a duplicate ACK is the only news of what arrived: each stands for one segment. Keeps
 * the account of what they have reported, so that nothing is taken as delivered twice (RFC
 * 9937, 6.2). A leaf. */
#ifndef TUNNY_TCP_DUP_ACKS_H
#define TUNNY_TCP_DUP_ACKS_H

#include <stdint.h>

struct dup_acks {
    uint64_t
        credited; /* bytes that duplicate ACKs say have left the network, not yet acknowledged */
};

/* A duplicate ACK: DeliveredData. At most `pipe` less one segment is credited in all, and at most
 * `most` now: a peer that floods gains nothing. */
uint64_t dup_acks_credit(struct dup_acks *dups, uint64_t pipe, uint32_t mss, uint64_t most);
/* SND.UNA advanced by `acked`: DeliveredData, without what was credited; one segment, the hole, is
 * new. */
uint64_t dup_acks_settle(struct dup_acks *dups, uint64_t acked, uint32_t mss);

#endif
