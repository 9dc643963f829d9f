/* Readiness in poll(2)'s bits, as Linux computes it for its own sockets. Called by the stack's poll
 * and whoever asks for one socket. */
#include <asm/poll.h>

#include "base/check.h"
#include "sock/sock.h"
#include "sock/sock_tcp.h"
#include "sock/sock_udp.h"

static int of_connection(const struct socket *socket)
{
    static const struct {
        unsigned tcp;
        int poll;
    } bits[] = {
        {TCP_READABLE, POLLIN}, {TCP_WRITABLE, POLLOUT},
        {TCP_URGENT, POLLPRI},  {TCP_PEER_CLOSED, POLLIN | POLLRDHUP},
        {TCP_HANGUP, POLLHUP},  {TCP_ERROR, POLLERR},
    };
    unsigned readiness = tcp_connection_readiness(socket->connection);
    int ready = sock_zerocopy_ready(socket) ? POLLERR : 0;
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (readiness & bits[i].tcp)
            ready |= bits[i].poll;
    }
    return ready;
}

static int of_datagrams(const struct socket *socket)
{
    int ready = 0;
    if (udp_is_readable(socket->udp))
        ready |= POLLIN;
    if (udp_pending_error(socket->udp))
        ready |= POLLERR | POLLIN;
    if (sock_udp_is_writable(socket))
        ready |= POLLOUT;
    if (socket->receive_shut)
        ready |= POLLIN | POLLRDHUP;
    if (socket->receive_shut && socket->send_shut)
        ready |= POLLHUP;
    return ready;
}

int sock_ready(const struct socket *socket)
{
    switch (socket->kind) {
    case SOCKET_TCP_IDLE:
        return POLLOUT | POLLHUP; /* a fresh socket, to Linux, is a closed one */
    case SOCKET_TCP_LISTENING:
        return tcp_can_accept(socket->listener) ? POLLIN : 0;
    case SOCKET_TCP_CONNECTING:
    case SOCKET_TCP_CONNECTED:
        return of_connection(socket);
    case SOCKET_UDP:
        return of_datagrams(socket);
    }
    UNREACHABLE();
}
