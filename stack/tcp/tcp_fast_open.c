/* Fast Open (RFC 7413) on a connection, both roles: what our SYN asks for or carries, what the
 * SYN-ACK made of it; and the listener that takes text from a SYN whose cookie is good, and hands
 * the connection over before its handshake is complete. Called by the steps that the RFC amends:
 * OPEN, SEND, SEGMENT ARRIVES in LISTEN, SYN-SENT and SYN-RECEIVED, and the SYN's timeout. */
#include <errno.h>

#include "base/check.h"
#include "tcp/tcp_demux.h"

enum {
    ENABLE_CLIENT = 0x1,
    ENABLE_SERVER = 0x2,
    CLIENT_NEEDS_NO_COOKIE = 0x4,
    SERVER_NEEDS_NO_COOKIE = 0x200,
    EVERY_LISTENER = 0x400,
    RESET_HOLDS_S = 60,
};

static bool is_enabled(const struct tcb *tcb, int64_t bit)
{
    return tcb->host->tunables.tcp_fastopen & bit;
}

/* --- client: the SYN --------------------------------------------------------------------- */

bool tcp_fast_open_client_is_enabled(const struct tcp *tcp)
{
    return tcp->host.tunables.tcp_fastopen & ENABLE_CLIENT;
}

/* RFC 7413, 4.2.1 and 4.2.2, client: with a cookie the SYN may carry text; without one it asks for
 * one. */
void tcp_fast_open_begin(struct tcb *tcb, struct instant now)
{
    struct fast_open_cache *cache = &tcb->host->fast_open;
    const struct fast_open_path *path = fast_open_cache_find(cache, &tcb->flow);

    if (!tcb->settings.fast_open || !is_enabled(tcb, ENABLE_CLIENT))
        return;
    if (path && path->mss) { /* RFC 7413, 4.1.3: the MSS is cached beside the cookie */
        tcb->peer_mss = path->mss;
        tcp_set_mss(tcb);
    }
    if (!fast_open_cache_allows(cache, &tcb->flow, now)) {
        TRACE(tcb->host->trace, fast_open_avoided);
        return;
    }
    if (tcb->settings.fast_open_no_cookie || is_enabled(tcb, CLIENT_NEEDS_NO_COOKIE)) {
        tcb->fast_open.may_carry = true;
    } else if (path && path->cookie.length) {
        tcb->fast_open.cookie = path->cookie;
        tcb->fast_open.option = tcb->fast_open.may_carry = true;
    } else {
        tcb->fast_open.option = true;
        tcb->fast_open.cookie.experiment = path && path->form == FAST_OPEN_EXPERIMENT;
        tcb->fast_open.outcome = FAST_OPEN_NO_COOKIE;
    }
    tcb->fast_open.waits = tcb->settings.fast_open_waits && tcb->fast_open.may_carry;
}

bool tcp_fast_open_waits(const struct tcb *tcb)
{
    return tcb->fast_open.waits;
}

/* Room for all options must remain beside the text, and the peer's MSS counts from the last time
 * (RFC 7413, 4.2.2: at most MSS bytes, else 536 or 1220). */
static size_t room_on_syn(const struct tcb *tcb)
{
    return tcb->mss > TCP_OPTIONS_LONGEST ? tcb->mss - TCP_OPTIONS_LONGEST : 0;
}

int64_t tcp_fast_open_send(struct tcb *tcb, const void *data, size_t len)
{
    int64_t taken;

    if (!tcb->fast_open.may_carry || tcb->syn_transmissions > 0 || tcb->fast_open.text > 0)
        return -EAGAIN;
    if (len > room_on_syn(tcb))
        len = room_on_syn(tcb);
    taken = send_buffer_append(&tcb->text, tcb->host->memory, data, len);
    if (taken > 0)
        tcb->fast_open.text = (uint32_t)taken;
    return taken == 0 ? -EAGAIN : taken;
}

void tcp_fast_open_fill(const struct tcb *tcb, struct tcp_options *options)
{
    bool syn_ack = tcb->state == TCP_SYN_RECEIVED;

    /* R7413-06: a SYN that is sent again is plain: the option may be what was dropped. */
    if (!tcb->fast_open.option || tcb->syn_transmissions > 0 || syn_ack != tcb->passive)
        return;
    options->has_fast_open = true;
    options->fast_open_experiment = tcb->fast_open.cookie.experiment;
    options->fast_open_length = tcb->fast_open.cookie.length;
    memcpy(options->fast_open_cookie, tcb->fast_open.cookie.bytes, tcb->fast_open.cookie.length);
}

uint32_t tcp_fast_open_text_of_syn(const struct tcb *tcb)
{
    return tcb->state == TCP_SYN_SENT && tcb->syn_transmissions == 0 ? tcb->fast_open.text : 0;
}

/* --- client: the answer ------------------------------------------------------------------ */

static void remember_answer(struct tcb *tcb, const struct segment *seg)
{
    const struct tcp_options *o = seg->options;
    struct fast_open_answer answer = {.mss = o->has_mss ? o->mss : 0};

    if (o->has_fast_open && o->fast_open_length > 0) {
        answer.cookie.length = o->fast_open_length;
        answer.cookie.experiment = o->fast_open_experiment;
        memcpy(answer.cookie.bytes, o->fast_open_cookie, o->fast_open_length);
        TRACE(tcb->host->trace, fast_open_cookie_kept, .bytes = o->fast_open_length);
    }
    answer.asked_in_vain = answer.cookie.length == 0 && tcb->fast_open.cookie.length == 0 &&
                           tcb->syn_transmissions == 1 && tcb->fast_open.text == 0;
    fast_open_cache_answer(&tcb->host->fast_open, &tcb->flow, &answer);
}

/* What the peer did not take of the text on our SYN was not lost to congestion: it goes again at
 * once, with the ACK of the SYN-ACK (RFC 7413, 4.2.2, client, 2). */
static void text_was_not_taken(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    struct sent_record *record, *next;
    bool cookie = seg->options->has_fast_open && seg->options->fast_open_length > 0;
    bool again = tcb->syn_transmissions > 1;

    tcb->fast_open.outcome = again ? FAST_OPEN_SYN_RETRANSMITTED : FAST_OPEN_TEXT_NOT_TAKEN;
    TRACE(tcb->host->trace, fast_open_failed,
          .because = again ? "the SYN had to be sent again" : "the SYN-ACK leaves text out",
          .una = tcb->snd.una);
    if (again && !cookie && tcb->snd.una == tcb->snd.iss + 1)
        fast_open_cache_failed(&tcb->host->fast_open, &tcb->flow, now);
    for (record = sent_first(&tcb->sent); record; record = next) {
        next = sent_after(record);
        if (record->state == SENT_OUTSTANDING)
            sent_mark_lost(&tcb->sent, record);
    }
    recovery_on_path_mtu(&tcb->recovery, tcb->snd.nxt);
}

void tcp_fast_open_answered(struct tcb *tcb, const struct segment *seg, struct instant now)
{
    if (tcb->passive)
        return;
    if (tcb->fast_open.option && (seg->flags & TCP_SYN))
        remember_answer(tcb, seg);
    if (tcb->fast_open.text == 0)
        return;
    if (seg->ack > tcb->snd.una)
        tcp_ack_arrives(tcb, seg, now);
    if (tcb->snd.una < tcb->snd.nxt) {
        text_was_not_taken(tcb, seg, now);
        tcp_arm_timers(tcb, now);
        return;
    }
    tcb->fast_open.done = true;
    tcb->totals.segments_delivered--; /* SYN and text were one packet */
    fast_open_cache_worked(&tcb->host->fast_open, &tcb->flow);
    TRACE(tcb->host->trace, fast_open_acknowledged, .len = tcb->fast_open.text);
}

void tcp_fast_open_refused(struct tcb *tcb, struct instant now)
{
    if (tcb->fast_open.text > 0 && tcb->state == TCP_SYN_SENT)
        fast_open_cache_failed(&tcb->host->fast_open, &tcb->flow, now);
}

/* RFC 7413, 4.1.3.1: something on the way may swallow all that begins so, even later segments. As
 * Linux: at the third timeout in a row, or when the connection is given up. */
void tcp_fast_open_timed_out(struct tcb *tcb, unsigned timeouts, enum tcp_persistence persistence,
                             struct instant now)
{
    int64_t pause = tcb->host->tunables.tcp_fastopen_blackhole_timeout_sec;
    bool tried = !tcb->passive && (tcb->fast_open.option || tcb->fast_open.text > 0);

    if (!tried || !(timeouts == 3 || (timeouts < 3 && persistence == TCP_GIVES_UP)))
        return;
    if (tcb->state == TCP_SYN_SENT && persistence == TCP_GIVES_UP)
        fast_open_cache_failed(&tcb->host->fast_open, &tcb->flow, now);
    if (pause == 0)
        return;
    fast_open_cache_pause(&tcb->host->fast_open, duration_s(pause), now);
    TRACE(tcb->host->trace, fast_open_paused, .timeouts = timeouts);
}

/* --- server: pending requests ------------------------------------------------------------ */

/* Slots that resets have left behind (RFC 7413, 5.1) are free again after a while. */
static void release_old_resets(struct tcp_listener *listener, struct instant now)
{
    struct list *n;

    while ((n = list_first(&listener->fast_open_resets))) {
        struct tcp_fast_open_reset *reset = LIST_ENTRY(n, struct tcp_fast_open_reset, in_resets);
        if (!instant_reached(reset->until, now))
            return;
        list_remove(n);
        pool_give(&listener->tcp->reset_pool, reset);
        listener->fast_open_pending--;
    }
}

void tcp_fast_open_forget_resets(struct tcp_listener *listener)
{
    release_old_resets(listener, INSTANT_NEVER);
}

void tcp_fast_open_over(struct tcb *tcb)
{
    if (tcb->fast_open.pending_at)
        tcb->fast_open.pending_at->fast_open_pending--;
    tcb->fast_open.pending_at = NULL;
}

/* RFC 7413, 5.1: a reset does not make room for the next request at once, else an attacker who
 * forges addresses, whose owners answer with resets, would never meet the limit. */
void tcp_fast_open_reset(struct tcb *tcb, struct instant now)
{
    struct tcp_listener *listener = tcb->fast_open.pending_at;
    struct tcp_fast_open_reset *reset;

    if (!listener)
        return;
    reset = pool_take(&listener->tcp->reset_pool);
    if (!reset)
        return; /* its slot is free then, as that of any that ends */
    reset->until = instant_add(now, duration_s(RESET_HOLDS_S));
    list_append(&listener->fast_open_resets, &reset->in_resets);
    tcb->fast_open.pending_at = NULL;
}

static uint32_t pending_most(const struct tcp_listener *listener)
{
    int64_t bits = listener->tcp->host.tunables.tcp_fastopen;

    if (listener->settings.fast_open_queue == 0 && (bits & EVERY_LISTENER))
        return listener->backlog;
    return listener->settings.fast_open_queue;
}

/* --- server: the SYN --------------------------------------------------------------------- */

static void keys_of(const struct tcp_listener *listener, struct fast_open_keys *keys,
                    struct instant now)
{
    const struct tcp *tcp = listener->tcp;
    int64_t lifetime = tcp->host.tunables.tcp_fastopen_key_lifetime;

    if (listener->fast_open_keys.count > 0)
        *keys = listener->fast_open_keys;
    else
        fast_open_keys_of(&tcp->secret, lifetime ? (uint64_t)(now.ns / duration_s(lifetime).ns) : 0,
                          keys);
}

/* The text of the SYN, as much as there is room for, becomes the first text of the connection. */
static void take_text(struct tcb *tcb, struct bytes text)
{
    struct memory *memory = tcb->host->memory;
    seqno at = tcb->rcv.nxt;

    text = bytes_part(text, 0, tcb->received.limit);
    if (text.len == 0 || memory->budget - memory->used <= memory->budget / 8 ||
        reassembly_make_room(&tcb->received, memory, at + text.len) < 0)
        return;
    (void)reassembly_add(&tcb->received, at, text);
    tcb->rcv.nxt = tcb->received.next;
    tcb->totals.data_segments_in = 1;
    tcb->totals.bytes_received += tcb->rcv.nxt - at;
    window_init(&tcb->window, tcb->rcv.nxt, tcb->settings.window_clamp);
    ack_policy_init(&tcb->acks, tcb->rcv.nxt, tcb->mss);
    tcb->fast_open.done = true;
}

/* RFC 7413, 4.2.2, server, 3 and 4: the connection is the user's now, who may read and write. */
static void open_early(struct tcp_listener *listener, struct tcb *tcb, struct bytes text,
                       struct instant now)
{
    uint8_t shift = tcb->window.shift;

    tcb->fast_open.early = true;
    tcb->fast_open.pending_at = listener;
    listener->fast_open_pending++;
    take_text(tcb, text);
    tcb->window.shift = shift;
    tcp_start_congestion_control(tcb, now);
    TRACE(tcb->host->trace, fast_open_accepted, .len = tcb->rcv.nxt - tcb->rcv.irs - 1);
    tcp_report_child(tcb);
}

static bool may_open_early(struct tcp_listener *listener, const struct tcp_options *o,
                           struct bytes text, struct instant now)
{
    struct trace *trace = listener->tcp->host.trace;
    uint32_t most = pending_most(listener);

    if (o->has_fast_open && o->fast_open_length == 0)
        TRACE(trace, fast_open_cookie_asked);
    if (!(listener->tcp->host.tunables.tcp_fastopen & ENABLE_SERVER) || most == 0 ||
        (!o->has_fast_open && text.len == 0))
        return false;
    release_old_resets(listener, now);
    if (listener->fast_open_pending >= most) { /* R7413-03 */
        TRACE(trace, fast_open_overflow, .pending = listener->fast_open_pending);
        return false;
    }
    return true;
}

void tcp_fast_open_syn_arrives(struct tcp_listener *listener, struct tcb *tcb,
                               const struct tcp_options *o, struct bytes text, struct instant now)
{
    struct fast_open_cookie given = {.length = o->fast_open_length};
    bool needs_none = listener->settings.fast_open_no_cookie ||
                      is_enabled(tcb, SERVER_NEEDS_NO_COOKIE);
    enum fast_open_match match = FAST_OPEN_MISMATCH;
    struct fast_open_keys keys;

    if (!may_open_early(listener, o, text, now))
        return;
    if (needs_none) {
        open_early(listener, tcb, text, now);
        return;
    }
    if (!o->has_fast_open)
        return; /* R7413-04: text without a cookie is not taken */
    keys_of(listener, &keys, now);
    memcpy(given.bytes, o->fast_open_cookie, sizeof given.bytes);
    if (given.length > 0)
        match = fast_open_cookie_check(&keys, &tcb->flow.remote.address, &tcb->flow.local.address,
                                       &given);
    if (match == FAST_OPEN_MATCH_OLD_KEY)
        TRACE(tcb->host->trace, fast_open_old_key);
    if (match != FAST_OPEN_MISMATCH)
        open_early(listener, tcb, text, now);
    else if (given.length > 0)
        TRACE(tcb->host->trace, fast_open_refused);
    if (match == FAST_OPEN_MATCH)
        return;
    /* RFC 7413, 4.2.1 and 4.2.2, server, 2: a good cookie goes back in the form that was used. */
    fast_open_cookie_make(&keys, &tcb->flow.remote.address, &tcb->flow.local.address,
                          &tcb->fast_open.cookie);
    tcb->fast_open.cookie.experiment = o->fast_open_experiment;
    tcb->fast_open.option = true;
}

void tcp_set_fast_open_keys(struct tcp_listener *listener, const struct fast_open_keys *keys)
{
    listener->fast_open_keys = *keys;
}
