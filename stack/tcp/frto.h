/* F-RTO: after a timeout only the first segment is sent again, then new text; if what was never
 * sent again is acknowledged, the timeout was spurious (RFC 5682, 2.1 and, with SACK, 3.1). A leaf.
 */
#ifndef TUNNY_TCP_FRTO_H
#define TUNNY_TCP_FRTO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seq.h"

enum frto_step {
    FRTO_OFF,
    FRTO_FIRST_ACK,  /* step 2: the answer to the retransmission is awaited */
    FRTO_SECOND_ACK, /* step 3: two new segments may leave; the next ACK decides */
};

struct frto {
    enum frto_step step;
    seqno end;         /* SND.NXT at the timeout ("recover") */
    uint64_t new_text; /* bytes sent in step 3 */
};

struct frto_ack {
    seqno una;
    bool advanced; /* SND.UNA moved */
    bool duplicate;
    bool sack;         /* SACK is in use */
    seqno lowest_once; /* behind the lowest delivered piece that was sent once only; 0: none */
    bool new_sacks;    /* something was newly SACKed */
    uint64_t unsent;   /* new text that waits, bytes */
};

enum frto_verdict {
    FRTO_NOTHING_YET,
    FRTO_SEND_NEW_TEXT, /* step 2b: hold the retransmissions back */
    FRTO_SPURIOUS,
    FRTO_GENUINE, /* conventional recovery goes on */
};

void frto_begin(struct frto *frto, seqno nxt);
void frto_stop(struct frto *frto);
enum frto_verdict frto_on_ack(struct frto *frto, const struct frto_ack *ack);

#endif
