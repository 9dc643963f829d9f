/* The swarm: random worlds from seeds, each watched at every step (tunny.h, section "worlds"), in
 * several processes. A failure prints the seed, the commit and the command that repeats it;
 * --shrink makes its scenario small.
 *
 *   swarm [--from K] [--seeds N] [--jobs J]   seeds K .. K+N-1 (default 1, 300, 1);
 *         [--first]                           ends at the first failure
 *   swarm --print SEED                        the scenario of a seed
 *   swarm --shrink SEED                       a failing seed's scenario, made small
 *   swarm --world FILE [--shrink]             a scenario of one's own */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "generate.h"
#include "shrink.h"
#include "tunny.h"

enum {
    JOBS_MOST = 64,
    REASON_SIZE = 600,
    SHOWN_MOST = 20,
    SHRINK_TRIES = 6000,
    SECONDS_MOST = 120
};

/* What a job tells of each seed through its pipe. */
struct report {
    uint64_t seed;
    uint64_t packets;
    int64_t network_ns;
    int failed;
    char reason[REASON_SIZE];
};

/* --- one world -------------------------------------------------------------------------------- */

/* Runs the text here; a CHECK that fails ends the process. */
static void run_text(const char *text, struct report *report)
{
    struct tunny_world_config config = {.scenario = text, .check = 1};
    struct tunny_world *world;
    char error[256] = "";

    report->failed = 0;
    report->reason[0] = '\0';
    if (tunny_world_create(&config, &world, error, sizeof error) < 0) {
        /* A budget that is too small for a stack is no failure of the stack's. */
        report->failed = strstr(error, "memory") == NULL;
        snprintf(report->reason, sizeof report->reason, "create: %s", error);
        return;
    }
    report->failed = tunny_world_run(world) < 0;
    snprintf(report->reason, sizeof report->reason, "%s", tunny_world_failure(world));
    report->packets = tunny_world_totals(world).packets;
    report->network_ns = tunny_world_totals(world).now_ns;
    tunny_world_destroy(world);
}

static void write_all(int descriptor, const void *data, size_t length)
{
    const char *at = data;

    while (length > 0) {
        ssize_t r = write(descriptor, at, length);
        if (r <= 0)
            _exit(3);
        at += r;
        length -= (size_t)r;
    }
}

/* False at the end of the pipe. */
static bool read_all(int descriptor, void *data, size_t length)
{
    char *at = data;

    while (length > 0) {
        ssize_t r = read(descriptor, at, length);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        at += r;
        length -= (size_t)r;
    }
    return true;
}

/* --- one world in a process of its own -------------------------------------------------------- */

/* What a dead process said: its last line with something of a reason in it. */
static void take_last_words(FILE *words, int status, char reason[REASON_SIZE])
{
    char line[REASON_SIZE];

    snprintf(reason, REASON_SIZE, "died: %s %d", WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    rewind(words);
    while (fgets(line, sizeof line, words)) {
        line[strcspn(line, "\n")] = '\0';
        if (strstr(line, "CHECK") || strstr(line, "ERROR:") || strstr(line, "runtime error") ||
            strstr(line, "failed")) {
            snprintf(reason, REASON_SIZE, "died: %.*s", REASON_SIZE - 10, line);
            return;
        }
    }
}

static void run_apart(const char *text, struct report *report)
{
    int ends[2], status;
    FILE *words = tmpfile();

    if (words == NULL || pipe(ends) < 0)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        dup2(fileno(words), STDERR_FILENO);
        alarm(SECONDS_MOST);
        run_text(text, report);
        write_all(ends[1], report, sizeof *report);
        _exit(0);
    }
    close(ends[1]);
    bool told = child > 0 && read_all(ends[0], report, sizeof *report);
    close(ends[0]);
    waitpid(child, &status, 0);
    if (!told) {
        report->failed = 1;
        take_last_words(words, status, report->reason);
    }
    fclose(words);
}

/* --- shrinking -------------------------------------------------------------------------------- */

struct target {
    char kind[64];
};

/* "kept: host ..." and "died: CHECK(x) failed at file:line" are kinds: the first word; of deaths
 * all of it. */
static void kind_of(const char *reason, char kind[64])
{
    size_t length = strncmp(reason, "died:", 5) == 0 ? strlen(reason) : strcspn(reason, ":");

    snprintf(kind, 64, "%.*s", (int)(length < 63 ? length : 63), reason);
}

static bool fails_alike(const char *text, void *context)
{
    const struct target *target = context;
    struct report report = {0};
    char kind[64];

    run_apart(text, &report);
    kind_of(report.reason, kind);
    return report.failed && strcmp(kind, target->kind) == 0;
}

static int shrink_and_print(const char *text)
{
    struct report report = {0};
    struct target target;

    run_apart(text, &report);
    if (!report.failed) {
        printf("it does not fail\n");
        return 0;
    }
    printf("fails: %s\n", report.reason);
    kind_of(report.reason, target.kind);
    char *small = shrink(text, fails_alike, &target, SHRINK_TRIES);
    run_apart(small, &report);
    printf("# still: %s\n%s", report.reason, small);
    free(small);
    return 1;
}

/* --- many worlds ------------------------------------------------------------------------------ */

struct job {
    pid_t child;
    int reports;   /* read here */
    uint64_t next; /* the seed that it is working on */
    FILE *words;
};

struct swarm {
    const char *program;
    uint64_t from, seeds;
    unsigned jobs;
    bool first; /* ends at the first failure */
    struct job job[JOBS_MOST];
    uint64_t done, failed, packets;
    double network_s;
};

/* Every jobs-th seed. */
static void work(const struct swarm *swarm, uint64_t seed, int reports)
{
    for (; seed < swarm->from + swarm->seeds; seed += swarm->jobs) {
        struct report report = {.seed = seed};
        char *text = generate_world(seed);
        alarm(SECONDS_MOST);
        run_text(text, &report);
        free(text);
        write_all(reports, &report, sizeof report);
    }
}

static void start_job(struct swarm *swarm, struct job *job)
{
    int ends[2];

    job->words = tmpfile();
    if (job->words == NULL || pipe2(ends, O_CLOEXEC) < 0)
        abort();
    fflush(stdout);
    job->child = fork();
    if (job->child == 0) {
        for (unsigned i = 0; i < swarm->jobs; i++) {
            if (&swarm->job[i] != job && swarm->job[i].child > 0)
                close(swarm->job[i].reports);
        }
        close(ends[0]);
        dup2(fileno(job->words), STDERR_FILENO);
        work(swarm, job->next, ends[1]);
        _exit(0);
    }
    if (job->child < 0)
        abort();
    close(ends[1]);
    job->reports = ends[0];
}

static void print_commit(void)
{
    char commit[64] = "unknown";
    FILE *git = popen("git describe --always --dirty --abbrev=12 2>/dev/null", "r");

    if (git && fgets(commit, sizeof commit, git))
        commit[strcspn(commit, "\n")] = '\0';
    if (git)
        pclose(git);
    printf("  commit %s\n", commit);
}

static void take_report(struct swarm *swarm, const struct report *report)
{
    swarm->done++;
    swarm->packets += report->packets;
    swarm->network_s += (double)report->network_ns / 1e9;
    if (!report->failed)
        return;
    if (swarm->failed++ >= SHOWN_MOST)
        return;
    printf("not ok - seed %" PRIu64 ": %s\n", report->seed, report->reason);
    print_commit();
    printf("  repeat: %s --from %" PRIu64 " --seeds 1    shrink: %s --shrink %" PRIu64 "\n",
           swarm->program, report->seed, swarm->program, report->seed);
    fflush(stdout);
}

/* The job has ended: by itself, or because a world killed it; then it goes on behind that one. */
static void job_ended(struct swarm *swarm, struct job *job)
{
    int status;

    waitpid(job->child, &status, 0);
    close(job->reports);
    job->child = 0;
    if (job->next < swarm->from + swarm->seeds) {
        struct report report = {.seed = job->next, .failed = 1};
        take_last_words(job->words, status, report.reason);
        take_report(swarm, &report);
        job->next += swarm->jobs;
    }
    fclose(job->words);
    if (job->next < swarm->from + swarm->seeds)
        start_job(swarm, job);
}

static void watch_jobs(struct swarm *swarm)
{
    struct pollfd polled[JOBS_MOST];
    unsigned alive = 1;

    while (alive > 0 && !(swarm->first && swarm->failed > 0)) {
        alive = 0;
        for (unsigned i = 0; i < swarm->jobs; i++) {
            polled[i] = (struct pollfd){.fd = -1, .events = POLLIN};
            if (swarm->job[i].child > 0) {
                polled[i].fd = swarm->job[i].reports;
                alive++;
            }
        }
        if (alive == 0 || poll(polled, swarm->jobs, -1) < 0)
            continue;
        for (unsigned i = 0; i < swarm->jobs; i++) {
            struct report report;
            if (!(polled[i].revents & (POLLIN | POLLHUP)))
                continue;
            if (!read_all(swarm->job[i].reports, &report, sizeof report)) {
                job_ended(swarm, &swarm->job[i]);
                continue;
            }
            swarm->job[i].next = report.seed + swarm->jobs;
            take_report(swarm, &report);
        }
    }
}

static void stop_jobs(struct swarm *swarm)
{
    for (unsigned i = 0; i < swarm->jobs; i++) {
        if (swarm->job[i].child <= 0)
            continue;
        kill(swarm->job[i].child, SIGKILL);
        waitpid(swarm->job[i].child, NULL, 0);
    }
}

static int run_swarm(struct swarm *swarm)
{
    struct timespec begin, end;
    struct rusage usage;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned i = 0; i < swarm->jobs; i++) {
        swarm->job[i].next = swarm->from + i;
        if (swarm->job[i].next < swarm->from + swarm->seeds)
            start_job(swarm, &swarm->job[i]);
    }
    watch_jobs(swarm);
    stop_jobs(swarm);
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_CHILDREN, &usage);
    double seconds = (double)(end.tv_sec - begin.tv_sec) +
                     (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("%" PRIu64 " worlds from seed %" PRIu64 ", %" PRIu64 " failed; %" PRIu64
           " packets, %.0f hours of network time; %.1f s, %.1f s of CPU\n",
           swarm->done, swarm->from, swarm->failed, swarm->packets, swarm->network_s / 3600,
           seconds, cpu);
    return swarm->failed > 0;
}

/* --- the command line ------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, 1 << 20);

    if (file == NULL || text == NULL || fread(text, 1, (1 << 20) - 1, file) == 0) {
        fprintf(stderr, "swarm: cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

static int run_file(const char *path, bool small)
{
    char *text = read_file(path);
    struct report report = {0};
    int code;

    if (small) {
        code = shrink_and_print(text);
    } else {
        run_apart(text, &report);
        printf("%s\n", report.failed ? report.reason : "ok");
        code = report.failed;
    }
    free(text);
    return code;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (*text == '\0' || *end != '\0') {
        fprintf(stderr, "swarm: '%s' is no number\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct swarm swarm = {.program = argv[0], .from = 1, .seeds = 300, .jobs = 1};
    const char *world = NULL;
    bool small = false;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--world") == 0) {
            world = value;
            i++;
        } else if (strcmp(argv[i], "--shrink") == 0 && (world || *value < '0' || *value > '9')) {
            small = true;
        } else if (strcmp(argv[i], "--shrink") == 0 || strcmp(argv[i], "--print") == 0) {
            char *text = generate_world(number(value));
            int code = argv[i][2] == 's' ? shrink_and_print(text) : fputs(text, stdout) < 0;
            free(text);
            return code;
        } else if (strcmp(argv[i], "--first") == 0) {
            swarm.first = true;
        } else if (strcmp(argv[i], "--from") == 0) {
            swarm.from = number(value);
            i++;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            swarm.seeds = number(value);
            i++;
        } else if (strcmp(argv[i], "--jobs") == 0) {
            swarm.jobs = (unsigned)number(value);
            i++;
        } else {
            fprintf(stderr,
                    "usage: swarm [--from K] [--seeds N] [--jobs J] [--first] | --print SEED | "
                    "--shrink SEED | --world FILE [--shrink]\n");
            return 2;
        }
    }
    if (world)
        return run_file(world, small);
    if (swarm.jobs == 0 || swarm.jobs > JOBS_MOST)
        swarm.jobs = 1;
    return run_swarm(&swarm);
}
