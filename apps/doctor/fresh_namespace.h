/* Experiments that would change the machine if they were made in the open: each runs in a child of
 * its own, inside a network namespace that ends with it. Called by the checks of the kernel's
 * abilities; it must not know what is tried. */
#ifndef TUNNY_DOCTOR_FRESH_NAMESPACE_H
#define TUNNY_DOCTOR_FRESH_NAMESPACE_H

enum place {
    PLACE_HERE,              /* only a child */
    PLACE_NETWORK_NAMESPACE, /* needs CAP_SYS_ADMIN */
    PLACE_USER_NAMESPACE,    /* a user namespace and a network namespace in it */
};

struct experiment {
    int entered; /* 0, or the positive errno that kept the child out of the place */
    int error;   /* 0: it works; else a positive errno (when entered is 0) */
};

/* Runs `attempt`, which returns 0 or a positive errno, in a child at the place, and waits for it.
 */
struct experiment try_in(enum place place, int (*attempt)(void));

#endif
