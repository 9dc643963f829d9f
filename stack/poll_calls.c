/* poll over the sockets of one stack, and readiness news for servers with many of them (socket.h).
 */
#include "socket.h"

#include <errno.h>

#include "stack.h"

/* POLLNVAL aside, errors and hangups are told whether asked for or not; the names of POSIX's XSI
 * option mean the same as POLLIN and POLLOUT. */
static short events_of(const struct tunny *stack, const struct pollfd *entry)
{
    enum { NORMAL_IN = 0x40, NORMAL_OUT = 0x100 }; /* POLLRDNORM, POLLWRNORM */
    if (entry->fd < 0)
        return 0;
    const struct socket *socket = sockets_find(&stack->sockets, entry->fd);
    if (!socket)
        return POLLNVAL;
    int ready = sock_ready(socket);
    ready |= ready & POLLIN ? NORMAL_IN : 0;
    ready |= ready & POLLOUT ? NORMAL_OUT : 0;
    return (short)(ready & (entry->events | POLLERR | POLLHUP));
}

static int look(const struct tunny *stack, struct pollfd *sockets, unsigned count)
{
    int ready = 0;
    for (unsigned i = 0; i < count; i++) {
        sockets[i].revents = events_of(stack, &sockets[i]);
        ready += sockets[i].revents != 0;
    }
    return ready;
}

int tunny_poll_with(struct tunny *stack, struct pollfd *sockets, unsigned count, int timeout_ms,
                    int also, int *also_ready)
{
    struct stack_patience patience = {.until = INSTANT_NEVER, .expired = -EAGAIN, .also = also};
    bool stirred = false;
    if (timeout_ms >= 0)
        patience.until = instant_add(stack_now(stack), duration_ms(timeout_ms));
    int r = stack_wait(stack, &patience), ready;
    for (;;) {
        if (also >= 0 && stack->clock.readable)
            stirred = stack->clock.readable(stack->clock.context, also);
        ready = look(stack, sockets, count);
        if (r < 0 || ready > 0 || stirred)
            break;
        r = stack_wait(stack, &patience);
    }
    if (also_ready)
        *also_ready = stirred;
    return ready > 0 || stirred || r == patience.expired ? ready : r;
}

int tunny_poll(struct tunny *stack, struct pollfd *sockets, unsigned count, int timeout_ms)
{
    return tunny_poll_with(stack, sockets, count, timeout_ms, -1, NULL);
}

int tunny_ready(struct tunny *stack, int number)
{
    const struct socket *socket = sockets_find(&stack->sockets, number);
    return socket ? sock_ready(socket) : -EBADF;
}

int tunny_next_changed(struct tunny *stack)
{
    const struct socket *socket = sockets_next_changed(&stack->sockets);
    return socket ? socket->number : -EAGAIN;
}
