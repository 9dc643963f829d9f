/* Standard input and output of nc. They are the shell's and may be shared with other programs: they
 * are polled and never made non-blocking. Called by nc_copy.c and nc_join.c. */
#ifndef TUNNY_NC_NC_STANDARD_H
#define TUNNY_NC_NC_STANDARD_H

#include <stddef.h>

/* Whether a descriptor has one of these events of poll() now. Does not block. */
int nc_is_ready(int descriptor, short events);

/* Bytes that standard output takes without blocking when it is writable: `most` if it is a file,
 * else what a pipe promises. */
size_t nc_output_most(size_t most);

#endif
