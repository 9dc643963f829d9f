/* See ip_world.h. */
#include "support/ip_world.h"

#include <stdlib.h>

#include "wire/checksum.h"

struct ip_world *world_new_with(size_t fragment_budget, size_t memory)
{
    struct ip_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(memory_init(&world->memory, memory), 0);
    struct ip_config config = {
        .address_count = 4,
        .mtu = WORLD_MTU,
        .secret = {1, 2},
        .seed = 3,
        .fragment_budget = fragment_budget,
    };
    assert_true(prefix_parse(OURS4 "/24", &config.addresses[0]));
    assert_true(prefix_parse(OURS6 "/64", &config.addresses[1]));
    assert_true(prefix_parse(OTHER4 "/24", &config.addresses[2]));
    assert_true(prefix_parse(OTHER6 "/64", &config.addresses[3]));
    world->ip = malloc(ip_size());
    assert_non_null(world->ip);
    assert_int_equal(ip_init(world->ip, &config, &world->memory, &world->trace), 0);
    world->now = instant_add(INSTANT_ZERO, duration_s(1000));
    return world;
}

struct ip_world *world_new(void)
{
    return world_new_with(0, 4 << 20);
}

void world_free(struct ip_world *world)
{
    ip_destroy(world->ip);
    assert_int_equal(world->memory.used, 0);
    memory_destroy(&world->memory);
    free(world->arrived);
    free(world->ip);
    free(world);
}

int world_setup(void **state)
{
    *state = world_new();
    return 0;
}

int world_teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct address address_of(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

void mend4(struct wire_packet *packet)
{
    size_t length = (size_t)(packet->bytes[0] & 15) * 4;
    put_be16(packet->bytes + 10, 0);
    put_be16(packet->bytes + 10, checksum_of(packet->bytes, length));
}

void packet4(struct wire_packet *packet, const struct wire_fields *fields, const void *payload,
             size_t length)
{
    size_t header_length = IPV4_HEADER_LENGTH + fields->options_length;
    struct ipv4_header header = {
        .header_length = IPV4_HEADER_LENGTH,
        .tos = fields->tos,
        .total_length = (uint16_t)(header_length + length),
        .id = fields->id,
        .flags_offset = fields->flags_offset,
        .ttl = fields->ttl ? fields->ttl : 64,
        .protocol = fields->protocol,
        .source = address_of(fields->source ? fields->source : PEER4),
        .destination = address_of(fields->destination ? fields->destination : OURS4),
    };
    ipv4_build(&header, packet->bytes);
    if (fields->options_length)
        memcpy(packet->bytes + IPV4_HEADER_LENGTH, fields->options, fields->options_length);
    packet->bytes[0] = (uint8_t)(0x40 | header_length / 4);
    if (length)
        memcpy(packet->bytes + header_length, payload, length);
    packet->len = header_length + length;
    mend4(packet);
}

void packet6(struct wire_packet *packet, const struct wire_fields *fields, const void *payload,
             size_t length)
{
    struct ipv6_header header = {
        .traffic_class = fields->tos,
        .payload_length = (uint16_t)length,
        .next_header = fields->protocol,
        .hop_limit = fields->ttl ? fields->ttl : 64,
        .source = address_of(fields->source ? fields->source : PEER6),
        .destination = address_of(fields->destination ? fields->destination : OURS6),
    };
    ipv6_build(&header, packet->bytes);
    if (length)
        memcpy(packet->bytes + IPV6_HEADER_LENGTH, payload, length);
    packet->len = IPV6_HEADER_LENGTH + length;
}

void fragment_header6(uint8_t out[8], uint8_t next, size_t offset, bool more, uint32_t id)
{
    out[0] = next;
    out[1] = 0;
    put_be16(out + 2, (uint16_t)(offset | more));
    put_be32(out + 4, id);
}

enum ip_verdict world_input(struct ip_world *world, const void *bytes, size_t length)
{
    free(world->arrived);
    world->arrived = malloc(length ? length : 1);
    assert_non_null(world->arrived);
    if (length)
        memcpy(world->arrived, bytes, length);
    struct packet packet = {.parts = {{world->arrived, length}}, .count = 1};
    return ip_input(world->ip, &packet, world->now, &world->datagram, &world->error);
}

enum ip_verdict world_feed(struct ip_world *world, const struct wire_packet *packet)
{
    return world_input(world, packet->bytes, packet->len);
}

bool world_next(struct ip_world *world, struct wire_packet *packet)
{
    struct packet owed;
    if (!ip_next_packet(world->ip, &owed, world->now))
        return false;
    packet->len = packet_flatten(&owed, packet->bytes, sizeof packet->bytes);
    assert_int_not_equal(packet->len, 0);
    return true;
}

static struct icmp_message read_icmp4(const struct wire_packet *packet, struct address *source,
                                      struct address *destination)
{
    struct ipv4_header header;
    struct icmp_message message;
    bool bad_checksum;
    struct bytes bytes = {packet->bytes, packet->len};
    assert_int_equal(ipv4_parse(bytes, &header), IPV4_OK);
    assert_int_equal(header.total_length, packet->len);
    assert_int_equal(header.protocol, PROTOCOL_ICMP);
    assert_true(header.ttl > 0);
    *source = header.source;
    *destination = header.destination;
    assert_true(icmp_parse(bytes_part(bytes, header.header_length, packet->len), source,
                           destination, &message, &bad_checksum));
    return message;
}

static struct icmp_message read_icmp6(const struct wire_packet *packet, struct address *source,
                                      struct address *destination)
{
    struct ipv6_header header;
    struct icmp_message message;
    bool bad_checksum;
    struct bytes bytes = {packet->bytes, packet->len};
    assert_int_equal(ipv6_parse(bytes, &header), IPV6_OK);
    assert_int_equal(header.payload_length + IPV6_HEADER_LENGTH, packet->len);
    assert_int_equal(header.next_header, PROTOCOL_ICMPV6);
    assert_true(header.hop_limit > 0);
    *source = header.source;
    *destination = header.destination;
    assert_true(icmp_parse(bytes_part(bytes, IPV6_HEADER_LENGTH, packet->len), source, destination,
                           &message, &bad_checksum));
    return message;
}

struct icmp_message world_next_icmp(struct ip_world *world, struct wire_packet *packet,
                                    struct address *source, struct address *destination)
{
    assert_true(world_next(world, packet));
    return packet->bytes[0] >> 4 == 4 ? read_icmp4(packet, source, destination)
                                      : read_icmp6(packet, source, destination);
}

void world_owes_nothing(struct ip_world *world)
{
    struct packet owed;
    assert_false(ip_next_packet(world->ip, &owed, world->now));
}

size_t world_drain(struct ip_world *world)
{
    struct packet owed;
    size_t count = 0;
    while (ip_next_packet(world->ip, &owed, world->now))
        count++;
    return count;
}

void world_assert_dropped(struct ip_world *world, enum drop_reason reason, uint64_t times,
                          const char *file, int line)
{
    for (unsigned i = 0; i < DROP_REASONS; i++) {
        uint64_t expected = i == reason ? times : 0;
        if (world->trace.drops[i] != expected)
            print_error("%s: dropped %u times, not %u\n", trace_drop_name((enum drop_reason)i),
                        (unsigned)world->trace.drops[i], (unsigned)expected);
        _assert_int_equal(world->trace.drops[i], expected, file, line);
    }
    memset(world->trace.drops, 0, sizeof world->trace.drops);
}

void world_assert_nothing_dropped(struct ip_world *world)
{
    world_assert_dropped(world, DROP_ip_too_short, 0, __FILE__, __LINE__);
}
