/* Dates as HTTP writes them; see http_date.h. */
#include "common/http_date.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

char *http_date_text(time_t when, char out[HTTP_DATE_TEXT])
{
    struct tm utc = {0};
    if (gmtime_r(&when, &utc) == NULL || utc.tm_year < -1900 || utc.tm_year > 9999 - 1900) {
        time_t epoch = 0;
        gmtime_r(&epoch, &utc);
    }
    snprintf(out, HTTP_DATE_TEXT, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * utc.tm_wday,
             (unsigned)utc.tm_mday % 100u, months + 3 * utc.tm_mon,
             (unsigned)(utc.tm_year + 1900) % 10000u, (unsigned)utc.tm_hour % 100u,
             (unsigned)utc.tm_min % 100u, (unsigned)utc.tm_sec % 100u);
    return out;
}

/* The index of a name of three letters in a table of them; -1: none. */
static int name_index(const char *table, const char *name)
{
    for (int i = 0; table[3 * i] != '\0'; i++)
        if (memcmp(table + 3 * i, name, 3) == 0)
            return i;
    return -1;
}

/* `count` digits as a number; -1 when one is none. */
static int digits(const char *at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        number = number * 10 + (at[i] - '0');
    }
    return number;
}

int http_date_parse(struct span text, time_t *when)
{
    static const char shape[] = "xxx, 00 xxx 0000 00:00:00 GMT";
    if (text.length != sizeof shape - 1)
        return -EBADMSG;
    for (size_t i = 0; i < text.length; i++)
        if (shape[i] != 'x' && shape[i] != '0' && shape[i] != text.at[i])
            return -EBADMSG;
    struct tm utc = {
        .tm_mday = digits(text.at + 5, 2),
        .tm_mon = name_index(months, text.at + 8),
        .tm_year = digits(text.at + 12, 4) - 1900,
        .tm_hour = digits(text.at + 17, 2),
        .tm_min = digits(text.at + 20, 2),
        .tm_sec = digits(text.at + 23, 2),
    };
    if (name_index(days, text.at) < 0 || utc.tm_mon < 0 || utc.tm_mday < 1 || utc.tm_mday > 31 ||
        utc.tm_year < -1900 || utc.tm_hour < 0 || utc.tm_hour > 23 || utc.tm_min < 0 ||
        utc.tm_min > 59 || utc.tm_sec < 0 || utc.tm_sec > 60)
        return -EBADMSG;
    *when = timegm(&utc);
    return 0;
}
