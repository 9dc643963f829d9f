/* What the server answers; see reply.h. */
#include "serve/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/http_date.h"
#include "serve/byte_range.h"
#include "serve/conditional.h"
#include "serve/generate.h"
#include "serve/listing.h"
#include "serve/mime.h"
#include "serve/safe_path.h"
#include "tunny.h"

static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* Adds to the head. What does not fit is cut: callers add fields of bounded length only. */
__attribute__((format(printf, 2, 3))) static void add(struct reply *reply, const char *format, ...)
{
    size_t room = sizeof reply->head - reply->head_length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(reply->head + reply->head_length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        reply->head_length += (size_t)length < room ? (size_t)length : room - 1;
}

static void start(struct reply *reply, unsigned status, int keeps_alive)
{
    char date[HTTP_DATE_TEXT];
    reply->status = status;
    reply->keeps_alive = keeps_alive;
    reply->head_length = 0;
    add(reply, "HTTP/1.1 %u %s\r\nServer: tunny/%s\r\nDate: %s\r\nConnection: %s\r\n", status,
        reason_of(status), TUNNY_VERSION, http_date_text(time(NULL), date),
        keeps_alive ? "keep-alive" : "close");
}

/* Ends the head. HEAD has the same head and no body (RFC 9110, 9.3.2). */
static void finish(struct reply *reply, enum http_method method)
{
    add(reply, "\r\n");
    if (method == METHOD_HEAD)
        reply->left = 0;
}

/* The status as text for the body. */
static void text_body(struct reply *reply)
{
    size_t room = 128;
    reply->memory = malloc(room);
    int length = reply->memory == NULL ? 0
                                       : snprintf(reply->memory, room, "%u %s\n", reply->status,
                                                  reason_of(reply->status));
    reply->source = REPLY_MEMORY;
    reply->left = length > 0 ? (uint64_t)length : 0;
    add(reply, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %llu\r\n",
        (unsigned long long)reply->left);
}

static void say(struct reply *reply, const struct http_request *request, unsigned status)
{
    start(reply, status, request->keeps_alive);
    if (status == 405)
        add(reply, "Allow: GET, HEAD\r\n");
    text_body(reply);
    finish(reply, request->method);
}

void reply_refuse(struct reply *reply, unsigned status, enum http_method method)
{
    *reply = (struct reply){.descriptor = -1};
    start(reply, status, 0);
    text_body(reply);
    finish(reply, method);
}

/* --- bodies of known size ------------------------------------------------------------------- */

struct entity {
    uint64_t size;
    struct validators validators;
    const char *type;
};

static void add_validators(struct reply *reply, const struct entity *entity)
{
    char date[HTTP_DATE_TEXT];
    add(reply, "ETag: %s\r\nAccept-Ranges: bytes\r\n", entity->validators.etag);
    if (entity->validators.modified != 0)
        add(reply, "Last-Modified: %s\r\n", http_date_text(entity->validators.modified, date));
}

static void say_beyond(struct reply *reply, const struct http_request *request,
                       const struct entity *entity)
{
    start(reply, 416, request->keeps_alive);
    add(reply, "Content-Range: bytes */%llu\r\n", (unsigned long long)entity->size);
    reply_end(reply);
    text_body(reply);
    finish(reply, request->method);
}

/* 200 or 206. */
static void send_entity(struct reply *reply, const struct http_request *request,
                        const struct entity *entity)
{
    uint64_t first = 0, last = 0;
    enum byte_range_kind kind = BYTE_RANGE_ALL;
    if (*request->range != '\0' && request->method == METHOD_GET &&
        condition_allows_range(request, &entity->validators))
        kind = byte_range_parse(request->range, entity->size, &first, &last);
    if (kind == BYTE_RANGE_BEYOND) {
        say_beyond(reply, request, entity);
        return;
    }
    int is_part = kind == BYTE_RANGE_PART;
    start(reply, is_part ? 206 : 200, request->keeps_alive);
    reply->offset = is_part ? first : 0;
    reply->left = is_part ? last - first + 1 : entity->size;
    if (is_part)
        add(reply, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)first,
            (unsigned long long)last, (unsigned long long)entity->size);
    add(reply, "Content-Type: %s\r\nContent-Length: %llu\r\n", entity->type,
        (unsigned long long)reply->left);
    add_validators(reply, entity);
    finish(reply, request->method);
}

static void answer_entity(struct reply *reply, const struct http_request *request,
                          const struct entity *entity)
{
    switch (condition_of(request, &entity->validators)) {
    case CONDITION_GO:
        send_entity(reply, request, entity);
        return;
    case CONDITION_NOT_MODIFIED:
        start(reply, 304, request->keeps_alive);
        add_validators(reply, entity);
        finish(reply, request->method);
        return;
    case CONDITION_FAILED:
        reply_end(reply);
        say(reply, request, 412);
        return;
    }
}

static void answer_generated(struct reply *reply, const struct http_request *request,
                             const char *text)
{
    char etag[64];
    struct entity entity = {.validators = {.etag = etag}, .type = "application/octet-stream"};
    if (generate_parse(text, &entity.size, &reply->seed) < 0) {
        say(reply, request, 400);
        return;
    }
    snprintf(etag, sizeof etag, "\"gen-%llu-%llu\"", (unsigned long long)entity.size,
             (unsigned long long)reply->seed);
    reply->source = REPLY_GENERATED;
    answer_entity(reply, request, &entity);
}

/* --- files and folders ---------------------------------------------------------------------- */

static unsigned status_of(int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
    case -EXDEV:
    case -ELOOP:
        return 403;
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ENXIO:
        return 404;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        return 503;
    default:
        return 500;
    }
}

static void answer_file(struct reply *reply, const struct http_request *request, const char *path,
                        const struct stat *status)
{
    char etag[96];
    struct entity entity = {
        .size = (uint64_t)status->st_size,
        .validators = {.etag = etag, .modified = status->st_mtim.tv_sec},
        .type = mime_type(path),
    };
    snprintf(etag, sizeof etag, "\"%llx-%llx-%llx.%lx\"", (unsigned long long)status->st_ino,
             (unsigned long long)status->st_size, (unsigned long long)status->st_mtim.tv_sec,
             (unsigned long)status->st_mtim.tv_nsec);
    reply->source = REPLY_FILE;
    answer_entity(reply, request, &entity);
}

/* A folder's name ends with a slash, so that relative links in it work. */
static void answer_moved(struct reply *reply, const struct http_request *request)
{
    size_t path = strcspn(request->target, "?");
    /* Two slashes in front would name another host. */
    size_t slashes = strspn(request->target, "/");
    size_t skip = slashes > 0 ? slashes - 1 : 0;
    start(reply, 301, request->keeps_alive);
    if (path - skip <= 1024)
        add(reply, "Location: %.*s/\r\n", (int)(path - skip), request->target + skip);
    text_body(reply);
    finish(reply, request->method);
}

static void answer_listing(struct reply *reply, const struct http_request *request,
                           const char *path)
{
    size_t length = 0;
    int result = listing_make(reply->descriptor, path, &reply->memory, &length);
    close(reply->descriptor);
    reply->descriptor = -1;
    if (result < 0) {
        say(reply, request, status_of(result));
        return;
    }
    reply->source = REPLY_MEMORY;
    reply->left = length;
    start(reply, 200, request->keeps_alive);
    add(reply, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n", length);
    finish(reply, request->method);
}

/* index.html, where a folder has one; else the listing. `path` has a slash at its end, or is empty.
 */
static void answer_folder(struct reply *reply, const struct site *site,
                          const struct http_request *request, const char *path)
{
    char index[SAFE_PATH + 16];
    struct stat status;
    snprintf(index, sizeof index, "%sindex.html", path);
    int descriptor = safe_path_open(site->root, index);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        close(reply->descriptor);
        reply->descriptor = descriptor;
        answer_file(reply, request, index, &status);
        return;
    }
    if (descriptor >= 0)
        close(descriptor);
    answer_listing(reply, request, path);
}

static void answer_opened(struct reply *reply, const struct site *site,
                          const struct http_request *request, const char *path)
{
    struct stat status;
    size_t length = strlen(path);
    int has_slash = length == 0 || path[length - 1] == '/';
    if (fstat(reply->descriptor, &status) < 0) {
        say(reply, request, 500);
    } else if (S_ISDIR(status.st_mode)) {
        if (has_slash)
            answer_folder(reply, site, request, path);
        else
            answer_moved(reply, request);
    } else if (S_ISREG(status.st_mode)) {
        answer_file(reply, request, path, &status);
    } else {
        say(reply, request, 403);
    }
}

void reply_to(struct reply *reply, const struct site *site, const struct http_request *request)
{
    static const char generator[] = "/gen/";
    char path[SAFE_PATH];
    *reply = (struct reply){.descriptor = -1};
    if (request->method == METHOD_OTHER || request->method == METHOD_UNKNOWN) {
        say(reply, request, request->method == METHOD_OTHER ? 405 : 501);
        return;
    }
    if (request->has_body) {
        say(reply, request, 413);
        return;
    }
    if (site->generator == SITE_WITH_GENERATOR &&
        strncmp(request->target, generator, sizeof generator - 1) == 0) {
        answer_generated(reply, request, request->target + sizeof generator - 1);
        return;
    }
    int result = safe_path_decode(request->target, path);
    if (result < 0) {
        say(reply, request, result == -EACCES ? 403 : 400);
        return;
    }
    reply->descriptor = safe_path_open(site->root, path);
    if (reply->descriptor < 0)
        say(reply, request, status_of(reply->descriptor));
    else
        answer_opened(reply, site, request, path);
}

/* --- the body ------------------------------------------------------------------------------- */

ssize_t reply_read(struct reply *reply, void *out, size_t length)
{
    ssize_t got = 0;
    if (length > reply->left)
        length = (size_t)reply->left;
    switch (reply->source) {
    case REPLY_EMPTY:
        return 0;
    case REPLY_MEMORY:
        memcpy(out, reply->memory + reply->offset, length);
        got = (ssize_t)length;
        break;
    case REPLY_FILE:
        got = pread(reply->descriptor, out, length, (off_t)reply->offset);
        if (got < 0)
            return -errno;
        break;
    case REPLY_GENERATED:
        generate_bytes(reply->seed, reply->offset, out, length);
        got = (ssize_t)length;
        break;
    }
    reply->offset += (uint64_t)got;
    reply->left -= (uint64_t)got;
    return got;
}

void reply_end(struct reply *reply)
{
    if (reply->descriptor >= 0)
        close(reply->descriptor);
    free(reply->memory);
    reply->descriptor = -1;
    reply->memory = NULL;
    reply->source = REPLY_EMPTY;
    reply->left = 0;
    reply->offset = 0;
}
