/* The bridge between programs and the stack: what the threads of the supervisor share. One thread
 * runs the stack, the pipes and the inner link (loop.c); one thread for each run is blocked in the
 * kernel's notification call (notify.c) and acts on the stack itself. Both do so under the lock. */
#ifndef TUNNY_RUN_BRIDGE_H
#define TUNNY_RUN_BRIDGE_H

#include <pthread.h>

#include "run/channel.h"
#include "run/rings.h"
#include "socket.h"

/* A tree of processes with one filter. */
struct session {
    struct bridge *bridge;
    struct session *next;
    uint64_t id;
    int notify;    /* where the kernel asks */
    pid_t program; /* the first process */
    char name[64]; /* of the program */
    pthread_t thread;
    bool ended; /* no process is left */
};

struct bridge {
    pthread_mutex_t lock;
    struct tunny *stack;
    int epoll;
    int wake;         /* eventfd: the loop has something to do */
    int meeting;      /* an AF_UNIX listener at which A and S of a connect() meet */
    int inner;        /* the TUN into the programs' namespace; -1: none */
    char network[64]; /* the programs' namespace, as /proc names it */
    bool is_verbose;
    bool has_waiting;  /* a listener has connections that its queue could not take */
    unsigned census;   /* how often pipe_find_all() has looked */
    int64_t census_ns; /* and when */
    int64_t next_sweep_ns, next_listeners_ns;
    int64_t sleeps_until_ns; /* the loop, if nothing wakes it */
    struct session *sessions;
    struct channels channels;
    struct rings rings;
};

/* What epoll says besides a channel's number, which is above. */
enum bridge_event {
    EVENT_STACK,
    EVENT_WAKE,
    EVENT_INNER,
    EVENT_SIGNAL,
    EVENT_CONTROL,
    EVENT_SESSION,
    EVENT_LAST = 255,
};

enum {
    BRIDGE_SWEEP_NS = 250000000,   /* how soon closed sockets that tell nobody are noticed */
    BRIDGE_LISTENERS_NS = 5000000, /* how long after the last look a closed listener may accept */
};

/* The locks, the epoll set, the meeting place. 0 or a negative errno. `bridge` lives on the heap.
 */
int bridge_open(struct bridge *bridge, struct tunny *stack);
void bridge_close(struct bridge *bridge);
/* Adds a descriptor to what the loop waits for. 0 or a negative errno. */
int bridge_watch(struct bridge *bridge, int descriptor, uint32_t events, uint64_t what);
/* The loop is to look for what tells nobody by `when_ns` of the stack's clock. */
void bridge_sweep_by(struct bridge *bridge, int64_t when_ns);
/* Lets the loop look again: called by other threads after they changed something. */
void bridge_wake(struct bridge *bridge);

#endif
