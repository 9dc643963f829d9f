/* kernel: what the kernel's own TCP does, as the control: this process (CPU 0) is in one network
 * namespace, its peer (CPU 1) in that of PROCESS; between them is what the caller has put there.
 *
 *   kernel bulk PROCESS [-t SECONDS] [-P FLOWS] [-6]        receives; both sides' cost
 *   kernel pingpong|connections PROCESS [-n TURNS]          serves bytes, one connection at a time
 *   kernel hold PROCESS [-n CONNECTIONS]                    keeps them open
 *   kernel http ADDRESS PORT [-n CONNECTIONS]               asks a server for /small, anew each
 * time
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/bench.h"

enum { BULK_PORT = 5004, FLOWS = 64, EVENTS = 64 };

static unsigned turns = 20000, flows = 1;
static const char *address = "198.18.0.2";
static double seconds_wanted = 3;

static int bulk(void)
{
    struct bench_span span = {.seconds = seconds_wanted};
    struct pollfd polled[FLOWS];
    int listener = bench_listen(address, BULK_PORT);
    char *data = malloc(1 << 18);

    for (unsigned i = 0; i < flows; i++)
        bench_child(BENCH_KERNEL_SENDS, address, BULK_PORT);
    for (unsigned i = 0; i < flows; i++)
        polled[i] = (struct pollfd){accept(listener, NULL, NULL), POLLIN, 0};
    for (;;) {
        uint64_t bytes = 0;
        if (flows > 1)
            poll(polled, flows, -1);
        for (unsigned i = 0; i < flows; i++) {
            ssize_t n = flows > 1 && !polled[i].revents ? 0 : recv(polled[i].fd, data, 1 << 18, 0);
            if (n < 0)
                bench_die("recv");
            bytes += (uint64_t)n;
        }
        if (bench_moved(&span, bytes))
            return 0;
    }
}

/* Ends with the client, which reports. */
static int serve(enum bench_child_kind kind)
{
    struct pollfd listener = {bench_listen(address, BENCH_TURN_PORT), POLLIN, 0};

    bench_child(kind, address, turns);
    for (;;) {
        char bytes[64];
        ssize_t n;
        int s;
        if (poll(&listener, 1, 10) == 0 && !bench_child_runs())
            return 0;
        if (!listener.revents)
            continue;
        s = accept(listener.fd, NULL, NULL);
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        while ((n = recv(s, bytes, sizeof bytes, 0)) > 0)
            if (send(s, bytes, (size_t)n, 0) != n)
                break;
        close(s);
    }
}

/* The kernel's own objects, of both ends. */
static double slab_bytes(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[100];
    double kib = 0;

    while (f && kib == 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "Slab:", 5) == 0)
            kib = atof(line + 5);
    if (f)
        fclose(f);
    return kib * 1024;
}

static void watch(int poller, int s)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = s};

    if (s < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, s, &event) != 0)
        bench_die("epoll");
}

static int hold(void)
{
    int poller = epoll_create1(0), last_listener = 0;
    double before = slab_bytes(), begun = bench_now();
    struct epoll_event events[EVENTS];
    unsigned open = 0;

    for (unsigned i = 0; i < BENCH_HOLD_PORTS; i++)
        watch(poller, last_listener = bench_listen(address, BENCH_TURN_PORT + i));
    bench_child(BENCH_TCP_HOLDS, address, turns);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, 10);
        if (n == 0 && open == turns && !bench_child_runs())
            return 0;
        for (int i = 0; i < n; i++) {
            int s = events[i].data.fd;
            char byte;
            if (s <= last_listener) {
                watch(poller, accept(s, NULL, NULL));
                if (++open == turns) {
                    printf("R opened %.0f /s\n", turns / (bench_now() - begun));
                    printf("R memory %.0f bytes\n", (slab_bytes() - before) / turns / 2);
                }
            } else if (recv(s, &byte, 1, 0) != 1 || send(s, &byte, 1, 0) != 1) {
                epoll_ctl(poller, EPOLL_CTL_DEL, s, NULL);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int is_http = strcmp(what, "http") == 0, o;

    optind = 3 + is_http;
    while (argc > 2 && (o = getopt(argc, argv, "n:t:P:6")) > 0)
        switch (o) {
        case 'n':
            turns = (unsigned)atoi(optarg);
            break;
        case 't':
            seconds_wanted = atof(optarg);
            break;
        case 'P':
            flows = (unsigned)atoi(optarg) % FLOWS;
            break;
        case '6':
            address = "fd00:7475:6e::2";
            break;
        default:
            return 2;
        }
    if (is_http && argc > 3) {
        bench_pin(1);
        bench_http_connections(argv[2], (unsigned)atoi(argv[3]), turns);
        return 0;
    }
    if (strcmp(what, "hold") == 0 && bench_descriptors(turns) < turns) {
        printf("S %u connections need as many open files, and the limit of %u cannot be raised\n",
               turns, bench_descriptors(turns));
        return BENCH_SKIPPED;
    }
    bench_pin(0);
    if (argc > 2)
        bench_children_live_with(atoi(argv[2]));
    if (strcmp(what, "bulk") == 0)
        return bulk();
    if (strcmp(what, "pingpong") == 0)
        return serve(BENCH_TCP_TURNS);
    if (strcmp(what, "connections") == 0)
        return serve(BENCH_TCP_CONNECTIONS);
    if (strcmp(what, "hold") == 0)
        return hold();
    return 2;
}
