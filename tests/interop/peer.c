/* peer: our side of the interoperability tests. A server with one behaviour a port, and a client
 * with the same behaviours; the other side is a program on the kernel's TCP (interop.py).
 * Everything it says is one line on standard output.
 *
 *   peer [--device D] [--addr A] [--no-offload] [--impair S] [--set N=V]... serve
 *        7 echo    9 discard    19 "SIZE\n" -> SIZE bytes of the pattern    20 reset after the
 * first byte 21 reads nothing until the client has sent for 2 s, then everything, then answers with
 * the count 7/udp echo peer ... client ADDRESS PORT SIZE   sends SIZE pattern bytes, half-closes,
 * expects the same back peer ... fetch ADDRESS PORT SIZE    sends "SIZE\n", expects SIZE pattern
 * bytes peer ... refused ADDRESS PORT       expects ECONNREFUSED peer ... udp ADDRESS PORT SIZE one
 * datagram there and back */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

enum { CONNECTIONS = 1100, BUFFER = 65536 };
enum role { UNUSED, LISTENER, DATAGRAMS, CONNECTION };

struct end {
    enum role role;
    int port;
    uint64_t got, wanted, sent; /* bytes in; bytes to send; bytes sent */
    size_t held;                /* echo: bytes that wait in `data` */
    int peer_closed, closed_write;
    int64_t born_ns;
    uint8_t *data;
};

static struct tunny *stack;
static struct end ends[CONNECTIONS];
static volatile sig_atomic_t stopped;

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 3 + (i >> 16));
}

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void finish(int s)
{
    tunny_close(stack, s);
    free(ends[s].data);
    ends[s] = (struct end){0};
}

static void reset(int s)
{
    struct linger now = {1, 0};

    tunny_setsockopt(stack, s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    finish(s);
}

static int listen_on(int port, int type)
{
    struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int s = tunny_socket(stack, AF_INET6, type | SOCK_NONBLOCK, 0), yes = 1;

    tunny_setsockopt(stack, s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (tunny_bind(stack, s, (const struct sockaddr *)&here, sizeof here) < 0 ||
        (type == SOCK_STREAM && tunny_listen(stack, s, 512) < 0)) {
        fprintf(stderr, "peer: port %d cannot be used\n", port);
        exit(1);
    }
    ends[s] = (struct end){.role = type == SOCK_STREAM ? LISTENER : DATAGRAMS, .port = port};
    return s;
}

static void accept_all(int listener)
{
    int s;

    while ((s = tunny_accept(stack, listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (s >= CONNECTIONS) {
            tunny_close(stack, s);
            continue;
        }
        ends[s] = (struct end){.role = CONNECTION,
                               .port = ends[listener].port,
                               .born_ns = tunny_now_ns(stack),
                               .data = malloc(BUFFER)};
    }
}

static void answer_datagrams(int s)
{
    uint8_t data[BUFFER];
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t n;

    while ((n = tunny_recvfrom(stack, s, data, sizeof data, 0, (struct sockaddr *)&from,
                               &length)) >= 0) {
        tunny_sendto(stack, s, data, (size_t)n, 0, (const struct sockaddr *)&from, length);
        length = sizeof from;
    }
}

/* Echo: what waits goes out; what comes in waits. */
static int serve_echo(int s, struct end *e)
{
    for (;;) {
        ssize_t n;
        while (e->held > 0) {
            n = tunny_send(stack, s, e->data, e->held, 0);
            if (n < 0)
                return n == -EAGAIN ? 0 : -1;
            memmove(e->data, e->data + n, e->held - (size_t)n);
            e->held -= (size_t)n;
        }
        if (e->peer_closed)
            return -1;
        n = tunny_recv(stack, s, e->data, BUFFER, 0);
        if (n < 0)
            return n == -EAGAIN ? 0 : -1;
        e->peer_closed = n == 0;
        e->held = (size_t)n;
    }
}

static int serve_source(int s, struct end *e)
{
    ssize_t n;

    if (e->wanted == 0 && e->sent == 0) {
        char line[32] = "";
        n = tunny_recv(stack, s, line, sizeof line - 1, 0);
        if (n <= 0)
            return n == -EAGAIN ? 0 : -1;
        e->wanted = strtoull(line, NULL, 10);
    }
    while (e->sent < e->wanted) {
        uint64_t left = e->wanted - e->sent;
        size_t len = left < BUFFER ? (size_t)left : BUFFER;
        for (size_t i = 0; i < len; i++)
            e->data[i] = pattern(e->sent + i);
        n = tunny_send(stack, s, e->data, len, 0);
        if (n < 0)
            return n == -EAGAIN ? 0 : -1;
        e->sent += (uint64_t)n;
    }
    return -1;
}

static int serve_sink(int s, struct end *e, int answer)
{
    ssize_t n;

    while ((n = tunny_recv(stack, s, e->data, BUFFER, 0)) > 0)
        e->got += (uint64_t)n;
    if (n == -EAGAIN)
        return 0;
    if (n == 0 && answer) {
        char line[32];
        int len = snprintf(line, sizeof line, "%llu\n", (unsigned long long)e->got);
        tunny_send(stack, s, line, (size_t)len, 0);
    }
    return -1;
}

static void serve_connection(int s)
{
    struct end *e = &ends[s];
    uint8_t byte;
    ssize_t n;

    switch (e->port) {
    case 7:
        if (serve_echo(s, e) < 0)
            finish(s);
        break;
    case 19:
        if (serve_source(s, e) < 0)
            finish(s);
        break;
    case 20:
        n = tunny_recv(stack, s, &byte, 1, 0);
        if (n != -EAGAIN)
            reset(s);
        break;
    case 21:
        if (tunny_now_ns(stack) - e->born_ns > 2000000000 && serve_sink(s, e, 1) < 0)
            finish(s);
        break;
    default:
        if (serve_sink(s, e, 0) < 0)
            finish(s);
    }
}

static int serve(void)
{
    static const int ports[] = {7, 9, 19, 20, 21};
    static struct pollfd polled[CONNECTIONS];

    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
        listen_on(ports[i], SOCK_STREAM);
    listen_on(7, SOCK_DGRAM);
    printf("ready\n");
    fflush(stdout);
    while (!stopped) {
        unsigned count = 0;
        for (int s = 0; s < CONNECTIONS; s++)
            if (ends[s].role != UNUSED)
                polled[count++] = (struct pollfd){
                    .fd = s,
                    .events =
                        (short)(ends[s].port == 21 && ends[s].role == CONNECTION
                                    ? (tunny_now_ns(stack) - ends[s].born_ns > 2000000000 ? POLLIN
                                                                                          : 0)
                                    : POLLIN | (ends[s].held || ends[s].wanted ? POLLOUT : 0))};
        if (tunny_poll(stack, polled, count, 100) < 0 && !stopped)
            return 1;
        for (unsigned i = 0; i < count; i++) {
            if (polled[i].revents == 0)
                continue;
            if (ends[polled[i].fd].role == LISTENER)
                accept_all(polled[i].fd);
            else if (ends[polled[i].fd].role == DATAGRAMS)
                answer_datagrams(polled[i].fd);
            else
                serve_connection(polled[i].fd);
        }
    }
    return 0;
}

/* --- the client's side ------------------------------------------------------------------------ */

static int complain(const char *what, ssize_t error)
{
    printf("failed: %s: %s\n", what, error < 0 ? strerror((int)-error) : "wrong data");
    return 1;
}

static int connect_to(const char *address, int port, int type, ssize_t *error)
{
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int ipv4 = inet_pton(AF_INET, address, &a4.sin_addr) == 1, s;

    inet_pton(AF_INET6, address, &a6.sin6_addr);
    s = tunny_socket(stack, ipv4 ? AF_INET : AF_INET6, type, 0);
    *error = tunny_connect(stack, s,
                           ipv4 ? (const struct sockaddr *)&a4 : (const struct sockaddr *)&a6,
                           ipv4 ? sizeof a4 : sizeof a6);
    return s;
}

/* Sends and receives at the same time, so that neither side's buffers can block the other. */
static int exchange(int s, uint64_t send_size, uint64_t receive_size)
{
    static uint8_t out[BUFFER], in[BUFFER];
    uint64_t sent = 0, got = 0;
    int closed = 0;

    tunny_fcntl(stack, s, F_SETFL, O_NONBLOCK);
    for (;;) {
        struct pollfd p = {.fd = s, .events = (short)(POLLIN | (closed ? 0 : POLLOUT))};
        ssize_t n;
        if (tunny_poll(stack, &p, 1, 60000) <= 0)
            return complain("poll", -ETIMEDOUT);
        while (sent < send_size) {
            size_t len = send_size - sent < BUFFER ? (size_t)(send_size - sent) : BUFFER;
            for (size_t i = 0; i < len; i++)
                out[i] = pattern(sent + i);
            n = tunny_send(stack, s, out, len, 0);
            if (n == -EAGAIN)
                break;
            if (n < 0)
                return complain("send", n);
            sent += (uint64_t)n;
        }
        if (sent == send_size && !closed) {
            tunny_shutdown(stack, s, SHUT_WR);
            closed = 1;
        }
        while ((n = tunny_recv(stack, s, in, sizeof in, 0)) > 0)
            for (ssize_t i = 0; i < n; i++, got++)
                if (in[i] != pattern(got))
                    return complain("compare", 0);
        if (n == 0) {
            printf(got == receive_size ? "ok %llu\n" : "failed: %llu bytes\n",
                   (unsigned long long)got);
            return got != receive_size;
        }
        if (n != -EAGAIN)
            return complain("recv", n);
    }
}

static int client(const char *mode, const char *address, int port, uint64_t size)
{
    static uint8_t data[BUFFER], back[BUFFER];
    char line[32];
    ssize_t error;
    int type = strcmp(mode, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    int s = connect_to(address, port, type, &error);

    if (strcmp(mode, "refused") == 0) {
        printf(error == -ECONNREFUSED ? "ok refused\n" : "failed: %s\n", strerror((int)-error));
        return error != -ECONNREFUSED;
    }
    if (error < 0)
        return complain("connect", error);
    if (strcmp(mode, "client") == 0)
        return exchange(s, size, size);
    if (strcmp(mode, "fetch") == 0) {
        int len = snprintf(line, sizeof line, "%llu\n", (unsigned long long)size);
        tunny_send(stack, s, line, (size_t)len, 0);
        return exchange(s, 0, size);
    }
    for (size_t i = 0; i < size && i < sizeof data; i++)
        data[i] = pattern(i);
    tunny_set_deadline(stack, s, tunny_now_ns(stack) + 5000000000);
    error = tunny_send(stack, s, data, (size_t)size, 0);
    if (error < 0)
        return complain("send", error);
    error = tunny_recv(stack, s, back, sizeof back, 0);
    if (error != (ssize_t)size || memcmp(data, back, (size_t)size) != 0)
        return complain("udp", error);
    printf("ok %zd\n", error);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"device", 1, 0, 'd'},     {"addr", 1, 0, 'a'},
                                          {"no-offload", 0, 0, 'o'}, {"impair", 1, 0, 'i'},
                                          {"set", 1, 0, 's'},        {"pcap", 1, 0, 'p'},
                                          {"cc", 1, 0, 'c'},         {0, 0, 0, 0}};
    static const char *settings[33];
    struct tunny_config config = {.device = getenv("LAB_DEVICE"), .settings = settings};
    char error[200];
    int o, status, count = 0;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) > 0) {
        switch (o) {
        case 'd':
            config.device = optarg;
            break;
        case 'a':
            config.addresses = optarg;
            break;
        case 'o':
            config.no_offload = 1;
            break;
        case 'i':
            config.impair = optarg;
            break;
        case 'p':
            config.capture = optarg;
            break;
        case 'c':
            config.congestion = optarg;
            break;
        case 's':
            if (count < 32)
                settings[count++] = optarg;
            break;
        default:
            return 2;
        }
    }
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    status = tunny_create(&config, &stack, error, sizeof error);
    if (status < 0) {
        printf("failed: %s\n", error);
        return 1;
    }
    if (argc > optind && strcmp(argv[optind], "serve") == 0)
        status = serve();
    else if (argc > optind + 2)
        status = client(argv[optind], argv[optind + 1], atoi(argv[optind + 2]),
                        argc > optind + 3 ? strtoull(argv[optind + 3], NULL, 10) : 0);
    else
        status = 2;
    tunny_drain(stack, 1000);
    tunny_destroy(stack);
    return status;
}
