/* Sockets for nc; see nc_peer.h. */
#include "nc/nc_peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/endpoint.h"
#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/stream.h"

enum { ADDRESSES = 16, RESOLVE_MS = 10000 };

int nc_failed(const char *doing, int error)
{
    if (error == -EINTR)
        return EXIT_SIGNAL + interrupt_signal();
    complain("%s: %s.", doing, error == -ETIMEDOUT ? "nothing came in time" : error_words(error));
    return EXIT_FAILED;
}

static int64_t deadline(struct tunny *stack, const struct nc_settings *settings)
{
    return settings->wait_ns == 0 ? STREAM_NEVER : tunny_now_ns(stack) + settings->wait_ns;
}

/* --- connecting --------------------------------------------------------------------------------
 */

static int new_socket(struct tunny *stack, const struct nc_settings *settings, int family)
{
    int on = 1, type = settings->is_udp ? SOCK_DGRAM : SOCK_STREAM;
    int socket = tunny_socket(stack, family, type | SOCK_NONBLOCK, 0);
    if (socket < 0)
        return socket;
    int result = 0;
    if (!settings->is_udp)
        result = tunny_setsockopt(stack, socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (result == 0 && settings->broadcasts)
        result = tunny_setsockopt(stack, socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    if (result == 0 && family == AF_INET6)
        result = tunny_setsockopt(stack, socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (result < 0)
        tunny_close(stack, socket);
    return result < 0 ? result : socket;
}

/* A socket bound to a port (0: not bound), or a negative errno. */
static int bound_socket(struct tunny *stack, const struct nc_settings *settings, int family,
                        unsigned port)
{
    struct sockaddr_storage any = endpoint_any(family, (unsigned short)port);
    int socket = new_socket(stack, settings, family);
    if (socket < 0 || port == 0)
        return socket;
    int result = tunny_bind(stack, socket, (const struct sockaddr *)&any, endpoint_length(&any));
    if (result < 0)
        tunny_close(stack, socket);
    return result < 0 ? result : socket;
}

static int finish_connect(struct tunny *stack, int socket, int64_t deadline_ns)
{
    int error = 0;
    socklen_t length = sizeof error;
    int result = stream_wait(stack, socket, POLLOUT, deadline_ns);
    if (result < 0)
        return result;
    result = tunny_getsockopt(stack, socket, SOL_SOCKET, SO_ERROR, &error, &length);
    return result < 0 ? result : -error;
}

/* A connected socket, or a negative errno. */
static int connect_to(struct tunny *stack, const struct nc_settings *settings,
                      const struct sockaddr_storage *address)
{
    int socket = bound_socket(stack, settings, address->ss_family, settings->source_port);
    if (socket < 0)
        return socket;
    int result = tunny_connect(stack, socket, (const struct sockaddr *)address,
                               endpoint_length(address));
    if (result == -EINPROGRESS)
        result = finish_connect(stack, socket, deadline(stack, settings));
    if (result < 0)
        tunny_close(stack, socket);
    return result < 0 ? result : socket;
}

/* The host's addresses of the wanted family. How many; a negative errno. */
static int resolve(struct tunny *stack, const struct nc_settings *settings, const char *host,
                   unsigned port, struct sockaddr_storage addresses[ADDRESSES])
{
    interrupt_mode(INTERRUPT_AT_ONCE);
    int count = tunny_resolve(stack, host, (uint16_t)port, addresses, ADDRESSES, RESOLVE_MS);
    interrupt_mode(INTERRUPT_PATIENT);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (settings->family == AF_UNSPEC || addresses[i].ss_family == settings->family)
            addresses[kept++] = addresses[i];
    if (count < 0)
        return count;
    return kept > 0 ? kept : -EAFNOSUPPORT;
}

int nc_connect(struct tunny *stack, const struct nc_settings *settings, const char *host,
               unsigned port, int *socket)
{
    struct sockaddr_storage addresses[ADDRESSES];
    char text[ENDPOINT_TEXT];
    int count = resolve(stack, settings, host, port, addresses);
    int result = count;
    if (count < 0)
        return nc_failed(host, result);
    for (int i = 0; i < count; i++) {
        endpoint_text(&addresses[i], text);
        result = connect_to(stack, settings, &addresses[i]);
        if (result >= 0 && settings->says)
            complain("connected to %s.", text);
        if (result >= 0 || result == -EINTR)
            break;
        if (i + 1 < count && settings->says)
            nc_failed(text, result);
    }
    *socket = result;
    return result < 0 ? nc_failed(text, result) : EXIT_OK;
}

/* --- listening ---------------------------------------------------------------------------------
 */

static int listening_socket(struct tunny *stack, const struct nc_settings *settings, int family,
                            unsigned port)
{
    int socket = bound_socket(stack, settings, family, port);
    if (socket < 0 || settings->is_udp)
        return socket;
    int result = tunny_listen(stack, socket, 16);
    if (result < 0)
        tunny_close(stack, socket);
    return result < 0 ? result : socket;
}

int nc_listen(struct tunny *stack, const struct nc_settings *settings, unsigned port,
              struct nc_listener *listener)
{
    static const int families[2] = {AF_INET, AF_INET6};
    int error = -EADDRNOTAVAIL;
    *listener = (struct nc_listener){{-1, -1}};
    for (int i = 0; i < 2; i++) {
        if (settings->family != AF_UNSPEC && settings->family != families[i])
            continue;
        int socket = listening_socket(stack, settings, families[i], port);
        if (socket >= 0)
            listener->sockets[i] = socket;
        else
            error = socket;
    }
    if (listener->sockets[0] < 0 && listener->sockets[1] < 0)
        return nc_failed("cannot listen", error);
    if (settings->says)
        complain("listening on port %u.", port);
    return EXIT_OK;
}

void nc_listener_close(struct tunny *stack, struct nc_listener *listener)
{
    for (int i = 0; i < 2; i++)
        if (listener->sockets[i] >= 0)
            tunny_close(stack, listener->sockets[i]);
    *listener = (struct nc_listener){{-1, -1}};
}

/* The index of the socket that is readable; a negative errno. */
static int wait_for_one(struct tunny *stack, const struct nc_listener *listener)
{
    for (;;) {
        struct pollfd both[2] = {{.fd = listener->sockets[0], .events = POLLIN},
                                 {.fd = listener->sockets[1], .events = POLLIN}};
        int signalled = 0;
        int ready = tunny_poll_with(stack, both, 2, -1, interrupt_descriptor(), &signalled);
        if (signalled || interrupt_signal() != 0)
            return -EINTR;
        if (ready < 0)
            return ready;
        for (int i = 0; i < 2; i++)
            if (ready > 0 && both[i].fd >= 0 && both[i].revents != 0)
                return i;
    }
}

/* The datagram that waits stays queued: only its sender is looked at. */
static int fix_sender(struct tunny *stack, int socket, struct sockaddr_storage *peer)
{
    char byte;
    socklen_t length = sizeof *peer;
    ssize_t got = tunny_recvfrom(stack, socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT,
                                 (struct sockaddr *)peer, &length);
    if (got < 0)
        return (int)got;
    int result = tunny_connect(stack, socket, (const struct sockaddr *)peer, length);
    return result < 0 ? result : socket;
}

int nc_next_peer(struct tunny *stack, const struct nc_settings *settings,
                 struct nc_listener *listener)
{
    struct sockaddr_storage peer = {0};
    char text[ENDPOINT_TEXT];
    int socket;
    do {
        socklen_t length = sizeof peer;
        int index = wait_for_one(stack, listener);
        if (index < 0)
            return index;
        int ready = listener->sockets[index];
        if (settings->is_udp)
            socket = fix_sender(stack, ready, &peer);
        else
            socket = tunny_accept(stack, ready, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK);
        if (settings->is_udp && socket >= 0)
            listener->sockets[index] = -1;
    } while (socket == -EAGAIN || socket == -ECONNABORTED);
    if (socket >= 0 && settings->says)
        complain("%s from %s.", settings->is_udp ? "datagram" : "connection",
                 endpoint_text(&peer, text));
    return socket;
}

/* --- scanning ----------------------------------------------------------------------------------
 */

/* Sends an empty datagram: a closed port answers by ICMP, an open one with anything or nothing. */
static int probe_datagram(struct tunny *stack, int socket, int64_t deadline_ns)
{
    char byte;
    ssize_t sent = tunny_send(stack, socket, "", 0, MSG_DONTWAIT);
    if (sent < 0)
        return (int)sent;
    int result = stream_wait(stack, socket, POLLIN, deadline_ns);
    if (result == -ETIMEDOUT)
        return 0;
    if (result < 0)
        return result;
    ssize_t got = tunny_recv(stack, socket, &byte, 1, MSG_DONTWAIT);
    return got < 0 && got != -EAGAIN ? (int)got : 0;
}

/* 0: open; a negative errno. */
static int probe(struct tunny *stack, const struct nc_settings *settings,
                 const struct sockaddr_storage *address)
{
    int socket = connect_to(stack, settings, address);
    if (socket < 0)
        return socket;
    int result = 0;
    if (settings->is_udp)
        result = probe_datagram(stack, socket, deadline(stack, settings));
    tunny_close(stack, socket);
    return result;
}

int nc_scan(struct tunny *stack, const struct nc_settings *settings, const char *host,
            unsigned first, unsigned last)
{
    struct sockaddr_storage addresses[ADDRESSES];
    char text[ENDPOINT_TEXT];
    int code = EXIT_FAILED;
    int count = resolve(stack, settings, host, first, addresses);
    if (count < 0)
        return nc_failed(host, count);
    for (unsigned port = first; port <= last; port++) {
        struct sockaddr_storage address = addresses[0];
        in_port_t network_order = htons((uint16_t)port);
        /* The port lies at the same place for both families. */
        memcpy((char *)&address + offsetof(struct sockaddr_in, sin_port), &network_order,
               sizeof network_order);
        int result = probe(stack, settings, &address);
        endpoint_text(&address, text);
        if (result == -EINTR)
            return nc_failed(text, result);
        if (result == 0) {
            printf("%s open%s\n", text, settings->is_udp ? ", or silent" : "");
            fflush(stdout);
            code = EXIT_OK;
        } else if (settings->says) {
            nc_failed(text, result);
        }
    }
    return code;
}
