/* See virtual_host.h. The device hands over the one packet that is being injected and keeps copies
 * of what the stack sends, in order, until they are collected; the clock is a number. Called
 * through tunny.h only; it must not know what the packets mean, except that it completes the
 * checksums that it promised to complete. */
#include "sim/virtual_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/checksum.h"

/* One packet that the stack sent, followed by its bytes. */
struct kept_packet {
    struct instant when;
    size_t length;
    uint16_t segment;
};

struct virtual_host {
    struct device device;
    struct instant now;
    struct bytes arriving; /* len 0: none */
    uint8_t *kept;         /* records, the first uncollected one at `first`, the end at `used` */
    size_t first, used, capacity;
};

static struct virtual_host *host_of(struct device *device)
{
    return (struct virtual_host *)(void *)device;
}

static const struct virtual_host *host_of_const(const struct device *device)
{
    return (const struct virtual_host *)(const void *)device;
}

/* --- the device --------------------------------------------------------------------------------
 */

static int virtual_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct virtual_host *host = host_of(device);
    (void)now;
    if (host->arriving.len == 0)
        return -EAGAIN;
    *packet = (struct packet){.parts = {host->arriving}, .count = 1};
    host->arriving.len = 0;
    device->received++;
    return 0;
}

static size_t record_size(size_t length)
{
    size_t align = _Alignof(struct kept_packet);
    return (sizeof(struct kept_packet) + length + align - 1) / align * align;
}

/* Room for `size` more bytes behind `used`: what was collected is overwritten first. */
static int make_room(struct virtual_host *host, size_t size)
{
    if (host->first > 0 && host->first == host->used)
        host->first = host->used = 0;
    if (host->capacity - host->used >= size)
        return 0;
    size_t capacity = (host->used + size) * 2;
    uint8_t *kept = realloc(host->kept, capacity);
    if (!kept)
        return -EAGAIN;
    host->kept = kept;
    host->capacity = capacity;
    return 0;
}

static int virtual_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct virtual_host *host = host_of(device);
    size_t length = packet_length(packet), size = record_size(length);
    if (length > PACKET_LARGEST)
        return -EMSGSIZE;
    if (make_room(host, size) < 0)
        return -EAGAIN;
    struct kept_packet record = {.when = now, .length = length, .segment = packet->gso_size};
    uint8_t *bytes = host->kept + host->used + sizeof record;
    memcpy(host->kept + host->used, &record, sizeof record);
    packet_flatten(packet, bytes, length);
    if (packet->checksum == PACKET_CHECKSUM_PARTIAL)
        checksum_complete(bytes, length, packet->checksum_at, packet->checksum_offset);
    host->used += size;
    device->transmitted++;
    return 0;
}

static struct instant virtual_deadline(const struct device *device)
{
    const struct virtual_host *host = host_of_const(device);
    return host->arriving.len > 0 ? host->now : INSTANT_NEVER;
}

static int virtual_descriptor(const struct device *device)
{
    (void)device;
    return -1;
}

static void virtual_close(struct device *device)
{
    struct virtual_host *host = host_of(device);
    free(host->kept);
    free(host);
}

static const struct device_ops virtual_ops = {
    .receive = virtual_receive,
    .transmit = virtual_transmit,
    .deadline = virtual_deadline,
    .descriptor = virtual_descriptor,
    .close = virtual_close,
};

/* --- the clock ---------------------------------------------------------------------------------
 */

static struct instant virtual_now(void *context)
{
    return ((const struct virtual_host *)context)->now;
}

/* Nobody else would make anything happen: a blocking call ends at once. */
static int virtual_wait(void *context, const int *descriptors, unsigned count, struct instant until)
{
    (void)context;
    (void)descriptors;
    (void)count;
    (void)until;
    return -EDEADLK;
}

/* --- the public calls ----------------------------------------------------------------------------
 */

bool virtual_host_is(const struct tunny *stack)
{
    return stack->wire->ops == &virtual_ops;
}

static struct virtual_host *virtual_of(const struct tunny *stack)
{
    return virtual_host_is(stack) ? host_of(stack->wire) : NULL;
}

static struct virtual_host *host_new(const struct tunny_config *config)
{
    struct virtual_host *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    uint32_t largest = config->no_offload ? 0 : VIRTUAL_SUPER_SEGMENT;
    host->device.ops = &virtual_ops;
    host->device.features = (struct device_features){
        .mtu = config->mtu ? config->mtu : VIRTUAL_MTU,
        .largest_tcp4 = largest,
        .largest_tcp6 = largest,
        .checksum = !config->no_offload,
    };
    return host;
}

int tunny_create_virtual(const struct tunny_config *config, struct tunny **stack, char *error,
                         size_t error_size)
{
    struct virtual_host *host = host_new(config);
    if (!host) {
        snprintf(error, error_size, "There is no memory for a virtual host.");
        return -ENOMEM;
    }
    struct stack_clock clock = {.now = virtual_now, .wait = virtual_wait, .context = host};
    struct siphash_key secret = {config->seed, ~config->seed};
    return stack_create_over(config, &host->device, &clock, &secret, stack, error, error_size);
}

int tunny_virtual_inject(struct tunny *stack, const void *packet, size_t length)
{
    struct virtual_host *host = virtual_of(stack);
    if (!host)
        return -EOPNOTSUPP;
    if (length == 0 || length > PACKET_LARGEST)
        return -EMSGSIZE;
    host->arriving = (struct bytes){packet, length};
    return stack_turn(stack);
}

int tunny_virtual_collect(struct tunny *stack, struct tunny_virtual_packet *packet)
{
    struct virtual_host *host = virtual_of(stack);
    if (!host)
        return -EOPNOTSUPP;
    if (host->first == host->used)
        return -EAGAIN;
    struct kept_packet record;
    memcpy(&record, host->kept + host->first, sizeof record);
    *packet = (struct tunny_virtual_packet){
        .data = host->kept + host->first + sizeof record,
        .length = record.length,
        .segment = record.segment,
        .when_ns = record.when.ns,
    };
    host->first += record_size(record.length);
    return 0;
}

int64_t tunny_virtual_deadline_ns(const struct tunny *stack)
{
    return stack_deadline(stack).ns;
}

int tunny_virtual_advance(struct tunny *stack, int64_t until_ns)
{
    struct virtual_host *host = virtual_of(stack);
    if (!host)
        return -EOPNOTSUPP;
    struct instant until = {until_ns};
    for (;;) {
        struct instant next = stack_deadline(stack);
        bool last = instant_before(until, next);
        host->now = instant_max(host->now, last ? until : next);
        int r = stack_turn(stack);
        if (r < 0 || last)
            return r;
    }
}
