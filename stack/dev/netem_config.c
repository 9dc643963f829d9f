/* The canonical text of a netem configuration, see the header. Every number is written in the
 * shortest form that the parser reads back as the same value. */
#include "dev/netem_config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "dev/netem_units.h"

void netem_config_default(struct netem_config *config)
{
    *config = (struct netem_config){.limit = 1000};
}

static bool loses(const struct netem_config *config)
{
    if (config->limit == 0)
        return true;
    if (config->loss_model == NETEM_LOSS_RANDOM)
        return config->loss.probability != 0;
    return config->loss_model != NETEM_LOSS_NONE;
}

bool netem_config_is_plain(const struct netem_config *config)
{
    return !loses(config) && config->delay.ns == 0 && config->jitter.ns == 0 &&
           config->corrupt.probability == 0 && config->duplicate.probability == 0 &&
           config->gap == 0 && config->rate == 0 && !config->slot.on;
}

struct text {
    char *at;
    size_t size, wanted;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list arguments;
    size_t used = t->wanted < t->size ? t->wanted : t->size;

    va_start(arguments, format);
    int len = vsnprintf(t->size > used ? t->at + used : NULL, t->size - used, format, arguments);
    va_end(arguments);
    t->wanted += len > 0 ? (size_t)len : 0;
}

static void add_time(struct text *t, struct duration time)
{
    char text[NETEM_TIME_TEXT_SIZE];

    add(t, " %s", netem_time_text(time, text));
}

/* As many decimals as it takes; 12 always do. */
static void add_share(struct text *t, uint32_t share)
{
    char percent[32] = "";

    for (int decimals = 0; decimals <= 12; decimals++) {
        double back;
        snprintf(percent, sizeof percent, "%.*f", decimals, (double)share / UINT32_MAX * 100);
        if (netem_read_share(percent, &back) == 0 && netem_share_to_u32(back) == share)
            break;
    }
    add(t, " %s%%", percent);
}

/* A correlation counts even where the event never happens: see duplicate in netem_parse.c. */
static void add_event(struct text *t, const char *name, const struct netem_event *event)
{
    if (event->probability == 0 && event->correlation == 0)
        return;
    add(t, " %s", name);
    add_share(t, event->probability);
    if (event->correlation)
        add_share(t, event->correlation);
}

static void add_delay(struct text *t, const struct netem_config *config)
{
    add(t, " delay");
    add_time(t, config->delay);
    if (config->jitter.ns || config->delay_correlation) {
        add_time(t, config->jitter);
        if (config->delay_correlation)
            add_share(t, config->delay_correlation);
    }
    if (config->table)
        add(t, " distribution %s", config->table->name);
}

static void add_loss(struct text *t, const struct netem_config *config)
{
    const struct netem_loss_state *s = &config->state;
    const struct netem_loss_gemodel *g = &config->gemodel;

    switch (config->loss_model) {
    case NETEM_LOSS_NONE:
        return;
    case NETEM_LOSS_RANDOM:
        if (config->ecn && config->loss.probability == 0 && config->loss.correlation == 0)
            add(t, " loss 0%%"); /* ecn does not stand alone */
        add_event(t, "loss", &config->loss);
        break;
    case NETEM_LOSS_STATE: {
        const uint32_t shares[] = {s->p13, s->p31, s->p32, s->p23, s->p14};
        add(t, " loss state");
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            add_share(t, shares[i]);
        break;
    }
    case NETEM_LOSS_GEMODEL: {
        const uint32_t shares[] = {g->p, g->r, UINT32_MAX - g->h, g->k1};
        add(t, " loss gemodel");
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            add_share(t, shares[i]);
        break;
    }
    }
    if (config->ecn)
        add(t, " ecn");
}

/* Bytes a second in the largest unit of bits that divides them. */
static void add_rate(struct text *t, const struct netem_config *config)
{
    static const struct {
        uint64_t bits;
        const char *name;
    } units[] = {{1000000000, "gbit"}, {1000000, "mbit"}, {1000, "kbit"}, {1, "bit"}};
    uint64_t bits = config->rate * 8;
    size_t unit = 0;

    while (bits % units[unit].bits != 0)
        unit++;
    add(t, " rate %" PRIu64 "%s", bits / units[unit].bits, units[unit].name);
    if (config->overhead || config->cell || config->cell_overhead)
        add(t, " %" PRId32, config->overhead);
    if (config->cell || config->cell_overhead)
        add(t, " %" PRIu32, config->cell);
    if (config->cell_overhead)
        add(t, " %" PRId32, config->cell_overhead);
}

static void add_slot(struct text *t, const struct netem_slot *slot)
{
    add(t, " slot");
    if (slot->table) {
        add(t, " distribution %s", slot->table->name);
        add_time(t, slot->delay);
        add_time(t, slot->jitter);
    } else {
        add_time(t, slot->shortest);
        add_time(t, slot->longest);
    }
    if (slot->packets)
        add(t, " packets %" PRIu32, slot->packets);
    if (slot->bytes)
        add(t, " bytes %" PRIu32, slot->bytes);
}

size_t netem_config_text(const struct netem_config *config, char *text, size_t size)
{
    struct text t = {.at = text, .size = size};

    if (size)
        text[0] = '\0';
    add(&t, "limit %" PRIu32, config->limit);
    if (config->delay.ns || config->jitter.ns || config->delay_correlation)
        add_delay(&t, config);
    add_loss(&t, config);
    add_event(&t, "corrupt", &config->corrupt);
    add_event(&t, "duplicate", &config->duplicate);
    add_event(&t, "reorder", &config->reorder);
    if (config->reorder.probability)
        add(&t, " gap %" PRIu32, config->gap);
    if (config->rate)
        add_rate(&t, config);
    if (config->slot.on)
        add_slot(&t, &config->slot);
    if (config->has_seed)
        add(&t, " seed %" PRIu64, config->seed);
    return t.wanted;
}
