/* SEGMENT ARRIVES in the states CLOSED and LISTEN (RFC 9293, 3.10.7.1 and 3.10.7.2), the passive
 * OPEN, the queues of a listener, and the defence against SYN floods (RFC 4987). Answers that
 * belong to no connection wait as replies. */
#include <errno.h>

#include "base/check.h"
#include "tcp/syn_cookie.h"
#include "tcp/tcp_demux.h"

/* --- CLOSED ------------------------------------------------------------------------------ */

/* 9293-U-2: everything but a reset is answered by a reset. Not RFC 7323, 5.2 (R7323-20): the answer
 * carries no timestamp, because no connection remembers one, and Linux's carries none either. */
void tcp_closed_arrives(struct tcp *tcp, const struct flow *flow, const struct tcp_header *header,
                        uint32_t len, const char *because)
{
    struct tcp_reply *reply;

    if (header->flags & TCP_RST)
        return;
    reply = tcp_new_reply(tcp, flow);
    if (!reply)
        return;
    if (header->flags & TCP_ACK) {
        reply->header.seq = header->ack;
        reply->header.flags = TCP_RST;
    } else {
        reply->header.ack.u32 = header->seq.u32 + len;
        reply->header.flags = TCP_RST | TCP_ACK;
    }
    TRACE(tcp->host.trace, reset_sent, .seq = reply->header.seq.u32, .because = because);
}

/* --- the listener ------------------------------------------------------------------------ */

struct tcp_listener *tcp_find_listener(struct tcp *tcp, const struct flow *flow)
{
    struct list *head = &tcp->listeners[tcp_port_bucket(flow->local.port)];
    struct tcp_listener *best = NULL;
    uint64_t best_rank = 0;

    for (struct list *n = head->next; n != head; n = n->next) {
        struct tcp_listener *l = LIST_ENTRY(n, struct tcp_listener, in_bucket);
        uint64_t rank;
        if (l->claim.local.port != flow->local.port ||
            !tcp_claim_covers(&l->claim, &flow->local.address))
            continue;
        /* A full address before a wildcard; among equals (SO_REUSEPORT) the flow decides, by keyed
         * hash. */
        rank = address_is_unspecified(&l->claim.local.address) ? 0 : UINT64_C(1) << 63;
        rank |= siphash(&(struct siphash_key){tcp->secret.k0, (uintptr_t)l}, flow, sizeof *flow) >>
                    1 |
                1;
        if (rank > best_rank) {
            best_rank = rank;
            best = l;
        }
    }
    return best;
}

int tcp_open_passive(struct tcp *tcp, const struct tcp_claim *claim,
                     const struct tcp_settings *settings, uint32_t backlog, void *user,
                     struct tcp_listener **listener)
{
    struct list *head = &tcp->listeners[tcp_port_bucket(claim->local.port)];
    struct tcp_listener *made;

    for (struct list *n = head->next; n != head; n = n->next) {
        const struct tcp_listener *l = LIST_ENTRY(n, struct tcp_listener, in_bucket);
        bool overlap = tcp_claim_covers(&l->claim, &claim->local.address) ||
                       tcp_claim_covers(claim, &l->claim.local.address);
        bool both = address_equal(&l->claim.local.address, &claim->local.address);
        if (l->claim.local.port == claim->local.port && overlap &&
            !(l->claim.reuse_port && claim->reuse_port) &&
            (both || !(l->claim.reuse_address && claim->reuse_address)))
            return -EADDRINUSE;
    }
    made = pool_take(&tcp->listener_pool);
    if (!made)
        return -ENOBUFS;
    made->tcp = tcp;
    made->claim = *claim;
    made->settings = *settings;
    made->backlog = backlog ? backlog : 1;
    made->user = user;
    list_init(&made->accept_queue);
    list_init(&made->fast_open_resets);
    list_append(head, &made->in_bucket);
    *listener = made;
    return 0;
}

void tcp_set_backlog(struct tcp_listener *listener, uint32_t backlog)
{
    listener->backlog = backlog ? backlog : 1;
}

bool tcp_accept_queue_is_full(const struct tcp_listener *listener)
{
    return listener->waiting > listener->backlog;
}

uint32_t tcp_accept_queue_length(const struct tcp_listener *listener)
{
    return listener->waiting;
}

bool tcp_can_accept(const struct tcp_listener *listener)
{
    return listener->waiting > 0;
}

struct tcp_settings *tcp_listener_settings(struct tcp_listener *listener)
{
    return &listener->settings;
}

struct tcb *tcp_accept(struct tcp_listener *listener, void *user)
{
    struct list *first = list_first(&listener->accept_queue);
    struct tcb *tcb;

    if (!first)
        return NULL;
    tcb = LIST_ENTRY(first, struct tcb, in_accept);
    list_remove(first);
    listener->waiting--;
    tcb->listener = NULL;
    tcb->user = user;
    tcp_note_drowsy(tcb);
    return tcb;
}

void tcp_report_child(struct tcb *tcb)
{
    struct tcp_listener *l = tcb->listener;

    tcb->reported = true;
    l->half_open--;
    l->waiting++;
    list_append(&l->accept_queue, &tcb->in_accept);
    if (!list_contains_node(&l->in_changed))
        list_append(&l->tcp->changed_listeners, &l->in_changed);
}

void tcp_close_listener(struct tcp_listener *listener, struct instant now)
{
    struct tcp *tcp = listener->tcp;
    struct tcp_connection *c, *next;

    /* Who sleeps has been accepted. */
    for (c = tcp_each_connection(tcp, NULL); c; c = next) {
        struct tcb *tcb = c->tcb;
        next = tcp_each_connection(tcp, c);
        if (c->asleep)
            continue;
        if (tcb->fast_open.pending_at == listener)
            tcb->fast_open.pending_at = NULL;
        if (tcb->listener != listener)
            continue;
        list_remove(&tcb->in_accept);
        tcb->listener = NULL;
        tcp_abort(tcb, now);
    }
    tcp_fast_open_forget_resets(listener);
    list_remove(&listener->in_bucket);
    list_remove(&listener->in_changed);
    pool_give(&tcp->listener_pool, listener);
}

/* --- LISTEN ------------------------------------------------------------------------------ */

/* Third check: a SYN makes a child in SYN-RECEIVED; the listener stays as it is. */
static struct tcb *new_child(struct tcp_listener *listener, const struct flow *flow,
                             const struct tcp_header *header, const struct tcp_arrival *arrival,
                             struct instant now)
{
    struct tcp *tcp = listener->tcp;
    struct tcb *tcb = tcp_new_connection(tcp, flow, &listener->settings, arrival->path_mtu, now);
    struct segment syn;

    if (!tcb) {
        trace_drop(tcp->host.trace, DROP_listen_no_memory);
        return NULL;
    }
    tcb->passive = true;
    tcb->listener = listener;
    tcb->totals.segments_in = 1;
    listener->half_open++;
    tcp_set_subject(tcp, tcb);
    tcp_unwrap(tcb, header, (struct bytes){0}, 0, arrival->tos, &syn);
    tcp_take_peer_iss(tcb, &syn);
    tcp_take_syn_options(tcb, &syn, now);
    tcb->snd.wnd = tcb->snd.max_wnd = syn.wnd;
    tcb->snd.wl1 = syn.seq;
    tcp_set_state(tcb, TCP_SYN_RECEIVED, "a SYN arrived");
    return tcb;
}

static void send_cookie(struct tcp_listener *listener, const struct flow *flow,
                        const struct tcp_header *header, const struct tcp_arrival *arrival,
                        struct instant now)
{
    struct tcp *tcp = listener->tcp;
    const struct tcp_tunables *tunables = &tcp->host.tunables;
    const struct tcp_options *offered = &header->options;
    struct tcp_reply *reply = tcp_new_reply(tcp, flow);
    bool ipv4 = address_is_ipv4(&flow->remote.address);
    struct syn_cookie cookie = {
        .mss = offered->has_mss ? offered->mss : (ipv4 ? 536 : 1220),
        .sack = offered->has_sack_permitted && tunables->tcp_sack,
        .window_scaling = offered->has_window_scale && tunables->tcp_window_scaling,
        .window_scale = offered->window_scale > 14 ? 14 : offered->window_scale,
    };
    struct paws clock = {.offset = tcp_timestamp_offset(tcp, flow)};
    uint32_t limit = listener->settings.receive_buffer / 2;

    if (!reply)
        return;
    reply->header.seq.u32 = syn_cookie_make(&tcp->secret, flow, header->seq.u32, &cookie, now);
    reply->header.ack.u32 = header->seq.u32 + 1;
    reply->header.flags = TCP_SYN | TCP_ACK;
    /* RFC 9768, 5.1: the ACK's code will tell that this was agreed on. RFC 3168's bit would be
     * forgotten. */
    if (tcp_ecn_mode_of_syn(tcp_ecn_accepted(tunables->tcp_ecn), header->flags) == ECN_ACCURATE)
        reply->header.flags |= accecn_flags_of(accecn_handshake_code(arrival->tos & 3));
    reply->header.window = limit > UINT16_MAX ? UINT16_MAX : (uint16_t)limit;
    reply->header.options.has_mss = true;
    reply->header.options.mss = (uint16_t)(tcp->mtu - (ipv4 ? 40 : 60));
    if (offered->has_timestamps && tunables->tcp_timestamps) {
        reply->header.options.has_timestamps = true;
        reply->header.options.ts_val = syn_cookie_timestamp(paws_clock(&clock, now), &cookie);
        reply->header.options.ts_ecr = offered->ts_val;
        reply->header.options.has_sack_permitted = cookie.sack;
        reply->header.options.has_window_scale = cookie.window_scaling;
        reply->header.options.window_scale = tcp_window_scale(&listener->settings, tunables);
    }
    TRACE(tcp->host.trace, syn_cookie_sent);
}

static void syn_arrives(struct tcp_listener *listener, const struct flow *flow,
                        const struct tcp_header *header, const struct tcp_arrival *arrival,
                        struct instant now)
{
    const struct tcp_tunables *tunables = &listener->tcp->host.tunables;
    uint32_t most = listener->backlog;
    struct tcb *tcb;

    if (most > (uint32_t)tunables->tcp_max_syn_backlog)
        most = (uint32_t)tunables->tcp_max_syn_backlog;
    if (tcp_accept_queue_is_full(listener)) {
        trace_drop(listener->tcp->host.trace, DROP_listen_accept_queue_full);
        return;
    }
    if (tunables->tcp_syncookies == 2 ||
        (listener->half_open >= most && tunables->tcp_syncookies)) {
        send_cookie(listener, flow, header, arrival, now);
        return;
    }
    if (listener->half_open >= most) {
        trace_drop(listener->tcp->host.trace, DROP_listen_backlog_full);
        return;
    }
    tcb = new_child(listener, flow, header, arrival, now);
    if (!tcb)
        return;
    TRACE(listener->tcp->host.trace, passive_open, .irs = tcb->rcv.irs, .iss = tcb->snd.iss);
    tcp_fast_open_syn_arrives(listener, tcb, &header->options,
                              bytes_part(arrival->payload, header->length, arrival->payload.len),
                              now);
    tcp_owe_syn(tcb, now);
    tcp_touch(tcb);
}

/* The options of the SYN that a cookie stood for, as far as they came back. */
static void restore_syn_options(const struct tcp_header *ack, struct syn_cookie *cookie,
                                enum tcp_ecn_mode accepted, struct tcp_header *syn)
{
    enum { FIRST_ACCURATE = 2, ASKS_ACCURATE = 7 };

    *syn = *ack;
    syn->seq.u32 = ack->seq.u32 - 1;
    syn->flags = TCP_SYN;
    /* RFC 9768, 5.1: 0 and 1 are no codes of an accurate handshake. */
    if (accepted == ECN_ACCURATE && accecn_ace_of(ack->flags) >= FIRST_ACCURATE)
        syn->flags |= accecn_flags_of(ASKS_ACCURATE);
    syn->options = (struct tcp_options){.has_mss = true, .mss = (uint16_t)cookie->mss};
    if (!ack->options.has_timestamps)
        return;
    syn_cookie_from_timestamp(ack->options.ts_ecr, cookie);
    syn->options.has_timestamps = true;
    syn->options.ts_val = ack->options.ts_val;
    syn->options.has_sack_permitted = cookie->sack;
    syn->options.has_window_scale = cookie->window_scaling;
    syn->options.window_scale = cookie->window_scale;
}

/* An ACK at a listener that may be a cookie's (R4987-02): makes the connection that the SYN did
 * not. */
static bool cookie_arrives(struct tcp_listener *listener, const struct flow *flow,
                           const struct tcp_header *header, const struct tcp_arrival *arrival,
                           struct bytes text, struct instant now)
{
    struct tcp *tcp = listener->tcp;
    struct syn_cookie cookie = {0};
    struct tcp_header syn;
    struct segment seg;
    struct tcb *tcb;

    if (!tcp->host.tunables.tcp_syncookies || (header->flags & TCP_SYN) ||
        !syn_cookie_check(&tcp->secret, flow, header->seq.u32 - 1, header->ack.u32 - 1, &cookie,
                          now))
        return false;
    if (tcp_accept_queue_is_full(listener)) {
        trace_drop(tcp->host.trace, DROP_listen_accept_queue_full);
        return true;
    }
    restore_syn_options(header, &cookie, tcp_ecn_accepted(tcp->host.tunables.tcp_ecn), &syn);
    tcb = new_child(listener, flow, &syn, arrival, now);
    if (!tcb)
        return true;
    TRACE(tcp->host.trace, syn_cookie_accepted);
    tcp_restart_from_cookie(tcb, SEQ_FIRST_EPOCH + (uint32_t)(header->ack.u32 - 1), now);
    tcp_unwrap(tcb, header, text, arrival->gso_size, arrival->tos, &seg);
    tcp_deliver(tcp, tcb, &seg, now);
    return true;
}

void tcp_listen_arrives(struct tcp_listener *listener, const struct flow *flow,
                        const struct tcp_header *header, const struct tcp_arrival *arrival,
                        struct instant now)
{
    struct trace *trace = listener->tcp->host.trace;
    struct bytes text = bytes_part(arrival->payload, header->length, arrival->payload.len);
    uint32_t len = (uint32_t)text.len + (header->flags & TCP_FIN ? 1 : 0);

    if (header->flags & TCP_RST) {
        trace_drop(trace, DROP_listen_reset);
    } else if (header->flags & TCP_ACK) {
        if (cookie_arrives(listener, flow, header, arrival, text, now))
            return;
        tcp_closed_arrives(listener->tcp, flow, header, len, "an ACK at a listener");
        trace_drop(trace, DROP_listen_bad_ack);
    } else if ((header->flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN)) {
        trace_drop(trace, DROP_tcp_bad_flags); /* CVE-2012-6638 */
    } else if (header->flags & TCP_SYN) {
        syn_arrives(listener, flow, header, arrival, now);
    } else {
        trace_drop(trace, DROP_listen_no_syn);
    }
}
