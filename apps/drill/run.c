/* See run.h: reads a script, makes its host, and lets its events happen one after the other. */
#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "parse.h"

enum { SCRIPT_MOST = 4 << 20, MEMORY = 64 << 20 };

/* --- reading -------------------------------------------------------------------------------- */

/* The whole file, terminated; NULL and *error. */
static char *read_file(const char *path, int *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *error = errno;
        return NULL;
    }
    char *text = NULL;
    size_t size = 0, used = 0;
    do {
        size = size ? size * 2 : 16384;
        char *more = realloc(text, size);
        if (more == NULL)
            break;
        text = more;
        used += fread(text + used, 1, size - used - 1, file);
    } while (used == size - 1 && size < SCRIPT_MOST);
    *error = ferror(file) || text == NULL ? EIO : 0;
    fclose(file);
    if (text != NULL)
        text[used] = '\0';
    return text;
}

/* --- the host ------------------------------------------------------------------------------- */

static void default_options(struct host_options *options, const struct run_request *request)
{
    *options = (struct host_options){
        .ip_version = IP_VERSION_4,
        .local = {.ipv6 = false, .port = 8080},
        .remote = {.ipv6 = false, .port = 8080},
        .prefix = 24,
        .mtu = 1500,
        .tolerance_us = 4000,
        .tolerance_share = 0.125,
        .capture = request->capture,
        .seed = request->seed,
    };
    inet_pton(AF_INET, "192.168.0.1", options->local.address);
    inet_pton(AF_INET, "192.0.2.1", options->remote.address);
}

static bool apply_options(struct world *world)
{
    for (const struct script_option *o = world->script->options; o != NULL; o = o->next) {
        const char *wrong = host_option(&world->options, o);
        if (wrong != NULL)
            return world_fails(world, o->line, "the option --%s=%s: %s", o->name, o->value, wrong);
    }
    if (world->options.local.ipv6 != world->options.remote.ipv6)
        return world_fails(world, 0, "the local and the remote address are of two IP versions");
    return true;
}

static bool make_host(struct world *world, const struct run_request *request)
{
    const struct host_options *options = &world->options;
    char address[INET6_ADDRSTRLEN], with_prefix[INET6_ADDRSTRLEN + 8], error[256];
    inet_ntop(options->local.ipv6 ? AF_INET6 : AF_INET, options->local.address, address,
              sizeof address);
    snprintf(with_prefix, sizeof with_prefix, "%s/%u", address, options->prefix);
    struct tunny_config config = {
        .addresses = with_prefix,
        .mtu = options->mtu,
        .no_offload = options->no_offload,
        .capture = options->capture,
        .capture_note = request->path,
        .seed = options->seed,
        .memory = MEMORY,
        .resolver = options->local.ipv6 ? "::1" : "127.0.0.1",
        .trace = world->trace,
        .trace_level = request->trace_level,
    };
    if (tunny_create_virtual(&config, &world->stack, error, sizeof error) == 0)
        return true;
    return world_fails(world, 0, "the host cannot be made: %s", error);
}

/* --- events --------------------------------------------------------------------------------- */

/* Relative times count from the event before. */
static void settle_times(struct world *world, struct event *event)
{
    int64_t from = event->time_kind == TIME_RELATIVE ? world->last_us : 0;
    if (event->time_kind == TIME_ANY)
        event->start_us = event->stop_us = world_now_us(world);
    event->start_us += from;
    event->stop_us += from;
    if (event->kind == EVENT_CALL && event->call->blocks)
        event->call->end_us += from;
}

static bool do_event(struct world *world, struct event *event)
{
    bool waits = event->kind == EVENT_PACKET && event->packet->direction == OUTBOUND;
    if (!waits && !world_wait(world, event->start_us))
        return false;
    switch (event->kind) {
    case EVENT_PACKET:
        return waits ? wire_expect(world, event) : wire_inject(world, event);
    case EVENT_CALL:
        return call_begin(world, event);
    case EVENT_COMMAND:
        return command_run(world, event->body, event->line);
    case EVENT_CODE:
        return code_run(world, event);
    }
    return false;
}

static void run_events(struct world *world)
{
    for (struct event *event = world->script->events; event != NULL; event = event->next) {
        settle_times(world, event);
        int64_t start = event->start_us;
        if (event->time_kind == TIME_ABSOLUTE &&
            start + world->options.tolerance_us < world->last_us) {
            world_fails(world, event->line, "this event is earlier than the one before it");
            return;
        }
        int64_t before = world->last_us;
        if (!do_event(world, event))
            return;
        /* wire_expect() has moved it on for times that are not fixed. */
        if (world->last_us == before && event->time_kind != TIME_ANY && !event->range)
            world->last_us = start;
        else if (event->time_kind == TIME_ANY && world->last_us == before)
            world->last_us = world_now_us(world);
    }
}

/* A call that still blocks must end when the script says. */
static void end_pending(struct world *world)
{
    while (world->has_pending && world->verdict == VERDICT_PASS) {
        int64_t end = world->pending.call->end_us;
        int64_t last = end + world_tolerance_us(world, end);
        if (world_now_us(world) >= last)
            world_fails(world, world->pending.event->line,
                        "%s() still blocks at the end of the script\n  in: %s",
                        world->pending.call->name, world->pending.event->text);
        else
            world_step(world, last);
    }
}

static void run_in_world(struct world *world, const struct run_request *request)
{
    default_options(&world->options, request);
    flows_init(&world->flows, world->arena);
    world->under_test = -1;
    if (!apply_options(world) || !make_host(world, request))
        return;
    const char *init = world->script->init_command;
    if (init == NULL || command_run(world, init, world->script->init_line)) {
        run_events(world);
        end_pending(world);
        wire_leftovers(world);
    }
    world_tell_trace(world);
    tunny_destroy(world->stack);
}

/* --- all of it ------------------------------------------------------------------------------ */

static void report_parse(struct run_report *report, const struct parse_error *error)
{
    report->verdict = error->verdict == PARSE_UNSUPPORTED ? VERDICT_UNSUPPORTED : VERDICT_FAIL;
    report->line = error->line;
    report->reason = strdup(error->text);
}

static void run_parsed(const struct run_request *request, const struct script *script,
                       struct run_report *report)
{
    struct world *world = arena_take(script->arena, sizeof *world);
    size_t story_size;
    world->script = script;
    world->arena = script->arena;
    world->log = request->trace;
    world->story = open_memstream(&report->story, &story_size);
    world->trace = open_memstream(&world->trace_text, &world->trace_size);
    if (world->story != NULL && world->trace != NULL)
        run_in_world(world, request);
    else
        world_fails(world, 0, "there is no memory for the story");
    if (world->trace != NULL)
        fclose(world->trace);
    if (world->story != NULL)
        fclose(world->story);
    free(world->trace_text);
    report->verdict = world->verdict;
    report->line = world->line;
    report->reason = strdup(world->reason);
}

void run_script(const struct run_request *request, struct run_report *report)
{
    struct arena arena = {0};
    struct script script;
    struct parse_error error;
    int failure;
    char why[160];
    *report = (struct run_report){.verdict = VERDICT_FAIL};
    char *text = read_file(request->path, &failure);
    if (text == NULL || failure != 0) {
        snprintf(why, sizeof why, "the file cannot be read: %s", error_words(failure));
        report->reason = strdup(why);
    } else if (parse_script(&script, request->path, text, request->options, &arena, &error) !=
               PARSE_OK) {
        report_parse(report, &error);
    } else {
        run_parsed(request, &script, report);
    }
    arena_free(&arena);
    free(text);
}

void run_report_free(struct run_report *report)
{
    free(report->reason);
    free(report->story);
    *report = (struct run_report){0};
}
