/* The invariants of a world, looked at after every packet and every turn: what was delivered was
 * sent (sim_end.c); control blocks are sound; no text beyond the peer's window or the congestion
 * window; the right edge of a window never moves back; what was not dropped by name was kept; at
 * most one ACK for a segment; user timeouts are kept; memory comes back; nothing is said after the
 * end. Called from everywhere in sim/; does nothing in worlds that are not watched. */
#ifndef TUNNY_SIM_SIM_WATCH_H
#define TUNNY_SIM_SIM_WATCH_H

#include "sim/sim_port.h"

/* 0 or -ENOMEM. */
int sim_watch_open(struct sim_world *world);
void sim_watch_close(struct sim_world *world);

/* A stack is new, and has nobody yet; or is gone. */
void sim_watch_started(struct sim_host *host);
void sim_watch_stopped(struct sim_host *host);
/* The stack is about to get a packet; it has dealt with it. */
void sim_watch_arrival(struct sim_host *host, const struct packet *packet);
void sim_watch_arrival_done(struct sim_host *host);
/* The stack sends a packet, in one piece. */
void sim_watch_departure(struct sim_host *host, const struct packet *packet);
/* A connection ends because its user timeout is over. */
void sim_watch_gave_up(struct sim_host *host, const struct flow *flow);
/* A user made a call that may move a window. */
void sim_watch_user_called(struct sim_host *host);
void sim_watch_turn_done(struct sim_host *host);

/* All users have gone and all connections should have: what is left of the host's memory. */
void sim_watch_at_rest(struct sim_host *host);

#endif
