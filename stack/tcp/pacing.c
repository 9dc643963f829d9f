/* Earliest departure times and the size of super-segments. See pacing.h. */
#include "tcp/pacing.h"

enum { NS_PER_S = 1000000000 };

/* A rate may change after a departure was set, so that no departure lies further ahead than this.
 */
static const int64_t longest_gap_ns = NS_PER_S;

static uint64_t saturate(unsigned __int128 value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

uint64_t pacing_rate_of(uint64_t cwnd, struct duration srtt, uint32_t percent)
{
    unsigned __int128 per_second = (unsigned __int128)cwnd * percent * (NS_PER_S / 100);
    uint64_t rate;

    if (srtt.ns <= 0 || per_second == 0)
        return 0;
    if (per_second <= UINT64_MAX) /* nearly always, and a division of 64 bits is quick */
        rate = (uint64_t)per_second / (uint64_t)srtt.ns;
    else
        rate = saturate(per_second / (uint64_t)srtt.ns);
    return rate ? rate : 1; /* 0 would say: not paced */
}

static int64_t time_for(uint64_t bytes, uint64_t rate)
{
    unsigned __int128 ns = (unsigned __int128)bytes * NS_PER_S / rate;
    return ns > (uint64_t)longest_gap_ns ? longest_gap_ns : (int64_t)ns;
}

void pacing_sent(struct pacing *pacing, uint64_t bytes, uint64_t rate, struct instant now)
{
    int64_t gap, late;

    if (rate == 0) {
        pacing->next = now;
        return;
    }
    gap = time_for(bytes, rate);
    late = instant_since(now, pacing->next).ns;
    if (late < 0) {
        pacing->next = instant_add(pacing->next, duration_ns(gap));
        return;
    }
    /* Who came late (a timer's slack, or idleness) may make up for it, by half a gap at most. */
    gap -= late < gap / 2 ? late : gap / 2;
    pacing->next = instant_add(now, duration_ns(gap));
}

/* Below a millisecond a burst costs the path little: the whole of `most` near zero, half of it for
 * each further 512 us. */
static uint64_t share_of_short_path(struct duration min_rtt, uint32_t most)
{
    int64_t steps = duration_to_us(min_rtt) / 512;

    if (min_rtt.ns <= 0 || steps >= 32)
        return 0;
    return most >> steps;
}

uint32_t pacing_burst(uint64_t rate, struct duration min_rtt, uint32_t mss, uint32_t least,
                      uint32_t most)
{
    uint64_t bytes = most;

    if (rate)
        bytes = rate / 1000 + share_of_short_path(min_rtt, most);
    if (bytes < least)
        bytes = least;
    if (bytes > most)
        bytes = most;
    bytes -= bytes % mss;
    return bytes ? (uint32_t)bytes : mss;
}
