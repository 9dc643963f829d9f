/* A folder as an HTML page. Called by the server's answers. */
#ifndef TUNNY_SERVE_LISTING_H
#define TUNNY_SERVE_LISTING_H

#include <stddef.h>

/* Makes the page of the folder `descriptor` (which stays open); `path` is its decoded name for the
 * title. At most 20000 entries, sorted. 0 with *page to be freed; a negative errno. */
int listing_make(int descriptor, const char *path, char **page, size_t *length);

#endif
