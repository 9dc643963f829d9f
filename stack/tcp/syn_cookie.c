/* SYN cookies (RFC 4987, 3.6). See syn_cookie.h. */
#include "tcp/syn_cookie.h"

#include <string.h>

enum { TICK_S = 64, TICKS_VALID = 4, MSS_VALUES = 8 };

static const uint16_t mss_table[MSS_VALUES] = {216, 536, 1024, 1220, 1360, 1440, 1460, 8960};

static unsigned mss_index(uint32_t mss)
{
    unsigned index = 0;

    while (index + 1 < MSS_VALUES && mss_table[index + 1] <= mss)
        index++;
    return index;
}

static uint32_t tick_of(struct instant now)
{
    return (uint32_t)(now.ns / 1000000000 / TICK_S);
}

static uint32_t mac(const struct siphash_key *secret, const struct flow *flow, uint32_t peer_iss,
                    uint32_t tick, unsigned index)
{
    struct {
        uint8_t local[16], remote[16];
        uint32_t ports, peer_iss, tick, index;
    } input;

    memcpy(input.local, flow->local.address.bytes, sizeof input.local);
    memcpy(input.remote, flow->remote.address.bytes, sizeof input.remote);
    input.ports = (uint32_t)flow->local.port << 16 | flow->remote.port;
    input.peer_iss = peer_iss;
    input.tick = tick;
    input.index = index;
    return (uint32_t)(siphash(secret, &input, sizeof input) & 0xffffff);
}

uint32_t syn_cookie_make(const struct siphash_key *secret, const struct flow *flow,
                         uint32_t peer_iss, const struct syn_cookie *cookie, struct instant now)
{
    uint32_t tick = tick_of(now);
    unsigned index = mss_index(cookie->mss);

    return (tick & 31) << 27 | index << 24 | mac(secret, flow, peer_iss, tick, index);
}

bool syn_cookie_check(const struct siphash_key *secret, const struct flow *flow, uint32_t peer_iss,
                      uint32_t iss, struct syn_cookie *cookie, struct instant now)
{
    uint32_t tick = tick_of(now);
    uint32_t age = (tick - (iss >> 27)) & 31;
    unsigned index = iss >> 24 & 7;

    if (age >= TICKS_VALID || age > tick)
        return false;
    if (mac(secret, flow, peer_iss, tick - age, index) != (iss & 0xffffff))
        return false;
    cookie->mss = mss_table[index];
    return true;
}

/* wscale (15: none) and SACK. */
uint32_t syn_cookie_timestamp(uint32_t clock, const struct syn_cookie *cookie)
{
    uint32_t bits = cookie->window_scaling ? cookie->window_scale & 15u : 15u;

    bits |= cookie->sack ? 16u : 0;
    /* Never ahead of the clock: an echo from the future would be refused. */
    return (clock & ~63u) - 64 + bits;
}

void syn_cookie_from_timestamp(uint32_t ts_ecr, struct syn_cookie *cookie)
{
    cookie->window_scale = ts_ecr & 15;
    cookie->window_scaling = cookie->window_scale != 15;
    cookie->sack = ts_ecr & 16;
}
