/* turn: bytes there and back, and whole connections, between our stack (CPU 0) and the kernel's
 * (CPU 1) over the lab's TUN; run inside scripts/lab. tests/bench/kernel is the control.
 *
 *   turn pingpong|connections [-n TURNS] [-b] (busy polling)     we serve
 *   turn client [-n CONNECTIONS]                                 we connect, ask, close
 *   turn hold [-n CONNECTIONS]                                   we keep them open
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "socket.h"

enum { POLLED = 64, TIMEOUT_MS = 10 };

static const char ours[] = "198.18.0.2", kernel[] = "198.18.0.1";
static unsigned turns = 20000;
static const char *const busy_polling[] = {"busy_poll=1000000", NULL};

/* Answers a byte with a byte. False: the peer is gone. */
static bool serve(struct tunny *stack, int s)
{
    char bytes[64];
    ssize_t n = tunny_recv(stack, s, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n == -EAGAIN)
        return true;
    return n > 0 && tunny_send(stack, s, bytes, (size_t)n, MSG_DONTWAIT) == n;
}

static int listening(struct tunny *stack, unsigned port)
{
    struct sockaddr_storage a;
    socklen_t length = bench_address(ours, port, &a);
    int s = tunny_socket(stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (s < 0 || tunny_bind(stack, s, (struct sockaddr *)&a, length) < 0 ||
        tunny_listen(stack, s, 1024) < 0)
        bench_die("listen");
    return s;
}

static int accepted(struct tunny *stack, int listener)
{
    int s = tunny_accept(stack, listener, NULL, NULL, SOCK_NONBLOCK);

    if (s >= 0)
        tunny_setsockopt(stack, s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return s;
}

static void accept_all(struct tunny *stack, struct pollfd *polled, unsigned *count)
{
    int s;

    while (*count < POLLED && (s = accepted(stack, polled[0].fd)) >= 0)
        polled[(*count)++] = (struct pollfd){.fd = s, .events = POLLIN};
}

static int server(struct tunny *stack, enum bench_child_kind kind)
{
    struct pollfd polled[POLLED];
    unsigned count = 1;

    polled[0] = (struct pollfd){.fd = listening(stack, BENCH_TURN_PORT), .events = POLLIN};
    bench_child(kind, ours, turns);
    for (unsigned round = 0;; round++) {
        int ready = tunny_poll(stack, polled, count, TIMEOUT_MS);
        if (ready < 0)
            return 1;
        if (ready == 0 && round % 64 == 0 && !bench_child_runs())
            return 0;
        for (unsigned i = 1; i < count; i++) {
            if (!polled[i].revents || serve(stack, polled[i].fd))
                continue;
            tunny_close(stack, polled[i].fd);
            polled[i--] = polled[--count];
        }
        if (polled[0].revents)
            accept_all(stack, polled, &count);
    }
}

/* The calls as a program makes them that waits in each. */
static int client(struct tunny *stack)
{
    double *took = calloc(turns, sizeof *took), begun, last;
    struct sockaddr_storage a;
    socklen_t length = bench_address(kernel, BENCH_TURN_PORT, &a);

    bench_child(BENCH_TCP_ANSWERS, kernel, 0);
    begun = last = bench_now();
    for (unsigned i = 0; took && i < turns; i++) {
        int s = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
        char byte = 'x';
        if (s < 0 || tunny_connect(stack, s, (struct sockaddr *)&a, length) < 0 ||
            tunny_send(stack, s, &byte, 1, 0) != 1 || tunny_recv(stack, s, &byte, 1, 0) != 1)
            bench_die("turn");
        tunny_close(stack, s);
        took[i] = bench_now() - last;
        last += took[i];
    }
    bench_report_turns(took, turns, bench_now() - begun);
    free(took);
    return 0;
}

/* The kernel's side, as one process after the other where one may not have them all; the last one
 * takes turns. */
static void open_more(unsigned open, unsigned most)
{
    unsigned left = turns - open;

    bench_child(left > most ? BENCH_TCP_KEEPS : BENCH_TCP_HOLDS, ours, left > most ? most : left);
}

/* What changed is asked for, so that those that only stay open cost nothing. */
static int hold(struct tunny *stack)
{
    struct pollfd device = {.fd = tunny_descriptor(stack), .events = POLLIN};
    double before = bench_resident(), begun = bench_now();
    unsigned open = 0, most = bench_descriptors(turns), peers = (turns + most - 1) / most;
    int last_listener = 0, s;

    for (unsigned i = 0; i < BENCH_HOLD_PORTS; i++)
        last_listener = listening(stack, BENCH_TURN_PORT + i);
    most = (turns + peers - 1) / peers;
    open_more(0, most);
    for (;;) {
        while ((s = tunny_next_changed(stack)) >= 0) {
            if (s > last_listener && !serve(stack, s))
                tunny_close(stack, s);
            while (s <= last_listener && accepted(stack, s) >= 0)
                if (++open == turns)
                    printf("R opened %.0f /s\nR memory %.0f bytes\n", turns / (bench_now() - begun),
                           (bench_resident() - before) / turns);
                else if (open % most == 0)
                    open_more(open, most);
        }
        int timer = tunny_timeout_ms(stack);
        if (poll(&device, 1, timer < 0 || timer > 10 ? 10 : timer) == 0 && open == turns &&
            !bench_child_runs())
            return 0;
        if (tunny_run(stack) < 0)
            return 1;
    }
}

int main(int argc, char **argv)
{
    struct tunny_config config = {.device = getenv("LAB_DEVICE")};
    const char *what = argc > 1 ? argv[1] : "";
    struct tunny *stack;
    char error[200];
    int o;

    optind = 2;
    while (argc > 1 && (o = getopt(argc, argv, "n:b")) > 0)
        switch (o) {
        case 'n':
            turns = (unsigned)atoi(optarg);
            break;
        case 'b':
            config.settings = busy_polling;
            break;
        default:
            return 2;
        }
    if (strcmp(what, "hold") == 0)
        config.memory = (uint64_t)turns << 14 | (uint64_t)512 << 20;
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "turn: %s\n", error);
        return 1;
    }
    bench_pin(0);
    if (strcmp(what, "pingpong") == 0)
        return server(stack, BENCH_TCP_TURNS);
    if (strcmp(what, "connections") == 0)
        return server(stack, BENCH_TCP_CONNECTIONS);
    if (strcmp(what, "client") == 0)
        return client(stack);
    if (strcmp(what, "hold") == 0)
        return hold(stack);
    return 2;
}
