/* The bottleneck, see the header. Time advances from one departure to the next, also when it is
 * called late: each decision is taken as of the moment at which it was due. */
#include "dev/impair_queue.h"

#include "base/check.h"

/* RFC 8289, 4.2 and 4.3 */
static const struct duration codel_target = {5 * 1000000};
static const struct duration codel_interval = {100 * 1000000};

enum { SMALLEST_PACKET = 40 };

int impair_queue_open(struct impair_queue *q, const struct impair_queue_config *config,
                      uint64_t rate, size_t largest)
{
    *q = (struct impair_queue){
        .config = *config, .rate = rate, .serving = NETEM_QUEUE_NONE, .held = NETEM_QUEUE_NONE};
    /* Besides what waits there is one packet on the wire and one that is handed out. */
    return netem_queue_open(&q->packets, config->bytes / SMALLEST_PACKET + 3, largest);
}

void impair_queue_close(struct impair_queue *q)
{
    netem_queue_close(&q->packets);
}

/* A trace begins with the first call. */
static void begin_trace(struct impair_queue *q, struct instant now)
{
    if (q->config.trace && q->cursor.trace == NULL)
        impair_trace_start(&q->cursor, q->config.trace, now);
}

bool impair_queue_offer(struct impair_queue *q, const struct netem_arrival *arrival,
                        struct instant now)
{
    begin_trace(q, now);
    if (q->packets.bytes_held + arrival->packet.len > q->config.bytes)
        return false;
    uint32_t entry = netem_queue_take(&q->packets, arrival->packet);
    if (entry == NETEM_QUEUE_NONE)
        return false;
    q->packets.entries[entry].number = arrival->number;
    q->packets.entries[entry].verified = arrival->verified;
    if (q->config.kind == IMPAIR_QUEUE_TAIL && q->config.ecn &&
        q->packets.bytes_held + arrival->packet.len >= q->config.bytes / 2 &&
        netem_ecn_capable(arrival->packet)) {
        netem_ecn_mark(netem_queue_bytes(&q->packets, entry), arrival->packet.len);
        q->packets.entries[entry].verified = false;
        q->marked++;
    }
    netem_queue_insert(&q->packets, entry, now);
    return true;
}

/* RFC 8289, 5.5: whether the waiting time has been above the target for a whole interval. */
static bool codel_above_target(struct impair_queue *q, const struct netem_entry *entry,
                               struct instant now)
{
    bool short_wait = instant_since(now, entry->due).ns < codel_target.ns;

    /* A queue that holds less than one more packet cannot be shortened. */
    if (short_wait || q->packets.bytes_held <= q->packets.slot_size) {
        q->first_above = INSTANT_ZERO;
        return false;
    }
    if (q->first_above.ns == 0) {
        q->first_above = instant_add(now, codel_interval);
        return false;
    }
    return instant_reached(q->first_above, now);
}

/* The whole part of the square root, digit by digit in base 2. */
static uint64_t square_root(uint64_t a)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= a)
            root += bit;
    }
    return root;
}

/* RFC 8289, 5.4: the control law, interval / sqrt(drops). */
static struct instant codel_next(const struct impair_queue *q, struct instant from)
{
    uint64_t square = (uint64_t)codel_interval.ns * (uint64_t)codel_interval.ns / q->drops;

    return instant_add(from, duration_ns((int64_t)square_root(square)));
}

/* RFC 8289, 5.5: whether this packet, at the head at `now`, is to be dropped (or marked). */
static bool codel_hits(struct impair_queue *q, const struct netem_entry *entry, struct instant now)
{
    bool above = codel_above_target(q, entry, now);

    if (q->dropping) {
        if (!above)
            q->dropping = false;
        if (!above || !instant_reached(q->drop_next, now))
            return false;
        q->drops++;
        q->drop_next = codel_next(q, q->drop_next);
        return true;
    }
    if (!above)
        return false;
    /* Dropping again soon after it stopped, it goes on near the rate that had worked. */
    uint32_t recent = q->drops - q->last_drops;
    bool soon = instant_since(now, q->drop_next).ns < 16 * codel_interval.ns;
    q->drops = recent > 1 && soon ? recent : 1;
    q->last_drops = q->drops;
    q->drop_next = codel_next(q, now);
    q->dropping = true;
    return true;
}

/* Marks instead of dropping where that is asked for and possible. */
static bool mark_instead(struct impair_queue *q, uint32_t entry)
{
    uint8_t *bytes = netem_queue_bytes(&q->packets, entry);
    size_t length = q->packets.entries[entry].length;

    if (!q->config.ecn || !netem_ecn_capable((struct bytes){bytes, length}))
        return false;
    netem_ecn_mark(bytes, length);
    q->packets.entries[entry].verified = false;
    q->marked++;
    return true;
}

static void hand_out(struct impair_queue *q, uint32_t entry, struct netem_arrival *packet,
                     struct instant *came)
{
    const struct netem_entry *e = &q->packets.entries[entry];

    q->held = entry;
    *came = e->due;
    *packet = (struct netem_arrival){
        .packet = {netem_queue_bytes(&q->packets, entry), e->length},
        .number = e->number,
        .verified = e->verified,
    };
}

/* Puts the first packet on the wire at `start`; false when CoDel drops it. */
static bool serve(struct impair_queue *q, struct instant start)
{
    uint32_t first = netem_queue_first(&q->packets);
    const struct netem_entry *entry = &q->packets.entries[first];
    bool hit = q->config.kind == IMPAIR_QUEUE_CODEL && codel_hits(q, entry, start);

    netem_queue_remove_first(&q->packets);
    q->serving = first;
    if (hit && !mark_instead(q, first))
        return false;
    if (q->config.trace) {
        q->free_at = impair_trace_send(&q->cursor, start, entry->length);
    } else {
        uint64_t ns = entry->length * UINT64_C(1000000000) / q->rate;
        q->free_at = instant_add(start, duration_ns((int64_t)ns));
    }
    return true;
}

enum impair_queue_verdict impair_queue_next(struct impair_queue *q, struct instant now,
                                            struct netem_arrival *packet, struct instant *came,
                                            struct instant *at)
{
    bool dropped = false;

    begin_trace(q, now);
    if (q->held != NETEM_QUEUE_NONE) {
        netem_queue_give(&q->packets, q->held);
        q->held = NETEM_QUEUE_NONE;
    }
    if (q->serving == NETEM_QUEUE_NONE) {
        struct instant start = impair_queue_deadline(q);
        if (!instant_reached(start, now))
            return IMPAIR_QUEUE_IDLE;
        dropped = !serve(q, start);
        *at = start;
    }
    if (!dropped) {
        if (!instant_reached(q->free_at, now))
            return IMPAIR_QUEUE_IDLE;
        *at = q->free_at;
    }
    hand_out(q, q->serving, packet, came);
    q->serving = NETEM_QUEUE_NONE;
    return dropped ? IMPAIR_QUEUE_DROPPED : IMPAIR_QUEUE_THROUGH;
}

struct instant impair_queue_deadline(const struct impair_queue *q)
{
    if (q->serving != NETEM_QUEUE_NONE)
        return q->free_at;
    uint32_t first = netem_queue_first(&q->packets);
    if (first == NETEM_QUEUE_NONE)
        return INSTANT_NEVER;
    struct instant start = instant_max(q->free_at, q->packets.entries[first].due);
    return q->config.trace ? impair_trace_next(&q->cursor, start) : start;
}
