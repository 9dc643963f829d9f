/* The connections of a host: one table by flow under a keyed hash, segments in, segments out, and
 * the timers of all of them. This is the door where sequence numbers are unwrapped, and the one
 * place on the input path that takes memory (make_room()), before a segment is judged. Called by
 * sock/ and stack.c. */
#include "tcp/tcp_demux.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* --- beginning and end ------------------------------------------------------------------- */

enum { FIRST_BUCKETS = 1024, PORT_TABLE_BYTES = 65536 * sizeof(uint16_t) };

size_t tcp_size(void)
{
    return sizeof(struct tcp);
}

int tcp_init(struct tcp *tcp, const struct tcp_config *config)
{
    memset(tcp, 0, sizeof *tcp);
    tcp->host.trace = config->trace;
    tcp->host.memory = config->memory;
    tunables_defaults(&tcp->host.tunables);
    list_init(&tcp->host.ready);
    list_init(&tcp->host.changed);
    list_init(&tcp->changed_listeners);
    fast_open_cache_init(&tcp->host.fast_open);
    for (unsigned i = 0; i < PORT_BUCKETS; i++) {
        list_init(&tcp->listeners[i]);
        list_init(&tcp->claims[i]);
    }
    tcp->secret = config->secret;
    tcp->mtu = config->mtu;
    tcp->largest4 = config->largest4;
    tcp->largest6 = config->largest6;
    tcp->ttl = config->ttl ? config->ttl : 64;
    pool_init(&tcp->host.sent_pool, config->memory, sizeof(struct sent_record));
    pool_init(&tcp->host.range_pool, config->memory, sizeof(struct range));
    pool_init(&tcp->tcb_pool, config->memory, sizeof(struct tcb));
    pool_init(&tcp->connection_pool, config->memory, sizeof(struct tcp_connection));
    pool_init(&tcp->listener_pool, config->memory, sizeof(struct tcp_listener));
    pool_init(&tcp->reset_pool, config->memory, sizeof(struct tcp_fast_open_reset));
    pool_init(&tcp->claim_pool, config->memory, sizeof(struct tcp_port_claim));
    timer_heap_init(&tcp->timers, config->memory);
    tcp_sleep_init(tcp);
    tcp->bucket_count = FIRST_BUCKETS;
    tcp->buckets = memory_take(config->memory, FIRST_BUCKETS * sizeof *tcp->buckets);
    tcp->port_counters = memory_take(config->memory, PORT_TABLE_BYTES);
    if (!tcp->buckets || !tcp->port_counters) {
        memory_give(config->memory, tcp->buckets, FIRST_BUCKETS * sizeof *tcp->buckets);
        memory_give(config->memory, tcp->port_counters, PORT_TABLE_BYTES);
        return -ENOMEM;
    }
    memset(tcp->buckets, 0, FIRST_BUCKETS * sizeof *tcp->buckets);
    memset(tcp->port_counters, 0, PORT_TABLE_BYTES);
    return 0;
}

static void forget_ports(struct tcp *tcp)
{
    struct list *n;

    for (unsigned i = 0; i < PORT_BUCKETS; i++) {
        while ((n = list_first(&tcp->listeners[i]))) {
            list_remove(n);
            tcp_fast_open_forget_resets(LIST_ENTRY(n, struct tcp_listener, in_bucket));
            pool_give(&tcp->listener_pool, LIST_ENTRY(n, struct tcp_listener, in_bucket));
        }
        while ((n = list_first(&tcp->claims[i]))) {
            list_remove(n);
            pool_give(&tcp->claim_pool, LIST_ENTRY(n, struct tcp_port_claim, in_bucket));
        }
    }
}

void tcp_destroy(struct tcp *tcp)
{
    struct tcp_connection *c;

    while ((c = tcp_each_connection(tcp, NULL))) {
        if (c->asleep)
            tcp_forget_asleep(tcp, c);
        else
            tcp_free_connection(tcp, c->tcb);
    }
    tcp_sleep_destroy(tcp);
    forget_ports(tcp);
    timer_heap_destroy(&tcp->timers);
    pool_destroy(&tcp->host.sent_pool);
    pool_destroy(&tcp->host.range_pool);
    pool_destroy(&tcp->tcb_pool);
    pool_destroy(&tcp->connection_pool);
    pool_destroy(&tcp->listener_pool);
    pool_destroy(&tcp->claim_pool);
    pool_destroy(&tcp->reset_pool);
    memory_give(tcp->host.memory, tcp->port_counters, PORT_TABLE_BYTES);
    memory_give(tcp->host.memory, tcp->buckets, tcp->bucket_count * sizeof *tcp->buckets);
}

struct tcp_tunables *tcp_tunables(struct tcp *tcp)
{
    return &tcp->host.tunables;
}

void tcp_default_settings(const struct tcp *tcp, struct tcp_settings *settings)
{
    const struct tcp_tunables *t = &tcp->host.tunables;

    *settings = (struct tcp_settings){
        .cc = cc_find(cc_name(0)),
        .send_buffer = (uint32_t)t->tcp_wmem_default,
        .receive_buffer = (uint32_t)t->tcp_rmem_default,
        .oob_inline = true,
        .keep_idle_s = (uint32_t)t->tcp_keepalive_time,
        .keep_interval_s = (uint32_t)t->tcp_keepalive_intvl,
        .keep_probes = (uint32_t)t->tcp_keepalive_probes,
        .fin_wait_2_s = (uint32_t)t->tcp_fin_timeout,
        .not_sent_low_water = (uint32_t)t->tcp_notsent_lowat,
        .receive_low_water = 1,
        .ttl = tcp->ttl,
    };
}

/* --- OPEN (3.10.1) ----------------------------------------------------------------------- */

/* A connection of ours that waits in TIME-WAIT may be followed by a new one: timestamps keep old
 * segments out, and our ISN clock is ahead of the old one's numbers. */
static bool may_follow(const struct tcp *tcp, const struct tcb *old, struct instant now)
{
    return old->state == TCP_TIME_WAIT && tcp->host.tunables.tcp_tw_reuse && old->paws.enabled &&
           instant_since(now, old->paws.recent_at).ns > duration_s(1).ns && old->user_gone;
}

int tcp_open_active(struct tcp *tcp, const struct flow *flow, const struct tcp_settings *settings,
                    uint32_t path_mtu, void *user, struct tcb **tcb, struct instant now)
{
    const struct address *remote = &flow->remote.address;
    struct tcb *old, *made;

    /* MUST-46. */
    if (address_is_unspecified(remote) || address_is_multicast(remote) ||
        address_is_broadcast(remote))
        return -ENETUNREACH;
    if (!tcp_find_awake(tcp, flow, &old))
        return -ENOBUFS;
    if (old && !may_follow(tcp, old, now))
        return -EADDRNOTAVAIL;
    if (old) {
        tcp->used_before = old->snd.nxt;
        tcp_free_connection(tcp, old);
    }
    made = tcp_new_connection(tcp, flow, settings, path_mtu, now);
    if (!made)
        return -ENOBUFS;
    made->user = user;
    tcp_set_subject(tcp, made);
    TRACE(tcp->host.trace, active_open, .iss = made->snd.iss);
    tcp_set_state(made, TCP_SYN_SENT, "active open");
    tcp_fast_open_begin(made, now);
    if (!made->fast_open.waits)
        tcp_owe_syn(made, now);
    tcp_touch(made);
    *tcb = made;
    return 0;
}

/* --- segments in ------------------------------------------------------------------------- */

static void count_wire_segments(struct segment *seg, uint16_t gso_size)
{
    if (seg->text.len > gso_size)
        seg->wire_segments = (uint16_t)((seg->text.len + gso_size - 1) / gso_size);
}

void tcp_unwrap(const struct tcb *tcb, const struct tcp_header *header, struct bytes text,
                uint16_t gso_size, uint8_t tos, struct segment *seg)
{
    bool peer_known = tcb->rcv.irs != 0;
    bool syn = header->flags & TCP_SYN;

    *seg = (struct segment){
        .seq = peer_known ? seq_unwrap(header->seq, tcb->rcv.nxt)
                          : SEQ_FIRST_EPOCH + header->seq.u32,
        .ack = seq_unwrap(header->ack, tcb->snd.una),
        .len = (uint32_t)text.len + (syn ? 1 : 0) + (header->flags & TCP_FIN ? 1 : 0),
        .wnd = syn ? header->window : (uint32_t)header->window << tcb->snd.wscale,
        .flags = header->flags,
        .ecn = tos & 3,
        .wire_segments = 1,
        .text = text,
        .options = &header->options,
    };
    seg->up = seg->seq + header->urgent;
    if (gso_size)
        count_wire_segments(seg, gso_size);
}

/* Text beyond a hole can come again: the last eighth of the budget is not for it, so that nobody
 * keeps others out by holes (CVE-2004-0171). */
static bool storage_is_for(const struct memory *memory, const struct tcb *tcb,
                           const struct segment *seg)
{
    return seg->seq <= tcb->rcv.nxt || memory->budget - memory->used > memory->budget / 8;
}

/* What judging may need is made ready here, before: storage for the text, a node for a hole,
 * records for SACK edges. Without memory the text is refused by name later on; SACK edges are drawn
 * inwards. */
static void make_room(struct tcp *tcp, struct tcb *tcb, const struct segment *seg)
{
    seqno end = seq_min(segment_text_end(seg), tcp_receive_edge(tcb));

    if (tcb->state == TCP_SYN_SENT)
        return;
    if (seg->text.len > 0 && end > tcb->received.read && seg->seq < end && !tcb->user_gone &&
        storage_is_for(tcp->host.memory, tcb, seg))
        (void)reassembly_make_room(&tcb->received, tcp->host.memory, end);
    if (seg->text.len > 0 && seg->seq > tcb->rcv.nxt) {
        void *node = pool_take(&tcp->host.range_pool);
        if (node)
            pool_give(&tcp->host.range_pool, node);
    }
    if (seg->options->sack_count > 0)
        (void)sent_reserve(&tcb->sent, 2u * seg->options->sack_count + 2);
}

/* TCP_DEFER_ACCEPT (tcp(7)): the handshake's last ACK alone does not make a connection that the
 * user hears of, for as many timeouts of the SYN-ACK as were asked for: text, or a FIN, does. */
static bool is_deferred(const struct tcb *tcb, const struct segment *seg)
{
    unsigned timeouts = tcb->syn_transmissions - 1u + tcb->syn_waits;

    return tcb->state == TCP_SYN_RECEIVED && tcb->listener && !tcb->reported &&
           timeouts < tcb->settings.deferred_timeouts && seg->len == 0 &&
           (seg->flags & (TCP_ACK | TCP_RST)) == TCP_ACK && seg->seq == tcb->rcv.nxt &&
           seg->ack == tcb->snd.nxt;
}

void tcp_deliver(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (tcb->state == TCP_SYN_RECEIVED && tcb->listener && !tcb->reported &&
        (seg->flags & TCP_ACK) && !(seg->flags & TCP_RST) &&
        tcp_accept_queue_is_full(tcb->listener)) {
        trace_drop(tcp->host.trace, DROP_listen_accept_queue_full);
        return; /* the SYN-ACK goes again, the ACK comes again */
    }
    if (is_deferred(tcb, seg)) {
        tcb->ack_deferred = true;
        trace_drop(tcp->host.trace, DROP_listen_deferred);
        return;
    }
    make_room(tcp, tcb, seg);
    tcp_segment_arrives(tcb, seg, now);
    if (tcb->listener && !tcb->reported && tcp_is_synchronized(tcb->state))
        tcp_report_child(tcb);
}

/* RFC 6191, 2; RFC 9293, 3.6.1 (MAY-2, SHLD-4): may this SYN end TIME-WAIT? By newer timestamps,
 * else by newer numbers. */
static bool syn_ends_time_wait(const struct tcp *tcp, const struct tcb *tcb,
                               const struct segment *seg)
{
    int32_t newer;

    if (tcb->state != TCP_TIME_WAIT || !tcp->host.tunables.tcp_tw_reuse ||
        (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
        return false;
    if (!tcb->paws.enabled || !seg->options->has_timestamps)
        return seg->seq > tcb->rcv.nxt;
    newer = (int32_t)(seg->options->ts_val - tcb->paws.recent);
    return newer > 0 || (newer == 0 && seg->seq > tcb->rcv.nxt);
}

/* Out of the way of a new connection with the same flow; a user who still has it keeps it, CLOSED.
 * Not RFC 9293, 3.6.1 (MAY-2): because TIME-WAIT is not returned to when the SYN turns out to be an
 * old duplicate: newer timestamps or numbers make that improbable, and Linux does the same. */
static void end_time_wait(struct tcp *tcp, struct tcb *tcb, const struct segment *syn)
{
    tcp->used_before = tcb->snd.nxt;
    TRACE(tcp->host.trace, time_wait_reused, .seq = syn->seq);
    if (tcb->user_gone)
        tcp_free_connection(tcp, tcb);
    else
        tcp_fail(tcb, 0, "a new connection began");
}

/* MUST-3. */
static bool checksum_is_right(const struct tcp_arrival *arrival)
{
    struct checksum sum = {0};

    if (arrival->checksum_trusted)
        return true;
    checksum_add_pseudo(&sum, &arrival->source, &arrival->destination, PROTOCOL_TCP,
                        (uint32_t)arrival->payload.len);
    checksum_add(&sum, arrival->payload.data, arrival->payload.len);
    return checksum_finish(&sum) == 0;
}

/* Header and checksum; a verdict for each way in which the bytes are no segment. */
static bool parse_arrival(struct tcp *tcp, const struct tcp_arrival *arrival,
                          struct tcp_header *header)
{
    struct trace *trace = tcp->host.trace;

    switch (tcp_header_parse(arrival->payload, header)) {
    case TCP_HEADER_TOO_SHORT:
        trace_drop(trace, DROP_tcp_too_short);
        return false;
    case TCP_HEADER_BAD_OFFSET:
        trace_drop(trace, DROP_tcp_bad_offset);
        return false;
    case TCP_HEADER_OK:
        break;
    }
    if (!checksum_is_right(arrival)) {
        trace_drop(trace, DROP_tcp_bad_checksum);
        return false;
    }
    if (arrival->to_group) { /* MUST-57 */
        trace_drop(trace, DROP_tcp_to_group);
        return false;
    }
    if (header->source_port == 0 || header->destination_port == 0) {
        trace_drop(trace, DROP_tcp_port_zero);
        return false;
    }
    return true;
}

/* No connection has this flow. */
static void arrives_at_port(struct tcp *tcp, const struct flow *flow,
                            const struct tcp_header *header, const struct tcp_arrival *arrival,
                            struct instant now)
{
    struct trace *trace = tcp->host.trace;
    struct tcp_listener *listener = tcp_find_listener(tcp, flow);
    uint32_t len = (uint32_t)(arrival->payload.len - header->length) +
                   (header->flags & TCP_SYN ? 1 : 0) + (header->flags & TCP_FIN ? 1 : 0);

    if (flow->local.port == flow->remote.port &&
        address_equal(&flow->local.address, &flow->remote.address)) {
        trace_drop(trace, DROP_tcp_land);
        return;
    }
    if (listener) {
        tcp_listen_arrives(listener, flow, header, arrival, now);
        return;
    }
    tcp_closed_arrives(tcp, flow, header, len, "no connection");
    trace_drop(trace, header->flags & TCP_RST ? DROP_tcp_reset_without_connection
                                              : DROP_tcp_no_connection);
}

/* The header that the connection of the segment before expects next: the same flow and an ACK, with
 * or without PSH, that stands at RCV.NXT, without options or with timestamps in their usual place
 * (RFC 7323, appendix A). */
static bool has_expected_header(const struct tcb *tcb, const struct tcp_arrival *arrival,
                                size_t header_length)
{
    enum { OFFSET_AND_FLAGS_AT = 12 };
    const uint8_t *p = arrival->payload.data;
    uint32_t ports = (uint32_t)tcb->flow.remote.port << 16 | tcb->flow.local.port;
    unsigned expected = (unsigned)(header_length / 4) << 12 | TCP_ACK;

    return arrival->payload.len >= header_length && get_be32(p) == ports &&
           get_be32(p + 4) == (uint32_t)tcb->rcv.nxt &&
           (get_be16(p + OFFSET_AND_FLAGS_AT) & ~(unsigned)TCP_PSH) == expected &&
           address_equal(&arrival->source, &tcb->flow.remote.address) &&
           address_equal(&arrival->destination, &tcb->flow.local.address);
}

/* The connection of the segment before, when this is its next one: *seg is then what tcp_unwrap()
 * would make of it. NULL: the general way. */
static struct tcb *expected_segment(struct tcp *tcp, const struct tcp_arrival *arrival,
                                    struct tcp_options *options, struct segment *seg)
{
    enum { ACK_AT = 8, WINDOW_AT = 14, NOP_NOP_TIMESTAMPS = 0x0101080a };
    struct tcb *tcb = tcp->latest;
    const uint8_t *p = arrival->payload.data;
    size_t length = tcb && tcb->paws.enabled ? TCP_HEADER_WITH_TIMESTAMPS : TCP_HEADER_LENGTH;

    if (!tcb || tcb->state != TCP_ESTABLISHED || !tcp->host.tunables.tcp_expected_segment ||
        arrival->to_group || !has_expected_header(tcb, arrival, length))
        return NULL;
    *options = (struct tcp_options){0};
    if (tcb->paws.enabled) {
        if (get_be32(p + TCP_HEADER_LENGTH) != NOP_NOP_TIMESTAMPS)
            return NULL;
        options->has_timestamps = true;
        options->ts_val = get_be32(p + TCP_HEADER_LENGTH + 4);
        options->ts_ecr = get_be32(p + TCP_HEADER_LENGTH + 8);
    }
    if (!checksum_is_right(arrival))
        return NULL;
    *seg = (struct segment){
        .seq = tcb->rcv.nxt,
        .ack = seq_unwrap((struct wire_seq){get_be32(p + ACK_AT)}, tcb->snd.una),
        .len = (uint32_t)(arrival->payload.len - length),
        .wnd = (uint32_t)get_be16(p + WINDOW_AT) << tcb->snd.wscale,
        .up = tcb->rcv.nxt,
        .flags = get_be16(p + 12) & (TCP_ACK | TCP_PSH),
        .ecn = arrival->tos & 3,
        .wire_segments = 1,
        .text = {p + length, arrival->payload.len - length},
        .options = options,
    };
    if (arrival->gso_size)
        count_wire_segments(seg, arrival->gso_size);
    return tcb;
}

/* The flow is known: who is it for? */
static void arrives_with_flow(struct tcp *tcp, const struct flow *flow,
                              const struct tcp_header *header, const struct tcp_arrival *arrival,
                              struct instant now)
{
    struct segment seg;
    struct tcb *tcb;

    if (!tcp_find_awake(tcp, flow, &tcb)) {
        trace_drop(tcp->host.trace, DROP_tcp_no_memory_to_wake);
        return;
    }
    if (tcb) {
        tcp_set_subject(tcp, tcb);
        tcp_unwrap(tcb, header, bytes_part(arrival->payload, header->length, arrival->payload.len),
                   arrival->gso_size, arrival->tos, &seg);
    }
    if (tcb && syn_ends_time_wait(tcp, tcb, &seg)) {
        end_time_wait(tcp, tcb, &seg);
        tcp->host.trace->subject = (struct trace_subject){.flow = flow};
        tcb = NULL;
    }
    if (tcb && tcb->state != TCP_CLOSED)
        tcp_deliver(tcp, tcb, &seg, now);
    else
        arrives_at_port(tcp, flow, header, arrival, now);
    tcp->used_before = 0;
}

static void any_segment_arrives(struct tcp *tcp, const struct tcp_arrival *arrival,
                                struct instant now)
{
    struct tcp_header header;
    struct flow flow = {.local.address = arrival->destination, .remote.address = arrival->source};

    tcp->host.trace->subject = (struct trace_subject){.flow = &flow};
    if (parse_arrival(tcp, arrival, &header)) {
        flow.local.port = header.destination_port;
        flow.remote.port = header.source_port;
        arrives_with_flow(tcp, &flow, &header, arrival, now);
    }
    if (tcp->host.trace->subject.flow == &flow)
        tcp->host.trace->subject = (struct trace_subject){0};
}

void tcp_arrives(struct tcp *tcp, const struct tcp_arrival *arrival, struct instant now)
{
    struct tcp_options options;
    struct segment seg;
    struct tcb *tcb = expected_segment(tcp, arrival, &options, &seg);

    if (tcb) {
        tcp_set_subject(tcp, tcb);
        tcp_deliver(tcp, tcb, &seg, now);
    } else {
        any_segment_arrives(tcp, arrival, now);
    }
}

struct room tcp_landing(const struct tcp *tcp, size_t *headers)
{
    const struct tcb *tcb = tcp->latest;

    if (!tcb || tcb->state != TCP_ESTABLISHED || tcb->user_gone || tcb->user_done_reading)
        return (struct room){NULL, 0};
    *headers = address_is_ipv4(&tcb->flow.remote.address) ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
    *headers += tcb->paws.enabled ? TCP_HEADER_WITH_TIMESTAMPS : TCP_HEADER_LENGTH;
    return reassembly_landing(&tcb->received, TCP_LANDING_MARGIN);
}

/* --- segments out ------------------------------------------------------------------------ */

struct tcp_reply *tcp_new_reply(struct tcp *tcp, const struct flow *flow)
{
    struct tcp_reply *reply;

    if (tcp->reply_count == TCP_REPLIES)
        return NULL;
    reply = &tcp->replies[(tcp->reply_first + tcp->reply_count++) % TCP_REPLIES];
    *reply = (struct tcp_reply){.flow = *flow};
    reply->header.source_port = flow->local.port;
    reply->header.destination_port = flow->remote.port;
    return reply;
}

static void emit_reply(struct tcp *tcp, struct tcp_emission *out)
{
    const struct tcp_reply *reply = &tcp->replies[tcp->reply_first];

    *out = (struct tcp_emission){
        .flow = reply->flow, .header = reply->header, .tos = reply->tos, .ttl = tcp->ttl};
    tcp->reply_first = (tcp->reply_first + 1) % TCP_REPLIES;
    tcp->reply_count--;
}

static bool is_over(const struct tcb *tcb)
{
    bool nobody = tcb->user_gone || (tcb->listener && !tcb->reported);

    return tcb->state == TCP_CLOSED && nobody && !(tcb->owed & OWED_RESET);
}

static void set_alarm(struct tcp *tcp, struct tcb *tcb, struct instant when)
{
    tcb->alarm = when;
    timer_heap_set(&tcp->timers, &tcb->connection->timer, when);
}

/* The control block has nothing to send now: its timer is set, its memory returned if it is over. A
 * timer that moved later stays where it is in the heap and moves when it comes: most are never
 * waited for. */
static void settle(struct tcp *tcp, struct tcb *tcb)
{
    struct instant deadline;

    if (is_over(tcb)) {
        tcp_free_connection(tcp, tcb);
        return;
    }
    if (tcb->state == TCP_TIME_WAIT) {
        send_buffer_release(&tcb->text, tcp->host.memory);
        if (reassembly_unread(&tcb->received) == 0)
            ring_release(&tcb->received.ring, tcp->host.memory);
    }
    deadline = tcp_deadline(tcb);
    if (instant_before(deadline, tcb->alarm))
        set_alarm(tcp, tcb, deadline);
    tcp_note_drowsy(tcb);
}

bool tcp_answers_first(const struct tcp *tcp)
{
    return tcp->host.answers_first;
}

bool tcp_next(struct tcp *tcp, struct tcp_emission *out, struct instant now)
{
    struct list *first;

    tcp->host.answers_first = false;
    if (tcp->reply_count > 0) {
        emit_reply(tcp, out);
        return true;
    }
    while ((first = list_first(&tcp->host.ready))) {
        struct tcb *tcb = LIST_ENTRY(first, struct tcb, in_ready);
        tcp_set_subject(tcp, tcb);
        if (tcp_next_segment(tcb, out, now)) {
            out->flow_label = tcb->flow_label;
            if (tcp_is_at_rest(tcb)) { /* nobody needs to ask it again */
                tcp->burst = 0;
                list_remove(first);
                settle(tcp, tcb);
            } else if (++tcp->burst >= TCP_BURST) { /* others get their turn */
                tcp->burst = 0;
                list_remove(first);
                list_append(&tcp->host.ready, first);
            }
            return true;
        }
        tcp->burst = 0;
        list_remove(first);
        settle(tcp, tcb);
    }
    tcp->host.trace->subject = (struct trace_subject){0};
    return false;
}

bool tcp_may_have_segments(const struct tcp *tcp)
{
    return !list_is_empty(&tcp->host.ready) || tcp->reply_count > 0;
}

/* --- time -------------------------------------------------------------------------------- */

struct instant tcp_host_deadline(const struct tcp *tcp)
{
    const struct timer_entry *first = timer_heap_first(&tcp->timers);

    if (tcp_may_have_segments(tcp))
        return INSTANT_ZERO;
    return first ? first->when : INSTANT_NEVER;
}

void tcp_run_timers(struct tcp *tcp, struct instant now)
{
    struct timer_entry *first;

    while ((first = timer_heap_first(&tcp->timers)) && instant_reached(first->when, now)) {
        struct tcb *tcb = tcp_awake(tcp, LIST_ENTRY(first, struct tcp_connection, timer));
        if (!tcb) { /* no memory to wake it: later */
            timer_heap_set(&tcp->timers, first, instant_add(now, duration_s(1)));
            continue;
        }
        tcp_set_subject(tcp, tcb);
        if (instant_reached(tcp_deadline(tcb), now))
            tcp_timeout(tcb, now);
        set_alarm(tcp, tcb, tcp_deadline(tcb));
    }
}

void *tcp_next_changed(struct tcp *tcp)
{
    struct list *n;

    while ((n = list_first(&tcp->changed_listeners))) {
        list_remove(n);
        return LIST_ENTRY(n, struct tcp_listener, in_changed)->user;
    }
    while ((n = list_first(&tcp->host.changed))) {
        struct tcb *tcb = LIST_ENTRY(n, struct tcb, in_changed);
        list_remove(n);
        if (tcb->user)
            return tcb->user;
    }
    while ((n = list_first(&tcp->changed_asleep))) {
        struct tcp_connection *c = LIST_ENTRY(n, struct tcp_connection, in_changed);
        void *user = tcp_view(tcp, c)->user;
        list_remove(n);
        if (user)
            return user;
    }
    return NULL;
}
