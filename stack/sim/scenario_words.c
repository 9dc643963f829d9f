/* Names and values on a line of a scenario, see the header. */
#include "sim/scenario_words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scenario_wrong(struct scenario_line *line, const char *format, ...)
{
    char sentence[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    snprintf(line->error, line->error_size, "line %u: %s", line->number, sentence);
    return -EINVAL;
}

int scenario_read_bytes(const char *word, uint64_t *bytes)
{
    static const char units[] = "kmgt";
    char *end;

    if (*word < '0' || *word > '9')
        return -EINVAL;
    errno = 0;
    *bytes = strtoull(word, &end, 10);
    if (errno)
        return -EINVAL;
    if (*end == '\0')
        return 0;
    const char *unit = strchr(units, *end | 0x20);
    if (unit == NULL || end[1] != '\0')
        return -EINVAL;
    unsigned shift = 10 * (unsigned)(unit - units + 1);
    if (*bytes >> (63 - shift))
        return -EINVAL;
    *bytes <<= shift;
    return 0;
}

/* netem's times, and minutes, hours and days. */
int scenario_read_time(const char *word, struct duration *time)
{
    static const struct {
        char unit;
        int64_t seconds;
    } longer[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t length = strlen(word);
    uint64_t count;

    for (size_t i = 0; i < sizeof longer / sizeof *longer; i++) {
        char digits[16];
        if (length < 2 || length >= sizeof digits || word[length - 1] != longer[i].unit)
            continue;
        memcpy(digits, word, length - 1);
        digits[length - 1] = '\0';
        if (netem_read_u64(digits, &count) || count > 1000000)
            return -EINVAL;
        *time = duration_s((int64_t)count * longer[i].seconds);
        return 0;
    }
    return netem_read_time(word, time);
}

/* "2^32ms": when a clock of that many milliseconds wraps. */
static int read_wrap(const char *word, struct duration *time)
{
    char *end;
    unsigned long power = strtoul(word + 2, &end, 10);

    if (power > 40)
        return -EINVAL;
    int64_t count = (int64_t)(UINT64_C(1) << power);
    if (strcmp(end, "us") == 0)
        *time = duration_us(count);
    else if (strcmp(end, "ms") == 0)
        *time = duration_ms(count);
    else
        return -EINVAL;
    return 0;
}

int scenario_read_clock(const char *word, struct duration *time)
{
    char wrap[16];
    struct duration before = {0};
    const char *minus = strchr(word, '-');
    size_t length = minus ? (size_t)(minus - word) : strlen(word);

    if (strncmp(word, "2^", 2) != 0)
        return scenario_read_time(word, time);
    if (length >= sizeof wrap)
        return -EINVAL;
    memcpy(wrap, word, length);
    wrap[length] = '\0';
    if (read_wrap(wrap, time) || (minus && scenario_read_time(minus + 1, &before)) ||
        before.ns > time->ns)
        return -EINVAL;
    time->ns -= before.ns;
    return 0;
}

static const char *expected(enum scenario_word_kind kind)
{
    switch (kind) {
    case SCENARIO_FLAG:
        return "nothing";
    case SCENARIO_BYTES:
    case SCENARIO_NUMBER:
        return "a number like 1000 or 64k, not too large";
    case SCENARIO_TIME:
        return "a time like 20ms, 5s or 1h";
    case SCENARIO_CLOCK:
        return "a time like 100s or 2^32ms-5s";
    case SCENARIO_TEXT:
        return "a short word";
    }
    return "";
}

/* Reads `value` into the field. 0 or -EINVAL. */
static int read_value(const struct scenario_word *word, const char *value, void *field)
{
    uint64_t number;

    switch (word->kind) {
    case SCENARIO_FLAG:
        break;
    case SCENARIO_BYTES:
    case SCENARIO_NUMBER:
        if (scenario_read_bytes(value, &number) || number > word->most)
            return -EINVAL;
        if (word->kind == SCENARIO_BYTES)
            *(uint64_t *)field = number;
        else
            *(uint32_t *)field = (uint32_t)number;
        return 0;
    case SCENARIO_TIME:
        return scenario_read_time(value, field);
    case SCENARIO_CLOCK:
        return scenario_read_clock(value, field);
    case SCENARIO_TEXT:
        if (strlen(value) >= word->most)
            return -EINVAL;
        memcpy(field, value, strlen(value) + 1);
        return 0;
    }
    return -EINVAL;
}

int scenario_take_word(struct scenario_line *line, const struct scenario_word *table, size_t count,
                       void *object)
{
    char value[NETEM_WORD_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct scenario_word *word = &table[i];
        void *field = (uint8_t *)object + word->offset;
        if (strcmp(line->words.next, word->name) != 0)
            continue;
        netem_words_take(&line->words, value);
        if (word->kind == SCENARIO_FLAG) {
            *(bool *)field = true;
            return 1;
        }
        if (!netem_words_take(&line->words, value) || read_value(word, value, field))
            return scenario_wrong(line, "%s '%.64s': expected %s", word->name, value,
                                  expected(word->kind));
        return 1;
    }
    return 0;
}

int scenario_take_words(struct scenario_line *line, const struct scenario_word *table, size_t count,
                        void *object)
{
    while (line->words.next[0] != '\0') {
        int r = scenario_take_word(line, table, count, object);
        if (r < 0)
            return r;
        if (r == 0)
            return scenario_wrong(line, "'%.64s' is not known here", line->words.next);
    }
    return 0;
}
