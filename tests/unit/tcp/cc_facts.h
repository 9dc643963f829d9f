/* A flow as congestion control sees it, for its tests: an application that always has more to send,
 * a path of a steady round-trip time, and a receiver that acknowledges in order. Facts are made
 * here; nothing is sent. */
#ifndef TUNNY_TESTS_CC_FACTS_H
#define TUNNY_TESTS_CC_FACTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/cc.h"

enum { SMSS = 1460 };
/* The wire's sequence numbers wrap soon after the first. */
#define FLOW_START (SEQ_FIRST_EPOCH + UINT32_MAX - 4499)

struct flow {
    struct cc cc;
    seqno una;
    uint64_t delivered;
    struct instant now;
    struct duration rtt;
};

static inline struct flow flow_of(const char *name, struct duration rtt)
{
    struct flow flow = {.una = FLOW_START, .now = {1000000000}, .rtt = rtt};

    assert_non_null(cc_find(name));
    cc_start(&flow.cc, cc_find(name), SMSS, 10, flow.now);
    return flow;
}

/* What the newest segment acknowledged says: sent a round trip ago, with a window in flight. */
static inline struct rate_sample flow_rate(const struct flow *flow)
{
    uint64_t window = flow->cc.cwnd;
    uint64_t us = (uint64_t)duration_to_us(flow->rtt);

    if (us == 0)
        return (struct rate_sample){.delivered = 0};
    return (struct rate_sample){
        .delivered = window,
        .prior_delivered = flow->delivered > window ? flow->delivered - window : 0,
        .interval = flow->rtt,
        .rate = window * 1000000 / us,
        .tx_in_flight = window,
    };
}

/* The facts of an ACK for `bytes` more: in flight was a full window. */
static inline struct cc_ack flow_facts(const struct flow *flow, uint64_t bytes)
{
    return (struct cc_ack){
        .now = flow->now,
        .una = flow->una + bytes,
        .nxt = flow->una + flow->cc.cwnd,
        .acked = bytes,
        .delivered = bytes,
        .delivered_total = flow->delivered + bytes,
        .flight_before = flow->cc.cwnd,
        .pipe = flow->cc.cwnd > bytes ? flow->cc.cwnd - bytes : 0,
        .rtt = flow->rtt,
        .rtt_in_order = flow->rtt,
        .srtt = flow->rtt,
        .min_rtt = flow->rtt,
        .rate = flow_rate(flow),
        .cwnd_limited = true,
    };
}

static inline void flow_tell(struct flow *flow, const struct cc_ack *facts)
{
    flow->una += facts->acked;
    flow->delivered += facts->delivered;
    flow->cc.ops->on_ack(&flow->cc, facts);
}

static inline void flow_acked(struct flow *flow, uint64_t bytes)
{
    struct cc_ack facts = flow_facts(flow, bytes);
    flow_tell(flow, &facts);
}

/* A window's worth of ACKs, one for each two segments, spread over a round trip. */
static inline void flow_round(struct flow *flow)
{
    uint64_t window = flow->cc.cwnd;
    uint64_t acks = (window + 2 * SMSS - 1) / (2 * SMSS);
    struct instant start = flow->now;

    for (uint64_t i = 1; i <= acks; i++) {
        flow->now = instant_add(start, duration_ns(flow->rtt.ns / (int64_t)acks * (int64_t)i));
        flow_acked(flow, i < acks ? 2 * SMSS : window - (acks - 1) * 2 * SMSS);
    }
}

static inline struct cc_loss flow_loss_facts(const struct flow *flow, uint64_t flight)
{
    return (struct cc_loss){
        .now = flow->now,
        .flight = flight,
        .lost = SMSS,
        .srtt = flow->rtt,
        .una = flow->una,
        .nxt = flow->una + flight,
    };
}

/* Fast recovery from beginning to end: what recovery.c does to cwnd is done here. */
static inline void flow_recovers(struct flow *flow, enum cc_cause cause, uint64_t flight)
{
    struct cc_loss loss = flow_loss_facts(flow, flight);

    loss.cause = cause;
    flow->cc.ops->on_loss(&flow->cc, &loss);
    flow->now = instant_add(flow->now, flow->rtt);
    flow->una += flight;
    if (!flow->cc.ops->owns_recovery_window && flow->cc.cwnd > flow->cc.ssthresh)
        flow->cc.cwnd = flow->cc.ssthresh;
    flow->cc.ops->on_recovered(&flow->cc, flow->now);
}

static inline void flow_times_out(struct flow *flow, uint64_t flight)
{
    struct cc_loss loss = flow_loss_facts(flow, flight);
    flow->cc.ops->on_timeout(&flow->cc, &loss);
}

#endif
