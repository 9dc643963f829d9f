/* Waiting with deadlines and signals; see stream.h. */
#include "common/stream.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>

#include "common/endpoint.h"
#include "common/interrupt.h"

int milliseconds_until(struct tunny *stack, int64_t deadline_ns)
{
    if (deadline_ns == STREAM_NEVER)
        return -1;
    int64_t left = deadline_ns - tunny_now_ns(stack);
    if (left <= 0)
        return 0;
    int64_t milliseconds = (left - 1) / 1000000 + 1;
    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

int stream_wait(struct tunny *stack, int socket, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd one = {.fd = socket, .events = events};
        int signalled = 0;
        int timeout = milliseconds_until(stack, deadline_ns);
        if (interrupt_signal() != 0)
            return -EINTR;
        int ready = tunny_poll_with(stack, &one, 1, timeout, interrupt_descriptor(), &signalled);
        if (signalled)
            return -EINTR;
        if (ready < 0 && ready != -EINTR)
            return ready;
        if (ready > 0)
            return one.revents;
        if (timeout == 0)
            return -ETIMEDOUT;
    }
}

static int connect_result(struct tunny *stack, int socket, int64_t deadline_ns)
{
    int error = 0;
    socklen_t length = sizeof error;
    int result = stream_wait(stack, socket, POLLOUT, deadline_ns);
    if (result < 0)
        return result;
    result = tunny_getsockopt(stack, socket, SOL_SOCKET, SO_ERROR, &error, &length);
    return result < 0 ? result : -error;
}

int stream_connect(struct tunny *stack, const struct sockaddr_storage *address,
                   enum stream_opening opening, int64_t deadline_ns)
{
    int on = 1;
    int socket = tunny_socket(stack, address->ss_family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    if (socket < 0)
        return socket;
    if (opening == STREAM_FAST) /* a stack that was told not to (tcp_fastopen) goes without */
        tunny_setsockopt(stack, socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
    int result = tunny_connect(stack, socket, (const struct sockaddr *)address,
                               endpoint_length(address));
    if (result == -EINPROGRESS)
        result = connect_result(stack, socket, deadline_ns);
    if (result < 0) {
        tunny_close(stack, socket);
        return result;
    }
    return socket;
}

void stream_end_by_reset(struct tunny *stack, int socket)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    tunny_setsockopt(stack, socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

int stream_send(struct tunny *stack, int socket, const void *data, size_t length,
                int64_t deadline_ns)
{
    const char *at = data;
    while (length > 0) {
        ssize_t sent = tunny_send(stack, socket, at, length, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else if (sent == -EAGAIN) {
            int result = stream_wait(stack, socket, POLLOUT, deadline_ns);
            if (result < 0)
                return result;
        } else {
            return sent < 0 ? (int)sent : -EPIPE;
        }
    }
    return 0;
}

int turn(struct tunny *stack, int timeout_ms, int other, short events)
{
    struct pollfd watched[3] = {
        {.fd = tunny_descriptor(stack), .events = POLLIN},
        {.fd = interrupt_descriptor(), .events = POLLIN},
        {.fd = other, .events = events},
    };
    int timer = tunny_timeout_ms(stack);
    int timeout = timer >= 0 && (timeout_ms < 0 || timer < timeout_ms) ? timer : timeout_ms;
    if (interrupt_signal() != 0)
        return -EINTR;
    if (poll(watched, 3, timeout) < 0 && errno != EINTR)
        return -errno;
    if (interrupt_signal() != 0)
        return -EINTR;
    return tunny_run(stack);
}
