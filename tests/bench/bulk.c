/* bulk: how fast our stack receives from, or sends to, the kernel's TCP over the lab's TUN; run
 * inside scripts/lab (`make bench`). One process is ours (CPU 0), one child for each flow is the
 * kernel's side (CPU 1). Prints "R key value unit" lines.
 *
 *   bulk recv|send [-t SECONDS] [-P FLOWS] [-6] [-c] (copying API) [-o] (no offload)
 *                  [-w KERNEL_WRITE_SIZE] [-G CC] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "socket.h"

enum { PORT = 5001, FLOWS = 64 };

static double seconds_wanted = 3;
static int flows = 1, ipv6, copying, no_offload, write_size = 131072;
static const char *kernel_cc = "cubic";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static socklen_t address_of(struct sockaddr_storage *a, int ours)
{
    memset(a, 0, sizeof *a);
    if (ipv6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(PORT);
        inet_pton(AF_INET6, ours ? "fd00:7475:6e::2" : "fd00:7475:6e::1", &six->sin6_addr);
        return sizeof *six;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)a;
    four->sin_family = AF_INET;
    four->sin_port = htons(PORT);
    inet_pton(AF_INET, ours ? "198.18.0.2" : "198.18.0.1", &four->sin_addr);
    return sizeof *four;
}

/* The kernel's side: sends or receives for ever. */
static void kernel_side(int sending, int listener)
{
    struct sockaddr_storage a;
    socklen_t length = address_of(&a, 1);
    char *data = malloc((size_t)write_size);
    int s;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    memset(data, 'x', (size_t)write_size);
    if (sending) {
        s = socket(a.ss_family, SOCK_STREAM, 0);
        setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, kernel_cc, (socklen_t)strlen(kernel_cc));
        if (connect(s, (struct sockaddr *)&a, length))
            die("connect");
        while (write(s, data, (size_t)write_size) >= 0)
            ;
    } else {
        s = accept(listener, NULL, NULL);
        while (recv(s, data, (size_t)write_size, 0) > 0)
            ;
    }
    _exit(0);
}

static uint64_t move(struct tunny *stack, int s, int sending)
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

static void report(uint64_t bytes, double span, const struct rusage *a, const struct rusage *b)
{
    double gb = (double)bytes / 1e9;
    double user = (double)(b->ru_utime.tv_sec - a->ru_utime.tv_sec) +
                  (double)(b->ru_utime.tv_usec - a->ru_utime.tv_usec) * 1e-6;
    double sys = (double)(b->ru_stime.tv_sec - a->ru_stime.tv_sec) +
                 (double)(b->ru_stime.tv_usec - a->ru_stime.tv_usec) * 1e-6;

    printf("R rate %.3f Gbit/s\nR cpu_user %.4f s/GB\nR cpu_system %.4f s/GB\n", gb * 8 / span,
           user / gb, sys / gb);
}

int main(int argc, char **argv)
{
    struct tunny_config config = {.device = getenv("LAB_DEVICE")};
    struct sockaddr_storage a;
    struct pollfd polled[FLOWS];
    struct rusage before, after;
    struct tunny *stack;
    char error[200];
    int sending, o, listener = -1, ours, count = 0;
    uint64_t bytes = 0, mark = 0;
    double begun, started = 0;
    socklen_t length;

    sending = argc > 1 && strcmp(argv[1], "send") == 0;
    optind = 2;
    while ((o = getopt(argc, argv, "t:P:6cow:G:")) > 0)
        switch (o) {
        case 't':
            seconds_wanted = atof(optarg);
            break;
        case 'P':
            flows = atoi(optarg);
            break;
        case '6':
            ipv6 = 1;
            break;
        case 'c':
            copying = 1;
            break;
        case 'o':
            no_offload = 1;
            break;
        case 'w':
            write_size = atoi(optarg);
            break;
        case 'G':
            kernel_cc = optarg;
            break;
        default:
            return 2;
        }
    config.no_offload = no_offload;
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "bulk: %s\n", error);
        return 1;
    }
    length = address_of(&a, sending ? 0 : 1);
    if (sending) {
        listener = socket(a.ss_family, SOCK_STREAM, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
        if (bind(listener, (struct sockaddr *)&a, length) || listen(listener, FLOWS))
            die("listen");
    } else {
        ours = tunny_socket(stack, a.ss_family, SOCK_STREAM, 0);
        tunny_bind(stack, ours, (struct sockaddr *)&a, length);
        tunny_listen(stack, ours, FLOWS);
    }
    for (int i = 0; i < flows; i++)
        if (fork() == 0)
            kernel_side(!sending, listener);
    pin(0);
    for (int i = 0; i < flows; i++) {
        int s;
        if (sending) {
            s = tunny_socket(stack, a.ss_family, SOCK_STREAM, 0);
            if (tunny_connect(stack, s, (struct sockaddr *)&a, length) < 0)
                return 1;
        } else {
            s = tunny_accept(stack, ours, NULL, NULL, 0);
        }
        polled[count++] = (struct pollfd){.fd = s, .events = sending ? POLLOUT : POLLIN};
    }
    begun = now();
    for (;;) {
        double t;
        if (tunny_poll(stack, polled, (unsigned)count, 1000) < 0)
            return 1;
        for (int i = 0; i < count; i++)
            if (polled[i].revents)
                bytes += move(stack, polled[i].fd, sending);
        t = now();
        if (started == 0 && t - begun > 0.5) {
            started = t;
            mark = bytes;
            getrusage(RUSAGE_SELF, &before);
        }
        if (started > 0 && t - started > seconds_wanted) {
            getrusage(RUSAGE_SELF, &after);
            report(bytes - mark, t - started, &before, &after);
            fflush(stdout);
            _exit(0);
        }
    }
}
