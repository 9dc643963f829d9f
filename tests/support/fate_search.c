/* The search for first values, see the header. Events compare a value with a threshold: any value
 * out of the right interval will do, so that an even choice of them is tried. A delay says almost
 * all of its value: those that fit the first delays seen are tried. */
#include "support/fate_search.h"

#include <stdio.h>

#include "dev/netem_random.h"

enum { SERIES_MOST = 4, DELAYS = 6, GRAIN_NS = 3000 };

static bool correlated(const struct netem_event *event)
{
    return event->probability != 0 && event->correlation != 0;
}

/* The series whose first value matters, delay apart. */
static size_t list_series(const struct netem_config *config, struct fate_firsts *firsts,
                          uint32_t *series[SERIES_MOST])
{
    size_t count = 0;

    if (config->loss_model == NETEM_LOSS_RANDOM && correlated(&config->loss))
        series[count++] = &firsts->loss;
    if (correlated(&config->duplicate))
        series[count++] = &firsts->duplicate;
    if (correlated(&config->corrupt))
        series[count++] = &firsts->corrupt;
    if (config->gap > 0 && correlated(&config->reorder))
        series[count++] = &firsts->reorder;
    return count;
}

static bool search_events(const struct fate_record *record, const struct netem_config *config,
                          char complaint[FATE_COMPLAINT_SIZE])
{
    static const uint32_t steps[SERIES_MOST + 1] = {1, 4096, 64, 16, 8};
    struct fate_firsts firsts = {0};
    uint32_t *series[SERIES_MOST];
    size_t count = list_series(config, &firsts, series);
    uint32_t tries = 1;

    for (size_t i = 0; i < count; i++)
        tries *= steps[count];
    for (uint32_t try = 0; try < tries; try++) {
        uint32_t rest = try;
        for (size_t i = 0; i < count; i++, rest /= steps[count])
            *series[i] = rest % steps[count] * (UINT32_MAX / steps[count]) + UINT32_MAX / 8192;
        if (fate_record_steps(record, config, &firsts, complaint))
            return true;
    }
    return false;
}

/* --- correlated delay, without other draws ---------------------------------------------------- */

struct chain {
    const struct netem_config *config;
    uint32_t fresh[DELAYS];
    int64_t delays[DELAYS]; /* at least; the kernel's clock is coarse */
    uint64_t old_share, fresh_share;
};

static int64_t delay_of(const struct netem_config *config, uint32_t value)
{
    int64_t spread = config->jitter.ns, middle = config->delay.ns;

    if (config->table == NULL)
        return middle - spread + value % (2 * spread);
    /* Near enough to recognize it by. */
    int64_t deviation = config->table->values[value % config->table->size];
    return middle + spread * deviation / NETEM_TABLE_SCALE;
}

static bool near(const struct chain *c, size_t i, uint32_t value)
{
    int64_t more = c->delays[i] - delay_of(c->config, value);

    return more > -GRAIN_NS && more < GRAIN_NS;
}

/* Whether the delays seen could begin with this value; the values follow from the first. */
static bool fits(const struct chain *c, uint32_t value)
{
    for (size_t i = 1; i < DELAYS; i++) {
        value = (uint32_t)((c->fresh[i] * c->fresh_share + value * c->old_share) >> 32);
        if (!near(c, i, value))
            return false;
    }
    return true;
}

static bool delays_seen(const struct fate_record *record, struct chain *c)
{
    int64_t entered[DELAYS + 1] = {0};
    size_t seen = 0;

    for (size_t i = 0; i < record->count && seen < DELAYS; i++) {
        const struct fate_event *event = &record->events[i];
        uint32_t number = event->seen.number;
        if (number > DELAYS)
            continue;
        if (event->entered) {
            entered[number] = event->at_ns;
        } else {
            c->delays[number - 1] = event->at_ns - entered[number];
            seen++;
        }
    }
    return seen == DELAYS;
}

/* The value before the first, if there is one: the first is a mixture of it and of a fresh draw. */
static bool value_before(const struct chain *c, uint32_t value, uint32_t *before)
{
    uint64_t wanted = (uint64_t)value << 32, fresh = c->fresh[0] * c->fresh_share;
    uint64_t most = fresh + UINT32_MAX * c->old_share;

    if (fresh > wanted || wanted > most)
        return false;
    *before = (uint32_t)((wanted - fresh + c->old_share - 1) / c->old_share);
    return true;
}

static bool try_first(const struct fate_record *record, const struct chain *c, uint32_t value,
                      char complaint[FATE_COMPLAINT_SIZE])
{
    struct fate_firsts firsts = {0};

    return fits(c, value) && value_before(c, value, &firsts.delay) &&
           fate_record_steps(record, c->config, &firsts, complaint);
}

/* All values of one remainder, `step` apart. */
static bool try_remainder(const struct fate_record *record, const struct chain *c, uint64_t value,
                          uint64_t step, char complaint[FATE_COMPLAINT_SIZE])
{
    for (; value <= UINT32_MAX; value += step) {
        if (try_first(record, c, (uint32_t)value, complaint))
            return true;
    }
    return false;
}

static bool search_delay(const struct fate_record *record, const struct netem_config *config,
                         char complaint[FATE_COMPLAINT_SIZE])
{
    struct chain c = {.config = config,
                      .old_share = (uint64_t)config->delay_correlation + 1,
                      .fresh_share = (UINT64_C(1) << 32) - config->delay_correlation - 1};
    struct netem_random random;

    snprintf(complaint, FATE_COMPLAINT_SIZE, "no first value of the delays fits");
    netem_random_seed(&random, config->seed);
    for (size_t i = 0; i < DELAYS; i++)
        c.fresh[i] = netem_random_u32(&random);
    if (!delays_seen(record, &c))
        return false;
    uint64_t step = config->table ? config->table->size : 2 * (uint64_t)config->jitter.ns;
    int64_t first = config->table ? 0
                                  : c.delays[0] - config->delay.ns + config->jitter.ns - GRAIN_NS;
    int64_t count = config->table ? config->table->size : 2 * GRAIN_NS;
    for (int64_t value = first > 0 ? first : 0; value < first + count; value++) {
        if (near(&c, 0, (uint32_t)value) &&
            try_remainder(record, &c, (uint64_t)value, step, complaint))
            return true;
    }
    return false;
}

bool fate_search(const struct fate_record *record, const struct netem_config *config,
                 char complaint[FATE_COMPLAINT_SIZE])
{
    if (config->jitter.ns && config->delay_correlation)
        return search_delay(record, config, complaint);
    return search_events(record, config, complaint);
}
