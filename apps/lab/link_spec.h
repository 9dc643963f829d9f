/* From a cell of the grid to the words that the link between the two ends understands (netem's,
 * see tunny(1), --impair). Called by run.c. Reads and writes text only. */
#ifndef TUNNY_LAB_LINK_SPEC_H
#define TUNNY_LAB_LINK_SPEC_H

#include "lab/grid.h"

enum { LINK_SPEC_SIZE = 2048 };

/* Forward is from the tested end, near, to the other one, far. Data goes one way and meets
 * everything that the cell says; its acknowledgements come back and meet half the RTT only. In the
 * section's schedule "data" and "acks" name the two. 0; -ENAMETOOLONG. */
int link_spec_of(const struct cell *cell, char spec[LINK_SPEC_SIZE]);

/* Bytes of the bottleneck's queue: what the cell says, where "bdp" is rate times RTT, at least
 * 32 KiB. 0 when the rate is unlimited. */
uint64_t link_queue_bytes(const struct cell *cell);

#endif
