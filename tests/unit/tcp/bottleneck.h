/* One flow through one bottleneck, in virtual time, for tests of congestion control:
 *
 *     sender --(paced, cwnd)--> [ queue of `buffer` bytes | `rate` ] --> receiver --(ACK each)-->
 * sender `rtt` of propagation both ways
 *
 * Packets are one SMSS. A packet dropped is found when one sent three later is acknowledged; what
 * is sent again counts as new. Delivery rates are sampled as
 * draft-cheng-iccrg-delivery-rate-estimation says. */
#ifndef TUNNY_TESTS_BOTTLENECK_H
#define TUNNY_TESTS_BOTTLENECK_H

#include "base/random.h"
#include "cc_facts.h"
#include "tcp/pacing.h"

enum { BOTTLENECK_PACKETS = 1 << 16 };

struct bottleneck_packet {
    struct instant sent_at, delivered_at, rate_start, ack_at;
    uint64_t delivered, lost_before, in_flight;
    bool app_limited, dropped, settled;
};

struct bottleneck {
    /* The path; may be changed while it runs. */
    uint64_t rate, buffer;
    struct duration rtt, ack_batch; /* ACKs arrive at multiples of ack_batch, when set */
    unsigned drop_one_in;           /* at random; 0: none */
    uint64_t app_rate;              /* bytes a second that the application makes; 0: no limit */
    struct random random;
    /* The flow. */
    struct cc cc;
    struct pacing pacing;
    struct instant now, link_free_at, app_next;
    struct instant delivered_at, rate_start;
    uint64_t sent, una; /* in packets */
    uint64_t in_flight, delivered, lost, app_limited_until;
    uint64_t recover; /* recovery until this packet; 0: none */
    struct duration srtt;
    uint64_t drops, most_in_flight;
    bool was_cwnd_limited;
    struct bottleneck_packet packets[BOTTLENECK_PACKETS];
};

static inline struct bottleneck_packet *bottleneck_packet(struct bottleneck *path, uint64_t number)
{
    return &path->packets[number % BOTTLENECK_PACKETS];
}

static inline void bottleneck_init(struct bottleneck *path, const char *name, uint64_t rate,
                                   struct duration rtt, uint64_t buffer)
{
    *path = (struct bottleneck){.rate = rate, .rtt = rtt, .buffer = buffer};
    path->now = path->delivered_at = path->rate_start = (struct instant){1000000000};
    random_seed(&path->random, 1);
    cc_start(&path->cc, cc_find(name), SMSS, 10, path->now);
}

static inline bool bottleneck_drops(struct bottleneck *path)
{
    struct duration queue = instant_since(path->link_free_at, path->now);
    uint64_t bytes = queue.ns > 0 ? (uint64_t)queue.ns * path->rate / 1000000000 : 0;

    return bytes + SMSS > path->buffer ||
           (path->drop_one_in && random_one_in(&path->random, path->drop_one_in));
}

static inline void bottleneck_send(struct bottleneck *path)
{
    struct bottleneck_packet *packet = bottleneck_packet(path, path->sent);

    if (path->in_flight == 0)
        path->rate_start = path->delivered_at = path->now;
    path->in_flight += SMSS;
    if (path->in_flight > path->most_in_flight)
        path->most_in_flight = path->in_flight;
    *packet = (struct bottleneck_packet){
        .sent_at = path->now,
        .delivered_at = path->delivered_at,
        .rate_start = path->rate_start,
        .delivered = path->delivered,
        .lost_before = path->lost,
        .in_flight = path->in_flight,
        .app_limited = path->app_limited_until != 0,
        .dropped = bottleneck_drops(path),
    };
    if (packet->dropped) {
        path->drops++;
    } else {
        path->link_free_at = instant_add(
            instant_max(path->link_free_at, path->now),
            duration_ns((int64_t)((uint64_t)SMSS * 1000000000 / path->rate)));
        packet->ack_at = instant_add(path->link_free_at, path->rtt);
        if (path->ack_batch.ns > 0)
            packet->ack_at.ns += path->ack_batch.ns - packet->ack_at.ns % path->ack_batch.ns;
    }
    path->sent++;
    if (path->cc.pacing_rate && path->cc.ops->paced)
        pacing_sent(&path->pacing, SMSS, path->cc.pacing_rate, path->now);
    if (path->app_rate)
        path->app_next = instant_add(
            instant_max(path->app_next, path->now),
            duration_ns((int64_t)((uint64_t)SMSS * 1000000000 / path->app_rate)));
    path->was_cwnd_limited |= path->in_flight + SMSS > path->cc.cwnd;
}

static inline struct rate_sample bottleneck_sample(struct bottleneck *path,
                                                   const struct bottleneck_packet *packet)
{
    struct duration interval = duration_max(instant_since(packet->sent_at, packet->rate_start),
                                            instant_since(path->now, packet->delivered_at));
    struct rate_sample rs = {
        .delivered = path->delivered - packet->delivered,
        .prior_delivered = packet->delivered,
        .interval = interval,
        .tx_in_flight = packet->in_flight,
        .lost = path->lost - packet->lost_before,
        .app_limited = packet->app_limited,
    };
    if (interval.ns <= 0)
        return (struct rate_sample){.delivered = 0};
    rs.rate = rs.delivered * 1000000000 / (uint64_t)interval.ns;
    return rs;
}

static inline void bottleneck_lose(struct bottleneck *path, struct bottleneck_packet *packet)
{
    packet->settled = true;
    path->in_flight -= SMSS;
    path->lost += SMSS;
    if (path->recover)
        return;
    path->recover = path->sent;
    struct cc_loss loss = {.now = path->now,
                           .flight = path->in_flight + SMSS,
                           .lost = SMSS,
                           .srtt = path->srtt,
                           .una = path->una * SMSS,
                           .nxt = path->sent * SMSS};
    path->cc.ops->on_loss(&path->cc, &loss);
    if (!path->cc.ops->owns_recovery_window)
        path->cc.cwnd = path->cc.ssthresh; /* PRR, at once */
}

/* Packet `number` is acknowledged, which settles the fate of all three or more before it. */
static inline void bottleneck_acknowledge(struct bottleneck *path, uint64_t number)
{
    struct bottleneck_packet *packet = bottleneck_packet(path, number);
    uint64_t flight_before = path->in_flight, una_before = path->una, lost_before = path->lost;
    struct duration rtt = instant_since(packet->ack_at, packet->sent_at);

    packet->settled = true;
    path->in_flight -= SMSS;
    path->delivered += SMSS;
    path->srtt = path->srtt.ns ? duration_ns(path->srtt.ns + (rtt.ns - path->srtt.ns) / 8) : rtt;
    for (uint64_t i = path->una; i + 3 <= number; i++)
        if (!bottleneck_packet(path, i)->settled)
            bottleneck_lose(path, bottleneck_packet(path, i));
    while (path->una < path->sent && bottleneck_packet(path, path->una)->settled)
        path->una++;
    bool in_recovery = path->recover != 0;
    if (path->recover && path->una >= path->recover) {
        path->recover = 0;
        path->cc.ops->on_recovered(&path->cc, path->now);
    }
    if (path->app_limited_until && path->delivered > path->app_limited_until)
        path->app_limited_until = 0;
    struct cc_ack ack = {
        .now = path->now,
        .una = path->una * SMSS,
        .nxt = path->sent * SMSS,
        .acked = (path->una - una_before) * SMSS,
        .delivered = SMSS,
        .delivered_total = path->delivered,
        .lost_total = path->lost,
        .newly_lost = path->lost - lost_before,
        .flight_before = flight_before,
        .pipe = path->in_flight,
        .rtt = rtt,
        .rtt_in_order = rtt,
        .srtt = path->srtt,
        .min_rtt = path->rtt,
        .rate = bottleneck_sample(path, packet),
        .cwnd_limited = path->was_cwnd_limited,
        .in_recovery = in_recovery,
    };
    path->delivered_at = path->now;
    path->rate_start = packet->sent_at;
    path->was_cwnd_limited = path->in_flight + 2 * SMSS > path->cc.cwnd;
    path->cc.ops->on_ack(&path->cc, &ack);
}

/* The next packet on its way back, if any. */
static inline bool bottleneck_first_in_transit(struct bottleneck *path, uint64_t *number)
{
    for (uint64_t i = path->una; i < path->sent; i++) {
        struct bottleneck_packet *packet = bottleneck_packet(path, i);
        if (packet->settled || packet->dropped)
            continue;
        *number = i;
        return true;
    }
    return false;
}

/* Everything in flight was dropped: 200 ms of silence. */
static inline void bottleneck_times_out(struct bottleneck *path)
{
    struct cc_loss loss = {.now = path->now, .flight = path->in_flight, .lost = path->in_flight};

    path->now = instant_add(path->now, duration_ms(200));
    for (; path->una < path->sent; path->una++)
        if (!bottleneck_packet(path, path->una)->settled)
            path->lost += SMSS;
    path->in_flight = 0;
    path->recover = path->sent + 1;
    path->cc.ops->on_timeout(&path->cc, &loss);
}

static inline struct instant bottleneck_next_departure(struct bottleneck *path)
{
    struct instant next = instant_max(path->now, instant_max(path->pacing.next, path->app_next));
    return path->in_flight + SMSS <= path->cc.cwnd ? next : INSTANT_NEVER;
}

/* One departure or one ACK, whichever comes first; false when it would come after `end`. */
static inline bool bottleneck_step(struct bottleneck *path, struct instant end)
{
    struct instant departure = bottleneck_next_departure(path), arrival = INSTANT_NEVER;
    uint64_t number = 0;

    assert_true(path->sent - path->una < BOTTLENECK_PACKETS);
    if (path->in_flight && bottleneck_first_in_transit(path, &number)) {
        arrival = bottleneck_packet(path, number)->ack_at;
    } else if (instant_is_never(departure)) {
        bottleneck_times_out(path);
        departure = bottleneck_next_departure(path);
    }
    if (instant_before(departure, arrival) && path->app_rate &&
        instant_before(path->now, path->app_next))
        path->app_limited_until = path->delivered + path->in_flight + 1;
    if (!instant_before(instant_min(departure, arrival), end))
        return false;
    path->now = instant_max(path->now, instant_min(departure, arrival));
    if (instant_before(departure, arrival))
        bottleneck_send(path);
    else
        bottleneck_acknowledge(path, number);
    return true;
}

static inline void bottleneck_run(struct bottleneck *path, struct duration time)
{
    struct instant end = instant_add(path->now, time);

    while (bottleneck_step(path, end))
        ;
    path->now = end;
}

#endif
