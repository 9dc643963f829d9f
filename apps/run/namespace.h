/* The place where programs run: a network namespace (and, for an ordinary user, a user namespace
 * around it) whose only link is a TUN into the supervisor, and a mount namespace with a resolver
 * file that works in there (network_namespaces(7), user_namespaces(7)). Called in the child that
 * becomes the program, before it is executed. */
#ifndef TUNNY_RUN_NAMESPACE_H
#define TUNNY_RUN_NAMESPACE_H

#include <stddef.h>
#include <stdint.h>

struct namespace_config {
    const char *addresses; /* the stack's, with prefix lengths, separated by commas */
    const char *resolver;  /* a name server's address; NULL: the system's, if they can be reached */
    uint32_t mtu;          /* bytes; 0: the kernel's default */
    int has_no_link;       /* 1: no interface at all */
};

/* Moves this process into a place of its own. 0 and *link (non-blocking, close-on-exec; -1: none);
 * else a negative errno and a sentence. */
int namespace_make(const struct namespace_config *config, int *link, char *error,
                   size_t error_size);

/* A mount namespace whose /etc/resolv.conf names the server, and from which the system's resolver
 * daemons, which use another network, cannot be reached. 0 or a negative errno. */
int namespace_set_resolver(const char *resolver);

#endif
