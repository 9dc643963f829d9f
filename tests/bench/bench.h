/* What the programs of tests/bench share: the kernel's side as a child process, a span of time that
 * is measured after a warm-up, pinning to a CPU. Prints "R key value unit" lines. */
#ifndef TUNNY_BENCH_H
#define TUNNY_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum bench_child_kind {
    BENCH_KERNEL_SENDS,    /* connects to ADDRESS:number and writes for ever */
    BENCH_KERNEL_RECEIVES, /* listens at ADDRESS:number and reads for ever; ready on return */
    BENCH_UDP_TURNS,       /* sends a byte to ADDRESS and waits for it, `number` times; reports */
    BENCH_TCP_TURNS,       /* the same over TCP */
    BENCH_TCP_CONNECTIONS, /* connect, one byte there and back, close: `number` times; reports */
};

struct bench_span {
    double warm, seconds; /* before, and what is measured */
    double started, begun;
    uint64_t bytes, mark;
    struct rusage before;
};

__attribute__((noreturn)) void bench_die(const char *what);
double bench_now(void);
void bench_pin(int cpu);
/* "198.18.0.1" or "fd00::1" with a port as an address; its length. A kernel's listening socket. */
socklen_t bench_address(const char *text, unsigned port, struct sockaddr_storage *a);
int bench_listen(const char *address, unsigned port);
/* Makes the kernel's side, on CPU 1, which ends with this process. */
void bench_child(enum bench_child_kind kind, const char *address, unsigned number);
bool bench_child_runs(void);
/* Counts; true when the span is over, after it has printed the rate and what it cost this process.
 */
bool bench_moved(struct bench_span *span, uint64_t bytes);

/* The turns themselves, on a connected socket or towards an address: also for a control run in
 * which both sides are the kernel's. */
void bench_tcp_turns(const char *address, unsigned turns);
void bench_tcp_connections(const char *address, unsigned connections);

enum { BENCH_TURN_PORT = 5003 };

#endif
