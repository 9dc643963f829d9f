/* See icmp_limit.h. A limit that all destinations share is an oracle: an attacker who sends probes
 * with forged sources sees from the errors to himself whether the probes had used the limit up, and
 * so whether the ports were open (SAD DNS, CVE-2020-25705). Therefore the shared bucket comes
 * second, and what one error costs in it is random: 0, 1 or 2, one on average. */
#include "ip/icmp_limit.h"

enum { TOKEN = 1000, NS_PER_MS = 1000000 };

static void fill(struct token_bucket *bucket, int64_t rate, int64_t burst, struct instant now)
{
    /* `rate` tokens a second are `rate` thousandths a millisecond. */
    int64_t ms = (now.ns - bucket->since.ns) / NS_PER_MS;
    if (ms <= 0)
        return;
    bucket->since.ns += ms * NS_PER_MS;
    int64_t missing = burst * TOKEN - bucket->tokens;
    bucket->tokens += ms > missing / rate ? missing : ms * rate;
}

void icmp_limit_init(struct icmp_limit *limit, const struct siphash_key *key, uint64_t seed)
{
    *limit = (struct icmp_limit){.key = *key};
    random_seed(&limit->random, seed);
    limit->all.tokens = ICMP_LIMIT_BURST * TOKEN;
    for (unsigned i = 0; i < ICMP_LIMIT_BUCKETS; i++)
        limit->destinations[i].tokens = ICMP_LIMIT_BURST_TO_ONE * TOKEN;
}

/* Destinations that fall together share a bucket: replacing it would refill it. */
static struct token_bucket *bucket_of(struct icmp_limit *limit, const struct address *destination)
{
    /* Who has one address of an IPv6 subnet has all of them. */
    size_t length = address_is_ipv4(destination) ? 16 : 8;
    uint64_t hash = siphash(&limit->key, destination->bytes, length);
    return &limit->destinations[hash % ICMP_LIMIT_BUCKETS];
}

bool icmp_limit_allows(struct icmp_limit *limit, const struct address *destination,
                       struct instant now)
{
    struct token_bucket *one = bucket_of(limit, destination);
    fill(one, ICMP_LIMIT_RATE_TO_ONE, ICMP_LIMIT_BURST_TO_ONE, now);
    fill(&limit->all, ICMP_LIMIT_RATE, ICMP_LIMIT_BURST, now);
    if (one->tokens < TOKEN || limit->all.tokens < TOKEN)
        return false;
    one->tokens -= TOKEN;
    limit->all.tokens -= (int64_t)random_below(&limit->random, 3) * TOKEN; /* perhaps below 0 */
    return true;
}
