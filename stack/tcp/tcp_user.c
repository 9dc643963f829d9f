/* The user calls of RFC 9293, 3.10.1 to 3.10.5 on one connection: SEND, RECEIVE, CLOSE, ABORT, and
 * the beginning and end of a control block. OPEN and STATUS are in tcp_demux.c and tcp_status.c.
 * None blocks; none sends: they mark what is owed. Called by sock/. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "tcp/tcb.h"

/* --- beginning and end ------------------------------------------------------------------- */

void tcp_touch(struct tcb *tcb)
{
    if (!list_contains_node(&tcb->in_ready))
        list_append(&tcb->host->ready, &tcb->in_ready);
}

void tcp_note_change(struct tcb *tcb)
{
    if (!list_contains_node(&tcb->in_changed))
        list_append(&tcb->host->changed, &tcb->in_changed);
}

void tcp_tcb_init(struct tcb *tcb, const struct tcb_config *config, struct instant now)
{
    memset(tcb, 0, sizeof *tcb);
    tcb->state = TCP_CLOSED;
    tcb->flow = config->flow;
    tcb->host = config->host;
    tcb->settings = *config->settings;
    tcb->path_mtu = config->path_mtu;
    tcb->device_mtu = config->device_mtu ? config->device_mtu : config->path_mtu;
    tcb->largest = config->largest;
    tcb->snd.iss = tcb->snd.una = tcb->snd.nxt = config->iss;
    tcb->snd.up = tcb->snd.push = config->iss;
    tcb->peer_mss = address_is_ipv4(&config->flow.remote.address) ? 536 : 1220; /* MUST-15 */
    tcb->paws.offset = config->ts_offset;
    for (int i = 0; i < TCP_TIMERS; i++)
        tcb->timer[i] = INSTANT_NEVER;
    tcb->alarm = INSTANT_NEVER;
    tcb->challenged_at = tcb->trouble_since = tcb->rto_since = INSTANT_NEVER;
    tcb->last_arrival = tcb->last_sent = tcb->last_text_sent = now;
    send_buffer_init(&tcb->text, config->iss + 1, tcb->settings.send_buffer);
    ranges_init(&tcb->record_ends, &tcb->host->range_pool);
    sent_init(&tcb->sent, &tcb->host->sent_pool);
    recovery_init(&tcb->recovery, &tcb->host->tunables);
    rtt_init(&tcb->rtt, &tcb->host->tunables);
    tcp_set_mss(tcb);
    cc_start(&tcb->cc, tcb->settings.cc, tcb->mss, 1, now);
}

void tcp_restart_from_cookie(struct tcb *tcb, seqno iss, struct instant now)
{
    uint32_t limit = tcb->settings.receive_buffer / 2;

    tcb->snd.iss = tcb->snd.una = tcb->snd.up = tcb->snd.push = iss;
    tcb->snd.nxt = iss + 1;
    send_buffer_init(&tcb->text, iss + 1, tcb->settings.send_buffer);
    tcb->syn_transmissions = 1;
    tcb->syn_sent_at = now;
    (void)window_field(&tcb->window, tcb->rcv.nxt, tcb->rcv.nxt + limit, WINDOW_OF_SYN);
}

void tcp_tcb_release(struct tcb *tcb)
{
    list_remove(&tcb->in_ready);
    list_remove(&tcb->in_changed);
    list_remove(&tcb->in_accept);
    list_remove(&tcb->in_drowsy);
    sent_clear(&tcb->sent);
    ranges_clear(&tcb->record_ends);
    send_buffer_release(&tcb->text, tcb->host->memory);
    reassembly_release(&tcb->received, tcb->host->memory);
}

void tcp_fail(struct tcb *tcb, int error, const char *because)
{
    for (int i = 0; i < TCP_TIMERS; i++)
        tcb->timer[i] = INSTANT_NEVER;
    tcb->owed &= OWED_RESET;
    if (tcb->error == 0)
        tcb->error = error;
    tcp_fast_open_over(tcb);
    tcp_set_state(tcb, TCP_CLOSED, because);
    sent_clear(&tcb->sent);
    ranges_clear(&tcb->record_ends);
    send_buffer_release(&tcb->text, tcb->host->memory);
    tcp_note_change(tcb);
    tcp_touch(tcb);
}

/* --- SEND (3.10.2) ----------------------------------------------------------------------- */

/* May the user send? 0, or why not. */
static int check_sendable(struct tcb *tcb)
{
    if (tcb->error)
        return -tcp_take_error(tcb);

    switch (tcb->state) {
    case TCP_SYN_SENT:
        return tcb->fin_wanted ? -EPIPE : -EAGAIN;
    case TCP_SYN_RECEIVED:
        return tcb->fin_wanted ? -EPIPE : (tcb->fast_open.early ? 0 : -EAGAIN);
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
        return tcb->fin_wanted ? -EPIPE : 0;
    case TCP_CLOSED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        return -EPIPE;
    case TCP_LISTEN:
        UNREACHABLE();
    }
    return -EPIPE;
}

/* Draft-ietf-ccwg-bbr, 4.1.2.4 (CheckIfApplicationLimited): nothing was waiting to be sent, and the
 * window is not full: until what is in flight now was delivered, samples say more of the user than
 * of the path. */
static void note_write(struct tcb *tcb)
{
    if (tcb->text.end < tcb->snd.nxt + tcp_effective_mss(tcb) && tcb->sent.lost_segments == 0 &&
        tcb->sent.pipe_bytes < tcb->cc.cwnd)
        sent_mark_app_limited(&tcb->sent);
}

/* Text was added to the send buffer. */
static void text_added(struct tcb *tcb, unsigned flags, struct instant now)
{
    if (flags & TCP_SEND_PUSH && !(flags & TCP_SEND_MORE))
        tcb->snd.push = tcb->text.end;
    tcb->snd.more = (flags & TCP_SEND_MORE) != 0;
    if (flags & TCP_SEND_MORE || tcb->settings.cork) {
        tcb->snd.hold = tcb->text.end - 1;
        if (instant_is_never(tcb->timer[TIMER_CORK])) /* MUST-60: never held for ever */
            tcp_set_timer(tcb, TIMER_CORK, instant_add(now, duration_ms(200)));
    } else {
        tcb->snd.hold = 0;
        tcp_stop_timer(tcb, TIMER_CORK);
    }
    if (flags & TCP_SEND_URGENT) { /* MUST-30, 31: the pointer is behind the last byte */
        tcb->snd.up = tcb->text.end;
        tcb->snd.urgent = true;
    }
    tcp_touch(tcb);
}

/* SEND in SYN-SENT (RFC 7413, 4.2.2): with the SYN, or not yet. */
static int64_t send_on_syn(struct tcb *tcb, const void *data, size_t len, unsigned flags,
                           struct instant now)
{
    int64_t taken = tcp_fast_open_send(tcb, data, len);

    if (taken > 0)
        text_added(tcb, flags, now);
    if (taken > 0 && tcb->fast_open.waits) {
        tcb->fast_open.waits = false;
        tcp_owe_syn(tcb, now);
    }
    return taken;
}

/* A mark at `end`. Numbers are doubled so that neighbours do not join. Without memory for it the
 * mark is left out: it is a wish about packets, not about text. */
static void mark_record_end(struct tcb *tcb, seqno end)
{
    uint64_t from, to;

    (void)ranges_add(&tcb->record_ends, 2 * end, 2 * end + 1, &from, &to);
}

/* The user asked for more room than there is, and waits for it. */
static void lacks_room(struct tcb *tcb, int64_t taken, size_t wanted)
{
    if (taken < 0 || (size_t)taken == wanted)
        return;
    tcb->user_lacks_room = true;
    tcp_touch(tcb); /* what holds the text up may be another thing now */
}

int64_t tcp_send(struct tcb *tcb, const void *data, size_t len, unsigned flags, struct instant now)
{
    int error = check_sendable(tcb);
    int64_t taken;

    if (error == -EAGAIN && tcb->state == TCP_SYN_SENT && len > 0)
        return send_on_syn(tcb, data, len, flags, now);
    if (error < 0)
        return error;
    if (len == 0)
        return 0;
    note_write(tcb);
    taken = send_buffer_append(&tcb->text, tcb->host->memory, data, len);
    lacks_room(tcb, taken, len);
    if (taken == 0)
        return -EAGAIN;
    if (taken == (int64_t)len && flags & TCP_SEND_RECORD_END)
        mark_record_end(tcb, tcb->text.end);
    if (taken > 0)
        text_added(tcb, flags, now);
    return taken;
}

seqno tcp_text_end(const struct tcb *tcb)
{
    return tcb->text.end;
}

seqno tcp_text_acknowledged(const struct tcb *tcb)
{
    return tcb->snd.una;
}

int64_t tcp_send_rooms(struct tcb *tcb, size_t len, struct room rooms[2], struct instant now)
{
    int error = check_sendable(tcb);
    int64_t room;

    if (error == -EAGAIN && tcb->fast_open.waits) { /* the SYN waits for text, and there is none */
        tcb->fast_open.waits = false;
        tcp_owe_syn(tcb, now);
        tcp_touch(tcb);
    }
    if (error < 0)
        return error;
    room = send_buffer_rooms(&tcb->text, tcb->host->memory, len, rooms);
    if (room == 0)
        lacks_room(tcb, room, len);
    tcb->room_lent = room > 0;
    return room == 0 && len > 0 ? -EAGAIN : room;
}

int64_t tcp_send_commit(struct tcb *tcb, size_t len, unsigned flags, struct instant now)
{
    int error = check_sendable(tcb);

    if (error < 0)
        return error;
    tcb->room_lent = false;
    tcp_note_drowsy(tcb);
    if (len == 0)
        return 0;
    if (send_buffer_held(&tcb->text) + len > tcb->text.ring.capacity)
        return -EINVAL;
    note_write(tcb);
    send_buffer_commit(&tcb->text, len);
    text_added(tcb, flags, now);
    return (int64_t)len;
}

/* --- RECEIVE (3.10.3) -------------------------------------------------------------------- */

static bool everything_was_read(const struct tcb *tcb)
{
    return reassembly_unread(&tcb->received) == 0;
}

/* Nothing to read: the end, an error, or not yet. */
static int64_t nothing_to_read(struct tcb *tcb)
{
    if (tcb->rcv.fin_known && tcb->rcv.nxt == tcb->rcv.fin + 1)
        return 0;
    if (tcb->error)
        return -tcp_take_error(tcb);
    if (tcb->state == TCP_CLOSED || tcb->user_done_reading)
        return 0;
    return -EAGAIN;
}

/* The window reopens when the user reads: the peer must hear of it when it is worthwhile (MUST-39):
 * at least twice what it was told, as Linux has it; and an ACK that waited for the user goes with
 * it. */
static void after_read(struct tcb *tcb, struct instant now)
{
    size_t unread = reassembly_unread(&tcb->received);
    uint32_t limit = tcb->received.limit, grown = limit;
    uint32_t known = (uint32_t)(tcp_receive_edge(tcb) - tcb->rcv.nxt);
    seqno edge;

    if (!tcp_is_synchronized(tcb->state) || tcb->rcv.fin_known)
        return;
    if (tcb->host->tunables.tcp_moderate_rcvbuf && !tcb->settings.receive_buffer_fixed)
        grown = window_autotune(&tcb->window, tcb->received.read, limit,
                                (uint32_t)(tcb->host->tunables.tcp_rmem_max / 2), now);
    if (grown > limit) {
        tcb->received.limit = grown;
        tcb->settings.receive_buffer = 2 * grown;
        TRACE(tcb->host->trace, buffer_grown, .which = "receive", .bytes = grown);
    }
    if (unread >= tcb->received.limit)
        return;
    edge = window_offer(&tcb->window, tcb->rcv.nxt, tcb->received.limit - (uint32_t)unread,
                        tcb->received.limit, tcb->acks.segment_size);
    if (edge - tcb->rcv.nxt >= 2 * (uint64_t)known && edge > tcp_receive_edge(tcb))
        tcp_owe_ack(tcb);
    else if (!instant_is_never(tcb->timer[TIMER_DELAYED_ACK]) && unread == 0 &&
             tcb->rcv.nxt - tcb->acks.acked >= tcb->acks.segment_size)
        tcp_owe_ack(tcb);
    if (tcb->owed)
        tcp_touch(tcb);
}

/* Reading stops at the urgent mark, so that the user can see where it is (MUST-33). Out of line the
 * urgent byte itself is skipped. */
static seqno urgent_mark(const struct tcb *tcb)
{
    return tcb->rcv.up - 1;
}

static size_t readable_before_mark(const struct tcb *tcb, size_t len)
{
    size_t unread = reassembly_unread(&tcb->received);
    seqno mark = urgent_mark(tcb);

    if (len > unread)
        len = unread;
    if (tcb->rcv.urgent && mark > tcb->received.read && len > mark - tcb->received.read)
        len = (size_t)(mark - tcb->received.read);
    return len;
}

static void taken_by_user(struct tcb *tcb, size_t len, struct instant now)
{
    reassembly_take(&tcb->received, len);
    if (tcb->rcv.urgent && tcb->received.read >= tcb->rcv.up)
        tcb->rcv.urgent = false;
    after_read(tcb, now);
    if (everything_was_read(tcb))
        tcp_note_drowsy(tcb);
}

static void skip_urgent_byte(struct tcb *tcb, struct instant now)
{
    if (tcb->rcv.urgent && !tcb->settings.oob_inline && tcb->received.read == urgent_mark(tcb) &&
        reassembly_unread(&tcb->received) > 0)
        taken_by_user(tcb, 1, now);
}

/* MSG_OOB: the byte before the urgent pointer, once it is here. It stays where it is; reading goes
 * past it. */
static int64_t receive_urgent(struct tcb *tcb, void *data, size_t len)
{
    seqno mark = urgent_mark(tcb);

    if (tcb->settings.oob_inline || !tcb->rcv.urgent || tcb->received.read > mark)
        return -EINVAL;
    if (mark >= tcb->received.next)
        return -EAGAIN;
    return (int64_t)reassembly_peek(&tcb->received, (size_t)(mark - tcb->received.read), data,
                                    len < 1 ? len : 1);
}

int64_t tcp_receive(struct tcb *tcb, void *data, size_t len, unsigned flags, struct instant now)
{
    if (flags & TCP_RECEIVE_URGENT)
        return receive_urgent(tcb, data, len);
    skip_urgent_byte(tcb, now);
    if (everything_was_read(tcb))
        return len == 0 && !tcb->error ? 0 : nothing_to_read(tcb);
    len = readable_before_mark(tcb, len);
    if (!(flags & TCP_RECEIVE_DISCARD))
        reassembly_peek(&tcb->received, 0, data, len);
    if (!(flags & TCP_RECEIVE_PEEK))
        taken_by_user(tcb, len, now);
    return (int64_t)len;
}

int64_t tcp_receive_pieces(struct tcb *tcb, size_t len, struct bytes pieces[2])
{
    pieces[0] = pieces[1] = (struct bytes){NULL, 0};
    if (everything_was_read(tcb))
        return nothing_to_read(tcb);
    return (int64_t)reassembly_pieces(&tcb->received, readable_before_mark(tcb, len), pieces);
}

void tcp_receive_done(struct tcb *tcb, size_t len, struct instant now)
{
    CHECK(len <= reassembly_unread(&tcb->received));
    taken_by_user(tcb, len, now);
}

bool tcp_at_mark(const struct tcb *tcb)
{
    return tcb->rcv.urgent && tcb->received.read == urgent_mark(tcb);
}

/* --- CLOSE (3.10.4) and ABORT (3.10.5) --------------------------------------------------- */

static void want_fin(struct tcb *tcb)
{
    tcb->fin_wanted = true;
    tcb->snd.fin = tcb->text.end;
    tcb->snd.push = tcb->text.end;
    tcb->snd.hold = 0;
    tcb->snd.more = false;
    tcp_stop_timer(tcb, TIMER_CORK);
    tcp_touch(tcb);
    tcp_note_change(tcb);
}

int tcp_shutdown_send(struct tcb *tcb, struct instant now)
{
    (void)now;
    switch (tcb->state) {
    case TCP_CLOSED:
        return -ENOTCONN;
    case TCP_SYN_SENT:
        tcp_fail(tcb, 0, "closed before the handshake");
        return 0;
    case TCP_SYN_RECEIVED:
        want_fin(tcb); /* FIN-WAIT-1 follows with ESTABLISHED */
        return 0;
    case TCP_ESTABLISHED:
        want_fin(tcb);
        tcp_set_state(tcb, TCP_FIN_WAIT_1, "the user closed");
        return 0;
    case TCP_CLOSE_WAIT:
        want_fin(tcb);
        tcp_set_state(tcb, TCP_LAST_ACK, "the user closed");
        return 0;
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        return 0;
    case TCP_LISTEN:
        UNREACHABLE();
    }
    return -ENOTCONN;
}

int tcp_shutdown_receive(struct tcb *tcb, struct instant now)
{
    if (tcb->state == TCP_CLOSED)
        return -ENOTCONN;
    tcb->user_done_reading = true;
    taken_by_user(tcb, reassembly_unread(&tcb->received), now);
    tcp_note_change(tcb);
    return 0;
}

void tcp_close(struct tcb *tcb, struct instant now)
{
    bool unread = reassembly_unread(&tcb->received) > 0;

    if (tcb->state != TCP_CLOSED && tcb->state != TCP_SYN_SENT && tcb->state != TCP_TIME_WAIT &&
        (unread || (tcb->settings.linger && tcb->settings.linger_s == 0))) {
        tcp_abort(tcb, now);
        return;
    }
    tcp_shutdown_send(tcb, now);
    tcb->user_gone = true;
    tcb->user = NULL;
    if (tcb->state == TCP_FIN_WAIT_2)
        tcp_set_timer(tcb, TIMER_TIME_WAIT,
                      instant_add(now, duration_s(tcb->settings.fin_wait_2_s)));
    tcp_touch(tcb);
}

static bool abort_needs_reset(enum tcp_state state)
{
    switch (state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return true;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
    case TCP_TIME_WAIT:
        return false;
    }
    return false;
}

void tcp_abort(struct tcb *tcb, struct instant now)
{
    (void)now;
    if (abort_needs_reset(tcb->state))
        tcp_owe_final_reset(tcb);
    if (tcb->state != TCP_CLOSED)
        TRACE(tcb->host->trace, aborted,
              .because = reassembly_unread(&tcb->received) ? "text was unread" : "the user's wish");
    tcp_fail(tcb, 0, "the user aborted");
    reassembly_release(&tcb->received, tcb->host->memory);
    tcb->user_gone = true;
    tcb->user = NULL;
}

/* --- what the user may ask and set ------------------------------------------------------- */

int tcp_take_error(struct tcb *tcb)
{
    int error = tcb->error;

    tcb->error = 0;
    return error;
}

int tcp_take_soft_error(struct tcb *tcb)
{
    int error = tcb->soft_error;

    tcb->soft_error = 0;
    return error;
}

struct tcp_settings *tcp_settings_of(struct tcb *tcb)
{
    return &tcb->settings;
}

const struct tcp_settings *tcp_settings_seen(const struct tcb *tcb)
{
    return &tcb->settings;
}

void *tcp_user(const struct tcb *tcb)
{
    return tcb->user;
}

enum tcp_state tcp_state_of(const struct tcb *tcb)
{
    return tcb->state;
}

const struct flow *tcp_flow_of(const struct tcb *tcb)
{
    return &tcb->flow;
}

void tcp_settings_changed(struct tcb *tcb, struct instant now)
{
    uint32_t limit = tcb->settings.receive_buffer / 2;

    if (tcb->cc.ops != tcb->settings.cc)
        cc_switch(&tcb->cc, tcb->settings.cc, now);
    tcb->text.limit = tcb->settings.send_buffer;
    /* SHLD-14: a smaller buffer does not take back what was offered; it is offered less from now
     * on. */
    if (limit > 0)
        tcb->received.limit = limit;
    tcb->window.clamp = tcb->settings.window_clamp;
    if (!tcb->settings.cork) {
        tcb->snd.hold = 0;
        tcp_stop_timer(tcb, TIMER_CORK);
    }
    if (tcb->settings.quick_ack && !instant_is_never(tcb->timer[TIMER_DELAYED_ACK]))
        tcp_owe_ack(tcb);
    tcp_restart_keep_alive(tcb, now);
    if (tcb->state != TCP_CLOSED) {
        tcp_set_mss(tcb);
        if (tcp_is_synchronized(tcb->state))
            tcp_arm_after_text(tcb, now);
    }
    tcp_touch(tcb);
    tcp_note_change(tcb);
}

void tcp_push_held(struct tcb *tcb)
{
    tcb->snd.hold = 0;
    tcp_stop_timer(tcb, TIMER_CORK);
    tcp_touch(tcb);
}

unsigned tcp_readiness(const struct tcb *tcb)
{
    bool fin_taken = tcb->rcv.fin_known && tcb->rcv.nxt == tcb->rcv.fin + 1;
    bool over = tcb->state == TCP_CLOSED;
    bool peer_closed = fin_taken || tcb->user_done_reading || over;
    uint32_t low = tcb->settings.receive_low_water ? tcb->settings.receive_low_water : 1;
    uint64_t unsent = tcb->text.end > tcb->snd.nxt ? tcb->text.end - tcb->snd.nxt : 0;
    unsigned ready = 0;

    if (tcb->fast_open.waits)
        return TCP_WRITABLE;
    if (tcb->state == TCP_SYN_SENT || (tcb->state == TCP_SYN_RECEIVED && !tcb->fast_open.early))
        return tcb->error ? TCP_ERROR | TCP_READABLE | TCP_WRITABLE : 0;
    if (reassembly_unread(&tcb->received) >= low || peer_closed || tcb->error)
        ready |= TCP_READABLE;
    if (tcb->fin_wanted || over || tcb->error ||
        (send_buffer_room(&tcb->text) >= tcb->text.limit / 3 &&
         unsent < tcb->settings.not_sent_low_water))
        ready |= TCP_WRITABLE;
    if (tcb->rcv.urgent)
        ready |= TCP_URGENT;
    if (peer_closed)
        ready |= TCP_PEER_CLOSED;
    if (over || (peer_closed && tcb->fin_wanted))
        ready |= TCP_HANGUP;
    if (tcb->error)
        ready |= TCP_ERROR;
    return ready;
}
