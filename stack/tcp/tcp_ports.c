/* Ports, initial sequence numbers, timestamp offsets and flow labels: everything that must not be
 * guessed (RFC 6056, RFC 9293, 3.4.1, RFC 7323, 7.1, RFC 6437), all from one secret by SipHash,
 * each with a domain of its own. */
#include <errno.h>
#include <string.h>

#include "tcp/tcp_demux.h"

enum { FIRST_PORT = 1024, LAST_PORT = 65535, PORT_COUNTERS = 65536 };
enum domain {
    DOMAIN_ISN = 1,
    DOMAIN_TIMESTAMP,
    DOMAIN_PORT_OFFSET,
    DOMAIN_PORT_COUNTER,
    DOMAIN_PORT_STEP,
    DOMAIN_FLOW_LABEL
};

static uint64_t keyed(const struct tcp *tcp, enum domain domain, const struct flow *flow,
                      uint64_t extra)
{
    struct {
        uint8_t local[16], remote[16];
        uint64_t ports, domain, extra;
    } input;

    memcpy(input.local, flow->local.address.bytes, sizeof input.local);
    memcpy(input.remote, flow->remote.address.bytes, sizeof input.remote);
    input.ports = (uint64_t)flow->local.port << 16 | flow->remote.port;
    input.domain = domain;
    input.extra = extra;
    return siphash(&tcp->secret, &input, sizeof input);
}

/* RFC 9293, 3.4.1 (MUST-8, SHLD-1): M + F(flow, secret); M ticks every 4 microseconds. */
seqno tcp_new_iss(const struct tcp *tcp, const struct flow *flow, struct instant now)
{
    uint32_t clock = (uint32_t)(now.ns / 4000);

    return SEQ_FIRST_EPOCH + (uint32_t)(clock + (uint32_t)keyed(tcp, DOMAIN_ISN, flow, 0));
}

/* RFC 7323, 7.1 (R7323-16): one offset for each pair of addresses and ports; none when asked so. */
uint32_t tcp_timestamp_offset(const struct tcp *tcp, const struct flow *flow)
{
    if (tcp->host.tunables.tcp_timestamps == 2)
        return 0;
    return (uint32_t)keyed(tcp, DOMAIN_TIMESTAMP, flow, 0);
}

uint32_t tcp_flow_label(const struct tcp *tcp, const struct flow *flow)
{
    return (uint32_t)keyed(tcp, DOMAIN_FLOW_LABEL, flow, 0) & 0xfffff;
}

bool tcp_claim_covers(const struct tcp_claim *claim, const struct address *address)
{
    const struct address *bound = &claim->local.address;
    static const struct address any6;

    if (address_equal(bound, address))
        return true;
    if (!address_is_unspecified(bound))
        return false;
    if (address_equal(bound, &any6)) /* ::, both families unless told otherwise */
        return !(claim->v6only && address_is_ipv4(address));
    return address_is_ipv4(address);
}

static bool claims_overlap(const struct tcp_claim *a, const struct tcp_claim *b)
{
    return tcp_claim_covers(a, &b->local.address) || tcp_claim_covers(b, &a->local.address);
}

static bool may_share(const struct tcp_claim *a, const struct tcp_claim *b)
{
    return (a->reuse_address && b->reuse_address) || (a->reuse_port && b->reuse_port);
}

static bool claim_conflicts(struct tcp *tcp, const struct tcp_claim *claim)
{
    struct list *head = &tcp->claims[tcp_port_bucket(claim->local.port)];

    for (struct list *n = head->next; n != head; n = n->next) {
        const struct tcp_claim *other = &LIST_ENTRY(n, struct tcp_port_claim, in_bucket)->claim;
        if (other->local.port == claim->local.port && claims_overlap(other, claim) &&
            !may_share(other, claim))
            return true;
    }
    return false;
}

int tcp_claim_port(struct tcp *tcp, const struct tcp_claim *claim)
{
    struct tcp_port_claim *taken;

    if (claim_conflicts(tcp, claim))
        return -EADDRINUSE;
    taken = pool_take(&tcp->claim_pool);
    if (!taken)
        return -ENOBUFS;
    taken->claim = *claim;
    list_append(&tcp->claims[tcp_port_bucket(claim->local.port)], &taken->in_bucket);
    return 0;
}

void tcp_release_claim(struct tcp *tcp, const struct tcp_claim *claim)
{
    struct list *head = &tcp->claims[tcp_port_bucket(claim->local.port)];

    for (struct list *n = head->next; n != head; n = n->next) {
        struct tcp_port_claim *taken = LIST_ENTRY(n, struct tcp_port_claim, in_bucket);
        if (taken->claim.local.port != claim->local.port ||
            !address_equal(&taken->claim.local.address, &claim->local.address))
            continue;
        list_remove(n);
        pool_give(&tcp->claim_pool, taken);
        return;
    }
}

static bool port_is_free(struct tcp *tcp, const struct address *local,
                         const struct endpoint *remote, uint16_t port)
{
    struct tcp_claim claim = {.local = {*local, port}};

    if (claim_conflicts(tcp, &claim))
        return false;
    if (!remote)
        return true;
    return tcp_find_view(tcp, &(struct flow){.local = {*local, port}, .remote = *remote}) == NULL;
}

/* RFC 6056, 3.3.4 (algorithm 4) with random steps of 3.3.5: an offset for each destination, a
 * counter from a table of 2^16 entries (CVE-2022-1012 had 2^8), both behind the secret. */
uint16_t tcp_choose_port(struct tcp *tcp, const struct address *local,
                         const struct endpoint *remote, struct instant now)
{
    struct flow flow = {.local = {*local, 0}};
    uint32_t range = LAST_PORT - FIRST_PORT + 1;
    uint64_t offset;
    uint16_t *counter;

    if (remote)
        flow.remote = *remote;
    offset = keyed(tcp, DOMAIN_PORT_OFFSET, &flow, 0);
    counter = &tcp->port_counters[keyed(tcp, DOMAIN_PORT_COUNTER, &flow, 0) % PORT_COUNTERS];
    *counter = (uint16_t)(*counter + 1 +
                          keyed(tcp, DOMAIN_PORT_STEP, &flow, tcp->port_salt++ + (uint64_t)now.ns) %
                              8);
    for (uint32_t i = 0; i < range; i++) {
        uint16_t port = (uint16_t)(FIRST_PORT + (offset + *counter) % range);
        if (port_is_free(tcp, local, remote, port))
            return port;
        ++*counter;
    }
    return 0;
}
