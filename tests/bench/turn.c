/* turn: a byte there and back, and whole connections, between a kernel client (CPU 1) and a server
 * (CPU 0) that is ours, over the lab's TUN, or the kernel's, as the control over a veth pair.
 *
 *   turn ours pingpong|connections [-n TURNS] [-b] (busy polling)     inside scripts/lab
 *   turn kernel ADDRESS                                              a kernel server, for ever
 *   turn client ADDRESS pingpong|connections [-n TURNS]              a kernel client
 *   turn sends ADDRESS | turn receives ADDRESS [-t SECONDS]          bulk, kernel to kernel */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "socket.h"

enum { POLLED = 64, BULK_PORT = 5004 };

static unsigned turns = 20000;
static int timeout_ms = 10;
static double seconds_wanted = 3;

/* Answers a byte with a byte. False: the peer is gone. */
static bool serve_ours(struct tunny *stack, int s)
{
    char bytes[64];
    ssize_t n = tunny_recv(stack, s, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n == -EAGAIN)
        return true;
    return n > 0 && tunny_send(stack, s, bytes, (size_t)n, MSG_DONTWAIT) == n;
}

static void accept_ours(struct tunny *stack, struct pollfd *polled, unsigned *count)
{
    int s;

    while (*count < POLLED &&
           (s = tunny_accept(stack, polled[0].fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        tunny_setsockopt(stack, s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        polled[(*count)++] = (struct pollfd){.fd = s, .events = POLLIN};
    }
}

static int ours(const char *what)
{
    struct tunny_config config = {.device = getenv("LAB_DEVICE")};
    struct pollfd polled[POLLED];
    struct sockaddr_storage a;
    socklen_t length = bench_address("198.18.0.2", BENCH_TURN_PORT, &a);
    struct tunny *stack;
    unsigned count = 1;
    char error[200];

    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "turn: %s\n", error);
        return 1;
    }
    polled[0] = (struct pollfd){.fd = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
                                .events = POLLIN};
    if (tunny_bind(stack, polled[0].fd, (struct sockaddr *)&a, length) < 0 ||
        tunny_listen(stack, polled[0].fd, 1024) < 0)
        return 1;
    bench_child(strcmp(what, "pingpong") == 0 ? BENCH_TCP_TURNS : BENCH_TCP_CONNECTIONS,
                "198.18.0.2", turns);
    bench_pin(0);
    for (unsigned round = 0;; round++) {
        int ready = tunny_poll(stack, polled, count, timeout_ms);
        if (ready < 0)
            return 1;
        if (ready == 0 && round % 64 == 0 && !bench_child_runs())
            return 0;
        for (unsigned i = 1; i < count; i++) {
            if (!polled[i].revents || serve_ours(stack, polled[i].fd))
                continue;
            tunny_close(stack, polled[i].fd);
            polled[i--] = polled[--count];
        }
        if (polled[0].revents)
            accept_ours(stack, polled, &count);
    }
}

/* One connection after the other, as the client makes them. */
__attribute__((noreturn)) static int kernel(const char *address)
{
    int listener = bench_listen(address, BENCH_TURN_PORT);

    bench_pin(0);
    for (;;) {
        int s = accept(listener, NULL, NULL);
        char bytes[64];
        ssize_t n;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        while ((n = recv(s, bytes, sizeof bytes, 0)) > 0)
            if (send(s, bytes, (size_t)n, 0) != n)
                break;
        close(s);
    }
}

static int receives(const char *address)
{
    struct bench_span span = {.warm = 0.5, .seconds = seconds_wanted};
    char *data = malloc(1 << 18);
    int s;

    bench_pin(0);
    s = accept(bench_listen(address, BULK_PORT), NULL, NULL);
    for (;;) {
        ssize_t n = recv(s, data, 1 << 18, 0);
        if (n <= 0)
            return 1;
        if (bench_moved(&span, (uint64_t)n))
            return 0;
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int o;

    optind = strcmp(what, "client") == 0 ? 4 : 3;
    while ((o = getopt(argc, argv, "n:bt:")) > 0)
        switch (o) {
        case 'n':
            turns = (unsigned)atoi(optarg);
            break;
        case 'b':
            timeout_ms = 0;
            break;
        case 't':
            seconds_wanted = atof(optarg);
            break;
        default:
            return 2;
        }
    if (strcmp(what, "ours") == 0)
        return ours(argv[2]);
    if (strcmp(what, "kernel") == 0)
        return kernel(argv[2]);
    if (strcmp(what, "receives") == 0)
        return receives(argv[2]);
    bench_pin(1);
    if (strcmp(what, "sends") == 0)
        bench_child(BENCH_KERNEL_SENDS, argv[2], BULK_PORT);
    else if (strcmp(what, "client") == 0 && argc > 3 && strcmp(argv[3], "connections") == 0)
        bench_tcp_connections(argv[2], turns);
    else if (strcmp(what, "client") == 0)
        bench_tcp_turns(argv[2], turns);
    else
        return 2;
    while (strcmp(what, "sends") == 0 && bench_child_runs())
        usleep(10000);
    return 0;
}
