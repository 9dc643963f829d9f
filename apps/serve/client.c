/* One connection of the server; see client.h. */
#include "serve/client.h"

#include <errno.h>
#include <string.h>

#include "common/http_fields.h"
#include "common/stream.h"

enum {
    SHARE = 1 << 20, /* bytes of a body in one go, then the others have their turn */
    LEND_MOST = 1 << 18,
    LINGER_BYTES = 1 << 16, /* read and thrown away at the end */
    STATES_A_TURN = 16,     /* so many requests that came together, half of it */
};
static const int64_t linger_ns = 2000000000;

void client_start(struct client *client, int socket, const struct client_settings *settings,
                  int64_t now_ns)
{
    client->socket = socket;
    client->state = CLIENT_READING;
    client->deadline_ns = now_ns + settings->idle_ns;
    client->reply = (struct reply){.descriptor = -1};
    client->filled = 0;
    client->searched = 0;
}

/* Without unread text lying about, closing sends a FIN and no reset. */
static void start_lingering(struct client *client, struct tunny *stack)
{
    client->state = CLIENT_LINGERING;
    client->body_sent = 0;
    client->deadline_ns = tunny_now_ns(stack) + linger_ns;
    tunny_shutdown(stack, client->socket, SHUT_WR);
}

static void start_reply(struct client *client, struct tunny *stack)
{
    client->state = CLIENT_SENDING;
    client->head_sent = 0;
    client->body_sent = 0;
    client->started_ns = tunny_now_ns(stack);
}

static void refuse(struct client *client, struct tunny *stack, unsigned status)
{
    reply_refuse(&client->reply, status, client->request.method);
    start_reply(client, stack);
}

static void log_reply(const struct client *client, const struct client_settings *settings,
                      int64_t now_ns)
{
    struct access_entry entry = {
        .peer = &client->peer,
        .method = *client->request.method_name != '\0' ? client->request.method_name : "-",
        .target = *client->request.target != '\0' ? client->request.target : "-",
        .minor_version = client->request.minor_version,
        .status = client->reply.status,
        .bytes = client->body_sent,
        .duration_ns = now_ns - client->started_ns,
    };
    access_log_add(&settings->log, &entry);
}

/* --- reading
 * ------------------------------------------------------------------------------------------- */

/* A whole head lies at the start of `input`: 1; else 0. */
static int take_request(struct client *client, struct tunny *stack,
                        const struct client_settings *settings)
{
    size_t length = http_head_length(client->input, client->filled, client->searched);
    client->searched = client->filled;
    if (length == 0 && client->filled < sizeof client->input)
        return 0;
    if (length == 0) {
        client->request = (struct http_request){0};
        refuse(client, stack, 431);
        return 1;
    }
    if (http_request_parse(client->input, length, &client->request) < 0)
        refuse(client, stack, client->request.refused_with);
    else {
        reply_to(&client->reply, &settings->site, &client->request);
        start_reply(client, stack);
    }
    client->deadline_ns = client->started_ns + settings->stall_ns;
    client->filled -= length;
    client->searched = 0;
    memmove(client->input, client->input + length, client->filled);
    return 1;
}

static enum client_outcome read_request(struct client *client, struct tunny *stack,
                                        const struct client_settings *settings)
{
    while (!take_request(client, stack, settings)) {
        ssize_t got = tunny_recv(stack, client->socket, client->input + client->filled,
                                 sizeof client->input - client->filled, MSG_DONTWAIT);
        if (got == -EAGAIN)
            return CLIENT_WAITS;
        if (got <= 0)
            return CLIENT_ENDS;
        client->filled += (size_t)got;
    }
    return CLIENT_GOES_ON;
}

/* --- sending
 * ------------------------------------------------------------------------------------------- */

static enum client_outcome send_head(struct client *client, struct tunny *stack)
{
    const struct reply *reply = &client->reply;
    /* MSG_MORE: the body follows at once, often in the same segment. */
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (reply->left > 0 ? MSG_MORE : 0);
    while (client->head_sent < reply->head_length) {
        ssize_t sent = tunny_send(stack, client->socket, reply->head + client->head_sent,
                                  reply->head_length - client->head_sent, flags);
        if (sent == -EAGAIN)
            return CLIENT_WAITS;
        if (sent <= 0)
            return CLIENT_ENDS;
        client->head_sent += (size_t)sent;
    }
    return CLIENT_GOES_ON;
}

/* A body that breaks off must not look whole: the connection ends by a reset. */
static enum client_outcome break_off(struct client *client, struct tunny *stack)
{
    stream_end_by_reset(stack, client->socket);
    return CLIENT_ENDS;
}

/* Reads the body's next bytes straight into the send buffer. */
static enum client_outcome send_piece(struct client *client, struct tunny *stack)
{
    struct reply *reply = &client->reply;
    struct iovec pieces[2] = {{0}};
    size_t filled = 0;
    size_t wanted = reply->left < LEND_MOST ? (size_t)reply->left : LEND_MOST;
    ssize_t room = tunny_send_lend(stack, client->socket, wanted, MSG_DONTWAIT, pieces);
    if (room == -EAGAIN)
        return CLIENT_WAITS;
    if (room <= 0)
        return CLIENT_ENDS;
    for (int i = 0; i < 2 && pieces[i].iov_len > 0; i++) {
        ssize_t got = reply_read(reply, pieces[i].iov_base, pieces[i].iov_len);
        if (got <= 0)
            return break_off(client, stack);
        filled += (size_t)got;
        if ((size_t)got < pieces[i].iov_len)
            break;
    }
    /* Behind the last reply of a connection comes its FIN, in the same segment. */
    int more = reply->left > 0 || !reply->keeps_alive;
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t sent = tunny_send_done(stack, client->socket, filled, flags);
    if (sent != (ssize_t)filled)
        return CLIENT_ENDS;
    client->body_sent += filled;
    return CLIENT_GOES_ON;
}

static enum client_outcome finish_reply(struct client *client, struct tunny *stack,
                                        const struct client_settings *settings)
{
    int64_t now = tunny_now_ns(stack);
    log_reply(client, settings, now);
    reply_end(&client->reply);
    if (!client->reply.keeps_alive) {
        start_lingering(client, stack);
        return CLIENT_GOES_ON;
    }
    client->state = CLIENT_READING;
    client->deadline_ns = now + settings->idle_ns;
    return CLIENT_GOES_ON;
}

static enum client_outcome send_reply(struct client *client, struct tunny *stack,
                                      const struct client_settings *settings)
{
    uint64_t before = client->body_sent;
    enum client_outcome outcome = send_head(client, stack);
    while (outcome == CLIENT_GOES_ON && client->reply.left > 0 &&
           client->body_sent - before < SHARE)
        outcome = send_piece(client, stack);
    if (client->body_sent > before)
        client->deadline_ns = tunny_now_ns(stack) + settings->stall_ns;
    if (outcome == CLIENT_ENDS)
        log_reply(client, settings, tunny_now_ns(stack));
    if (outcome == CLIENT_GOES_ON && client->reply.left == 0)
        return finish_reply(client, stack, settings);
    return outcome;
}

/* --- the end
 * -------------------------------------------------------------------------------------------- */

static enum client_outcome linger(struct client *client, struct tunny *stack)
{
    while (client->body_sent < LINGER_BYTES) {
        ssize_t got = tunny_recv(stack, client->socket, client->input, sizeof client->input,
                                 MSG_DONTWAIT);
        if (got == -EAGAIN)
            return CLIENT_WAITS;
        if (got <= 0)
            return CLIENT_ENDS;
        client->body_sent += (uint64_t)got;
    }
    return CLIENT_ENDS;
}

static enum client_outcome work_in_state(struct client *client, struct tunny *stack,
                                         const struct client_settings *settings)
{
    switch (client->state) {
    case CLIENT_READING:
        return read_request(client, stack, settings);
    case CLIENT_SENDING:
        return send_reply(client, stack, settings);
    case CLIENT_LINGERING:
        return linger(client, stack);
    }
    return CLIENT_ENDS;
}

enum client_outcome client_work(struct client *client, struct tunny *stack,
                                const struct client_settings *settings)
{
    for (int i = 0; i < STATES_A_TURN; i++) {
        enum client_state before = client->state;
        enum client_outcome outcome = work_in_state(client, stack, settings);
        if (outcome != CLIENT_GOES_ON || client->state == before)
            return outcome;
    }
    return CLIENT_GOES_ON;
}

void client_time_out(struct client *client, const struct client_settings *settings, int64_t now_ns)
{
    if (client->state == CLIENT_SENDING)
        log_reply(client, settings, now_ns);
}

void client_end(struct client *client, struct tunny *stack)
{
    reply_end(&client->reply);
    tunny_close(stack, client->socket);
}
