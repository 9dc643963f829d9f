/* Conditional requests; see conditional.h. */
#include "serve/conditional.h"

#include <string.h>

#include "common/http_date.h"

enum comparison { COMPARE_STRONG, COMPARE_WEAK };

/* Whether one of a list of entity tags is `etag` (RFC 9110, 8.8.3.2). A comma may stand inside the
 * quotes. */
static int list_has_etag(const char *list, const char *etag, enum comparison comparison)
{
    size_t length = strlen(etag);
    while (*list != '\0') {
        list += strspn(list, " \t,");
        int is_weak = strncmp(list, "W/", 2) == 0;
        list += is_weak ? 2 : 0;
        if (*list == '*')
            return 1;
        if (*list != '"')
            return 0;
        const char *end = strchr(list + 1, '"');
        if (end == NULL)
            return 0;
        size_t tag = (size_t)(end - list) + 1;
        if (tag == length && memcmp(list, etag, length) == 0 &&
            (comparison == COMPARE_WEAK || !is_weak))
            return 1;
        list = end + 1;
    }
    return 0;
}

/* The time that a field names; 0: the field is absent or no date. */
static time_t field_time(const char *field)
{
    time_t when = 0;
    if (http_date_parse((struct span){field, strlen(field)}, &when) < 0)
        return 0;
    return when;
}

enum condition condition_of(const struct http_request *request, const struct validators *have)
{
    if (*request->if_match != '\0') {
        if (!list_has_etag(request->if_match, have->etag, COMPARE_STRONG))
            return CONDITION_FAILED;
    } else if (have->modified != 0) {
        time_t since = field_time(request->if_unmodified_since);
        if (since != 0 && have->modified > since)
            return CONDITION_FAILED;
    }
    if (*request->if_none_match != '\0') {
        if (list_has_etag(request->if_none_match, have->etag, COMPARE_WEAK))
            return CONDITION_NOT_MODIFIED;
    } else if (have->modified != 0) {
        time_t since = field_time(request->if_modified_since);
        if (since != 0 && have->modified <= since)
            return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_GO;
}

int condition_allows_range(const struct http_request *request, const struct validators *have)
{
    if (*request->if_range == '\0')
        return 1;
    if (*request->if_range == '"')
        return strcmp(request->if_range, have->etag) == 0;
    return have->modified != 0 && field_time(request->if_range) == have->modified;
}
