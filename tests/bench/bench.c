/* See bench.h. */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { WRITE_SIZE = 131072 };

static pid_t child;

void bench_die(const char *what)
{
    perror(what);
    exit(1);
}

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void bench_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

socklen_t bench_address(const char *text, unsigned port, struct sockaddr_storage *a)
{
    struct sockaddr_in *four = (struct sockaddr_in *)a;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;

    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return sizeof *four;
    }
    inet_pton(AF_INET6, text, &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    return sizeof *six;
}

int bench_listen(const char *address, unsigned port)
{
    struct sockaddr_storage a;
    socklen_t length = bench_address(address, port, &a);
    int listener = socket(a.ss_family, SOCK_STREAM, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&a, length) || listen(listener, 1024))
        bench_die("listen");
    return listener;
}

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

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report_turns(double *took, unsigned turns, double all)
{
    qsort(took, turns, sizeof *took, compare);
    printf("R p50 %.2f us\nR p99 %.2f us\nR p999 %.2f us\nR turns %.0f /s\n", took[turns / 2] * 1e6,
           took[(size_t)turns * 99 / 100] * 1e6, took[(size_t)turns * 999 / 1000] * 1e6,
           turns / all);
    fflush(stdout);
}

static void take_turns(int s, unsigned turns)
{
    double *took = calloc(turns, sizeof *took), begun = bench_now(), last = begun;
    char byte = 'x';

    for (unsigned i = 0; took && i < turns; i++) {
        double t;
        if (send(s, &byte, 1, 0) != 1 || recv(s, &byte, 1, 0) != 1)
            bench_die("turn");
        t = bench_now();
        took[i] = t - last;
        last = t;
    }
    report_turns(took, turns, bench_now() - begun);
    free(took);
}

void bench_tcp_turns(const char *address, unsigned turns)
{
    take_turns(connected(SOCK_STREAM, address, BENCH_TURN_PORT), turns);
}

void bench_tcp_connections(const char *address, unsigned connections)
{
    double *took = calloc(connections, sizeof *took), begun = bench_now(), last = begun;

    for (unsigned i = 0; took && i < connections; i++) {
        struct linger at_once = {.l_onoff = 1};
        int s = connected(SOCK_STREAM, address, BENCH_TURN_PORT);
        char byte = 'x';
        double t;
        if (send(s, &byte, 1, 0) != 1 || recv(s, &byte, 1, 0) != 1)
            bench_die("turn");
        /* a reset: thousands of ports in TIME-WAIT would be what is measured */
        setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(s);
        t = bench_now();
        took[i] = t - last;
        last = t;
    }
    report_turns(took, connections, bench_now() - begun);
    free(took);
}

static void run_child(enum bench_child_kind kind, const char *address, unsigned number,
                      int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(1);
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
        bench_tcp_turns(address, number);
        break;
    case BENCH_TCP_CONNECTIONS:
        bench_tcp_connections(address, number);
        break;
    }
}

void bench_child(enum bench_child_kind kind, const char *address, unsigned number)
{
    int listener = kind == BENCH_KERNEL_RECEIVES ? bench_listen(address, number) : -1;

    child = fork();
    if (child == 0) {
        run_child(kind, address, number, listener);
        _exit(0);
    }
}

bool bench_child_runs(void)
{
    return waitpid(child, NULL, WNOHANG) == 0;
}

static double seconds_of(struct timeval after, struct timeval before)
{
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_usec - before.tv_usec) * 1e-6;
}

bool bench_moved(struct bench_span *span, uint64_t bytes)
{
    double t = bench_now(), gb;
    struct rusage after;

    span->bytes += bytes;
    if (span->begun == 0)
        span->begun = t;
    if (span->started == 0 && t - span->begun > span->warm) {
        span->started = t;
        span->mark = span->bytes;
        getrusage(RUSAGE_SELF, &span->before);
    }
    if (span->started == 0 || t - span->started < span->seconds)
        return false;
    getrusage(RUSAGE_SELF, &after);
    gb = (double)(span->bytes - span->mark) / 1e9;
    printf("R rate %.3f Gbit/s\nR cpu_user %.4f s/GB\nR cpu_system %.4f s/GB\n",
           gb * 8 / (t - span->started), seconds_of(after.ru_utime, span->before.ru_utime) / gb,
           seconds_of(after.ru_stime, span->before.ru_stime) / gb);
    fflush(stdout);
    return true;
}
