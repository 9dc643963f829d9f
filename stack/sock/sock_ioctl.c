/* The ioctl() requests of sockets: how much lies in the buffers, and FIONBIO. */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/sockios.h>

#include "sock/sock.h"

static int clamp(uint64_t bytes)
{
    return bytes > INT32_MAX ? INT32_MAX : (int)bytes;
}

static int of_datagrams(const struct socket *socket, unsigned long request, int *value)
{
    if (request == SIOCINQ)
        *value = clamp(udp_queued(socket->udp));
    else if (request == SIOCOUTQ)
        *value = clamp(socket->outgoing);
    else
        return -ENOTTY;
    return 0;
}

int sock_ioctl(struct socket *socket, unsigned long request, int *value, struct instant now)
{
    if (request == FIONBIO) {
        socket->nonblocking = *value != 0;
        return 0;
    }
    if (socket->kind == SOCKET_UDP)
        return of_datagrams(socket, request, value);
    if (request != SIOCINQ && request != SIOCOUTQ && request != SIOCOUTQNSD &&
        request != SIOCATMARK)
        return -ENOTTY;
    if (socket->listener)
        return -EINVAL;
    struct tcp_status status = {.state = TCP_CLOSED};
    const struct tcb *tcb = sock_view(socket);
    if (tcb)
        tcp_status(tcb, &status, now);
    if (request == SIOCINQ)
        *value = clamp(status.unread);
    else if (request == SIOCOUTQ)
        *value = clamp(status.unsent + status.unacked);
    else if (request == SIOCOUTQNSD)
        *value = clamp(status.unsent);
    else
        *value = tcb && tcp_at_mark(tcb);
    return 0;
}
