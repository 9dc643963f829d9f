/* A bottleneck before netem, which netem does not have: a queue bounded in bytes in front of a link
 * of a given rate, or of one that a trace describes, so that serialisation comes first and
 * propagation (netem's delay) after. It loses what does not fit (tail), or keeps the waiting time
 * short by CoDel (RFC 8289), or marks instead (RFC 3168). Used by impair_direction.c. */
#ifndef TUNNY_DEV_IMPAIR_QUEUE_H
#define TUNNY_DEV_IMPAIR_QUEUE_H

#include "dev/impair_trace.h"
#include "dev/netem.h"

enum impair_queue_kind { IMPAIR_QUEUE_NONE, IMPAIR_QUEUE_TAIL, IMPAIR_QUEUE_CODEL };

struct impair_queue_config {
    enum impair_queue_kind kind;
    uint32_t bytes; /* held at most */
    bool ecn;
    const struct impair_trace *trace; /* instead of the rate; or NULL */
};

enum impair_queue_verdict {
    IMPAIR_QUEUE_IDLE,    /* nothing is through yet */
    IMPAIR_QUEUE_THROUGH, /* the packet has been sent in full at `at` */
    IMPAIR_QUEUE_DROPPED, /* CoDel dropped it at `at` */
};

struct impair_queue {
    struct impair_queue_config config;
    uint64_t rate; /* bytes a second, > 0 without a trace */
    struct impair_trace_cursor cursor;
    struct netem_queue packets; /* `due`: when the packet came */
    uint32_t serving;           /* the packet on the wire */
    struct instant free_at;     /* when the wire is, or was, free again */
    uint32_t held;              /* the entry that was handed out last */
    uint64_t marked;
    /* RFC 8289, 5.3 */
    struct instant first_above, drop_next;
    uint32_t drops, last_drops;
    bool dropping;
};

/* 0 or -ENOMEM. */
int impair_queue_open(struct impair_queue *queue, const struct impair_queue_config *config,
                      uint64_t rate, size_t largest);
void impair_queue_close(struct impair_queue *queue);
/* Copies the packet into the queue; false when it does not fit. A full tail queue with `ecn` marks
 * from half its bytes on. */
bool impair_queue_offer(struct impair_queue *queue, const struct netem_arrival *arrival,
                        struct instant now);
/* The next packet that is through or dropped by `now`, when it came and when that was; its bytes
 * stay until the next call. */
enum impair_queue_verdict impair_queue_next(struct impair_queue *queue, struct instant now,
                                            struct netem_arrival *packet, struct instant *came,
                                            struct instant *at);
struct instant impair_queue_deadline(const struct impair_queue *queue);

#endif
