/* The loop of nc; see nc_copy.h. */
#include "nc/nc_copy.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/stream.h"
#include "nc/nc_standard.h"

enum { DATAGRAM = 16384 }; /* bytes of standard input in one */

static int is_empty(const struct nc_block *block)
{
    return block->taken == block->filled;
}

/* --- one step each: 1 something moved, 0 not, or a negative errno --------------------------------
 */

static int read_input(struct nc_copy *copy)
{
    struct nc_block *out = &copy->out;
    if (!copy->sends || !copy->input_is_open || !is_empty(out) ||
        !nc_is_ready(STDIN_FILENO, POLLIN))
        return 0;
    ssize_t got = read(STDIN_FILENO, out->data, copy->is_udp ? DATAGRAM : NC_BLOCK);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    copy->input_is_open = got > 0;
    out->taken = 0;
    out->filled = (size_t)got;
    return 1;
}

static int send_output(struct nc_copy *copy)
{
    struct nc_block *out = &copy->out;
    if (is_empty(out))
        return 0;
    ssize_t sent = tunny_send(copy->stack, copy->sockets[0], out->data + out->taken,
                              out->filled - out->taken, MSG_DONTWAIT);
    if (sent < 0)
        return sent == -EAGAIN ? 0 : (int)sent;
    out->taken += (size_t)sent;
    return 1;
}

static int half_close(struct nc_copy *copy)
{
    if (copy->is_udp || !copy->half_closes || copy->is_shut || copy->input_is_open ||
        !is_empty(&copy->out))
        return 0;
    copy->is_shut = 1;
    int result = tunny_shutdown(copy->stack, copy->sockets[0], SHUT_WR);
    return result < 0 ? result : 1;
}

static int receive(struct nc_copy *copy)
{
    struct nc_block *in = &copy->in;
    for (int i = 0; i < 2 && is_empty(in) && copy->peer_is_open; i++) {
        if (copy->sockets[i] < 0)
            continue;
        ssize_t got = tunny_recv(copy->stack, copy->sockets[i], in->data, NC_BLOCK, MSG_DONTWAIT);
        if (got == -EAGAIN)
            continue;
        if (got < 0)
            return (int)got;
        if (got == 0 && !copy->is_udp)
            copy->peer_is_open = 0;
        in->taken = 0;
        in->filled = (size_t)got;
        return 1;
    }
    return 0;
}

/* After the peer's end nobody receives any more, and a reset would go unnoticed. */
static int notice_error(struct nc_copy *copy)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (copy->peer_is_open)
        return 0;
    int result = tunny_getsockopt(copy->stack, copy->sockets[0], SOL_SOCKET, SO_ERROR, &error,
                                  &length);
    return result < 0 ? result : -error;
}

static int write_input(struct nc_copy *copy)
{
    struct nc_block *in = &copy->in;
    if (is_empty(in) || !nc_is_ready(STDOUT_FILENO, POLLOUT))
        return 0;
    size_t most = nc_output_most(NC_BLOCK), length = in->filled - in->taken;
    ssize_t written = write(STDOUT_FILENO, in->data + in->taken, length < most ? length : most);
    if (written < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    in->taken += (size_t)written;
    return 1;
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static int move(struct nc_copy *copy)
{
    static int (*const steps[])(struct nc_copy *) = {read_input, send_output,  half_close,
                                                     receive,    notice_error, write_input};
    int moved = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int result = steps[i](copy);
        if (result < 0)
            return result;
        moved |= result;
    }
    return moved;
}

/* Text that the peer has not acknowledged would be lost with the program. */
static int is_acknowledged(const struct nc_copy *copy)
{
    int queued = 0;
    return tunny_ioctl(copy->stack, copy->sockets[0], SIOCOUTQ, &queued) < 0 || queued == 0;
}

static int is_over(const struct nc_copy *copy)
{
    if (copy->is_udp || copy->peer_is_open || !is_empty(&copy->in) || !is_empty(&copy->out))
        return 0;
    return (!copy->input_is_open || copy->ends_with_peer) && is_acknowledged(copy);
}

/* Whether the socket has something for us now: then there is no waiting. */
static int is_socket_ready(const struct nc_copy *copy)
{
    int wanted = 0;
    if (is_empty(&copy->in))
        wanted |= copy->peer_is_open ? POLLIN | POLLERR : POLLERR;
    if (!is_empty(&copy->out))
        wanted |= POLLOUT | POLLERR;
    for (int i = 0; i < 2; i++)
        if (copy->sockets[i] >= 0 && (tunny_ready(copy->stack, copy->sockets[i]) & wanted) != 0)
            return 1;
    return 0;
}

static int smaller_timeout(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Waits for whatever can move something, at most `timeout_ms`, and runs the stack.
 * tunny_poll_with() watches one descriptor beside the sockets; here are three. */
static int wait_and_run(struct nc_copy *copy, int timeout_ms)
{
    int reads = copy->sends && copy->input_is_open && is_empty(&copy->out);
    struct pollfd watched[] = {
        {.fd = tunny_descriptor(copy->stack), .events = POLLIN},
        {.fd = interrupt_descriptor(), .events = POLLIN},
        {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = is_empty(&copy->in) ? -1 : STDOUT_FILENO, .events = POLLOUT},
    };
    int timeout = smaller_timeout(timeout_ms, tunny_timeout_ms(copy->stack));
    if (poll(watched, sizeof watched / sizeof *watched, timeout) < 0 && errno != EINTR)
        return -errno;
    return interrupt_signal() != 0 ? -EINTR : tunny_run(copy->stack);
}

/* UDP has no end: silence after the end of standard input is one. */
static int silence_counts(const struct nc_copy *copy)
{
    return copy->wait_ns != 0 && (!copy->is_udp || !copy->sends || !copy->input_is_open);
}

int nc_copy_run(struct nc_copy *copy)
{
    copy->peer_is_open = 1;
    copy->is_shut = 0;
    copy->out.filled = copy->out.taken = copy->in.filled = copy->in.taken = 0;
    copy->end_ns = tunny_now_ns(copy->stack) + copy->wait_ns;
    for (;;) {
        int moved = move(copy);
        if (moved < 0)
            return moved;
        if (is_over(copy))
            return 0;
        if (moved || !silence_counts(copy))
            copy->end_ns = tunny_now_ns(copy->stack) + copy->wait_ns;
        int timeout = -1;
        if (silence_counts(copy))
            timeout = milliseconds_until(copy->stack, copy->end_ns);
        if (timeout == 0)
            return -ETIMEDOUT;
        if (moved || is_socket_ready(copy))
            timeout = 0;
        int result = wait_and_run(copy, timeout);
        if (result < 0)
            return result;
    }
}
