/* The states of a connection and the arrows between them (RFC 9293, 3.3.2, Figure 5), as a checked
 * table, and the invariants of a control block. Called by every tcp_* file; nothing else sets a
 * state. */
#include "base/check.h"
#include "tcp/tcb.h"

static const char *const state_names[TCP_STATES] = {
    [TCP_CLOSED] = "CLOSED",           [TCP_LISTEN] = "LISTEN",
    [TCP_SYN_SENT] = "SYN-SENT",       [TCP_SYN_RECEIVED] = "SYN-RECEIVED",
    [TCP_ESTABLISHED] = "ESTABLISHED", [TCP_FIN_WAIT_1] = "FIN-WAIT-1",
    [TCP_FIN_WAIT_2] = "FIN-WAIT-2",   [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
    [TCP_CLOSING] = "CLOSING",         [TCP_LAST_ACK] = "LAST-ACK",
    [TCP_TIME_WAIT] = "TIME-WAIT",
};

const char *tcp_state_name(enum tcp_state state)
{
    return state_names[state];
}

#define TO(state) (1u << (state))

/* Figure 5; every state may also go to CLOSED (reset, abort, timeout). */
static const unsigned arrows[TCP_STATES] = {
    [TCP_CLOSED] = TO(TCP_SYN_SENT) | TO(TCP_SYN_RECEIVED) | TO(TCP_ESTABLISHED),
    [TCP_LISTEN] = TO(TCP_SYN_SENT) | TO(TCP_SYN_RECEIVED),
    [TCP_SYN_SENT] = TO(TCP_SYN_RECEIVED) | TO(TCP_ESTABLISHED),
    [TCP_SYN_RECEIVED] = TO(TCP_ESTABLISHED) | TO(TCP_FIN_WAIT_1),
    [TCP_ESTABLISHED] = TO(TCP_FIN_WAIT_1) | TO(TCP_CLOSE_WAIT),
    [TCP_FIN_WAIT_1] = TO(TCP_FIN_WAIT_2) | TO(TCP_CLOSING) | TO(TCP_TIME_WAIT),
    [TCP_FIN_WAIT_2] = TO(TCP_TIME_WAIT),
    [TCP_CLOSE_WAIT] = TO(TCP_LAST_ACK),
    [TCP_CLOSING] = TO(TCP_TIME_WAIT),
    [TCP_LAST_ACK] = 0,
    [TCP_TIME_WAIT] = 0,
};

void tcp_set_state(struct tcb *tcb, enum tcp_state to, const char *because)
{
    CHECK(to == TCP_CLOSED || (arrows[tcb->state] & TO(to)));
    if (tcb->state == to)
        return;
    TRACE(tcb->host->trace, state_changed, .from = state_names[tcb->state], .to = state_names[to],
          .because = because);
    tcb->state = to;
}

static void check_send_side(const struct tcb *tcb)
{
    CHECK(tcb->snd.iss <= tcb->snd.una && tcb->snd.una <= tcb->snd.nxt);
    CHECK(!tcb->fin_sent || tcb->fin_wanted);
    CHECK(!tcb->fin_sent || tcb->snd.nxt == tcb->snd.fin + 1);
    CHECK(!tcb->fin_wanted || tcb->state == TCP_CLOSED || tcb->snd.fin == tcb->text.end);
    CHECK(tcb->fin_sent || tcb->state == TCP_CLOSED || tcb->snd.nxt <= tcb->text.end ||
          tcb->snd.nxt == tcb->snd.iss);
    CHECK(tcb->cc.cwnd >= tcb->cc.smss);
}

static void check_receive_side(const struct tcb *tcb)
{
    bool fin_taken = tcb->rcv.fin_known && tcb->rcv.nxt == tcb->rcv.fin + 1;

    CHECK(tcb->received.read <= tcb->received.next);
    CHECK(tcb->rcv.nxt == tcb->received.next + (fin_taken ? 1 : 0));
    CHECK(!tcb->rcv.fin_known || tcb->received.next <= tcb->rcv.fin);
}

void tcp_check(const struct tcb *tcb)
{
    bool synchronized = tcp_is_synchronized(tcb->state);

    CHECK(tcb->state <= TCP_TIME_WAIT && tcb->state != TCP_LISTEN);
    check_send_side(tcb);
    if (synchronized || tcb->state == TCP_SYN_RECEIVED)
        check_receive_side(tcb);
    sent_check(&tcb->sent);
    /* Text or a FIN in flight is always watched by a timer. */
    if (synchronized && tcb->state != TCP_TIME_WAIT && tcb->snd.una < tcb->snd.nxt)
        CHECK(!instant_is_never(tcp_deadline(tcb)));
    if (tcb->state == TCP_TIME_WAIT)
        CHECK(!instant_is_never(tcb->timer[TIMER_TIME_WAIT]));
}
