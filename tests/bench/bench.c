/* See bench.h. */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { CHILDREN = 64 };

static pid_t children[CHILDREN], lives_with;
static unsigned child_count;

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

unsigned bench_descriptors(unsigned wanted)
{
    enum { OTHERS = 100 };
    struct rlimit limit, raised = {wanted + OTHERS, wanted + OTHERS};

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= raised.rlim_max)
        raised.rlim_max = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return (unsigned)limit.rlim_cur - OTHERS;
}

double bench_resident(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
        bench_die("/proc/self/statm");
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* --- children ------------------------------------------------------------------------------- */

void bench_children_live_with(pid_t process)
{
    lives_with = process;
}

static void move_to_namespace(void)
{
    char path[64];
    int there;

    if (lives_with == 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)lives_with);
    there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0)
        bench_die(path);
    close(there);
}

void bench_child(enum bench_child_kind kind, const char *address, unsigned number)
{
    int listener = -1;
    pid_t child;

    if (kind == BENCH_KERNEL_RECEIVES)
        listener = bench_listen(address, number);
    if (kind == BENCH_TCP_ANSWERS)
        listener = bench_listen(address, BENCH_TURN_PORT);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench_pin(1);
        move_to_namespace();
        bench_peer(kind, address, number, listener);
        _exit(0);
    }
    if (listener >= 0)
        close(listener);
    if (child < 0 || child_count == CHILDREN)
        bench_die("fork");
    children[child_count++] = child;
}

bool bench_child_runs(void)
{
    return waitpid(children[child_count - 1], NULL, WNOHANG) == 0;
}

/* What all children have used by now, in seconds. */
static void children_used(double *user, double *system)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);

    *user = *system = 0;
    for (unsigned i = 0; i < child_count; i++) {
        unsigned long in_user = 0, in_system = 0;
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)children[i]);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                        &in_user, &in_system) == 2) {
            *user += (double)in_user / ticks;
            *system += (double)in_system / ticks;
        }
        if (f)
            fclose(f);
    }
}

/* --- what is measured ----------------------------------------------------------------------- */

static double seconds_of(struct timeval after, struct timeval before)
{
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_usec - before.tv_usec) * 1e-6;
}

static void report_span(const struct bench_span *span, double took)
{
    double gb = (double)(span->bytes - span->mark) / 1e9, user, system;
    struct rusage after;

    getrusage(RUSAGE_SELF, &after);
    children_used(&user, &system);
    printf("R rate %.3f Gbit/s\n", gb * 8 / took);
    printf("R cpu_user %.4f s/GB\n", seconds_of(after.ru_utime, span->before.ru_utime) / gb);
    printf("R cpu_system %.4f s/GB\n", seconds_of(after.ru_stime, span->before.ru_stime) / gb);
    printf("R peer_user %.4f s/GB\nR peer_system %.4f s/GB\n", (user - span->peer_user) / gb,
           (system - span->peer_system) / gb);
    fflush(stdout);
}

bool bench_moved(struct bench_span *span, uint64_t bytes)
{
    double t = bench_now(), warm = span->seconds < 0.6 ? span->seconds / 2 : 0.3;

    span->bytes += bytes;
    if (span->begun == 0)
        span->begun = t;
    if (span->started == 0 && t - span->begun > warm) {
        children_used(&span->peer_user, &span->peer_system);
        getrusage(RUSAGE_SELF, &span->before);
        span->started = bench_now();
        span->mark = span->bytes;
    }
    if (span->started == 0 || t - span->started < span->seconds)
        return false;
    report_span(span, t - span->started);
    return true;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void bench_report_turns(double *took, unsigned turns, double all)
{
    qsort(took, turns, sizeof *took, compare);
    printf("R p50 %.2f us\nR p99 %.2f us\nR p999 %.2f us\nR turns %.0f /s\n", took[turns / 2] * 1e6,
           took[(size_t)turns * 99 / 100] * 1e6, took[(size_t)turns * 999 / 1000] * 1e6,
           turns / all);
    fflush(stdout);
}
