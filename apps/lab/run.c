/* One run; see run.h. Flow i of the tested end, if ours, has a TUN of its own and the address
 * 198.18.(16+i).2 behind the near namespace's kernel, which forwards; a peer of ours likewise has
 * 198.18.(32+i).2 behind the far one.
 *
 *     near: flow processes -- [TUN lab-n0] -- kernel -- TUN lab-a == the link == TUN lab-b --
 * kernel
 *                                                                               -- [TUN lab-f0] ...
 */
#define _GNU_SOURCE
#include "lab/run.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/numbers.h"
#include "lab/cable.h"
#include "lab/flow.h"
#include "lab/link_spec.h"
#include "lab/netns.h"
#include "lab/stats.h"

enum { SIDES = 2, PORT = 5001, PATH_SIZE = 512 };
static const unsigned first_network[SIDES] = {[FLOW_NEAR] = 16, [FLOW_FAR] = 32};

struct run_end {
    pid_t process;
    int channel;
    struct flow_report *report; /* the last that came; NULL: none yet */
};

struct run {
    const struct cell *cell;
    uint64_t repeat;
    const struct run_files *files;
    struct result *result;
    unsigned flows;
    int netns[SIDES];
    struct run_end ends[SIDES][FLOWS_MOST];
    struct cable cable;
};

static int failed(struct run *run, const char *what, int error)
{
    if (run->result->note[0] == '\0')
        snprintf(run->result->note, NOTE_SIZE, "%.60s: %.50s", what, strerror(-error));
    return error;
}

static int is_up(const struct run *run)
{
    return strcmp(run->cell->values[DIMENSION_DIRECTION], "up") == 0;
}

static enum flow_side sender_side(const struct run *run)
{
    return is_up(run) ? FLOW_NEAR : FLOW_FAR;
}

/* The peer of a kernel's flow is always a kernel: that is what ours is compared with. */
static enum stack_kind kind_of(const struct run *run, enum flow_side side, unsigned flow)
{
    enum stack_kind tested = stack_of_flow(run->cell->values[DIMENSION_STACK], flow);
    if (side == FLOW_NEAR || tested == STACK_KERNEL)
        return tested;
    return *run->cell->values[DIMENSION_PEER] == 't' ? STACK_TUNNY : STACK_KERNEL;
}

static void tun_name(enum flow_side side, unsigned flow, char name[16])
{
    snprintf(name, 16, "lab-%c%u", side == FLOW_NEAR ? 'n' : 'f', flow);
}

/* --- namespaces ------------------------------------------------------------------------------- */

/* Nothing that one run learned may help the next, and nothing but the link may hold packets up. */
static int set_up_kernel(void)
{
    static const char *const settings[][2] = {{"ipv4/ip_forward", "1"},
                                              {"ipv4/tcp_no_metrics_save", "1"},
                                              {"ipv4/conf/all/rp_filter", "0"},
                                              {"ipv4/conf/all/send_redirects", "0"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int result = netns_setting(settings[i][0], settings[i][1]);
        if (result < 0)
            return result;
    }
    return 0;
}

static int make_tuns(struct run *run, enum flow_side side)
{
    for (unsigned i = 0; i < run->flows; i++) {
        char name[16];
        if (kind_of(run, side, i) == STACK_KERNEL)
            continue;
        tun_name(side, i, name);
        int result = netns_make_tun(name);
        if (result < 0)
            return result;
    }
    return 0;
}

/* What lies behind the other side's kernel. */
static int add_routes(struct run *run, enum flow_side side)
{
    enum flow_side other = side == FLOW_NEAR ? FLOW_FAR : FLOW_NEAR;
    for (unsigned i = 0; i < run->flows; i++) {
        char network[32];
        if (kind_of(run, other, i) == STACK_KERNEL)
            continue;
        snprintf(network, sizeof network, "198.18.%u.0/24", first_network[other] + i);
        int result = netns_route(network, side == FLOW_NEAR ? CABLE_FAR : CABLE_NEAR);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Does `work` in the namespace of one side. */
static int inside(struct run *run, enum flow_side side,
                  int (*work)(struct run *run, enum flow_side side))
{
    int here = netns_current();
    if (here < 0)
        return here;
    int result = netns_enter(run->netns[side]);
    if (result == 0)
        result = work(run, side);
    int back = netns_enter(here);
    close(here);
    return result < 0 ? result : back;
}

/* --- the processes ---------------------------------------------------------------------------- */

static uint32_t address_of(struct run *run, enum flow_side side, unsigned flow)
{
    uint32_t base = UINT32_C(198) << 24 | UINT32_C(18) << 16;
    if (kind_of(run, side, flow) == STACK_KERNEL)
        return base | 1u << 8 | (side == FLOW_NEAR ? 1u : 2u);
    return base | (uint32_t)(first_network[side] + flow) << 8 | 2u;
}

static const char *capture_name(struct run *run, const char *what, unsigned flow,
                                char path[PATH_SIZE])
{
    if (run->files->folder == NULL)
        return NULL;
    snprintf(path, PATH_SIZE, "%s/%s-%u-%llu-%s%u.pcapng", run->files->folder,
             run->cell->section->name, run->files->cell, (unsigned long long)run->repeat, what,
             flow);
    return path;
}

static void be_the_flow(struct run *run, enum flow_side side, unsigned flow, int channel)
{
    char interface[16], address[32], kernel_address[32], path[PATH_SIZE];
    const struct section *section = run->cell->section;
    uint64_t size = 0;
    tun_name(side, flow, interface);
    snprintf(address, sizeof address, "198.18.%u.2/24", first_network[side] + flow);
    snprintf(kernel_address, sizeof kernel_address, "198.18.%u.1/24", first_network[side] + flow);
    size_parse(run->cell->values[DIMENSION_SIZE], &size);
    struct flow_task task = {
        .side = side,
        .role = side == sender_side(run) ? FLOW_SENDS : FLOW_TAKES,
        .net = {.kind = kind_of(run, side, flow),
                .interface = interface,
                .address = address,
                .kernel_address = kernel_address,
                .congestion = run->cell->values[DIMENSION_CC],
                .capture = capture_name(run, side == FLOW_NEAR ? "near" : "far", flow, path)},
        .there = address_of(run, FLOW_FAR, flow),
        .port = (uint16_t)(PORT + flow),
        .size = size,
        .time_ns = (int64_t)(section->time * 1e9),
        .skip_ns = (int64_t)(section->skip * 1e9),
        .requests = (unsigned)section->requests,
        .channel = channel,
    };
    flow_run(&task);
    _exit(0);
}

static int start_flow(struct run *run, enum flow_side side, unsigned flow)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        if (getppid() == parent)
            be_the_flow(run, side, flow, ends[1]);
        _exit(1);
    }
    int result = child < 0 ? -errno : 0;
    close(ends[1]);
    run->ends[side][flow] = (struct run_end){.process = child, .channel = ends[0]};
    return result;
}

static int start_flows(struct run *run, enum flow_side side)
{
    int result = set_up_kernel();
    if (result == 0)
        result = make_tuns(run, side);
    for (unsigned i = 0; i < run->flows && result == 0; i++)
        result = start_flow(run, side, i);
    return result;
}

static int hear(struct run *run, struct run_end *end)
{
    if (end->report == NULL)
        end->report = malloc(sizeof *end->report);
    if (end->report == NULL)
        return -ENOMEM;
    ssize_t got = recv(end->channel, end->report, sizeof *end->report, 0);
    if (got != (ssize_t)sizeof *end->report)
        return failed(run, "an end's process is gone", got < 0 ? -errno : -EPIPE);
    if (end->report->error < 0)
        snprintf(run->result->note, NOTE_SIZE, "%.110s", end->report->sentence);
    return end->report->error;
}

static int wait_until_ready(struct run *run)
{
    for (unsigned side = 0; side < SIDES; side++)
        for (unsigned i = 0; i < run->flows; i++) {
            int result = hear(run, &run->ends[side][i]);
            if (result < 0)
                return result;
        }
    return 0;
}

/* All flows begin together, when all have heard it. */
static int begin(struct run *run, int64_t start_ns)
{
    for (unsigned side = SIDES; side-- > 0;)
        for (unsigned i = 0; i < run->flows; i++)
            if (send(run->ends[side][i].channel, &start_ns, sizeof start_ns, MSG_NOSIGNAL) < 0)
                return failed(run, "an end's process is gone", -errno);
    return 0;
}

static int hear_all(struct run *run, struct pollfd *polled, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (polled[i].revents == 0)
            continue;
        int result = hear(run, &run->ends[i / run->flows][i % run->flows]);
        polled[i].fd = -1;
        if (result < 0)
            return result;
    }
    return 0;
}

/* Until everybody has reported: 0; -ETIMEDOUT, or another negative errno. */
static int wait_for_reports(struct run *run, int64_t until_ns)
{
    struct pollfd polled[SIDES * FLOWS_MOST];
    unsigned count = SIDES * run->flows, left = count;
    for (unsigned i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = run->ends[i / run->flows][i % run->flows].channel,
                                    .events = POLLIN};
    while (left > 0) {
        int64_t left_ms = (until_ns - net_now_ns()) / 1000000;
        if (left_ms <= 0)
            return -ETIMEDOUT;
        int ready = poll(polled, count, left_ms < 60000 ? (int)left_ms + 1 : 60000);
        if (ready < 0)
            return failed(run, "poll", -errno);
        int result = hear_all(run, polled, count);
        if (result < 0)
            return result;
        left -= (unsigned)ready;
    }
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int set_up(struct run *run)
{
    char impair[LINK_SPEC_SIZE], error[NOTE_SIZE] = "", path[PATH_SIZE];
    int result = netns_enter_new();
    for (unsigned side = 0; side < SIDES && result >= 0; side++)
        result = run->netns[side] = netns_make();
    if (result < 0)
        return failed(run, "namespaces", result);
    for (unsigned side = 0; side < SIDES; side++) {
        result = inside(run, (enum flow_side)side, start_flows);
        if (result < 0)
            return failed(run, "interfaces", result);
    }
    result = wait_until_ready(run);
    if (result < 0)
        return result;
    result = link_spec_of(run->cell, impair);
    if (result < 0)
        return failed(run, "the link's specification", result);
    struct cable_setup setup = {.near = run->ends[FLOW_NEAR][0].process,
                                .far = run->ends[FLOW_FAR][0].process,
                                .impair = impair,
                                .seed = run->cell->section->seed + run->repeat - 1,
                                .capture = capture_name(run, "link", 0, path)};
    result = cable_start(&setup, &run->cable, error, sizeof error);
    if (result < 0)
        return failed(run, error, result);
    for (unsigned side = 0; side < SIDES && result == 0; side++)
        result = inside(run, (enum flow_side)side, add_routes);
    return result < 0 ? failed(run, "routes", result) : 0;
}

/* Response times, goodput, fairness: from who began and who took. */
static void measure_flows(struct run *run)
{
    const struct section *section = run->cell->section;
    double *metric = run->result->metric, rates[FLOWS_MOST], sum = 0, last_s = 0;
    static double responses[FLOWS_MOST * REQUESTS_MOST];
    size_t count = 0;
    enum flow_side taker = is_up(run) ? FLOW_FAR : FLOW_NEAR;
    for (unsigned i = 0; i < run->flows; i++) {
        const struct flow_report *near = run->ends[FLOW_NEAR][i].report;
        const struct flow_report *took = run->ends[taker][i].report;
        double total_s = 0;
        for (unsigned r = 0; r < took->requests; r++) {
            double span_s = (double)(took->done_ns[r] - near->begun_ns[r]) / 1e9;
            responses[count++] = span_s * 1e3;
            total_s += span_s;
        }
        if (section->time > 0)
            total_s = section->time - section->skip;
        rates[i] = (double)took->bytes * 8 / 1e6 / total_s;
        sum += rates[i];
        last_s = total_s > last_s ? total_s : last_s;
    }
    metric[METRIC_SECONDS] = last_s;
    metric[METRIC_GOODPUT] = sum;
    metric[METRIC_JAIN] = jain_index(rates, run->flows);
    metric[METRIC_RESPONSE_P50] = percentile(responses, count, 50);
    metric[METRIC_RESPONSE_P99] = percentile(responses, count, 99);
}

/* Segments and round trips: from who sent; of several flows sums, and the worst RTT. */
static void measure_senders(struct run *run)
{
    double *metric = run->result->metric;
    struct net_figures sum = {0};
    for (unsigned i = 0; i < run->flows; i++) {
        const struct flow_report *sent = run->ends[sender_side(run)][i].report;
        sum.data_segments += sent->figures.data_segments;
        sum.retransmitted += sent->figures.retransmitted;
        sum.spurious += sent->figures.spurious;
        sum.timeouts = sent->figures.timeouts < 0 || sum.timeouts < 0
                           ? -1
                           : sum.timeouts + sent->figures.timeouts;
        metric[METRIC_RTT_MIN] = fmin(metric[METRIC_RTT_MIN], sent->rtt_min_ms);
        metric[METRIC_RTT_P50] = fmax(metric[METRIC_RTT_P50], sent->rtt_p50_ms);
        metric[METRIC_RTT_P99] = fmax(metric[METRIC_RTT_P99], sent->rtt_p99_ms);
    }
    metric[METRIC_SEGMENTS] = sum.data_segments;
    metric[METRIC_RETRANSMITS] = sum.retransmitted;
    metric[METRIC_SPURIOUS] = sum.spurious;
    if (sum.timeouts >= 0)
        metric[METRIC_RTOS] = (double)sum.timeouts;
}

static void measure_link(struct run *run)
{
    struct cable_figures figures;
    double *metric = run->result->metric;
    unsigned data = is_up(run) ? 0 : 1;
    int result = cable_stop(&run->cable, &figures);
    if (result < 0) {
        failed(run, "the link", result);
        return;
    }
    metric[METRIC_LINK_LOST] = (double)figures.lost[data];
    metric[METRIC_LINK_FULL] = (double)figures.full[data];
    metric[METRIC_LINK_LATE] = figures.late_most_ms;
}

void run_cell(const struct cell *cell, uint64_t repeat, const struct run_files *files,
              struct result *result)
{
    static struct run run;
    const struct section *section = cell->section;
    result_clear(result);
    run = (struct run){.cell = cell,
                       .repeat = repeat,
                       .files = files,
                       .result = result,
                       .flows = stack_flows(cell->values[DIMENSION_STACK])};
    /* Both ends go before what else the machine does, where that is allowed: a stack in user space
     * would wait for the processor where a kernel's does not. */
    const struct sched_param lowest = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_RR, &lowest);
    if (set_up(&run) < 0)
        return;
    int64_t start_ns = net_now_ns();
    int ended = begin(&run, start_ns);
    if (ended == 0)
        ended = wait_for_reports(&run, start_ns + (int64_t)(section->timeout * 1e9));
    measure_link(&run);
    if (ended == 0) {
        measure_flows(&run);
        measure_senders(&run);
        result->outcome = OUTCOME_DONE;
    } else if (ended == -ETIMEDOUT) {
        result->metric[METRIC_SECONDS] = section->timeout;
        result->outcome = OUTCOME_TIMEOUT;
    }
}
