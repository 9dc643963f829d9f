/* Expressions of scripts to numbers, addresses and bytes. Called by the calls. All return false
 * after having told the world why not. */
#ifndef TUNNY_DRILL_VALUES_H
#define TUNNY_DRILL_VALUES_H

#include "world.h"

/* The nth argument (from 0) of the call, or NULL. */
const struct expr *argument(const struct call_spec *call, unsigned n);
/* A member by name, or NULL. */
const struct expr *member(const struct expr *expr, const char *name);

bool value_number(struct world *world, int line, const struct expr *expr, int64_t *value);
/* The number in [number], or a bare one. */
bool value_in_list(struct world *world, int line, const struct expr *expr, int64_t *value);
/* The nth argument as a number. */
bool value_argument(struct world *world, const struct attempt *attempt, unsigned n, int64_t *value);
/* A socket address: `...` is `otherwise`. */
bool value_address(struct world *world, int line, const struct expr *expr,
                   const struct place *otherwise, struct sockaddr_storage *address,
                   socklen_t *length);
/* The place as the script's sockets name it (IPv4-mapped over IPv6 sockets). */
socklen_t place_to_sockaddr(const struct world *world, const struct place *place, int family,
                            struct sockaddr_storage *address);

#endif
