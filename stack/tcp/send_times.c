/* What a sender's time goes into. See send_times.h. */
#include "tcp/send_times.h"

void send_times_set(struct send_times *times, enum sending is, struct instant now)
{
    if (times->is == is)
        return;
    times->spent[times->is] = send_times_of(times, times->is, now);
    times->is = is;
    times->since = now;
}

struct duration send_times_of(const struct send_times *times, enum sending kind, struct instant now)
{
    if (times->is != kind)
        return times->spent[kind];
    return duration_add(times->spent[kind], instant_since(now, times->since));
}

struct duration send_times_busy(const struct send_times *times, struct instant now)
{
    struct duration busy = send_times_of(times, SENDING_FREELY, now);

    busy = duration_add(busy, send_times_of(times, SENDING_WINDOW_LIMITED, now));
    return duration_add(busy, send_times_of(times, SENDING_BUFFER_LIMITED, now));
}
