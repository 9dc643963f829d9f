/* F-RTO (RFC 5682). Called by recovery.c for each ACK after a timeout; it must not know the
 * scoreboard: what an ACK delivered is told to it. */
#include "tcp/frto.h"

void frto_begin(struct frto *frto, seqno nxt)
{
    *frto = (struct frto){.step = FRTO_FIRST_ACK, .end = nxt};
}

void frto_stop(struct frto *frto)
{
    frto->step = FRTO_OFF;
}

static enum frto_verdict conclude(struct frto *frto, enum frto_verdict verdict)
{
    frto->step = FRTO_OFF;
    return verdict;
}

static enum frto_verdict first_ack(struct frto *frto, const struct frto_ack *ack)
{
    if (!ack->advanced) {
        /* 3.1 step 2: with SACK, duplicate ACKs before the answer change the scoreboard only.
         * 2.1 step 2a: without, a duplicate ACK means that something is missing. */
        return ack->duplicate && !ack->sack ? conclude(frto, FRTO_GENUINE) : FRTO_NOTHING_YET;
    }
    /* 2a: all is acknowledged: it cannot be told. 2b: without new text nor can it. */
    if (ack->una >= frto->end || ack->unsent == 0)
        return conclude(frto, FRTO_GENUINE);
    frto->step = FRTO_SECOND_ACK;
    return FRTO_SEND_NEW_TEXT;
}

static enum frto_verdict second_ack(struct frto *frto, const struct frto_ack *ack)
{
    bool original_arrived = ack->lowest_once != 0 && ack->lowest_once <= frto->end;
    /* 2.1 step 3b and 3.1 step 3b: it was in flight all the time. Without SACK only an advance says
     * so. */
    if (original_arrived)
        return conclude(frto, FRTO_SPURIOUS);
    /* Step 3a: the new text arrived, or a duplicate says that the old is missing. */
    if (ack->advanced || ack->duplicate || ack->new_sacks)
        return conclude(frto, FRTO_GENUINE);
    return FRTO_NOTHING_YET;
}

enum frto_verdict frto_on_ack(struct frto *frto, const struct frto_ack *ack)
{
    switch (frto->step) {
    case FRTO_OFF:
        return FRTO_NOTHING_YET;
    case FRTO_FIRST_ACK:
        return first_ack(frto, ack);
    case FRTO_SECOND_ACK:
        return second_ack(frto, ack);
    }
    return FRTO_NOTHING_YET;
}
