/* Events as lines in a FILE, see line_sink.h. Blocks for as long as the FILE does. */
#include "trace/line_sink.h"

#include <inttypes.h>

enum { LINE_SIZE = 1024 };

static void print_text(FILE *file, const struct trace_record *record)
{
    char line[LINE_SIZE];
    int64_t us = record->when.ns / 1000;
    trace_text(record, line, sizeof line);
    fprintf(file, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
    if (record->connection)
        fprintf(file, " #%" PRIu64, record->connection);
    if (record->flow) {
        char flow[FLOW_TEXT_SIZE];
        fprintf(file, " %s", flow_print(record->flow, flow));
    }
    fprintf(file, " %s\n", line);
}

static void line_sink_event(struct trace_sink *base, const struct trace_record *record)
{
    const struct line_sink *sink = (const struct line_sink *)(const void *)base;
    if (trace_event_level(record->id) < sink->least)
        return;
    switch (sink->format) {
    case LINE_TEXT:
        print_text(sink->file, record);
        break;
    case LINE_JSON: {
        char line[LINE_SIZE];
        trace_json(record, line, sizeof line);
        fprintf(sink->file, "%s\n", line);
        break;
    }
    }
}

void line_sink_init(struct line_sink *sink, FILE *file, enum line_format format,
                    enum event_level least)
{
    *sink = (struct line_sink){
        .sink = {.event = line_sink_event}, .file = file, .format = format, .least = least};
}
