/* SYN cookies (RFC 4987, 3.6): under a flood the SYN-ACK carries all that is worth remembering, and
 * no memory is spent until it comes back. 32 bits: 5 of time (64 s ticks), 3 of MSS, 24 of a keyed
 * hash over them, the flow and the peer's ISN. Window scale and SACK ride in the low bits of our
 * timestamp, when the peer uses them. A leaf. */
#ifndef TUNNY_TCP_SYN_COOKIE_H
#define TUNNY_TCP_SYN_COOKIE_H

#include <stdbool.h>

#include "base/siphash.h"
#include "base/time.h"
#include "wire/address.h"

struct syn_cookie {
    uint32_t mss; /* the largest of a table of eight that is not above the peer's offer */
    bool sack, window_scaling;
    uint8_t window_scale;
};

/* The ISN that stands for `cookie` now. */
uint32_t syn_cookie_make(const struct siphash_key *secret, const struct flow *flow,
                         uint32_t peer_iss, const struct syn_cookie *cookie, struct instant now);
/* Was `iss` made by syn_cookie_make() less than about four minutes ago for this flow and peer_iss?
 * Fills *cookie's mss. */
bool syn_cookie_check(const struct siphash_key *secret, const struct flow *flow, uint32_t peer_iss,
                      uint32_t iss, struct syn_cookie *cookie, struct instant now);

/* Six bits for and from our timestamp. */
uint32_t syn_cookie_timestamp(uint32_t clock, const struct syn_cookie *cookie);
void syn_cookie_from_timestamp(uint32_t ts_ecr, struct syn_cookie *cookie);

#endif
