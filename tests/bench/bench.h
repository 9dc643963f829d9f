/* What the programs of tests/bench share: the kernel's side as child processes (peer.c), a span of
 * time that is measured after a warm-up, pinning to a CPU. Prints "R key value unit" lines; "S
 * sentence" where something cannot be measured here. */
#ifndef TUNNY_BENCH_H
#define TUNNY_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BENCH_TURN_PORT = 5003, BENCH_HOLD_PORTS = 8, BENCH_SKIPPED = 3 /* exit status */ };

/* What a child does. `number` is a port, or how often. */
enum bench_child_kind {
    BENCH_KERNEL_SENDS,    /* connects to ADDRESS:number and writes for ever */
    BENCH_KERNEL_RECEIVES, /* listens at ADDRESS:number and reads for ever; ready on return */
    BENCH_UDP_TURNS,       /* sends a byte to ADDRESS and waits for it, `number` times; reports */
    BENCH_TCP_TURNS,       /* the same over TCP */
    BENCH_TCP_CONNECTIONS, /* connect, a byte there and back, close: `number` times; reports */
    BENCH_TCP_ANSWERS,     /* listens at ADDRESS, sends all bytes back, for ever; ready on return */
    BENCH_TCP_KEEPS,       /* opens `number` connections, for ever */
    BENCH_TCP_HOLDS,       /* opens `number` connections, takes turns on each 100th; reports */
};

struct bench_span {
    double seconds; /* what is measured, after a warm-up of half of it, 0.3 s at most */
    double started, begun;
    uint64_t bytes, mark;
    struct rusage before;
    double peer_user, peer_system; /* of the children, until it began */
};

__attribute__((noreturn)) void bench_die(const char *what);
double bench_now(void);
void bench_pin(int cpu);
/* "198.18.0.1" or "fd00::1" with a port as an address; its length. A kernel's listening socket. */
socklen_t bench_address(const char *text, unsigned port, struct sockaddr_storage *a);
int bench_listen(const char *address, unsigned port);
/* How many of `wanted` connections a process can have open: as many as wanted, where the limit of
 * open files can be raised. */
unsigned bench_descriptors(unsigned wanted);
/* Resident bytes of this process. */
double bench_resident(void);

/* Children live in the network namespace of this process from now on; 0: in our own. */
void bench_children_live_with(pid_t process);
/* Makes the kernel's side, on CPU 1, which ends with this process. */
void bench_child(enum bench_child_kind kind, const char *address, unsigned number);
/* Whether the last one still runs. */
bool bench_child_runs(void);
/* Counts; true when the span is over, after it has printed the rate and what it cost this process
 * and its children. */
bool bench_moved(struct bench_span *span, uint64_t bytes);

/* The median of `turns` durations in seconds and the slowest, how many there were in `all` seconds;
 * sorts. */
void bench_report_turns(double *took, unsigned turns, double all);

/* One child's life (peer.c). `listener`: of those that listen. */
void bench_peer(enum bench_child_kind kind, const char *address, unsigned number, int listener);
/* A byte there and back over connections of their own: also for a server in another program. With
 * `path`: by HTTP, until the server closes. */
void bench_tcp_connections(const char *address, unsigned connections);
void bench_http_connections(const char *address, unsigned port, unsigned connections);

#endif
