/* Steps into another network namespace and back, to open a device there: a descriptor keeps the
 * namespace in which it was made. Called by what opens the ends of a cable; the calling thread only
 * is moved. */
#ifndef TUNNY_DEV_NETWORK_NAMESPACE_H
#define TUNNY_DEV_NETWORK_NAMESPACE_H

#include <stddef.h>

/* `name`: as `ip netns` has it (/run/netns/NAME), a process id, or a path with a slash. 0 and the
 * way back; a negative errno with one sentence in `error`: then the thread is where it was. */
int network_namespace_enter(const char *name, int *way_back, char *error, size_t error_size);
/* Back again. 0, or a negative errno: then the thread is in the other namespace still. */
int network_namespace_leave(int way_back);

#endif
