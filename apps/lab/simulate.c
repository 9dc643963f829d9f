/* One run in a simulated world; see simulate.h. A cell becomes a scenario as tunny-sim(1) describes
 * it: two hosts, the cell's link between them, a flow for each flow. */
#include "lab/simulate.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/numbers.h"
#include "lab/link_spec.h"
#include "lab/stats.h"
#include "tunny.h"

enum { SCENARIO_SIZE = LINK_SPEC_SIZE + 2048, FOR_EVER = 1 << 30, RESPONSES = 16 * 1000 };

struct simulation {
    const struct cell *cell;
    struct result *result;
    char scenario[SCENARIO_SIZE];
    unsigned flows, responses;
    double response_ms[RESPONSES];
    double received[FLOWS_MOST]; /* bytes */
    double took_s[FLOWS_MOST];
    double retransmitted, spurious, timeouts, lost, rtt_p50_us, rtt_p99_us;
};

int simulate_can(const struct cell *cell)
{
    const char *stack = cell->values[DIMENSION_STACK];
    for (unsigned i = 0; i < stack_flows(stack); i++)
        if (stack_of_flow(stack, i) == STACK_KERNEL)
            return 0;
    return 1;
}

static int is_up(const struct simulation *s)
{
    return strcmp(s->cell->values[DIMENSION_DIRECTION], "up") == 0;
}

static int failed(struct simulation *s, const char *why)
{
    snprintf(s->result->note, NOTE_SIZE, "%.110s", why);
    s->result->outcome = OUTCOME_FAILED;
    return -EINVAL;
}

static int write_scenario(struct simulation *s)
{
    char link[LINK_SPEC_SIZE];
    uint64_t size = FOR_EVER;
    size_t used;
    int result = link_spec_of(s->cell, link);
    if (result < 0)
        return failed(s, "the link's specification is too long");
    if (s->cell->section->time <= 0)
        size_parse(s->cell->values[DIMENSION_SIZE], &size);
    used = (size_t)snprintf(s->scenario, SCENARIO_SIZE, "host near\nhost far\nlink l near far %s\n",
                            link);
    for (unsigned i = 0; i < s->flows && used < SCENARIO_SIZE; i++)
        used += (size_t)snprintf(s->scenario + used, SCENARIO_SIZE - used,
                                 "flow f%u near > far size %llu reply %llu cc %s\n", i,
                                 is_up(s) ? (unsigned long long)size : 1ULL,
                                 is_up(s) ? 0ULL : (unsigned long long)size,
                                 s->cell->values[DIMENSION_CC]);
    return used < SCENARIO_SIZE ? 0 : failed(s, "too many flows for a scenario");
}

static int add_flow(struct simulation *s, const struct tunny_world *world, unsigned index,
                    double sign)
{
    struct tunny_world_flow flow;
    tunny_world_flow(world, index, &flow);
    const struct tunny_world_side *sender = is_up(s) ? &flow.client : &flow.server;
    const struct tunny_world_side *taker = is_up(s) ? &flow.server : &flow.client;
    s->received[index] += sign * (double)taker->received;
    s->took_s[index] += sign * (double)flow.took_ns / 1e9;
    if (sender->error < 0 || taker->error < 0)
        return failed(s, strerror(-(sender->error < 0 ? sender->error : taker->error)));
    if (sign < 0)
        return 0;
    s->retransmitted += (double)sender->retransmitted;
    s->spurious += (double)sender->spurious;
    s->timeouts += (double)sender->timeouts;
    s->rtt_p50_us = fmax(s->rtt_p50_us, (double)sender->rtt_p50_us);
    s->rtt_p99_us = fmax(s->rtt_p99_us, (double)sender->rtt_p99_us);
    if (s->responses < RESPONSES)
        s->response_ms[s->responses++] = (double)flow.took_ns / 1e6;
    if (!flow.client.finished || !flow.server.finished)
        s->result->outcome = OUTCOME_TIMEOUT;
    return 0;
}

/* Runs the scenario until `seconds`; what its flows did counts with this sign. */
static int run_world(struct simulation *s, uint64_t seed, double seconds, double sign)
{
    char error[NOTE_SIZE] = "";
    struct tunny_world *world;
    struct tunny_world_config config = {
        .scenario = s->scenario, .seed = seed, .until_ns = (int64_t)(seconds * 1e9)};
    if (tunny_world_create(&config, &world, error, sizeof error) < 0)
        return failed(s, error);
    int result = tunny_world_run(world);
    if (result < 0)
        failed(s, tunny_world_failure(world));
    for (unsigned i = 0; i < s->flows && result == 0; i++)
        result = add_flow(s, world, i, sign);
    if (sign > 0)
        s->lost += (double)tunny_world_totals(world).lost;
    tunny_world_destroy(world);
    return result;
}

static void measure(struct simulation *s)
{
    const struct section *section = s->cell->section;
    double *metric = s->result->metric, rates[FLOWS_MOST], sum = 0, last_s = 0;
    for (unsigned i = 0; i < s->flows; i++) {
        double span_s = section->time > 0 ? section->time - section->skip : s->took_s[i];
        rates[i] = s->received[i] * 8 / 1e6 / span_s;
        sum += rates[i];
        last_s = fmax(last_s, span_s);
    }
    metric[METRIC_SECONDS] = last_s;
    metric[METRIC_GOODPUT] = sum;
    metric[METRIC_JAIN] = jain_index(rates, s->flows);
    metric[METRIC_RESPONSE_P50] = percentile(s->response_ms, s->responses, 50);
    metric[METRIC_RESPONSE_P99] = percentile(s->response_ms, s->responses, 99);
    metric[METRIC_RETRANSMITS] = s->retransmitted;
    metric[METRIC_SPURIOUS] = s->spurious;
    metric[METRIC_RTOS] = s->timeouts;
    metric[METRIC_RTT_P50] = s->rtt_p50_us / 1e3;
    metric[METRIC_RTT_P99] = s->rtt_p99_us / 1e3;
    metric[METRIC_LINK_LOST] = s->lost;
    metric[METRIC_LINK_LATE] = 0;
}

void simulate_cell(const struct cell *cell, uint64_t repeat, struct result *result)
{
    static struct simulation s;
    const struct section *section = cell->section;
    uint64_t seed = section->seed + repeat - 1;
    int rc;
    result_clear(result);
    result->outcome = OUTCOME_DONE;
    s = (struct simulation){
        .cell = cell, .result = result, .flows = stack_flows(cell->values[DIMENSION_STACK])};
    rc = write_scenario(&s);
    if (section->time > 0) {
        /* What came before `skip` is the same world, ended earlier: it is taken off. */
        if (rc == 0)
            rc = run_world(&s, seed, section->time, 1);
        if (rc == 0 && section->skip > 0)
            rc = run_world(&s, seed, section->skip, -1);
        if (result->outcome == OUTCOME_TIMEOUT) /* these flows end by the clock */
            result->outcome = OUTCOME_DONE;
    }
    /* Requests come one after the other and share nothing: each has a world and chance of its own.
     */
    for (uint64_t r = 0; section->time <= 0 && r < section->requests && rc == 0; r++)
        rc = run_world(&s, seed + 1000 * r, section->timeout, 1);
    if (rc == 0)
        measure(&s);
}
