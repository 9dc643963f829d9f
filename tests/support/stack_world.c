/* See stack_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "dev/pair.h"
#include "support/stack_world.h"

static struct instant world_now(void *context)
{
    const struct world_side *side = context;
    return side->world->now;
}

static void run_side(struct world_side *side)
{
    if (!side->stack)
        return;
    stack_turn(side->stack);
    if (side->application)
        side->application(side->stack, side->context);
}

/* The waiting side's device may have a packet: the other one has sent some since. */
static bool run_other(struct world_side *other)
{
    uint64_t before = other->device->transmitted;
    run_side(other);
    return other->device->transmitted != before;
}

static int world_wait(void *context, const int *descriptors, unsigned count, struct instant until)
{
    struct world_side *side = context;
    struct stack_world *world = side->world;
    struct world_side *other = &world->side[1 - side->index];
    (void)descriptors;
    (void)count;
    if (run_other(other))
        return 0;
    struct instant next = until;
    if (other->stack)
        next = instant_min(next, stack_deadline(other->stack));
    if (instant_is_never(next))
        return -EDEADLK;
    if (instant_before(world->now, next)) {
        world->now = next;
        world->jumps++;
    }
    run_other(other);
    return 0;
}

static struct tunny *make(struct world_side *side, const struct world_setup *setup)
{
    static const char *const addresses[2] = {"10.0.0.1/24,fd00::1/64", "10.0.0.2/24,fd00::2/64"};
    struct tunny_config config = {
        .addresses = addresses[side->index],
        .impair = setup->impair[side->index],
        .seed = setup->seed + 1,
        .memory = setup->memory ? setup->memory : 64 << 20,
        .resolver = side->index == 0 ? setup->resolver : NULL,
    };
    struct stack_clock clock = {.now = world_now, .wait = world_wait, .context = side};
    struct siphash_key secret = {setup->seed, side->index};
    struct tunny *stack = NULL;
    char error[256] = "";
    int r = stack_create_over(&config, side->device, &clock, &secret, &stack, error, sizeof error);
    if (r < 0)
        print_error("stack_create_over: %s\n", error);
    assert_int_equal(r, 0);
    if (setup->setting)
        assert_int_equal(tunny_set(stack, setup->setting, setup->value), 0);
    return stack;
}

/* A link that is narrower than it says: what is too large vanishes without a word. */
static uint32_t swallowed_above;
static int (*plain_transmit)(struct device *device, const struct packet *packet,
                             struct instant now);

static int swallowing_transmit(struct device *device, const struct packet *packet,
                               struct instant now)
{
    if (packet_length(packet) <= swallowed_above)
        return plain_transmit(device, packet, now);
    device->transmitted++;
    return 0;
}

static void make_narrow(struct device *ends[2], uint32_t largest)
{
    static struct device_ops narrow;
    narrow = *ends[0]->ops;
    plain_transmit = narrow.transmit;
    narrow.transmit = swallowing_transmit;
    swallowed_above = largest;
    ends[0]->ops = ends[1]->ops = &narrow;
}

/* A device that reads to where it is told, as a TUN does: before and behind the packet it leaves
 * whatever it likes, as far as it may. */
uint64_t world_landed;
static int (*plain_receive)(struct device *device, struct packet *packet, struct instant now);

static int receive_to_landing(struct device *device, struct packet *packet, struct instant now)
{
    int r = plain_receive(device, packet, now);
    uint8_t *to = device->landing;
    if (r < 0 || !to)
        return r;
    memset(to - DEVICE_LINK_ROOM, 0xee, DEVICE_LINK_ROOM);
    memset(to, 0xdd, PACKET_LARGEST + 1);
    packet->parts[0] = (struct bytes){to, packet_flatten(packet, to, PACKET_LARGEST)};
    packet->count = 1;
    world_landed++;
    return 0;
}

static void make_landing(struct device *ends[2])
{
    static struct device_ops landing;
    landing = *ends[0]->ops;
    plain_receive = landing.receive;
    landing.receive = receive_to_landing;
    ends[0]->ops = ends[1]->ops = &landing;
    ends[0]->lands = ends[1]->lands = true;
    world_landed = 0;
}

void world_open(struct stack_world *world, const struct world_setup *setup)
{
    struct pair_config pair = {
        .mtu = setup->mtu ? setup->mtu : 1500,
        .largest = setup->largest,
        .queue = setup->queue ? setup->queue : 1024,
    };
    struct device *ends[2];
    *world = (struct stack_world){.now = {INT64_C(1000000000)}};
    assert_int_equal(pair_open(&pair, ends), 0);
    if (setup->swallows)
        make_narrow(ends, setup->swallows);
    if (setup->lands)
        make_landing(ends);
    for (unsigned i = 0; i < 2; i++) {
        struct world_side *side = &world->side[i];
        *side = (struct world_side){.world = world, .index = i, .device = ends[i]};
        side->stack = make(side, setup);
    }
}

void world_close(struct stack_world *world)
{
    for (unsigned i = 0; i < 2; i++)
        tunny_destroy(world->side[i].stack);
}

void world_run(struct stack_world *world, struct duration time)
{
    struct instant end = instant_add(world->now, time);
    while (instant_before(world->now, end)) {
        uint64_t before = world->side[0].device->transmitted + world->side[1].device->transmitted;
        run_side(&world->side[0]);
        run_side(&world->side[1]);
        if (world->side[0].device->transmitted + world->side[1].device->transmitted != before)
            continue;
        struct instant next = instant_min(stack_deadline(world->side[0].stack),
                                          stack_deadline(world->side[1].stack));
        next = instant_min(next, end);
        if (instant_before(world->now, next))
            world->now = next;
    }
}

struct world_name world_name(unsigned index, int family, uint16_t port)
{
    struct world_name made = {.length = sizeof made.name};
    struct endpoint e = {.port = port};
    assert_true(address_parse(family == AF_INET ? (index ? "10.0.0.2" : "10.0.0.1")
                                                : (index ? "fd00::2" : "fd00::1"),
                              &e.address));
    sock_name_write(&e, family, (struct sockaddr *)&made.name, &made.length);
    return made;
}

int world_listen(struct stack_world *world, unsigned index, int family, uint16_t port)
{
    struct tunny *stack = world->side[index].stack;
    struct world_name name = world_name(index, family, port);
    int listener = tunny_socket(stack, family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(listener >= 0);
    assert_int_equal(tunny_bind(stack, listener, (struct sockaddr *)&name.name, name.length), 0);
    assert_int_equal(tunny_listen(stack, listener, 16), 0);
    return listener;
}

void world_connect(struct stack_world *world, int family, int ends[2])
{
    struct tunny *client = world->side[0].stack, *server = world->side[1].stack;
    struct world_name name = world_name(1, family, 80);
    int listener = world_listen(world, 1, family, 80);
    ends[0] = tunny_socket(client, family, SOCK_STREAM, 0);
    assert_true(ends[0] >= 0);
    assert_int_equal(tunny_connect(client, ends[0], (struct sockaddr *)&name.name, name.length), 0);
    assert_int_equal(tunny_fcntl(server, listener, F_SETFL, 0), 0);
    ends[1] = tunny_accept(server, listener, NULL, NULL, 0);
    assert_true(ends[1] >= 0);
    assert_int_equal(tunny_close(server, listener), 0);
}
