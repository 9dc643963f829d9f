/* How the stack tells what it does. Each kind of event is declared once in events.def, each reason
 * to discard a packet once in drops.def; TRACE() and trace_drop() count always and cost no more
 * than the count while nobody listens. Called from everywhere above base/; sinks decide what
 * becomes of it. */
#ifndef TUNNY_TRACE_TRACE_H
#define TUNNY_TRACE_TRACE_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"
#include "wire/address.h"

enum drop_reason {
#define DROP(name, counter, sentence, citation) DROP_##name,
#include "trace/drops.def"
#undef DROP
    DROP_REASONS,
};

enum event_id {
#define EVENT(name, level, about, counter, sentence, citation, fields) EVENT_##name,
#include "trace/events.def"
#undef EVENT
    EVENT_KINDS,
};

enum event_level { LEVEL_DETAIL, LEVEL_DECISION, LEVEL_STATE, LEVEL_PROBLEM };
enum event_about { ABOUT_NOTHING, ABOUT_ARRIVAL, ABOUT_DEPARTURE };
enum field_kind {
    FIELD_SEQ,      /* seqno; shown relative to the connection's ISS or IRS where known */
    FIELD_NUMBER,   /* uint64_t */
    FIELD_SIGNED,   /* int64_t */
    FIELD_DURATION, /* struct duration */
    FIELD_RATE,     /* uint64_t, bytes a second */
    FIELD_TEXT,     /* const char *, static */
    FIELD_FLAGS,    /* uint64_t, TCP flags */
    FIELD_DROP,     /* enum drop_reason */
};

/* The struct of each event: `struct event_retransmitted { seqno seq; uint64_t len; ... }`. The
 * first member is there so that an event without fields is a struct too. */
#define FIELD_TYPE_SEQ      seqno
#define FIELD_TYPE_NUMBER   uint64_t
#define FIELD_TYPE_SIGNED   int64_t
#define FIELD_TYPE_DURATION struct duration
#define FIELD_TYPE_RATE     uint64_t
#define FIELD_TYPE_TEXT     const char *
#define FIELD_TYPE_FLAGS    uint64_t
#define FIELD_TYPE_DROP     enum drop_reason
#define FIELD(kind, name)   FIELD_TYPE_##kind name;
#define EVENT(name, level, about, counter, sentence, citation, fields)                             \
    struct event_##name {                                                                          \
        fields char unused;                                                                        \
    };
#include "trace/events.def"
#undef EVENT
#undef FIELD

/* One event as sinks see it. `fields` points to the event's struct; use trace_field(). */
struct trace_record {
    enum event_id id;
    const void *fields;
    struct instant when;
    const struct flow *flow; /* the connection or packet it is about, or NULL */
    uint64_t connection;     /* a number for each connection, from 1; 0: none */
    seqno iss, irs;          /* for relative numbers; 0 while unknown */
};

struct trace_sink {
    void (*event)(struct trace_sink *sink, const struct trace_record *record);
    struct trace_sink *next;
};

/* Whose events come next: set by whoever starts to work on a connection or packet. */
struct trace_subject {
    const struct flow *flow;
    uint64_t connection;
    seqno iss, irs;
};

struct trace {
    struct trace_sink *sinks;
    struct instant now; /* set once a turn by the loop */
    struct trace_subject subject;
    uint64_t events[EVENT_KINDS];
    uint64_t drops[DROP_REASONS];
};

/* TRACE(trace, retransmitted, .seq = 1, .len = 2, .because = "RTO"); fields not named are 0. */
#define TRACE(told, kind, ...)                                                                     \
    do {                                                                                           \
        struct trace *trace_ = (told);                                                             \
        trace_->events[EVENT_##kind]++;                                                            \
        if (trace_->sinks)                                                                         \
            trace_emit(trace_, EVENT_##kind, &(struct event_##kind){__VA_ARGS__});                 \
    } while (0)

void trace_emit(struct trace *trace, enum event_id id, const void *fields);

/* Counts the drop and tells it to the sinks as the event `dropped`. */
void trace_drop(struct trace *trace, enum drop_reason reason);

void trace_subscribe(struct trace *trace, struct trace_sink *sink);
void trace_unsubscribe(struct trace *trace, struct trace_sink *sink);

/* What the lists say. All texts are static. */
const char *trace_event_name(enum event_id id);
const char *trace_event_sentence(enum event_id id);
const char *trace_event_citation(enum event_id id);
const char *trace_event_counter(enum event_id id);
enum event_level trace_event_level(enum event_id id);
enum event_about trace_event_about(enum event_id id);
const char *trace_drop_name(enum drop_reason reason);
const char *trace_drop_sentence(enum drop_reason reason);
const char *trace_drop_citation(enum drop_reason reason);
const char *trace_drop_counter(enum drop_reason reason);

/* One field of one kind of event. */
struct trace_field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* in the event's struct */
};
/* The event's fields; *count of them. */
const struct trace_field *trace_event_fields(enum event_id id, size_t *count);

/* The sum of all events and drops that add to this standard counter ("TcpRetransSegs"). */
uint64_t trace_counter(const struct trace *trace, const char *name);

/* One line: "sent again seq=1461 len=1460 times=1 because=RTO (RFC 9293, 3.8.1)". Always
 * terminated; returns the length that was wanted. */
size_t trace_text(const struct trace_record *record, char *line, size_t size);
/* The same as one JSON object without a newline. */
size_t trace_json(const struct trace_record *record, char *line, size_t size);

#endif
