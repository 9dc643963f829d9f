/* One direction of an impaired link, see the header. */
#include "dev/impair_direction.h"

#include <errno.h>

#include "base/check.h"

static bool has_queue(const struct impair_direction *d)
{
    return d->side->queue.kind != IMPAIR_QUEUE_NONE && d->recording == NULL;
}

/* The bottleneck has taken the rate over. */
static struct netem_config netem_part(const struct impair_direction *d,
                                      const struct netem_config *config)
{
    struct netem_config part = *config;

    if (has_queue(d))
        part.rate = 0;
    return part;
}

static uint32_t largest_limit(const struct impair_specification *specification, unsigned index)
{
    uint32_t limit = specification->side[index].netem.limit;

    if (limit < specification->limit_most)
        limit = specification->limit_most;
    for (unsigned i = 0; i < specification->change_count; i++) {
        if (specification->changes[i].netem[index].limit > limit)
            limit = specification->changes[i].netem[index].limit;
    }
    return limit;
}

int impair_direction_open(struct impair_direction *d, unsigned index,
                          const struct impair_specification *specification,
                          struct impair_recording *recording, struct impair_watcher *watcher,
                          size_t largest)
{
    const struct impair_side *side = &specification->side[index];

    *d = (struct impair_direction){.index = index,
                                   .side = side,
                                   .watcher = watcher,
                                   .recording = recording,
                                   .largest = largest};
    struct netem_config config = netem_part(d, &side->netem);
    int rc = netem_open(&d->netem, &config, side->netem.seed, largest_limit(specification, index),
                        largest);
    if (rc == 0 && has_queue(d))
        rc = impair_queue_open(&d->queue, &side->queue, side->netem.rate, largest);
    return rc;
}

void impair_direction_close(struct impair_direction *d)
{
    netem_close(&d->netem);
    impair_queue_close(&d->queue);
}

void impair_direction_change(struct impair_direction *d, const struct impair_change *change,
                             struct instant now)
{
    struct netem_config config;

    if (!change->concerns[d->index])
        return;
    switch (change->kind) {
    case IMPAIR_CHANGE_DOWN:
        d->down = true;
        break;
    case IMPAIR_CHANGE_UP:
        d->down = false;
        break;
    case IMPAIR_CHANGE_OPTIONS:
        config = netem_part(d, &change->netem[d->index]);
        netem_change(&d->netem, &config, now);
        if (has_queue(d) && change->netem[d->index].rate)
            d->queue.rate = change->netem[d->index].rate;
        break;
    }
}

static void tell(struct impair_direction *d, const struct netem_arrival *arrival,
                 enum impair_cause cause, struct instant came, const struct netem_fate *fate)
{
    struct impair_verdict verdict = {
        .line = {.direction = d->index, .number = arrival->number, .fate = *fate},
        .cause = cause,
        .packet = arrival->packet,
    };

    verdict.line.fate.due.ns -= came.ns;
    d->watcher->fate(d->watcher, &verdict);
}

static void tell_outcome(struct impair_direction *d, const struct netem_arrival *arrival,
                         enum impair_cause cause, enum netem_outcome outcome)
{
    tell(d, arrival, cause, INSTANT_ZERO, &(struct netem_fate){.outcome = outcome});
}

static void offer_to_netem(struct impair_direction *d, const struct netem_arrival *arrival,
                           struct instant came, struct instant now)
{
    struct netem_fate fates[2];
    unsigned copies = netem_enqueue(&d->netem, arrival, now, fates);

    if (copies == 2)
        tell(d, arrival, IMPAIR_BY_NETEM, came, &fates[1]);
    tell(d, arrival, IMPAIR_BY_NETEM, came, &fates[0]);
}

/* What the recording says of this packet; a packet that it does not know passes at once. */
static void repeat(struct impair_direction *d, const struct netem_arrival *arrival,
                   struct instant now)
{
    const struct impair_log_line *line;
    bool known = false;

    while ((line = impair_recording_next(d->recording, d->index, arrival->number)) != NULL) {
        struct netem_fate fate = line->fate;
        fate.due = instant_add(now, duration_ns(fate.due.ns));
        netem_enqueue_decided(&d->netem, arrival, now, &fate);
        tell(d, arrival, IMPAIR_BY_RECORDING, now, &fate);
        known = true;
    }
    if (!known)
        netem_enqueue_decided(&d->netem, arrival, now, &(struct netem_fate){.due = now});
}

/* Moves what the bottleneck has let through into netem, each at its own time. */
static void advance_queue(struct impair_direction *d, struct instant now)
{
    struct netem_arrival packet;
    struct instant came, at;

    for (;;) {
        switch (impair_queue_next(&d->queue, now, &packet, &came, &at)) {
        case IMPAIR_QUEUE_IDLE:
            return;
        case IMPAIR_QUEUE_THROUGH:
            offer_to_netem(d, &packet, came, at);
            break;
        case IMPAIR_QUEUE_DROPPED:
            d->dropped++;
            tell_outcome(d, &packet, IMPAIR_BY_CODEL, NETEM_OVERLIMIT);
            break;
        }
    }
}

void impair_direction_offer(struct impair_direction *d, struct bytes packet, bool verified,
                            struct instant now)
{
    struct netem_arrival arrival = {.packet = packet, .number = ++d->packets, .verified = verified};

    if (d->recording) {
        repeat(d, &arrival, now);
        return;
    }
    /* The script counts also what a link that is down loses. */
    bool scripted = impair_script_loses(&d->side->script, &d->script, packet);
    if (scripted || d->down) {
        d->lost++;
        tell_outcome(d, &arrival, scripted ? IMPAIR_BY_SCRIPT : IMPAIR_BY_DOWN, NETEM_LOST);
        return;
    }
    if (!has_queue(d)) {
        offer_to_netem(d, &arrival, now, now);
        return;
    }
    advance_queue(d, now);
    if (!impair_queue_offer(&d->queue, &arrival, now)) {
        d->dropped++;
        tell_outcome(d, &arrival, IMPAIR_BY_FULL_QUEUE, NETEM_OVERLIMIT);
    }
}

/* What waits before the bottleneck gets its fate now, for the time when it would have been through.
 */
static void empty_queue(struct impair_direction *d)
{
    if (has_queue(d))
        advance_queue(d, (struct instant){INT64_MAX - 1});
    d->netem.counts.ecn_marked += d->queue.marked;
    impair_queue_close(&d->queue);
}

static bool same_queue(const struct impair_queue_config *a, const struct impair_queue_config *b)
{
    return a->kind == b->kind && a->bytes == b->bytes && a->ecn == b->ecn && a->trace == b->trace;
}

int impair_direction_replace(struct impair_direction *d, const struct impair_side *side,
                             struct instant now)
{
    struct impair_queue queue = {.config = {.kind = IMPAIR_QUEUE_NONE}};

    CHECK(d->recording == NULL);
    if (!same_queue(&d->side->queue, &side->queue)) {
        if (side->queue.kind != IMPAIR_QUEUE_NONE &&
            impair_queue_open(&queue, &side->queue, side->netem.rate, d->largest))
            return -ENOMEM;
        empty_queue(d);
        d->queue = queue;
    } else {
        d->queue.rate = side->netem.rate;
    }
    d->side = side;
    d->script = (struct impair_script_state){0};
    struct netem_config config = netem_part(d, &side->netem);
    netem_change(&d->netem, &config, now);
    return 0;
}

bool impair_direction_is_plain(const struct impair_direction *d)
{
    const struct impair_script *script = &d->side->script;

    return netem_config_is_plain(&d->netem.config) && !has_queue(d) && !d->down &&
           d->recording == NULL && script->count == 0 && !script->has_mask &&
           netem_queue_count(&d->netem.queue) == 0;
}

bool impair_direction_next(struct impair_direction *d, struct instant now,
                           struct netem_arrival *packet)
{
    if (has_queue(d))
        advance_queue(d, now);
    return netem_dequeue(&d->netem, now, packet);
}

uint64_t impair_direction_held(const struct impair_direction *d, uint64_t *bytes)
{
    const struct impair_queue *q = &d->queue;
    uint64_t held = netem_queue_count(&d->netem.queue);

    *bytes = d->netem.queue.bytes_held;
    if (!has_queue(d))
        return held;
    held += netem_queue_count(&q->packets);
    *bytes += q->packets.bytes_held;
    if (q->serving != NETEM_QUEUE_NONE) {
        held++;
        *bytes += q->packets.entries[q->serving].length;
    }
    return held;
}

struct instant impair_direction_deadline(const struct impair_direction *d)
{
    struct instant deadline = netem_deadline(&d->netem);

    return has_queue(d) ? instant_min(deadline, impair_queue_deadline(&d->queue)) : deadline;
}

struct netem_counts impair_direction_counts(const struct impair_direction *d)
{
    struct netem_counts counts = d->netem.counts;

    counts.packets = d->packets;
    counts.lost += d->lost;
    counts.overlimit += d->dropped;
    counts.ecn_marked += d->queue.marked;
    return counts;
}
