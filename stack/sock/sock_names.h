/* The system's struct sockaddr to and from struct endpoint. IPv4 addresses look like ::ffff:a.b.c.d
 * to an AF_INET6 socket (RFC 4291, 2.5.5.2; RFC 3493, 3.7), which is how struct address keeps them
 * anyway. Called by the other files of sock/ and the resolver's caller; knows no sockets. */
#ifndef TUNNY_SOCK_SOCK_NAMES_H
#define TUNNY_SOCK_SOCK_NAMES_H

#include <netinet/in.h>

#include "wire/address.h"

/* Reads a name for a socket of `family`. 0; -EINVAL (too short, NULL), -EAFNOSUPPORT (of another
 * family: an AF_INET6 socket names IPv4 hosts by mapped addresses). */
int sock_name_read(const struct sockaddr *name, socklen_t length, int family, struct endpoint *e);

/* Writes the name of `e` as a socket of `family` sees it: at most *length bytes of it, then *length
 * is its full length (POSIX, accept). `name` may be NULL: nothing happens. */
void sock_name_write(const struct endpoint *e, int family, struct sockaddr *name,
                     socklen_t *length);

/* Any address of that family: 0.0.0.0 or ::. */
struct address sock_name_any(int family);

#endif
