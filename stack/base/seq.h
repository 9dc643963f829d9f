/* Sequence numbers (RFC 9293, 3.4). On the wire they are 32 bits and wrap; inside they are 64 bits
 * and do not, so that `snd.una < seg.ack && seg.ack <= snd.nxt` is the RFC's sentence itself. The
 * two meet only where a header becomes a segment and back. Called by tcp/; knows nothing else. */
#ifndef TUNNY_BASE_SEQ_H
#define TUNNY_BASE_SEQ_H

#include <stdint.h>

/* An unwrapped sequence number. Its low 32 bits are the number on the wire. */
typedef uint64_t seqno;

/* A sequence number as it stands in a header: not comparable on purpose. */
struct wire_seq {
    uint32_t u32;
};

/* What a connection adds to its 32-bit initial sequence number, so that numbers a little older
 * than it ("SND.UNA - MAX.SND.WND") are still positive. */
#define SEQ_FIRST_EPOCH (UINT64_C(1) << 32)

/* The seqno with these low 32 bits that lies nearest to `near`: within [near - 2^31, near + 2^31).
 * `near` must be at least 2^31. */
static inline seqno seq_unwrap(struct wire_seq wire, seqno near)
{
    int32_t distance = (int32_t)(wire.u32 - (uint32_t)near);
    return near + (seqno)(int64_t)distance;
}

/* The form of `number` that goes into a header: modulo 2^32. */
static inline struct wire_seq seq_wrap(seqno number)
{
    return (struct wire_seq){(uint32_t)number};
}

static inline seqno seq_min(seqno a, seqno b)
{
    return a < b ? a : b;
}

static inline seqno seq_max(seqno a, seqno b)
{
    return a > b ? a : b;
}

#endif
