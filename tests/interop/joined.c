/* A program on a joined stack, for tests/interop/rings.py and tests/run/costs.py. With "-" for the
 * stack's name it does the same with the system's sockets.
 *
 *   joined NAME many ADDRESS PORT COUNT    connections one after the other, "ping" and "pong"
 *   joined NAME pong PORT                  answers "pong" to each "ping"
 *   joined NAME sink PORT                  reads to the end, connection after connection
 *   joined NAME turns ADDRESS PORT COUNT   the same over one connection; microseconds of each
 *   joined NAME push ADDRESS PORT BYTES    sends; Gbit/s
 *   joined NAME spoil ADDRESS PORT         writes nonsense into the shared words, and waits */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* --- either kind of socket ---------------------------------------------------------------------
 */

struct end {
    struct tunny_remote_socket *there; /* NULL: the system's */
    int here;
};

static int result_of(int result)
{
    return result < 0 ? -errno : result;
}

static void close_end(struct end end)
{
    if (stack != NULL)
        tunny_remote_close(end.there);
    else
        close(end.here);
}

static ssize_t send_to(struct end end, const void *data, size_t length)
{
    if (stack != NULL)
        return tunny_remote_send(end.there, data, length, 0);
    ssize_t n = send(end.here, data, length, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

static ssize_t receive_from(struct end end, void *data, size_t length, int flags)
{
    if (stack != NULL)
        return tunny_remote_recv(end.there, data, length, flags);
    ssize_t n = recv(end.here, data, length, flags);
    return n < 0 ? -errno : n;
}

static struct end new_end(void)
{
    struct end end = {.here = -1};
    int on = 1, result;
    if (stack != NULL) {
        result = tunny_remote_socket(stack, AF_INET, 0, &end.there);
        if (result == 0)
            result = tunny_remote_setsockopt(end.there, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else {
        result = end.here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (result >= 0)
            result = setsockopt(end.here, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (result < 0)
        failed("socket", result_of(result));
    return end;
}

static struct end connected(const struct sockaddr_in *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;
    struct end end = new_end();
    int result = stack != NULL ? tunny_remote_connect(end.there, generic, sizeof *address, -1)
                               : result_of(connect(end.here, generic, sizeof *address));
    if (result < 0)
        failed("connect", result);
    return end;
}

static struct end listening(const struct sockaddr_in *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;
    struct end end = new_end();
    int result;
    if (stack != NULL) {
        result = tunny_remote_bind(end.there, generic, sizeof *address);
        if (result == 0)
            result = tunny_remote_listen(end.there, 1024);
    } else {
        result = result_of(bind(end.here, generic, sizeof *address));
        if (result == 0)
            result = result_of(listen(end.here, 1024));
    }
    if (result < 0)
        failed("listen", result);
    printf("ready\n");
    fflush(stdout);
    return end;
}

static struct end accepted(struct end listener)
{
    struct end end = {.here = -1};
    int result;
    if (stack != NULL)
        result = tunny_remote_accept(listener.there, -1, NULL, &end.there);
    else
        result = end.here = result_of(accept4(listener.here, NULL, NULL, SOCK_CLOEXEC));
    if (result < 0)
        failed("accept", result);
    return end;
}

/* --- what is done with them --------------------------------------------------------------------
 */

static void exchange(struct end end, const char *there, const char *back)
{
    char got[8] = "";
    size_t length = strlen(there);
    ssize_t n = send_to(end, there, length);
    if (n != (ssize_t)length)
        failed("send", n);
    n = receive_from(end, got, length, MSG_WAITALL);
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
        struct end end = connected(address);
        exchange(end, "ping", "pong");
        close_end(end);
    }
    printf("R connect %.3f us\n", (seconds() - began) * 1e6 / count);
}

static void turns(const struct sockaddr_in *address, int count)
{
    struct end end = connected(address);
    double began = seconds();
    for (int i = 0; i < count; i++)
        exchange(end, "ping", "pong");
    printf("R ping %.3f us\n", (seconds() - began) * 1e6 / count);
    close_end(end);
}

static void push(const struct sockaddr_in *address, long long bytes)
{
    static char text[1 << 17];
    struct end end = connected(address);
    double began = seconds();
    for (long long left = bytes; left > 0;) {
        size_t length = left < (long long)sizeof text ? (size_t)left : sizeof text;
        ssize_t n = send_to(end, text, length);
        if (n <= 0)
            failed("send", n);
        left -= n;
    }
    int result = stack != NULL ? tunny_remote_shutdown(end.there, SHUT_WR)
                               : result_of(shutdown(end.here, SHUT_WR));
    ssize_t n = result < 0 ? result : receive_from(end, text, 1, 0);
    if (n != 0)
        failed("the end", n);
    printf("R rate %.3f Gbit/s\n", (double)bytes * 8 / 1e9 / (seconds() - began));
    close_end(end);
}

static _Noreturn void pong(const struct sockaddr_in *address)
{
    struct end listener = listening(address);
    char got[4];
    for (;;) {
        struct end end = accepted(listener);
        while (receive_from(end, got, 4, MSG_WAITALL) == 4 && memcmp(got, "ping", 4) == 0)
            send_to(end, "pong", 4);
        close_end(end);
    }
}

static _Noreturn void sink(const struct sockaddr_in *address)
{
    static char text[1 << 17];
    struct end listener = listening(address);
    for (;;) {
        struct end end = accepted(listener);
        while (receive_from(end, text, sizeof text, 0) > 0)
            ;
        close_end(end);
    }
}

/* As a program would whose pointer went astray. */
static void spoil(const struct sockaddr_in *address)
{
    struct tunny_remote_socket *s = connected(address).there;
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
    int result = strcmp(argv[1], "-") == 0 ? 0 : tunny_join(argv[1], &stack);
    if (result < 0)
        failed(argv[1], result);
    const char *what = argv[2];
    struct sockaddr_in here = address_of(NULL, argv[3]);
    if (strcmp(what, "pong") == 0)
        pong(&here);
    if (strcmp(what, "sink") == 0)
        sink(&here);
    if (argc < (strcmp(what, "spoil") == 0 ? 5 : 6))
        return 2;
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
