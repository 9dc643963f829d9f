/* socket.h: each call tried once in sock/, and tried again while it blocks and the stack runs.
 * Called by applications. */
#include "socket.h"

#include <errno.h>
#include <linux/fcntl.h>

#include "sock/sock_tcp.h"
#include "stack.h"

enum { CATCH_UP_MS = 1 };

/* The socket of that number, with the stack's time set; NULL: -EBADF. An application that never
 * waits must not starve its own connections: once in a while a call is a turn, too. */
static struct socket *enter(struct tunny *stack, int number, struct instant *now)
{
    *now = stack_now(stack);
    stack->trace.now = *now;
    struct instant due = instant_add(stack->last_turn, duration_ms(CATCH_UP_MS));
    if (instant_reached(due, *now)) {
        stack_turn(stack);
        *now = stack_now(stack);
    }
    return sockets_find(&stack->sockets, number);
}

static struct stack_patience patience_of(const struct socket *socket, struct duration timeout,
                                         struct instant now)
{
    struct stack_patience patience = {.until = INSTANT_NEVER, .expired = -EAGAIN, .also = -1};
    if (timeout.ns > 0)
        patience.until = instant_add(now, timeout);
    if (instant_before(socket->deadline, patience.until)) {
        patience.until = socket->deadline;
        patience.expired = -ETIMEDOUT;
    }
    return patience;
}

static bool may_block(const struct socket *socket, int flags)
{
    return !socket->nonblocking && !(flags & MSG_DONTWAIT);
}

/* The call's result, after what it owes was sent. */
static int64_t leave(struct tunny *stack, int64_t result)
{
    stack_flush(stack);
    return result;
}

/* --- making and naming ------------------------------------------------------------------------ */

int tunny_socket(struct tunny *stack, int domain, int type, int protocol)
{
    struct socket *socket;
    int r = sock_open(&stack->sockets, domain, type, protocol, &socket);
    return r < 0 ? r : socket->number;
}

int tunny_bind(struct tunny *stack, int number, const struct sockaddr *address, socklen_t length)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    return socket ? sock_bind(socket, address, length, now) : -EBADF;
}

int tunny_listen(struct tunny *stack, int number, int backlog)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    return socket ? sock_listen(socket, backlog, now) : -EBADF;
}

static int give_name(const struct socket *socket, const struct endpoint *e,
                     struct sockaddr *address, socklen_t *length)
{
    if (!address || !length)
        return -EFAULT;
    sock_name_write(e, socket->family, address, length);
    return 0;
}

int tunny_getsockname(struct tunny *stack, int number, struct sockaddr *address, socklen_t *length)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    struct endpoint e;
    if (!socket)
        return -EBADF;
    int r = sock_local_name(socket, &e);
    return r < 0 ? r : give_name(socket, &e, address, length);
}

int tunny_getpeername(struct tunny *stack, int number, struct sockaddr *address, socklen_t *length)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    struct endpoint e;
    if (!socket)
        return -EBADF;
    int r = sock_peer_name(socket, &e);
    return r < 0 ? r : give_name(socket, &e, address, length);
}

/* --- accept, connect -------------------------------------------------------------------------- */

int tunny_accept(struct tunny *stack, int number, struct sockaddr *address, socklen_t *length,
                 int flags)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now), *child;
    if (!socket)
        return -EBADF;
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    struct stack_patience patience = patience_of(socket, socket->receive_timeout, now);
    int r;
    while ((r = sock_accept(socket, &child, now)) == -EAGAIN && may_block(socket, 0)) {
        r = stack_wait(stack, &patience);
        if (r < 0)
            break;
        now = stack_now(stack);
    }
    if (r < 0)
        return r;
    child->nonblocking = (flags & SOCK_NONBLOCK) != 0;
    struct endpoint peer = tcp_flow_of(sock_view(child))->remote;
    sock_name_write(&peer, child->family, address, length);
    return child->number;
}

/* The handshake goes on by itself when the call must end before it does (as on Linux). */
static int await_handshake(struct tunny *stack, struct socket *socket, struct instant now)
{
    struct stack_patience patience = patience_of(socket, socket->send_timeout, now);
    int r;
    while ((r = sock_connect_result(socket, stack_now(stack))) == -EALREADY) {
        r = stack_wait(stack, &patience);
        if (r < 0)
            return r == -EAGAIN ? -EINPROGRESS : r;
    }
    return r;
}

int tunny_connect(struct tunny *stack, int number, const struct sockaddr *address, socklen_t length)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    if (!socket)
        return -EBADF;
    int r = sock_connect(socket, address, length, now);
    stack_flush(stack);
    if ((r == -EINPROGRESS || r == -EALREADY) && may_block(socket, 0))
        r = await_handshake(stack, socket, now);
    return r;
}

int tunny_zerocopy_done(struct tunny *stack, int number, uint32_t *first, uint32_t *last)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    if (!socket)
        return -EBADF;
    return sock_zerocopy_done(socket, first, last);
}

/* --- SEND ------------------------------------------------------------------------------------- */

/* What was transferred counts more than why it was not more. */
static int64_t total_or(size_t total, int64_t r)
{
    return total > 0 ? (int64_t)total : r;
}

/* MSG_FASTOPEN: connects with the first of the text, and waits for the handshake unless told not to
 * block. Bytes on the SYN, or as connect(). */
static int64_t open_with_text(struct tunny *stack, struct socket *socket, struct bytes text,
                              int flags, const struct sockaddr *address, socklen_t address_length)
{
    struct instant now = stack_now(stack);
    int64_t r = sock_send(socket, text, flags, address, address_length, now);
    stack_flush(stack);
    if ((r <= 0 && r != -EINPROGRESS) || !may_block(socket, flags) ||
        socket->kind != SOCKET_TCP_CONNECTING)
        return r;
    int answer = await_handshake(stack, socket, now);
    if (answer < 0)
        return answer;
    return r > 0 ? r : 0;
}

ssize_t tunny_sendto(struct tunny *stack, int number, const void *data, size_t length, int flags,
                     const struct sockaddr *address, socklen_t address_length)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    if (!socket)
        return -EBADF;
    struct stack_patience patience = patience_of(socket, socket->send_timeout, now);
    size_t total = 0;
    if (flags & MSG_FASTOPEN && socket->kind != SOCKET_UDP) {
        int64_t r = open_with_text(stack, socket, (struct bytes){data, length}, flags, address,
                                   address_length);
        if (r < 0 || (size_t)r == length || !may_block(socket, flags))
            return r;
        total = (size_t)r;
        flags &= ~MSG_FASTOPEN;
        now = stack_now(stack);
    }
    for (;;) {
        struct bytes left = {data ? (const uint8_t *)data + total : NULL, length - total};
        int64_t r = sock_send(socket, left, flags, address, address_length, now);
        if (r > 0)
            total += (size_t)r;
        stack_flush(stack);
        if ((r >= 0 && total == length) || (r < 0 && r != -EAGAIN) || !may_block(socket, flags))
            return total_or(total, r);
        if (r >= 0)
            continue;
        r = stack_wait(stack, &patience);
        if (r < 0)
            return total_or(total, r);
        now = stack_now(stack);
    }
}

ssize_t tunny_send(struct tunny *stack, int socket, const void *data, size_t length, int flags)
{
    return tunny_sendto(stack, socket, data, length, flags, NULL, 0);
}

ssize_t tunny_send_lend(struct tunny *stack, int number, size_t length, int flags,
                        struct iovec pieces[2])
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    struct room rooms[2] = {{NULL, 0}, {NULL, 0}};
    if (!socket)
        return -EBADF;
    struct stack_patience patience = patience_of(socket, socket->send_timeout, now);
    int64_t r;
    while ((r = sock_send_lend(socket, length, rooms, now)) == -EAGAIN &&
           may_block(socket, flags)) {
        r = stack_wait(stack, &patience);
        if (r < 0)
            break;
        now = stack_now(stack);
    }
    for (int i = 0; i < 2; i++)
        pieces[i] = (struct iovec){rooms[i].data, rooms[i].len};
    return r;
}

ssize_t tunny_send_done(struct tunny *stack, int number, size_t length, int flags)
{
    struct instant now = stack_now(stack);
    struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    return leave(stack, sock_send_done(socket, length, flags, now));
}

/* --- RECEIVE ---------------------------------------------------------------------------------- */

/* How much must be there before a blocking call is content (POSIX, recv: SO_RCVLOWAT, MSG_WAITALL).
 */
static size_t enough(const struct socket *socket, size_t length, int flags)
{
    if (socket->kind == SOCKET_UDP || flags & MSG_OOB)
        return 1;
    if (flags & MSG_WAITALL)
        return length;
    const struct tcb *tcb = sock_view(socket);
    uint32_t mark = tcb ? tcp_settings_seen(tcb)->receive_low_water : 1;
    return mark < length ? mark : length;
}

/* One attempt behind what was received before; a peek begins anew each time. */
static int64_t receive_more(struct socket *socket, struct room room, size_t *total, int flags,
                            struct endpoint *source, struct instant now)
{
    size_t before = flags & MSG_PEEK ? 0 : *total;
    struct room left = {room.data ? room.data + before : NULL, room.len - before};
    int64_t r = sock_receive(socket, left, flags, source, now);
    if (r > 0)
        *total = before + (size_t)r;
    return r;
}

/* Reading stops at the urgent mark, so that the user can see where it is (MUST-33); and a peek that
 * waits for more than will ever come would wait for ever. */
static bool must_stop(const struct socket *socket, int flags)
{
    enum { ENDED = TCP_PEER_CLOSED | TCP_HANGUP | TCP_ERROR };
    const struct tcb *tcb = sock_view(socket);
    if (!tcb)
        return false;
    if (flags & MSG_PEEK && tcp_readiness(tcb) & ENDED)
        return true;
    return tcp_at_mark(tcb);
}

static int64_t receive(struct tunny *stack, struct socket *socket, struct room room, int flags,
                       struct endpoint *source)
{
    struct instant now = stack_now(stack);
    struct stack_patience patience = patience_of(socket, socket->receive_timeout, now);
    size_t total = 0, wanted = enough(socket, room.len, flags);
    for (;;) {
        int64_t r = receive_more(socket, room, &total, flags, source, now);
        if (r > 0)
            stack_flush(stack); /* the window may have opened */
        if (r == 0 || (r < 0 && r != -EAGAIN) || total >= wanted || !may_block(socket, flags))
            return total_or(total, r);
        if (r > 0 && must_stop(socket, flags))
            return (int64_t)total;
        r = stack_wait(stack, &patience);
        if (r < 0)
            return total_or(total, r);
        now = stack_now(stack);
    }
}

ssize_t tunny_recvfrom(struct tunny *stack, int number, void *data, size_t length, int flags,
                       struct sockaddr *address, socklen_t *address_length)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    struct endpoint source = {0};
    if (!socket)
        return -EBADF;
    int64_t r = receive(stack, socket, (struct room){data, length}, flags, &source);
    if (r >= 0)
        sock_name_write(&source, socket->family, address, address_length);
    return r;
}

ssize_t tunny_recv(struct tunny *stack, int socket, void *data, size_t length, int flags)
{
    return tunny_recvfrom(stack, socket, data, length, flags, NULL, NULL);
}

ssize_t tunny_recv_lend(struct tunny *stack, int number, size_t length, int flags,
                        struct iovec pieces[2])
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    struct bytes lent[2] = {{NULL, 0}, {NULL, 0}};
    if (!socket)
        return -EBADF;
    struct stack_patience patience = patience_of(socket, socket->receive_timeout, now);
    int64_t r;
    while ((r = sock_receive_lend(socket, length, lent)) == -EAGAIN && may_block(socket, flags)) {
        r = stack_wait(stack, &patience);
        if (r < 0)
            break;
    }
    for (int i = 0; i < 2; i++) /* struct iovec has no const form */
        pieces[i] = (struct iovec){(void *)(uintptr_t)lent[i].data, lent[i].len};
    return r;
}

int tunny_recv_done(struct tunny *stack, int number, size_t length)
{
    struct instant now = stack_now(stack);
    struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    return (int)leave(stack, sock_receive_done(socket, length, now));
}

/* --- CLOSE ------------------------------------------------------------------------------------ */

int tunny_shutdown(struct tunny *stack, int number, int how)
{
    struct instant now;
    struct socket *socket = enter(stack, number, &now);
    return socket ? (int)leave(stack, sock_shutdown(socket, how, now)) : -EBADF;
}

/* SO_LINGER with a time: the text is to arrive before close() returns, or the time to pass. */
static void linger(struct tunny *stack, struct socket *socket)
{
    struct instant now = stack_now(stack);
    const struct tcp_settings *settings = tcp_settings_seen(sock_view(socket));
    struct stack_patience patience = patience_of(socket, duration_s(settings->linger_s), now);
    if (sock_shutdown(socket, SHUT_WR, now) < 0)
        return;
    while (sock_unacknowledged(socket, stack_now(stack)) > 0) {
        if (stack_wait(stack, &patience) < 0)
            return;
    }
}

int tunny_close(struct tunny *stack, int number)
{
    /* Without a turn: the SYNs that wait are not to be answered by a listener that is to go. */
    struct instant now = stack_now(stack);
    struct socket *socket = sockets_find(&stack->sockets, number);
    stack->trace.now = now;
    if (!socket)
        return -EBADF;
    const struct tcb *tcb = sock_view(socket);
    if (tcb && !socket->nonblocking) {
        const struct tcp_settings *settings = tcp_settings_seen(tcb);
        struct tcp_status status;
        tcp_status(tcb, &status, now);
        /* SHLD-3: unread text makes it a reset, which nobody waits for. */
        if (settings->linger && settings->linger_s > 0 && status.unread == 0)
            linger(stack, socket);
    }
    sock_close(socket, stack_now(stack));
    return (int)leave(stack, 0);
}

/* --- the rest --------------------------------------------------------------------------------- */

int tunny_setsockopt(struct tunny *stack, int number, int level, int option, const void *value,
                     socklen_t length)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    struct instant now = stack_now(stack);
    if (!socket)
        return -EBADF;
    return (int)leave(stack, sock_set_option(socket, level, option, value, length, now));
}

int tunny_getsockopt(struct tunny *stack, int number, int level, int option, void *value,
                     socklen_t *length)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    return socket ? sock_get_option(socket, level, option, value, length, stack_now(stack))
                  : -EBADF;
}

int tunny_fcntl(struct tunny *stack, int number, int command, int argument)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    if (command == F_GETFL)
        return O_RDWR | (socket->nonblocking ? O_NONBLOCK : 0);
    if (command != F_SETFL)
        return -EINVAL;
    socket->nonblocking = (argument & O_NONBLOCK) != 0;
    return 0;
}

int tunny_ioctl(struct tunny *stack, int number, unsigned long request, int *value)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    return value ? sock_ioctl(socket, request, value, stack_now(stack)) : -EFAULT;
}

int tunny_set_deadline(struct tunny *stack, int number, int64_t when_ns)
{
    struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    socket->deadline = INSTANT_NEVER;
    if (when_ns > 0)
        socket->deadline.ns = when_ns;
    return 0;
}
