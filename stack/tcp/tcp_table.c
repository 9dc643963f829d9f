/* The table of a host's connections, by flow under a keyed hash; a connection begins and ends here.
 * Its places (struct tcp_connection) stay where they are while control blocks come and go with
 * sleep (tcp_sleep.c). Called by all of tcp_*; it must not know what a segment is. */
#include <string.h>

#include "tcp/tcp_demux.h"

static uint64_t hash_of(const struct tcp *tcp, const struct flow *flow)
{
    struct {
        uint8_t local[16], remote[16];
        uint32_t ports;
    } input;

    memcpy(input.local, flow->local.address.bytes, sizeof input.local);
    memcpy(input.remote, flow->remote.address.bytes, sizeof input.remote);
    input.ports = (uint32_t)flow->local.port << 16 | flow->remote.port;
    return siphash(&tcp->secret, &input, sizeof input);
}

static struct tcp_connection **bucket_of(struct tcp *tcp, uint64_t hash)
{
    return &tcp->buckets[hash & (tcp->bucket_count - 1)];
}

bool tcp_find_awake(struct tcp *tcp, const struct flow *flow, struct tcb **tcb)
{
    uint64_t hash;
    struct tcb *over = NULL;

    *tcb = tcp->latest;
    if (tcp->latest && tcp->latest->state != TCP_CLOSED && flow_equal(&tcp->latest->flow, flow))
        return true;
    hash = hash_of(tcp, flow);
    for (struct tcp_connection *c = *bucket_of(tcp, hash); c; c = c->next) {
        if (c->hash != hash)
            continue;
        *tcb = tcp_awake(tcp, c);
        if (!*tcb)
            return false;
        if (!flow_equal(&(*tcb)->flow, flow))
            continue;
        if ((*tcb)->state != TCP_CLOSED) {
            tcp->latest = *tcb;
            return true;
        }
        over = *tcb;
    }
    *tcb = over;
    return true;
}

struct tcb *tcp_find(struct tcp *tcp, const struct flow *flow)
{
    struct tcb *tcb;

    return tcp_find_awake(tcp, flow, &tcb) ? tcb : NULL;
}

const struct tcb *tcp_find_view(struct tcp *tcp, const struct flow *flow)
{
    uint64_t hash = hash_of(tcp, flow);
    const struct tcb *over = NULL;

    for (struct tcp_connection *c = *bucket_of(tcp, hash); c; c = c->next) {
        const struct tcb *tcb = c->hash == hash ? tcp_view(tcp, c) : NULL;
        if (!tcb || !flow_equal(&tcb->flow, flow))
            continue;
        if (tcb->state != TCP_CLOSED)
            return tcb;
        over = tcb;
    }
    return over;
}

/* Twice as many buckets; without memory for them the chains just grow longer. */
static void grow_table(struct tcp *tcp)
{
    size_t old_count = tcp->bucket_count, new_count = 2 * old_count;
    struct tcp_connection **old = tcp->buckets;
    struct tcp_connection **grown = memory_take(tcp->host.memory, new_count * sizeof *tcp->buckets);

    if (!grown)
        return;
    memset(grown, 0, new_count * sizeof *tcp->buckets);
    tcp->buckets = grown;
    tcp->bucket_count = new_count;
    for (size_t i = 0; i < old_count; i++) {
        struct tcp_connection *next;
        for (struct tcp_connection *c = old[i]; c; c = next) {
            struct tcp_connection **bucket = bucket_of(tcp, c->hash);
            next = c->next;
            c->next = *bucket;
            *bucket = c;
        }
    }
    memory_give(tcp->host.memory, old, old_count * sizeof *tcp->buckets);
}

/* RFC 9293, 3.6.1 (MAY-2): a connection that takes the place of one in TIME-WAIT begins above its
 * numbers. The ISN's clock alone does not promise that: it ticks 250000 times a second. */
static seqno first_number(struct tcp *tcp, const struct flow *flow, struct instant now)
{
    uint32_t iss = (uint32_t)tcp_new_iss(tcp, flow, now);
    uint32_t used = (uint32_t)tcp->used_before;

    if (tcp->used_before != 0 && (int32_t)(iss - used) <= 0)
        iss = used + UINT16_MAX + 2;
    tcp->used_before = 0;
    return SEQ_FIRST_EPOCH + iss;
}

static void add_place(struct tcp *tcp, struct tcp_connection *c, struct tcb *tcb, uint64_t hash)
{
    struct tcp_connection **bucket = bucket_of(tcp, hash);

    c->tcb = tcb;
    c->hash = hash;
    c->timer.when = INSTANT_NEVER;
    c->next = *bucket;
    *bucket = c;
}

struct tcb *tcp_new_connection(struct tcp *tcp, const struct flow *flow,
                               const struct tcp_settings *settings, uint32_t path_mtu,
                               struct instant now)
{
    bool ipv4 = address_is_ipv4(&flow->remote.address);
    struct tcb_config config = {
        .flow = *flow,
        .settings = settings,
        .host = &tcp->host,
        .path_mtu = path_mtu && path_mtu < tcp->mtu ? path_mtu : tcp->mtu,
        .device_mtu = tcp->mtu,
        .largest = ipv4 ? tcp->largest4 : tcp->largest6,
        .iss = first_number(tcp, flow, now),
        .ts_offset = tcp_timestamp_offset(tcp, flow),
    };
    struct tcp_connection *c = NULL;
    struct tcb *tcb = NULL;

    if (timer_heap_reserve(&tcp->timers, (uint32_t)tcp->connections + 1) == 0)
        c = pool_take(&tcp->connection_pool);
    if (c)
        tcb = pool_take(&tcp->tcb_pool);
    if (!tcb) {
        pool_give(&tcp->connection_pool, c);
        return NULL;
    }
    if (++tcp->connections > tcp->bucket_count)
        grow_table(tcp);
    tcp_tcb_init(tcb, &config, now);
    tcb->number = ++tcp->last_number;
    tcb->flow_label = tcp_flow_label(tcp, flow);
    tcb->connection = c;
    add_place(tcp, c, tcb, hash_of(tcp, flow));
    return tcb;
}

void tcp_free_place(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_connection **link = bucket_of(tcp, c->hash);

    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    tcp->connections--;
    timer_heap_set(&tcp->timers, &c->timer, INSTANT_NEVER);
    list_remove(&c->in_changed);
    pool_give(&tcp->connection_pool, c);
}

void tcp_free_connection(struct tcp *tcp, struct tcb *tcb)
{
    if (tcp->latest == tcb)
        tcp->latest = NULL;
    tcp_free_place(tcp, tcb->connection);
    if (tcb->listener) {
        if (tcb->reported)
            tcb->listener->waiting--;
        else
            tcb->listener->half_open--;
    }
    tcp_fast_open_over(tcb);
    tcp_tcb_release(tcb);
    if (tcp->host.trace->subject.connection == tcb->number)
        tcp->host.trace->subject = (struct trace_subject){0};
    pool_give(&tcp->tcb_pool, tcb);
}

struct tcp_connection *tcp_each_connection(const struct tcp *tcp,
                                           const struct tcp_connection *after)
{
    size_t i = 0;

    if (after) {
        if (after->next)
            return after->next;
        i = (after->hash & (tcp->bucket_count - 1)) + 1;
    }
    for (; i < tcp->bucket_count; i++)
        if (tcp->buckets[i])
            return tcp->buckets[i];
    return NULL;
}

struct tcb *tcp_each(struct tcp *tcp, const struct tcb *after)
{
    struct tcp_connection *c = tcp_each_connection(tcp, after ? after->connection : NULL);

    if (!c)
        return NULL;
    return c->asleep ? tcp_picture_of(tcp, c) : c->tcb;
}

void tcp_set_subject(struct tcp *tcp, const struct tcb *tcb)
{
    tcp->host.trace->subject = (struct trace_subject){
        .flow = &tcb->flow,
        .connection = tcb->number,
        .iss = tcb->snd.iss,
        .irs = tcb->rcv.irs,
    };
}
