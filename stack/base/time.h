/* Points in time and lengths of time, in nanoseconds; the two types do not mix. All arithmetic
 * saturates: INSTANT_NEVER plus anything is INSTANT_NEVER. Time is always a parameter; nothing
 * here reads a clock. An instant counts from the start of its clock (monotonic, or a simulation's);
 * it is never negative. */
#ifndef TUNNY_BASE_TIME_H
#define TUNNY_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t ns;
};

struct duration {
    int64_t ns;
};

#define INSTANT_NEVER    ((struct instant){INT64_MAX})
#define INSTANT_ZERO     ((struct instant){0})
#define DURATION_FOREVER ((struct duration){INT64_MAX})
#define DURATION_ZERO    ((struct duration){0})

static inline int64_t time_saturating_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

static inline struct duration duration_ns(int64_t n)
{
    return (struct duration){n};
}

static inline struct duration duration_us(int64_t n)
{
    int64_t ns;
    return (struct duration){__builtin_mul_overflow(n, 1000, &ns) ? INT64_MAX : ns};
}

static inline struct duration duration_ms(int64_t n)
{
    int64_t ns;
    return (struct duration){__builtin_mul_overflow(n, 1000000, &ns) ? INT64_MAX : ns};
}

static inline struct duration duration_s(int64_t n)
{
    int64_t ns;
    return (struct duration){__builtin_mul_overflow(n, 1000000000, &ns) ? INT64_MAX : ns};
}

static inline int64_t duration_to_us(struct duration d)
{
    return d.ns / 1000;
}

static inline int64_t duration_to_ms(struct duration d)
{
    return d.ns / 1000000;
}

static inline struct duration duration_add(struct duration a, struct duration b)
{
    return (struct duration){time_saturating_add(a.ns, b.ns)};
}

/* d * times; `times` >= 0. */
static inline struct duration duration_times(struct duration d, int64_t times)
{
    int64_t ns;
    return (struct duration){__builtin_mul_overflow(d.ns, times, &ns) ? INT64_MAX : ns};
}

static inline struct duration duration_min(struct duration a, struct duration b)
{
    return a.ns < b.ns ? a : b;
}

static inline struct duration duration_max(struct duration a, struct duration b)
{
    return a.ns > b.ns ? a : b;
}

static inline bool instant_is_never(struct instant t)
{
    return t.ns == INT64_MAX;
}

static inline struct instant instant_add(struct instant t, struct duration d)
{
    if (instant_is_never(t))
        return t;
    return (struct instant){time_saturating_add(t.ns, d.ns)};
}

/* t - d, not below the start of the clock. */
static inline struct instant instant_back(struct instant t, struct duration d)
{
    if (instant_is_never(t))
        return t;
    return (struct instant){t.ns > d.ns ? t.ns - d.ns : 0};
}

/* How long from `earlier` to `later`; negative when they stand the other way round. */
static inline struct duration instant_since(struct instant later, struct instant earlier)
{
    if (instant_is_never(later))
        return DURATION_FOREVER;
    if (instant_is_never(earlier))
        return (struct duration){INT64_MIN};
    return (struct duration){later.ns - earlier.ns};
}

static inline bool instant_before(struct instant a, struct instant b)
{
    return a.ns < b.ns;
}

/* The deadline `t` has come: t <= now. */
static inline bool instant_reached(struct instant t, struct instant now)
{
    return t.ns <= now.ns;
}

static inline struct instant instant_min(struct instant a, struct instant b)
{
    return a.ns < b.ns ? a : b;
}

static inline struct instant instant_max(struct instant a, struct instant b)
{
    return a.ns > b.ns ? a : b;
}

#endif
