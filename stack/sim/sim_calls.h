/* One call that sends or receives for a user of a world, plain or of a kind that chance decides.
 * Called by sim_end.c. */
#ifndef TUNNY_SIM_SIM_CALLS_H
#define TUNNY_SIM_SIM_CALLS_H

#include "sim/sim_end.h"

/* At most `left` bytes of the user's text. Bytes taken, or a negative errno. */
int64_t sim_call_send(struct sim_end *end, uint64_t left);
/* Bytes read and compared, 0 at the end of the text, or a negative errno. */
int64_t sim_call_receive(struct sim_end *end);

/* Hears which of the sends with MSG_ZEROCOPY were acknowledged. */
void sim_call_reap(struct sim_end *end);

/* The text of a direction from `position` on; 64 KiB of it lie in one piece. */
const uint8_t *sim_text(const struct sim_end *sender, uint64_t position);

#endif
