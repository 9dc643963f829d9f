/* Somebody on the way who resets connections of others: a middlebox that has had enough, or an
 * attacker who guesses. Called by sim_world.c. */
#ifndef TUNNY_SIM_SIM_FORGE_H
#define TUNNY_SIM_SIM_FORGE_H

#include "sim/sim_end.h"

/* A reset from the flow's server reaches its client, `distance` behind what the client expects
 * next. RFC 5961, 3.2: with 0 the connection must end, with anything else nothing may happen. */
void sim_forge_reset(struct sim_flow *flow, uint32_t distance);

#endif
