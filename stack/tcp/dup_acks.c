/* DeliveredData on connections without SACK (RFC 9937, 6.2). Called by recovery.c for each ACK; it
 * must not know the phase of recovery. */
#include "tcp/dup_acks.h"

uint64_t dup_acks_credit(struct dup_acks *dups, uint64_t pipe, uint32_t mss, uint64_t most)
{
    uint64_t taken = dups->credited + mss;
    uint64_t room = pipe > taken ? pipe - taken : 0;
    uint64_t credit = room < mss ? room : mss;
    if (credit > most)
        credit = most;
    dups->credited += credit;
    return credit;
}

uint64_t dup_acks_settle(struct dup_acks *dups, uint64_t acked, uint32_t mss)
{
    uint64_t used = acked > mss ? acked - mss : 0;
    if (used > dups->credited)
        used = dups->credited;
    dups->credited -= used;
    return acked - used;
}
