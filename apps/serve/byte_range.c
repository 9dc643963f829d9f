/* The Range field; see byte_range.h. */
#include "serve/byte_range.h"

#include <string.h>
#include <strings.h>

#include "common/http_fields.h"

/* "-500": the last 500. */
static enum byte_range_kind take_suffix(uint64_t count, uint64_t size, uint64_t *first,
                                        uint64_t *last)
{
    if (count == 0 || size == 0)
        return BYTE_RANGE_BEYOND;
    *first = count < size ? size - count : 0;
    *last = size - 1;
    return BYTE_RANGE_PART;
}

enum byte_range_kind byte_range_parse(const char *field, uint64_t size, uint64_t *first,
                                      uint64_t *last)
{
    static const char unit[] = "bytes=";
    uint64_t from, to = UINT64_MAX;
    if (strncasecmp(field, unit, sizeof unit - 1) != 0)
        return BYTE_RANGE_ALL;
    struct span text = span_trim(
        (struct span){field + sizeof unit - 1, strlen(field + sizeof unit - 1)});
    const char *dash = text.length > 0 ? memchr(text.at, '-', text.length) : NULL;
    if (dash == NULL)
        return BYTE_RANGE_ALL;
    struct span before = {text.at, (size_t)(dash - text.at)};
    struct span after = {dash + 1, text.length - before.length - 1};
    if (after.length > 0 && http_number(after, &to) < 0)
        return BYTE_RANGE_ALL;
    if (before.length == 0)
        return after.length > 0 ? take_suffix(to, size, first, last) : BYTE_RANGE_ALL;
    if (http_number(before, &from) < 0 || to < from)
        return BYTE_RANGE_ALL;
    if (from >= size)
        return BYTE_RANGE_BEYOND;
    *first = from;
    *last = to < size ? to : size - 1;
    return BYTE_RANGE_PART;
}
