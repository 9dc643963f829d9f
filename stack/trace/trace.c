/* Counts and hands out events, and turns the two lists, events.def and drops.def, into names,
 * sentences, lines of text and JSON. Called by everything above base/ through TRACE() and
 * trace_drop(); must not know who listens, where lines go, or what time it is. */
#include "trace/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "wire/describe.h"

struct event_facts {
    const char *name, *counter, *sentence, *citation;
    enum event_level level;
    enum event_about about;
};

struct drop_facts {
    const char *name, *counter, *sentence, *citation;
};

static const struct event_facts event_facts[EVENT_KINDS] = {
#define EVENT(id, level, about, counter, sentence, citation, fields)                               \
    {#id, counter, sentence, citation, LEVEL_##level, ABOUT_##about},
#include "trace/events.def"
#undef EVENT
};

static const struct drop_facts drop_facts[DROP_REASONS] = {
#define DROP(id, counter, sentence, citation) {#id, counter, sentence, citation},
#include "trace/drops.def"
#undef DROP
};

static const char *const level_names[] = {"detail", "decision", "state", "problem"};

static const struct event_facts *facts_of_event(enum event_id id)
{
    CHECK(id < EVENT_KINDS);
    return &event_facts[id];
}

static const struct drop_facts *facts_of_drop(enum drop_reason reason)
{
    CHECK(reason < DROP_REASONS);
    return &drop_facts[reason];
}

const char *trace_event_name(enum event_id id)
{
    return facts_of_event(id)->name;
}

const char *trace_event_sentence(enum event_id id)
{
    return facts_of_event(id)->sentence;
}

const char *trace_event_citation(enum event_id id)
{
    return facts_of_event(id)->citation;
}

const char *trace_event_counter(enum event_id id)
{
    return facts_of_event(id)->counter;
}

enum event_level trace_event_level(enum event_id id)
{
    return facts_of_event(id)->level;
}

enum event_about trace_event_about(enum event_id id)
{
    return facts_of_event(id)->about;
}

const char *trace_drop_name(enum drop_reason reason)
{
    return facts_of_drop(reason)->name;
}

const char *trace_drop_sentence(enum drop_reason reason)
{
    return facts_of_drop(reason)->sentence;
}

const char *trace_drop_citation(enum drop_reason reason)
{
    return facts_of_drop(reason)->citation;
}

const char *trace_drop_counter(enum drop_reason reason)
{
    return facts_of_drop(reason)->counter;
}

/* `shape` gives FIELD() the type of the event it stands in; the last entry ends the list. */
const struct trace_field *trace_event_fields(enum event_id id, size_t *count)
{
    switch (id) {
#define FIELD(kind, member) {#member, FIELD_##kind, offsetof(__typeof__(*shape), member)},
#define EVENT(id, level, about, counter, sentence, citation, fields)                               \
    case EVENT_##id: {                                                                             \
        __attribute__((unused)) struct event_##id *shape;                                          \
        static const struct trace_field list[] = {fields{NULL, FIELD_NUMBER, 0}};                  \
        *count = sizeof list / sizeof list[0] - 1;                                                 \
        return list;                                                                               \
    }
#include "trace/events.def"
#undef EVENT
#undef FIELD
    case EVENT_KINDS:
        break;
    }
    UNREACHABLE();
}

void trace_emit(struct trace *trace, enum event_id id, const void *fields)
{
    struct trace_record record = {
        .id = id,
        .fields = fields,
        .when = trace->now,
        .flow = trace->subject.flow,
        .connection = trace->subject.connection,
        .iss = trace->subject.iss,
        .irs = trace->subject.irs,
    };
    /* A sink may unsubscribe itself while it is told. */
    for (struct trace_sink *sink = trace->sinks, *next; sink; sink = next) {
        next = sink->next;
        sink->event(sink, &record);
    }
}

void trace_drop(struct trace *trace, enum drop_reason reason)
{
    CHECK(reason < DROP_REASONS);
    trace->drops[reason]++;
    TRACE(trace, dropped, .reason = reason);
}

void trace_subscribe(struct trace *trace, struct trace_sink *sink)
{
    struct trace_sink **end = &trace->sinks;
    while (*end) {
        CHECK(*end != sink);
        end = &(*end)->next;
    }
    sink->next = NULL;
    *end = sink;
}

void trace_unsubscribe(struct trace *trace, struct trace_sink *sink)
{
    for (struct trace_sink **at = &trace->sinks; *at; at = &(*at)->next)
        if (*at == sink) {
            *at = sink->next;
            return;
        }
}

uint64_t trace_counter(const struct trace *trace, const char *name)
{
    uint64_t sum = 0;
    if (!*name)
        return 0;
    for (size_t i = 0; i < EVENT_KINDS; i++)
        if (strcmp(event_facts[i].counter, name) == 0)
            sum += trace->events[i];
    for (size_t i = 0; i < DROP_REASONS; i++)
        if (strcmp(drop_facts[i].counter, name) == 0)
            sum += trace->drops[i];
    return sum;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* A line that grows; what does not fit is counted but not written. */
struct line {
    char *text;
    size_t size, wanted;
};

static void line_add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void line_add(struct line *line, const char *format, ...)
{
    size_t used = line->wanted < line->size ? line->wanted : line->size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + used, line->size - used, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    line->wanted += (size_t)length;
}

/* RFC 8259, 7: quotation mark, reverse solidus and control characters are escaped. */
static void line_add_json_string(struct line *line, const char *text)
{
    line_add(line, "\"");
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            line_add(line, "\\%c", byte);
        else if (byte < 0x20)
            line_add(line, "\\u%04x", byte);
        else
            line_add(line, "%c", byte);
    }
    line_add(line, "\"");
}

/* A SEQ field counts in our numbers or in the peer's. What a segment acknowledges counts in its
 * receiver's, everything else in its sender's; events about no segment speak of what we send. */
static seqno base_of_field(const struct trace_record *record, const char *name)
{
    if (strcmp(name, "iss") == 0 || strcmp(name, "irs") == 0)
        return 0;
    bool acknowledges = strcmp(name, "ack") == 0 || strcmp(name, "left") == 0 ||
                        strcmp(name, "right") == 0;
    bool arrived = trace_event_about(record->id) == ABOUT_ARRIVAL;
    return acknowledges == arrived ? record->iss : record->irs;
}

/* Relative to its base as Wireshark does it (the SYN is 0); where the base is unknown, and for a
 * number that was never unwrapped, the 32 bits of the wire. */
static void line_add_seq(struct line *line, seqno value, seqno base)
{
    if (base == 0 || value < SEQ_FIRST_EPOCH / 2)
        line_add(line, "%" PRIu32, seq_wrap(value).u32);
    else
        line_add(line, "%" PRId64, (int64_t)(value - base));
}

/* "20ms", "1.5s", "312us": the largest unit that leaves a number of at least 1, three decimals. */
static void line_add_duration(struct line *line, struct duration d)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    if (d.ns == INT64_MAX || d.ns == INT64_MIN) {
        line_add(line, "forever");
        return;
    }
    int64_t ns = d.ns < 0 ? -d.ns : d.ns;
    size_t u = 0;
    while (u < 3 && ns < units[u].ns)
        u++;
    line_add(line, "%s%" PRId64, d.ns < 0 ? "-" : "", ns / units[u].ns);
    int64_t thousandths = ns % units[u].ns * 1000 / units[u].ns;
    int digits = 3;
    while (digits > 0 && thousandths % 10 == 0) {
        thousandths /= 10;
        digits--;
    }
    if (digits > 0)
        line_add(line, ".%0*" PRId64, digits, thousandths);
    line_add(line, "%s", units[u].name);
}

static void line_add_flags(struct line *line, uint64_t flags)
{
    char text[12];
    describe_tcp_flags((unsigned)flags, text);
    line_add(line, "%s", text);
}

/* The value of a field of this kind that lies at `at`. */
#define FIELD_VALUE(kind) (*(__typeof__(FIELD_TYPE_##kind) const *)at)

static void line_add_field(struct line *line, const struct trace_record *record,
                           const struct trace_field *field)
{
    const void *at = (const char *)record->fields + field->offset;
    if (field->kind != FIELD_DROP)
        line_add(line, " %s=", field->name);
    switch (field->kind) {
    case FIELD_SEQ:
        line_add_seq(line, FIELD_VALUE(SEQ), base_of_field(record, field->name));
        break;
    case FIELD_NUMBER:
        line_add(line, "%" PRIu64, FIELD_VALUE(NUMBER));
        break;
    case FIELD_SIGNED:
        line_add(line, "%" PRId64, FIELD_VALUE(SIGNED));
        break;
    case FIELD_DURATION:
        line_add_duration(line, FIELD_VALUE(DURATION));
        break;
    case FIELD_RATE:
        line_add(line, "%" PRIu64 "B/s", FIELD_VALUE(RATE));
        break;
    case FIELD_TEXT:
        line_add(line, "%s", FIELD_VALUE(TEXT) ? FIELD_VALUE(TEXT) : "-");
        break;
    case FIELD_FLAGS:
        line_add_flags(line, FIELD_VALUE(FLAGS));
        break;
    case FIELD_DROP:
        line_add(line, ": %s, %s (%s)", trace_drop_name(FIELD_VALUE(DROP)),
                 trace_drop_sentence(FIELD_VALUE(DROP)), trace_drop_citation(FIELD_VALUE(DROP)));
        break;
    }
}

size_t trace_text(const struct trace_record *record, char *text, size_t size)
{
    struct line line = {text, size, 0};
    size_t count;
    const struct trace_field *fields = trace_event_fields(record->id, &count);
    line_add(&line, "%s", trace_event_sentence(record->id));
    for (size_t i = 0; i < count; i++)
        line_add_field(&line, record, &fields[i]);
    if (*trace_event_citation(record->id))
        line_add(&line, " (%s)", trace_event_citation(record->id));
    return line.wanted;
}

/* Numbers carry their unit in the member's name: "rtt_ns", "pacing_bytes_per_s". */
static void line_add_json_name(struct line *line, const struct trace_field *field)
{
    const char *unit = "";
    if (field->kind == FIELD_DURATION)
        unit = "_ns";
    if (field->kind == FIELD_RATE)
        unit = "_bytes_per_s";
    line_add(line, ",\"%s%s\":", field->name, unit);
}

static void line_add_json_field(struct line *line, const struct trace_record *record,
                                const struct trace_field *field)
{
    const void *at = (const char *)record->fields + field->offset;
    line_add_json_name(line, field);
    switch (field->kind) {
    case FIELD_SEQ:
        line_add_seq(line, FIELD_VALUE(SEQ), base_of_field(record, field->name));
        break;
    case FIELD_NUMBER:
        line_add(line, "%" PRIu64, FIELD_VALUE(NUMBER));
        break;
    case FIELD_SIGNED:
        line_add(line, "%" PRId64, FIELD_VALUE(SIGNED));
        break;
    case FIELD_DURATION:
        line_add(line, "%" PRId64, FIELD_VALUE(DURATION).ns);
        break;
    case FIELD_RATE:
        line_add(line, "%" PRIu64, FIELD_VALUE(RATE));
        break;
    case FIELD_TEXT:
        line_add_json_string(line, FIELD_VALUE(TEXT) ? FIELD_VALUE(TEXT) : "");
        break;
    case FIELD_FLAGS:
        line_add(line, "\"");
        line_add_flags(line, FIELD_VALUE(FLAGS));
        line_add(line, "\"");
        break;
    case FIELD_DROP:
        line_add_json_string(line, trace_drop_name(FIELD_VALUE(DROP)));
        line_add(line, ",\"sentence\":");
        line_add_json_string(line, trace_drop_sentence(FIELD_VALUE(DROP)));
        line_add(line, ",\"citation\":");
        line_add_json_string(line, trace_drop_citation(FIELD_VALUE(DROP)));
        break;
    }
}

size_t trace_json(const struct trace_record *record, char *text, size_t size)
{
    struct line line = {text, size, 0};
    size_t count;
    const struct trace_field *fields = trace_event_fields(record->id, &count);
    line_add(&line, "{\"time_ns\":%" PRId64 ",\"event\":\"%s\",\"level\":\"%s\"", record->when.ns,
             trace_event_name(record->id), level_names[trace_event_level(record->id)]);
    if (record->connection)
        line_add(&line, ",\"connection\":%" PRIu64, record->connection);
    if (record->flow) {
        char end[ENDPOINT_TEXT_SIZE];
        line_add(&line, ",\"local\":\"%s\"", endpoint_print(&record->flow->local, end));
        line_add(&line, ",\"remote\":\"%s\"", endpoint_print(&record->flow->remote, end));
    }
    for (size_t i = 0; i < count; i++)
        line_add_json_field(&line, record, &fields[i]);
    if (*trace_event_citation(record->id)) {
        line_add(&line, ",\"citation\":");
        line_add_json_string(&line, trace_event_citation(record->id));
    }
    line_add(&line, "}");
    return line.wanted;
}
