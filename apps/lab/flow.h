/* One end of one flow, in a process of its own: it waits for the signal, moves the bytes, and
 * reports what it saw. Called by run.c in a child; it must not know what link lies between. */
#ifndef TUNNY_LAB_FLOW_H
#define TUNNY_LAB_FLOW_H

#include "lab/net.h"

enum { REQUESTS_MOST = 1000, SENTENCE_SIZE = 200 };
enum flow_side { FLOW_NEAR, FLOW_FAR }; /* near connects, far listens */
enum flow_role { FLOW_TAKES, FLOW_SENDS };

struct flow_task {
    enum flow_side side;
    enum flow_role role;
    struct net_setup net;
    uint32_t here, there; /* addresses, host order */
    uint16_t port;
    uint64_t size;            /* bytes of a request's answer, or of what is sent up */
    int64_t time_ns, skip_ns; /* time > 0: as much as goes in that time, counted after `skip` */
    unsigned requests;        /* one connection after the other */
    int channel;              /* to run.c: SOCK_SEQPACKET */
};

/* What comes over the channel. First a report with `is_ready`, then, after the answer (the time to
 * begin, int64_t nanoseconds), one with what happened. */
struct flow_report {
    int is_ready, error; /* a negative errno, with a sentence */
    char sentence[SENTENCE_SIZE];
    unsigned requests;               /* carried out */
    int64_t begun_ns[REQUESTS_MOST]; /* near: before connecting */
    int64_t done_ns[REQUESTS_MOST];  /* who takes: the last byte */
    uint64_t bytes;                  /* who takes: all of them, with time_ns those that count */
    struct net_figures figures;      /* who sends: sums over the connections */
    double rtt_min_ms, rtt_p50_ms, rtt_p99_ms; /* who sends; NAN: no sample */
};

/* Carries the task out, until the channel's other end is gone or everything is reported. */
void flow_run(const struct flow_task *task);

#endif
