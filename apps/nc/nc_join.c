/* See nc_join.h. Standard input is read into the shared ring and standard output written from the
 * other one: what is copied besides is copied by the holder of the stack. */
#define _GNU_SOURCE
#include "nc/nc_join.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "nc/nc_standard.h"
#include "remote/remote.h"

enum { BLOCK = 1 << 17 };

struct copy {
    const struct nc_joining *joining;
    struct tunny_remote *remote;
    struct tunny_remote_socket *socket;
    int input_is_open, peer_is_open;
    size_t output_most; /* bytes that standard output takes at once */
};

/* --- one step each: 1 something moved, 0 not, or a negative errno --------------------------------
 */

static int end_input(struct copy *copy)
{
    copy->input_is_open = 0;
    int result = copy->joining->half_closes ? tunny_remote_shutdown(copy->socket, SHUT_WR) : 0;
    return result < 0 ? result : 1;
}

static int read_input(struct copy *copy)
{
    struct iovec room[2];
    if (!copy->input_is_open || !nc_is_ready(STDIN_FILENO, POLLIN))
        return 0;
    ssize_t lent = tunny_remote_send_lend(copy->socket, BLOCK, room);
    if (lent < 0)
        return lent == -EAGAIN ? 0 : (int)lent;
    ssize_t got = readv(STDIN_FILENO, room, room[1].iov_len > 0 ? 2 : 1);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (got == 0)
        return end_input(copy);
    tunny_remote_send_done(copy->socket, (size_t)got);
    return 1;
}

static int write_output(struct copy *copy)
{
    struct iovec text[2];
    if (!copy->peer_is_open)
        return 0;
    ssize_t lent = tunny_remote_recv_lend(copy->socket, copy->output_most, text);
    if (lent < 0)
        return lent == -EAGAIN ? 0 : (int)lent;
    if (lent == 0) {
        copy->peer_is_open = 0;
        return 1;
    }
    if (!nc_is_ready(STDOUT_FILENO, POLLOUT))
        return 0;
    ssize_t written = writev(STDOUT_FILENO, text, text[1].iov_len > 0 ? 2 : 1);
    if (written < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    tunny_remote_recv_done(copy->socket, (size_t)written);
    return 1;
}

/* After the peer's end nobody receives any more, and a reset would go unnoticed. */
static int notice_error(struct copy *copy)
{
    struct iovec room[2];
    if (copy->peer_is_open || !copy->input_is_open)
        return 0;
    ssize_t lent = tunny_remote_send_lend(copy->socket, 1, room);
    return lent < 0 && lent != -EAGAIN ? (int)lent : 0;
}

/* --- the loop ----------------------------------------------------------------------------------
 */

/* Waits for whatever can move something. What of ours can be done already waits for a standard
 * stream; the socket's descriptor tells of the rest. */
static int wait_for_any(struct copy *copy, int timeout_ms)
{
    int can = tunny_remote_ready(copy->socket, (copy->peer_is_open ? POLLIN : 0) |
                                                   (copy->input_is_open ? POLLOUT : 0));
    struct pollfd watched[] = {
        {.fd = copy->input_is_open && (can & POLLOUT) ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = copy->peer_is_open && (can & POLLIN) ? STDOUT_FILENO : -1, .events = POLLOUT},
        {.fd = tunny_remote_descriptor(copy->socket), .events = POLLIN},
        {.fd = tunny_remote_holder(copy->remote)},
        {.fd = interrupt_descriptor(), .events = POLLIN},
    };
    int got = poll(watched, sizeof watched / sizeof *watched, timeout_ms);
    if (interrupt_signal() != 0)
        return -EINTR;
    if (got < 0)
        return errno == EINTR ? 0 : -errno;
    if (got == 0)
        return -ETIMEDOUT;
    return 0;
}

static int move(struct copy *copy)
{
    static int (*const steps[])(struct copy *) = {read_input, write_output, notice_error};
    int moved = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int result = steps[i](copy);
        if (result < 0)
            return result;
        moved |= result;
    }
    return moved;
}

static int timeout_ms(const struct copy *copy)
{
    int64_t wait_ns = copy->joining->settings->wait_ns;
    return wait_ns == 0 ? -1 : (int)((wait_ns + 999999) / 1000000);
}

static int is_over(const struct copy *copy)
{
    return !copy->peer_is_open && (!copy->input_is_open || copy->joining->ends_with_peer);
}

/* Until both sides are at their end. 0 or a negative errno. */
static int copy_both_ways(struct copy *copy)
{
    int result = 0;
    copy->peer_is_open = 1;
    while (result >= 0 && !is_over(copy)) {
        result = move(copy);
        if (result == 0 && !is_over(copy))
            result = wait_for_any(copy, timeout_ms(copy));
    }
    return result;
}

/* Copies over the socket and closes it. The exit code. */
static int copy_over(struct copy *copy)
{
    copy->output_most = nc_output_most(BLOCK);
    int result = copy_both_ways(copy);
    tunny_remote_close(copy->socket);
    return result < 0 ? nc_failed("the connection", result) : EXIT_OK;
}

/* --- connecting and listening ------------------------------------------------------------------
 */

/* The socket for an address, bound to a port (0: not). IPv6 takes connections of both families,
 * unless only one is wanted. 0 or a negative errno. */
static int open_socket(struct copy *copy, int family, unsigned port)
{
    struct sockaddr_storage any = endpoint_any(family, (unsigned short)port);
    int on = 1, only = copy->joining->settings->family == AF_INET6;
    int result = tunny_remote_socket(copy->remote, family, 0, &copy->socket);
    if (result < 0 || port == 0)
        return result;
    result = tunny_remote_setsockopt(copy->socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (result == 0 && only)
        result = tunny_remote_setsockopt(copy->socket, IPPROTO_IPV6, IPV6_V6ONLY, &only,
                                         sizeof only);
    if (result == 0)
        result = tunny_remote_bind(copy->socket, (struct sockaddr *)&any, endpoint_length(&any));
    return result;
}

/* Only addresses: the name servers that this process knows of may not be the stack's. */
static int read_address(const struct nc_joining *joining, struct sockaddr_storage *address)
{
    struct addrinfo *found, hints = {.ai_family = joining->settings->family,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof port, "%u", joining->port);
    if (getaddrinfo(joining->host, port, &hints, &found) != 0)
        return -EINVAL;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

static int connect_and_copy(struct copy *copy)
{
    const struct nc_joining *joining = copy->joining;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    char text[ENDPOINT_TEXT];
    if (read_address(joining, &address) < 0) {
        complain("with --join the host has to be an address, not %s.", joining->host);
        return EXIT_USAGE;
    }
    interrupt_mode(INTERRUPT_AT_ONCE);
    int result = open_socket(copy, address.ss_family, joining->settings->source_port);
    if (result == 0)
        result = tunny_remote_connect(copy->socket, (struct sockaddr *)&address,
                                      endpoint_length(&address), timeout_ms(copy));
    interrupt_mode(INTERRUPT_PATIENT);
    endpoint_text(&address, text);
    if (result < 0)
        return nc_failed(text, result == -EINPROGRESS ? -ETIMEDOUT : result);
    if (joining->settings->says)
        complain("connected to %s.", text);
    return copy_over(copy);
}

/* The next connection becomes copy->socket. */
static int next_connection(struct copy *copy, struct tunny_remote_socket *listener)
{
    struct sockaddr_storage peer;
    char text[ENDPOINT_TEXT];
    interrupt_mode(INTERRUPT_AT_ONCE);
    int result = tunny_remote_accept(listener, timeout_ms(copy), &peer, &copy->socket);
    interrupt_mode(INTERRUPT_PATIENT);
    if (result == 0 && copy->joining->settings->says)
        complain("connection from %s.", endpoint_text(&peer, text));
    return result == -EAGAIN ? -ETIMEDOUT : result;
}

static int listen_and_copy(struct copy *copy)
{
    const struct nc_joining *joining = copy->joining;
    int family = joining->settings->family == AF_INET ? AF_INET : AF_INET6;
    int code = EXIT_OK, result = open_socket(copy, family, joining->port);
    struct tunny_remote_socket *listener = copy->socket;
    if (result == 0)
        result = tunny_remote_listen(listener, 128);
    while (result == 0 && interrupt_signal() == 0) {
        result = next_connection(copy, listener);
        if (result == 0)
            code = copy_over(copy);
        if (!joining->keeps)
            break;
    }
    tunny_remote_close(listener);
    return result < 0 ? nc_failed("listening", result) : code;
}

int nc_join(const struct nc_joining *joining)
{
    struct copy copy = {.joining = joining, .input_is_open = 1};
    int result = interrupt_setup();
    if (result == 0)
        result = tunny_join(joining->stack, &copy.remote);
    if (result < 0) {
        complain("the stack %s cannot be joined: %s.", joining->stack, error_words(result));
        return EXIT_USAGE;
    }
    int code = joining->host != NULL ? connect_and_copy(&copy) : listen_and_copy(&copy);
    tunny_leave(copy.remote);
    return code;
}
