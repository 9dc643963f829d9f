/* Losses found by counting: what is SACKed above (RFC 6675, 4: IsLost) or, without SACK, duplicate
 * and partial ACKs (RFC 6582). Also the one way in which any module takes a record as lost, so that
 * each mark is told to the trace. A leaf: it sees the scoreboard only. */
#ifndef TUNNY_TCP_LOSSES_H
#define TUNNY_TCP_LOSSES_H

#include "tcp/sent.h"
#include "trace/trace.h"

/* Takes an OUTSTANDING record as lost; `because`: a static text for the trace. */
void losses_mark(struct sent *sent, struct sent_record *record, struct trace *trace,
                 const char *because);
void losses_mark_all(struct sent *sent, struct trace *trace, const char *because);
/* What was last sent before `when` is lost. */
void losses_mark_sent_before(struct sent *sent, struct instant when, struct trace *trace,
                             const char *because);

/* The lowest record, if it is OUTSTANDING and was sent only once: its first `mss` bytes are lost.
 */
void losses_mark_head(struct sent *sent, uint32_t mss, struct trace *trace, const char *because);

/* What was sent once and lies in [*treated, below) is lost; *treated becomes `below`. So each
 * record is looked at once, whatever the peer SACKs. */
void losses_mark_below(struct sent *sent, seqno *treated, seqno below, struct trace *trace,
                       const char *because);

/* RFC 6675, 4: what lies below this number is lost: `dup_threshold` ranges or more than
 * (dup_threshold - 1) * smss bytes are SACKed above it. 0: nothing is. At most `dup_threshold`
 * steps. */
seqno losses_edge(const struct sent *sent, uint32_t dup_threshold, uint32_t smss);

/* Something arrived `distance` bytes below what had arrived before: the duplicate threshold that
 * would not have taken it as lost, at least `dup_threshold`, at most 300 (as tcp_reordering). */
uint32_t losses_threshold_after_reordering(uint32_t dup_threshold, uint64_t distance,
                                           uint32_t smss);

#endif
