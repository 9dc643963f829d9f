/* The transmission control block (RFC 9293, 3.3.1): everything TCP knows of one connection, under
 * the RFC's names. Seen by files named tcp_*; leaves have their own structs inside it and never see
 * it. */
#ifndef TUNNY_TCP_TCB_H
#define TUNNY_TCP_TCB_H

#include "base/list.h"
#include "tcp/accecn.h"
#include "tcp/ack_policy.h"
#include "tcp/cc.h"
#include "tcp/fast_open_cache.h"
#include "tcp/mtu_search.h"
#include "tcp/pacing.h"
#include "tcp/paws.h"
#include "tcp/reassembly.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/sack_report.h"
#include "tcp/segment.h"
#include "tcp/send_buffer.h"
#include "tcp/send_times.h"
#include "tcp/sent.h"
#include "tcp/tcp.h"
#include "tcp/tunables.h"
#include "tcp/window.h"
#include "trace/trace.h"

/* What input and timers find to be owed; output pays it. */
enum tcp_owed {
    OWED_ACK = 1 << 0,           /* an ACK now */
    OWED_CHALLENGE_ACK = 1 << 1, /* RFC 5961: counted apart */
    OWED_SYN = 1 << 2,           /* a SYN, or in SYN-RECEIVED a SYN-ACK */
    OWED_RESET = 1 << 3,         /* as tcb->reset says */
    OWED_WINDOW_PROBE = 1 << 4,
    OWED_KEEP_ALIVE = 1 << 5,
    OWED_TAIL_PROBE = 1 << 6,  /* RFC 8985, 7.3 */
    OWED_DELAYED_ACK = 1 << 7, /* the delayed ACK's time has come */
};

enum tcp_timer {
    TIMER_RETRANSMISSION, /* RFC 6298; also SYN and SYN-ACK */
    TIMER_TAIL_PROBE,     /* RFC 8985, 7 */
    TIMER_REORDERING,     /* RFC 8985, 6.2 */
    TIMER_PERSIST,        /* zero window: RFC 9293, 3.8.6.1; also silly-window override */
    TIMER_DELAYED_ACK,    /* RFC 9293, 3.8.6.3 */
    TIMER_KEEP_ALIVE,     /* RFC 9293, 3.8.4 */
    TIMER_USER,           /* RFC 9293, 3.10.8: the user timeout */
    TIMER_TIME_WAIT,      /* also FIN-WAIT-2 of a connection without a user */
    TIMER_PACING,
    TIMER_CORK,
    TCP_TIMERS,
};

/* Which feedback of congestion marks was agreed on. */
enum tcp_ecn_mode {
    ECN_OFF,
    ECN_CLASSIC,  /* RFC 3168: one bit, until the sender says CWR */
    ECN_ACCURATE, /* RFC 9768: a counter */
};

struct tcp_ecn {
    enum tcp_ecn_mode mode;
    enum tcp_ecn_mode asked; /* what our SYN asked for */
    bool echo, reduced;      /* ECE is to be sent (also RFC 8257's DCTCP.CE); CWR is */
    uint8_t syn_field;       /* the IP-ECN field of the newest SYN or SYN-ACK that came */
    uint8_t answers;         /* SYN-ACKs sent */
    bool reflects; /* the next ACK is a pure one in the handshake's code (9768, 3.2.2.1) */
    bool marked_in_handshake; /* our SYN or SYN-ACK met congestion */
    bool not_ect;             /* text of ours goes without ECT: the path mangles ECN */
    bool deaf;                /* what the peer feeds back is not believed */
    bool seen_ect;            /* the peer has sent something that is ECN-capable */
    bool option_off;          /* our options do not get through */
    bool option_owed;         /* the first ACK and the first text try the path (3.2.3.2.1) */
    bool tested;              /* the first feedback was looked at (3.2.2.4) */
    bool seen_unmarked;       /* not every packet came back as marked (3.2.2.3) */
    uint8_t marked_rounds;
    seqno round_end;
    uint64_t delivered_ce; /* packets of ours that met congestion */
    struct accecn_receiver in;
    struct accecn_sender out;
};

/* How the option space of an ordinary segment is shared out. */
struct tcp_option_plan {
    unsigned sack_blocks;
    int accecn; /* counters; -1: no option */
    uint8_t accecn_order;
};

/* What all connections of a host share. */
struct tcp_host {
    struct trace *trace;
    struct memory *memory;
    struct tcp_tunables tunables;
    struct pool sent_pool, range_pool; /* of struct sent_record, struct range */
    struct list ready;   /* control blocks that may have something to send, or a timer to move */
    struct list changed; /* ... whose readiness may have changed */
    struct list drowsy;  /* ... that may have nothing to do for a while (tcp_sleep.c) */
    struct fast_open_cache fast_open;
    bool answers_first; /* see tcp_answers_first() */
};

/* What came of a client's Fast Open; the order and meaning of TCP_INFO's tcpi_fastopen_client_fail.
 */
enum fast_open_outcome {
    FAST_OPEN_UNTRIED,
    FAST_OPEN_NO_COOKIE,
    FAST_OPEN_TEXT_NOT_TAKEN,
    FAST_OPEN_SYN_RETRANSMITTED,
};

struct tcb {
    enum tcp_state state;
    uint8_t owed;           /* enum tcp_owed */
    bool passive;           /* made by a listener (MUST-11) */
    bool user_gone;         /* the user has closed: nobody reads (SHLD-3) */
    bool user_done_reading; /* SHUT_RD: text is acknowledged and thrown away */
    bool fin_wanted;        /* CLOSE was called: a FIN follows the text */
    bool fin_sent;
    bool reported; /* sits in, or has been through, the listener's accept queue */

    struct flow flow;
    uint32_t flow_label; /* of its packets (RFC 6437) */

    struct {
        seqno una, nxt, up, wl1, wl2, iss;
        seqno fin;        /* where our FIN stands, once fin_wanted */
        uint32_t wnd;     /* bytes, scaled */
        uint32_t max_wnd; /* MAX.SND.WND (RFC 5961, 5) */
        seqno push;       /* text before this was pushed: PSH belongs on its last byte */
        seqno small;      /* behind the last segment sent that was not full (Minshall's Nagle) */
        seqno hold;       /* text from here on waits for more (MSG_MORE); 0: none */
        bool more;        /* the last text came with MSG_MORE: its end is not pushed */
        bool urgent;      /* snd.up is ahead of snd.una */
        uint8_t wscale;   /* the peer's */
    } snd;

    struct {
        seqno nxt, up, irs;
        seqno fin;        /* where the peer's FIN stands; meaningless unless fin_known */
        bool fin_known;   /* a FIN was seen, perhaps beyond a hole */
        bool urgent;      /* rcv.up is ahead of what the user has read */
        bool urgent_news; /* an advance that the user was not told of yet (MUST-32) */
    } rcv;

    struct {
        bool option;    /* the option stands in our first SYN or SYN-ACK: with `cookie` */
        bool may_carry; /* our SYN may carry text: a cookie is known, or none is needed */
        bool waits;     /* our SYN waits for the first text (TCP_FASTOPEN_CONNECT) */
        bool early;     /* a SYN opened it: the user has it before the handshake is complete */
        bool done;      /* text on a SYN was acknowledged, by the peer or by us */
        enum fast_open_outcome outcome;
        uint32_t text; /* bytes of text on our SYN */
        struct fast_open_cookie cookie;
        struct tcp_listener *pending_at; /* counts there until the handshake is complete */
    } fast_open;

    uint32_t mss;               /* largest text in a segment without options: min(peer's, path's) */
    uint32_t peer_mss;          /* as offered, or 536 / 1220 (MUST-15) */
    uint32_t path_mtu, largest; /* bytes of an IP packet; of a super-segment (0: none) */
    uint32_t device_mtu;        /* what may arrive: the path the other way may be wider */
    uint32_t proven_mtu;        /* packets of this size were acknowledged (RFC 5927, 7.2) */
    struct mtu_search search;   /* RFC 4821: path_mtu follows it while it is on */
    uint32_t pending_mtu;       /* a Packet Too Big that waits for the lack of progress; 0: none */
    bool sack;                  /* SACK agreed on */
    bool window_scaling;        /* RFC 7323, 2: agreed on */
    bool syn_retransmitted;     /* R5681-16: the initial window is one segment */

    struct tcp_ecn ecn;
    struct send_buffer text;
    struct ranges record_ends; /* MSG_EOR: no segment goes beyond one; see tcp_record_end() */
    struct reassembly received;
    struct sent sent;
    struct recovery recovery;
    struct rtt rtt;
    struct cc cc;
    struct pacing pacing;
    struct ack_policy acks;
    struct sack_report sacks;
    struct window window;
    struct paws paws;

    struct instant timer[TCP_TIMERS];
    struct instant challenged_at; /* the last challenge ACK; INSTANT_NEVER: none yet */
    struct instant last_arrival;  /* MUST-26 */
    struct instant last_sent;     /* text or FIN; for idle restart */
    struct instant trouble_since; /* the first unanswered transmission; INSTANT_NEVER: none */
    struct instant syn_sent_at;
    uint8_t syn_transmissions;
    uint8_t syn_waits;       /* timeouts at which no SYN-ACK was sent, because its ACK had come */
    bool ack_deferred;       /* TCP_DEFER_ACCEPT: an ACK without text came, and was not taken */
    uint8_t probes;          /* zero-window probes unanswered */
    uint8_t probe_backoff;   /* how often the persist interval doubled */
    uint8_t keep_alives;     /* probes unanswered */
    uint8_t repeat_acks;     /* segments beyond a hole that came since the last ACK, without SACK */
    uint8_t retransmissions; /* RTOs in a row (R1, R2) */
    bool cwnd_limited;       /* held back by cwnd at some time in this round */
    seqno round_end;         /* the round ends when SND.UNA passes it */
    uint64_t most_in_flight; /* in this round, bytes */

    struct {
        seqno seq, ack;
        bool with_ack;
    } reset; /* what OWED_RESET sends */

    int error;      /* errno for the user, once; 0: none */
    int soft_error; /* the latest advice (MUST-47) */

    struct tcp_settings settings;
    struct tcp_totals totals;
    struct send_times send_times;
    bool user_lacks_room;          /* the user was told that there is no room, and waits */
    struct instant last_text_sent; /* FIN aside */
    struct instant rto_since;      /* the first of the present timeouts in a row; NEVER: none */

    /* The host's bookkeeping (tcp_demux.c). */
    struct tcp_host *host;
    struct tcp_listener *listener;     /* whose child it is, until accepted; else NULL */
    struct tcp_connection *connection; /* its place in the table */
    struct list in_ready, in_changed, in_accept, in_drowsy;
    struct instant alarm; /* when the host looks at its timers next */
    uint32_t looked_at;   /* segments so far, when it was last looked at whether it may sleep */
    bool room_lent;       /* the user writes into the send buffer: tcp_send_rooms() */
    uint64_t number;      /* for traces, from 1 */
    void *user;           /* the socket's */
};

/* --- tcp_state.c ------------------------------------------------------------------------- */

/* Figure 5's arrows: CHECKs that `to` may follow the present state. `because` is a static text. */
void tcp_set_state(struct tcb *tcb, enum tcp_state to, const char *because);
/* The invariants of a control block; CHECKed at each entrance and exit in tests and in debug
 * builds. */
void tcp_check(const struct tcb *tcb);
static inline bool tcp_is_synchronized(enum tcp_state state)
{
    return state >= TCP_ESTABLISHED;
}

/* --- tcp_arrives.c, tcp_input.c, tcp_ack.c: RFC 9293, 3.10.7 ----------------------------- */

void tcp_segment_arrives(struct tcb *tcb, const struct segment *seg, struct instant now);
void tcp_synchronized_arrives(struct tcb *tcb, const struct segment *seg, struct instant now);

/* What the fifth step's acceptable ACK does (also used for the ACK of a SYN-ACK). */
void tcp_ack_arrives(struct tcb *tcb, const struct segment *seg, struct instant now);
/* SND.WND, WL1, WL2. */
void tcp_update_send_window(struct tcb *tcb, const struct segment *seg, struct instant now);
/* Both sequence spaces are known and agreed on: what the handshake's options decided. */
void tcp_enter_established(struct tcb *tcb, struct instant now);
/* Takes the options of the peer's SYN over, and its sequence number. */
void tcp_take_syn_options(struct tcb *tcb, const struct segment *syn, struct instant now);
void tcp_take_peer_iss(struct tcb *tcb, const struct segment *syn);
/* The ACK of our SYN, in SYN-SENT and SYN-RECEIVED. */
void tcp_ack_of_syn_arrives(struct tcb *tcb, const struct segment *seg, struct instant now);
/* IW, before the first text leaves. */
void tcp_start_congestion_control(struct tcb *tcb, struct instant now);
/* The sixth, seventh and eighth step alone: for text and FIN on a SYN-ACK. */
void tcp_from_sixth_step(struct tcb *tcb, const struct segment *seg, struct instant now);
/* RCV.NXT + RCV.WND: behind the last number that may be accepted (R7323-18). */
static inline seqno tcp_receive_edge(const struct tcb *tcb)
{
    return seq_max(tcb->window.edge, tcb->rcv.nxt);
}

struct tcp_decision;

/* --- tcp_ecn.c: RFC 3168, 6.1; RFC 9768, 3 ----------------------------------------------- */

/* The peer's SYN or SYN-ACK decides on the mode. */
void tcp_ecn_agree(struct tcb *tcb, const struct segment *syn);
/* The peer's SYN came again. false: it contradicts the first, and the connection was reset. */
bool tcp_ecn_syn_again(struct tcb *tcb, const struct segment *syn);
/* The peer's SYN-ACK came again: it did not get our ACK. */
void tcp_ecn_syn_ack_again(struct tcb *tcb, const struct segment *syn_ack);
/* The first acceptable ACK in SYN-RECEIVED. */
void tcp_ecn_handshake_ack(struct tcb *tcb, const struct segment *seg);
/* An acceptable segment came with its IP-ECN field. */
void tcp_ecn_arrives(struct tcb *tcb, const struct segment *seg);
/* What an ACK that delivered `packets` and `bytes` says of marks, into the facts for recovery. */
void tcp_ecn_feedback(struct tcb *tcb, const struct segment *seg,
                      const struct sent_delivery *delivery, struct recovery_ack *facts);
void tcp_ecn_fill_syn(struct tcb *tcb, struct tcp_header *header);
/* Flags, IP-ECN field and the option of any other segment that carries an ACK. */
void tcp_ecn_fill(struct tcb *tcb, const struct tcp_decision *d, struct tcp_emission *out);
/* That segment left. */
void tcp_ecn_sent(struct tcb *tcb, const struct tcp_decision *d);
/* An AccECN option should go with the next segment, if there is room. */
enum tcp_ecn_wish { ECN_OPTION_NOT, ECN_OPTION_MAY, ECN_OPTION_MUST };
enum tcp_ecn_wish tcp_ecn_option_wish(const struct tcb *tcb);
/* CWR is part of a counter: a device that cuts super-segments would take it off all but the first
 * (RFC 9768, 3.3.4). */
bool tcp_ecn_forbids_bursts(const struct tcb *tcb);
/* The highest mode that a tunable's value lets a passive open accept. */
enum tcp_ecn_mode tcp_ecn_accepted(int64_t tcp_ecn);
/* What a SYN with these flags makes of a host that accepts `accepted` (Table 2). */
enum tcp_ecn_mode tcp_ecn_mode_of_syn(enum tcp_ecn_mode accepted, uint16_t flags);

/* --- tcp_decide.c, tcp_output.c
 * ------------------------------------------------------------------------ */

enum tcp_send_what {
    SEND_NOTHING,
    SEND_RESET,
    SEND_SYN,
    SEND_RETRANSMISSION,
    SEND_TEXT,
    SEND_FIN, /* alone, without text */
    SEND_WINDOW_PROBE,
    SEND_KEEP_ALIVE,
    SEND_ACK,
};

/* What the one decision says (DESIGN: the sender, the deadline and "why is nothing sent?" all use
 * it). */
struct tcp_decision {
    enum tcp_send_what what;
    seqno from;
    uint32_t len;              /* text bytes */
    uint32_t mss;              /* the most of them in one wire segment; set when it is built */
    bool fin;                  /* the FIN rides along */
    bool mtu_probe;            /* one packet, larger than is known to arrive (RFC 4821) */
    const char *because;       /* SEND_NOTHING: why; a static text */
    struct instant not_before; /* pacing: nothing before this; INSTANT_ZERO otherwise */
};
/* The first end of a record (MSG_EOR) behind `from`; UINT64_MAX: none. */
seqno tcp_record_end(const struct tcb *tcb, seqno from);
/* How many bytes congestion control lets leave now. */
uint64_t tcp_allowance(const struct tcb *tcb);
struct tcp_decision tcp_decide(const struct tcb *tcb, struct instant now);
/* All text has left, nothing of it is known to be lost, and there will be no FIN. */
static inline bool tcp_has_sent_all(const struct tcb *tcb)
{
    return tcb->snd.nxt == tcb->text.end && !tcb->fin_wanted && tcb->sent.lost_segments == 0;
}
/* Nobody waits for anything: whoever asks it for a segment will hear that there is none. */
static inline bool tcp_is_at_rest(const struct tcb *tcb)
{
    return tcb->state == TCP_ESTABLISHED && tcb->owed == 0 && tcb->snd.una == tcb->snd.nxt &&
           tcp_has_sent_all(tcb) && tcb->send_times.is == SENDING_NOTHING;
}
/* The same when text must not leave: an ACK, a probe, or nothing `because`. */
struct tcp_decision tcp_decide_without_text(const struct tcb *tcb, const char *because);

/* Pulls the next segment: false when there is nothing to send now. The text pieces stay valid until
 * the next call for this connection. */
bool tcp_next_segment(struct tcb *tcb, struct tcp_emission *out, struct instant now);
/* SACK blocks and AccECN counters of the next segment (RFC 9768, 3.2.3.3). */
struct tcp_option_plan tcp_plan_options(const struct tcb *tcb);
/* The most text one wire segment may carry now, options taken off (MUST-16). */
uint32_t tcp_effective_mss(const struct tcb *tcb);
/* Marks an ACK as owed and disarms the delayed one. */
void tcp_owe_ack(struct tcb *tcb);
void tcp_owe_ack_of_its_own(struct tcb *tcb); /* see tcp_answers_first() */
/* RFC 5961, 7: a challenge ACK, unless the limit of this connection says no. */
void tcp_owe_challenge_ack(struct tcb *tcb, struct instant now);
/* A bare reset with this sequence number, as an answer to a segment; the connection goes on unless
 * its state says otherwise. */
void tcp_owe_reset(struct tcb *tcb, seqno seq);
/* The reset that ends the connection from our side: SND.NXT, with an ACK (as Linux). */
void tcp_owe_final_reset(struct tcb *tcb);
/* The path carries `mtu` only: segments become smaller, larger ones in flight are lost (RFC 1191,
 * 8201). */
void tcp_apply_path_mtu(struct tcb *tcb, uint32_t mtu, struct instant now);
/* What our MSS option says: the device's MTU less fixed headers (MUST-67), whatever the path
 * towards the peer carries. */
uint32_t tcp_advertised_mss(const struct tcb *tcb);
/* A SYN, or in SYN-RECEIVED a SYN-ACK, with the timer that sends it again. */
void tcp_owe_syn(struct tcb *tcb, struct instant now);
/* Our window scale: for the largest buffer that there may be. */
uint8_t tcp_window_scale(const struct tcp_settings *settings, const struct tcp_tunables *tunables);
/* Recomputes `mss` from the peer's offer, the path and the user's wish. */
void tcp_set_mss(struct tcb *tcb);

/* --- tcp_fast_open.c: RFC 7413 ----------------------------------------------------------- */

/* Active OPEN: whether the SYN carries text, asks for a cookie, or is plain. */
void tcp_fast_open_begin(struct tcb *tcb, struct instant now);
/* SEND in SYN-SENT: text for the SYN. Bytes taken, -EAGAIN (it has left, or carries none), or
 * -ENOBUFS. */
int64_t tcp_fast_open_send(struct tcb *tcb, const void *data, size_t len);
/* The option of our SYN or SYN-ACK, if it has one. */
void tcp_fast_open_fill(const struct tcb *tcb, struct tcp_options *options);
/* Bytes of text on the SYN that is to leave now. */
uint32_t tcp_fast_open_text_of_syn(const struct tcb *tcb);
/* Our SYN was acknowledged, by a SYN-ACK or in a simultaneous open: what became of its text. */
void tcp_fast_open_answered(struct tcb *tcb, const struct segment *seg, struct instant now);
/* An error came back for our SYN. */
void tcp_fast_open_refused(struct tcb *tcb, struct instant now);
/* The `timeouts`-th in a row, and whether it was the last. */
enum tcp_persistence { TCP_GOES_ON, TCP_GIVES_UP };
void tcp_fast_open_timed_out(struct tcb *tcb, unsigned timeouts, enum tcp_persistence persistence,
                             struct instant now);
/* An early connection's handshake is complete, or it is over: it is pending no more. */
void tcp_fast_open_over(struct tcb *tcb);
/* It was reset while it was pending. */
void tcp_fast_open_reset(struct tcb *tcb, struct instant now);

/* --- tcp_mtu.c: RFC 4821 ----------------------------------------------------------------- */

/* The handshake is complete. */
void tcp_mtu_begin(struct tcb *tcb, struct instant now);
/* Bytes of text with which a probe may leave now; 0: none. */
uint32_t tcp_mtu_probe_length(const struct tcb *tcb, struct instant now);
void tcp_mtu_probe_sent(struct tcb *tcb, seqno from, uint32_t length);
/* SND.UNA has moved. */
void tcp_mtu_probe_acked(struct tcb *tcb, struct instant now);
/* Recovery has judged. */
void tcp_mtu_look_for_loss(struct tcb *tcb, struct instant now);
/* Something is sent again while a probe is on its way. */
void tcp_mtu_in_doubt(struct tcb *tcb, struct instant now);
/* A timeout; after tcp_retries1 of them. */
void tcp_mtu_suspect_black_hole(struct tcb *tcb, struct instant now);
/* Packet Too Big: true when the search takes it, as a bound. */
bool tcp_mtu_bounds_search(struct tcb *tcb, uint32_t mtu, struct instant now);

/* --- tcp_timeout.c ----------------------------------------------------------------------- */

/* The earliest of the control block's timers. */
struct instant tcp_deadline(const struct tcb *tcb);
/* Lets every timer that has come act. */
void tcp_timeout(struct tcb *tcb, struct instant now);
void tcp_set_timer(struct tcb *tcb, enum tcp_timer timer, struct instant when);
static inline void tcp_stop_timer(struct tcb *tcb, enum tcp_timer timer)
{
    tcb->timer[timer] = INSTANT_NEVER;
}
/* After anything that changed what is in flight or allowed: retransmission, probe, reordering and
 * persist timers as they should be now. */
void tcp_arm_timers(struct tcb *tcb, struct instant now);
/* The same after new text left while the retransmission timer runs (RFC 6298, 5.1: it goes on). */
void tcp_arm_after_text(struct tcb *tcb, struct instant now);
/* The same after a segment that acknowledged nothing new (RFC 6298, 5.3: only an ACK of new text
 * restarts the retransmission timer). */
void tcp_arm_after_no_news(struct tcb *tcb, struct instant now);
void tcp_start_time_wait(struct tcb *tcb, struct instant now);
void tcp_restart_keep_alive(struct tcb *tcb, struct instant now);

/* A timeout of the SYN or of text; and the answer that ends a row of them. */
void tcp_note_timeout(struct tcb *tcb, struct instant now);
void tcp_note_end_of_timeouts(struct tcb *tcb, struct instant now);

/* --- tcp_user.c -------------------------------------------------------------------------- */

/* Ends the connection with an error for the user; no segment is owed by this itself. */
void tcp_fail(struct tcb *tcb, int error, const char *because);
/* Puts a control block that belongs to no host into its first state (tests, tcp_demux.c). */
struct tcb_config {
    struct flow flow;
    const struct tcp_settings *settings;
    struct tcp_host *host;
    uint32_t path_mtu, largest, device_mtu;
    seqno iss;
    uint32_t ts_offset;
};
void tcp_tcb_init(struct tcb *tcb, const struct tcb_config *config, struct instant now);
void tcp_tcb_release(struct tcb *tcb);
/* In SYN-RECEIVED, as if the SYN-ACK with this ISN had been sent from here (SYN cookies). */
void tcp_restart_from_cookie(struct tcb *tcb, seqno iss, struct instant now);

/* It may have something to send, or a timer to move: the host looks at it before it says "nothing".
 */
void tcp_touch(struct tcb *tcb);
/* Its readiness may have changed. */
void tcp_note_change(struct tcb *tcb);
/* It may have nothing to do from now on. */
static inline void tcp_note_drowsy(struct tcb *tcb)
{
    if (!list_contains_node(&tcb->in_drowsy)) {
        tcb->looked_at = UINT32_MAX;
        list_append(&tcb->host->drowsy, &tcb->in_drowsy);
    }
}

/* The scene that recovery.h works on. */
struct recovery_scene tcp_recovery_scene(struct tcb *tcb);

#endif
