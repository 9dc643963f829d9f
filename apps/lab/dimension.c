/* The dimensions of an experiment's grid; see dimension.h. */
#include "lab/dimension.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/numbers.h"

/* A number and the unit behind it. Decimal digits and a point only: no signs, no exponents. */
static int number_with_unit(const char *text, double *value, const char **unit)
{
    size_t digits = strspn(text, "0123456789.");
    if (digits == 0 || !isdigit((unsigned char)*text))
        return -EINVAL;
    char *end;
    *value = strtod(text, &end);
    if (end != text + digits)
        return -EINVAL;
    *unit = end;
    return 0;
}

int percent_parse(const char *text, double *percent)
{
    const char *unit;
    int result = number_with_unit(text, percent, &unit);
    if (result < 0)
        return result;
    int is_zero = *percent <= 0 && *unit == '\0';
    return (is_zero || strcmp(unit, "%") == 0) && *percent <= 100 ? 0 : -EINVAL;
}

int time_parse(const char *text, double *seconds)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}};
    const char *unit;
    double value;
    int result = number_with_unit(text, &value, &unit);
    if (result < 0)
        return result;
    *seconds = 0;
    if (*unit == '\0')
        return value <= 0 ? 0 : -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0) {
            *seconds = value * units[i].seconds;
            return 0;
        }
    return -EINVAL;
}

int rate_parse(const char *text, double *bits_per_second)
{
    static const struct {
        const char *unit;
        double bits;
    } units[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
    const char *unit;
    double value;
    *bits_per_second = 0;
    if (strcmp(text, "unlimited") == 0)
        return 0;
    if (number_with_unit(text, &value, &unit) < 0 || value <= 0)
        return -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0) {
            *bits_per_second = value * units[i].bits;
            return 0;
        }
    return -EINVAL;
}

static int is_percent(const char *value)
{
    double percent;
    return percent_parse(value, &percent) == 0;
}

static int is_time(const char *value)
{
    double seconds;
    return time_parse(value, &seconds) == 0;
}

static int is_rate(const char *value)
{
    double rate;
    return rate_parse(value, &rate) == 0;
}

static int is_size(const char *value)
{
    uint64_t bytes;
    return size_parse(value, &bytes) == 0 && bytes > 0;
}

static int is_queue(const char *value)
{
    static const char codel[] = "codel:";
    if (strncmp(value, codel, strlen(codel)) == 0)
        value += strlen(codel);
    return strcmp(value, "bdp") == 0 || is_size(value);
}

static int is_words(const char *value)
{
    return *value != '\0' && strpbrk(value, ";\"\n") == NULL;
}

static int is_name(const char *value)
{
    return *value != '\0' && value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static int is_direction(const char *value)
{
    return strcmp(value, "down") == 0 || strcmp(value, "up") == 0;
}

static int is_peer(const char *value)
{
    return strcmp(value, "kernel") == 0 || strcmp(value, "tunny") == 0;
}

static int is_stack(const char *value)
{
    unsigned flows = 0;
    for (;;) {
        size_t length = strcspn(value, "+");
        int is_known = (length == strlen("kernel") && memcmp(value, "kernel", length) == 0) ||
                       (length == strlen("tunny") && memcmp(value, "tunny", length) == 0);
        if (!is_known || ++flows > FLOWS_MOST)
            return 0;
        if (value[length] == '\0')
            return 1;
        value += length + 1;
    }
}

static const struct {
    const char *name, *fallback, *expected;
    int (*check)(const char *value);
} table[DIMENSIONS] = {
    [DIMENSION_LOSS] = {"loss", "0", "a percentage of packets, 0 or 1.5%", is_percent},
    [DIMENSION_RTT] = {"rtt", "20ms", "a time without queueing, 20ms", is_time},
    [DIMENSION_RATE] = {"rate", "10mbit", "a rate, 10mbit, or unlimited", is_rate},
    [DIMENSION_QUEUE] = {"queue", "bdp", "the bottleneck's bytes, 64K, bdp, codel:1M", is_queue},
    [DIMENSION_REORDER] = {"reorder", "0", "a percentage of packets that overtake", is_percent},
    [DIMENSION_JITTER] = {"jitter", "0", "a time, 5ms", is_time},
    [DIMENSION_DUPLICATE] = {"duplicate", "0", "a percentage of packets sent twice", is_percent},
    [DIMENSION_FAULT] = {"fault", "none", "more of netem's words, or none", is_words},
    [DIMENSION_SIZE] = {"size", "1M", "bytes of one transfer, 100K", is_size},
    [DIMENSION_CC] = {"cc", "cubic", "a congestion control of both stacks, cubic", is_name},
    [DIMENSION_DIRECTION] = {"direction", "down", "down or up, seen from the tested end",
                             is_direction},
    [DIMENSION_PEER] = {"peer", "kernel", "kernel or tunny, the other end of our flows", is_peer},
    [DIMENSION_STACK] = {"stack", "kernel", "kernel, tunny, or flows: tunny+kernel", is_stack},
};

const char *dimension_name(enum dimension dimension)
{
    return table[dimension].name;
}

const char *dimension_sentence(enum dimension dimension)
{
    return table[dimension].expected;
}

const char *dimension_fallback(enum dimension dimension)
{
    return table[dimension].fallback;
}

enum dimension dimension_of(const char *name)
{
    for (unsigned i = 0; i < DIMENSIONS; i++)
        if (strcmp(table[i].name, name) == 0)
            return (enum dimension)i;
    return DIMENSIONS;
}

const char *dimension_check(enum dimension dimension, const char *value)
{
    return table[dimension].check(value) ? NULL : table[dimension].expected;
}

unsigned stack_flows(const char *stack)
{
    unsigned flows = 1;
    for (; *stack != '\0'; stack++)
        flows += *stack == '+';
    return flows;
}

enum stack_kind stack_of_flow(const char *stack, unsigned flow)
{
    for (; flow > 0; flow--)
        stack = strchr(stack, '+') + 1;
    return *stack == 'k' ? STACK_KERNEL : STACK_TUNNY;
}

int stack_is_kernel(const char *stack)
{
    return strstr(stack, "tunny") == NULL;
}
