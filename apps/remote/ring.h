/* A connection's text in memory that two processes share: one ring of bytes each way, and what each
 * side has to tell the other besides. Neither trusts the other: a word of the other's is read once
 * and believed only within its bounds, one's own place is never read from there. No locks, no
 * system calls: whoever falls asleep says so, and who then finds it asleep has to wake it. Used by
 * the process that holds the stack (run/rings.c) and by the others (remote.c). */
#ifndef TUNNY_REMOTE_RING_H
#define TUNNY_REMOTE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { RING_LEAST = 4096, RING_MOST = 1 << 26, RING_PAGE = 4096 };

/* One direction. Positions count bytes since the beginning, modulo 2^32. */
struct ring_words {
    _Alignas(64) _Atomic uint32_t tail; /* the writer's: up to here there is text */
    _Atomic uint32_t ended;             /* the writer's: tail will not move any more */
    _Atomic uint32_t writer_sleeps;     /* it waits for room */
    _Alignas(64) _Atomic uint32_t head; /* the reader's: up to here it was taken */
    _Atomic uint32_t reader_sleeps;     /* it waits for text, an end or news */
};

enum ring_life { RING_FRESH, RING_LISTENING, RING_CONNECTING, RING_OPEN, RING_OVER };

/* The first page of the shared memory; out's bytes and then in's follow it. */
struct ring_page {
    struct ring_words out, in;       /* from the program to the stack, and back */
    _Alignas(64) _Atomic int life;   /* the stack's: enum ring_life */
    _Atomic int error;               /* the stack's: why it is over, an errno; 0: closed */
    _Alignas(64) _Atomic int closed; /* the program's: it will not look here any more */
};

/* What one side knows of one direction. */
struct ring_end {
    struct ring_words *words;
    uint8_t *data;
    uint32_t size;     /* bytes, a power of two */
    uint32_t position; /* one's own: tail for the writer, head for the reader */
};

/* Bytes of memory for two rings of that size. */
size_t ring_memory_size(uint32_t size);
/* Makes such memory, which cannot shrink or grow: a descriptor or a negative errno. */
int ring_memory_make(uint32_t size);
/* Maps it: 0, or a negative errno (-EPROTO: it is not of that size, or could be made shorter). */
int ring_memory_map(int descriptor, uint32_t size, struct ring_page **page);
void ring_memory_unmap(struct ring_page *page, uint32_t size);
/* Both ends as they are at the beginning. */
void ring_ends(struct ring_page *page, uint32_t size, struct ring_end *out, struct ring_end *in);

/* --- the writer --------------------------------------------------------------------------------
 */

/* Bytes of room and where: in one or two pieces, of at most `most` together. -EPROTO: the reader's
 * word is impossible. */
ssize_t ring_room(const struct ring_end *end, size_t most, struct iovec pieces[2]);
/* `length` bytes were written there. True: the reader sleeps and must be woken. */
bool ring_written(struct ring_end *end, size_t length);
/* No more will be written. The same. */
bool ring_finish(struct ring_end *end);

/* --- the reader --------------------------------------------------------------------------------
 */

/* Bytes of text and where; 0: none now. -EPROTO: the writer's word is impossible. */
ssize_t ring_text(const struct ring_end *end, size_t most, struct iovec pieces[2]);
/* `length` bytes were taken. True: the writer sleeps and must be woken. */
bool ring_taken(struct ring_end *end, size_t length);
/* The writer has finished and everything was taken. */
bool ring_is_at_end(const struct ring_end *end);

/* --- both --------------------------------------------------------------------------------------
 */

/* Says that this side, the reader or the writer of that direction, will be asleep. After it one
 * looks a last time: what came before may not have seen it. */
void ring_fall_asleep_reading(const struct ring_end *end);
void ring_fall_asleep_writing(const struct ring_end *end);
/* Whether the other side sleeps; it does not any more. For news that is not text. */
bool ring_must_wake(struct ring_page *page, bool the_program);

#endif
