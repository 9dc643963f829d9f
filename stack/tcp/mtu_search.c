/* The search for the largest packet that a path carries. See mtu_search.h. */
#include "tcp/mtu_search.h"

#include "base/check.h"

enum { DOUBTS_MOST = 2 };

void mtu_search_start(struct mtu_search *search, uint32_t low, uint32_t most, struct instant now)
{
    *search = (struct mtu_search){
        .on = true,
        .low = low < most ? low : most,
        .high = most,
        .most = most,
        .since = now,
    };
}

uint32_t mtu_search_next(const struct mtu_search *search, uint32_t threshold,
                         struct duration interval, struct instant now)
{
    uint32_t high = search->high;

    if (!search->on || search->probe)
        return 0;
    if (high - search->low < threshold && instant_since(now, search->since).ns >= interval.ns)
        high = search->most;
    if (high - search->low < threshold || high == search->low)
        return 0;
    return search->low + (high - search->low + 1) / 2;
}

void mtu_search_sent(struct mtu_search *search, uint32_t probe)
{
    CHECK(probe > search->low && probe <= search->most);
    if (probe > search->high) /* the search has begun again */
        search->high = search->most;
    search->probe = probe;
}

static void news(struct mtu_search *search, struct instant now)
{
    search->probe = 0;
    search->doubts = 0;
    search->since = now;
}

void mtu_search_arrived(struct mtu_search *search, struct instant now)
{
    CHECK(search->probe > 0);
    search->low = search->probe;
    if (search->high < search->low)
        search->high = search->low;
    news(search, now);
}

void mtu_search_lost(struct mtu_search *search, struct instant now)
{
    CHECK(search->probe > 0);
    search->high = search->probe - 1;
    if (search->high < search->low)
        search->high = search->low;
    news(search, now);
}

void mtu_search_in_doubt(struct mtu_search *search, struct instant now)
{
    if (search->probe == 0)
        return;
    if (++search->doubts >= DOUBTS_MOST)
        mtu_search_lost(search, now);
    search->probe = 0;
}

bool mtu_search_bounded(struct mtu_search *search, uint32_t mtu, struct instant now)
{
    bool too_large = search->probe > mtu;

    if (mtu >= search->high)
        return false;
    search->high = mtu > search->low ? mtu : search->low;
    if (too_large)
        news(search, now);
    return too_large;
}

void mtu_search_fall(struct mtu_search *search, uint32_t low, struct instant now)
{
    if (low < search->low)
        search->low = low;
    news(search, now);
}
