/* The head of an HTTP/1.x response; see http_response.h. */
#include "get/http_response.h"

#include <errno.h>
#include <string.h>

#include "common/http_fields.h"

/* What the fields say before it is put together. */
struct gathered {
    int close, keep_alive;
    int has_transfer_encoding;
};

static int refuse(struct http_response *response, const char *problem)
{
    response->problem = problem;
    return -EBADMSG;
}

/* RFC 9112, 4: HTTP/1.x SP 3DIGIT SP [reason]; the last space may be missing. */
static int parse_status_line(struct span line, struct http_response *response)
{
    static const char start[] = "HTTP/1.";
    if (line.length < 12 || memcmp(line.at, start, sizeof start - 1) != 0 || line.at[7] < '0' ||
        line.at[7] > '9' || line.at[8] != ' ' || (line.length > 12 && line.at[12] != ' '))
        return refuse(response, "is not HTTP/1.0 or HTTP/1.1");
    response->minor_version = (unsigned)(line.at[7] - '0');
    uint64_t status;
    if (http_number((struct span){line.at + 9, 3}, &status) < 0 || status < 100 || status > 599)
        return refuse(response, "has a status that is not 100 to 599");
    response->status = (unsigned)status;
    if (line.length > 13) {
        size_t length = line.length - 13;
        if (length >= sizeof response->reason)
            length = sizeof response->reason - 1;
        for (size_t i = 0; i < length; i++)
            response->reason[i] = (unsigned char)line.at[13 + i] >= ' ' ? line.at[13 + i] : '?';
        response->reason[length] = '\0';
    }
    return 0;
}

/* RFC 9112, 6.3, 5: several equal values count once, others are an attack. */
static int take_length(struct span value, struct http_response *response)
{
    uint64_t length;
    if (http_number(value, &length) < 0 || (response->has_length && length != response->length))
        return refuse(response, "has a Content-Length that makes no sense");
    response->has_length = 1;
    response->length = length;
    return 0;
}

/* RFC 9112, 6.1: we asked for no coding but chunked can always come. */
static int take_coding(struct span value, struct http_response *response, struct gathered *gathered)
{
    if (gathered->has_transfer_encoding || !span_is(value, "chunked"))
        return refuse(response, "has a Transfer-Encoding other than chunked");
    gathered->has_transfer_encoding = 1;
    response->is_chunked = 1;
    return 0;
}

/* Splits at the first `separator`. 0; -EBADMSG: there is none. */
static int split(struct span text, char separator, struct span *before, struct span *after)
{
    const char *at = text.length > 0 ? memchr(text.at, separator, text.length) : NULL;
    if (at == NULL)
        return -EBADMSG;
    *before = (struct span){text.at, (size_t)(at - text.at)};
    *after = (struct span){at + 1, text.length - before->length - 1};
    return 0;
}

/* RFC 9110, 14.4. A field of another unit or shape counts as absent here; who needs it says so. */
static void take_range(struct span value, struct http_response *response)
{
    struct span unit, rest, positions, total, first, last;
    uint64_t a = 0, b = 0, c = 0;
    if (split(value, ' ', &unit, &rest) < 0 || !span_is(unit, "bytes") ||
        split(rest, '/', &positions, &total) < 0)
        return;
    int has_total = !span_is(total, "*");
    if (has_total && http_number(total, &c) < 0)
        return;
    int has_range = !span_is(positions, "*");
    if (has_range && (split(positions, '-', &first, &last) < 0 || http_number(first, &a) < 0 ||
                      http_number(last, &b) < 0 || b < a || (has_total && b >= c)))
        return;
    response->has_range = has_range;
    response->has_range_total = has_total;
    response->range_first = a;
    response->range_last = b;
    response->range_total = c;
}

static void take_retry_after(struct span value, struct http_response *response)
{
    uint64_t seconds;
    if (http_number(value, &seconds) == 0)
        response->retry_after_s = seconds < 86400 ? (unsigned)seconds : 86400;
}

static int take_field(const struct http_field *field, struct http_response *response,
                      struct gathered *gathered)
{
    struct span name = field->name, value = field->value;
    if (span_is(name, "Content-Length"))
        return take_length(value, response);
    if (span_is(name, "Transfer-Encoding"))
        return take_coding(value, response, gathered);
    if (span_is(name, "Connection")) {
        gathered->close |= http_list_has(value, "close");
        gathered->keep_alive |= http_list_has(value, "keep-alive");
    } else if (span_is(name, "Content-Range")) {
        take_range(value, response);
    } else if (span_is(name, "Accept-Ranges")) {
        response->ranges_refused = span_is(value, "none");
    } else if (span_is(name, "ETag")) {
        (void)span_copy(value, response->etag, sizeof response->etag);
    } else if (span_is(name, "Last-Modified")) {
        (void)span_copy(value, response->last_modified, sizeof response->last_modified);
    } else if (span_is(name, "Retry-After")) {
        take_retry_after(value, response);
    } else if (span_is(name, "Location")) {
        if (span_copy(value, response->location, sizeof response->location) < 0)
            return refuse(response, "has a Location longer than 4095 bytes");
    }
    return 0;
}

int http_response_parse(const char *head, size_t length, struct http_response *response)
{
    struct span rest = {head, length}, line;
    struct gathered gathered = {0};
    struct http_field field;
    *response = (struct http_response){0};
    if (!http_take_line(&rest, &line))
        return refuse(response, "has no status line");
    int result = parse_status_line(line, response);
    if (result < 0)
        return result;
    while ((result = http_take_field(&rest, &field)) > 0) {
        result = take_field(&field, response, &gathered);
        if (result < 0)
            return result;
    }
    if (result < 0)
        return refuse(response, "has a field line that is not one");
    /* RFC 9112, 6.3, 3: Transfer-Encoding overrides Content-Length, and the pair is an attack:
     * close afterwards. */
    if (response->is_chunked && response->has_length) {
        response->has_length = 0;
        gathered.close = 1;
    }
    response->keeps_alive = !gathered.close &&
                            (response->minor_version >= 1 || gathered.keep_alive);
    return 0;
}

int http_response_has_body(const struct http_response *response)
{
    return response->status >= 200 && response->status != 204 && response->status != 304;
}
