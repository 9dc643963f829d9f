/* Hosts and their devices, see the header. The device must not judge packets. */
#include "sim/sim_port.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "sim/sim_datagrams.h"
#include "sim/sim_end.h"
#include "sim/sim_hostile.h"
#include "sim/sim_join.h"
#include "sim/sim_watch.h"
#include "socket.h"
#include "wire/checksum.h"
#include "wire/gso.h"

/* --- the device ------------------------------------------------------------------------------- */

static struct sim_port *port_of(struct device *device)
{
    return (struct sim_port *)(void *)device;
}

static int port_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct sim_port *port = port_of(device);

    (void)now;
    sim_watch_arrival_done(port->host);
    free(port->lent);
    port->lent = sim_queue_take(&port->arrived);
    if (port->lent == NULL)
        return -EAGAIN;
    device->received++;
    bool joins = port->host->node->is->offload == SCENARIO_OFFLOAD_ALL;
    if (!joins || !sim_join(port->lent, &port->arrived, port->joined, packet))
        *packet = (struct packet){
            .parts = {{port->lent->data, port->lent->length}},
            .count = 1,
            .checksum = port->lent->verified ? PACKET_CHECKSUM_VERIFIED : PACKET_CHECKSUM_IN_FULL,
        };
    sim_watch_arrival(port->host, packet);
    return 0;
}

/* Onto the link, which shows each as a wire packet. */
static void put_on_wire(struct sim_port *port, struct bytes packet)
{
    struct sim_host *host = port->host;
    struct sim_world *world = host->node->world;

    host->sent++;
    world->packets++;
    sim_send(host->node, packet);
}

static void cut(struct sim_port *port, const struct packet *super)
{
    struct sim_world *world = port->host->node->world;
    size_t count = gso_count(super);

    for (size_t i = 0; i < count; i++) {
        size_t length = gso_cut(super, i, world->wire, sizeof world->wire);
        CHECK(length > 0);
        put_on_wire(port, (struct bytes){world->wire, length});
    }
}

/* A device with little room takes so many packets at one time, no more. */
static bool is_full(struct sim_port *port, struct instant now)
{
    uint32_t room = port->host->node->is->room;

    if (port->sent_at.ns != now.ns)
        port->sent_then = 0;
    port->sent_at = now;
    return room > 0 && port->sent_then++ >= room;
}

static int port_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct sim_port *port = port_of(device);
    struct sim_world *world = port->host->node->world;

    if (port->cut)
        return 0;
    if (is_full(port, now)) {
        device->refused++;
        return -EAGAIN;
    }
    struct packet flat = *packet;
    size_t length = packet_flatten(packet, world->flat, sizeof world->flat);
    if (length == 0 || (packet->gso_size == 0 && length > device->features.mtu))
        return -EMSGSIZE;
    flat.parts[0] = (struct bytes){world->flat, length};
    flat.count = 1;
    sim_watch_departure(port->host, &flat);
    device->transmitted++;
    if (packet->gso_size) {
        cut(port, &flat);
        return 0;
    }
    if (packet->checksum == PACKET_CHECKSUM_PARTIAL)
        checksum_complete(world->flat, length, packet->checksum_at, packet->checksum_offset);
    put_on_wire(port, flat.parts[0]);
    return 0;
}

static struct instant port_deadline(const struct device *device)
{
    (void)device;
    return INSTANT_NEVER; /* arrivals schedule the host themselves */
}

static int port_descriptor(const struct device *device)
{
    (void)device;
    return -1;
}

static void port_close(struct device *device)
{
    struct sim_port *port = port_of(device);

    sim_queue_clear(&port->arrived);
    free(port->lent);
    free(port);
}

static const struct device_ops port_ops = {
    .receive = port_receive,
    .transmit = port_transmit,
    .deadline = port_deadline,
    .descriptor = port_descriptor,
    .close = port_close,
};

static struct sim_port *port_new(struct sim_host *host)
{
    const struct scenario_node *is = host->node->is;
    struct sim_port *port = calloc(1, sizeof *port);
    uint32_t largest = is->offload >= SCENARIO_OFFLOAD_SEGMENTS ? PACKET_LARGEST : 0;

    if (port == NULL)
        return NULL;
    port->host = host;
    port->device.ops = &port_ops;
    port->device.features = (struct device_features){
        .mtu = host->node->mtu,
        .largest_tcp4 = largest,
        .largest_tcp6 = largest,
        .checksum = is->offload >= SCENARIO_OFFLOAD_CHECKSUM,
    };
    return port;
}

/* --- the clock -------------------------------------------------------------------------------- */

static struct instant host_now(void *context)
{
    const struct sim_host *host = context;

    return instant_add(host->node->world->now, host->node->is->clock);
}

/* Everything here is asked without waiting. */
static int host_wait(void *context, const int *descriptors, unsigned count, struct instant until)
{
    (void)context;
    (void)descriptors;
    (void)count;
    (void)until;
    return -EDEADLK;
}

/* --- starting and stopping -------------------------------------------------------------------- */

static void on_event(struct trace_sink *sink, const struct trace_record *record)
{
    struct sim_host *host = (struct sim_host *)(void *)((uint8_t *)sink -
                                                        offsetof(struct sim_host, sink));
    sim_end_told(host, record);
}

/* "DIR/a.pcapng", and after restarts "DIR/a-2.pcapng". */
static const char *capture_path(const struct sim_host *host, char path[512])
{
    const char *directory = host->node->world->config.capture_directory;
    char number[16] = "";

    if (directory == NULL)
        return NULL;
    if (host->incarnation > 0)
        snprintf(number, sizeof number, "-%u", host->incarnation + 1);
    snprintf(path, 512, "%s/%s%s.pcapng", directory, host->node->is->name, number);
    return path;
}

static int create_stack(struct sim_host *host, char *error, size_t error_size)
{
    const struct scenario_node *is = host->node->is;
    struct sim_world *world = host->node->world;
    const char *settings[SCENARIO_SETTINGS + 1] = {NULL};
    char addresses[64], path[512];
    uint64_t secret = world->seed * 250 + host->node->index + (uint64_t)host->incarnation * 1000003;

    for (unsigned i = 0; i < is->setting_count; i++)
        settings[i] = is->settings[i];
    snprintf(addresses, sizeof addresses, "10.0.0.%u/24,fd00::%x/64", host->node->index + 1,
             host->node->index + 1);
    struct tunny_config config = {
        .addresses = addresses,
        .no_offload = is->offload < SCENARIO_OFFLOAD_SEGMENTS,
        .capture = capture_path(host, path),
        .capture_note = world->config.note,
        .seed = secret + 1,
        .memory = is->memory,
        .settings = settings,
        .trace = world->config.trace,
        .trace_level = world->config.trace_level,
    };
    struct stack_clock clock = {.now = host_now, .wait = host_wait, .context = host};
    struct siphash_key key = {secret, ~secret};
    return stack_create_over(&config, &host->port->device, &clock, &key, &host->stack, error,
                             error_size);
}

int sim_host_start(struct sim_host *host, char *error, size_t error_size)
{
    char reason[256] = "out of memory";

    host->port = port_new(host);
    int r = host->port ? create_stack(host, reason, sizeof reason) : -ENOMEM;
    if (r < 0) {
        host->stack = NULL;
        host->port = NULL;
        snprintf(error, error_size, "host %s: %s", host->node->is->name, reason);
        return r;
    }
    host->sink.event = on_event;
    trace_subscribe(&host->stack->trace, &host->sink);
    sim_watch_started(host);
    sim_sink_open(host);
    sim_ends_listen(host);
    sim_datagrams_start(host);
    sim_host_rearm(host);
    return 0;
}

void sim_host_stop(struct sim_host *host)
{
    if (host->stack == NULL)
        return;
    host->port->cut = true;
    sim_ends_crash(host);
    sim_datagrams_stop(host);
    tunny_destroy(host->stack);
    sim_watch_stopped(host);
    host->stack = NULL;
    host->port = NULL;
    host->sink_listener = -1;
    host->sink_count = 0;
    if (host->ends)
        memset(host->ends, 0, host->end_capacity * sizeof(struct sim_end *));
}

/* --- running ---------------------------------------------------------------------------------- */

void sim_host_arrives(struct sim_host *host, struct bytes packet, bool verified)
{
    if (host->port == NULL)
        return;
    sim_queue_add(&host->port->arrived, packet, verified);
    sim_schedule(host->node->world, &host->node->actor, host->node->world->now);
}

void sim_host_claim(struct sim_host *host, int socket, struct sim_end *end)
{
    unsigned number = (unsigned)socket;

    if (number >= host->end_capacity) {
        unsigned capacity = number * 2 + 16;
        struct sim_end **grown = realloc(host->ends, capacity * sizeof(struct sim_end *));
        if (grown == NULL)
            return;
        memset(grown + host->end_capacity, 0,
               (capacity - host->end_capacity) * sizeof(struct sim_end *));
        host->ends = grown;
        host->end_capacity = capacity;
    }
    host->ends[number] = end;
}

void sim_host_rearm(struct sim_host *host)
{
    struct sim_world *world = host->node->world;
    int64_t offset = host->node->is->clock.ns;

    if (host->stack == NULL)
        return;
    struct instant when = stack_deadline(host->stack);
    if (host->port->arrived.count > 0)
        when = world->now;
    else if (!instant_is_never(when))
        when.ns = when.ns > offset ? when.ns - offset : 0;
    sim_schedule(world, &host->node->actor, when);
}

void sim_host_run(struct sim_host *host)
{
    if (host->stack == NULL)
        return;
    stack_turn(host->stack);
    sim_watch_turn_done(host);
    for (int number; (number = tunny_next_changed(host->stack)) >= 0;) {
        if ((unsigned)number < host->end_capacity && host->ends[number])
            sim_end_run(host->ends[number]);
        else if (!sim_datagrams_changed(host, number))
            sim_sink_run(host, number);
    }
    sim_watch_turn_done(host);
    sim_host_rearm(host);
}
