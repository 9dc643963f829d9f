/* What the kernel's side does in the programs of tests/bench: sends, receives, takes turns, opens
 * connections; see bench.h. Knows nothing of the stack. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "bench/bench.h"

enum { WRITE_SIZE = 131072 };

/* Tries for a second: the other side may still be on its way. */
static int connected(int type, const char *address, unsigned port)
{
    struct sockaddr_storage a;
    socklen_t length = bench_address(address, port, &a);
    double until = bench_now() + 1;

    for (;;) {
        int s = socket(a.ss_family, type, 0);
        if (type == SOCK_STREAM) {
            setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
            setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        } else {
            setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){1, 0}, sizeof(struct timeval));
        }
        if (connect(s, (struct sockaddr *)&a, length) == 0)
            return s;
        close(s);
        if (bench_now() > until)
            bench_die("connect");
        usleep(1000);
    }
}

static void writes_for_ever(const char *address, unsigned port)
{
    char *data = calloc(1, WRITE_SIZE);
    int s = connected(SOCK_STREAM, address, port);

    while (write(s, data, WRITE_SIZE) >= 0)
        ;
}

static void reads_for_ever(int listener)
{
    char *data = calloc(1, WRITE_SIZE);
    int s = accept(listener, NULL, NULL);

    while (recv(s, data, WRITE_SIZE, 0) > 0)
        ;
}

static void answers_for_ever(int listener)
{
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

/* A datagram may be lost: then another goes. */
static void one_turn(int s)
{
    char byte = 'x';
    ssize_t got;

    do {
        if (send(s, &byte, 1, 0) != 1)
            bench_die("send");
        got = recv(s, &byte, 1, 0);
    } while (got < 0 && errno == EAGAIN);
    if (got != 1)
        bench_die("turn");
}

static void take_turns(int s, unsigned turns)
{
    double *took = calloc(turns, sizeof *took), begun = bench_now(), last = begun;

    for (unsigned i = 0; took && i < turns; i++) {
        double t;
        one_turn(s);
        t = bench_now();
        took[i] = t - last;
        last = t;
    }
    bench_report_turns(took, turns, bench_now() - begun);
    free(took);
}

/* `one` opens a connection, uses it and closes it. */
static void open_many(void (*one)(const char *address, unsigned port), const char *address,
                      unsigned port, unsigned connections)
{
    double *took = calloc(connections, sizeof *took), begun = bench_now(), last = begun;

    for (unsigned i = 0; took && i < connections; i++) {
        double t;
        one(address, port);
        t = bench_now();
        took[i] = t - last;
        last = t;
    }
    bench_report_turns(took, connections, bench_now() - begun);
    free(took);
}

static void byte_and_close(const char *address, unsigned port)
{
    int s = connected(SOCK_STREAM, address, port);

    one_turn(s);
    close(s);
}

static void ask_and_close(const char *address, unsigned port)
{
    static const char request[] = "GET /small HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    int s = connected(SOCK_STREAM, address, port);
    char answer[4096];
    size_t all = 0;
    ssize_t n;

    if (send(s, request, sizeof request - 1, 0) != (ssize_t)sizeof request - 1)
        bench_die("request");
    while ((n = recv(s, answer + all, sizeof answer - all, 0)) > 0)
        all += (size_t)n;
    if (n < 0 || all < 12 || memcmp(answer + 9, "200", 3) != 0)
        bench_die("answer");
    close(s);
}

void bench_tcp_connections(const char *address, unsigned connections)
{
    open_many(byte_and_close, address, BENCH_TURN_PORT, connections);
}

void bench_http_connections(const char *address, unsigned port, unsigned connections)
{
    open_many(ask_and_close, address, port, connections);
}

/* Over several ports, because a client has some 28,000 for each. */
static int *opened(const char *address, unsigned connections)
{
    int *all = calloc(connections, sizeof *all);

    for (unsigned i = 0; all && i < connections; i++)
        all[i] = connected(SOCK_STREAM, address, BENCH_TURN_PORT + i % BENCH_HOLD_PORTS);
    return all;
}

/* Takes turns on some of them, as long as all are open. */
static void hold(const char *address, unsigned connections)
{
    enum { STEP = 100, ROUNDS = 20 };
    int *all = opened(address, connections);
    unsigned turns = connections / STEP * ROUNDS;
    double *took = calloc(turns, sizeof *took), begun = bench_now();

    if (!all || !took || turns == 0)
        bench_die("connections");
    for (unsigned i = 0; i < turns; i++) {
        double t = bench_now();
        one_turn(all[(size_t)i * STEP % connections]);
        took[i] = bench_now() - t;
    }
    bench_report_turns(took, turns, bench_now() - begun);
}

void bench_peer(enum bench_child_kind kind, const char *address, unsigned number, int listener)
{
    switch (kind) {
    case BENCH_KERNEL_SENDS:
        writes_for_ever(address, number);
        break;
    case BENCH_KERNEL_RECEIVES:
        reads_for_ever(listener);
        break;
    case BENCH_UDP_TURNS:
        take_turns(connected(SOCK_DGRAM, address, BENCH_TURN_PORT), number);
        break;
    case BENCH_TCP_TURNS:
        take_turns(connected(SOCK_STREAM, address, BENCH_TURN_PORT), number);
        break;
    case BENCH_TCP_CONNECTIONS:
        bench_tcp_connections(address, number);
        break;
    case BENCH_TCP_ANSWERS:
        answers_for_ever(listener);
        break;
    case BENCH_TCP_KEEPS:
        opened(address, number);
        for (;;)
            pause();
    case BENCH_TCP_HOLDS:
        hold(address, number);
        break;
    }
}
