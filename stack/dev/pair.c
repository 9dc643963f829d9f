/* Two devices back to back in memory, see pair.h. Packets are copied into slots that were allocated
 * when the pair was made; the slot used last is used again first, so that a short queue stays in
 * the processor's cache however long it may become. Must not know time: delivery is immediate. */
#include "dev/pair.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

struct slot {
    struct packet packet;
    uint8_t *data;
};

/* Packets on their way to one end. */
struct lane {
    struct slot *slots;
    uint8_t *memory;
    uint32_t *waiting; /* a ring of slot numbers, oldest first */
    uint32_t *free;    /* a stack of slot numbers */
    uint32_t first, count, capacity;
    uint32_t free_count;
    uint32_t lent;       /* the slot its receiver looks at; `slot_count`: none */
    uint32_t slot_count; /* capacity, and one more for the packet that is lent */
};

struct pair_end {
    struct device device;  /* first: a device is its pair_end */
    struct pair_end *peer; /* NULL: closed */
    struct lane arriving;
    uint32_t slot_size;
};

static struct pair_end *end_of(struct device *device)
{
    return (struct pair_end *)(void *)device;
}

static void lane_destroy(struct lane *lane)
{
    free(lane->slots);
    free(lane->memory);
    free(lane->waiting);
    free(lane->free);
}

static int lane_init(struct lane *lane, uint32_t queue, uint32_t slot_size)
{
    uint32_t slots = queue + 1;
    *lane = (struct lane){
        .slots = calloc(slots, sizeof *lane->slots),
        .memory = calloc(slots, slot_size),
        .waiting = calloc(queue, sizeof *lane->waiting),
        .free = calloc(slots, sizeof *lane->free),
        .capacity = queue,
        .free_count = slots,
        .lent = slots,
        .slot_count = slots,
    };
    if (!lane->slots || !lane->memory || !lane->waiting || !lane->free) {
        lane_destroy(lane);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < slots; i++) {
        lane->slots[i].data = lane->memory + (size_t)i * slot_size;
        lane->free[i] = slots - 1 - i;
    }
    return 0;
}

/* The packet that receive() lent is no longer looked at. */
static void take_back(struct lane *lane)
{
    if (lane->lent == lane->slot_count)
        return;
    lane->free[lane->free_count++] = lane->lent;
    lane->lent = lane->slot_count;
}

static int pair_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct pair_end *end = end_of(device);
    struct lane *lane = &end->arriving;
    (void)now;
    take_back(lane);
    if (lane->count == 0)
        return end->peer ? -EAGAIN : -ENODEV;
    lane->lent = lane->waiting[lane->first];
    lane->first = (lane->first + 1) % lane->capacity;
    lane->count--;
    *packet = lane->slots[lane->lent].packet;
    device->received++;
    return 0;
}

static int pair_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct pair_end *end = end_of(device);
    size_t length = packet_length(packet);
    (void)now;
    take_back(&end->arriving);
    if (!end->peer)
        return -ENODEV;
    if (length > (packet->gso_size ? device->features.largest_tcp4 : device->features.mtu))
        return -EMSGSIZE;
    struct lane *lane = &end->peer->arriving;
    if (lane->count == lane->capacity) {
        device->refused++;
        return -EAGAIN;
    }
    uint32_t number = lane->free[--lane->free_count];
    struct slot *slot = &lane->slots[number];
    slot->packet = *packet;
    slot->packet.count = 1;
    slot->packet.parts[0] = (struct bytes){slot->data, length};
    CHECK(packet_flatten(packet, slot->data, end->slot_size) == length);
    lane->waiting[(lane->first + lane->count++) % lane->capacity] = number;
    device->transmitted++;
    return 0;
}

static struct instant pair_deadline(const struct device *device)
{
    (void)device;
    return INSTANT_NEVER;
}

static int pair_descriptor(const struct device *device)
{
    (void)device;
    return -1;
}

static void pair_close(struct device *device)
{
    struct pair_end *end = end_of(device);
    if (end->peer)
        end->peer->peer = NULL;
    lane_destroy(&end->arriving);
    free(end);
}

static const struct device_ops pair_ops = {
    .receive = pair_receive,
    .transmit = pair_transmit,
    .deadline = pair_deadline,
    .descriptor = pair_descriptor,
    .close = pair_close,
};

static struct pair_end *end_make(const struct pair_config *config)
{
    struct pair_end *end = calloc(1, sizeof *end);
    if (!end)
        return NULL;
    end->slot_size = config->largest > config->mtu ? config->largest : config->mtu;
    end->device = (struct device){
        .ops = &pair_ops,
        .features = {.mtu = config->mtu,
                     .largest_tcp4 = config->largest,
                     .largest_tcp6 = config->largest,
                     .largest_udp = config->largest,
                     .checksum = config->largest > 0},
    };
    if (lane_init(&end->arriving, config->queue, end->slot_size) != 0) {
        free(end);
        return NULL;
    }
    return end;
}

int pair_open(const struct pair_config *config, struct device *ends[2])
{
    CHECK(config->mtu > 0 && config->queue > 0);
    CHECK(config->mtu <= PACKET_LARGEST && config->largest <= PACKET_LARGEST);
    struct pair_end *a = end_make(config);
    struct pair_end *b = end_make(config);
    if (!a || !b) {
        if (a)
            pair_close(&a->device);
        if (b)
            pair_close(&b->device);
        return -ENOMEM;
    }
    a->peer = b;
    b->peer = a;
    ends[0] = &a->device;
    ends[1] = &b->device;
    return 0;
}
