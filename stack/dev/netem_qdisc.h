/* The other back end of a netem specification: the kernel's own qdisc, configured over rtnetlink(7)
 * field by field, so that an old tc that lacks an option does not matter. Called by netem_calls.c,
 * in the network namespace of the calling thread. */
#ifndef TUNNY_DEV_NETEM_QDISC_H
#define TUNNY_DEV_NETEM_QDISC_H

#include "dev/netem_config.h"
#include "dev/netlink.h"

/* The request that puts this netem at the root of interface number `index`. */
void netem_qdisc_request(const struct netem_config *config, int index, struct netlink_message *m);

/* Each takes the interface by name. 0, or a negative errno with one sentence in `error`: -ENOENT
 * the kernel has no netem, -ENODEV there is no such interface, -EPERM ... Blocks shortly. */

/* Takes the place of whatever qdisc is at the root; every wire packet of the kernel's TCP gets a
 * fate of its own (gso_max_segs 1), until the qdisc is cleared. */
int netem_qdisc_set(const char *interface, const struct netem_config *config, char *error,
                    size_t error_size);
/* The interface's own qdisc is back; no error where it was. */
int netem_qdisc_clear(const char *interface, char *error, size_t error_size);
/* Whether the running kernel takes a seed (Linux 6.6 and later): others ignore it silently. */
bool netem_qdisc_has_seed(void);

#endif
