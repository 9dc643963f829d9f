/* Connections without anything to do (most of a server's) keep no control block: it becomes a
 * picture, the difference between it and that of a model connection (base/delta.h), and goes back
 * to its pool together with both rings and the records of what was sent. RFC 9293, 3.3.1 wants the
 * block's variables maintained; it does not say how. A segment, a timer or a user call wakes the
 * connection as it was, to the bit: only what points into the block itself is taken out and put
 * back. The model is the connection that fell asleep while no other slept. Called at the end of
 * each turn, by the table (tcp_demux.c) and by sock/. */
#include <string.h>

#include "base/check.h"
#include "base/delta.h"
#include "tcp/tcp_demux.h"

enum { LOOKS_A_TURN = 64 };

void tcp_sleep_init(struct tcp *tcp)
{
    list_init(&tcp->host.drowsy);
    list_init(&tcp->due);
    list_init(&tcp->changed_asleep);
    tcp->next_look = INSTANT_NEVER;
    for (unsigned i = 0; i < PICTURE_POOLS; i++)
        pool_init(&tcp->picture_pools[i], tcp->host.memory, (i + 1) * PICTURE_STEP);
}

void tcp_sleep_destroy(struct tcp *tcp)
{
    for (unsigned i = 0; i < PICTURE_POOLS; i++)
        pool_destroy(&tcp->picture_pools[i]);
}

/* --- pictures ---------------------------------------------------------------------------- */

static struct pool *pool_for(struct tcp *tcp, size_t size)
{
    CHECK(size > 0 && size <= PICTURE_MOST);
    return &tcp->picture_pools[(size - 1) / PICTURE_STEP];
}

static void give_picture(struct tcp *tcp, struct tcp_connection *c)
{
    if (c->picture_size > 0)
        pool_give(pool_for(tcp, c->picture_size), c->picture);
    c->picture_size = 0;
}

static void restore(const struct tcp *tcp, struct tcp_connection *c, struct tcb *tcb)
{
    delta_read(tcb, &tcp->model, sizeof *tcb, c->picture, c->picture_size);
    sent_unpack(&tcb->sent);
    tcb->connection = c;
}

/* --- falling asleep ---------------------------------------------------------------------- */

static bool only_waits_long(const struct tcb *tcb)
{
    for (int i = 0; i < TCP_TIMERS; i++)
        if (i != TIMER_KEEP_ALIVE && i != TIMER_TIME_WAIT && !instant_is_never(tcb->timer[i]))
            return false;
    return true;
}

static bool state_can_last(enum tcp_state state)
{
    switch (state) {
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_TIME_WAIT:
        return true;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
    case TCP_FIN_WAIT_1:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return false;
    }
    return false;
}

/* Nothing is in flight, owed, waiting to be sent or to be read, and nobody but its user knows the
 * control block. */
static bool may_sleep(const struct tcb *tcb)
{
    seqno all = tcb->fin_wanted ? tcb->snd.fin + 1 : tcb->text.end;

    return state_can_last(tcb->state) && tcb->owed == 0 && !list_contains_node(&tcb->in_ready) &&
           tcb->snd.una == all && tcb->snd.nxt == all && sent_is_empty(&tcb->sent) &&
           reassembly_unread(&tcb->received) == 0 && ranges_count(&tcb->received.held) == 0 &&
           ranges_count(&tcb->record_ends) == 0 && tcb->error == 0 && !tcb->room_lent &&
           !tcb->listener && !tcb->fast_open.pending_at && only_waits_long(tcb);
}

/* Makes the picture; false: it would be too large, or there is no memory for it. */
static bool take_picture(struct tcp *tcp, const struct tcb *tcb, struct tcp_connection *c)
{
    uint8_t picture[PICTURE_MOST], *kept = NULL;
    size_t size;

    if (tcp->asleep == 0)
        tcp->model = *tcb;
    size = delta_write(tcb, &tcp->model, sizeof *tcb, picture, sizeof picture);
    if (size > sizeof picture)
        return false;
    if (size > 0 && !(kept = pool_take(pool_for(tcp, size))))
        return false;
    if (size > 0)
        memcpy(kept, picture, size);
    c->picture = kept;
    c->picture_size = (uint16_t)size;
    return true;
}

static void fall_asleep(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_connection *c = tcb->connection;
    bool changed = list_contains_node(&tcb->in_changed);

    c->readiness = (uint8_t)tcp_readiness(tcb);
    tcb->alarm = tcp_deadline(tcb);
    send_buffer_release(&tcb->text, tcp->host.memory);
    ring_release(&tcb->received.ring, tcp->host.memory);
    list_remove(&tcb->in_changed);
    sent_pack(&tcb->sent);
    tcb->connection = NULL;
    tcb->looked_at = 0;
    if (!take_picture(tcp, tcb, c)) {
        tcb->connection = c;
        sent_unpack(&tcb->sent);
        if (changed)
            tcp_note_change(tcb);
        return;
    }
    tcp_set_subject(tcp, tcb);
    TRACE(tcp->host.trace, fell_asleep, .bytes = c->picture_size);
    tcp->host.trace->subject = (struct trace_subject){0};
    timer_heap_set(&tcp->timers, &c->timer, tcb->alarm);
    if (changed)
        list_append(&tcp->changed_asleep, &c->in_changed);
    if (tcp->latest == tcb)
        tcp->latest = NULL;
    pool_give(&tcp->tcb_pool, tcb);
    c->asleep = true;
    tcp->asleep++;
}

/* One that is out of the lists now: sleeps, is looked at again after the next period, or, when
 * something keeps it awake, after that has changed. */
static void look_at(struct tcp *tcp, struct tcb *tcb)
{
    uint32_t segments = tcb->totals.segments_in + tcb->totals.segments_out;

    if (!may_sleep(tcb))
        return;
    if (tcb->looked_at == segments || tcp->host.tunables.tcp_sleep_after_ms == 0) {
        fall_asleep(tcp, tcb);
        return;
    }
    list_append(&tcp->host.drowsy, &tcb->in_drowsy);
    tcb->looked_at = segments;
}

/* All that are drowsy now are due after one period. */
static void begin_round(struct tcp *tcp, struct instant now)
{
    struct duration period = duration_ms(tcp->host.tunables.tcp_sleep_after_ms);
    bool begins = instant_reached(tcp->next_look, now) || period.ns == 0;

    if (list_is_empty(&tcp->host.drowsy)) {
        tcp->next_look = INSTANT_NEVER;
        return;
    }
    if (begins)
        list_take_all(&tcp->due, &tcp->host.drowsy);
    if (begins || instant_is_never(tcp->next_look))
        tcp->next_look = instant_add(now, period);
}

void tcp_put_to_sleep(struct tcp *tcp, struct instant now)
{
    struct list *first;

    if (list_is_empty(&tcp->due))
        begin_round(tcp, now);
    for (int i = 0; i < LOOKS_A_TURN && (first = list_first(&tcp->due)); i++) {
        list_remove(first);
        look_at(tcp, LIST_ENTRY(first, struct tcb, in_drowsy));
    }
}

struct instant tcp_sleep_deadline(const struct tcp *tcp)
{
    return list_is_empty(&tcp->due) ? tcp->next_look : INSTANT_ZERO;
}

/* --- waking up --------------------------------------------------------------------------- */

struct tcp_connection *tcp_connection_of(const struct tcb *tcb)
{
    return tcb->connection;
}

static void tell_of_waking(struct tcp *tcp, const struct tcb *tcb)
{
    struct trace_subject before = tcp->host.trace->subject;

    tcp_set_subject(tcp, tcb);
    TRACE(tcp->host.trace, woke_up);
    tcp->host.trace->subject = before;
}

struct tcb *tcp_awake(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcb *tcb;

    if (!c->asleep)
        return c->tcb;
    tcb = pool_take(&tcp->tcb_pool);
    if (!tcb)
        return NULL;
    restore(tcp, c, tcb);
    give_picture(tcp, c);
    c->tcb = tcb;
    c->asleep = false;
    tcp->asleep--;
    if (list_contains_node(&c->in_changed)) {
        list_remove(&c->in_changed);
        tcp_note_change(tcb);
    }
    tcp_note_drowsy(tcb);
    tell_of_waking(tcp, tcb);
    return tcb;
}

struct tcb *tcp_picture_of(struct tcp *tcp, struct tcp_connection *c)
{
    restore(tcp, c, &tcp->view);
    return &tcp->view;
}

const struct tcb *tcp_view(struct tcp *tcp, struct tcp_connection *c)
{
    return c->asleep ? tcp_picture_of(tcp, c) : c->tcb;
}

bool tcp_sleeps(const struct tcp_connection *c)
{
    return c->asleep;
}

unsigned tcp_connection_readiness(const struct tcp_connection *c)
{
    return c->asleep ? c->readiness : tcp_readiness(c->tcb);
}

/* --- the end of one that sleeps ---------------------------------------------------------- */

void tcp_forget_asleep(struct tcp *tcp, struct tcp_connection *c)
{
    CHECK(c->asleep);
    give_picture(tcp, c);
    tcp->asleep--;
    tcp_free_place(tcp, c);
}

void tcp_forsake(struct tcp *tcp, struct tcp_connection *c)
{
    const struct tcb *tcb = tcp_view(tcp, c);
    struct tcp_reply *reply = NULL;

    if (tcb->state != TCP_TIME_WAIT)
        reply = tcp_new_reply(tcp, &tcb->flow);
    if (reply) {
        reply->header.seq.u32 = (uint32_t)tcb->snd.nxt;
        reply->header.ack.u32 = (uint32_t)tcb->rcv.nxt;
        reply->header.flags = TCP_RST | TCP_ACK;
        TRACE(tcp->host.trace, reset_sent, .seq = reply->header.seq.u32,
              .because = "no memory to close in order");
    }
    tcp_forget_asleep(tcp, c);
}
