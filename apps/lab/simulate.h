/* One run in a simulated world instead of namespaces: the same link, our stack at both ends,
 * virtual time. Called by the schedule with --sim; it opens no device and needs no privilege. */
#ifndef TUNNY_LAB_SIMULATE_H
#define TUNNY_LAB_SIMULATE_H

#include "lab/record.h"

/* The kernel's TCP cannot be put into a world: whether this cell is ours alone. */
int simulate_can(const struct cell *cell);
/* Fills `result`. Both ends are ours, whatever the cell says of the peer. The same cell and repeat
 * give the same result on every machine. */
void simulate_cell(const struct cell *cell, uint64_t repeat, struct result *result);

#endif
