/* The link of one run as a process of its own. Called by run.c. */
#ifndef TUNNY_LAB_CABLE_H
#define TUNNY_LAB_CABLE_H

#include <stdint.h>
#include <sys/types.h>

struct cable_setup {
    pid_t near, far;    /* processes in the two namespaces */
    const char *impair; /* both directions */
    uint64_t seed;
    const char *capture; /* pcapng file; NULL: none */
};

struct cable {
    int channel; /* to the process */
};

/* What it did, direction by direction: 0 forward (near to far), 1 backward. */
struct cable_figures {
    uint64_t lost[2], full[2];
    double late_most_ms;
};

/* The kernel's own addresses at its ends: CABLE_NEAR on interface "lab-a", CABLE_FAR on "lab-b". */
#define CABLE_NEAR "198.18.1.1"
#define CABLE_FAR  "198.18.1.2"

/* Starts it, and returns when packets can be carried. 0; a negative errno with a sentence. */
int cable_start(const struct cable_setup *setup, struct cable *cable, char *error,
                size_t error_size);
/* Ends it in order and asks what it did. 0, or a negative errno. */
int cable_stop(struct cable *cable, struct cable_figures *figures);

#endif
