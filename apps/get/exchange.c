/* One request and its response; see exchange.h. */
#include "get/exchange.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/endpoint.h"
#include "common/http_fields.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/stream.h"

enum {
    ADDRESSES = 16,
    LEND_MOST = 1 << 20,    /* bytes looked at in one go */
    DISCARD_MOST = 1 << 16, /* a larger unwanted body costs more than a new connection */
};

void exchange_start(struct exchange *exchange, struct tunny *stack,
                    const struct exchange_limits *limits)
{
    exchange->stack = stack;
    exchange->limits = *limits;
    exchange->socket = -1;
    exchange->received = 0;
    exchange->figures = (struct tcp_figures){0};
    *exchange->sentence = '\0';
}

int exchange_fail(struct exchange *exchange, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(exchange->sentence, sizeof exchange->sentence, format, arguments);
    va_end(arguments);
    return code;
}

void exchange_close(struct exchange *exchange)
{
    if (exchange->socket < 0)
        return;
    exchange->figures = tcp_figures_of(exchange->stack, exchange->socket);
    tunny_close(exchange->stack, exchange->socket);
    exchange->socket = -1;
}

/* The earlier of a span from now (0: none) and the deadline of the whole. */
static int64_t deadline(const struct exchange *exchange, int64_t span_ns)
{
    int64_t total = exchange->limits.total_deadline_ns;
    if (span_ns == 0)
        return total;
    int64_t end = tunny_now_ns(exchange->stack) + span_ns;
    return total != STREAM_NEVER && total < end ? total : end;
}

static int total_is_over(const struct exchange *exchange)
{
    int64_t total = exchange->limits.total_deadline_ns;
    return total != STREAM_NEVER && tunny_now_ns(exchange->stack) >= total;
}

/* What a failed wait, send or receive means. */
static int io_failure(struct exchange *exchange, int error, int code, const char *doing)
{
    if (error == -EINTR)
        return exchange_fail(exchange, EXIT_SIGNAL + interrupt_signal(), "interrupted");
    if (error == -ETIMEDOUT && total_is_over(exchange))
        return exchange_fail(exchange, EXIT_TIMEOUT, "the time of --max-time is over");
    if (error == -ETIMEDOUT && code != EXIT_CONNECT)
        return exchange_fail(exchange, EXIT_TIMEOUT, "no byte came from %s for %.3g seconds",
                             exchange->server.host, (double)exchange->limits.stall_ns / 1e9);
    return exchange_fail(exchange, code, "%s %s failed: %s", doing, exchange->server.host,
                         error_words(error));
}

/* --- connecting ----------------------------------------------------------------------------------
 */

static int resolve(struct exchange *exchange, struct sockaddr_storage addresses[ADDRESSES])
{
    struct tunny *stack = exchange->stack;
    const struct url *url = &exchange->server;
    int timeout = milliseconds_until(stack, deadline(exchange, exchange->limits.connect_ns));
    interrupt_mode(INTERRUPT_AT_ONCE);
    int count = tunny_resolve(stack, url->host, url->port, addresses, ADDRESSES,
                              timeout < 0 ? 30000 : timeout);
    interrupt_mode(INTERRUPT_PATIENT);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (exchange->limits.family == AF_UNSPEC ||
            addresses[i].ss_family == exchange->limits.family)
            addresses[kept++] = addresses[i];
    return count < 0 ? count : kept;
}

static int resolve_failure(struct exchange *exchange, int error)
{
    const char *host = exchange->server.host;
    if (error == 0)
        return exchange_fail(exchange, EXIT_RESOLVE, "%s has no address of the wanted kind", host);
    if (error == -ENOENT)
        return exchange_fail(exchange, EXIT_RESOLVE, "there is no host of the name %s", host);
    if (error == -ENETUNREACH)
        return exchange_fail(exchange, EXIT_RESOLVE,
                             "%s cannot be looked up: no name server is known (--resolver)", host);
    return exchange_fail(exchange, EXIT_RESOLVE, "%s cannot be looked up: %s", host,
                         error_words(error));
}

static int connect_failure(struct exchange *exchange, const struct sockaddr_storage *address,
                           int error)
{
    char text[ENDPOINT_TEXT];
    if (error == -EINTR)
        return io_failure(exchange, error, EXIT_CONNECT, "");
    if (error == -ETIMEDOUT)
        return exchange_fail(exchange, EXIT_TIMEOUT, "%s did not answer in time",
                             endpoint_text(address, text));
    return exchange_fail(exchange, EXIT_CONNECT, "cannot connect to %s: %s",
                         endpoint_text(address, text), error_words(error));
}

/* Tries each address; those that stay silent share the time. */
static int connect_any(struct exchange *exchange)
{
    struct sockaddr_storage addresses[ADDRESSES];
    int count = resolve(exchange, addresses);
    if (count <= 0)
        return resolve_failure(exchange, count);
    int code = EXIT_CONNECT;
    for (int i = 0; i < count; i++) {
        int64_t share = exchange->limits.connect_ns / count;
        int socket = stream_connect(exchange->stack, &addresses[i], exchange->limits.opening,
                                    deadline(exchange, share));
        if (socket >= 0) {
            exchange->socket = socket;
            exchange->was_used = 0;
            return EXIT_OK;
        }
        code = connect_failure(exchange, &addresses[i], socket);
        if (code > EXIT_SIGNAL)
            break;
    }
    return code;
}

/* --- asking
 * ------------------------------------------------------------------------------------------ */

static int send_request(struct exchange *exchange, const struct exchange_request *request)
{
    char text[URL_TARGET + URL_AUTHORITY + PART_VALIDATOR + 512], authority[URL_AUTHORITY];
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tunny/%s\r\n"
                                   "Accept: */*\r\nAccept-Encoding: identity\r\n",
                                   request->url->target, url_authority(request->url, authority),
                                   TUNNY_VERSION);
    if (request->offset > 0)
        used += (size_t)snprintf(text + used, sizeof text - used, "Range: bytes=%llu-\r\n",
                                 (unsigned long long)request->offset);
    if (request->offset > 0 && *request->if_range != '\0')
        used += (size_t)snprintf(text + used, sizeof text - used, "If-Range: %s\r\n",
                                 request->if_range);
    used += (size_t)snprintf(text + used, sizeof text - used, "\r\n");
    int result = stream_send(exchange->stack, exchange->socket, text, used,
                             deadline(exchange, exchange->limits.stall_ns));
    return result < 0 ? io_failure(exchange, result, EXIT_SEND, "sending to") : EXIT_OK;
}

/* Lends what was received, waiting for it. Bytes, 0 at the end, or a negative errno. */
static ssize_t lend(struct exchange *exchange, struct iovec pieces[2])
{
    for (;;) {
        if (interrupt_signal() != 0)
            return -EINTR;
        if (total_is_over(exchange))
            return -ETIMEDOUT;
        ssize_t lent = tunny_recv_lend(exchange->stack, exchange->socket, LEND_MOST, MSG_DONTWAIT,
                                       pieces);
        if (lent != -EAGAIN)
            return lent;
        int ready = stream_wait(exchange->stack, exchange->socket, POLLIN,
                                deadline(exchange, exchange->limits.stall_ns));
        if (ready < 0)
            return ready;
    }
}

/* Copies what was lent behind the `used` bytes of the head. How many fitted. */
static size_t gather(struct exchange *exchange, const struct iovec pieces[2], size_t used)
{
    size_t start = used;
    for (int i = 0; i < 2; i++) {
        size_t room = sizeof exchange->head - used;
        size_t part = pieces[i].iov_len < room ? pieces[i].iov_len : room;
        if (part > 0)
            memcpy(exchange->head + used, pieces[i].iov_base, part);
        used += part;
    }
    return used - start;
}

static int head_end_failure(struct exchange *exchange, ssize_t error, size_t used)
{
    const char *host = exchange->server.host;
    if (error == 0 && used == 0)
        return exchange_fail(exchange, EXIT_EMPTY_REPLY, "%s closed the connection without a reply",
                             host);
    if (error == 0)
        return exchange_fail(exchange, EXIT_RECEIVE,
                             "%s closed the connection amid the reply's head", host);
    return io_failure(exchange, (int)error, EXIT_RECEIVE, "receiving from");
}

/* Takes exactly the head out of the connection; the body stays where it lies. */
static int receive_head(struct exchange *exchange)
{
    size_t used = 0, length = 0;
    while (length == 0) {
        struct iovec pieces[2] = {{0}};
        ssize_t lent = lend(exchange, pieces);
        if (lent <= 0)
            return head_end_failure(exchange, lent, used);
        size_t got = gather(exchange, pieces, used);
        length = http_head_length(exchange->head, used + got, used);
        size_t taken = length > 0 ? length - used : got;
        int result = tunny_recv_done(exchange->stack, exchange->socket, taken);
        if (result < 0)
            return io_failure(exchange, result, EXIT_RECEIVE, "receiving from");
        used += taken;
        if (length == 0 && used == sizeof exchange->head)
            return exchange_fail(exchange, EXIT_WEIRD_REPLY, "the reply's head is above 64 KiB");
    }
    if (http_response_parse(exchange->head, length, &exchange->response) < 0)
        return exchange_fail(exchange, EXIT_WEIRD_REPLY, "the reply of %s %s",
                             exchange->server.host, exchange->response.problem);
    return EXIT_OK;
}

static void start_body(struct exchange *exchange)
{
    const struct http_response *response = &exchange->response;
    enum body_kind kind = BODY_UNTIL_CLOSE;
    if (!http_response_has_body(response))
        kind = BODY_EMPTY;
    else if (response->is_chunked)
        kind = BODY_CHUNKED;
    else if (response->has_length)
        kind = BODY_BY_LENGTH;
    body_start(&exchange->body, kind, response->has_length ? response->length : 0);
}

static int ask_once(struct exchange *exchange, const struct exchange_request *request)
{
    int code = send_request(exchange, request);
    if (code != EXIT_OK)
        return code;
    unsigned interim = 0;
    do {
        code = receive_head(exchange);
        if (code != EXIT_OK)
            return code;
        if (exchange->response.status == 101 || ++interim > 20)
            return exchange_fail(exchange, EXIT_WEIRD_REPLY, "%s never gave its final reply",
                                 exchange->server.host);
    } while (exchange->response.status < 200);
    start_body(exchange);
    return EXIT_OK;
}

int exchange_ask(struct exchange *exchange, const struct exchange_request *request)
{
    for (;;) {
        if (exchange->socket >= 0 && !url_same_server(request->url, &exchange->server))
            exchange_close(exchange);
        exchange->server = *request->url;
        int code = exchange->socket >= 0 ? EXIT_OK : connect_any(exchange);
        if (code != EXIT_OK)
            return code;
        code = ask_once(exchange, request);
        if (code == EXIT_OK) {
            exchange->was_used = 1;
            return EXIT_OK;
        }
        /* RFC 9112, 9.3.1: a kept connection may have been closed meanwhile; that is no failure of
         * the server. */
        int again = exchange->was_used &&
                    (code == EXIT_EMPTY_REPLY || code == EXIT_SEND || code == EXIT_RECEIVE);
        exchange_close(exchange);
        if (!again)
            return code;
    }
}

/* --- the body
 * ---------------------------------------------------------------------------------------------- */

/* What became of some lent bytes. */
struct used {
    size_t bytes;
    int blocked;      /* the output takes no more now */
    int error;        /* of the output, negative errno */
    int is_malformed; /* the framing */
};

/* Moves the text of one piece into the file; NULL: nowhere. */
static void use_piece(struct exchange *exchange, struct part_file *file, const struct iovec *piece,
                      struct used *used)
{
    const char *at = piece->iov_base;
    size_t left = piece->iov_len;
    while (left > 0 && !body_is_complete(&exchange->body)) {
        ssize_t framing = body_framing(&exchange->body, at, left);
        if (framing < 0) {
            used->is_malformed = 1;
            return;
        }
        at += framing;
        left -= (size_t)framing;
        used->bytes += (size_t)framing;
        size_t text = body_text(&exchange->body, left);
        if (text == 0)
            continue;
        ssize_t written = file != NULL ? part_write(file, at, text) : (ssize_t)text;
        if (written <= 0) {
            used->error = (int)written;
            used->blocked = written == 0;
            return;
        }
        body_took(&exchange->body, (size_t)written);
        exchange->received += (uint64_t)written;
        at += written;
        left -= (size_t)written;
        used->bytes += (size_t)written;
    }
}

static void show(struct exchange *exchange, const struct part_file *file, struct progress *progress)
{
    int64_t now = tunny_now_ns(exchange->stack);
    if (!progress_is_due(progress, now))
        return;
    struct progress_facts facts = {
        .now_ns = now,
        .bytes = file->size,
        .has_total = exchange->body.kind == BODY_BY_LENGTH,
        .total = file->size + exchange->body.left,
    };
    struct tcp_figures figures = tcp_figures_of(exchange->stack, exchange->socket);
    progress_show(progress, &facts, &figures);
}

static int body_failure(struct exchange *exchange, const struct part_file *file,
                        const struct used *used)
{
    if (used->is_malformed)
        return exchange_fail(exchange, EXIT_RECEIVE, "the chunks that %s sends are malformed",
                             exchange->server.host);
    return exchange_fail(exchange, EXIT_WRITE, "cannot write %s: %s", file->part,
                         error_words(used->error));
}

static int end_of_body(struct exchange *exchange, ssize_t error)
{
    if (error < 0)
        return io_failure(exchange, (int)error, EXIT_RECEIVE, "receiving from");
    if (body_at_close(&exchange->body) == 0)
        return EXIT_OK;
    if (exchange->body.kind == BODY_BY_LENGTH)
        return exchange_fail(exchange, EXIT_PARTIAL,
                             "%s closed the connection %llu bytes too early", exchange->server.host,
                             (unsigned long long)exchange->body.left);
    return exchange_fail(exchange, EXIT_PARTIAL, "%s closed the connection before the last chunk",
                         exchange->server.host);
}

/* One lent stretch. EXIT_OK to go on. */
static int receive_some(struct exchange *exchange, struct part_file *file,
                        const struct iovec pieces[2])
{
    struct used used = {0};
    use_piece(exchange, file, &pieces[0], &used);
    if (used.bytes == pieces[0].iov_len)
        use_piece(exchange, file, &pieces[1], &used);
    int result = tunny_recv_done(exchange->stack, exchange->socket, used.bytes);
    if (result < 0)
        return io_failure(exchange, result, EXIT_RECEIVE, "receiving from");
    if (used.error != 0 || used.is_malformed)
        return body_failure(exchange, file, &used);
    if (used.blocked) {
        result = turn(exchange->stack, 1000, file->descriptor, POLLOUT);
        if (result < 0)
            return io_failure(exchange, result, EXIT_RECEIVE, "receiving from");
    }
    uint64_t most = exchange->limits.most_bytes;
    if (most > 0 && file != NULL && file->size > most)
        return exchange_fail(exchange, EXIT_TOO_LARGE, "the file is larger than --max-size allows");
    return EXIT_OK;
}

int exchange_receive(struct exchange *exchange, struct part_file *file, struct progress *progress)
{
    while (!body_is_complete(&exchange->body)) {
        struct iovec pieces[2] = {{0}};
        ssize_t lent = lend(exchange, pieces);
        int code = lent <= 0 ? end_of_body(exchange, lent) : receive_some(exchange, file, pieces);
        if (lent <= 0 || code != EXIT_OK) {
            exchange_close(exchange);
            return code;
        }
        show(exchange, file, progress);
    }
    if (exchange->response.keeps_alive)
        exchange->figures = tcp_figures_of(exchange->stack, exchange->socket);
    else
        exchange_close(exchange);
    return EXIT_OK;
}

void exchange_discard(struct exchange *exchange)
{
    uint64_t start = exchange->received;
    while (!body_is_complete(&exchange->body)) {
        struct iovec pieces[2] = {{0}};
        int is_small = exchange->body.kind == BODY_CHUNKED ||
                       (exchange->body.kind == BODY_BY_LENGTH &&
                        exchange->body.left <= DISCARD_MOST);
        if (!exchange->response.keeps_alive || !is_small ||
            exchange->received - start > DISCARD_MOST || lend(exchange, pieces) <= 0 ||
            receive_some(exchange, NULL, pieces) != EXIT_OK) {
            exchange_close(exchange);
            return;
        }
    }
    if (!exchange->response.keeps_alive)
        exchange_close(exchange);
}
