/* bulk: how fast our stack receives from, or sends to, the kernel's TCP over the lab's TUN; run
 * inside scripts/lab. One process is ours (CPU 0), one child for each flow is the kernel's side
 * (CPU 1).
 *
 *   bulk recv|send [-t SECONDS] [-P FLOWS] [-6] [-c] (copying API) [-o] (no offload) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "socket.h"

enum { PORT = 5100, FLOWS = 64 };

static unsigned flows = 1;
static int copying, no_offload, sending;
static const char *ours = "198.18.0.2", *kernel = "198.18.0.1";
static double seconds_wanted = 3;

static uint64_t move(struct tunny *stack, int s)
{
    static char copy[1 << 18];
    struct iovec pieces[2];
    ssize_t n;

    if (sending) {
        if (copying)
            n = tunny_send(stack, s, copy, sizeof copy, MSG_DONTWAIT);
        else if ((n = tunny_send_lend(stack, s, 1 << 20, MSG_DONTWAIT, pieces)) > 0)
            n = tunny_send_done(stack, s, (size_t)n, 0);
    } else {
        if (copying)
            n = tunny_recv(stack, s, copy, sizeof copy, MSG_DONTWAIT);
        else if ((n = tunny_recv_lend(stack, s, 1 << 20, MSG_DONTWAIT, pieces)) > 0)
            tunny_recv_done(stack, s, (size_t)n);
    }
    return n > 0 ? (uint64_t)n : 0;
}

static int connection(struct tunny *stack, int listener, unsigned number)
{
    struct sockaddr_storage a;
    socklen_t length;
    int s;

    if (!sending)
        return tunny_accept(stack, listener, NULL, NULL, 0);
    length = bench_address(kernel, PORT + number, &a);
    s = tunny_socket(stack, a.ss_family, SOCK_STREAM, 0);
    if (tunny_connect(stack, s, (struct sockaddr *)&a, length) < 0)
        exit(1);
    return s;
}

static int listening(struct tunny *stack)
{
    struct sockaddr_storage a;
    socklen_t length = bench_address(ours, PORT, &a);
    int s = tunny_socket(stack, a.ss_family, SOCK_STREAM, 0);

    if (tunny_bind(stack, s, (struct sockaddr *)&a, length) < 0 || tunny_listen(stack, s, FLOWS))
        exit(1);
    return s;
}

static int run(struct tunny *stack)
{
    struct bench_span span = {.seconds = seconds_wanted};
    struct pollfd polled[FLOWS];
    int listener = listening(stack);

    for (unsigned i = 0; i < flows; i++)
        bench_child(sending ? BENCH_KERNEL_RECEIVES : BENCH_KERNEL_SENDS, sending ? kernel : ours,
                    sending ? PORT + i : PORT);
    for (unsigned i = 0; i < flows; i++)
        polled[i] = (struct pollfd){.fd = connection(stack, listener, i),
                                    .events = sending ? POLLOUT : POLLIN};
    for (;;) {
        uint64_t bytes = 0;
        if (tunny_poll(stack, polled, flows, 1000) < 0)
            return 1;
        for (unsigned i = 0; i < flows; i++)
            if (polled[i].revents)
                bytes += move(stack, polled[i].fd);
        if (bench_moved(&span, bytes))
            return 0;
    }
}

int main(int argc, char **argv)
{
    struct tunny_config config = {.device = getenv("LAB_DEVICE")};
    struct tunny *stack;
    char error[200];
    int o;

    sending = argc > 1 && strcmp(argv[1], "send") == 0;
    optind = 2;
    while ((o = getopt(argc, argv, "t:P:6co")) > 0)
        switch (o) {
        case 't':
            seconds_wanted = atof(optarg);
            break;
        case 'P':
            flows = (unsigned)atoi(optarg);
            break;
        case '6':
            ours = "fd00:7475:6e::2";
            kernel = "fd00:7475:6e::1";
            break;
        case 'c':
            copying = 1;
            break;
        case 'o':
            no_offload = 1;
            break;
        default:
            return 2;
        }
    config.no_offload = no_offload;
    if (flows == 0 || flows > FLOWS || tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "bulk: %s\n", flows && flows <= FLOWS ? error : "1 to 64 flows");
        return 1;
    }
    bench_pin(0);
    return run(stack);
}
