/* What was sent and is not yet acknowledged: the scoreboard (RFC 6675's, RFC 8985's). Each record
 * is one transmission (a super-segment too) and is cut exactly where a SACK block or a
 * retransmission begins or ends. Everything is O(log n) or paid for once a record. Allocates only
 * in sent_reserve(). Knows nothing of connections, windows or congestion. */
#ifndef TUNNY_TCP_SENT_H
#define TUNNY_TCP_SENT_H

#include "base/list.h"
#include "base/memory.h"
#include "base/seq.h"
#include "base/time.h"
#include "base/tree.h"
#include "tcp/cc.h"

enum sent_state {
    SENT_OUTSTANDING, /* in flight: counted in pipe */
    SENT_LOST,        /* taken as lost, to be sent again: not in pipe */
    SENT_SACKED, /* the peer has it: not in pipe, but kept until SND.UNA passes it (RFC 2018, 8) */
};

struct sent_record {
    struct tree_node node;       /* in `all`; its key is the first sequence number */
    struct tree_node state_node; /* in `lost` or in `sacked`, by the state; the same key */
    struct list in_time;    /* in `by_time`, while SENT_OUTSTANDING: oldest transmission first */
    seqno to;               /* behind the last sequence number (SYN and FIN count) */
    struct instant sent_at; /* of the last transmission */
    struct instant first_sent_at; /* of the first transmission ever */
    /* For delivery rates: the connection's state when it was last sent. */
    struct instant delivered_at, rate_start;
    uint64_t delivered, lost_before, in_flight;
    uint32_t ts;            /* our TSval in the last retransmission (RFC 8985, 6.2 step 2) */
    uint32_t transmissions; /* 1: never sent again */
    uint32_t segments;      /* wire packets */
    enum sent_state state;
    bool app_limited;
};

struct sent {
    struct tree all, lost, sacked;
    struct list by_time;
    struct pool *pool; /* of struct sent_record, shared by all connections */
    struct list spare; /* records ready for use, through in_time */
    uint32_t spare_count;
    struct sent_record own; /* without memory, too, one transmission can be in flight */
    uint64_t pipe_bytes, sacked_bytes, lost_bytes; /* sum: everything in `all` */
    uint32_t pipe_segments, sacked_segments, lost_segments;
    uint32_t retransmitted_segments; /* OUTSTANDING with transmissions > 1: tcpi_retrans */
    seqno highest_sacked;            /* behind the highest SACKed number ever; 0: none */
    /* Delivery rate (draft-cheng-iccrg-delivery-rate-estimation). */
    uint64_t delivered, lost_total; /* bytes since the connection began */
    struct instant delivered_at, rate_start;
    uint64_t last_rate; /* bytes a second: the newest sample that says something of the path */
    bool last_rate_app_limited;
    uint64_t app_limited_until; /* `delivered` at which the app-limited phase ends; 0: none */
    uint64_t lost_again;        /* how many times a retransmission was taken as lost */
    uint64_t touched; /* records looked at by all calls together: the measure of work in tests */
};

/* What one ACK delivered, gathered over its cumulative part and all its SACK blocks. */
struct sent_delivery {
    uint64_t acked_bytes;       /* cumulatively, SACKed before or not */
    uint64_t newly_acked_bytes; /* cumulatively, not SACKed before */
    uint64_t newly_sacked_bytes;
    uint64_t left_pipe_bytes;           /* of both, what had been OUTSTANDING */
    uint32_t newly_delivered_segments;  /* of both */
    bool retransmission_acked;          /* some of it had been sent more than once */
    bool never_retransmitted_delivered; /* some of it was sent only once */
    seqno highest_once; /* behind the highest delivered number that was sent only once; 0: none */
    seqno lowest_once;  /* behind the lowest delivered piece that was sent only once; 0: none
                           (reordering) */
    /* The most recently sent of what was delivered (RFC 8985, 6.2 step 2). */
    bool has_newest;
    struct instant newest_sent_at;
    seqno newest_to;
    bool newest_retransmitted;
    uint32_t newest_ts; /* when retransmitted: our TSval in it */
    struct instant newest_rate_start, newest_delivered_at;
    uint64_t newest_delivered, newest_lost_before, newest_in_flight;
    bool newest_app_limited;
    /* For an RTT sample by Karn's rule (RFC 6298, 3): the newest acknowledged or SACKed that was
     * sent once and did not wait behind a retransmission for its ACK. */
    bool has_rtt;
    bool rtt_beyond_hole; /* it was SACKed: something sent before it has not arrived */
    struct instant rtt_sent_at;
    seqno rtt_to;
};

void sent_init(struct sent *sent, struct pool *pool);
/* Gives all records back. */
void sent_clear(struct sent *sent);
/* With nothing in flight: records that wait ready go back to the pool, and what points into this
 * struct is taken out, so that it may be kept elsewhere (tcp_sleep.c); and the way back. */
void sent_pack(struct sent *sent);
void sent_unpack(struct sent *sent);

/* Nothing is in flight. */
static inline bool sent_is_empty(const struct sent *sent)
{
    return sent->all.count == 0;
}

/* Makes `count` records ready, so that the next sent_add() and cuts cannot fail. false: the budget
 * is used up (fewer are ready). The only call that allocates. Holds until the next
 * sent_acknowledge(): when nothing is in flight any more, all ready records but one go back to the
 * pool. */
bool sent_reserve(struct sent *sent, uint32_t count);

/* One record at least is ready: always so when nothing is in flight. */
static inline bool sent_can_add(const struct sent *sent)
{
    return sent->spare_count > 0;
}

/* [from, to) leaves for the first time, as `segments` wire packets. Needs one ready record
 * (CHECKed). */
void sent_add(struct sent *sent, seqno from, seqno to, uint32_t segments, struct instant now);
/* The application had no more to send: what is in flight now counts as app-limited. */
void sent_mark_app_limited(struct sent *sent);

/* SND.UNA moved to `una`: forgets what is below, cutting a record that straddles it. */
void sent_acknowledge(struct sent *sent, seqno una, uint32_t mss, struct sent_delivery *delivery,
                      struct instant now);
/* The peer holds [left, right). What lies outside of what is outstanding is ignored. Cuts at both
 * edges when records are ready, and inside of single segments a limited number of times
 * (CVE-2019-11478); else the edge is drawn inwards. Neighbours that are both SACKed become one
 * record. */
void sent_sack(struct sent *sent, seqno left, seqno right, uint32_t mss,
               struct sent_delivery *delivery, struct instant now);
/* Ends a round of the two calls above: the rate sample of this ACK (rate->delivered 0: none).
 * `min_rtt`: shorter intervals give no sample; 0 when not known. */
void sent_rate_sample(struct sent *sent, const struct sent_delivery *delivery,
                      struct duration min_rtt, struct rate_sample *rate, struct instant now);

/* Takes the record as lost. It must be OUTSTANDING. */
void sent_mark_lost(struct sent *sent, struct sent_record *record);
/* The peer reneged: SACK marks are forgotten. What was SACKED left the network long ago, so it
 * becomes LOST, to be sent again (RFC 2018, 8). */
void sent_forget_sacks(struct sent *sent);
/* An undo: LOST records are OUTSTANDING again. */
void sent_restore_lost(struct sent *sent);

/* The lowest lost record, or NULL. */
struct sent_record *sent_first_lost(const struct sent *sent);
/* The lowest record of all, the highest of all, or NULL. */
struct sent_record *sent_first(const struct sent *sent);
struct sent_record *sent_last(const struct sent *sent);
struct sent_record *sent_after(const struct sent_record *record);
struct sent_record *sent_before(const struct sent_record *record);
/* The OUTSTANDING record whose last transmission is oldest, and the one sent next after it; or
 * NULL. */
struct sent_record *sent_oldest(const struct sent *sent);
struct sent_record *sent_later(const struct sent *sent, const struct sent_record *record);
/* The OUTSTANDING record whose last transmission is newest, or NULL. */
struct sent_record *sent_newest(const struct sent *sent);
/* The highest SACKED record, and the next SACKED one below `record`; or NULL. */
struct sent_record *sent_highest_sacked(const struct sent *sent);
struct sent_record *sent_sacked_below(const struct sent_record *record);
/* The record that holds `at` or, when it lies in none, the next higher one; or NULL. */
struct sent_record *sent_at_or_after(const struct sent *sent, seqno at);
static inline seqno sent_from(const struct sent_record *record)
{
    return record->node.key;
}

/* Cuts a record in two at `at`, strictly inside; the first part is returned, the second follows it.
 * When no record is ready nothing is cut and the whole is returned. */
struct sent_record *sent_cut(struct sent *sent, struct sent_record *record, seqno at, uint32_t mss);
/* The record (LOST, or OUTSTANDING for a probe) leaves again. */
void sent_again(struct sent *sent, struct sent_record *record, struct instant now);

/* Tests and tcp_check(): all sums, orders and lists agree. */
void sent_check(const struct sent *sent);

#endif
