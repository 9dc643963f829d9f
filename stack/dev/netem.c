/* The engine of an impaired link, see the header: draws in the order duplicate, loss, corrupt,
 * (limit), (the clone), reorder, delay, then rate; slots when packets leave. */
#include "dev/netem.h"

#include "base/check.h"
#include "wire/checksum.h"

/* A clone may exceed the limit by one, one packet is lent out, one is being placed. */
enum { QUEUE_SPARE = 3 };

static void seed_generators(struct netem *n, uint64_t seed)
{
    netem_random_seed(&n->random, seed);
    random_seed(&n->unseeded, seed);
}

static void slot_open(struct netem *n, struct instant from)
{
    n->slot_next = from;
    n->slot_packets_left = n->config.slot.packets ? n->config.slot.packets : INT32_MAX;
    n->slot_bytes_left = n->config.slot.bytes ? n->config.slot.bytes : INT32_MAX;
}

static void set_series(struct netem_series *series, uint32_t correlation)
{
    series->correlation = correlation;
}

static void apply(struct netem *n, const struct netem_config *config)
{
    n->config = *config;
    n->limit = n->queue.capacity - QUEUE_SPARE;
    if (n->limit > config->limit)
        n->limit = config->limit;
    set_series(&n->delay_series, config->delay_correlation);
    set_series(&n->loss_series, config->loss.correlation);
    set_series(&n->corrupt_series, config->corrupt.correlation);
    set_series(&n->duplicate_series, config->duplicate.correlation);
    set_series(&n->reorder_series, config->reorder.correlation);
}

int netem_open(struct netem *n, const struct netem_config *config, uint64_t seed,
               uint32_t limit_most, size_t largest)
{
    uint32_t limit = limit_most > config->limit ? limit_most : config->limit;
    uint32_t capacity = limit > UINT32_MAX - QUEUE_SPARE ? UINT32_MAX : limit + QUEUE_SPARE;

    *n = (struct netem){.loss_state = 1, .held = NETEM_QUEUE_NONE};
    int rc = netem_queue_open(&n->queue, capacity, largest);
    if (rc)
        return rc;
    seed_generators(n, seed);
    struct netem_series *const series[] = {&n->delay_series, &n->loss_series, &n->duplicate_series,
                                           &n->reorder_series, &n->corrupt_series};
    for (size_t i = 0; i < sizeof series / sizeof *series; i++)
        series[i]->last = (uint32_t)random_u64(&n->unseeded);
    apply(n, config);
    slot_open(n, INSTANT_ZERO);
    return 0;
}

void netem_close(struct netem *n)
{
    netem_queue_close(&n->queue);
}

static bool same_slot(const struct netem_slot *a, const struct netem_slot *b)
{
    return a->on == b->on && a->table == b->table && a->shortest.ns == b->shortest.ns &&
           a->longest.ns == b->longest.ns && a->delay.ns == b->delay.ns &&
           a->jitter.ns == b->jitter.ns && a->packets == b->packets && a->bytes == b->bytes;
}

void netem_change(struct netem *n, const struct netem_config *config, struct instant now)
{
    bool new_seed = config->has_seed && (!n->config.has_seed || n->config.seed != config->seed);
    bool new_model = config->loss_model != n->config.loss_model;
    bool new_slot = !same_slot(&config->slot, &n->config.slot);

    apply(n, config);
    if (new_seed)
        seed_generators(n, config->seed);
    if (new_model)
        n->loss_state = 1;
    if (new_slot)
        slot_open(n, now);
}

bool netem_ecn_capable(struct bytes packet)
{
    if (packet.len >= 20 && packet.data[0] >> 4 == 4)
        return (packet.data[1] & 3) != 0;
    if (packet.len >= 40 && packet.data[0] >> 4 == 6)
        return (packet.data[1] & 0x30) != 0;
    return false;
}

void netem_ecn_mark(uint8_t *packet, size_t length)
{
    if (!netem_ecn_capable((struct bytes){packet, length}))
        return;
    if (packet[0] >> 4 == 6) {
        packet[1] |= 0x30;
        return;
    }
    uint16_t before = get_be16(packet);
    packet[1] |= 3;
    put_be16(packet + 10, checksum_update(get_be16(packet + 10), before, get_be16(packet)));
}

/* Salsano and others, Definition of a general and intuitive loss model for packet networks (2009).
 * A draw that meets a border exactly changes nothing and loses nothing; sums wrap: as in netem. */
static bool lost_by_state(struct netem *n)
{
    const struct netem_loss_state *p = &n->config.state;
    uint32_t draw = netem_random_u32(&n->random);
    uint32_t leave_good = p->p13 + p->p14;
    uint32_t leave_burst = p->p31 + p->p32;

    switch (n->loss_state) {
    case 1:
        if (draw < p->p14)
            n->loss_state = 4;
        else if (p->p14 < draw && draw < leave_good)
            n->loss_state = 3;
        return n->loss_state != 1;
    case 2:
        if (draw < p->p23)
            n->loss_state = 3;
        return n->loss_state == 3;
    case 3:
        if (draw < p->p32)
            n->loss_state = 2;
        else if (p->p32 < draw && draw < leave_burst)
            n->loss_state = 1;
        return n->loss_state == 3 && leave_burst < draw;
    case 4:
        n->loss_state = 1;
        return false;
    default:
        UNREACHABLE();
    }
}

/* Loss goes by the state before the move; 1 is good, 2 is bad. */
static bool lost_by_gemodel(struct netem *n)
{
    const struct netem_loss_gemodel *model = &n->config.gemodel;
    uint32_t move = netem_random_u32(&n->random);
    uint32_t loss = netem_random_u32(&n->random);

    if (n->loss_state == 1) {
        if (move < model->p)
            n->loss_state = 2;
        return loss < model->k1;
    }
    if (move < model->r)
        n->loss_state = 1;
    return loss > model->h;
}

static bool loss_event(struct netem *n)
{
    switch (n->config.loss_model) {
    case NETEM_LOSS_NONE:
        return false;
    case NETEM_LOSS_RANDOM:
        return netem_random_event(&n->random, &n->loss_series, n->config.loss.probability);
    case NETEM_LOSS_STATE:
        return lost_by_state(n);
    case NETEM_LOSS_GEMODEL:
        return lost_by_gemodel(n);
    }
    UNREACHABLE();
}

/* Whether this copy is lost; a copy that can be marked is marked instead. */
static bool lost_or_marked(struct netem *n, struct bytes packet, struct netem_fate *fate)
{
    if (!loss_event(n))
        return false;
    if (!n->config.ecn || !netem_ecn_capable(packet))
        return true;
    fate->marked = true;
    n->counts.ecn_marked++;
    return false;
}

static void maybe_corrupt(struct netem *n, struct bytes packet, struct netem_fate *fate)
{
    if (!netem_random_event(&n->random, &n->corrupt_series, n->config.corrupt.probability))
        return;
    fate->corrupted = true;
    fate->bit = (uint32_t)random_below(&n->unseeded, packet.len * 8);
    n->counts.corrupted++;
}

static bool over_limit(struct netem *n, struct netem_fate *fate)
{
    if (netem_queue_count(&n->queue) < n->limit)
        return false;
    fate->outcome = NETEM_OVERLIMIT;
    n->counts.overlimit++;
    return true;
}

/* A delay from the middle, the spread and one draw; may be negative. */
static int64_t draw_delay(struct netem *n, struct netem_series *series,
                          const struct netem_table *table, int64_t middle, int64_t spread)
{
    if (spread == 0)
        return middle;
    uint32_t draw = netem_random_series(&n->random, series);
    if (table == NULL)
        return middle - spread + (int64_t)(draw % (2 * (uint32_t)spread));
    int64_t deviation = table->values[draw % table->size];
    int64_t x = spread % NETEM_TABLE_SCALE * deviation;
    x += x >= 0 ? NETEM_TABLE_SCALE / 2 : -NETEM_TABLE_SCALE / 2;
    return x / NETEM_TABLE_SCALE + spread / NETEM_TABLE_SCALE * deviation + middle;
}

/* How long a packet of this length occupies the wire. As in netem, cells count in 32 bits and a
 * length that the overhead makes negative is enormous: such a packet stops the link. */
static int64_t serialisation_ns(const struct netem_config *config, size_t length)
{
    uint64_t len = length + (uint64_t)(int64_t)config->overhead;

    if (config->cell) {
        uint32_t cells = (uint32_t)len / config->cell;
        if (len > cells * config->cell)
            cells++;
        len = cells * (config->cell + (uint32_t)config->cell_overhead);
    }
    return (int64_t)(len * UINT64_C(1000000000) / config->rate);
}

static bool reorder_event(struct netem *n)
{
    if (n->config.gap == 0 || n->since_reorder < n->config.gap - 1)
        return false;
    return n->config.reorder.probability >= netem_random_series(&n->random, &n->reorder_series);
}

/* Whether the packet overtakes, and when it leaves. */
static void schedule(struct netem *n, size_t length, struct instant now, struct netem_fate *fate)
{
    const struct netem_config *config = &n->config;
    struct instant latest;

    if (reorder_event(n)) {
        fate->outcome = NETEM_AT_ONCE;
        fate->due = now;
        n->since_reorder = 0;
        n->counts.reordered++;
        return;
    }
    fate->outcome = NETEM_DELAYED;
    fate->due = instant_add(now, duration_ns(draw_delay(n, &n->delay_series, config->table,
                                                        config->delay.ns, config->jitter.ns)));
    if (config->rate) {
        if (netem_queue_latest(&n->queue, &latest))
            fate->due = instant_max(fate->due, latest);
        fate->due = instant_add(fate->due, duration_ns(serialisation_ns(config, length)));
    }
    n->since_reorder++;
    if (fate->due.ns > now.ns)
        n->counts.delayed++;
}

static void place(struct netem *n, const struct netem_arrival *arrival,
                  const struct netem_fate *fate)
{
    uint32_t entry = netem_queue_take(&n->queue, arrival->packet);

    CHECK(entry != NETEM_QUEUE_NONE);
    n->queue.entries[entry].number = arrival->number;
    n->queue.entries[entry].verified = arrival->verified && !fate->marked && !fate->corrupted;
    uint8_t *bytes = netem_queue_bytes(&n->queue, entry);
    if (fate->marked)
        netem_ecn_mark(bytes, arrival->packet.len);
    if (fate->corrupted && fate->bit / 8 < arrival->packet.len)
        bytes[fate->bit / 8] ^= (uint8_t)(1u << fate->bit % 8);
    if (fate->outcome == NETEM_AT_ONCE)
        netem_queue_insert_front(&n->queue, entry, fate->due);
    else
        netem_queue_insert(&n->queue, entry, fate->due);
}

/* The clone comes in anew as a packet of its own, only that it is not doubled again. */
static void enqueue_clone(struct netem *n, const struct netem_arrival *arrival, struct instant now,
                          struct netem_fate *fate)
{
    n->counts.duplicated++;
    if (lost_or_marked(n, arrival->packet, fate)) {
        fate->outcome = NETEM_LOST;
        n->counts.lost++;
        return;
    }
    maybe_corrupt(n, arrival->packet, fate);
    if (over_limit(n, fate))
        return;
    schedule(n, arrival->packet.len, now, fate);
    place(n, arrival, fate);
}

unsigned netem_enqueue(struct netem *n, const struct netem_arrival *arrival, struct instant now,
                       struct netem_fate fates[2])
{
    unsigned copies = 1;

    fates[0] = (struct netem_fate){.due = now};
    n->counts.packets++;
    if (netem_random_event(&n->random, &n->duplicate_series, n->config.duplicate.probability))
        copies++;
    if (lost_or_marked(n, arrival->packet, &fates[0]))
        copies--;
    if (copies == 0) {
        fates[0].outcome = NETEM_LOST;
        n->counts.lost++;
        return 1;
    }
    /* The clone carries the mark, but not the damage. */
    fates[1] = (struct netem_fate){.clone = true, .marked = fates[0].marked, .due = now};
    maybe_corrupt(n, arrival->packet, &fates[0]);
    if (over_limit(n, &fates[0]))
        return 1;
    if (copies == 2) {
        enqueue_clone(n, arrival, now, &fates[1]);
        /* Both are one memory in the kernel, and marking does not part them; damaging does. */
        fates[0].marked |= fates[1].marked && !fates[0].corrupted;
    }
    schedule(n, arrival->packet.len, now, &fates[0]);
    place(n, arrival, &fates[0]);
    return copies;
}

static void count_decided(struct netem_counts *counts, const struct netem_fate *fate,
                          struct instant now)
{
    if (fate->clone)
        counts->duplicated++;
    else
        counts->packets++;
    counts->lost += fate->outcome == NETEM_LOST;
    counts->overlimit += fate->outcome == NETEM_OVERLIMIT;
    counts->reordered += fate->outcome == NETEM_AT_ONCE;
    counts->delayed += fate->outcome == NETEM_DELAYED && fate->due.ns > now.ns;
    counts->corrupted += fate->corrupted;
    counts->ecn_marked += fate->marked;
}

void netem_enqueue_decided(struct netem *n, const struct netem_arrival *arrival, struct instant now,
                           const struct netem_fate *fate)
{
    count_decided(&n->counts, fate, now);
    if (fate->outcome == NETEM_LOST || fate->outcome == NETEM_OVERLIMIT)
        return;
    if (netem_queue_count(&n->queue) + QUEUE_SPARE > n->queue.capacity) {
        n->counts.overlimit++;
        return;
    }
    place(n, arrival, fate);
}

static void slot_advance(struct netem *n, struct instant now)
{
    const struct netem_slot *slot = &n->config.slot;
    struct netem_series uncorrelated = {0};
    int64_t delay;

    if (slot->table) {
        delay = draw_delay(n, &uncorrelated, slot->table, slot->delay.ns, slot->jitter.ns);
    } else {
        uint64_t width = (uint64_t)(slot->longest.ns - slot->shortest.ns);
        delay = slot->shortest.ns + (int64_t)(width ? random_below(&n->unseeded, width) : 0);
    }
    slot_open(n, instant_add(now, duration_ns(delay)));
}

/* Whether the gate lets the first packet pass; counts it when it does. */
static bool slot_admits(struct netem *n, const struct netem_entry *entry, struct instant now)
{
    if (n->slot_next.ns < entry->due.ns)
        slot_advance(n, now);
    if (!instant_reached(entry->due, now) || !instant_reached(n->slot_next, now))
        return false;
    n->slot_packets_left--;
    n->slot_bytes_left -= entry->length;
    if (n->slot_packets_left <= 0 || n->slot_bytes_left <= 0)
        slot_advance(n, now);
    return true;
}

bool netem_dequeue(struct netem *n, struct instant now, struct netem_arrival *packet)
{
    uint32_t first = netem_queue_first(&n->queue);

    if (n->held != NETEM_QUEUE_NONE) {
        netem_queue_give(&n->queue, n->held);
        n->held = NETEM_QUEUE_NONE;
    }
    if (first == NETEM_QUEUE_NONE)
        return false;
    const struct netem_entry *entry = &n->queue.entries[first];
    if (first != n->queue.front) {
        if (n->config.slot.on ? !slot_admits(n, entry, now) : !instant_reached(entry->due, now))
            return false;
    }
    n->held = netem_queue_remove_first(&n->queue);
    *packet = (struct netem_arrival){
        .packet = {netem_queue_bytes(&n->queue, first), entry->length},
        .number = entry->number,
        .verified = entry->verified,
        .due = entry->due,
    };
    return true;
}

struct instant netem_deadline(const struct netem *n)
{
    uint32_t first = netem_queue_first(&n->queue);

    if (first == NETEM_QUEUE_NONE)
        return INSTANT_NEVER;
    if (first == n->queue.front)
        return INSTANT_ZERO;
    struct instant due = n->queue.entries[first].due;
    if (n->config.slot.on)
        due = instant_max(due, n->slot_next);
    return instant_max(due, INSTANT_ZERO);
}
