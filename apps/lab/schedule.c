/* Workers and the rows that they earn; see schedule.h. Repeats are the outermost loop, so that an
 * interrupted experiment has some of everything, and stacks the innermost. */
#define _GNU_SOURCE
#include "lab/schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "lab/net.h"
#include "lab/simulate.h"
#include "lab/summary.h"

struct worker {
    pid_t process; /* 0: none */
    int answer;    /* a pipe; the worker's struct result comes out of it */
    struct cell cell;
    uint64_t repeat;
};

/* Where the loops over repeats, sections and cells stand. */
struct position {
    uint64_t repeat; /* from 1 */
    unsigned section, cell;
};

struct crew {
    struct schedule *schedule;
    struct worker workers[WORKERS_MOST];
    struct position position;
    unsigned missing, finished;
    int64_t begun_ns;
    struct run_files files;
};

static uint64_t most_repeats(const struct grid *grid)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < grid->section_count; i++)
        if (grid->sections[i].repeats > most)
            most = grid->sections[i].repeats;
    return most;
}

/* The next cell of the section where `at` stands, in this repeat, that is not done. 1; 0: none. */
static int next_in_section(const struct schedule *schedule, struct position *at, struct cell *cell)
{
    const struct section *section = &schedule->grid->sections[at->section];
    if (at->repeat > section->repeats ||
        (schedule->section != NULL && strcmp(schedule->section, section->name) != 0))
        return 0;
    while (at->cell < section_cells(section)) {
        *cell = section_cell(section, at->cell++);
        if (schedule->simulated && !simulate_can(cell))
            continue;
        if (records_find(schedule->records, cell, at->repeat) == NULL)
            return 1;
    }
    return 0;
}

/* The next run that is not done. 1; 0: there is none. */
static int next_missing(const struct schedule *schedule, struct position *at, struct cell *cell,
                        uint64_t *repeat)
{
    uint64_t most = most_repeats(schedule->grid);
    for (; at->repeat <= most; at->repeat++, at->section = 0)
        for (; at->section < schedule->grid->section_count; at->section++, at->cell = 0)
            if (next_in_section(schedule, at, cell)) {
                *repeat = at->repeat;
                return 1;
            }
    return 0;
}

unsigned schedule_missing(const struct schedule *schedule)
{
    struct position position = {.repeat = 1};
    struct cell cell;
    uint64_t repeat;
    unsigned count = 0;
    while (next_missing(schedule, &position, &cell, &repeat))
        count++;
    return count;
}

/* A terminal's Ctrl-C is for the parent, which ends its workers in order. */
static void be_the_worker(const struct worker *worker, const struct run_files *files, int simulated,
                          int answer)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct result result;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    if (simulated)
        simulate_cell(&worker->cell, worker->repeat, &result);
    else
        run_cell(&worker->cell, worker->repeat, files, &result);
    ssize_t written = write(answer, &result, sizeof result);
    _exit(written != (ssize_t)sizeof result);
}

static int start(struct crew *crew, struct worker *worker)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    crew->files.cell = crew->position.cell;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_the_worker(worker, &crew->files, crew->schedule->simulated, ends[1]);
    }
    int result = child < 0 ? -errno : 0;
    close(ends[1]);
    if (result < 0) {
        close(ends[0]);
        return result;
    }
    worker->process = child;
    worker->answer = ends[0];
    return 0;
}

static void say(const struct crew *crew, const struct record *record, const struct cell *cell)
{
    char text[CELL_TEXT_SIZE];
    const struct result *result = &record->result;
    double spent_s = (double)(net_now_ns() - crew->begun_ns) / 1e9;
    double left_s = spent_s / crew->finished * (crew->missing - crew->finished);
    if (crew->schedule->quiet)
        return;
    fprintf(stderr, "[%u/%u] %s: %s, %s, seed %llu: ", crew->finished, crew->missing,
            record->section, cell_text(cell, DIMENSIONS, text), cell->values[DIMENSION_STACK],
            (unsigned long long)record->seed);
    if (result->outcome == OUTCOME_DONE)
        fprintf(stderr, "%.3f s, %.2f Mbit/s, %.0f sent again", result->metric[METRIC_SECONDS],
                result->metric[METRIC_GOODPUT], result->metric[METRIC_RETRANSMITS]);
    else
        fprintf(stderr, "%s %s", outcome_name(result->outcome), result->note);
    fprintf(stderr, "; %.0f min left\n", ceil(left_s / 60));
}

/* Takes a worker's result into the CSV. 0; -EIO. */
static int finish(struct crew *crew, struct worker *worker)
{
    struct result result;
    struct record record;
    if (read(worker->answer, &result, sizeof result) != (ssize_t)sizeof result) {
        result_clear(&result);
        snprintf(result.note, NOTE_SIZE, "the worker died");
    }
    close(worker->answer);
    while (waitpid(worker->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    worker->process = 0;
    crew->finished++;
    record_fill(&record, &worker->cell, worker->repeat, &result);
    say(crew, &record, &worker->cell);
    record_write(crew->schedule->csv, &record);
    if (fflush(crew->schedule->csv) != 0)
        return -EIO;
    return records_add(crew->schedule->records, &record);
}

static void dismiss(struct crew *crew)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) {
        struct worker *worker = &crew->workers[i];
        if (worker->process == 0)
            continue;
        kill(worker->process, SIGKILL);
        while (waitpid(worker->process, NULL, 0) < 0 && errno == EINTR)
            continue;
        close(worker->answer);
        worker->process = 0;
    }
}

static int may_begin(const struct crew *crew)
{
    double budget_s = crew->schedule->budget_s;
    return budget_s <= 0 || (double)(net_now_ns() - crew->begun_ns) / 1e9 < budget_s;
}

/* Work for everyone who has none. How many are at work, or a negative errno. */
static int employ(struct crew *crew)
{
    int at_work = 0;
    for (unsigned i = 0; i < crew->schedule->workers; i++) {
        struct worker *worker = &crew->workers[i];
        if (worker->process == 0 && may_begin(crew) &&
            next_missing(crew->schedule, &crew->position, &worker->cell, &worker->repeat)) {
            int result = start(crew, worker);
            if (result < 0)
                return result;
        }
        at_work += worker->process != 0;
    }
    return at_work;
}

/* Waits for the first result or a signal. */
static int attend(struct crew *crew)
{
    struct pollfd polled[WORKERS_MOST + 1];
    unsigned workers = crew->schedule->workers;
    for (unsigned i = 0; i < workers; i++) {
        struct worker *worker = &crew->workers[i];
        polled[i] = (struct pollfd){.fd = worker->process != 0 ? worker->answer : -1,
                                    .events = POLLIN};
    }
    polled[workers] = (struct pollfd){.fd = interrupt_descriptor(), .events = POLLIN};
    if (poll(polled, workers + 1, -1) < 0 && errno != EINTR)
        return -errno;
    if (interrupt_signal() != 0)
        return -EINTR;
    for (unsigned i = 0; i < workers; i++) {
        int result = polled[i].revents != 0 ? finish(crew, &crew->workers[i]) : 0;
        if (result < 0)
            return result;
    }
    return 0;
}

int schedule_run(struct schedule *schedule)
{
    static struct crew crew;
    int result;
    crew = (struct crew){.schedule = schedule,
                         .position = {.repeat = 1},
                         .missing = schedule_missing(schedule),
                         .begun_ns = net_now_ns(),
                         .files = {.folder = schedule->captures}};
    while ((result = employ(&crew)) > 0) {
        result = attend(&crew);
        if (result < 0)
            break;
    }
    dismiss(&crew);
    return result;
}
