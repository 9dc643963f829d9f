/* A cell as words for the link; see link_spec.h. */
#include "lab/link_spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/numbers.h"

/* netem's own limit counts the packets under way, too: it must not be the bottleneck. */
enum { NETEM_LIMIT = 200000, QUEUE_LEAST = 32768 };
static const char codel[] = "codel:";

struct words {
    char *text;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words->text + words->used,
                           words->used < LINK_SPEC_SIZE ? LINK_SPEC_SIZE - words->used : 0, format,
                           arguments);
    va_end(arguments);
    words->used += length > 0 ? (size_t)length : 0;
}

static const char *value(const struct cell *cell, enum dimension dimension)
{
    return cell->values[dimension];
}

static int is_none(const struct cell *cell, enum dimension dimension)
{
    return strcmp(value(cell, dimension), dimension_fallback(dimension)) == 0;
}

uint64_t link_queue_bytes(const struct cell *cell)
{
    double rate, rtt;
    uint64_t bytes;
    const char *queue = value(cell, DIMENSION_QUEUE);
    if (rate_parse(value(cell, DIMENSION_RATE), &rate) < 0 || rate <= 0)
        return 0;
    if (strncmp(queue, codel, strlen(codel)) == 0)
        queue += strlen(codel);
    if (size_parse(queue, &bytes) == 0)
        return bytes;
    time_parse(value(cell, DIMENSION_RTT), &rtt);
    bytes = (uint64_t)(rate * rtt / 8);
    return bytes > QUEUE_LEAST ? bytes : QUEUE_LEAST;
}

static void add_delay(struct words *words, const struct cell *cell)
{
    double rtt;
    time_parse(value(cell, DIMENSION_RTT), &rtt);
    add(words, "limit %d delay %.0fus", NETEM_LIMIT, rtt / 2 * 1e6);
}

static void add_faults(struct words *words, const struct cell *cell)
{
    double jitter;
    time_parse(value(cell, DIMENSION_JITTER), &jitter);
    if (jitter > 0)
        add(words, " %.0fus", jitter * 1e6);
    if (!is_none(cell, DIMENSION_LOSS))
        add(words, " loss %s", value(cell, DIMENSION_LOSS));
    if (!is_none(cell, DIMENSION_REORDER))
        add(words, " reorder %s", value(cell, DIMENSION_REORDER));
    if (!is_none(cell, DIMENSION_DUPLICATE))
        add(words, " duplicate %s", value(cell, DIMENSION_DUPLICATE));
    if (!is_none(cell, DIMENSION_FAULT))
        add(words, " %s", value(cell, DIMENSION_FAULT));
    uint64_t queue = link_queue_bytes(cell);
    if (queue > 0)
        add(words, " rate %s queue %s %llu", value(cell, DIMENSION_RATE),
            strncmp(value(cell, DIMENSION_QUEUE), codel, strlen(codel)) == 0 ? "codel" : "tail",
            (unsigned long long)queue);
}

/* The section's clauses, their directions under the link's own names. */
static void add_schedule(struct words *words, const char *schedule, const char *data,
                         const char *acks)
{
    while (*schedule != '\0') {
        size_t blanks = strspn(schedule, " ;"), length = strcspn(schedule + blanks, " ;");
        const char *word = schedule + blanks;
        add(words, "%.*s", (int)blanks, schedule);
        if (length == 4 && memcmp(word, "data", 4) == 0)
            add(words, "%s", data);
        else if (length == 4 && memcmp(word, "acks", 4) == 0)
            add(words, "%s", acks);
        else
            add(words, "%.*s", (int)length, word);
        schedule = word + length;
    }
}

int link_spec_of(const struct cell *cell, char spec[LINK_SPEC_SIZE])
{
    int is_up = strcmp(value(cell, DIMENSION_DIRECTION), "up") == 0;
    const char *data = is_up ? "forward" : "backward", *acks = is_up ? "backward" : "forward";
    struct words words = {.text = spec};
    add(&words, "%s: ", data);
    add_delay(&words, cell);
    add_faults(&words, cell);
    add(&words, "; %s: ", acks);
    add_delay(&words, cell);
    if (cell->section->schedule[0] != '\0') {
        add(&words, "; ");
        add_schedule(&words, cell->section->schedule, data, acks);
    }
    return words.used < LINK_SPEC_SIZE ? 0 : -ENAMETOOLONG;
}
