/* What a script runs in: a virtual host, the sockets that the script has opened by its own numbers,
 * the conversations, the call that is still blocking, and the story so far. Made and driven by
 * run.c; its parts (wire.c, calls*.c, commands.c, code*.c) do one kind of event each. */
#ifndef TUNNY_DRILL_WORLD_H
#define TUNNY_DRILL_WORLD_H

#include <stdio.h>

#include "flows.h"
#include "script.h"
#include "socket.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNSUPPORTED };

enum { FILES_MOST = 256, TELL_TEXT = 1200 };

/* What a script and the command line may say about the host (--key=value). */
struct host_options {
    enum ip_version ip_version;
    struct place local,
        remote;      /* ports: what bind() and connect() use when the script says `...` */
    unsigned prefix; /* of the local address */
    uint32_t mtu;
    int64_t tolerance_us;
    double tolerance_share; /* of the time since the event before */
    int64_t stamp_tick_us;  /* check timestamps by this tick; 0: do not */
    bool no_offload;
    bool strict; /* packets that no line expects are failures */
    uint64_t seed;
    const char *congestion;
    const char *capture; /* or NULL */
};

enum file_kind { FILE_FREE, FILE_SOCKET, FILE_EPOLL };

struct watch;

/* A descriptor of the script. */
struct file {
    enum file_kind kind;
    int number; /* the stack's */
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
    int family;
    bool nonblocking, inq, connecting, listening;
    struct watch *watches; /* of an epoll */
};

/* One call being tried. It is tried again after everything that happens until it stops saying
 * would_block. */
struct attempt {
    const struct event *event;
    const struct call_spec *call;
    bool first;       /* not tried before */
    bool would_block; /* set by the call: nothing can be said yet */
    int64_t result;   /* as the system would return it: -1 and error */
    int error;
    int64_t done; /* bytes moved so far */
    int64_t began_ns, deadline_ns;
};

struct world {
    const struct script *script;
    struct arena *arena;
    struct host_options options;
    struct tunny *stack;
    struct flows flows;
    struct file files[FILES_MOST];
    int under_test; /* the newest socket's descriptor in the script: what assertions look at */
    bool has_pending;
    struct attempt pending;
    int64_t last_us; /* when the event before was, by the script */
    bool has_seen;   /* a packet was collected and not compared yet */
    struct seen_packet seen;
    bool has_ahead; /* and the one behind it */
    struct seen_packet ahead;
    const char *congestion; /* of new sockets; NULL: the stack's default */
    uint8_t fast_open_key[32];
    size_t fast_open_key_length; /* of new sockets; 0: the stack's own */
    struct code_names *names;

    enum verdict verdict;
    int line; /* of the event that decided */
    char reason[TELL_TEXT];
    unsigned packets; /* compared with what was expected */

    unsigned steps;   /* numbered in the story */
    FILE *story;      /* lines */
    FILE *trace;      /* the stack's events since they were last taken */
    char *trace_text; /* of `trace` */
    size_t trace_size;
    FILE *log; /* the trace goes here too, or NULL */
};

/* The verdict, once; later ones are ignored. Returns false. */
__attribute__((format(printf, 3, 4))) bool world_fails(struct world *world, int line,
                                                       const char *format, ...);
__attribute__((format(printf, 3, 4))) bool world_lacks(struct world *world, int line,
                                                       const char *format, ...);
/* A numbered step, after what the stack did since the step before. */
__attribute__((format(printf, 2, 3))) void world_tell(struct world *world, const char *format, ...);
/* The stack's events since, without a step. */
void world_tell_trace(struct world *world);
/* A remark that is no step. */
__attribute__((format(printf, 2, 3))) void world_remark(struct world *world, const char *format,
                                                        ...);

int64_t world_now_us(const struct world *world);
/* Lets time pass until `until_us`, or until the next thing that happens by itself, whichever is
 * first. */
void world_step(struct world *world, int64_t until_us);
/* Lets time pass until then; false when a verdict fell meanwhile. */
bool world_wait(struct world *world, int64_t until_us);
/* After everything that may have changed something: the blocking call is tried again. */
void world_settle(struct world *world);
/* `us` lies within the tolerance of `from`..`to`. */
bool world_on_time(const struct world *world, int64_t us, int64_t from, int64_t to);
/* How far off a time may be, now. */
int64_t world_tolerance_us(const struct world *world, int64_t expected_us);

/* The script's descriptor, or NULL. */
struct file *world_file(struct world *world, int64_t descriptor);
/* The stack's socket number has this descriptor; -1. */
int world_descriptor_of(const struct world *world, int number);

/* --- kinds of events (each returns false when the verdict is no longer "pass")
 * -------------------------- */

/* wire.c */
bool wire_inject(struct world *world, const struct event *event);
bool wire_expect(struct world *world, const struct event *event);
/* What was sent and no line expected: told in the story, a failure if that was asked for. */
void wire_leftovers(struct world *world);

/* calls.c: begins the call; finishes it, or leaves it as the pending one. */
bool call_begin(struct world *world, const struct event *event);
/* Tries the pending call again. */
void call_retry(struct world *world);

/* commands.c: shell commands that set things. */
bool command_run(struct world *world, const char *text, int line);
/* tcp_..., by name; unknown names are remarked upon. */
void command_set(struct world *world, const char *name, const char *value);

/* code.c: a block of Python. */
bool code_run(struct world *world, const struct event *event);

#endif
