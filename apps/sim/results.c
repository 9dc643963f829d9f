/* The results of a world, see results.h. Everything in it repeats itself to the byte. */
#include "results.h"

#include <inttypes.h>
#include <string.h>

#include "common/message.h"

enum { STATE_TEXT = 96 };

static int is_complete(const struct tunny_world_flow *flow)
{
    return flow->client.finished && flow->server.finished && flow->client.error == 0 &&
           flow->server.error == 0 && flow->server.received == flow->size &&
           flow->client.received == flow->reply;
}

/* The reason in a word or two: what the side that failed was told. */
static const char *state_of(const struct tunny_world_flow *flow, char text[STATE_TEXT])
{
    const struct tunny_world_side *side = flow->client.error ? &flow->client : &flow->server;

    if (is_complete(flow))
        return "complete";
    if (side->error)
        snprintf(text, STATE_TEXT, "%s: %s", side == &flow->client ? "client" : "server",
                 error_words(side->error));
    else if (flow->client.left || flow->server.left)
        snprintf(text, STATE_TEXT, "the %s left", flow->client.left ? "client" : "server");
    else
        snprintf(text, STATE_TEXT, "not finished");
    return text;
}

int results_all_complete(const struct tunny_world *world)
{
    struct tunny_world_flow flow;

    for (unsigned i = 0; tunny_world_flow(world, i, &flow); i++) {
        if (!is_complete(&flow))
            return 0;
    }
    return 1;
}

/* Who sends most has the round trips that matter. */
static const struct tunny_world_side *sender_of(const struct tunny_world_flow *flow)
{
    return flow->reply > flow->size ? &flow->server : &flow->client;
}

void results_table(FILE *file, const struct tunny_world *world)
{
    struct tunny_world_totals totals = tunny_world_totals(world);
    struct tunny_world_flow flow;
    char text[STATE_TEXT];

    fprintf(file, "%-12s %-7s %11s %11s %9s %6s %5s %4s  %-24s %s\n", "flow", "cc", "bytes",
            "seconds", "Mbit/s", "again", "need-", "RTOs", "RTT ms (50 95 99 %)", "");
    fprintf(file, "%-12s %-7s %11s %11s %9s %6s %5s\n", "", "", "", "", "", "", "less");
    for (unsigned i = 0; tunny_world_flow(world, i, &flow); i++) {
        const struct tunny_world_side *s = sender_of(&flow);
        fprintf(file,
                "%-12s %-7s %11" PRIu64 " %11.6f %9.3f %6" PRIu64 " %5" PRIu64 " %4" PRIu64
                "  %7.1f %7.1f %7.1f  %s\n",
                flow.name, flow.congestion, flow.client.received + flow.server.received,
                (double)flow.took_ns / 1e9, (double)flow.goodput / 1e6,
                flow.client.retransmitted + flow.server.retransmitted,
                flow.client.spurious + flow.server.spurious,
                flow.client.timeouts + flow.server.timeouts, (double)s->rtt_p50_us / 1e3,
                (double)s->rtt_p95_us / 1e3, (double)s->rtt_p99_us / 1e3, state_of(&flow, text));
    }
    fprintf(file,
            "\nseed %" PRIu64 ", %.6f s of network time, %" PRIu64 " packets, %" PRIu64
            " lost by links, %" PRIu64 " marked\n",
            totals.seed, (double)totals.now_ns / 1e9, totals.packets, totals.lost, totals.marked);
}

void results_csv(FILE *file, const struct tunny_world *world)
{
    struct tunny_world_flow flow;
    char text[STATE_TEXT];

    fprintf(file, "flow,from,to,cc,start_s,seconds,client_received,server_received,goodput_bit_s,"
                  "retransmitted,spurious,timeouts,rtt_samples,rtt_p50_us,rtt_p95_us,rtt_p99_us,"
                  "result\n");
    for (unsigned i = 0; tunny_world_flow(world, i, &flow); i++) {
        const struct tunny_world_side *s = sender_of(&flow);
        fprintf(file,
                "%s,%s,%s,%s,%.9f,%.9f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s\n",
                flow.name, flow.client.host, flow.server.host, flow.congestion,
                (double)flow.start_ns / 1e9, (double)flow.took_ns / 1e9, flow.client.received,
                flow.server.received, flow.goodput,
                flow.client.retransmitted + flow.server.retransmitted,
                flow.client.spurious + flow.server.spurious,
                flow.client.timeouts + flow.server.timeouts, s->rtt_samples, s->rtt_p50_us,
                s->rtt_p95_us, s->rtt_p99_us, state_of(&flow, text));
    }
}

static void json_side(FILE *file, const char *name, const struct tunny_world_side *side)
{
    fprintf(file, ",\"%s\":{\"host\":", name);
    message_json_string(file, side->host);
    fprintf(file,
            ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"finished\":%s,\"error\":%d,"
            "\"retransmitted\":%" PRIu64 ",\"spurious\":%" PRIu64 ",\"timeouts\":%" PRIu64
            ",\"rtt_us\":{\"samples\":%" PRIu64 ",\"p50\":%" PRIu64 ",\"p95\":%" PRIu64
            ",\"p99\":%" PRIu64 "}}",
            side->sent, side->received, side->finished ? "true" : "false", -side->error,
            side->retransmitted, side->spurious, side->timeouts, side->rtt_samples,
            side->rtt_p50_us, side->rtt_p95_us, side->rtt_p99_us);
}

void results_json(FILE *file, const struct tunny_world *world)
{
    struct tunny_world_totals totals = tunny_world_totals(world);
    struct tunny_world_flow flow;
    char text[STATE_TEXT];

    fprintf(file,
            "{\"seed\":%" PRIu64 ",\"seconds\":%.9f,\"packets\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"marked\":%" PRIu64 ",\"broken\":",
            totals.seed, (double)totals.now_ns / 1e9, totals.packets, totals.lost, totals.marked);
    message_json_string(file, tunny_world_failure(world));
    fprintf(file, ",\"flows\":[");
    for (unsigned i = 0; tunny_world_flow(world, i, &flow); i++) {
        fprintf(file, "%s\n{\"name\":", i ? "," : "");
        message_json_string(file, flow.name);
        fprintf(
            file,
            ",\"cc\":\"%s\",\"start\":%.9f,\"seconds\":%.9f,\"goodput\":%" PRIu64 ",\"result\":",
            flow.congestion, (double)flow.start_ns / 1e9, (double)flow.took_ns / 1e9, flow.goodput);
        message_json_string(file, state_of(&flow, text));
        json_side(file, "client", &flow.client);
        json_side(file, "server", &flow.server);
        fputc('}', file);
    }
    fprintf(file, "\n]}\n");
}
