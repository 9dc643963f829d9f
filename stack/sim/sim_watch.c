/* Watching a world's invariants, see the header. Sees everything and changes nothing. */
#include "sim/sim_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "ip/ip_state.h"
#include "tcp/tcp_demux.h"
#include "udp/udp_state.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum {
    TOUCHED_MOST = 32,
    LATE_MS = 1000,     /* beyond a user timeout */
    TIMER_ACKS = 2,     /* in a turn: a delayed ACK, probe or keep-alive; the call under way */
    SLACK_SEGMENTS = 3, /* RFC 3042's two, and a small one */
};

/* What is known of one connection of a host. */
struct watched {
    uint64_t number; /* the control block's; 0: free */
    seqno sent_end;  /* behind the last text or FIN that left */
    seqno allowed;   /* SND.UNA + SND.WND at its largest, by what arrived */
    seqno edge;      /* RCV.NXT + RCV.WND at its largest, by what left */
    seqno una;       /* SND.UNA, and when it got there */
    struct instant una_since;
    unsigned arrived, acks; /* in this turn: wire segments, pure ACKs */
};

/* The segment that the stack is looking at. */
struct pending {
    bool valid;
    bool may_hold; /* its connection takes text */
    struct flow flow;
    struct tcp_header header;
    uint64_t number; /* of the connection, before; 0: there was none */
    seqno from, to;  /* of its text, trimmed to the window; from == to: none */
    seqno fin;       /* 0: none that must be kept */
    unsigned segments;
    uint64_t drops;
};

struct watched_host {
    struct watched *connections; /* by the control block's number */
    size_t capacity;
    uint64_t touched[TOUCHED_MOST];
    unsigned touched_count;
    struct pending pending;
    unsigned user_calls; /* in this turn */
    size_t fixed;        /* memory besides pools and tables, of a new stack */
    uint64_t probes;
};

struct sim_watch {
    struct watched_host *hosts; /* by node */
};

int sim_watch_open(struct sim_world *world)
{
    world->watch = calloc(1, sizeof *world->watch);
    if (world->watch == NULL)
        return -ENOMEM;
    world->watch->hosts = calloc(world->scenario.node_count + 1, sizeof *world->watch->hosts);
    return world->watch->hosts ? 0 : -ENOMEM;
}

void sim_watch_close(struct sim_world *world)
{
    if (world->watch == NULL)
        return;
    for (unsigned i = 0; world->watch->hosts && i < world->scenario.node_count; i++)
        free(world->watch->hosts[i].connections);
    free(world->watch->hosts);
    free(world->watch);
    world->watch = NULL;
}

static struct watched_host *watched_of(const struct sim_host *host)
{
    const struct sim_watch *watch = host->node->world->watch;

    return watch ? &watch->hosts[host->node->index] : NULL;
}

static struct watched *connection(struct watched_host *w, uint64_t number)
{
    if (number >= w->capacity) {
        size_t capacity = (size_t)number * 2 + 16;
        struct watched *grown = realloc(w->connections, capacity * sizeof *grown);
        if (grown == NULL)
            abort();
        memset(grown + w->capacity, 0, (capacity - w->capacity) * sizeof *grown);
        w->connections = grown;
        w->capacity = capacity;
    }
    w->connections[number].number = number;
    return &w->connections[number];
}

static void touch(struct watched_host *w, uint64_t number)
{
    for (unsigned i = 0; i < w->touched_count; i++) {
        if (w->touched[i] == number)
            return;
    }
    if (w->touched_count < TOUCHED_MOST)
        w->touched[w->touched_count++] = number;
}

static const char *name_of(const struct sim_host *host)
{
    return host->node->is->name;
}

/* --- reading packets -------------------------------------------------------------------------- */

/* A TCP segment without IP options or extension headers: its flow as the host sees it. */
static bool read_segment(struct bytes packet, bool outgoing, struct flow *flow,
                         struct tcp_header *header, size_t *text)
{
    bool ipv4 = packet.len >= 40 && packet.data[0] == 0x45 && packet.data[9] == PROTOCOL_TCP;
    bool ipv6 = packet.len >= 60 && packet.data[0] >> 4 == 6 && packet.data[6] == PROTOCOL_TCP;
    size_t ip = ipv4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;

    if (!ipv4 && !ipv6)
        return false;
    size_t length = ipv4 ? get_be16(packet.data + 2) : get_be16(packet.data + 4) + ip;
    if (length < ip || length > packet.len ||
        tcp_header_parse(bytes_part(packet, ip, length - ip), header) != TCP_HEADER_OK)
        return false;
    struct endpoint from = {.address = ipv4 ? address_from_ipv4(packet.data + 12)
                                            : address_from_ipv6(packet.data + 8),
                            .port = header->source_port};
    struct endpoint to = {.address = ipv4 ? address_from_ipv4(packet.data + 16)
                                          : address_from_ipv6(packet.data + 24),
                          .port = header->destination_port};
    *flow = outgoing ? (struct flow){from, to} : (struct flow){to, from};
    *text = length - ip - header->length;
    return true;
}

/* --- arrivals --------------------------------------------------------------------------------- */

static uint64_t all_drops(const struct sim_host *host)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < DROP_REASONS; i++)
        sum += host->stack->trace.drops[i];
    return sum;
}

static bool takes_text(const struct tcb *tcb)
{
    return !tcb->user_gone && !tcb->user_done_reading &&
           (tcb->state == TCP_ESTABLISHED || tcb->state == TCP_FIN_WAIT_1 ||
            tcb->state == TCP_FIN_WAIT_2);
}

/* What of the segment must be there afterwards, unless it is dropped by name. */
static void note_text(struct pending *p, const struct tcb *tcb, size_t text)
{
    seqno seq = seq_unwrap(p->header.seq, tcb->rcv.nxt), edge = tcp_receive_edge(tcb);
    seqno from, last = 0;

    if (!ranges_last(&tcb->received.held, &from, &last))
        last = 0;
    p->may_hold = takes_text(tcb) && !(p->header.flags & (TCP_SYN | TCP_RST));
    p->from = seq_max(seq, tcb->rcv.nxt);
    p->to = seq_min(seq + text, edge);
    if (p->to < p->from)
        p->to = p->from;
    /* What contradicts an earlier FIN, or text beyond, may be ignored. */
    if (tcb->rcv.fin_known)
        p->to = p->from;
    else if (p->header.flags & TCP_FIN && seq + text >= seq_max(tcb->rcv.nxt, last) &&
             seq + text < edge)
        p->fin = seq + text;
}

void sim_watch_arrival(struct sim_host *host, const struct packet *packet)
{
    struct watched_host *w = watched_of(host);
    struct pending *p;
    size_t text;

    if (w == NULL)
        return;
    p = &w->pending;
    *p = (struct pending){.valid = true, .segments = 1};
    if (!read_segment(packet->parts[0], false, &p->flow, &p->header, &text)) {
        p->valid = false;
        return;
    }
    if (packet->gso_size)
        p->segments = (unsigned)((text + packet->gso_size - 1) / packet->gso_size);
    p->drops = all_drops(host);
    const struct tcb *tcb = tcp_find_view(host->stack->tcp, &p->flow);
    if (tcb) {
        p->number = tcb->number;
        note_text(p, tcb, text);
    }
}

static void check_kept(struct sim_host *host, const struct pending *p, const struct tcb *tcb)
{
    seqno from = seq_max(p->from, tcb->received.next);
    bool text_kept = from >= p->to || ranges_contain(&tcb->received.held, from, p->to);
    bool fin_kept = p->fin == 0 || tcb->rcv.nxt > p->fin ||
                    (tcb->rcv.fin_known && tcb->rcv.fin == p->fin);

    if (!text_kept)
        sim_fail(host->node->world,
                 "kept: host %s #%llu: text at %llu arrived, was not dropped by name, and is gone",
                 name_of(host), (unsigned long long)tcb->number,
                 (unsigned long long)(p->from - tcb->rcv.irs));
    if (!fin_kept)
        sim_fail(host->node->world,
                 "kept: host %s #%llu: a FIN at %llu arrived, was not dropped by name, and is gone",
                 name_of(host), (unsigned long long)tcb->number,
                 (unsigned long long)(p->fin - tcb->rcv.irs));
}

void sim_watch_arrival_done(struct sim_host *host)
{
    struct watched_host *w = watched_of(host);

    if (w == NULL || !w->pending.valid)
        return;
    struct pending *p = &w->pending;
    const struct tcb *tcb = tcp_find_view(host->stack->tcp, &p->flow);
    p->valid = false;
    if (tcb == NULL)
        return;
    struct watched *c = connection(w, tcb->number);
    touch(w, tcb->number);
    c->arrived += p->segments;
    if (p->header.flags & TCP_ACK || p->header.flags & TCP_SYN) {
        unsigned shift = p->header.flags & TCP_SYN ? 0 : tcb->snd.wscale;
        seqno ack = p->header.flags & TCP_ACK ? seq_unwrap(p->header.ack, tcb->snd.una)
                                              : tcb->snd.una;
        c->allowed = seq_max(c->allowed, ack + ((uint64_t)p->header.window << shift));
    }
    if (p->may_hold && p->number == tcb->number && takes_text(tcb) == p->may_hold &&
        all_drops(host) == p->drops)
        check_kept(host, p, tcb);
}

/* --- departures ------------------------------------------------------------------------------- */

static void check_edge(struct sim_host *host, struct watched *c, const struct tcb *tcb,
                       const struct tcp_header *h)
{
    unsigned shift = h->flags & TCP_SYN ? 0 : tcb->window.shift;
    seqno edge = seq_unwrap(h->ack, tcb->rcv.nxt) + ((uint64_t)h->window << shift);

    /* A SYN's window has no scale, so that one that comes again may say a little less. */
    if (edge < c->edge && !(h->flags & TCP_SYN))
        sim_fail(host->node->world,
                 "edge: host %s #%llu: the right edge of the window moved back from %llu to %llu",
                 name_of(host), (unsigned long long)tcb->number,
                 (unsigned long long)(c->edge - tcb->rcv.irs),
                 (unsigned long long)(edge - tcb->rcv.irs));
    c->edge = seq_max(c->edge, edge);
}

/* What is in flight by the sender's own rules: without SACK a duplicate ACK says that a segment has
 * left the network (RFC 6582), and after a timeout two segments may go to see whether it was
 * spurious (RFC 5682, 2.1 step 2b). */
static uint64_t flight_of(const struct tcb *tcb)
{
    uint64_t pipe = tcb->sent.pipe_bytes, credited = tcb->recovery.dups.credited;

    if (tcb->recovery.frto.step == FRTO_SECOND_ACK)
        return 0;
    return pipe > credited ? pipe - credited : 0;
}

/* New text may only leave within what congestion control allows; a probe (RFC 8985, 7.3) may. */
static void check_flight(struct sim_host *host, struct watched_host *w, const struct tcb *tcb)
{
    uint64_t probes = host->stack->trace.events[EVENT_tail_loss_probe];
    uint64_t most = tcb->cc.cwnd + SLACK_SEGMENTS * (uint64_t)tcb->cc.smss;
    bool probe = probes != w->probes;

    w->probes = probes;
    if (!probe && flight_of(tcb) > most)
        sim_fail(host->node->world,
                 "flight: host %s #%llu: %llu bytes in flight with a cwnd of %llu", name_of(host),
                 (unsigned long long)tcb->number, (unsigned long long)flight_of(tcb),
                 (unsigned long long)tcb->cc.cwnd);
}

static void check_text(struct sim_host *host, struct watched *c, const struct tcb *tcb, seqno from,
                       seqno to, size_t text)
{
    struct watched_host *w = watched_of(host);

    if (to > c->allowed)
        sim_fail(host->node->world, "window: host %s #%llu: sent up to %llu, the peer allows %llu",
                 name_of(host), (unsigned long long)tcb->number,
                 (unsigned long long)(to - tcb->snd.iss),
                 (unsigned long long)(c->allowed - tcb->snd.iss));
    /* What the device refused before was decided then. */
    if (text > 0 && from >= c->sent_end && host->stack->output.pending.count == 0)
        check_flight(host, w, tcb);
    w->probes = host->stack->trace.events[EVENT_tail_loss_probe];
    c->sent_end = seq_max(c->sent_end, to);
}

static void count_ack(struct sim_host *host, struct watched *c)
{
    if (++c->acks > c->arrived + watched_of(host)->user_calls + TIMER_ACKS)
        sim_fail(host->node->world, "acks: host %s #%llu: %u ACKs for %u segments in one turn",
                 name_of(host), (unsigned long long)c->number, c->acks, c->arrived);
}

void sim_watch_departure(struct sim_host *host, const struct packet *packet)
{
    struct watched_host *w = watched_of(host);
    struct flow flow;
    struct tcp_header h;
    size_t text;

    if (w == NULL || host->stack == NULL)
        return;
    sim_watch_arrival_done(host);
    if (!read_segment(packet->parts[0], true, &flow, &h, &text) || h.flags & TCP_RST)
        return;
    const struct tcb *tcb = tcp_find_view(host->stack->tcp, &flow);
    if (tcb == NULL || tcb->state == TCP_CLOSED)
        return;
    struct watched *c = connection(w, tcb->number);
    touch(w, tcb->number);
    if (h.flags & TCP_ACK)
        check_edge(host, c, tcb, &h);
    if (h.flags & TCP_SYN) { /* what left with it (RFC 7413) may come again (RFC 9293, 3.8.6) */
        c->allowed = seq_max(c->allowed, seq_unwrap(h.seq, tcb->snd.una) + 1 + text);
        return;
    }
    seqno from = seq_unwrap(h.seq, tcb->snd.una);
    seqno to = from + text + (h.flags & TCP_FIN ? 1 : 0);
    if (to > from)
        check_text(host, c, tcb, from, to, text);
    else
        count_ack(host, c);
}

/* --- patience -------------------------------------------------------------------------------- */

static void note_progress(const struct sim_host *host, const struct tcb *tcb)
{
    struct watched *c = connection(watched_of(host), tcb->number);

    if (c->una == tcb->snd.una)
        return;
    if (c->una != 0)
        c->una_since = host->node->world->now;
    c->una = tcb->snd.una;
}

/* TCP_USER_TIMEOUT (RFC 9293, 3.8.3): nobody is given up before it, and nobody is kept long behind
 * it. */
static void check_patience(struct sim_host *host, const struct tcb *tcb)
{
    struct duration patience = duration_ms(tcb->settings.user_timeout_ms);
    struct instant limit = instant_add(tcb->trouble_since, patience);
    struct instant now = instant_add(host->node->world->now, host->node->is->clock);

    if (patience.ns == 0 || instant_is_never(tcb->trouble_since) || tcb->user_gone)
        return;
    if (instant_reached(instant_add(limit, duration_ms(LATE_MS)), now))
        sim_fail(host->node->world, "patience: host %s #%llu lives on after its user timeout",
                 name_of(host), (unsigned long long)tcb->number);
}

void sim_watch_gave_up(struct sim_host *host, const struct flow *flow)
{
    struct watched_host *w = watched_of(host);
    struct tcb *tcb = w ? tcp_find(host->stack->tcp, flow) : NULL;

    if (tcb == NULL)
        return;
    struct duration patience = duration_ms(tcb->settings.user_timeout_ms);
    struct instant since = connection(w, tcb->number)->una_since;
    if (instant_before(host->node->world->now, instant_add(since, patience)))
        sim_fail(host->node->world, "patience: host %s #%llu was given up %lld ms after an ACK",
                 name_of(host), (unsigned long long)tcb->number,
                 (long long)duration_to_ms(instant_since(host->node->world->now, since)));
}

/* --- turns ------------------------------------------------------------------------------------ */

void sim_watch_user_called(struct sim_host *host)
{
    struct watched_host *w = watched_of(host);

    if (w)
        w->user_calls++;
}

void sim_watch_turn_done(struct sim_host *host)
{
    struct watched_host *w = watched_of(host);
    struct tcp *tcp;

    if (w == NULL || host->stack == NULL)
        return;
    sim_watch_arrival_done(host);
    tcp = host->stack->tcp;
    unsigned checked = 0;
    for (const struct tcb *tcb = tcp_each(tcp, NULL); tcb && checked < TOUCHED_MOST;
         tcb = tcp_each(tcp, tcb), checked++) {
        tcp_check(tcb);
        note_progress(host, tcb);
        check_patience(host, tcb);
    }
    /* While the device is full, what is owed for this turn leaves in a later one. */
    if (host->stack->output.pending.count == 0) {
        for (unsigned i = 0; i < w->touched_count; i++) {
            struct watched *c = connection(w, w->touched[i]);
            c->arrived = c->acks = 0;
        }
        w->touched_count = w->user_calls = 0;
    }
    if (host->stack->memory.used > host->stack->memory.budget)
        sim_fail(host->node->world, "memory: host %s uses more than its budget", name_of(host));
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Slabs stay with their pool. */
static size_t slab_bytes(const struct pool *pool)
{
    enum { SLAB_HEAD = 16, SLAB_OBJECTS = 4 };
    size_t size = memory_block_size(SLAB_HEAD + SLAB_OBJECTS * pool->object_size), sum = 0;

    // cppcheck-suppress pointerSize ; each slab begins with the pointer to the next
    for (void *slab = pool->slabs; slab; memcpy(&slab, slab, sizeof slab))
        sum += size;
    return sum;
}

static size_t table_bytes(size_t count, size_t size)
{
    return count ? memory_block_size(count * size) : 0;
}

/* What is taken besides what grows with use and stays. */
static size_t fixed_bytes(const struct tunny *stack)
{
    const struct tcp *tcp = stack->tcp;
    const struct pool *const pools[] = {
        &tcp->host.sent_pool,
        &tcp->host.range_pool,
        &tcp->tcb_pool,
        &tcp->connection_pool,
        &tcp->listener_pool,
        &tcp->claim_pool,
        &stack->sockets.pool,
        &stack->sockets.zerocopy_pool,
        &stack->sockets.keys_pool,
        &stack->udp->sockets,
        &tcp->reset_pool,
        &stack->ip->fragments.chunks,
        &stack->ip->fragments.datagrams,
    };
    size_t used = stack->memory.used;

    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        used -= slab_bytes(pools[i]);
    for (size_t i = 0; i < PICTURE_POOLS; i++)
        used -= slab_bytes(&tcp->picture_pools[i]);
    used -= table_bytes(tcp->bucket_count, sizeof *tcp->buckets);
    used -= table_bytes(tcp->timers.capacity, sizeof(struct timer_entry *));
    used -= table_bytes(stack->sockets.capacity, sizeof(struct socket *));
    return used;
}

void sim_watch_started(struct sim_host *host)
{
    struct watched_host *w = watched_of(host);

    if (w == NULL)
        return;
    w->fixed = fixed_bytes(host->stack);
    w->probes = 0;
}

void sim_watch_stopped(struct sim_host *host)
{
    struct watched_host *w = watched_of(host);

    if (w == NULL)
        return;
    free(w->connections);
    *w = (struct watched_host){0};
}

void sim_watch_at_rest(struct sim_host *host)
{
    const struct watched_host *w = watched_of(host);
    const struct tunny *stack = host->stack;

    if (w == NULL || stack == NULL)
        return;
    const struct tcp *tcp = stack->tcp;
    size_t live = tcp->host.sent_pool.live + tcp->host.range_pool.live + tcp->tcb_pool.live +
                  tcp->connection_pool.live + tcp->listener_pool.live + tcp->claim_pool.live +
                  stack->sockets.pool.live + stack->sockets.zerocopy_pool.live +
                  tcp->reset_pool.live + stack->ip->fragments.datagrams.live;
    for (size_t i = 0; i < PICTURE_POOLS; i++)
        live += tcp->picture_pools[i].live;
    if (live > 0)
        sim_fail(host->node->world, "memory: host %s keeps %zu objects that belong to nobody",
                 name_of(host), live);
    if (fixed_bytes(stack) != w->fixed)
        sim_fail(host->node->world, "memory: host %s keeps %zu bytes, a new one %zu", name_of(host),
                 fixed_bytes(stack), w->fixed);
}
