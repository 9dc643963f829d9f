/* Accurate ECN (RFC 9768): what a receiver counts and says, and what a sender makes of it: the ACE
 * field of three bits, and the byte counters of the AccECN option. A leaf: it sees no connection,
 * and it neither negotiates nor decides what congestion means. */
#ifndef TUNNY_TCP_ACCECN_H
#define TUNNY_TCP_ACCECN_H

#include "tcp/segment.h"
#include "wire/tcp_header.h"

enum { ACCECN_COUNTERS = 3, ACCECN_CODEPOINTS = 4 };

/* 3.2: r.cep, r.ceb, r.e0b and r.e1b. */
struct accecn_receiver {
    uint64_t cep;                      /* CE-marked packets, from 5 */
    uint64_t bytes[ACCECN_CODEPOINTS]; /* text by the IP-ECN field, from 1, 1 and (CE) 0 */
    uint64_t told_cep;                 /* as the last ACK said it */
    uint64_t told[ACCECN_CODEPOINTS];  /* as the last option said them */
    uint8_t last;                      /* the IP-ECN field of the packet before */
};

/* 3.2: s.cep, s.ceb, s.e0b and s.e1b. */
struct accecn_sender {
    uint64_t cep;
    uint64_t bytes[ACCECN_CODEPOINTS];
    /* Since the last option: what was credited to CE by guess, and what was delivered. */
    uint64_t guessed_packets, guessed_bytes;
    uint64_t packets, delivered;
    bool option_ignored; /* 3.2.3.2.4: its first counters were zero */
};

/* An ACK that has not been superseded. */
struct accecn_ack {
    unsigned ace;     /* 0..7 */
    uint32_t packets; /* newly delivered by it, of any marking */
    uint64_t bytes;
    uint32_t mss;
    const struct tcp_options *options;
};

/* What it says. */
struct accecn_news {
    uint64_t ce_packets, ce_bytes; /* ce_bytes: at most what the ACK delivered */
    bool contradiction; /* the option counts marks that the ACE field denies (3.2.3.2.5) */
};

/* --- the field and its handshake form ---------------------------------------------------- */

/* AE, CWR and ECE as one number, and back (3.2.2, Figure 3). */
static inline unsigned accecn_ace_of(uint16_t flags)
{
    return flags >> 6 & 7u;
}
static inline uint16_t accecn_flags_of(unsigned ace)
{
    return (uint16_t)((ace & 7u) << 6);
}
/* The code for an IP-ECN field that came on a SYN or SYN-ACK (Tables 2 and 3): 2, 3, 4 or 6. */
unsigned accecn_handshake_code(uint8_t ecn);
/* Which field it stands for; codes that nobody uses yet say that nothing changed (3.1.3, Table 4,
 * note 2): `unchanged`. */
uint8_t accecn_handshake_field(unsigned code, uint8_t unchanged);

/* --- the data receiver ------------------------------------------------------------------- */

void accecn_receiver_init(struct accecn_receiver *receiver);
/* An acceptable packet (or super-segment of `packets`) that is no SYN came with this IP-ECN field
 * and `text` bytes. Returns whether an ACK is due at once (3.2.2.5.1); `unacknowledged`: text waits
 * for an ACK. */
bool accecn_packet(struct accecn_receiver *receiver, uint8_t ecn, uint32_t packets, uint32_t text,
                   bool unacknowledged);
/* A byte counter has changed since the last option. */
bool accecn_option_is_due(const struct accecn_receiver *receiver);
/* How many counters to send when `room` fit (0..3), and in which order: all that changed since the
 * last option are among them; -1: they do not fit, and the option must be left out (3.2.3.3). */
int accecn_plan(const struct accecn_receiver *receiver, int room, uint8_t *order);
/* Writes the option with `count` counters. */
void accecn_fill(const struct accecn_receiver *receiver, int count, uint8_t order,
                 struct tcp_options *options);
/* An ACK left, with this option or (count < 0) with none. */
void accecn_told(struct accecn_receiver *receiver, int count, uint8_t order);

/* --- the data sender --------------------------------------------------------------------- */

void accecn_sender_init(struct accecn_sender *sender);
/* The first option of a connection: zeroed counters are not believed (3.2.3.2.4). */
void accecn_test_option(struct accecn_sender *sender, const struct tcp_options *options);
/* Decodes what an ACK says; the safest likely case where the field may have wrapped (3.2.2.5.2). */
struct accecn_news accecn_feedback(struct accecn_sender *sender, const struct accecn_ack *ack);

#endif
