/* Words and numbers of a netem specification, see the header. */
#include "dev/netem_units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void words_advance(struct netem_words *words)
{
    size_t len = 0;

    while (words->rest < words->end && is_blank(*words->rest))
        words->rest++;
    for (; words->rest < words->end && !is_blank(*words->rest); words->rest++) {
        if (len < sizeof words->next - 1)
            words->next[len++] = *words->rest;
    }
    words->next[len] = '\0';
}

void netem_words_start(struct netem_words *words, const char *text, const char *end)
{
    words->rest = text;
    words->end = end;
    words_advance(words);
}

bool netem_words_take(struct netem_words *words, char word[NETEM_WORD_SIZE])
{
    memcpy(word, words->next, NETEM_WORD_SIZE);
    words_advance(words);
    return word[0] != '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool netem_words_number_follows(const struct netem_words *words)
{
    return is_digit(words->next[0]);
}

bool netem_words_signed_number_follows(const struct netem_words *words)
{
    return is_digit(words->next[0]) || (words->next[0] == '-' && is_digit(words->next[1]));
}

struct unit {
    const char *name;
    double factor;
};

/* The number at the start of the word, and where it ends; strtod() alone would take "inf", "nan".
 */
static int read_number(const char *word, double *number, const char **unit)
{
    char *end;

    if (!is_digit(word[0]) && word[0] != '.')
        return -EINVAL;
    *number = strtod(word, &end);
    if (end == word || !(*number < 1e300))
        return -EINVAL;
    *unit = end;
    return 0;
}

/* Multiplies by the unit at the end of the word; a word without one is in the base unit. */
static int read_with_unit(const char *word, const struct unit *units, size_t count, double *number)
{
    const char *name;

    if (read_number(word, number, &name))
        return -EINVAL;
    if (*name == '\0')
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, units[i].name) == 0) {
            *number *= units[i].factor;
            return 0;
        }
    }
    return -EINVAL;
}

int netem_read_time(const char *word, struct duration *time)
{
    static const struct unit units[] = {
        {"s", 1e9},  {"sec", 1e9},  {"secs", 1e9},  {"ms", 1e6}, {"msec", 1e6}, {"msecs", 1e6},
        {"us", 1e3}, {"usec", 1e3}, {"usecs", 1e3}, {"ns", 1},   {"nsec", 1},   {"nsecs", 1},
    };
    double ns;

    if (read_with_unit(word, units, sizeof units / sizeof *units, &ns) || ns > 9e18)
        return -EINVAL;
    *time = duration_ns((int64_t)ns);
    return 0;
}

char *netem_time_text(struct duration time, char text[NETEM_TIME_TEXT_SIZE])
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t unit = time.ns == 0 ? 3 : 0;

    while (time.ns % units[unit].ns != 0)
        unit++;
    snprintf(text, NETEM_TIME_TEXT_SIZE, "%" PRId64 "%s", time.ns / units[unit].ns,
             units[unit].name);
    return text;
}

int netem_read_share(const char *word, double *share)
{
    const char *unit;
    double percent;

    if (read_number(word, &percent, &unit) || (*unit != '\0' && strcmp(unit, "%") != 0))
        return -EINVAL;
    *share = percent / 100.;
    return *share >= 0 && *share <= 1 ? 0 : -EINVAL;
}

uint32_t netem_share_to_u32(double share)
{
    double exact = share * (double)UINT32_MAX;
    uint64_t below = (uint64_t)exact;
    double rest = exact - (double)below;

    if (rest > 0.5 || (rest == 0.5 && below % 2 == 1))
        below++;
    return (uint32_t)below;
}

int netem_read_rate(const char *word, uint64_t device_rate, uint64_t *rate)
{
    static const struct unit units[] = {
        {"bit", 1},        {"kbit", 1e3},     {"mbit", 1e6},         {"gbit", 1e9},
        {"tbit", 1e12},    {"kibit", 1024.},  {"mibit", 0x1p20},     {"gibit", 0x1p30},
        {"tibit", 0x1p40}, {"bps", 8},        {"kbps", 8e3},         {"mbps", 8e6},
        {"gbps", 8e9},     {"tbps", 8e12},    {"kibps", 8. * 1024.}, {"mibps", 0x1p23},
        {"gibps", 0x1p33}, {"tibps", 0x1p43},
    };
    double bits;
    size_t len = strlen(word);

    if (len > 0 && word[len - 1] == '%') {
        double share;
        if (netem_read_share(word, &share))
            return -EINVAL;
        if (device_rate == 0)
            return -ENODEV;
        *rate = (uint64_t)((double)device_rate * share);
        return 0;
    }
    if (read_with_unit(word, units, sizeof units / sizeof *units, &bits) || bits > 1e18)
        return -EINVAL;
    *rate = (uint64_t)(bits / 8);
    return 0;
}

int netem_read_size(const char *word, uint32_t *size)
{
    static const struct unit units[] = {
        {"k", 0x1p10},  {"kb", 0x1p10},  {"m", 0x1p20},    {"mb", 0x1p20},   {"g", 0x1p30},
        {"gb", 0x1p30}, {"kbit", 0x1p7}, {"mbit", 0x1p17}, {"gbit", 0x1p27}, {"b", 1},
    };
    double number;

    if (read_with_unit(word, units, sizeof units / sizeof *units, &number) || number > UINT32_MAX)
        return -EINVAL;
    *size = (uint32_t)number;
    return 0;
}

int netem_read_u64(const char *word, uint64_t *value)
{
    bool hexadecimal = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    const char *digits = hexadecimal ? word + 2 : word;
    char *end;

    if (!isxdigit((unsigned char)digits[0]))
        return -EINVAL;
    errno = 0;
    unsigned long long number = strtoull(digits, &end, hexadecimal ? 16 : 10);
    if (errno || end == digits || *end != '\0')
        return -EINVAL;
    *value = number;
    return 0;
}

int netem_read_u32(const char *word, uint32_t *value)
{
    uint64_t wide;

    if (netem_read_u64(word, &wide) || wide > UINT32_MAX)
        return -EINVAL;
    *value = (uint32_t)wide;
    return 0;
}

int netem_read_s32(const char *word, int32_t *value)
{
    bool negative = word[0] == '-';
    uint32_t size;

    if (netem_read_u32(negative ? word + 1 : word, &size) || size > INT32_MAX)
        return -EINVAL;
    *value = negative ? -(int32_t)size : (int32_t)size;
    return 0;
}
