/* The head of an HTTP/1.x request; see http_request.h. */
#include "serve/http_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/http_fields.h"

struct gathered {
    unsigned hosts, lengths, codings;
    int close, keep_alive;
};

static int refuse(struct http_request *request, unsigned status)
{
    request->refused_with = status;
    request->keeps_alive = 0;
    return -EBADMSG;
}

/* Up to the next space, which is taken, too. 0; -EBADMSG: there is none. */
static int take_word(struct span *line, struct span *word)
{
    const char *space = line->length > 0 ? memchr(line->at, ' ', line->length) : NULL;
    if (space == NULL || space == line->at)
        return -EBADMSG;
    *word = (struct span){line->at, (size_t)(space - line->at)};
    line->at += word->length + 1;
    line->length -= word->length + 1;
    return 0;
}

static int take_method(struct span word, struct http_request *request)
{
    static const char *const others[] = {"POST",    "PUT",   "DELETE", "CONNECT",
                                         "OPTIONS", "TRACE", "PATCH"};
    if (!http_is_token(word))
        return refuse(request, 400);
    if (span_copy(word, request->method_name, sizeof request->method_name) < 0)
        return refuse(request, 501);
    const char *name = request->method_name;
    request->method = METHOD_UNKNOWN;
    if (strcmp(name, "GET") == 0)
        request->method = METHOD_GET;
    else if (strcmp(name, "HEAD") == 0)
        request->method = METHOD_HEAD;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            request->method = METHOD_OTHER;
    return 0;
}

/* RFC 9112, 3.2.2: servers must accept the absolute form. */
static struct span without_authority(struct span word)
{
    static const char scheme[] = "http://";
    size_t length = sizeof scheme - 1;
    if (word.length < length || strncasecmp(word.at, scheme, length) != 0)
        return word;
    word.at += length;
    word.length -= length;
    const char *slash = word.length > 0 ? memchr(word.at, '/', word.length) : NULL;
    if (slash == NULL)
        return (struct span){"/", 1};
    word.length -= (size_t)(slash - word.at);
    word.at = slash;
    return word;
}

static int take_target(struct span word, struct http_request *request)
{
    for (size_t i = 0; i < word.length; i++)
        if ((unsigned char)word.at[i] <= ' ' || (unsigned char)word.at[i] >= 0x7f)
            return refuse(request, 400);
    struct span target = without_authority(word);
    if (span_copy(target, request->target, sizeof request->target) < 0)
        return refuse(request, 414);
    if (*request->target != '/' && request->method != METHOD_OTHER)
        return refuse(request, 400);
    return 0;
}

/* RFC 9112, 2.3. */
static int take_version(struct span word, struct http_request *request)
{
    static const char start[] = "HTTP/";
    if (word.length != 8 || memcmp(word.at, start, 5) != 0 || word.at[6] != '.' ||
        word.at[5] < '0' || word.at[5] > '9' || word.at[7] < '0' || word.at[7] > '9')
        return refuse(request, 400);
    if (word.at[5] != '1')
        return refuse(request, 505);
    request->minor_version = (unsigned)(word.at[7] - '0');
    return 0;
}

static int take_request_line(struct span line, struct http_request *request)
{
    struct span method, target;
    if (take_word(&line, &method) < 0 || take_word(&line, &target) < 0)
        return refuse(request, 400);
    int result = take_method(method, request);
    if (result == 0)
        result = take_target(target, request);
    return result == 0 ? take_version(line, request) : result;
}

/* A field that does not fit counts as absent: it only makes the answer longer. */
static void take_text(struct span value, char *out, size_t out_size)
{
    (void)span_copy(value, out, out_size);
}

static int take_length(struct span value, struct http_request *request, struct gathered *gathered)
{
    uint64_t length;
    if (http_number(value, &length) < 0 || gathered->lengths++ > 0)
        return refuse(request, 400);
    request->has_body |= length > 0;
    return 0;
}

static void take_condition(const struct http_field *field, struct http_request *request)
{
    struct span name = field->name, value = field->value;
    if (span_is(name, "Range"))
        take_text(value, request->range, sizeof request->range);
    else if (span_is(name, "If-Range"))
        take_text(value, request->if_range, sizeof request->if_range);
    else if (span_is(name, "If-Match"))
        take_text(value, request->if_match, sizeof request->if_match);
    else if (span_is(name, "If-None-Match"))
        take_text(value, request->if_none_match, sizeof request->if_none_match);
    else if (span_is(name, "If-Modified-Since"))
        take_text(value, request->if_modified_since, sizeof request->if_modified_since);
    else if (span_is(name, "If-Unmodified-Since"))
        take_text(value, request->if_unmodified_since, sizeof request->if_unmodified_since);
}

static int take_field(const struct http_field *field, struct http_request *request,
                      struct gathered *gathered)
{
    struct span name = field->name, value = field->value;
    if (span_is(name, "Content-Length"))
        return take_length(value, request, gathered);
    if (span_is(name, "Transfer-Encoding")) {
        gathered->codings++;
        request->has_body = 1;
    } else if (span_is(name, "Host")) {
        gathered->hosts++;
    } else if (span_is(name, "Connection")) {
        gathered->close |= http_list_has(value, "close");
        gathered->keep_alive |= http_list_has(value, "keep-alive");
    } else {
        take_condition(field, request);
    }
    return 0;
}

int http_request_parse(const char *head, size_t length, struct http_request *request)
{
    struct span rest = {head, length}, line = {0};
    struct gathered gathered = {0};
    struct http_field field;
    int result;
    *request = (struct http_request){0};
    /* RFC 9112, 2.2: an empty line before the request is forgiven. */
    do
        result = http_take_line(&rest, &line) ? 0 : refuse(request, 400);
    while (result == 0 && line.length == 0);
    if (result == 0)
        result = take_request_line(line, request);
    if (result < 0)
        return result;
    while ((result = http_take_field(&rest, &field)) > 0) {
        result = take_field(&field, request, &gathered);
        if (result < 0)
            return result;
    }
    /* RFC 9112, 3.2: exactly one Host; 6.1: both framings at once are an attack. */
    if (result < 0 || gathered.hosts > 1 || (gathered.hosts == 0 && request->minor_version >= 1) ||
        (gathered.codings > 0 && gathered.lengths > 0))
        return refuse(request, 400);
    request->keeps_alive = !gathered.close && !request->has_body &&
                           (request->minor_version >= 1 || gathered.keep_alive);
    return 0;
}
