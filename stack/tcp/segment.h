/* A segment as RFC 9293, 3.3.1 speaks of it: SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND, SEG.UP, with
 * sequence numbers unwrapped and the window scaled. Made from a header at the door (tcp_demux.c),
 * read by everything behind it. */
#ifndef TUNNY_TCP_SEGMENT_H
#define TUNNY_TCP_SEGMENT_H

#include "base/bytes.h"
#include "base/seq.h"
#include "wire/tcp_header.h"

struct segment {
    seqno seq;
    seqno ack;              /* meaningless without TCP_ACK in flags */
    uint32_t len;           /* SEG.LEN: text, and SYN and FIN */
    uint32_t wnd;           /* bytes, scaled */
    seqno up;               /* the octet behind the urgent data; meaningless without TCP_URG */
    uint16_t flags;         /* enum tcp_flag */
    uint8_t ecn;            /* the IP header's two bits */
    uint16_t wire_segments; /* how many wire packets a super-segment stands for; at least 1 */
    struct bytes text;      /* borrowed */
    const struct tcp_options *options;
};

enum { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

/* The sequence number of the first byte of text. */
static inline seqno segment_text_at(const struct segment *s)
{
    return s->seq + (s->flags & TCP_SYN ? 1 : 0);
}

/* Behind the last byte of text: where a FIN stands. */
static inline seqno segment_text_end(const struct segment *s)
{
    return segment_text_at(s) + s->text.len;
}

#endif
