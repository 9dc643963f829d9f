/* Two TCPs joined by a hostile link. See tcp_link.h. */
#include "support/tcp_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"

static void tell(struct trace_sink *sink, const struct trace_record *record)
{
    const struct tcp_link *link =
        (const struct tcp_link *)(const void *)((char *)sink - offsetof(struct tcp_link, story));
    char line[300];

    trace_text(record, line, sizeof line);
    fprintf(stderr, "%12.6f #%d %s\n", (double)link->now.ns / 1e9, (int)record->connection, line);
}

static void open_host(struct tcp_link *link, unsigned i, const struct link_config *config)
{
    struct link_host *h = &link->host[i];
    struct tcp_config tcp = {
        .memory = &h->memory,
        .trace = &h->trace,
        .secret = {config->seed * 2 + i, 7},
        .mtu = config->mtu ? config->mtu : 1500,
        .largest4 = config->largest,
        .largest6 = config->largest,
    };

    assert_int_equal(memory_init(&h->memory, config->memory ? config->memory : 64u << 20), 0);
    h->address = address_from_ipv4_u32(0xc6120001 + i);
    h->tcp = malloc(tcp_size());
    assert_int_equal(tcp_init(h->tcp, &tcp), 0);
    if (getenv("STORY"))
        trace_subscribe(&h->trace, &link->story);
}

void link_open(struct tcp_link *link, const struct link_config *config)
{
    memset(link, 0, sizeof *link);
    random_seed(&link->random, config->seed);
    link->faults = config->faults;
    link->check = true;
    /* Timestamps and ISNs begin near their wraps. */
    link->now = instant_add(INSTANT_ZERO, duration_s(1));
    link->story.event = tell;
    open_host(link, 0, config);
    open_host(link, 1, config);
}

void link_close(struct tcp_link *link)
{
    for (unsigned i = 0; i < link->count; i++)
        free(link->packets[i].bytes);
    for (unsigned i = 0; i < 2; i++) {
        tcp_destroy(link->host[i].tcp);
        free(link->host[i].tcp);
        assert_int_equal(link->host[i].memory.used, 0);
        memory_destroy(&link->host[i].memory);
    }
}

static bool one_in_thousand(struct tcp_link *link, unsigned permille)
{
    return permille && random_below(&link->random, 1000) < permille;
}

static void put_on_link(struct tcp_link *link, const struct link_packet *packet)
{
    struct link_packet p = *packet;
    struct duration delay = link->faults.delay;

    if (link->count == LINK_PACKETS || one_in_thousand(link, link->faults.loss)) {
        link->lost++;
        return;
    }
    if (link->faults.jitter.ns > 0)
        delay.ns += (int64_t)random_below(&link->random, (uint64_t)link->faults.jitter.ns);
    if (one_in_thousand(link, link->faults.reorder))
        delay.ns /= 4;
    p.bytes = malloc(p.len);
    memcpy(p.bytes, packet->bytes, p.len);
    if (one_in_thousand(link, link->faults.corrupt))
        p.bytes[random_below(&link->random, p.len)] ^= (uint8_t)(1u
                                                                 << random_below(&link->random, 8));
    p.at = instant_add(link->now, delay);
    p.order = link->order++;
    link->packets[link->count++] = p;
}

static void transmit(struct tcp_link *link, unsigned from, struct tcp_emission *out)
{
    static uint8_t bytes[70000];
    struct link_packet packet = {.to = 1 - from, .bytes = bytes, .gso_size = out->gso_size};
    struct checksum sum = {0};
    size_t header = tcp_header_build(&out->header, bytes);

    packet.len = header;
    for (int i = 0; i < 2; i++) {
        if (out->text[i].len)
            memcpy(bytes + packet.len, out->text[i].data, out->text[i].len);
        packet.len += out->text[i].len;
    }
    checksum_add_pseudo(&sum, &out->flow.local.address, &out->flow.remote.address, PROTOCOL_TCP,
                        (uint32_t)packet.len);
    checksum_add(&sum, bytes, packet.len);
    put_be16(bytes + 16, checksum_finish(&sum));
    link->host[from].sent++;
    if (address_equal(&out->flow.local.address, &out->flow.remote.address))
        packet.to = from;
    put_on_link(link, &packet);
    if (one_in_thousand(link, link->faults.duplicate))
        put_on_link(link, &packet);
}

static void check_all(struct tcp_link *link)
{
    if (!link->check)
        return;
    for (unsigned i = 0; i < 2; i++)
        for (struct tcb *tcb = tcp_each(link->host[i].tcp, NULL); tcb;
             tcb = tcp_each(link->host[i].tcp, tcb))
            tcp_check(tcb);
}

void link_flush(struct tcp_link *link)
{
    struct tcp_emission out;

    for (unsigned i = 0; i < 2; i++) {
        unsigned most = 100000;
        while (tcp_next(link->host[i].tcp, &out, link->now)) {
            transmit(link, i, &out);
            CHECK(--most > 0);
        }
    }
    check_all(link);
}

static void deliver(struct tcp_link *link, unsigned index)
{
    struct link_packet p = link->packets[index];
    struct tcp_arrival arrival = {
        .source = link->host[1 - p.to].address,
        .destination = link->host[p.to].address,
        .gso_size = p.gso_size,
        .payload = {p.bytes, p.len},
    };

    link->packets[index] = link->packets[--link->count];
    link->host[p.to].arrived++;
    tcp_arrives(link->host[p.to].tcp, &arrival, link->now);
    free(p.bytes);
}

static bool earliest(const struct tcp_link *link, unsigned *index)
{
    bool found = false;

    for (unsigned i = 0; i < link->count; i++) {
        const struct link_packet *p = &link->packets[i], *best = &link->packets[*index];
        if (!found || instant_before(p->at, best->at) ||
            (p->at.ns == best->at.ns && p->order < best->order)) {
            *index = i;
            found = true;
        }
    }
    return found;
}

bool link_step(struct tcp_link *link)
{
    struct instant next = INSTANT_NEVER;
    unsigned index = 0;

    link_flush(link);
    if (earliest(link, &index))
        next = link->packets[index].at;
    for (unsigned i = 0; i < 2; i++)
        next = instant_min(next, tcp_host_deadline(link->host[i].tcp));
    if (instant_is_never(next))
        return false;
    link->now = instant_max(link->now, next);
    for (unsigned i = 0; i < 2; i++) {
        link->host[i].trace.now = link->now;
        tcp_run_timers(link->host[i].tcp, link->now);
    }
    index = 0;
    while (earliest(link, &index) && instant_reached(link->packets[index].at, link->now)) {
        deliver(link, index);
        index = 0;
    }
    check_all(link);
    link_flush(link);
    return true;
}

void link_run(struct tcp_link *link, struct duration span)
{
    struct instant until = instant_add(link->now, span);

    link_flush(link);
    while (instant_before(link->now, until)) {
        struct instant next = INSTANT_NEVER;
        unsigned index = 0;
        if (earliest(link, &index))
            next = link->packets[index].at;
        for (unsigned i = 0; i < 2; i++)
            next = instant_min(next, tcp_host_deadline(link->host[i].tcp));
        if (instant_before(until, next)) {
            link->now = until;
            break;
        }
        link_step(link);
    }
}

struct tcp_listener *link_listen(struct tcp_link *link, unsigned host, uint16_t port,
                                 uint32_t backlog)
{
    struct tcp_claim claim = {.local = {link->host[host].address, port}};
    struct tcp_settings settings;
    struct tcp_listener *listener = NULL;

    tcp_default_settings(link->host[host].tcp, &settings);
    assert_int_equal(
        tcp_open_passive(link->host[host].tcp, &claim, &settings, backlog, link, &listener), 0);
    return listener;
}

struct tcb *link_open_active(struct tcp_link *link, unsigned host, uint16_t port)
{
    struct flow flow = {.local.address = link->host[host].address,
                        .remote = {link->host[1 - host].address, port}};
    struct tcp_settings settings;
    struct tcb *tcb = NULL;

    tcp_default_settings(link->host[host].tcp, &settings);
    flow.local.port = tcp_choose_port(link->host[host].tcp, &flow.local.address, &flow.remote,
                                      link->now);
    assert_int_equal(
        tcp_open_active(link->host[host].tcp, &flow, &settings, 0, link, &tcb, link->now), 0);
    return tcb;
}

void link_connect(struct tcp_link *link, struct tcb **client, struct tcb **server)
{
    struct tcp_listener *listener = link_listen(link, 1, 80, 8);
    struct instant limit = instant_add(link->now, duration_s(600));

    *client = link_open_active(link, 0, 80);
    *server = NULL;
    while (!*server || tcp_state_of(*client) != TCP_ESTABLISHED) {
        assert_true(link_step(link));
        assert_true(instant_before(link->now, limit));
        if (!*server)
            *server = tcp_accept(listener, link);
    }
}
