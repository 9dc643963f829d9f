/* What a client remembers for Fast Open (RFC 7413, 4.1.3). See fast_open_cache.h. */
#include "tcp/fast_open_cache.h"

enum { FAILED_S = 60, MOST_DOUBLINGS = 6 };

void fast_open_cache_init(struct fast_open_cache *cache)
{
    *cache = (struct fast_open_cache){.paused_until = INSTANT_ZERO};
}

static struct fast_open_path *find(struct fast_open_cache *cache, const struct flow *flow)
{
    for (size_t i = 0; i < FAST_OPEN_PATHS; i++) {
        struct fast_open_path *path = &cache->paths[i];
        if (path->used && address_equal(&path->remote, &flow->remote.address) &&
            address_equal(&path->local, &flow->local.address)) {
            path->used = ++cache->count;
            return path;
        }
    }
    return NULL;
}

/* The path's entry, a new one in place of a free or the oldest if there is none. */
static struct fast_open_path *find_or_make(struct fast_open_cache *cache, const struct flow *flow)
{
    struct fast_open_path *path = find(cache, flow);

    if (path)
        return path;
    path = &cache->paths[0];
    for (size_t i = 1; i < FAST_OPEN_PATHS; i++)
        if (cache->paths[i].used < path->used)
            path = &cache->paths[i];
    *path = (struct fast_open_path){
        .local = flow->local.address,
        .remote = flow->remote.address,
        .used = ++cache->count,
    };
    return path;
}

const struct fast_open_path *fast_open_cache_find(struct fast_open_cache *cache,
                                                  const struct flow *flow)
{
    return find(cache, flow);
}

bool fast_open_cache_allows(struct fast_open_cache *cache, const struct flow *flow,
                            struct instant now)
{
    const struct fast_open_path *path = find(cache, flow);

    if (instant_before(now, cache->paused_until))
        return false;
    return !path || path->failures == 0 || path->failed_port != flow->remote.port ||
           !instant_before(now, path->failed_until);
}

void fast_open_cache_answer(struct fast_open_cache *cache, const struct flow *flow,
                            const struct fast_open_answer *answer)
{
    struct fast_open_path *path = find_or_make(cache, flow);

    if (answer->mss)
        path->mss = answer->mss;
    if (answer->cookie.length)
        path->cookie = answer->cookie;
    else if (answer->asked_in_vain && path->form != FAST_OPEN_STANDARD_AGAIN)
        path->form++;
}

void fast_open_cache_failed(struct fast_open_cache *cache, const struct flow *flow,
                            struct instant now)
{
    struct fast_open_path *path = find_or_make(cache, flow);
    struct duration pause = duration_s(FAILED_S);

    if (path->failed_port != flow->remote.port)
        path->failures = 0;
    path->failed_port = flow->remote.port;
    if (path->failures < MOST_DOUBLINGS)
        path->failures++;
    for (int i = 0; i < path->failures; i++)
        pause = duration_times(pause, 2);
    path->failed_until = instant_add(now, pause);
}

void fast_open_cache_worked(struct fast_open_cache *cache, const struct flow *flow)
{
    struct fast_open_path *path = find(cache, flow);

    cache->pauses = 0;
    if (path)
        path->failures = 0;
}

void fast_open_cache_pause(struct fast_open_cache *cache, struct duration timeout,
                           struct instant now)
{
    for (int i = 0; i < cache->pauses; i++)
        timeout = duration_times(timeout, 2);
    cache->paused_until = instant_add(now, timeout);
    if (cache->pauses < MOST_DOUBLINGS)
        cache->pauses++;
}
