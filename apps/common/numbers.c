/* Numbers that users type and read; see numbers.h. */
#include "common/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Takes the digits at *text. 0; -EINVAL when there is none; -ERANGE above `most`. */
static int take_digits(const char **text, uint64_t most, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;
    if (*at < '0' || *at > '9')
        return -EINVAL;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (digit > most || sum > (most - digit) / 10)
            return -ERANGE;
        sum = sum * 10 + digit;
    }
    *text = at;
    *value = sum;
    return 0;
}

int number_parse(const char *text, uint64_t most, uint64_t *value)
{
    uint64_t number;
    int result = take_digits(&text, most, &number);
    if (result < 0)
        return result;
    if (*text != '\0')
        return -EINVAL;
    *value = number;
    return 0;
}

static int unit_shift(const char *unit)
{
    static const char letters[] = "kKmMgGtT";
    if (*unit == '\0' || strcmp(unit, "B") == 0)
        return 0;
    const char *letter = strchr(letters, *unit);
    if (letter == NULL)
        return -EINVAL;
    if (unit[1] != '\0' && strcmp(unit + 1, "iB") != 0 && strcmp(unit + 1, "B") != 0)
        return -EINVAL;
    return 10 * (1 + (int)(letter - letters) / 2);
}

int size_parse(const char *text, uint64_t *bytes)
{
    uint64_t number;
    int result = take_digits(&text, UINT64_MAX, &number);
    if (result < 0)
        return result;
    int shift = unit_shift(text);
    if (shift < 0)
        return shift;
    if (number > UINT64_MAX >> shift)
        return -ERANGE;
    *bytes = number << shift;
    return 0;
}

int seconds_parse(const char *text, int64_t *nanoseconds)
{
    const uint64_t ten_years = 315360000;
    uint64_t whole;
    int result = take_digits(&text, ten_years, &whole);
    if (result < 0)
        return result;
    uint64_t fraction = 0;
    if (*text == '.') {
        text++;
        for (uint64_t weight = 100000000; *text >= '0' && *text <= '9' && weight > 0; weight /= 10)
            fraction += weight * (uint64_t)(*text++ - '0');
    }
    if (strcmp(text, "s") != 0 && *text != '\0')
        return -EINVAL;
    *nanoseconds = (int64_t)(whole * 1000000000 + fraction);
    return 0;
}

char *size_text(uint64_t bytes, char out[SIZE_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(out, SIZE_TEXT, "%u B", (unsigned)bytes);
        return out;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    snprintf(out, SIZE_TEXT, "%.1f %s", value, units[unit]);
    return out;
}
