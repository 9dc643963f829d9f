/* Text on its way in (RFC 9293, 3.10.7.4, seventh; SHLD-31): put in order, duplicates removed, kept
 * until the user takes it. Text lies in a ring under its own sequence numbers, in order or not; the
 * first copy of a byte wins, whatever a later segment says. A leaf: allocates only in
 * reassembly_make_room(). */
#ifndef TUNNY_TCP_REASSEMBLY_H
#define TUNNY_TCP_REASSEMBLY_H

#include "base/ranges.h"
#include "base/ring.h"
#include "base/seq.h"

enum { REASSEMBLY_RANGES_MOST = 4096 };

struct reassembly {
    struct ring ring;
    struct ranges held; /* beyond `next`: arrived out of order */
    seqno read;         /* the first byte that the user has not taken */
    seqno next;         /* the first byte that has not arrived in order: RCV.NXT, FIN aside */
    uint32_t limit;     /* bytes the user may leave unread: half of SO_RCVBUF */
};

void reassembly_init(struct reassembly *reassembly, struct pool *pool, seqno first, uint32_t limit);
void reassembly_release(struct reassembly *reassembly, struct memory *memory);

/* Storage for text up to `end` exists afterwards. 0, or -ENOBUFS. Called before the segment is
 * judged, so that judging allocates nothing. */
int reassembly_make_room(struct reassembly *reassembly, struct memory *memory, seqno end);

enum reassembly_result {
    REASSEMBLY_IN_ORDER,     /* `next` advanced, nothing had been waiting behind it */
    REASSEMBLY_FILLED_HOLE,  /* `next` advanced into a hole with text behind it: all of it or a part
                              */
    REASSEMBLY_OUT_OF_ORDER, /* kept beyond a hole */
    REASSEMBLY_DUPLICATE,    /* nothing new in it */
    REASSEMBLY_REFUSED,      /* too many holes: not kept */
};

/* Adds text at `at`; all of it lies below the ring's end and is trimmed to the window by the
 * caller. */
enum reassembly_result reassembly_add(struct reassembly *reassembly, seqno at, struct bytes text);

/* The free storage behind `next` in one piece, with `margin` bytes of storage in front of it; len 0
 * when something is held out of order there. */
struct room reassembly_landing(const struct reassembly *reassembly, size_t margin);

/* In-order bytes that the user has not taken. */
static inline size_t reassembly_unread(const struct reassembly *reassembly)
{
    return (size_t)(reassembly->next - reassembly->read);
}

/* Copies up to `len` bytes from `read + offset` without taking them; returns how many. */
size_t reassembly_peek(const struct reassembly *reassembly, size_t offset, void *data, size_t len);
/* The zero-copy form: up to `len` bytes in two pieces; returns the sum. */
size_t reassembly_pieces(const struct reassembly *reassembly, size_t len, struct bytes pieces[2]);
/* The user has taken `len` bytes. */
void reassembly_take(struct reassembly *reassembly, size_t len);

#endif
