/* The user's text on its way out, kept from SND.UNA until it is acknowledged (RFC 9293, 3.9.1.2).
 * Text lies in a ring under its own sequence numbers; retransmission cuts it anew from there. A
 * leaf. */
#ifndef TUNNY_TCP_SEND_BUFFER_H
#define TUNNY_TCP_SEND_BUFFER_H

#include "base/ring.h"
#include "base/seq.h"

struct send_buffer {
    struct ring ring;
    seqno begin;    /* the oldest byte that is kept */
    seqno end;      /* behind the newest byte */
    uint32_t limit; /* bytes it may hold: the user's SO_SNDBUF, or what autotuning gave */
};

/* Starts empty at `first`, the sequence number of the first byte of text (ISS + 1). No storage yet.
 */
void send_buffer_init(struct send_buffer *buffer, seqno first, uint32_t limit);
void send_buffer_release(struct send_buffer *buffer, struct memory *memory);

static inline size_t send_buffer_held(const struct send_buffer *buffer)
{
    return (size_t)(buffer->end - buffer->begin);
}

/* Bytes that may be added now. */
static inline size_t send_buffer_room(const struct send_buffer *buffer)
{
    size_t held = send_buffer_held(buffer);
    return held < buffer->limit ? buffer->limit - held : 0;
}

/* Copies as much of `data` as there is room for and returns how much; the ring grows as needed.
 * -ENOBUFS when the budget has nothing for even one byte. */
int64_t send_buffer_append(struct send_buffer *buffer, struct memory *memory, const void *data,
                           size_t len);
/* The zero-copy form: room for at most `len` bytes behind the newest, in up to two pieces; returns
 * the sum. 0: no room; -ENOBUFS. The bytes count only after send_buffer_commit(). */
int64_t send_buffer_rooms(struct send_buffer *buffer, struct memory *memory, size_t len,
                          struct room rooms[2]);
void send_buffer_commit(struct send_buffer *buffer, size_t len);

/* The bytes [from, from + len), in up to two pieces, for transmission. */
void send_buffer_pieces(const struct send_buffer *buffer, seqno from, size_t len,
                        struct bytes pieces[2]);

/* Everything before `una` is acknowledged. */
void send_buffer_acknowledge(struct send_buffer *buffer, seqno una);

#endif
