/* Links of a world, see the header. Must not look into packets. */
#include "sim/sim_link.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/sim_capture.h"

static const char *name_of(const struct netem_fate *fate)
{
    switch (fate->outcome) {
    case NETEM_LOST:
        return "lost";
    case NETEM_OVERLIMIT:
        return "lost: over limit";
    case NETEM_AT_ONCE:
        return "overtakes";
    case NETEM_DELAYED:
        if (fate->corrupted)
            return "damaged";
        if (fate->clone)
            return "doubled";
        return fate->marked ? "marked" : "passed";
    }
    return "";
}

static void on_fate(struct impair_watcher *watcher, const struct impair_verdict *verdict)
{
    struct sim_link *link = (struct sim_link *)(void *)((uint8_t *)watcher -
                                                        offsetof(struct sim_link, watcher));
    link->fate = verdict->cause == IMPAIR_BY_DOWN ? "lost: the link is down"
                                                  : name_of(&verdict->line.fate);
}

/* Counts from the world's beginning. */
static void advance_schedule(struct sim_link *link)
{
    const struct impair_specification *specification = &link->specification;

    for (; link->next_change < specification->change_count; link->next_change++) {
        const struct impair_change *change = &specification->changes[link->next_change];
        struct instant when = instant_add(INSTANT_ZERO, change->at);
        if (!instant_reached(when, link->world->now))
            return;
        for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
            impair_direction_change(&link->directions[i], change, when);
    }
}

static void rearm(struct sim_link *link)
{
    struct instant when = instant_min(impair_direction_deadline(&link->directions[0]),
                                      impair_direction_deadline(&link->directions[1]));

    sim_schedule(link->world, &link->actor, when);
}

static void deliver(struct sim_link *link, unsigned direction)
{
    struct sim_node *to = &link->world->nodes[link->is->ends[1 - direction]];
    struct netem_arrival packet;

    while (impair_direction_next(&link->directions[direction], link->world->now, &packet))
        sim_arrive(to, packet.packet, packet.verified);
}

void sim_link_run(struct sim_link *link)
{
    advance_schedule(link);
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
        deliver(link, i);
    rearm(link);
}

static void remember(struct sim_link *link, unsigned direction, struct bytes packet)
{
    struct sim_past *past = &link->past[link->past_count++ % SIM_LINK_HISTORY];
    struct sim_queue one = {0};

    free(past->packet);
    sim_queue_add(&one, packet, false);
    *past = (struct sim_past){.packet = one.first, .direction = direction};
}

static void offer(struct sim_link *link, unsigned direction, struct bytes packet)
{
    advance_schedule(link);
    link->fate = "waits in the queue";
    impair_direction_offer(&link->directions[direction], packet, false, link->world->now);
    if (link->world->capture)
        sim_capture_write(link->world->capture, link->world->now, link->is->name, direction, packet,
                          link->fate);
    deliver(link, direction);
    rearm(link);
}

void sim_link_offer(struct sim_link *link, unsigned direction, struct bytes packet)
{
    if (link->keeps_history)
        remember(link, direction, packet);
    offer(link, direction, packet);
}

void sim_link_replay(struct sim_link *link, unsigned count)
{
    uint64_t first = link->past_count > count ? link->past_count - count : 0;

    if (link->past_count - first > SIM_LINK_HISTORY)
        first = link->past_count - SIM_LINK_HISTORY;
    for (uint64_t i = first; i < link->past_count; i++) {
        const struct sim_past *past = &link->past[i % SIM_LINK_HISTORY];
        offer(link, past->direction, (struct bytes){past->packet->data, past->packet->length});
    }
}

static int open_directions(struct sim_link *link)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        int r = impair_direction_open(&link->directions[i], i, &link->specification, NULL,
                                      &link->watcher, link->world->mtu);
        if (r)
            return r;
    }
    return 0;
}

int sim_link_open(struct sim_link *link, struct sim_world *world, const struct scenario_link *is,
                  char *error, size_t error_size)
{
    struct netem_notes notes = {0};

    link->actor.kind = SIM_LINK;
    link->world = world;
    link->is = is;
    link->watcher.fate = on_fate;
    int r = impair_specification_parse(is->spec, &link->specification, &notes);
    if (r == 0 && (link->specification.log[0] || link->specification.replay[0]))
        r = netem_parse_error(&notes, "log and replay are nothing for a link of a world");
    if (r == 0) {
        uint64_t number = (uint64_t)(is - world->scenario.links) + 1;
        impair_specification_seed(&link->specification, world->seed * 1000003 + number);
        r = open_directions(link);
    }
    if (r < 0)
        snprintf(error, error_size, "link %s: %s", is->name,
                 r == -EINVAL ? notes.error : "out of memory");
    return r;
}

void sim_link_close(struct sim_link *link)
{
    if (link->world == NULL)
        return;
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
        impair_direction_close(&link->directions[i]);
    for (unsigned i = 0; i < SIM_LINK_HISTORY; i++)
        free(link->past[i].packet);
    impair_specification_free(&link->specification);
}
