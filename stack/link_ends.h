/* The ends of a link: what users call them, and the devices behind. Used by link_calls.c. */
#ifndef TUNNY_LINK_ENDS_H
#define TUNNY_LINK_ENDS_H

#include "dev/dev.h"
#include "tunny.h"

enum { LINK_NAME_SIZE = 128 };

struct link_ends {
    struct device *devices[TUNNY_LINK_ENDS];
    char names[TUNNY_LINK_ENDS][LINK_NAME_SIZE]; /* without addresses */
    unsigned count;
    size_t trailer; /* FRAME_TRAILER when the devices carry Ethernet frames, 0 for IP packets */
};

/* Opens all of them, in their namespaces. 0; a negative errno with one sentence in `error`: then
 * none is open. */
int link_ends_open(const struct tunny_link_config *config, struct link_ends *ends, char *error,
                   size_t error_size);
void link_ends_close(struct link_ends *ends);

#endif
