/* A second opinion: SEGMENT ARRIVES of RFC 9293, 3.10.7, as a small model written from the text of
 * the RFC alone, in its own words and with numbers of 32 bits, to judge the stack by. It knows
 * nothing of stack/tcp/ and shares no code with it. Where later RFCs, or a choice that RFC 9293
 * leaves, make a stack differ, the choice is a named policy. Used by tests/support/grid.c. */
#ifndef TUNNY_TESTS_ORACLE_H
#define TUNNY_TESTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

enum oracle_state {
    ORACLE_CLOSED,
    ORACLE_LISTEN,
    ORACLE_SYN_SENT,
    ORACLE_SYN_RECEIVED,
    ORACLE_ESTABLISHED,
    ORACLE_FIN_WAIT_1,
    ORACLE_FIN_WAIT_2,
    ORACLE_CLOSE_WAIT,
    ORACLE_CLOSING,
    ORACLE_LAST_ACK,
    ORACLE_TIME_WAIT,
};
const char *oracle_state_name(enum oracle_state state);

/* The control bits as they stand in a header (RFC 9293, 3.1). */
enum oracle_bit {
    ORACLE_FIN = 0x01,
    ORACLE_SYN = 0x02,
    ORACLE_RST = 0x04,
    ORACLE_ACK = 0x10,
    ORACLE_URG = 0x20,
    ORACLE_ECE = 0x40,
    ORACLE_CWR = 0x80,
};

/* Where a stack may, or does, differ from the bare words of 3.10.7. All false: the bare words. */
struct oracle_policy {
    /* RFC 5961, 3.2 and 4.2 (RFC 9293: "if RFC 5961 is implemented"): a reset counts only exactly
     * at RCV.NXT, elsewhere in the window it is challenged; so is every SYN. */
    bool challenge_acks;
    /* RFC 5961, 5.2 (MAY-12): SEG.ACK below SND.UNA - MAX.SND.WND is refused with an ACK. Only in
     * synchronized states: in SYN-RECEIVED RFC 9293 wants a reset. */
    bool ack_range;
    /* RFC 1337, 3: a reset does not end TIME-WAIT. */
    bool time_wait_ignores_resets;
    /* RFC 9293, 3.6.1 (MAY-2): a SYN with a higher number ends TIME-WAIT. */
    bool time_wait_takes_syns;
    /* CVE-2012-6638: a SYN with a FIN is no request. */
    bool listen_drops_syn_fin;
    /* The peer's SYN again in SYN-RECEIVED: it did not get our SYN-ACK, which goes again at once
     * (as Linux) where 3.10.7.4, first, would have an ACK, and the
     * fourth LISTEN: with text (RFC 7413) it may be acceptable. */
    bool syn_again_draws_syn_ack;
    /* RFC 9293, 3.5, Figure 8: the SYN-ACK of a simultaneous open ends it, although its number is
     * that of a SYN that was taken before. */
    bool crossing_syn_ack_is_taken;
    /* Text and FIN that ride on a SYN-ACK are not kept (they come again); a FIN alone is. */
    bool syn_ack_text_is_left;
    /* A FIN that stands at RCV.NXT is taken although the window ends there (as Linux). */
    bool fin_at_closed_window;
    /* An old timestamp on an ACK that is empty, stands at RCV.NXT, acknowledges nothing new, leaves
     * the window alone and is late by fewer milliseconds than this: it was overtaken, and goes on
     * (as Linux, where 7323, 5.3, R1, would drop it). 0: none does. */
    uint32_t overtaken_ack_ms;
    /* A second FIN is acknowledged and not counted: 3.10.7.4, eighth, taken literally, would move
     * RCV.NXT over it. */
    bool one_fin;
    /* RFC 3168, 6.1.1: an ECN-setup SYN is answered by an ECN-setup SYN-ACK. */
    bool accepts_ecn;
    /* RFC 7323, 3.2: without the timestamps that were agreed on, a segment is dropped in silence.
     */
    bool timestamps_are_required;
    /* TS.Recent follows a segment only when its ACK passed the fifth step, where RFC 7323, 4.3, has
     * it in the first: against CVE-2005-0356, a forged timestamp with a guessed ACK. */
    bool timestamps_wait_for_ack;
    /* A reset at the edge behind the text that was last reported by SACK counts as one at RCV.NXT
     * (as Linux). */
    bool reset_at_sack_edge;
};

struct oracle_segment {
    uint32_t seq, ack;
    unsigned bits; /* enum oracle_bit */
    uint32_t wnd;
    uint16_t up;
    const uint8_t *text;
    uint32_t text_len;
    bool has_ts;
    uint32_t ts_val;
};

/* What is sent in answer. */
struct oracle_reply {
    unsigned bits;     /* 0: nothing */
    uint32_t seq, ack; /* ack is meaningless without ORACLE_ACK */
    bool new_iss;      /* of a new incarnation: any number above `seq` (MAY-2) */
};

enum { ORACLE_TEXT = 4096 };

struct oracle {
    struct oracle_policy policy;
    enum oracle_state state;
    bool passive;
    struct {
        uint32_t una, nxt, wnd, wl1, wl2, iss, max_wnd;
        uint32_t fin;
        bool has_fin; /* a FIN was sent; its number is `fin` */
    } snd;
    struct {
        uint32_t nxt, irs, edge; /* edge: RCV.NXT + RCV.WND, as the peer was told */
        uint32_t up;
        uint32_t fin;
        bool fin_known, fin_taken;
    } rcv;
    bool urgent_signal; /* the user is to be told of urgent data */
    struct {
        bool offered, ok; /* we offer them; both sides did (Snd.TS.OK) */
        uint32_t recent, last_ack_sent;
    } ts;
    bool sack;
    uint32_t sack_edge;        /* behind the highest text that is held */
    uint8_t text[ORACLE_TEXT]; /* by distance from IRS + 1 */
    bool here[ORACLE_TEXT];
    const char *step; /* where the last segment's way ended, for the story of a failed test */
    bool took_effect; /* the last segment changed something */
};

/* Beginnings: a listener, and an active OPEN; our initial sequence number is chosen by the test. */
void oracle_listens(struct oracle *oracle, const struct oracle_policy *policy, uint32_t iss);
void oracle_opens(struct oracle *oracle, const struct oracle_policy *policy, uint32_t iss);
/* The user's SEND of text that leaves at once, and CLOSE. */
void oracle_sends(struct oracle *oracle, uint32_t len);
void oracle_closes(struct oracle *oracle);

struct oracle_reply oracle_arrives(struct oracle *oracle, const struct oracle_segment *segment);
/* What the stack really sent: the window that the peer was told, and Last.ACK.sent. False: the
 * right edge moved back (9293-U-19). */
bool oracle_hears_sent(struct oracle *oracle, unsigned bits, uint32_t ack, uint32_t wnd);
/* How much text is in order, and may be read, since the connection began. */
uint32_t oracle_delivered(const struct oracle *oracle);

#endif
