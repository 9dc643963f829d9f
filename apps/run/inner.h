/* The programs' own link: a TUN inside their network namespace, whose other end is the supervisor.
 * UDP and ICMP of the programs pass between it and the stack as packets of a guest (tunny.h); TCP,
 * which went past the filter, is answered by a reset: nothing leaves by another way. Called by the
 * loop. */
#ifndef TUNNY_RUN_INNER_H
#define TUNNY_RUN_INNER_H

#include <stddef.h>
#include <stdint.h>

#include "run/bridge.h"

/* What the namespace has sent. */
void inner_read(struct bridge *bridge);
/* What came for it. */
void inner_write(struct bridge *bridge);

/* The reset that answers a TCP segment (RFC 9293, 3.10.7.1), as a whole packet: its length; 0: the
 * packet is no TCP segment, or a reset itself, or too short. `answer` has room for 60 bytes. */
size_t inner_reset(const uint8_t *packet, size_t length, uint8_t *answer);

#endif
