/* One end of one flow; see flow.h. Near asks with one byte for what it takes, as a client does. The
 * sender looks at TCP_INFO every SAMPLE_NS, the RTT's percentiles are over these looks. */
#include "lab/flow.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/stats.h"

enum { CHUNK = 1 << 17, SAMPLES_MOST = 1 << 16 };
#define SAMPLE_NS (INT64_C(10) * 1000000)
#define LONG_NS   (INT64_C(3600) * 1000000000)

struct flow {
    const struct flow_task *task;
    struct net net;
    struct flow_report report;
    int64_t start_ns;
    struct net_figures last; /* of the connection under way */
    int64_t next_sample_ns;
    size_t samples;
    double rtt_ms[SAMPLES_MOST];
};

/* One flow a process: it may have these for itself. */
static struct flow the_flow;
static char chunk[CHUNK];

static void look(struct flow *flow, int socket)
{
    struct net_figures now;
    if (net_figures(&flow->net, socket, &now) < 0)
        return;
    flow->last = now;
    if (now.srtt_us > 0 && flow->samples < SAMPLES_MOST)
        flow->rtt_ms[flow->samples++] = now.srtt_us / 1e3;
}

static void look_when_due(struct flow *flow, int socket)
{
    int64_t now = net_now_ns();
    if (now < flow->next_sample_ns)
        return;
    flow->next_sample_ns = now + SAMPLE_NS;
    look(flow, socket);
}

static void add_figures(struct flow *flow)
{
    struct net_figures *sum = &flow->report.figures;
    const struct net_figures *last = &flow->last;
    sum->data_segments += last->data_segments;
    sum->retransmitted += last->retransmitted;
    sum->spurious += last->spurious;
    sum->timeouts = last->timeouts < 0 ? -1 : sum->timeouts + last->timeouts;
    if (last->min_rtt_us > 0 &&
        (isnan(flow->report.rtt_min_ms) || last->min_rtt_us / 1e3 < flow->report.rtt_min_ms))
        flow->report.rtt_min_ms = last->min_rtt_us / 1e3;
}

/* Until the peer has closed: it has everything then. 0, or a negative errno. */
static int wait_for_end(struct flow *flow, int socket)
{
    for (;;) {
        char byte;
        ssize_t got = net_receive(&flow->net, socket, &byte, sizeof byte);
        if (got == 0)
            return 0;
        if (got < 0 && got != -EAGAIN)
            return (int)got;
        int ready = net_wait(&flow->net, socket, POLLIN, net_now_ns() + SAMPLE_NS);
        if (ready < 0)
            return ready;
        look_when_due(flow, socket);
    }
}

static int has_more(const struct flow *flow, uint64_t sent)
{
    if (flow->task->time_ns > 0)
        return net_now_ns() < flow->start_ns + flow->task->time_ns;
    return sent < flow->task->size;
}

static int send_everything(struct flow *flow, int socket)
{
    const struct flow_task *task = flow->task;
    uint64_t sent = 0;
    while (has_more(flow, sent)) {
        uint64_t left = task->time_ns > 0 ? CHUNK : task->size - sent;
        ssize_t result = net_send(&flow->net, socket, chunk, (size_t)(left < CHUNK ? left : CHUNK));
        if (result < 0 && result != -EAGAIN)
            return (int)result;
        sent += result > 0 ? (uint64_t)result : 0;
        if (result < 0 && net_wait(&flow->net, socket, POLLOUT, net_now_ns() + SAMPLE_NS) < 0)
            return -EIO;
        look_when_due(flow, socket);
    }
    net_end_sending(&flow->net, socket);
    int result = wait_for_end(flow, socket);
    look(flow, socket);
    add_figures(flow);
    return result;
}

static int counts(const struct flow *flow, int64_t now)
{
    const struct flow_task *task = flow->task;
    return task->time_ns == 0 ||
           (now >= flow->start_ns + task->skip_ns && now <= flow->start_ns + task->time_ns);
}

static int take_everything(struct flow *flow, int socket)
{
    uint64_t got = 0;
    for (;;) {
        ssize_t result = net_receive(&flow->net, socket, chunk, CHUNK);
        if (result == 0)
            break;
        if (result > 0) {
            int64_t now = net_now_ns();
            got += (uint64_t)result;
            flow->report.done_ns[flow->report.requests] = now;
            if (counts(flow, now))
                flow->report.bytes += (uint64_t)result;
        } else if (result != -EAGAIN) {
            return (int)result;
        } else if (net_wait(&flow->net, socket, POLLIN, net_now_ns() + LONG_NS) < 0) {
            return -EIO;
        }
    }
    return flow->task->time_ns > 0 || got == flow->task->size ? 0 : -EPIPE;
}

/* One byte asks. */
static int ask(struct flow *flow, int socket)
{
    ssize_t sent = net_send(&flow->net, socket, "?", 1);
    return sent == 1 ? 0 : sent < 0 ? (int)sent : -EIO;
}

static int wait_to_be_asked(struct flow *flow, int socket)
{
    char byte;
    for (;;) {
        ssize_t got = net_receive(&flow->net, socket, &byte, sizeof byte);
        if (got != -EAGAIN)
            return got == 1 ? 0 : got < 0 ? (int)got : -EPIPE;
        if (net_wait(&flow->net, socket, POLLIN, net_now_ns() + LONG_NS) < 0)
            return -EIO;
    }
}

/* The socket of the next connection, or a negative errno. */
static int near_connects(struct flow *flow)
{
    flow->report.begun_ns[flow->report.requests] = net_now_ns();
    int made = net_connect(&flow->net, flow->task->there, flow->task->port);
    if (made < 0)
        return made;
    int ready = net_wait(&flow->net, made, POLLOUT, net_now_ns() + LONG_NS);
    if (ready < 0)
        return ready;
    return (ready & (POLLERR | POLLHUP)) != 0 ? -ECONNREFUSED : made;
}

static int far_accepts(struct flow *flow, int listener)
{
    for (;;) {
        int accepted = net_accept(&flow->net, listener);
        if (accepted != -EAGAIN)
            return accepted;
        int ready = net_wait(&flow->net, listener, POLLIN, net_now_ns() + LONG_NS);
        if (ready < 0)
            return ready;
    }
}

static int move(struct flow *flow, int socket)
{
    const struct flow_task *task = flow->task;
    int result = 0;
    if (task->side == FLOW_NEAR && task->role == FLOW_TAKES)
        result = ask(flow, socket);
    if (task->side == FLOW_FAR && task->role == FLOW_SENDS)
        result = wait_to_be_asked(flow, socket);
    if (result < 0)
        return result;
    return task->role == FLOW_SENDS ? send_everything(flow, socket) : take_everything(flow, socket);
}

static int carry_out(struct flow *flow, int listener)
{
    while (flow->report.requests < flow->task->requests) {
        int made = flow->task->side == FLOW_NEAR ? near_connects(flow)
                                                 : far_accepts(flow, listener);
        if (made < 0)
            return made;
        flow->last = (struct net_figures){0};
        int result = move(flow, made);
        net_close_socket(&flow->net, made);
        if (result < 0)
            return result;
        flow->report.requests++;
    }
    return 0;
}

static int send_report(struct flow *flow)
{
    const struct flow_report *report = &flow->report;
    return send(flow->task->channel, report, sizeof *report, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Says that this end is ready and waits for the time to begin. 0, or a negative errno. */
static int get_ready(struct flow *flow)
{
    flow->report.is_ready = 1;
    int result = send_report(flow);
    flow->report.is_ready = 0;
    if (result < 0)
        return result;
    ssize_t got = recv(flow->task->channel, &flow->start_ns, sizeof flow->start_ns, 0);
    return got == (ssize_t)sizeof flow->start_ns ? 0 : -EPIPE;
}

static void explain(struct flow *flow, const char *what, int error)
{
    flow->report.error = error;
    if (flow->report.sentence[0] == '\0')
        snprintf(flow->report.sentence, SENTENCE_SIZE, "%s, %s: %s",
                 flow->task->side == FLOW_NEAR ? "near" : "far", what, strerror(-error));
}

static int open_and_listen(struct flow *flow, int *listener)
{
    const struct flow_task *task = flow->task;
    int result = net_open(&flow->net, &task->net, flow->report.sentence, SENTENCE_SIZE);
    if (result < 0) {
        explain(flow, "stack", result);
        return result;
    }
    *listener = -1;
    if (task->side == FLOW_NEAR)
        return 0;
    *listener = net_listen(&flow->net, task->here, task->port);
    if (*listener < 0)
        explain(flow, "listen", *listener);
    return *listener < 0 ? *listener : 0;
}

void flow_run(const struct flow_task *task)
{
    struct flow *flow = &the_flow;
    int listener;
    *flow = (struct flow){.task = task};
    flow->report.rtt_min_ms = (double)NAN;
    if (open_and_listen(flow, &listener) < 0) {
        send_report(flow);
        return;
    }
    if (get_ready(flow) < 0)
        return;
    int result = carry_out(flow, listener);
    if (result < 0)
        explain(flow, "transfer", result);
    flow->report.rtt_p50_ms = percentile(flow->rtt_ms, flow->samples, 50);
    flow->report.rtt_p99_ms = percentile(flow->rtt_ms, flow->samples, 99);
    send_report(flow);
    net_close(&flow->net);
}
