/* When to acknowledge (RFC 9293, 3.8.6.3; RFC 5681, 4.2): at once or a little later, following the
 * peer's rhythm as Linux does. A leaf without a clock. */
#ifndef TUNNY_TCP_ACK_POLICY_H
#define TUNNY_TCP_ACK_POLICY_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"
#include "tcp/tunables.h"

struct ack_policy {
    seqno acked;           /* RCV.NXT as the last ACK said it */
    struct duration delay; /* the current delayed-ACK time; 0: no text arrived yet */
    struct instant last_text;
    uint32_t segment_size; /* the peer's usual segment, bytes: estimated */
    uint8_t quick;         /* ACKs that still go out at once */
    bool interactive;      /* the user answers text with text: ACKs can ride on it */
};

enum ack_urgency { ACK_AT_ONCE, ACK_LATER };

void ack_policy_init(struct ack_policy *policy, seqno next, uint32_t mss);

/* In-order text arrived (`largest`: bytes of its largest wire segment): how soon to acknowledge it.
 */
enum ack_urgency ack_policy_text(struct ack_policy *policy, const struct tcp_tunables *tunables,
                                 seqno next, uint32_t largest, uint32_t window, struct duration rto,
                                 struct instant now);
/* How long a delayed ACK may wait from now, less than 500 ms (MUST-40). */
struct duration ack_policy_delay(const struct ack_policy *policy,
                                 const struct tcp_tunables *tunables, struct duration srtt);
/* An ACK left, by itself or on text (`with_text`: the connection looks interactive). */
enum ack_carrier { ACK_ALONE, ACK_ON_TEXT };
void ack_policy_sent(struct ack_policy *policy, seqno next, enum ack_carrier carrier,
                     struct instant now);
/* The delayed ACK's time came: wait longer next time. */
void ack_policy_expired(struct ack_policy *policy, const struct tcp_tunables *tunables);
/* Out-of-order text, or the user's TCP_QUICKACK: the next ACKs go out at once. */
void ack_policy_quicken(struct ack_policy *policy, const struct tcp_tunables *tunables,
                        uint32_t window);

#endif
