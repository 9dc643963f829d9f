/* One URL into one file; see download.h. */
#include "get/download.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/http_date.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/stream.h"

/* What to do after an answer, besides being done (EXIT_OK) or failing. */
enum { STEP_BODY = -1, STEP_ASK_AGAIN = -2 };

enum { BACKOFF_MOST_S = 30 };

static int file_failure(struct download *download, int error)
{
    const struct part_file *file = &download->file;
    const char *path = file->part;
    if (error == -EWOULDBLOCK)
        return exchange_fail(download->exchange, EXIT_WRITE,
                             "%s is being written by another process", path);
    return exchange_fail(download->exchange, EXIT_WRITE, "cannot write %s: %s", path,
                         error_words(error));
}

/* RFC 9110, 13.1.5: If-Range needs a strong validator. */
static const char *strong_validator(const struct http_response *response)
{
    if (*response->etag == '"')
        return response->etag;
    return response->last_modified;
}

/* Where to begin, and the validator that makes that safe. */
static struct exchange_request next_request(struct download *download, char date[HTTP_DATE_TEXT])
{
    struct part_file *file = &download->file;
    struct exchange_request request = {.url = &download->url, .if_range = ""};
    if (file->has_whole) {
        request.offset = file->whole_size;
        request.if_range = http_date_text(file->whole_time, date);
    } else if (file->size > 0 && *file->validator != '\0') {
        request.offset = file->size;
        request.if_range = file->validator;
    }
    return request;
}

static int redirect(struct download *download, unsigned *redirects)
{
    struct exchange *exchange = download->exchange;
    const char *problem = "";
    struct url to;
    char location[512];
    message_quote(exchange->response.location, strlen(exchange->response.location), location,
                  sizeof location);
    if (++*redirects > download->settings->most_redirects)
        return exchange_fail(exchange, EXIT_REDIRECTS, "more than %u redirects",
                             download->settings->most_redirects);
    int result = url_resolve(&download->url, exchange->response.location, &to, &problem);
    if (result == -EPROTONOSUPPORT)
        return exchange_fail(exchange, EXIT_UNSUPPORTED_SCHEME,
                             "redirected to %s, but only http:// is supported", location);
    if (result < 0)
        return exchange_fail(exchange, EXIT_BAD_URL, "redirected to \"%s\": %s", location, problem);
    exchange_discard(exchange);
    download->url = to;
    return STEP_ASK_AGAIN;
}

static int is_redirect(const struct http_response *response)
{
    switch (response->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return *response->location != '\0';
    default:
        return 0;
    }
}

/* Begins at the first byte, dropping what an earlier try left. */
static int restart(struct download *download, const char *validator)
{
    struct part_file *file = &download->file;
    if (file->is_stream && file->size > 0)
        return exchange_fail(download->exchange, EXIT_PARTIAL,
                             "what went to %s cannot be taken back to start anew", file->part);
    int result = part_restart(file, validator);
    if (result < 0)
        return file_failure(download, result);
    download->resumed_from = 0;
    return EXIT_OK;
}

/* 200: all of it comes. */
static int on_whole(struct download *download)
{
    const struct http_response *response = &download->exchange->response;
    struct part_file *file = &download->file;
    time_t modified;
    struct span date = {response->last_modified, strlen(response->last_modified)};
    /* A server without ranges: its file is the one that we have, as far as size and date tell. */
    if (file->has_whole && response->has_length && response->length == file->whole_size &&
        http_date_parse(date, &modified) == 0 && modified == file->whole_time) {
        exchange_close(download->exchange);
        download->was_complete = 1;
        return EXIT_OK;
    }
    int code = restart(download, strong_validator(response));
    return code == EXIT_OK ? STEP_BODY : code;
}

/* 206: it must be just what was asked for. */
static int on_partial_content(struct download *download, const struct exchange_request *request)
{
    const struct http_response *response = &download->exchange->response;
    struct part_file *file = &download->file;
    if (request->offset == 0 || !response->has_range || response->range_first != request->offset ||
        (response->has_length &&
         response->length != response->range_last - response->range_first + 1))
        return exchange_fail(download->exchange, EXIT_RANGE,
                             "%s answered with another range than was asked for",
                             download->url.host);
    if (response->has_range_total && response->range_last + 1 != response->range_total)
        return exchange_fail(download->exchange, EXIT_RANGE, "%s offers only a part of the rest",
                             download->url.host);
    if (file->has_whole) {
        snprintf(file->validator, sizeof file->validator, "%s", strong_validator(response));
        int result = part_adopt_whole(file);
        if (result < 0)
            return file_failure(download, result);
    }
    if (download->tries == 0)
        download->resumed_from = file->size;
    return STEP_BODY;
}

/* 416: the file ends where we are, or it has become another one. */
static int on_range_refused(struct download *download, const struct exchange_request *request)
{
    const struct http_response *response = &download->exchange->response;
    struct part_file *file = &download->file;
    if (request->offset == 0)
        return exchange_fail(download->exchange, EXIT_RANGE,
                             "%s refuses a range that was not asked for", download->url.host);
    int is_same = response->has_range_total && response->range_total == request->offset;
    exchange_discard(download->exchange);
    if (is_same) {
        download->was_complete = file->has_whole || download->tries == 0;
        download->resumed_from = file->size;
        return EXIT_OK;
    }
    int code = restart(download, "");
    return code == EXIT_OK ? STEP_ASK_AGAIN : code;
}

static int http_failure(struct download *download)
{
    const struct http_response *response = &download->exchange->response;
    char reason[4 * sizeof response->reason];
    message_quote(response->reason, strlen(response->reason), reason, sizeof reason);
    int code = exchange_fail(download->exchange, EXIT_HTTP_ERROR, "%s answered %u%s%s",
                             download->url.host, response->status, *reason != '\0' ? " " : "",
                             reason);
    exchange_discard(download->exchange);
    return code;
}

static int on_answer(struct download *download, const struct exchange_request *request,
                     unsigned *redirects)
{
    const struct http_response *response = &download->exchange->response;
    if (is_redirect(response))
        return redirect(download, redirects);
    if (response->status == 206)
        return on_partial_content(download, request);
    if (response->status == 416)
        return on_range_refused(download, request);
    if (response->status >= 200 && response->status < 300)
        return on_whole(download);
    return http_failure(download);
}

/* One try: asks, follows redirects, receives. */
static int attempt(struct download *download)
{
    unsigned redirects = 0;
    for (;;) {
        char date[HTTP_DATE_TEXT];
        struct exchange_request request = next_request(download, date);
        int code = exchange_ask(download->exchange, &request);
        if (code != EXIT_OK)
            return code;
        int step = on_answer(download, &request, &redirects);
        if (step == STEP_BODY)
            return exchange_receive(download->exchange, &download->file, &download->progress);
        if (step != STEP_ASK_AGAIN)
            return step;
    }
}

/* --- retries -------------------------------------------------------------------------------------
 */

static int is_passing_status(unsigned status)
{
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* Whether trying again may help. */
static int may_pass(const struct download *download, int code)
{
    const struct exchange *exchange = download->exchange;
    int64_t total = exchange->limits.total_deadline_ns;
    if (total != STREAM_NEVER && tunny_now_ns(exchange->stack) >= total)
        return 0;
    switch (code) {
    case EXIT_PARTIAL:
        return !download->file.is_stream || download->file.size == 0;
    case EXIT_TIMEOUT:
    case EXIT_EMPTY_REPLY:
    case EXIT_SEND:
    case EXIT_RECEIVE:
        return 1;
    case EXIT_CONNECT:
        return download->settings->retries_given || exchange->received > 0;
    case EXIT_HTTP_ERROR:
        return is_passing_status(exchange->response.status);
    default:
        return 0;
    }
}

/* 1, 2, 4 ... seconds, or what the server asked for. */
static unsigned backoff_s(const struct download *download, int code, unsigned failures)
{
    unsigned seconds = failures < 6 ? 1u << (failures - 1) : BACKOFF_MOST_S;
    if (code == EXIT_HTTP_ERROR && download->exchange->response.retry_after_s > seconds)
        seconds = download->exchange->response.retry_after_s;
    return seconds;
}

/* Runs the stack meanwhile. EXIT_OK, or the code of a signal. */
static int wait_s(struct download *download, unsigned seconds)
{
    struct tunny *stack = download->exchange->stack;
    int64_t end = tunny_now_ns(stack) + (int64_t)seconds * 1000000000;
    int64_t total = download->exchange->limits.total_deadline_ns;
    if (total != STREAM_NEVER && total < end)
        end = total;
    while (tunny_now_ns(stack) < end) {
        int result = turn(stack, milliseconds_until(stack, end), -1, 0);
        if (result == -EINTR)
            return exchange_fail(download->exchange, EXIT_SIGNAL + interrupt_signal(),
                                 "interrupted");
        if (result < 0)
            return exchange_fail(download->exchange, EXIT_RECEIVE, "the device failed: %s",
                                 error_words(result));
    }
    return EXIT_OK;
}

/* Tries until it works, cannot work, or was tried often enough without getting further. */
static int fetch(struct download *download)
{
    unsigned failures = 0;
    uint64_t best = download->file.size;
    for (;;) {
        int code = attempt(download);
        if (code == EXIT_OK || !may_pass(download, code))
            return code;
        failures = download->file.size > best ? 1 : failures + 1;
        best = download->file.size > best ? download->file.size : best;
        if (failures > download->settings->retries)
            return code;
        unsigned seconds = backoff_s(download, code, failures);
        progress_clear(&download->progress);
        complain("%s; trying again in %u s.", download->exchange->sentence, seconds);
        code = wait_s(download, seconds);
        if (code != EXIT_OK)
            return code;
        download->tries++;
    }
}

/* --- the end
 * ---------------------------------------------------------------------------------------- */

static int check_digest(struct download *download)
{
    unsigned char digest[SHA256_BYTES];
    const char *expected = download->settings->digest;
    if (download->file.digest == PART_WITHOUT_DIGEST)
        return EXIT_OK;
    sha256_end(&download->file.sha, digest);
    sha256_text(digest, download->digest_text);
    if (strcasecmp(download->digest_text, expected) == 0)
        return EXIT_OK;
    part_distrust(&download->file);
    return exchange_fail(download->exchange, EXIT_DIGEST,
                         "the file's SHA-256 is %s and not the expected one",
                         download->digest_text);
}

/* The file of the final name was whole already: only its digest is left to do. */
static int check_whole(struct download *download)
{
    struct part_file *file = &download->file;
    if (file->digest == PART_WITHOUT_DIGEST)
        return EXIT_OK;
    int result = part_digest_whole(file);
    return result < 0 ? file_failure(download, result) : check_digest(download);
}

static int finish(struct download *download)
{
    struct part_file *file = &download->file;
    const char *text = download->exchange->response.last_modified;
    time_t modified = 0;
    if (file->has_whole)
        return check_whole(download);
    int code = check_digest(download);
    if (code != EXIT_OK)
        return code;
    if (http_date_parse((struct span){text, strlen(text)}, &modified) < 0)
        modified = 0;
    int result = part_finish(file, modified);
    return result < 0 ? file_failure(download, result) : EXIT_OK;
}

int download_run(struct download *download, struct exchange *exchange,
                 const struct download_settings *settings, const struct url *url, const char *name)
{
    *download = (struct download){.settings = settings, .exchange = exchange, .url = *url};
    download->start_ns = tunny_now_ns(exchange->stack);
    exchange->received = 0;
    enum part_digest digest = settings->digest != NULL ? PART_WITH_DIGEST : PART_WITHOUT_DIGEST;
    int result = part_open(&download->file, name, digest);
    if (result == 0 && settings->resume)
        result = part_resume(&download->file);
    if (result < 0) {
        int code = file_failure(download, result);
        part_close(&download->file);
        return code;
    }
    progress_start(&download->progress, settings->style, download->start_ns, download->file.size);
    int code = fetch(download);
    progress_clear(&download->progress);
    if (code == EXIT_OK)
        code = finish(download);
    download->end_ns = tunny_now_ns(exchange->stack);
    part_close(&download->file);
    return code;
}
