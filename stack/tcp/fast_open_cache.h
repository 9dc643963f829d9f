/* What a client remembers for Fast Open (RFC 7413, 4.1.3): by both addresses the server's cookie
 * and its MSS, by port where Fast Open has failed (4.1.3.1), and for all paths a pause when
 * something between here and everywhere swallows it. A leaf without a clock; the oldest of a fixed
 * number of paths makes room. Called by tcp_fast_open.c. */
#ifndef TUNNY_TCP_FAST_OPEN_CACHE_H
#define TUNNY_TCP_FAST_OPEN_CACHE_H

#include "base/time.h"
#include "tcp/fast_open_cookie.h"

enum { FAST_OPEN_PATHS = 64 };

/* Which form of the option a request for a cookie has: a server that answers neither is asked in
 * RFC 7413's for ever after. */
enum fast_open_form { FAST_OPEN_STANDARD, FAST_OPEN_EXPERIMENT, FAST_OPEN_STANDARD_AGAIN };

struct fast_open_path {
    struct address local, remote;
    uint64_t used; /* when it was used last, by the cache's count; 0: free */
    struct fast_open_cookie cookie;
    uint16_t mss; /* as the server offered it; 0: not known */
    enum fast_open_form form;
    uint16_t failed_port;
    uint8_t failures; /* in a row, to failed_port */
    struct instant failed_until;
};

struct fast_open_cache {
    struct fast_open_path paths[FAST_OPEN_PATHS];
    uint64_t count;
    struct instant paused_until;
    uint8_t pauses; /* in a row: each is twice as long, up to 64 times */
};

void fast_open_cache_init(struct fast_open_cache *cache);

/* What is known of the way from `local` to `remote`; NULL: nothing. */
const struct fast_open_path *fast_open_cache_find(struct fast_open_cache *cache,
                                                  const struct flow *flow);
/* Fast Open may be tried towards flow->remote now. */
bool fast_open_cache_allows(struct fast_open_cache *cache, const struct flow *flow,
                            struct instant now);

/* What a SYN-ACK said. */
struct fast_open_answer {
    uint16_t mss;                   /* 0: nothing said */
    struct fast_open_cookie cookie; /* .length 0: none came */
    bool asked_in_vain;             /* a request went out, the SYN-ACK has no cookie */
};
void fast_open_cache_answer(struct fast_open_cache *cache, const struct flow *flow,
                            const struct fast_open_answer *answer);
/* RFC 7413, 4.1.3.1 (R7413-05): no answer to the SYN with the option, only to one without, or an
 * error. Not tried again towards this port for 2 minutes, then 4, 8 ... */
void fast_open_cache_failed(struct fast_open_cache *cache, const struct flow *flow,
                            struct instant now);
/* It worked: failures and pauses are counted from none again. */
void fast_open_cache_worked(struct fast_open_cache *cache, const struct flow *flow);

/* Nobody is tried for `timeout` (times 2, 4 ... 64 when it happens again and again). */
void fast_open_cache_pause(struct fast_open_cache *cache, struct duration timeout,
                           struct instant now);

#endif
