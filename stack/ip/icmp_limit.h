/* How many ICMP errors may be sent (RFC 4443, 2.4(f); RFC 1812, 4.3.2.8): a token bucket for each
 * destination, so that one flood does not silence the errors to others, and one for all, whose
 * exact level nobody can measure. A leaf; called by icmp_out. */
#ifndef TUNNY_IP_ICMP_LIMIT_H
#define TUNNY_IP_ICMP_LIMIT_H

#include "base/random.h"
#include "base/siphash.h"
#include "base/time.h"
#include "wire/address.h"

enum {
    ICMP_LIMIT_BUCKETS = 256,
    ICMP_LIMIT_RATE = 1000, /* errors a second, to all */
    ICMP_LIMIT_BURST = 50,
    ICMP_LIMIT_RATE_TO_ONE = 20, /* errors a second, to one destination */
    ICMP_LIMIT_BURST_TO_ONE = 20,
};

struct token_bucket {
    int64_t tokens;       /* thousandths of an error */
    struct instant since; /* when `tokens` was true */
};

struct icmp_limit {
    struct siphash_key key;
    struct random random;
    struct token_bucket all;
    struct token_bucket destinations[ICMP_LIMIT_BUCKETS];
};

void icmp_limit_init(struct icmp_limit *limit, const struct siphash_key *key, uint64_t seed);

/* Whether an error may be sent to `destination` now; takes the tokens when it may. */
bool icmp_limit_allows(struct icmp_limit *limit, const struct address *destination,
                       struct instant now);

#endif
