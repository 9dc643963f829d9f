/* tunny nc: copies standard input to a connection and the connection to standard output, both ways
 * at once, with half-close: the end of standard input closes our side only. TCP and UDP, connecting
 * or listening. */
#define _GNU_SOURCE
#include "nc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/stream.h"

enum { BLOCK = 65536, ADDRESSES = 16 };

static const struct option nc_longs[] = {
    {"listen", no_argument, NULL, 'l'},
    {"udp", no_argument, NULL, 'u'},
    {"source-port", required_argument, NULL, 'p'},
    {"wait", required_argument, NULL, 'w'},
    {"broadcast", no_argument, NULL, 'b'},
    {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},
    {0},
};

static const struct command nc_command = {
    .name = "tunny nc",
    .usage = "tunny nc [OPTION]... HOST PORT | tunny nc -l [OPTION]... PORT",
    .help = "Copies standard input to a connection and the connection to standard output.\n"
            "  -l, --listen          wait for one connection on PORT\n"
            "  -u, --udp             datagrams; ends --wait seconds after standard input did\n"
            "  -b, --broadcast       allow broadcast addresses\n"
            "  -p, --source-port N\n"
            "  -w, --wait S          seconds: TCP, to connect and for silence (default: no\n"
            "                        limit); UDP, after the last datagram (default 1)\n"
            "  -4, -6                only IPv4, only IPv6\n"
            "Exit codes: 0 both sides closed, 1 the connection failed, 2 usage or device, 28\n"
            "silence, 130 and 143 interrupted.\n",
    .shorts = "luw:bp:46",
    .longs = nc_longs,
};

struct nc {
    struct options options;
    struct tunny *stack;
    int listens, is_udp, broadcasts, family;
    unsigned source_port;
    int64_t wait_ns;
    int socket;
    int input_is_open, peer_is_open;
    size_t filled, taken; /* of `input`: what was read and what of it was sent */
    char input[BLOCK];
};

static int take_option(struct nc *nc, int option)
{
    uint64_t number;
    switch (option) {
    case 'l':
        nc->listens = 1;
        return EXIT_OK;
    case 'u':
        nc->is_udp = 1;
        return EXIT_OK;
    case 'b':
        nc->broadcasts = 1;
        return EXIT_OK;
    case '4':
        nc->family = AF_INET;
        return EXIT_OK;
    case '6':
        nc->family = AF_INET6;
        return EXIT_OK;
    case 'p':
        if (number_parse(optarg, 65535, &number) < 0 || number == 0)
            return options_wrong("--source-port %s: expected 1 to 65535", optarg);
        nc->source_port = (unsigned)number;
        return EXIT_OK;
    case 'w':
        if (seconds_parse(optarg, &nc->wait_ns) == 0)
            return EXIT_OK;
        return options_wrong("--wait %s: expected seconds", optarg);
    default:
        return EXIT_USAGE;
    }
}

static int failed(const char *doing, int error)
{
    if (error == -EINTR)
        return EXIT_SIGNAL + interrupt_signal();
    if (error == -ETIMEDOUT)
        complain("%s: nothing came in time.", doing);
    else
        complain("%s: %s.", doing, error_words(error));
    return error == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED;
}

static int64_t deadline(const struct nc *nc)
{
    return nc->wait_ns == 0 ? STREAM_NEVER : tunny_now_ns(nc->stack) + nc->wait_ns;
}

/* --- opening
 * ------------------------------------------------------------------------------------------- */

static int new_socket(const struct nc *nc, int family)
{
    int on = 1;
    int type = nc->is_udp ? SOCK_DGRAM : SOCK_STREAM;
    int socket = tunny_socket(nc->stack, family, type | SOCK_NONBLOCK, 0);
    if (socket < 0)
        return socket;
    if (!nc->is_udp)
        tunny_setsockopt(nc->stack, socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (nc->broadcasts)
        tunny_setsockopt(nc->stack, socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    if (family == AF_INET6)
        tunny_setsockopt(nc->stack, socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return socket;
}

/* A socket bound to a port (0: none), or a negative errno. */
static int bound_socket(const struct nc *nc, int family, unsigned port)
{
    struct sockaddr_storage any = endpoint_any(family, (unsigned short)port);
    int socket = new_socket(nc, family);
    if (socket < 0 || port == 0)
        return socket;
    int result = tunny_bind(nc->stack, socket, (const struct sockaddr *)&any,
                            endpoint_length(&any));
    if (result < 0)
        tunny_close(nc->stack, socket);
    return result < 0 ? result : socket;
}

/* Waits until an unfinished connect is through. 0; a negative errno. */
static int finish_connect(const struct nc *nc, int socket)
{
    int error = 0;
    socklen_t length = sizeof error;
    int result = stream_wait(nc->stack, socket, POLLOUT, deadline(nc));
    if (result < 0)
        return result;
    result = tunny_getsockopt(nc->stack, socket, SOL_SOCKET, SO_ERROR, &error, &length);
    return result < 0 ? result : -error;
}

static int connect_to(struct nc *nc, const struct sockaddr_storage *address)
{
    int socket = bound_socket(nc, address->ss_family, nc->source_port);
    if (socket < 0)
        return socket;
    int result = tunny_connect(nc->stack, socket, (const struct sockaddr *)address,
                               endpoint_length(address));
    if (result == -EINPROGRESS)
        result = finish_connect(nc, socket);
    if (result < 0) {
        tunny_close(nc->stack, socket);
        return result;
    }
    nc->socket = socket;
    return 0;
}

static int connect_any(struct nc *nc, const char *host, unsigned port)
{
    struct sockaddr_storage addresses[ADDRESSES];
    char text[ENDPOINT_TEXT];
    interrupt_mode(INTERRUPT_AT_ONCE);
    int count = tunny_resolve(nc->stack, host, (uint16_t)port, addresses, ADDRESSES, 10000);
    interrupt_mode(INTERRUPT_PATIENT);
    int result = count < 0 ? count : -ENOENT;
    snprintf(text, sizeof text, "%.60s", host);
    for (int i = 0; i < count; i++) {
        if (nc->family != AF_UNSPEC && addresses[i].ss_family != nc->family)
            continue;
        result = connect_to(nc, &addresses[i]);
        if (result == 0)
            return EXIT_OK;
        endpoint_text(&addresses[i], text);
        if (result == -EINTR)
            break;
    }
    return failed(text, result);
}

/* Waits on the sockets of both families. The one that is readable, or a negative errno. */
static int wait_for_first(const struct nc *nc, const int sockets[2])
{
    struct pollfd both[2] = {{.fd = sockets[0], .events = POLLIN},
                             {.fd = sockets[1], .events = POLLIN}};
    for (;;) {
        int signalled = 0;
        int ready = tunny_poll_with(nc->stack, both, 2, -1, interrupt_descriptor(), &signalled);
        if (signalled || interrupt_signal() != 0)
            return -EINTR;
        if (ready < 0)
            return ready;
        for (int i = 0; i < 2; i++)
            if (ready > 0 && both[i].revents != 0)
                return sockets[i];
    }
}

/* TCP: accepts. UDP: fixes the first sender as the peer, its datagram stays queued. 0; a negative
 * errno. */
static int take_peer(struct nc *nc, int listener)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof peer;
    char byte;
    if (!nc->is_udp) {
        nc->socket = tunny_accept(nc->stack, listener, (struct sockaddr *)&peer, &length,
                                  SOCK_NONBLOCK);
        return nc->socket < 0 ? nc->socket : 0;
    }
    ssize_t got = tunny_recvfrom(nc->stack, listener, &byte, 1, MSG_PEEK | MSG_DONTWAIT,
                                 (struct sockaddr *)&peer, &length);
    if (got < 0)
        return (int)got;
    nc->socket = listener;
    return tunny_connect(nc->stack, listener, (const struct sockaddr *)&peer, length);
}

static int listen_on(struct nc *nc, unsigned port)
{
    static const int families[2] = {AF_INET, AF_INET6};
    int sockets[2] = {-1, -1}, result = -EADDRNOTAVAIL;
    for (int i = 0; i < 2; i++) {
        if (nc->family != AF_UNSPEC && nc->family != families[i])
            continue;
        int socket = bound_socket(nc, families[i], port);
        if (socket >= 0 && !nc->is_udp)
            result = tunny_listen(nc->stack, socket, 1);
        else if (socket < 0)
            result = socket;
        sockets[i] = socket;
    }
    if (sockets[0] < 0 && sockets[1] < 0)
        return failed("listening", result);
    do {
        result = wait_for_first(nc, sockets);
        if (result >= 0)
            result = take_peer(nc, result);
    } while (result == -EAGAIN || result == -ECONNABORTED);
    for (int i = 0; i < 2; i++)
        if (sockets[i] >= 0 && sockets[i] != nc->socket)
            tunny_close(nc->stack, sockets[i]);
    return result < 0 ? failed("listening", result) : EXIT_OK;
}

/* --- copying
 * ------------------------------------------------------------------------------------------- */

/* Reads standard input when it is ready. A negative errno on a failure. */
static int read_input(struct nc *nc)
{
    struct pollfd one = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!nc->input_is_open || nc->taken < nc->filled || poll(&one, 1, 0) <= 0)
        return 0;
    ssize_t got = read(STDIN_FILENO, nc->input, nc->is_udp ? BLOCK - 64 : BLOCK);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    nc->taken = 0;
    nc->filled = (size_t)got;
    if (got == 0) {
        nc->input_is_open = 0;
        if (!nc->is_udp)
            return tunny_shutdown(nc->stack, nc->socket, SHUT_WR);
    }
    return 0;
}

/* 0; a negative errno. */
static int send_input(struct nc *nc)
{
    while (nc->taken < nc->filled) {
        ssize_t sent = tunny_send(nc->stack, nc->socket, nc->input + nc->taken,
                                  nc->filled - nc->taken, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == -EAGAIN)
            return 0;
        if (sent < 0)
            return (int)sent;
        nc->taken += (size_t)sent;
    }
    return 0;
}

static int write_output(const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, data, length);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* Bytes that came, 0 none or the end (peer_is_open), a negative errno. */
static ssize_t receive_output(struct nc *nc)
{
    static char block[BLOCK];
    ssize_t total = 0;
    while (nc->peer_is_open && total < 16 * BLOCK) {
        ssize_t got = tunny_recv(nc->stack, nc->socket, block, sizeof block, MSG_DONTWAIT);
        if (got == -EAGAIN)
            break;
        if (got < 0)
            return got;
        if (got == 0 && !nc->is_udp)
            nc->peer_is_open = 0;
        int result = write_output(block, (size_t)got);
        if (result < 0)
            return result;
        total += got + (got == 0);
    }
    return total;
}

/* Waits for either side. 0; -ETIMEDOUT, -EINTR, the device's failure. */
static int wait_for_either(const struct nc *nc, int64_t end_ns)
{
    int reads = nc->input_is_open && nc->taken == nc->filled;
    int wants = nc->peer_is_open ? POLLIN : 0;
    if (nc->taken < nc->filled)
        wants |= POLLOUT;
    int ready = tunny_ready(nc->stack, nc->socket);
    if (ready < 0)
        return ready;
    int timeout = (ready & (wants | POLLERR)) != 0 ? 0 : milliseconds_until(nc->stack, end_ns);
    if (timeout == 0 && (ready & (wants | POLLERR)) == 0)
        return -ETIMEDOUT;
    return turn(nc->stack, timeout, reads ? STDIN_FILENO : -1, POLLIN);
}

static int is_over(const struct nc *nc)
{
    int all_sent = !nc->input_is_open && nc->taken == nc->filled;
    return nc->is_udp ? 0 : all_sent && !nc->peer_is_open;
}

static int copy(struct nc *nc)
{
    int64_t end = STREAM_NEVER;
    int result = 0;
    nc->input_is_open = 1;
    nc->peer_is_open = 1;
    if (!nc->is_udp)
        end = deadline(nc);
    while (result == 0 && !is_over(nc)) {
        size_t before = nc->taken;
        int was_open = nc->input_is_open;
        result = read_input(nc);
        if (result == 0)
            result = send_input(nc);
        ssize_t got = result == 0 ? receive_output(nc) : 0;
        if (got < 0)
            result = (int)got;
        int moved = got > 0 || nc->taken != before || nc->input_is_open != was_open;
        if (moved && (!nc->is_udp || !nc->input_is_open))
            end = deadline(nc);
        if (result == 0 && !is_over(nc))
            result = wait_for_either(nc, end);
    }
    if (result == -ETIMEDOUT && nc->is_udp)
        return EXIT_OK;
    return result < 0 ? failed("the connection", result) : EXIT_OK;
}

/* --- the command
 * ----------------------------------------------------------------------------------------- */

/* EXIT_OK with *port. */
static int read_operands(const struct nc *nc, int argc, char **argv, unsigned *port)
{
    uint64_t number;
    int expected = nc->listens ? 1 : 2;
    if (argc - optind != expected)
        return options_wrong("expected %s", nc->listens ? "a port" : "a host and a port");
    const char *text = argv[argc - 1];
    if (number_parse(text, 65535, &number) < 0 || number == 0)
        return options_wrong("%s is no port", text);
    *port = (unsigned)number;
    return EXIT_OK;
}

int nc_main(int argc, char **argv)
{
    static struct nc nc;
    unsigned port = 0;
    int option;
    nc = (struct nc){.socket = -1};
    message_program(nc_command.name);
    options_start(&nc.options, argc, argv);
    while ((option = options_next(&nc.options, &nc_command, argc, argv)) >= 0)
        if (take_option(&nc, option) != EXIT_OK)
            return EXIT_USAGE;
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (read_operands(&nc, argc, argv, &port) != EXIT_OK)
        return EXIT_USAGE;
    if (nc.is_udp && nc.wait_ns == 0)
        nc.wait_ns = 1000000000;
    int code = options_open_stack(&nc.options, &nc.stack);
    if (code == EXIT_OK)
        code = nc.listens ? listen_on(&nc, port) : connect_any(&nc, argv[optind], port);
    if (code == EXIT_OK)
        code = copy(&nc);
    if (nc.socket >= 0)
        tunny_close(nc.stack, nc.socket);
    options_close_stack(&nc.options, nc.stack);
    return code;
}
