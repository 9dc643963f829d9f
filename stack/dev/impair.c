/* The impairing device, see the header: cuts super-segments, walks the schedule, moves packets
 * between the two directions and the inner device, and tells of every fate. What happens to a
 * packet is decided in impair_direction.c and below. */
#include "dev/impair.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "dev/impair_direction.h"
#include "wire/gso.h"

struct impair {
    struct device device; /* first: a device is its impair */
    struct device *inner;
    struct trace *trace; /* or NULL */
    struct impair_watcher watcher;
    struct impair_specification specification;
    struct netem_notes notes;
    struct impair_recording recording;
    FILE *log;
    struct impair_direction directions[IMPAIR_DIRECTIONS];
    size_t largest; /* bytes of a wire packet */
    bool started;
    struct instant start; /* the schedule counts from here */
    unsigned next_change;
    struct netem_arrival refused; /* what the inner device had no room for */
    bool has_refused;
    int gone; /* what the inner device said when it was gone, or 0 */
    struct instant retry;
    struct packet arrived; /* what came, while its wire packets are cut off it */
    size_t arrived_count, arrived_next;
    uint8_t flat[PACKET_LARGEST]; /* what came, or what is sent, in one piece */
    uint8_t leaving[PACKET_LARGEST];
    uint8_t wire[PACKET_LARGEST]; /* one wire packet */
};

static struct impair *impair_of(const struct device *device)
{
    return (struct impair *)(uintptr_t)device;
}

static const char *fate_name(const struct netem_fate *fate)
{
    switch (fate->outcome) {
    case NETEM_LOST:
        return "lost";
    case NETEM_OVERLIMIT:
        return "over limit";
    case NETEM_AT_ONCE:
        return "reordered";
    case NETEM_DELAYED:
        if (fate->corrupted)
            return "corrupted";
        if (fate->clone)
            return "duplicated";
        return fate->marked ? "marked" : "delayed";
    }
    UNREACHABLE();
}

static void tell_trace(struct trace *trace, const struct impair_log_line *line)
{
    const struct netem_fate *fate = &line->fate;

    if (fate->outcome == NETEM_DELAYED && fate->due.ns == 0 && !fate->corrupted && !fate->clone &&
        !fate->marked)
        return;
    TRACE(trace, impaired, .fate = fate_name(fate), .number = line->number,
          .delay = duration_ns(fate->due.ns));
    if (fate->outcome == NETEM_LOST || fate->outcome == NETEM_OVERLIMIT)
        trace_drop(trace, DROP_impaired_lost);
}

static void on_fate(struct impair_watcher *watcher, const struct impair_verdict *verdict)
{
    const struct impair_log_line *line = &verdict->line;
    struct impair *impair = (struct impair *)(void *)((uint8_t *)watcher -
                                                      offsetof(struct impair, watcher));
    char text[128];

    if (impair->trace)
        tell_trace(impair->trace, line);
    if (impair->log) {
        impair_log_print(line, text, sizeof text);
        fprintf(impair->log, "%s\n", text);
    }
}

/* The schedule up to now. */
static void advance_schedule(struct impair *impair, struct instant now)
{
    const struct impair_specification *specification = &impair->specification;

    if (!impair->started) {
        impair->started = true;
        impair->start = now;
    }
    for (; impair->next_change < specification->change_count; impair->next_change++) {
        const struct impair_change *change = &specification->changes[impair->next_change];
        if (!instant_reached(instant_add(impair->start, change->at), now))
            return;
        for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
            impair_direction_change(&impair->directions[i], change, now);
    }
}

/* Hands over what leaves; false when the inner device has no room. */
static bool hand_over(struct impair *impair, const struct netem_arrival *packet, struct instant now)
{
    struct packet out = {.parts = {packet->packet}, .count = 1};
    int rc = device_transmit(impair->inner, &out, now);

    impair->has_refused = rc == -EAGAIN;
    /* A damaged version or length makes no sense to the kernel (EINVAL): lost, as on a wire. */
    if (rc != 0 && rc != -EAGAIN && rc != -EMSGSIZE && rc != -EINVAL)
        impair->gone = rc;
    if (impair->has_refused) {
        impair->refused = *packet;
        impair->retry = instant_add(now, duration_ms(1));
    }
    return !impair->has_refused;
}

/* Everything that is due goes to the inner device. */
static void send_due(struct impair *impair, struct instant now)
{
    struct netem_arrival packet;

    if (impair->has_refused && !hand_over(impair, &impair->refused, now))
        return;
    while (impair_direction_next(&impair->directions[IMPAIR_OUT], now, &packet)) {
        if (!hand_over(impair, &packet, now))
            return;
    }
}

static int impair_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct impair *impair = impair_of(device);
    struct packet flat = *packet;
    size_t length = packet_flatten(packet, impair->leaving, sizeof impair->leaving);

    advance_schedule(impair, now);
    if (length == 0)
        return -EMSGSIZE;
    flat.parts[0] = (struct bytes){impair->leaving, length};
    flat.count = 1;
    size_t count = gso_count(&flat);
    send_due(impair, now);
    if (impair->gone)
        return impair->gone;
    for (size_t i = 0; i < count; i++) {
        size_t len = gso_wire_packet(&flat, i, impair->wire, impair->largest);
        if (len == 0)
            return -EMSGSIZE;
        impair_direction_offer(&impair->directions[IMPAIR_OUT], (struct bytes){impair->wire, len},
                               false, now);
        send_due(impair, now);
    }
    device->transmitted++;
    return 0;
}

/* Fetches what has come into memory of ours: the inner device may be called before all of it is
 * cut. 0, or what the inner device says. */
static int fetch(struct impair *impair, struct instant now)
{
    int rc = device_receive(impair->inner, &impair->arrived, now);

    if (rc)
        return rc;
    size_t length = packet_flatten(&impair->arrived, impair->flat, sizeof impair->flat);
    impair->arrived.parts[0] = (struct bytes){impair->flat, length};
    impair->arrived.count = 1;
    impair->arrived_next = 0;
    impair->arrived_count = gso_count(&impair->arrived);
    return 0;
}

/* Offers the next wire packet of what has come. */
static void offer_arrived(struct impair *impair, struct instant now)
{
    size_t len = gso_wire_packet(&impair->arrived, impair->arrived_next++, impair->wire,
                                 impair->largest);

    if (len == 0) {
        impair->arrived_next = impair->arrived_count;
        if (impair->trace)
            trace_drop(impair->trace, DROP_device_offload_lies);
        return;
    }
    impair_direction_offer(&impair->directions[IMPAIR_IN], (struct bytes){impair->wire, len},
                           impair->arrived.checksum == PACKET_CHECKSUM_VERIFIED, now);
}

static int impair_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct impair *impair = impair_of(device);
    struct netem_arrival out;

    advance_schedule(impair, now);
    send_due(impair, now);
    /* As in the kernel, what is due leaves before the next packet comes. */
    while (!impair_direction_next(&impair->directions[IMPAIR_IN], now, &out)) {
        if (impair->arrived_next == impair->arrived_count) {
            int rc = fetch(impair, now);
            if (rc)
                return rc;
        }
        offer_arrived(impair, now);
    }
    *packet = (struct packet){
        .parts = {out.packet},
        .count = 1,
        .checksum = out.verified ? PACKET_CHECKSUM_VERIFIED : PACKET_CHECKSUM_IN_FULL,
    };
    device->received++;
    return 0;
}

static struct instant impair_deadline(const struct device *device)
{
    const struct impair *impair = impair_of(device);
    struct instant out = impair_direction_deadline(&impair->directions[IMPAIR_OUT]);
    struct instant in = impair_direction_deadline(&impair->directions[IMPAIR_IN]);

    if (impair->arrived_next < impair->arrived_count)
        return INSTANT_ZERO;
    if (impair->has_refused)
        out = impair->retry;
    return instant_min(instant_min(in, out), device_deadline(impair->inner));
}

static int impair_descriptor(const struct device *device)
{
    return device_descriptor(impair_of(device)->inner);
}

static void impair_free(struct impair *impair)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
        impair_direction_close(&impair->directions[i]);
    if (impair->log)
        fclose(impair->log);
    impair_recording_close(&impair->recording);
    impair_specification_free(&impair->specification);
    free(impair);
}

static void impair_close(struct device *device)
{
    struct impair *impair = impair_of(device);

    device_close(impair->inner);
    impair_free(impair);
}

static const struct device_ops impair_ops = {
    .receive = impair_receive,
    .transmit = impair_transmit,
    .deadline = impair_deadline,
    .descriptor = impair_descriptor,
    .close = impair_close,
};

static int open_files(struct impair *impair)
{
    const struct impair_specification *specification = &impair->specification;
    size_t bad_line = 0;

    if (specification->replay[0]) {
        int rc = impair_recording_open(&impair->recording, specification->replay, &bad_line);
        if (rc == -EINVAL)
            return netem_parse_error(&impair->notes, "replay: '%.64s', line %zu is no fate",
                                     specification->replay, bad_line);
        if (rc)
            return netem_parse_error(&impair->notes, "replay: '%.64s' cannot be read",
                                     specification->replay);
    }
    if (specification->log[0]) {
        impair->log = fopen(specification->log, "we");
        if (impair->log == NULL)
            return netem_parse_error(&impair->notes, "log: '%.64s' cannot be written",
                                     specification->log);
    }
    return 0;
}

static int open_directions(struct impair *impair)
{
    struct impair_recording *recording = impair->specification.replay[0] ? &impair->recording
                                                                         : NULL;

    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        int rc = impair_direction_open(&impair->directions[i], i, &impair->specification, recording,
                                       &impair->watcher, impair->largest);
        if (rc)
            return rc;
    }
    return 0;
}

/* The specification stands at the head of a log, a comment for each clause. */
static void begin_log(struct impair *impair)
{
    char *text = (char *)impair->wire;

    if (impair->log == NULL)
        return;
    impair_specification_text(&impair->specification, text, sizeof impair->wire);
    for (char *clause = text; *clause;) {
        size_t len = strcspn(clause, ";");
        fprintf(impair->log, "# %.*s\n", (int)len, clause);
        clause += len;
        clause += strspn(clause, "; ");
    }
}

int impair_open(const struct impair_config *config, struct device *inner, struct trace *trace,
                struct device **device, char *error, size_t error_size)
{
    struct impair *impair = calloc(1, sizeof *impair);

    if (impair == NULL)
        return -ENOMEM;
    impair->device.ops = &impair_ops;
    impair->device.features = inner->features;
    impair->device.features.checksum = true;
    impair->inner = inner;
    impair->trace = trace;
    impair->watcher.fate = on_fate;
    impair->largest = inner->features.mtu;
    int rc = impair_specification_parse(config->specification, &impair->specification,
                                        &impair->notes);
    if (rc == 0) {
        impair_specification_seed(&impair->specification, config->seed);
        rc = open_files(impair);
    }
    if (rc == 0)
        rc = open_directions(impair);
    if (rc) {
        snprintf(error, error_size, "%s", impair->notes.error);
        impair_free(impair);
        return rc;
    }
    begin_log(impair);
    *device = &impair->device;
    return 0;
}

struct netem_counts impair_counts(const struct device *device, unsigned direction)
{
    return impair_direction_counts(&impair_of(device)->directions[direction]);
}

size_t impair_specification_of(const struct device *device, char *text, size_t size)
{
    return impair_specification_text(&impair_of(device)->specification, text, size);
}

const char *impair_warnings(const struct device *device)
{
    return impair_of(device)->notes.warnings;
}
