/* The receive window (RFC 9293, 3.8.6). See window.h. */
#include "tcp/window.h"

#include "base/check.h"

uint8_t window_scale_for(uint64_t largest)
{
    int log2 = largest ? 63 - __builtin_clzll(largest) : 0;
    int shift = log2 - 15;

    if (shift < 0)
        return 0;
    return (uint8_t)(shift > 14 ? 14 : shift);
}

void window_init(struct window *window, seqno next, uint32_t clamp)
{
    *window = (struct window){.edge = next, .clamp = clamp, .round_start_read = next};
}

seqno window_offer(const struct window *window, seqno next, uint32_t free_space, uint32_t limit,
                   uint32_t mss)
{
    uint32_t step = mss < limit / 2 ? mss : limit / 2;
    seqno candidate;

    if (window->clamp && free_space > window->clamp)
        free_space = window->clamp;
    if (free_space > (uint32_t)UINT16_MAX << window->shift) /* more cannot be said */
        free_space = (uint32_t)UINT16_MAX << window->shift;
    candidate = next + free_space;
    /* RFC 9293, 3.8.6.2.2 (MUST-39): only worthwhile steps, never backwards (SHLD-14). */
    if (candidate <= window->edge || candidate - window->edge < step)
        return window->edge;
    return candidate;
}

uint16_t window_field(struct window *window, seqno next, seqno edge, enum window_form form)
{
    uint64_t wnd = edge > next ? edge - next : 0;
    unsigned shift = form == WINDOW_OF_SYN ? 0 : window->shift;
    uint64_t field = wnd >> shift;

    /* Rounding down may not take back what was offered before: then round up (SHLD-14). */
    if (window->edge > next && next + (field << shift) < window->edge)
        field = (window->edge - next + (UINT64_C(1) << shift) - 1) >> shift;
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    window->edge = seq_max(window->edge, next + (field << shift));
    return (uint16_t)field;
}

void window_set_rtt(struct window *window, struct duration rtt)
{
    if (rtt.ns <= 0)
        return;
    if (window->rtt.ns == 0 || rtt.ns < window->rtt.ns)
        window->rtt = rtt;
    else
        window->rtt.ns += (rtt.ns - window->rtt.ns) / 8;
}

void window_measure(struct window *window, seqno next, uint32_t wnd, struct instant now)
{
    if (window->rtt_edge != 0) {
        if (next < window->rtt_edge)
            return;
        window_set_rtt(window, instant_since(now, window->rtt_start));
    }
    window->rtt_edge = next + wnd;
    window->rtt_start = now;
}

/* A sender in slow start doubles each round trip, or does more, and a hole holds a round trip's
 * text back until it is filled: what the user takes in one must fit twice, and twice more of what
 * it takes more than ever before, in proportion (dynamic right-sizing, as Linux has it). */
static uint64_t wanted_for(struct window *window, uint64_t taken)
{
    uint64_t wanted = 2 * taken + UINT64_C(16) * 1460;
    uint64_t before = window->most_taken;

    if (taken <= before)
        return wanted;
    window->most_taken = taken;
    if (before == 0)
        return wanted;
    return wanted + (taken >= 2 * before ? 4 * taken : 4 * taken / before * (taken - before));
}

uint32_t window_autotune(struct window *window, seqno read, uint32_t limit, uint32_t largest,
                         struct instant now)
{
    uint64_t taken, wanted;

    if (window->rtt.ns == 0 || instant_since(now, window->round_start).ns < window->rtt.ns)
        return limit;
    taken = read - window->round_start_read;
    window->round_start_read = read;
    window->round_start = now;
    wanted = wanted_for(window, taken);
    if (wanted <= limit)
        return limit;
    return wanted < largest ? (uint32_t)wanted : (limit > largest ? limit : largest);
}
