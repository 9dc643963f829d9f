/* What a flow may rely on: when nothing happened that may end a connection, it is complete. Called
 * by sim_world.c when all users are over. */
#ifndef TUNNY_SIM_SIM_PROMISE_H
#define TUNNY_SIM_SIM_PROMISE_H

#include "sim/sim_world.h"

/* Fails the world for a flow that ended with an error and has no excuse. */
void sim_promise_check(struct sim_world *world);

#endif
