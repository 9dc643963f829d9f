/* An Ethernet interface (one end of a veth pair, say) as the end of a cable: every frame that
 * comes, whomever it is for, by packet(7). The engine wants IP packets, so the Ethernet header
 * stands behind the packet instead of before it: its 14 bytes travel and count along, as with netem
 * on such an interface. Used by link_ends.c; resolves no neighbours, that is for the hosts at both
 * ends. */
#ifndef TUNNY_DEV_FRAME_SOCKET_H
#define TUNNY_DEV_FRAME_SOCKET_H

#include "dev/dev.h"

enum { FRAME_TRAILER = 14 }; /* destination, source, type */

/* Whether super-segments go out whole too; that they come whole cannot be helped. */
enum frame_offload { FRAME_OFFLOAD, FRAME_NO_OFFLOAD };

/* Features: the MTU counts without the trailer. 0 and *device, or a negative errno with one
 * sentence in `error`. */
int frame_socket_open(const char *interface, enum frame_offload offload, struct device **device,
                      char *error, size_t error_size);

#endif
