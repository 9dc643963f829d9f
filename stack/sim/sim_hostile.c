/* Nonsense and those who listen to it, see the header. Must not be able to harm anybody's text: it
 * has addresses of its own. */
#include "sim/sim_hostile.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/sim_packet.h"
#include "sim/sim_watch.h"
#include "socket.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/tcp_header.h"

enum { FIRST_NUMBER = 251, LAST_NUMBER = 254, TEXT_MOST = 1400, TTL = 64, REPLY_BYTES = 3000 };

static uint64_t below(struct sim_hostile *h, uint64_t bound)
{
    return random_below(&h->random, bound);
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A number that is right, or a little wrong, or very. */
static uint32_t near(struct sim_hostile *h, uint32_t right)
{
    static const uint32_t steps[] = {0,    0,    0,     0,     1,        2,        500,
                                     1448, 3000, 20000, 65535, 1u << 20, 1u << 30, 1u << 31};
    uint32_t step = steps[below(h, sizeof steps / sizeof *steps)];

    if (below(h, 12) == 0)
        return random_u32(&h->random);
    return below(h, 2) ? right + step : right - step;
}

static void invent_options(struct sim_hostile *h, struct tcp_options *options)
{
    options->has_mss = below(h, 2);
    options->mss = (uint16_t)(below(h, 4) ? 1460 : random_u32(&h->random));
    options->has_window_scale = below(h, 2);
    options->window_scale = (uint8_t)below(h, 16);
    options->has_sack_permitted = below(h, 2);
    options->has_timestamps = below(h, 3) == 0;
    options->ts_val = random_u32(&h->random);
    options->ts_ecr = random_u32(&h->random);
}

static void invent_sack(struct sim_hostile *h, const struct sim_talk *talk,
                        struct tcp_options *options)
{
    options->sack_count = (uint8_t)below(h, 4);
    for (unsigned i = 0; i < options->sack_count; i++) {
        options->sack[i].left.u32 = near(h, talk->ack);
        options->sack[i].right.u32 = near(h, options->sack[i].left.u32 + 1000);
    }
    if (options->has_timestamps && options->sack_count > 3)
        options->sack_count = 3;
}

static void open_talk(struct sim_hostile *h, struct sim_talk *talk, struct tcp_header *header)
{
    talk->open = false;
    talk->seq = random_u32(&h->random);
    header->seq.u32 = talk->seq++;
    header->flags = TCP_SYN;
    header->window = (uint16_t)below(h, 65536);
    invent_options(h, &header->options);
}

/* What an honest peer would say next, so that the connection gets on. */
static size_t continue_talk(struct sim_hostile *h, struct sim_talk *talk, struct tcp_header *header)
{
    size_t text = below(h, 3) ? 0 : below(h, TEXT_MOST);

    header->seq.u32 = talk->seq;
    header->ack.u32 = talk->ack;
    header->flags = TCP_ACK;
    header->window = (uint16_t)(below(h, 6) ? 65535 : below(h, 3000));
    talk->seq += (uint32_t)text;
    return text;
}

static size_t speak_nonsense(struct sim_hostile *h, struct sim_talk *talk,
                             struct tcp_header *header)
{
    header->seq.u32 = near(h, talk->seq);
    header->ack.u32 = near(h, talk->ack);
    header->flags = below(h, 3) ? TCP_ACK : 0;
    header->flags |= (uint16_t)(below(h, 3) ? 0 : below(h, 256));
    header->window = (uint16_t)(below(h, 2) ? 0 : below(h, 65536));
    header->urgent = (uint16_t)(below(h, 4) ? 0 : below(h, 65536));
    invent_options(h, &header->options);
    invent_sack(h, talk, &header->options);
    return below(h, 2) ? 0 : below(h, TEXT_MOST);
}

static size_t build_segment(struct sim_hostile *h, unsigned number, uint8_t *out)
{
    struct sim_talk *talk = &h->talks[number];
    struct tcp_header header = {.source_port = (uint16_t)(SIM_HOSTILE_FIRST_PORT + number),
                                .destination_port = SIM_HOSTILE_PORT};
    uint8_t *tcp = out + IPV4_HEADER_LENGTH;
    size_t text = 0;

    if (!talk->open && below(h, 2))
        open_talk(h, talk, &header);
    else if (below(h, 5) < 2)
        text = continue_talk(h, talk, &header);
    else
        text = speak_nonsense(h, talk, &header);
    size_t head = tcp_header_build(&header, tcp);
    for (size_t i = 0; i < text; i++)
        tcp[head + i] = (uint8_t)i;
    /* Options that lie about themselves. */
    for (unsigned i = (unsigned)below(h, 4); head > TCP_HEADER_LENGTH && i == 0; i++)
        tcp[TCP_HEADER_LENGTH + below(h, head - TCP_HEADER_LENGTH)] = (uint8_t)below(h, 256);
    sim_put_tcp_checksum(tcp, head + text, &h->address, &h->target->node->address4);
    if (below(h, 20) == 0)
        tcp[below(h, head + text)] ^= 1;
    return sim_put_ip(out, &h->address, &h->target->node->address4, PROTOCOL_TCP, head + text);
}

/* An ICMP error about a segment that the target may have sent. */
static size_t build_error(struct sim_hostile *h, unsigned number, uint8_t *out)
{
    uint8_t quoted[IPV4_HEADER_LENGTH + 8] = {0};
    struct ipv4_header head = {.header_length = IPV4_HEADER_LENGTH,
                               .total_length = 1500,
                               .flags_offset = IPV4_DONT_FRAGMENT,
                               .ttl = TTL,
                               .protocol = PROTOCOL_TCP,
                               .source = h->target->node->address4,
                               .destination = h->address};
    struct icmp_message message = {
        .type = below(h, 2) ? ICMP_UNREACHABLE : (uint8_t)below(h, 256),
        .code = (uint8_t)below(h, 16),
        .rest = (uint32_t)below(h, 3000),
        .body = {quoted, sizeof quoted},
    };

    ipv4_build(&head, quoted);
    put_be16(quoted + IPV4_HEADER_LENGTH, SIM_HOSTILE_PORT);
    put_be16(quoted + IPV4_HEADER_LENGTH + 2, (uint16_t)(SIM_HOSTILE_FIRST_PORT + number));
    put_be32(quoted + IPV4_HEADER_LENGTH + 4, near(h, h->talks[number].ack));
    size_t length = icmp_build(&message, &h->address, &h->target->node->address4,
                               out + IPV4_HEADER_LENGTH, TEXT_MOST);
    return sim_put_ip(out, &h->address, &h->target->node->address4, PROTOCOL_ICMP, length);
}

static size_t build_noise(struct sim_hostile *h, uint8_t *out)
{
    size_t length = 1 + below(h, 100);

    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)random_u32(&h->random);
    return length;
}

/* --- acting ----------------------------------------------------------------------------------- */

void sim_hostile_open(struct sim_hostile *h, struct sim_world *world, unsigned index)
{
    h->actor.kind = SIM_HOSTILE;
    h->world = world;
    h->is = &world->scenario.hostiles[index];
    h->address = address_from_ipv4_u32(0x0a000000u + FIRST_NUMBER +
                                       index % (LAST_NUMBER - FIRST_NUMBER + 1));
    h->target = world->nodes[h->is->target].host;
    h->target->wants_sink = true;
    random_seed(&h->random, world->seed + 77777 + index);
    world->busy_others++;
    sim_schedule(world, &h->actor, instant_add(INSTANT_ZERO, h->is->start));
}

void sim_hostile_run(struct sim_hostile *h)
{
    uint8_t *out = h->world->wire;
    unsigned number = (unsigned)below(h, SIM_HOSTILE_TALKS);
    unsigned kind = (unsigned)below(h, 20);
    size_t length;

    if (h->sent++ == h->is->packets) {
        h->world->busy_others--;
        return;
    }
    if (kind == 0)
        length = build_noise(h, out);
    else if (kind == 1)
        length = build_error(h, number, out);
    else
        length = build_segment(h, number, out);
    sim_host_arrives(h->target, (struct bytes){out, length}, false);
    sim_schedule(h->world, &h->actor,
                 instant_add(h->world->now,
                             duration_ns((int64_t)below(h, (uint64_t)h->is->gap.ns * 2 + 1))));
}

void sim_hostile_hears(struct sim_world *world, struct bytes packet)
{
    enum { DESTINATION_AT = 16, LEAST = IPV4_HEADER_LENGTH + TCP_HEADER_LENGTH };
    struct tcp_header header;

    if (packet.len < LEAST || packet.data[0] != 0x45 || packet.data[9] != PROTOCOL_TCP ||
        tcp_header_parse(bytes_part(packet, IPV4_HEADER_LENGTH, packet.len), &header) !=
            TCP_HEADER_OK)
        return;
    struct address to = address_from_ipv4(packet.data + DESTINATION_AT);
    for (unsigned i = 0; i < world->scenario.hostile_count; i++) {
        struct sim_hostile *h = &world->hostiles[i];
        unsigned number = (unsigned)header.destination_port - SIM_HOSTILE_FIRST_PORT;
        if (!address_equal(&to, &h->address) || number >= SIM_HOSTILE_TALKS)
            continue;
        struct sim_talk *talk = &h->talks[number];
        talk->open = !(header.flags & TCP_RST);
        talk->ack = header.seq.u32 + (uint32_t)(packet.len - IPV4_HEADER_LENGTH - header.length) +
                    (header.flags & TCP_SYN ? 1 : 0) + (header.flags & TCP_FIN ? 1 : 0);
        talk->seq = header.flags & TCP_ACK ? header.ack.u32 : talk->seq;
    }
}

/* --- who listens ------------------------------------------------------------------------------ */

void sim_sink_open(struct sim_host *host)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(SIM_HOSTILE_PORT)};

    host->sink_listener = -1;
    if (!host->wants_sink)
        return;
    int r = tunny_socket(host->stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r < 0)
        return;
    host->sink_listener = r;
    if (tunny_bind(host->stack, r, (struct sockaddr *)&name, sizeof name) < 0 ||
        tunny_listen(host->stack, r, 16) < 0) {
        tunny_close(host->stack, r);
        host->sink_listener = -1;
    }
}

static void remember_sink(struct sim_host *host, int number)
{
    if (host->sink_count == host->sink_capacity) {
        unsigned capacity = host->sink_capacity * 2 + 8;
        int *grown = realloc(host->sinks, capacity * sizeof *grown);
        if (grown == NULL) {
            tunny_close(host->stack, number);
            return;
        }
        host->sinks = grown;
        host->sink_capacity = capacity;
    }
    host->sinks[host->sink_count++] = number;
}

static void accept_sinks(struct sim_host *host)
{
    struct sim_world *world = host->node->world;

    for (;;) {
        int r = tunny_accept(host->stack, host->sink_listener, NULL, NULL, SOCK_NONBLOCK);
        if (r < 0)
            return;
        /* Something in flight to be hostile about. */
        tunny_send(host->stack, r, world->pattern, REPLY_BYTES, 0);
        sim_watch_user_called(host);
        remember_sink(host, r);
    }
}

static void forget_sink(struct sim_host *host, int number)
{
    for (unsigned i = 0; i < host->sink_count; i++) {
        if (host->sinks[i] != number)
            continue;
        tunny_close(host->stack, number);
        sim_watch_user_called(host);
        host->sinks[i] = host->sinks[--host->sink_count];
        return;
    }
}

void sim_sink_run(struct sim_host *host, int number)
{
    struct sim_world *world = host->node->world;
    ssize_t r;

    if (host->sink_listener >= 0 && number == host->sink_listener) {
        accept_sinks(host);
        return;
    }
    do {
        r = tunny_recv(host->stack, number, world->text, sizeof world->text, 0);
        sim_watch_user_called(host);
    } while (r > 0);
    if (r != -EAGAIN)
        forget_sink(host, number);
}

void sim_sink_close(struct sim_host *host)
{
    if (host->stack == NULL)
        return;
    if (host->sink_listener >= 0)
        tunny_close(host->stack, host->sink_listener);
    host->sink_listener = -1;
    while (host->sink_count > 0)
        tunny_close(host->stack, host->sinks[--host->sink_count]);
    sim_host_rearm(host);
}
