/* A program on a joined stack, for tests/interop/rings.py and the benchmark.
 *
 *   joined NAME many ADDRESS PORT COUNT    connections one after the other, "ping" and "pong"
 *   joined NAME pong PORT                  answers "pong" to each "ping"
 *   joined NAME turns ADDRESS PORT COUNT   a byte there and back, COUNT times; microseconds of each
 *   joined NAME push ADDRESS PORT BYTES    sends; seconds
 *   joined NAME spoil ADDRESS PORT         writes nonsense into the shared words, and waits */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "remote/remote.h"
#include "remote/remote_socket.h"

static struct tunny_remote *stack;

static _Noreturn void failed(const char *what, ssize_t result)
{
    fprintf(stderr, "joined: %s: %s\n", what, strerror((int)-result));
    exit(1);
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (host != NULL && inet_pton(AF_INET, host, &address.sin_addr) != 1)
        failed(host, -EINVAL);
    return address;
}

static struct tunny_remote_socket *connected(const struct sockaddr_in *address)
{
    struct tunny_remote_socket *s;
    int on = 1;
    int result = tunny_remote_socket(stack, AF_INET, 0, &s);
    if (result == 0)
        result = tunny_remote_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (result == 0)
        result = tunny_remote_connect(s, (const struct sockaddr *)address, sizeof *address, -1);
    if (result < 0)
        failed("connect", result);
    return s;
}

static void exchange(struct tunny_remote_socket *s, const char *there, const char *back)
{
    char got[8] = "";
    size_t length = strlen(there);
    ssize_t n = tunny_remote_send(s, there, length, 0);
    if (n != (ssize_t)length)
        failed("send", n);
    n = tunny_remote_recv(s, got, length, MSG_WAITALL);
    if (n != (ssize_t)length || strcmp(got, back) != 0)
        failed("receive", n);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void many(const struct sockaddr_in *address, int count)
{
    double began = seconds();
    for (int i = 0; i < count; i++) {
        struct tunny_remote_socket *s = connected(address);
        exchange(s, "ping", "pong");
        tunny_remote_close(s);
    }
    printf("R each %.3f us\n", (seconds() - began) * 1e6 / count);
}

static void pong(const struct sockaddr_in *address)
{
    struct tunny_remote_socket *listener, *s;
    char got[4];
    int result = tunny_remote_socket(stack, AF_INET, 0, &listener);
    if (result == 0)
        result = tunny_remote_bind(listener, (const struct sockaddr *)address, sizeof *address);
    if (result == 0)
        result = tunny_remote_listen(listener, 1024);
    if (result < 0)
        failed("listen", result);
    printf("ready\n");
    fflush(stdout);
    while ((result = tunny_remote_accept(listener, -1, NULL, &s)) == 0) {
        while (tunny_remote_recv(s, got, 4, MSG_WAITALL) == 4 && memcmp(got, "ping", 4) == 0)
            tunny_remote_send(s, "pong", 4, 0);
        tunny_remote_close(s);
    }
    failed("accept", result);
}

static void turns(const struct sockaddr_in *address, int count)
{
    struct tunny_remote_socket *s = connected(address);
    double began = seconds();
    for (int i = 0; i < count; i++)
        exchange(s, "x", "x");
    printf("R each %.3f us\n", (seconds() - began) * 1e6 / count);
    tunny_remote_close(s);
}

static void push(const struct sockaddr_in *address, long long bytes)
{
    static char text[1 << 17];
    struct tunny_remote_socket *s = connected(address);
    double began = seconds();
    long long left = bytes;
    while (left > 0) {
        size_t length = left < (long long)sizeof text ? (size_t)left : sizeof text;
        ssize_t n = tunny_remote_send(s, text, length, 0);
        if (n <= 0)
            failed("send", n);
        left -= n;
    }
    tunny_remote_shutdown(s, SHUT_WR);
    ssize_t n = tunny_remote_recv(s, text, 1, 0);
    if (n != 0)
        failed("the end", n);
    printf("R rate %.3f Gbit/s\n", (double)bytes * 8 / 1e9 / (seconds() - began));
    tunny_remote_close(s);
}

/* As a program would whose pointer went astray. */
static void spoil(const struct sockaddr_in *address)
{
    struct tunny_remote_socket *s = connected(address);
    memset(&s->page->out, 0x7f, sizeof s->page->out);
    memset(&s->page->in, 0x7f, sizeof s->page->in);
    remote_wake_holder(s);
    while (remote_error(s) == 0)
        if (tunny_remote_wait(s, 0, 5000) == 0)
            failed("the stack says nothing", -ETIMEDOUT);
    printf("%s\n", strerror(-remote_error(s)));
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    int result = tunny_join(argv[1], &stack);
    if (result < 0)
        failed(argv[1], result);
    const char *what = argv[2];
    if (strcmp(what, "pong") == 0) {
        struct sockaddr_in here = address_of(NULL, argv[3]);
        pong(&here);
    }
    struct sockaddr_in there = address_of(argv[3], argv[4]);
    if (strcmp(what, "many") == 0)
        many(&there, atoi(argv[5]));
    else if (strcmp(what, "turns") == 0)
        turns(&there, atoi(argv[5]));
    else if (strcmp(what, "push") == 0)
        push(&there, atoll(argv[5]));
    else if (strcmp(what, "spoil") == 0)
        spoil(&there);
    else
        return 2;
    tunny_leave(stack);
    return 0;
}
