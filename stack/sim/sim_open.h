/* How a user of a world comes to a connection: it listens and accepts, connects, sends a first text
 * that connects (RFC 7413), or connects to somebody who connects to it (RFC 9293, 3.5, figure 7).
 * Called by sim_end.c. */
#ifndef TUNNY_SIM_SIM_OPEN_H
#define TUNNY_SIM_SIM_OPEN_H

#include "sim/sim_end.h"

/* A server's listener, and the connection that came to it, which is taken no earlier than the
 * scenario says. */
void sim_open_listen(struct sim_end *end);
struct instant sim_open_accept_time(const struct sim_end *end);
void sim_open_accept(struct sim_end *end);

/* Connects; asks what has become of that. */
void sim_open_connect(struct sim_end *end);
void sim_open_ask(struct sim_end *end);
/* The handshake is complete: with Fast Open text may be sent before. */
bool sim_open_is_complete(const struct sim_end *end);

#endif
