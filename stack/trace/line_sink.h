/* A sink that writes each event as one line to a FILE: text to read, or JSON (one object a line)
 * for programs. Made by applications and by stack.c; must not know what the events mean. */
#ifndef TUNNY_TRACE_LINE_SINK_H
#define TUNNY_TRACE_LINE_SINK_H

#include <stdio.h>

#include "trace/trace.h"

enum line_format { LINE_TEXT, LINE_JSON };

struct line_sink {
    struct trace_sink sink; /* for trace_subscribe() */
    FILE *file;             /* borrowed; buffered as its owner wants */
    enum line_format format;
    enum event_level least; /* events below this level are not written */
};

/* Not subscribed yet. A line of text is "0.000120 #1 198.18.0.1:80 > 198.18.0.2:40000 sent again
 * seq=1461 ...": seconds since instant 0, the connection's number and flow where there are any. */
void line_sink_init(struct line_sink *sink, FILE *file, enum line_format format,
                    enum event_level least);

#endif
