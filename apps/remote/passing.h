/* A message and descriptors over a UNIX socket (unix(7), SCM_RIGHTS). Called by whoever starts
 * programs on a stack or joins one. */
#ifndef TUNNY_REMOTE_PASSING_H
#define TUNNY_REMOTE_PASSING_H

#include <stddef.h>

/* Sends `count` (at most 4) descriptors with `data`. 0 or a negative errno. Blocks as the socket
 * does. */
int pass_send(int socket, const void *data, size_t size, const int *descriptors, unsigned count);
/* Receives a message of at most `size` bytes and at most `most` descriptors, which close on exec;
 * others are closed. The number of descriptors, or a negative errno (-ECONNRESET: nobody is there).
 */
int pass_receive(int socket, void *data, size_t size, int *descriptors, unsigned most);

#endif
