/* Records of fates, see the header. A packet enters the engine when it entered the kernel's, and
 * what is due is taken out when the kernel's timer took it out. So the two see the same times, and
 * whatever differs was decided differently. */
#include "support/fate_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/netem.h"
#include "dev/netem_parse.h"
#include "support/fate_search.h"

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_event(const char **text, uint32_t *entered, struct fate_event *event)
{
    char *end;

    *event = (struct fate_event){.entered = **text == '+'};
    if (**text == '-') {
        event->seen.number = (uint32_t)strtoul(*text + 1, &end, 10);
        if (*end != '@')
            return false;
    } else if (**text == '+') {
        event->seen.number = ++*entered;
        end = (char *)(uintptr_t)*text;
    } else {
        return false;
    }
    event->at_ns = strtoll(end + 1, &end, 10);
    if (*end == 'c')
        event->seen.damaged = 1, end++;
    if (*end == 'e')
        event->seen.marked = true, end++;
    if (*end == 'u')
        event->seen.unsure = true, end++;
    *text = end + strspn(end, " \n");
    return true;
}

bool fate_record_read(const char **text, struct fate_record *record)
{
    const char *at = *text;
    uint32_t entered = 0;
    size_t room = 0;
    int length = 0;

    *record = (struct fate_record){0};
    if (sscanf(at, " case %" SCNu32 " %" SCNd64 " %" SCNu64 " %511[^\n]%n", &record->packets,
               &record->interval, &record->seed, record->spec, &length) != 4)
        return false;
    for (at += length, at += strspn(at, " \n"); strncmp(at, "end", 3) != 0;) {
        if (record->count == room) {
            room = room ? 2 * room : 1024;
            record->events = realloc(record->events, room * sizeof *record->events);
        }
        if (!read_event(&at, &entered, &record->events[record->count++])) {
            fate_record_free(record);
            return false;
        }
    }
    *text = at + strlen("end");
    return true;
}

void fate_record_free(struct fate_record *record)
{
    free(record->events);
    record->events = NULL;
}

/* --- in step ---------------------------------------------------------------------------------- */

/* The clock of the virtual world counts in steps; what the recorder spends between waking up and
 * having read it are two. */
enum { CLOCK_NS = 256, RECORDER_NS = 2 * CLOCK_NS };

/* What our engine let out and the record has not told yet. */
struct waiting {
    struct fate_seen seen;
    int64_t at_ns;
};

struct step {
    const struct fate_record *record;
    struct netem *netem;
    struct waiting *out;
    size_t first, count;
    int64_t before_ns; /* the time of the last event */
    char *complaint;
};

__attribute__((format(printf, 2, 3))) static bool differs(struct step *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(s->complaint, FATE_COMPLAINT_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static void take_out(struct step *s, int64_t now_ns)
{
    struct instant now = {now_ns};
    struct netem_arrival packet;

    for (;;) {
        struct instant due = netem_deadline(s->netem);
        if (!netem_dequeue(s->netem, now, &packet))
            return;
        struct waiting *out = &s->out[s->count++];
        out->at_ns = due.ns > s->before_ns ? due.ns : s->before_ns;
        if (!fate_packet_read(s->record->seed, packet.packet.data, packet.packet.len, &out->seen))
            out->seen.number = 0;
    }
}

/* When the kernel saw that something was due: at the first time that its clock showed from then on,
 * or a step later. What then came out tells. */
static int64_t seen_due(const struct fate_event *event, int64_t due_ns)
{
    int64_t first = (due_ns + CLOCK_NS - 1) / CLOCK_NS * CLOCK_NS;
    int64_t told = event->at_ns - RECORDER_NS;

    return !event->entered && told > first && told - first <= 2 * CLOCK_NS ? told : first;
}

/* What the kernel's timer has done until the event. What it took out just before a packet entered
 * is told before; the rest was still there, because its clock shows some times too late. */
static void run_until(struct step *s, const struct fate_event *event)
{
    int64_t end = event->entered ? event->at_ns - 2 * CLOCK_NS : event->at_ns;

    for (;;) {
        int64_t due = netem_deadline(s->netem).ns;
        if (due > end)
            return;
        int64_t at = seen_due(event, due);
        if (at > event->at_ns)
            return;
        size_t count = s->count;
        take_out(s, at);
        if (s->count == count && netem_deadline(s->netem).ns <= due)
            return;
    }
}

/* What is out here and not there, although there was time. */
static bool nothing_late(struct step *s, int64_t now_ns)
{
    const struct waiting *out = &s->out[s->first];

    if (s->first == s->count || now_ns - out->at_ns <= FATE_LATEST_NS)
        return true;
    return differs(s,
                   "packet %" PRIu32 " leaves ours at %" PRId64 " and the kernel's not by %" PRId64,
                   out->seen.number, out->at_ns, now_ns);
}

static bool enter(struct step *s, const struct fate_event *event)
{
    uint8_t packet[FATE_PACKET_LARGEST];
    size_t length = fate_packet_write(s->record->seed, event->seen.number, packet);
    struct netem_arrival arrival = {.packet = {packet, length}, .number = event->seen.number};
    struct netem_fate fates[2];

    if (!nothing_late(s, event->at_ns))
        return false;
    netem_enqueue(s->netem, &arrival, (struct instant){event->at_ns}, fates);
    s->before_ns = event->at_ns;
    take_out(s, event->at_ns);
    return true;
}

static bool marked_otherwise(const struct fate_seen *a, const struct fate_seen *b)
{
    return a->marked != b->marked && !a->unsure && !b->unsure;
}

static bool leave(struct step *s, const struct fate_event *event)
{
    const struct fate_seen *theirs = &event->seen;

    s->before_ns = event->at_ns;
    if (s->first == s->count)
        return differs(s,
                       "packet %" PRIu32 " leaves the kernel's at %" PRId64
                       "; from ours nothing leaves before %" PRId64,
                       theirs->number, event->at_ns, netem_deadline(s->netem).ns);
    const struct waiting *out = &s->out[s->first++];
    if (out->seen.number != theirs->number)
        return differs(s, "packet %" PRIu32 " leaves the kernel's at %" PRId64 ", ours %" PRIu32,
                       theirs->number, event->at_ns, out->seen.number);
    if ((out->seen.damaged > 0) != (theirs->damaged > 0) || marked_otherwise(&out->seen, theirs))
        return differs(s, "packet %" PRIu32 ": %u bits damaged%s by the kernel's, %u%s by ours",
                       theirs->number, theirs->damaged, theirs->marked ? ", marked" : "",
                       out->seen.damaged, out->seen.marked ? ", marked" : "");
    if (event->at_ns < out->at_ns || event->at_ns > out->at_ns + FATE_LATEST_NS)
        return differs(s, "packet %" PRIu32 " leaves the kernel's at %" PRId64 ", ours at %" PRId64,
                       theirs->number, event->at_ns, out->at_ns);
    return true;
}

static bool all_steps(struct step *s)
{
    const struct fate_record *record = s->record;

    for (size_t i = 0; i < record->count; i++) {
        const struct fate_event *event = &record->events[i];
        run_until(s, event);
        if (event->entered ? !enter(s, event) : !leave(s, event))
            return false;
    }
    take_out(s, s->before_ns + FATE_QUIET_S * INT64_C(1000000000) - FATE_LATEST_NS);
    if (s->first < s->count)
        return differs(s,
                       "packet %" PRIu32 " never leaves the kernel's and leaves ours at %" PRId64,
                       s->out[s->first].seen.number, s->out[s->first].at_ns);
    return true;
}

bool fate_record_steps(const struct fate_record *record, const struct netem_config *config,
                       const struct fate_firsts *firsts, char complaint[FATE_COMPLAINT_SIZE])
{
    struct netem netem;
    struct step step = {.record = record, .netem = &netem, .complaint = complaint};

    if (netem_open(&netem, config, config->seed, 0, FATE_PACKET_LARGEST))
        return differs(&step, "no memory");
    netem.delay_series.last = firsts->delay;
    netem.loss_series.last = firsts->loss;
    netem.duplicate_series.last = firsts->duplicate;
    netem.corrupt_series.last = firsts->corrupt;
    netem.reorder_series.last = firsts->reorder;
    netem.slot_next = (struct instant){1000000000};
    step.out = calloc(2 * (size_t)record->packets + 1, sizeof *step.out);
    bool same = all_steps(&step);
    free(step.out);
    netem_close(&netem);
    return same;
}

bool fate_record_agrees(const struct fate_record *record, char complaint[FATE_COMPLAINT_SIZE])
{
    struct netem_tables tables = {0};
    struct netem_config config;
    struct netem_notes notes = {0};

    if (netem_parse(record->spec, &tables, &config, &notes)) {
        snprintf(complaint, FATE_COMPLAINT_SIZE, "%s", notes.error);
        return false;
    }
    bool same = fate_search(record, &config, complaint);
    netem_tables_free(&tables);
    return same;
}
